//! The few functions of libuv that are used here, found in the process at run time.
//!
//! Node exports libuv, and Node-API gives the loop (`napi_get_uv_event_loop`), for exactly this. Other runtimes have functions
//! of these names that do not work: who asks has to know that the runtime is Node.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ffi::{c_int, c_void};
use std::ptr::NonNull;

use napi::sys;

/// A handle of any kind, whose size only libuv knows.
#[repr(C)]
pub(crate) struct Handle {
    _opaque: [u8; 0],
}

/// The functions, by their names without `uv_` (<https://docs.libuv.org/en/v1.x/api.html>).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Libuv {
    handle_size: unsafe extern "C" fn(c_int) -> usize,
    pub(crate) handle_set_data: unsafe extern "C" fn(*mut Handle, *mut c_void),
    pub(crate) ref_: unsafe extern "C" fn(*mut Handle),
    pub(crate) unref: unsafe extern "C" fn(*mut Handle),
    pub(crate) close: unsafe extern "C" fn(*mut Handle, unsafe extern "C" fn(*mut Handle)),
    pub(crate) async_init: unsafe extern "C" fn(
        *mut sys::uv_loop_s,
        *mut Handle,
        unsafe extern "C" fn(*mut Handle),
    ) -> c_int,
    pub(crate) async_send: unsafe extern "C" fn(*mut Handle) -> c_int,
    pub(crate) poll_init: unsafe extern "C" fn(*mut sys::uv_loop_s, *mut Handle, c_int) -> c_int,
    pub(crate) poll_start: unsafe extern "C" fn(
        *mut Handle,
        c_int,
        unsafe extern "C" fn(*mut Handle, c_int, c_int),
    ) -> c_int,
    pub(crate) poll_stop: unsafe extern "C" fn(*mut Handle) -> c_int,
    pub(crate) timer_init: unsafe extern "C" fn(*mut sys::uv_loop_s, *mut Handle) -> c_int,
    pub(crate) timer_start:
        unsafe extern "C" fn(*mut Handle, unsafe extern "C" fn(*mut Handle), u64, u64) -> c_int,
    pub(crate) timer_stop: unsafe extern "C" fn(*mut Handle) -> c_int,
    pub(crate) idle_init: unsafe extern "C" fn(*mut sys::uv_loop_s, *mut Handle) -> c_int,
    pub(crate) idle_start:
        unsafe extern "C" fn(*mut Handle, unsafe extern "C" fn(*mut Handle)) -> c_int,
    pub(crate) idle_stop: unsafe extern "C" fn(*mut Handle) -> c_int,
}

/// Kinds of handles, with the numbers that they have in the enum `uv_handle_type`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Async = 1,
    Idle = 6,
    Poll = 8,
    Timer = 13,
}

impl Libuv {
    /// `None` when this process does not export libuv.
    pub(crate) fn find() -> Option<Self> {
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
                poll_init: *process.get(b"uv_poll_init\0").ok()?,
                poll_start: *process.get(b"uv_poll_start\0").ok()?,
                poll_stop: *process.get(b"uv_poll_stop\0").ok()?,
                timer_init: *process.get(b"uv_timer_init\0").ok()?,
                timer_start: *process.get(b"uv_timer_start\0").ok()?,
                timer_stop: *process.get(b"uv_timer_stop\0").ok()?,
                idle_init: *process.get(b"uv_idle_init\0").ok()?,
                idle_start: *process.get(b"uv_idle_start\0").ok()?,
                idle_stop: *process.get(b"uv_idle_stop\0").ok()?,
            })
        }
    }

    /// Zeroed memory for a handle, to be given back with [`free`](Self::free).
    pub(crate) fn allocate(&self, kind: Kind) -> NonNull<Handle> {
        let layout = self.layout(kind);
        // SAFETY: the layout's size is not zero.
        let memory = unsafe { alloc_zeroed(layout) };
        NonNull::new(memory.cast::<Handle>()).unwrap_or_else(|| handle_alloc_error(layout))
    }

    /// # Safety
    /// `handle` must be from [`allocate`](Self::allocate) with this kind, and libuv must be done with it: it was never
    /// initialized, or its close callback has been called.
    pub(crate) unsafe fn free(&self, handle: *mut Handle, kind: Kind) {
        // SAFETY: allocated with this layout (contract).
        unsafe { dealloc(handle.cast(), self.layout(kind)) };
    }

    fn layout(&self, kind: Kind) -> Layout {
        // SAFETY: takes no pointers.
        let size = unsafe { (self.handle_size)(kind as c_int) };
        Layout::from_size_align(size.max(1), align_of::<u128>()).expect("Bug: size of a handle")
    }
}

/// What [`Libuv::handle_set_data`] has set.
///
/// # Safety
/// The handle must be initialized and not freed.
pub(crate) unsafe fn data_of(handle: *mut Handle) -> *mut c_void {
    // SAFETY: libuv documents the data to be the first field of every handle.
    unsafe { *handle.cast::<*mut c_void>() }
}

/// Of the enum `uv_poll_event`.
pub(crate) const UV_READABLE: c_int = 1;
