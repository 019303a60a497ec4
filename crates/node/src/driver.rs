//! A loop without a thread of its own: Node's event loop drives it, on the thread of the handlers.
//!
//! Where there is one core, a second thread has nothing to win, and every message costs two switches of threads. The loop's
//! poll is a file descriptor (of epoll or kqueue) that Node's loop watches like any other; a timer is set for the loop's next
//! deadline, and what a turn has left over goes on when Node's loop is idle.
//!
//! ```text
//!   Node's loop: poll, timer, idle --> turn --> drain (JavaScript) --> attend: commands, writes --> rest
//!   JavaScript, outside of a drain: wake --> attend (its events are drained soon) --> rest
//! ```

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::fmt;
use std::ptr::{self, NonNull};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gev_reactor::{Command, EventLoop, Turn, guard};
use napi::bindgen_prelude::check_status;
use napi::{Env, Error, sys};

use crate::doorbell::Doorbell;
use crate::error::{NativeError, libuv_error, native_error};
use crate::libuv::{Handle, Kind, Libuv, UV_READABLE, data_of};
use crate::loop_bridge::LoopBridge;

/// Drives a loop until it is dropped, or the environment ends. All of it is for the environment's thread.
#[derive(Debug)]
pub(crate) struct Driver {
    driven: Rc<Driven>,
}

/// Shared with the callbacks. Handles keep it alive until they are closed.
struct Driven {
    /// None when the driver is closed.
    event_loop: RefCell<Option<EventLoop<LoopBridge>>>,
    doorbell: Arc<Doorbell>,
    libuv: Libuv,
    poll: NonNull<Handle>,
    timer: NonNull<Handle>,
    idle: NonNull<Handle>,
    /// When the timer is going to fire.
    due: Cell<Option<Instant>>,
    /// What Node's loop has called for is not done.
    is_driving: Cell<bool>,
    /// The loop has come to its end, or failed.
    ended: Cell<bool>,
    /// What it failed with, until JavaScript has been told.
    failure: RefCell<Option<String>>,
    open_handles: Cell<u32>,
    /// The cleanup hook that waits for the handles to be closed.
    cleanup: Cell<sys::napi_async_cleanup_hook_handle>,
}

impl Driver {
    /// Begins to drive. The handles do not keep the process alive: the doorbell does, if the server wants it.
    pub(crate) fn new(
        env: Env,
        event_loop: EventLoop<LoopBridge>,
        doorbell: Arc<Doorbell>,
        libuv: Libuv,
    ) -> Result<Self, NativeError> {
        let mut uv_loop = ptr::null_mut();
        // SAFETY: a live environment.
        let status = unsafe { sys::napi_get_uv_event_loop(env.raw(), &raw mut uv_loop) };
        check_status!(status).map_err(native_error)?;
        let descriptor = event_loop
            .descriptor()
            .ok_or_else(|| native_error(Error::from_reason("Bug: a loop that cannot be driven")))?;
        let poll = libuv.allocate(Kind::Poll);
        // SAFETY: the environment's loop on its own thread, memory of the sizes that libuv has asked for, and a descriptor
        // that is open as long as the handle is: `close` closes the handle first.
        let error = unsafe { (libuv.poll_init)(uv_loop, poll.as_ptr(), descriptor) };
        if error != 0 {
            // SAFETY: allocated above; libuv has not kept it.
            unsafe { libuv.free(poll.as_ptr(), Kind::Poll) };
            return Err(libuv_error(error));
        }
        let (timer, idle) = (libuv.allocate(Kind::Timer), libuv.allocate(Kind::Idle));
        let driven = Rc::new(Driven {
            event_loop: RefCell::new(Some(event_loop)),
            doorbell,
            libuv,
            poll,
            timer,
            idle,
            due: Cell::new(None),
            is_driving: Cell::new(false),
            ended: Cell::new(false),
            failure: RefCell::new(None),
            open_handles: Cell::new(3),
            cleanup: Cell::new(ptr::null_mut()),
        });
        // SAFETY: the handles are initialized here or above, and each gets a share of `driven`, which its close callback
        // gives back. None of this fails for a handle that was just initialized.
        unsafe {
            (libuv.timer_init)(uv_loop, timer.as_ptr());
            (libuv.idle_init)(uv_loop, idle.as_ptr());
            for handle in [poll, timer, idle] {
                let share = Rc::into_raw(Rc::clone(&driven)).cast_mut();
                (libuv.handle_set_data)(handle.as_ptr(), share.cast());
                (libuv.unref)(handle.as_ptr());
            }
            (libuv.poll_start)(poll.as_ptr(), UV_READABLE, on_readable);
            let mut cleanup = ptr::null_mut();
            let data = Rc::as_ptr(&driven).cast_mut().cast();
            let status = sys::napi_add_async_cleanup_hook(
                env.raw(),
                Some(on_cleanup),
                data,
                &raw mut cleanup,
            );
            driven.cleanup.set(cleanup);
            if let Err(error) = check_status!(status) {
                driven.close();
                return Err(native_error(error));
            }
        }
        driven.rest();
        Ok(Self { driven })
    }

