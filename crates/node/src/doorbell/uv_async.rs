//! A bell straight on Node's event loop: libuv's `uv_async_t`.
//!
//! Node exports libuv, and Node-API gives the loop (`napi_get_uv_event_loop`), for exactly this. The handle is closed by an
//! asynchronous cleanup hook: an environment ends when all its handles are closed, and must not end before.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ffi::{c_int, c_void};
use std::ptr::{self, NonNull};

use napi::bindgen_prelude::{Function, check_status};
use napi::{Env, Error, JsValue, Result, sys};

use super::Bell;

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
    layout: Layout,
    /// The cleanup that waits for the handle to be closed.
    cleanup: sys::napi_async_cleanup_hook_handle,
}

/// libuv's `uv_async_t`, whose size only libuv knows.
#[repr(C)]
struct Handle {
    _opaque: [u8; 0],
}

/// The functions of libuv (<https://docs.libuv.org/en/v1.x/handle.html>, async.html) that are used here.
#[derive(Debug, Clone, Copy)]
struct Libuv {
    handle_size: unsafe extern "C" fn(c_int) -> usize,
    handle_set_data: unsafe extern "C" fn(*mut Handle, *mut c_void),
    ref_: unsafe extern "C" fn(*mut Handle),
    unref: unsafe extern "C" fn(*mut Handle),
    close: unsafe extern "C" fn(*mut Handle, unsafe extern "C" fn(*mut Handle)),
    async_init: unsafe extern "C" fn(
        *mut sys::uv_loop_s,
        *mut Handle,
        unsafe extern "C" fn(*mut Handle),
    ) -> c_int,
    async_send: unsafe extern "C" fn(*mut Handle) -> c_int,
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
        // SAFETY: takes no pointers.
        let size = unsafe { (libuv.handle_size)(UV_ASYNC) };
        let layout = Layout::from_size_align(size.max(1), align_of::<u128>())
            .expect("Bug: size of a uv_async_t");
        // SAFETY: the layout's size is not zero.
        let memory = unsafe { alloc_zeroed(layout) };
        let Some(handle) = NonNull::new(memory.cast::<Handle>()) else {
            handle_alloc_error(layout);
        };
        // SAFETY: the environment's loop on its own thread, and memory of the size that libuv has asked for.
        let error = unsafe { (libuv.async_init)(uv_loop, handle.as_ptr(), drain_queues) };
        if error != 0 {
            // SAFETY: allocated above with this layout; libuv has not kept it.
            unsafe { dealloc(memory, layout) };
            return Err(Error::from_reason(format!("uv_async_init: {error}")));
        }
        let call = Box::into_raw(Box::new(Call {
            env: env.raw(),
            drain: reference,
            context,
            libuv,
            layout,
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

impl Libuv {
    fn find() -> Option<Self> {
        #[cfg(unix)]
        let process = libloading::os::unix::Library::this();
        #[cfg(windows)]
        let process = libloading::os::windows::Library::this().ok()?;
        // SAFETY: these are the types that libuv 1.x documents and keeps. The process is never unloaded.
        unsafe {
            Some(Self {
                handle_size: *process.get(b"uv_handle_size\0").ok()?,
                handle_set_data: *process.get(b"uv_handle_set_data\0").ok()?,
                ref_: *process.get(b"uv_ref\0").ok()?,
                unref: *process.get(b"uv_unref\0").ok()?,
                close: *process.get(b"uv_close\0").ok()?,
                async_init: *process.get(b"uv_async_init\0").ok()?,
                async_send: *process.get(b"uv_async_send\0").ok()?,
            })
        }
    }
}

/// The handle's callback: runs on the environment's thread, once for any number of rings.
unsafe extern "C" fn drain_queues(handle: *mut Handle) {
    // SAFETY: libuv calls this between `async_init` and `closed`, on the environment's thread; the data was set right
    // after the former and is freed in the latter. Values are used in the scope that is opened here.
    unsafe {
        let Some(call) = call_of(handle).as_ref() else {
            return;
        };
        let env = call.env;
        let mut scope = ptr::null_mut();
        if sys::napi_open_handle_scope(env, &raw mut scope) != sys::Status::napi_ok {
            return;
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
        if status == sys::Status::napi_pending_exception {
            let mut exception = ptr::null_mut();
            sys::napi_get_and_clear_last_exception(env, &raw mut exception);
            sys::napi_fatal_exception(env, exception);
        }
        sys::napi_close_handle_scope(env, scope);
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
        dealloc(handle.cast(), call.layout);
        sys::napi_remove_async_cleanup_hook(call.cleanup);
    }
}

/// # Safety
/// The handle must be one of this file, not closed yet.
unsafe fn call_of(handle: *mut Handle) -> *mut Call {
    // SAFETY: libuv documents the data to be the first field of every handle.
    unsafe { *handle.cast::<*mut Call>() }
}

/// Of the enum `uv_handle_type`: the first in the list behind `UV_UNKNOWN_HANDLE`.
const UV_ASYNC: c_int = 1;
