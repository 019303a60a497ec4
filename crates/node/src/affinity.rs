//! Which CPU a thread runs on. The reactor, which has nothing unsafe, gets it as a function.

/// Has this thread run on one of the CPUs that it may run on: on the one with this index, counted around. Returns which, or nothing
/// where that cannot be had.
#[cfg(target_os = "linux")]
pub(crate) fn pin(index: usize) -> Option<usize> {
    let size = size_of::<libc::cpu_set_t>();
    let most = libc::CPU_SETSIZE as usize;
    // SAFETY: a set is an array of bits, all of which may be zero; both calls get one of the size that they are told, and what is
    // asked of it and put into it is below its size.
    unsafe {
        let (mut allowed, mut one): (libc::cpu_set_t, libc::cpu_set_t) = std::mem::zeroed();
        if libc::sched_getaffinity(0, size, &raw mut allowed) != 0 {
            return None;
        }
        let cpus = || (0..most).filter(|&cpu| libc::CPU_ISSET(cpu, &allowed));
        let cpu = cpus().nth(index % cpus().count().max(1))?;
        libc::CPU_SET(cpu, &mut one);
        (libc::sched_setaffinity(0, size, &raw const one) == 0).then_some(cpu)
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn pin(_: usize) -> Option<usize> {
    None
}
