//! A bell by Node-API's own means: works in every runtime.
//!
//! It wakes JavaScript's thread while it holds a lock which that thread takes first of all: where both share a core that
//! costs two switches of threads more than [`uv_async`](super::uv_async).

use std::ffi::c_void;
use std::ptr;

use napi::bindgen_prelude::{Function, check_status};
use napi::{Env, JsValue, Result, sys};

use super::Bell;

/// A threadsafe function whose calls carry nothing: there is nothing to lose or to leak when Node drops them at the
/// end of an environment.
#[derive(Debug)]
pub(super) struct ThreadsafeFunction {
    function: sys::napi_threadsafe_function,
}

// SAFETY: a threadsafe function may be called from any thread until it is released, which happens with the environment,
// after the cleanup hook has joined every thread that rings.
unsafe impl Send for ThreadsafeFunction {}
// SAFETY: as above; calling needs no exclusive access.
unsafe impl Sync for ThreadsafeFunction {}

impl ThreadsafeFunction {
    /// A bell that calls `drain`.
    pub(super) fn new(env: Env, drain: &Function<'_, (), ()>) -> Result<Self> {
        let name = env.create_string(super::NAME)?;
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
        Ok(Self { function })
    }
}

impl Bell for ThreadsafeFunction {
    fn ring(&self) {
        // SAFETY: the function is alive while threads ring. It fails only when the environment is going down, and then
        // nobody is left to drain.
        let _ = unsafe {
            let mode = sys::ThreadsafeFunctionCallMode::nonblocking;
            sys::napi_call_threadsafe_function(self.function, ptr::null_mut(), mode)
        };
    }

    fn drain_now(&self) -> bool {
        // Nobody drives loops from a runtime without libuv.
        self.ring();
        true
    }

    fn hold(&self, env: Env) -> Result<()> {
        // SAFETY: the environment's thread, and thus before its end.
        check_status!(unsafe { sys::napi_ref_threadsafe_function(env.raw(), self.function) })
    }

    fn let_go(&self, env: Env) -> Result<()> {
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