    /// There are commands, or there is room for events. From JavaScript.
    pub(crate) fn wake(&self) {
        self.driven.step(Step::Attend, false);
        self.driven.rest();
    }

    /// Has the loop do at once, behind all that is in its queue, what this command says. False when it cannot. From JavaScript.
    pub(crate) fn run_now(&self, command: Command<'_>) -> bool {
        let is_done = self.driven.run_now(command);
        if !self.driven.is_driving.get() {
            // Nobody else is going to look what has come of it.
            self.wake();
        }
        is_done
    }
}

impl Drop for Driver {
    /// Ends the loop, wherever it is.
    fn drop(&mut self) {
        self.driven.close();
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Turn,
    Attend,
}

impl Driven {
    fn run_now(&self, command: Command<'_>) -> bool {
        // Borrowed when the loop is at work: then JavaScript was not to run.
        let Ok(mut slot) = self.event_loop.try_borrow_mut() else {
            return false;
        };
        let Some(event_loop) = slot.as_mut().filter(|_| !self.ended.get()) else {
            return false;
        };
        let is_done = guard(|| Ok(event_loop.run_now(command)));
        is_done.unwrap_or_else(|message| {
            self.fail(message);
            true
        })
    }

    /// Called by Node's loop: there is something to do.
    fn drive(&self) {
        self.is_driving.set(true);
        self.pass();
        self.is_driving.set(false);
        self.rest();
    }

    /// Turn, drain and commands.
    fn pass(&self) {
        let mut due = self.step(Step::Turn, true);
        for _ in 0..PASSES {
            if !due {
                break;
            }
            if !self.doorbell.drain_now() {
                self.leave_pool();
                return;
            }
            due = self.step(Step::Attend, true);
        }
        if due {
            // Node's own timers and sockets have their turn first.
            self.doorbell.drain_soon();
        }
    }

    /// Runs the loop once; true when a drain is due, which only the caller knows of: if `quiet`, else the doorbell rings.
    fn step(&self, step: Step, quiet: bool) -> bool {
        // Borrowed when the loop is at work already: then it will see what there is.
        let Ok(mut slot) = self.event_loop.try_borrow_mut() else {
            return false;
        };
        let Some(event_loop) = slot.as_mut() else {
            return false;
        };
        event_loop.bridge_mut().set_quiet(quiet);
        if !self.ended.get() {
            let turn = guard(|| {
                let turn = match step {
                    Step::Turn => event_loop.turn(Some(Duration::ZERO))?,
                    Step::Attend => event_loop.attend()?,
                };
                event_loop.announce();
                Ok(turn)
            });
            match turn {
                Ok(Turn::Running) => {}
                Ok(Turn::Ended) => self.end(),
                Err(message) => self.fail(message),
            }
        }
        let mut failure = self.failure.borrow_mut();
        // If there is no room, the drain makes some.
        let report = failure
            .as_deref()
            .map(|message| guard(|| Ok(event_loop.try_report_end(message))));
        if let Some(Ok(true) | Err(_)) = report {
            *failure = None;
        }
        event_loop.bridge_mut().take_due()
    }

    /// Sees to it that the loop is looked after when it has to be at the latest.
    fn rest(&self) {
        if self.ended.get() {
            if self.failure.borrow().is_none() {
                self.close();
            } else if self.event_loop.borrow().is_some() {
                // There was no room to say so; the drains that make some come with Node's loop.
                // SAFETY: the handle is open, as the loop is there.
                unsafe { (self.libuv.idle_start)(self.idle.as_ptr(), on_idle) };
            }
            return;
        }
        let Ok(mut slot) = self.event_loop.try_borrow_mut() else {
            return;
        };
        let Some(wait) = slot.as_mut().and_then(EventLoop::rest) else {
            return;
        };
        if wait.is_zero() {
            // A timer for now could keep Node's loop from all else.
            // SAFETY: the handle is open, as the loop is there.
            unsafe { (self.libuv.idle_start)(self.idle.as_ptr(), on_idle) };
            return;
        }
        let at = Instant::now() + wait;
        if self.due.get().is_some_and(|due| due <= at) {
            return;
        }
        self.due.set(Some(at));
        // What comes early, as libuv's clock stands still while JavaScript runs, is set again.
        let ms = wait.as_nanos().div_ceil(1_000_000) as u64;
        // SAFETY: the handle is open, as the loop is there.
        unsafe { (self.libuv.timer_start)(self.timer.as_ptr(), on_timer, ms, 0) };
    }

