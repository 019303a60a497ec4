//! A bell straight on Node's event loop: libuv's `uv_async_t`.
//!
//! The handle is closed by an asynchronous cleanup hook: an environment ends when all its handles are closed, and must not
//! end before.

use std::ffi::c_void;
use std::ptr::{self, NonNull};

use napi::bindgen_prelude::{Function, check_status};
use napi::{Env, Error, JsValue, Result, sys};

use super::Bell;
use crate::libuv::{Handle, Kind, Libuv, data_of};

/// A handle on the environment's loop, open until the environment ends.
#[derive(Debug)]
pub(super) struct UvAsync {
    libuv: Libuv,
    handle: NonNull<Handle>,
}

/// What the handle's callbacks need. Lives as long as the handle.
struct Call {
    env: sys::napi_env,
    drain: sys::napi_ref,
    context: sys::napi_async_context,
    libuv: Libuv,
    /// The cleanup that waits for the handle to be closed.
    cleanup: sys::napi_async_cleanup_hook_handle,
}

// SAFETY: `uv_async_send` may be called from any thread while the handle is open, which it is until a cleanup hook that
// runs after the one that joins every thread that rings. Everything else happens on the environment's thread.
unsafe impl Send for UvAsync {}
// SAFETY: as above; `uv_async_send` needs no exclusive access.
unsafe impl Sync for UvAsync {}

impl UvAsync {
    /// A bell that calls `drain`; `None` when this process does not export libuv.
    pub(super) fn new(env: Env, drain: &Function<'_, (), ()>) -> Result<Option<Self>> {
        let Some(libuv) = Libuv::find() else {
            return Ok(None);
        };
        let name = env.create_string(super::NAME)?;
        let (mut uv_loop, mut context, mut reference) =
            (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        // SAFETY: `env`, `name` and `drain` are live values of this call.
        unsafe {
            check_status!(sys::napi_get_uv_event_loop(env.raw(), &raw mut uv_loop))?;
            check_status!(sys::napi_async_init(
                env.raw(),
                ptr::null_mut(),
                name.raw(),
                &raw mut context
            ))?;
            check_status!(sys::napi_create_reference(
                env.raw(),
                drain.raw(),
                1,
                &raw mut reference
            ))?;
        }
        let handle = libuv.allocate(Kind::Async);
        // SAFETY: the environment's loop on its own thread, and memory of the size that libuv has asked for.
        let error = unsafe { (libuv.async_init)(uv_loop, handle.as_ptr(), drain_queues) };
        if error != 0 {
            // SAFETY: allocated above; libuv has not kept it.
            unsafe { libuv.free(handle.as_ptr(), Kind::Async) };
            return Err(Error::from_reason(format!("uv_async_init: {error}")));
        }
        let call = Box::into_raw(Box::new(Call {
            env: env.raw(),
            drain: reference,
            context,
            libuv,
            cleanup: ptr::null_mut(),
        }));
        // SAFETY: the handle is initialized. The hook closes it at the end of the environment; `closed` frees both it
        // and the call.
        unsafe {
            (libuv.handle_set_data)(handle.as_ptr(), call.cast());
            check_status!(sys::napi_add_async_cleanup_hook(
                env.raw(),
                Some(close),
                handle.as_ptr().cast(),
                &raw mut (*call).cleanup,
            ))?;
        }
        Ok(Some(Self { libuv, handle }))
    }
}

impl Bell for UvAsync {
    fn ring(&self) {
        // SAFETY: the handle is open while threads ring. It fails only for a handle of another kind.
        let _ = unsafe { (self.libuv.async_send)(self.handle.as_ptr()) };
    }

    fn drain_now(&self) -> bool {
        // SAFETY: the environment's thread, and thus before its end.
        unsafe { call_drain(self.handle.as_ptr()) }
    }

    fn hold(&self, _env: Env) -> Result<()> {
        // SAFETY: the environment's thread, and thus before its end.
        unsafe { (self.libuv.ref_)(self.handle.as_ptr()) };
        Ok(())
    }

    fn let_go(&self, _env: Env) -> Result<()> {
        // SAFETY: the environment's thread, and thus before its end.
        unsafe { (self.libuv.unref)(self.handle.as_ptr()) };
        Ok(())
    }
}

/// The handle's callback: runs on the environment's thread, once for any number of rings.
unsafe extern "C" fn drain_queues(handle: *mut Handle) {
    // SAFETY: libuv calls this between `async_init` and `closed`, on the environment's thread.
    unsafe { call_drain(handle) };
}

/// Calls `drain`; false when no JavaScript will run any more.
///
/// # Safety
/// The handle must be one of this file, not closed yet; on the environment's thread.
unsafe fn call_drain(handle: *mut Handle) -> bool {
    // SAFETY: the data was set right after `async_init` and is freed in `closed`. Values are used in the scope that is opened
    // here.
    unsafe {
        let Some(call) = call_of(handle).as_ref() else {
            return false;
        };
        let env = call.env;
        let mut scope = ptr::null_mut();
        if sys::napi_open_handle_scope(env, &raw mut scope) != sys::Status::napi_ok {
            return false;
        }
        let (mut drain, mut global, mut result) =
            (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        sys::napi_get_reference_value(env, call.drain, &raw mut drain);
        sys::napi_get_global(env, &raw mut global);
        // Runs promise jobs and `nextTick` callbacks too. `drain` does not throw; those may.
        let status = sys::napi_make_callback(
            env,
            call.context,
            global,
            drain,
            0,
            ptr::null(),
            &raw mut result,
        );
        let mut lives = true;
        if status == sys::Status::napi_pending_exception {
            let mut exception = ptr::null_mut();
            sys::napi_get_and_clear_last_exception(env, &raw mut exception);
            lives = sys::napi_fatal_exception(env, exception) == sys::Status::napi_ok;
        }
        sys::napi_close_handle_scope(env, scope);
        lives
    }
}

/// The environment's cleanup hook: nothing drains any longer.
unsafe extern "C" fn close(cleanup: sys::napi_async_cleanup_hook_handle, handle: *mut c_void) {
    let handle = handle.cast::<Handle>();
    // SAFETY: called once, on the environment's thread, with the open handle that the hook was registered with.
    unsafe {
        let call = call_of(handle);
        (*call).cleanup = cleanup;
        // Node deletes neither by itself. They fail only for what is not theirs.
        sys::napi_delete_reference((*call).env, (*call).drain);
        sys::napi_async_destroy((*call).env, (*call).context);
        ((*call).libuv.close)(handle, closed);
    }
}

/// libuv is done with the handle.
unsafe extern "C" fn closed(handle: *mut Handle) {
    // SAFETY: called once, by libuv, which does not touch the handle any more; both were allocated in `new`.
    unsafe {
        let call = Box::from_raw(call_of(handle));
        call.libuv.free(handle, Kind::Async);
        sys::napi_remove_async_cleanup_hook(call.cleanup);
    }
}

/// # Safety
/// The handle must be one of this file, not closed yet.
unsafe fn call_of(handle: *mut Handle) -> *mut Call {
    // SAFETY: initialized and not freed (contract).
    unsafe { data_of(handle).cast() }
}
