//! What the allocator of the process keeps although nobody has it.

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
fn free_bytes() -> usize {
    0
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_back() {}
