//! One Node environment (the main thread or a worker): its doorbell and its servers.
//!
//! Nothing here is shared between environments, and everything ends with one: a cleanup hook stops and joins the
//! threads of its servers. Node runs hooks in the reverse order of their registration, so this one, registered after
//! the doorbell was made, runs before the doorbell goes away.

use std::cell::RefCell;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

use gev_options::{Checked, config, protocol};
use gev_reactor::{Address, Command, Config, ConnectionId, LoopHandle, Pin, Reactor};
use napi::bindgen_prelude::{Function, Object, Unknown, check_status};
use napi::{Env, Error, JsValue, Result, sys};
use napi_derive::napi;

use crate::affinity;
use crate::allocator;
use crate::doorbell::Doorbell;
use crate::driver::{self, Driver};
use crate::error::{NativeError, native_error, start_error};
use crate::libuv::Libuv;
use crate::loans::Loans;
use crate::loop_bridge::LoopBridge;
use crate::memory::{Memory, Piece};
use crate::records;
use crate::sync::AtomicU32;
use crate::zone;

/// This environment's side of all its servers. One for each environment.
#[napi]
pub struct Environment {
    doorbell: Arc<Doorbell>,
    servers: Servers,
    /// Drives loops, where that is possible.
    libuv: Option<Libuv>,
}

/// A started server.
#[napi]
pub struct NativeServer {
    running: Shared<Option<Running>>,
    loops: Vec<LoopHandle>,
    /// Of each loop.
    loans: Vec<Arc<Loans>>,
    address: String,
    port: u32,
}

/// The loops of a server, and after them, as fields are dropped in this order, what keeps their memory.
struct Running {
    /// Drives the loop, if it has no thread.
    driver: Option<Driver>,
    /// Dropped, it aborts its loops and joins their threads.
    reactor: Reactor,
    _memory: Vec<Reference>,
}

/// Every server that was started in an environment and not joined since.
type Servers = Shared<Vec<Shared<Option<Running>>>>;

/// Shared within the environment's thread.
type Shared<T> = Rc<RefCell<T>>;

/// Keeps a value of JavaScript from the garbage collector as long as it lives. For the environment's thread, before the
/// environment's end: Node deletes none by itself.
struct Reference {
    env: sys::napi_env,
    raw: sys::napi_ref,
}

