//! What the allocator of the process keeps although nobody has it: for the next message at first, and not for ever.

use std::sync::Once;

/// Has the allocator keep what is freed instead of giving it back at once, until [`trim`] does. Where loops have threads that is
/// left to it: what they free lies in heaps of their own, whose ends `trim` does not reach.
///
/// glibc gives back what is free at the end of its heap, from 128 KiB on at first: with long messages that is all of them
/// whenever the garbage collector has had its turn, and each costs as many page faults again as it has pages, which is more than
/// all else together. What it keeps it learns from the longest piece of memory that was ever freed (mallopt(3),
/// `M_MMAP_THRESHOLD`, which is not set here, so that whoever has set it is heard); so one is, once, that nobody has written to.
pub(crate) fn warm_up() {
    static ONCE: Once = Once::new();
    ONCE.call_once(learn);
}

/// Gives memory that nobody has back to the system, if that is much. Returns the bytes that were free before; 0 where nothing
/// was done. Takes about a millisecond for each 30 MiB.
///
/// glibc keeps what lies below something that is in use, however much it is: after a thousand connections that each had a
/// quarter of a megabyte waiting, all of that.
pub(crate) fn trim() -> usize {
    let free = free_bytes();
    if free < MUCH_BYTES {
        return 0;
    }
    give_back();
    free
}

/// Less is not worth the faults of those who need it again.
const MUCH_BYTES: usize = 16 * 1024 * 1024;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn learn() {
    /// The longest that it learns from (`DEFAULT_MMAP_THRESHOLD_MAX`), less a page for what stands in front of it.
    const LONGEST: usize = 4 * 1024 * 1024 * size_of::<std::ffi::c_long>() - 8192;
    // SAFETY: has no preconditions, and what there is nobody else has. (black_box: else nothing is allocated.)
    unsafe { libc::free(std::hint::black_box(libc::malloc(LONGEST))) };
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn free_bytes() -> usize {
    // SAFETY: has no preconditions. (mallinfo2 is younger than the glibc that this has to run on.)
    let info = unsafe { libc::mallinfo() };
    // It counts in ints, modulo 2^32.
    info.fordblks.cast_unsigned() as usize
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn give_back() {
    // SAFETY: has no preconditions.
    unsafe { libc::malloc_trim(0) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn learn() {}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn free_bytes() -> usize {
    0
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_back() {}
