//! Panics without a backtrace.
//!
//! What std reads debug information with, to name the functions of a backtrace, is a fifth of an addon whose names are stripped,
//! so that it could name none. Therefore the function that walks the stack is defined here, instead of where unwinding comes
//! from, and finds nothing to walk: when all is put together, nothing is left that calls the rest, and it goes. Unwinding,
//! and the message of a panic with its file and line, are what they were.

use std::ffi::{c_int, c_void};

/// `_URC_END_OF_STACK`: there are no more frames.
const END_OF_STACK: c_int = 5;

// SAFETY: This is the function of this name, by its signature and by what it promises: it may end before the first frame.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Backtrace(
    _on_frame: Option<unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int>,
    _argument: *mut c_void,
) -> c_int {
    END_OF_STACK
}

/// What std needs of the file of LLVM's libunwind that has `_Unwind_Backtrace` too. That is linked in where zig builds, and a
/// name may be defined once: so nothing may be wanted from that file.
#[cfg(target_os = "linux")]
mod rest {
    use std::ffi::{c_int, c_void};

    unsafe extern "C" {
        fn _Unwind_GetIP(context: *mut c_void) -> usize;
    }

    // SAFETY: As libunwind has it, but for frames that a signal has interrupted: nothing here unwinds out of a handler of one.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn _Unwind_GetIPInfo(context: *mut c_void, is_before: *mut c_int) -> usize {
        // SAFETY: the caller gives both, for the time of this call.
        unsafe {
            *is_before = 0;
            _Unwind_GetIP(context)
        }
    }

    // SAFETY: As libunwind has it. No table of a 64-bit system is encoded so that this is asked for.
    #[unsafe(no_mangle)]
    extern "C" fn _Unwind_GetDataRelBase(_context: *mut c_void) -> usize {
        std::process::abort()
    }

    // SAFETY: See `_Unwind_GetDataRelBase`.
    #[unsafe(no_mangle)]
    extern "C" fn _Unwind_GetTextRelBase(_context: *mut c_void) -> usize {
        std::process::abort()
    }

    // What this library defines for itself is not for others.
    std::arch::global_asm!(
        ".hidden _Unwind_Backtrace",
        ".hidden _Unwind_GetIPInfo",
        ".hidden _Unwind_GetDataRelBase",
        ".hidden _Unwind_GetTextRelBase",
    );
}