#[napi]
impl Environment {
    /// `drain` is called when there is something in the queues of any server; `pending` is a view of at least four
    /// bytes that are never detached, zero at first, 1 while a call of `drain` is on its way or running.
    /// `libuv`: the runtime is Node itself, whose event loop is libuv's.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        drain: Function<'_, (), ()>,
        pending: Unknown<'_>,
        libuv: bool,
    ) -> Result<Self> {
        let Piece { base, len } = view(&env, &pending)?;
        if len < 4 || base.align_offset(4) != 0 {
            return Err(Error::from_reason("Bug: `pending` is too short"));
        }
        let reference = Reference::new(&env, &pending)?;
        // SAFETY: at least four aligned bytes, which the reference keeps until the cleanup hook below has joined all threads
        // that ring; JavaScript accesses them with Atomics only.
        let pending = unsafe { AtomicU32::from_ptr(base.cast()) };
        // SAFETY: as above; and the cleanup hook below joins all threads that ring.
        let doorbell = Arc::new(unsafe { Doorbell::new(env, &drain, pending, libuv)? });
        let servers = Servers::default();
        env.add_env_cleanup_hook((Rc::clone(&servers), reference), |(servers, reference)| {
            for running in servers.take() {
                drop(running.take());
            }
            drop(reference);
        })?;
        Ok(Self {
            doorbell,
            servers,
            libuv: (libuv && driver::IS_POSSIBLE).then(Libuv::find).flatten(),
        })
    }

    /// Binds the port and starts the loops, one for each view in `control` (of `controlBytes()` zero bytes each) and its
    /// fellow in `events` (of `eventLoop.queueBytes`). `options` are those of a server as they were checked.
    #[napi(catch_unwind)]
    pub fn start(
        &self,
        env: Env,
        options: Object<'_>,
        control: Vec<Unknown<'_>>,
        events: Vec<Unknown<'_>>,
    ) -> std::result::Result<NativeServer, NativeError> {
        let options = Checked::new(options);
        let mut config = config(&options, zone::parse).map_err(native_error)?;
        config.pin = options.flag("pinLoops").then_some(affinity::pin as Pin);
        let threads = options.flag("threads");
        let bridges = self
            .bridges(&env, &options, &control, &events)
            .map_err(native_error)?;
        let memory = control
            .iter()
            .chain(&events)
            .map(|value| Reference::new(&env, value))
            .collect::<Result<Vec<_>>>();
        let memory = memory.map_err(native_error)?;
        let loans = bridges.iter().map(|it| Arc::clone(it.loans())).collect();
        let running = self.run(env, threads, config, bridges, memory)?;
        let (address, port) = match running.reactor.local_addr() {
            Address::Ip(address) => (zone::format(address), u32::from(address.port())),
            Address::Unix(path) => (path.to_string_lossy().into_owned(), 0),
        };
        let loops = running.reactor.loops().to_vec();
        let running = Rc::new(RefCell::new(Some(running)));
        let mut servers = self.servers.borrow_mut();
        servers.retain(|running| running.borrow().is_some());
        servers.push(Rc::clone(&running));
        Ok(NativeServer {
            running,
            loops,
            loans,
            address,
            port,
        })
    }

    /// Keeps the process alive.
    #[napi(catch_unwind)]
    pub fn hold(&self, env: Env) -> Result<()> {
        self.doorbell.hold(env)
    }

    /// Does not keep the process alive any longer.
    #[napi(catch_unwind)]
    pub fn let_go(&self, env: Env) -> Result<()> {
        self.doorbell.let_go(env)
    }

    /// Starts the loops, with threads or (one loop, where that is possible) without.
    fn run(
        &self,
        env: Env,
        threads: bool,
        config: Config,
        mut bridges: Vec<LoopBridge>,
        memory: Vec<Reference>,
    ) -> std::result::Result<Running, NativeError> {
        if let (false, Some(libuv), [_]) = (threads, self.libuv, bridges.as_slice()) {
            let (reactor, event_loop) =
                Reactor::start_driven(config, bridges.remove(0)).map_err(start_error)?;
            allocator::warm_up();
            let doorbell = Arc::clone(&self.doorbell);
            let driver = Driver::new(env, event_loop, doorbell, libuv)?;
            return Ok(Running {
                driver: Some(driver),
                reactor,
                _memory: memory,
            });
        }
        Ok(Running {
            driver: None,
            reactor: Reactor::start(config, bridges).map_err(start_error)?,
            _memory: memory,
        })
    }

    fn bridges(
        &self,
        env: &Env,
        options: &Checked<'_>,
        control: &[Unknown<'_>],
        events: &[Unknown<'_>],
    ) -> Result<Vec<LoopBridge>> {
        let queue_bytes = options.group("eventLoop").number("queueBytes");
        let slots = options.group("limits").number("maxConnections");
        options.verdict()?;
        let bridges = control.iter().zip(events).map(|(control, events)| {
            let (control, events) = (view(env, control)?, view(env, events)?);
            // SAFETY: `start` makes references that keep the memory until `join`, or the environment's cleanup hook, has
            // ended the loops; JavaScript accesses it by the rules of `memory`.
            let memory = unsafe { Memory::new(control, events, queue_bytes, slots) };
            let memory =
                memory.ok_or_else(|| Error::from_reason("Bug: memory does not fit its layout"))?;
            // SAFETY: JavaScript makes new memory for each loop, so this is its only bridge.
            Ok(unsafe { LoopBridge::new(memory, Arc::clone(&self.doorbell)) })
        });
        bridges.collect()
    }
}

#[napi]
impl NativeServer {
    /// The IP address that the server listens on, with its zone if it needs one; or the path.
    #[napi(getter)]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The port that the server listens on; 0 for a path.
    #[napi(getter)]
    pub fn port(&self) -> u32 {
        self.port
    }

    /// Ends the sleep of a loop.
    #[napi(catch_unwind)]
    pub fn wake(&self, event_loop: u32) {
        if let Some(running) = self.running.borrow().as_ref()
            && let Some(driver) = &running.driver
        {
            driver.wake();
            return;
        }
        if let Some(event_loop) = self.loops.get(event_loop as usize) {
            event_loop.wake();
        }
    }

    /// Ends a loop at once: without goodbyes, and without telling anybody.
    #[napi(catch_unwind)]
    pub fn abort(&self, event_loop: u32) {
        if let Some(aborted) = self.loops.get(event_loop as usize) {
            aborted.abort();
        }
        self.wake(event_loop);
    }

    /// Sends a Uint8Array at once, behind all that is in the queue of commands: `kind` is the first word of a command that sends.
    /// What of it the kernel does not take is copied. False when that cannot be, as the loop has a thread or has to be left alone.
    /// `take`: the memory is not needed any more, and goes at once.
    #[napi(catch_unwind)]
    pub fn send_now(
        &self,
        env: Env,
        slot: u32,
        generation: u32,
        kind: u32,
        bytes: Unknown<'_>,
        take: bool,
    ) -> Result<bool> {
        let Piece { base, len } = view(&env, &bytes)?;
        let running = self.running.borrow();
        let Some(driver) = running.as_ref().and_then(|it| it.driver.as_ref()) else {
            return Ok(false);
        };
        let payload = match len {
            0 => &[],
            // SAFETY: memory of a live value of this call, in which no JavaScript runs that could write to it.
            _ => unsafe { std::slice::from_raw_parts(base, len) },
        };
        let is_done = driver.run_now(Command {
            id: ConnectionId { slot, generation },
            kind: records::command_kind(kind),
            payload,
            loan: None,
        });
        if is_done && take {
            detach(&env, &bytes)?;
        }
        Ok(is_done)
    }

    /// Makes a Uint8Array known that a loop may be lent, by the number that this returns. JavaScript keeps it, and where it is,
    /// until it is forgotten or the loop has ended, and does not write to it while it is lent.
    #[napi(catch_unwind)]
    pub fn register(&self, env: Env, event_loop: u32, memory: Unknown<'_>) -> Result<u32> {
        let piece = view(&env, &memory)?;
        let loans = self.loans.get(event_loop as usize);
        let loans = loans.ok_or_else(|| Error::from_reason("Bug: no such loop"))?;
        // SAFETY: what this method asks of JavaScript is what `register` asks for.
        Ok(unsafe { loans.register(piece) })
    }

    /// Forgets what was registered with this number, and is not lent. Its memory goes at once, not when JavaScript collects its
    /// garbage.
    #[napi(catch_unwind)]
    pub fn forget(
        &self,
        env: Env,
        event_loop: u32,
        number: u32,
        memory: Unknown<'_>,
    ) -> Result<()> {
        if let Some(loans) = self.loans.get(event_loop as usize) {
            loans.forget(number);
        }
        detach(&env, &memory)
    }

    /// Makes the protocol in these options known, which are those of the server otherwise, so that its connections may change to
    /// it: by the number that this returns. The one with the number `instead`, if there is one, is forgotten: no change to it
    /// may be under way.
    #[napi(catch_unwind)]
    pub fn add_protocol(&self, options: Object<'_>, instead: i32) -> Result<u32> {
        let config = protocol(&Checked::new(options))?;
        let running = self.running.borrow();
        let reactor = running.as_ref().map(|running| &running.reactor);
        reactor
            .map(|reactor| reactor.add_protocol(config, instead as u32))
            .ok_or_else(|| Error::from_reason("Bug: the server does not run"))
    }

    /// Bytes that all connections hold, in and out.
    #[napi]
    pub fn held(&self) -> f64 {
        let running = self.running.borrow();
        running
            .as_ref()
            .map_or(0.0, |running| running.reactor.held() as f64)
    }

    /// JavaScript keeps so many bytes for all connections now. Returns how many more they may hold, infinitely many
    /// without a limit.
    #[napi]
    pub fn tell_kept(&self, bytes: f64) -> f64 {
        let running = self.running.borrow();
        let left = running
            .as_ref()
            .and_then(|running| running.reactor.tell_kept(bytes as u64));
        left.map_or(f64::INFINITY, |left| left as f64)
    }

    /// Waits for the threads of all loops, which have said that they end, and lets their memory go.
    #[napi(catch_unwind)]
    pub fn join(&mut self) {
        drop(self.running.take());
        // Their descriptors need not wait for the garbage collector.
        self.loops.clear();
    }
}

/// What the JavaScript around an addon has to have in `RECORDS_VERSION`.
#[napi(catch_unwind)]
pub fn records_version() -> String {
    records::version()
}

/// The memory of a Uint8Array is not needed any more, and goes at once.
#[napi(catch_unwind)]
pub fn free_memory(env: Env, memory: Unknown<'_>) -> Result<()> {
    detach(&env, &memory)
}

/// Gives memory that nobody has back to the system, if that is much: see `allocator.rs`.
#[napi(catch_unwind)]
pub fn trim_memory() -> f64 {
    allocator::trim() as f64
}

/// Has the worker with this number get no more connections of its pool. Those that its loop has not looked at go to the others.
#[napi(catch_unwind)]
pub fn dismiss(pool: u32, member: u32) {
    gev_reactor::dismiss(pool, member);
}

/// Bytes of memory for a loop with queues of `queueBytes` and slots for `maxConnections`, besides its event queue.
#[napi(catch_unwind)]
pub fn control_bytes(queue_bytes: u32, max_connections: u32) -> f64 {
    Memory::control_bytes(queue_bytes as usize, max_connections as usize) as f64
}

/// The bytes of a typed array. Their address never changes as long as the buffer behind is not detached.
pub(crate) fn view(env: &Env, value: &Unknown<'_>) -> Result<Piece> {
    let (mut kind, mut len, mut data) = (0, 0, ptr::null_mut());
    // SAFETY: live values of this call; a value that is no typed array gives an error status.
    let status = unsafe {
        sys::napi_get_typedarray_info(
            env.raw(),
            value.raw(),
            &raw mut kind,
            &raw mut len,
            &raw mut data,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    check_status!(status)?;
    if kind != sys::TypedarrayType::uint8_array {
        return Err(Error::from_reason("Bug: not a Uint8Array"));
    }
    let base = data.cast();
    Ok(Piece { base, len })
}

/// Takes the memory of a typed array away.
fn detach(env: &Env, value: &Unknown<'_>) -> Result<()> {
    let mut buffer = ptr::null_mut();
    // SAFETY: live values of this call; a value that is no typed array gives an error status, and nothing is asked for but
    // the buffer.
    check_status!(unsafe {
        sys::napi_get_typedarray_info(
            env.raw(),
            value.raw(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            &raw mut buffer,
            ptr::null_mut(),
        )
    })?;
    // SAFETY: the buffer of a typed array, live in this call.
    check_status!(unsafe { sys::napi_detach_arraybuffer(env.raw(), buffer) })
}

impl Reference {
    fn new(env: &Env, value: &Unknown<'_>) -> Result<Self> {
        let mut raw = ptr::null_mut();
        // SAFETY: live values of this call.
        check_status!(unsafe {
            sys::napi_create_reference(env.raw(), value.raw(), 1, &raw mut raw)
        })?;
        Ok(Self {
            env: env.raw(),
            raw,
        })
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // SAFETY: made in this environment, which has not ended, on this thread; deleted once. It fails for no others.
        let _ = unsafe { sys::napi_delete_reference(self.env, self.raw) };
    }
}
