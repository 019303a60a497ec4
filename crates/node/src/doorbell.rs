//! The one call from event loops into an environment: "there is something in the queues".
//!
//! One threadsafe function for each environment, whose calls carry nothing. A flag shared with JavaScript, `pending`, is
//! 1 from the first ring to the end of the drain that answers it, so that any number of rings costs one call. With
//! nothing in the calls there is nothing to lose or to leak when Node drops them at the end of an environment.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use napi::bindgen_prelude::{Function, check_status};
use napi::{Env, JsValue, Result, sys};

/// Rings from any thread; everything else is for the environment's thread.
#[derive(Debug)]
pub(crate) struct Doorbell {
    function: sys::napi_threadsafe_function,
    /// In memory that JavaScript shares; valid as long as the environment.
    pending: &'static AtomicU32,
}

// SAFETY: a threadsafe function may be called from any thread until it is released, which happens with the environment,
// after the cleanup hook has joined every thread that rings. `pending` is an atomic.
unsafe impl Send for Doorbell {}
// SAFETY: as above; `ring` needs no exclusive access.
unsafe impl Sync for Doorbell {}

impl Doorbell {
    /// A doorbell that calls `drain`. It does not keep the process alive until [`hold`](Self::hold) is called.
    ///
    /// # Safety
    /// `pending` must be valid as long as the environment lives, and no thread may ring after the environment's
    /// cleanup hooks have run.
    pub(crate) unsafe fn new(
        env: Env,
        drain: &Function<'_, (), ()>,
        pending: &'static AtomicU32,
    ) -> Result<Self> {
        let name = env.create_string("gev doorbell")?;
        let mut function = ptr::null_mut();
        // SAFETY: `env`, `drain` and `name` are live values of this call; the queue is unbounded (0) as at most one call
        // is in it, and one thread is counted: the environment's own, which never releases.
        let status = unsafe {
            sys::napi_create_threadsafe_function(
                env.raw(),
                drain.raw(),
                ptr::null_mut(),
                name.raw(),
                0,
                1,
                ptr::null_mut(),
                None,
                ptr::null_mut(),
                Some(call_drain),
                &raw mut function,
            )
        };
        check_status!(status)?;
        let doorbell = Self { function, pending };
        doorbell.let_go(env)?;
        Ok(doorbell)
    }

    /// Makes JavaScript drain the queues soon. Any thread.
    pub(crate) fn ring(&self) {
        if self.pending.swap(1, SeqCst) == 1 {
            return;
        }
        // SAFETY: the function is alive while threads ring (contract of `new`). It fails only when the environment is
        // going down, and then nobody is left to drain.
        let _ = unsafe {
            let mode = sys::ThreadsafeFunctionCallMode::nonblocking;
            sys::napi_call_threadsafe_function(self.function, ptr::null_mut(), mode)
        };
    }

    /// Keeps the process alive.
    pub(crate) fn hold(&self, env: Env) -> Result<()> {
        // SAFETY: the environment's thread, and thus before its end.
        check_status!(unsafe { sys::napi_ref_threadsafe_function(env.raw(), self.function) })
    }

    /// Does not keep the process alive any longer.
    pub(crate) fn let_go(&self, env: Env) -> Result<()> {
        // SAFETY: the environment's thread, and thus before its end.
        check_status!(unsafe { sys::napi_unref_threadsafe_function(env.raw(), self.function) })
    }
}

/// Runs on the environment's thread for each call. `env` is null when the environment is going down.
unsafe extern "C" fn call_drain(
    env: sys::napi_env,
    drain: sys::napi_value,
    _context: *mut c_void,
    _data: *mut c_void,
) {
    if env.is_null() || drain.is_null() {
        return;
    }
    let (mut undefined, mut result) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: Node calls this with a live environment, in a handle scope of its own. `drain` catches what handlers
    // throw; a pending exception after this call would be a bug of ours, and Node reports it.
    unsafe {
        sys::napi_get_undefined(env, &raw mut undefined);
        sys::napi_call_function(env, undefined, drain, 0, ptr::null(), &raw mut result);
    }
}
