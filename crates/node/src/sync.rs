//! The atomics that the shared memory is made of: those of std. With `--cfg loom`, `models/sync.rs` takes the place of this
//! file, and the models see every access.

use std::ptr::NonNull;

pub(crate) use std::sync::atomic::AtomicU32;

/// This thread reads `len` bytes of a ring.
#[inline(always)]
pub(crate) fn reads(_at: NonNull<u8>, _len: usize) {}

/// This thread writes, or is going to write, `len` bytes of a ring.
#[inline(always)]
pub(crate) fn writes(_at: NonNull<u8>, _len: usize) {}