    /// JavaScript has been ended in the midst of what it did, and the environment is going to end: who has not been looked at
    /// need not go with it.
    fn leave_pool(&self) {
        if let Ok(mut slot) = self.event_loop.try_borrow_mut()
            && let Some(event_loop) = slot.as_mut()
        {
            event_loop.leave_pool();
        }
    }

    fn end(&self) {
        self.ended.set(true);
        self.stop_handles();
    }

    fn fail(&self, message: String) {
        self.end();
        *self.failure.borrow_mut() = Some(message);
    }

    fn stop_handles(&self) {
        // SAFETY: the handles are open, as the loop is there.
        unsafe {
            (self.libuv.poll_stop)(self.poll.as_ptr());
            (self.libuv.timer_stop)(self.timer.as_ptr());
            (self.libuv.idle_stop)(self.idle.as_ptr());
        }
    }

    fn close(&self) {
        let Some(event_loop) = self.event_loop.take() else {
            return;
        };
        // SAFETY: the handles are open, as the loop is there, and closed once. libuv stops to watch the descriptor at once.
        unsafe {
            (self.libuv.close)(self.poll.as_ptr(), on_closed);
            (self.libuv.close)(self.timer.as_ptr(), on_closed);
            (self.libuv.close)(self.idle.as_ptr(), on_closed);
        }
        drop(event_loop);
    }
}

impl fmt::Debug for Driven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driven")
            .field("ended", &self.ended.get())
            .finish_non_exhaustive()
    }
}

unsafe extern "C" fn on_readable(handle: *mut Handle, _status: c_int, _events: c_int) {
    // SAFETY: an open handle of this file.
    unsafe { share_of(handle) }.drive();
}

unsafe extern "C" fn on_timer(handle: *mut Handle) {
    // SAFETY: an open handle of this file.
    let driven = unsafe { share_of(handle) };
    driven.due.set(None);
    driven.drive();
}

unsafe extern "C" fn on_idle(handle: *mut Handle) {
    // SAFETY: an open handle of this file.
    unsafe {
        let driven = share_of(handle);
        (driven.libuv.idle_stop)(handle);
        driven.drive();
    }
}

/// libuv is done with a handle.
unsafe extern "C" fn on_closed(handle: *mut Handle) {
    // SAFETY: called once for each handle, which libuv does not touch any more; gives back the share that it was given.
    unsafe {
        let driven = Rc::from_raw(data_of(handle).cast::<Driven>());
        let kind = if handle == driven.poll.as_ptr() {
            Kind::Poll
        } else if handle == driven.timer.as_ptr() {
            Kind::Timer
        } else {
            Kind::Idle
        };
        driven.libuv.free(handle, kind);
        driven.open_handles.set(driven.open_handles.get() - 1);
        if driven.open_handles.get() == 0 && !driven.cleanup.get().is_null() {
            sys::napi_remove_async_cleanup_hook(driven.cleanup.get());
        }
    }
}

/// The environment ends.
unsafe extern "C" fn on_cleanup(cleanup: sys::napi_async_cleanup_hook_handle, data: *mut c_void) {
    // SAFETY: the handles are not closed yet, as the hook is still there, and keep it alive; the share that is made here keeps
    // it while it closes them.
    let driven = unsafe {
        Rc::increment_strong_count(data.cast::<Driven>());
        Rc::from_raw(data.cast::<Driven>())
    };
    driven.cleanup.set(cleanup);
    driven.close();
}

/// A share of what drives, so that it outlives whatever JavaScript does meanwhile.
///
/// # Safety
/// The handle must be one of this file, not closed yet.
unsafe fn share_of(handle: *mut Handle) -> Rc<Driven> {
    // SAFETY: the data was set in `Driver::new`, to a share that is given back when the handle is closed.
    unsafe {
        let data = data_of(handle).cast::<Driven>();
        Rc::increment_strong_count(data);
        Rc::from_raw(data)
    }
}

/// Whether loops can be driven: on Windows their polls are nothing that Node's loop could watch.
pub(crate) const IS_POSSIBLE: bool = cfg!(unix);

/// How often JavaScript drains and the loop goes on before Node's loop has its turn.
const PASSES: usize = 4;
