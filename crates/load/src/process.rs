//! CPU time and memory of a process, as Linux tells them in /proc.
//!
//! CPU time is `sum_exec_runtime` of each thread, in nanoseconds: the scheduler's own account, not sampled ticks. Beside it stands
//! how long the thread could have run and had to wait for a CPU.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A process to be read from, which need not be ours.
#[derive(Debug)]
pub(crate) struct Process {
    pid: u32,
    folder: PathBuf,
}

/// CPU time of all threads of a process up to one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct CpuTime {
    threads: Vec<ThreadTime>,
}

/// CPU time of one thread.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ThreadTime {
    tid: u32,
    /// What the thread calls itself; [`MAIN_THREAD`] for the process's first.
    pub(crate) name: String,
    pub(crate) time: Duration,
    /// For a CPU, with something to do.
    waited: Duration,
}

/// Name of the thread that `main` runs in: for Node.js the one that runs JavaScript.
pub(crate) const MAIN_THREAD: &str = "mainThread";

impl Process {
    pub(crate) fn new(pid: u32) -> Self {
        Self {
            pid,
            folder: Path::new("/proc").join(pid.to_string()),
        }
    }

    /// This process.
    pub(crate) fn this() -> Self {
        Self::new(std::process::id())
    }

    /// CPU time of the threads that live now.
    pub(crate) fn cpu_time(&self) -> io::Result<CpuTime> {
        let mut threads = Vec::new();
        for task in fs::read_dir(self.folder.join("task"))? {
            let task = task?;
            let Some(tid) = task.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            match self.thread_time(tid, &task.path()) {
                Ok(thread) => threads.push(thread),
                // It has ended since the folder was read.
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(CpuTime { threads })
    }

    /// Resident memory, in KiB.
    pub(crate) fn rss_kib(&self) -> io::Result<u64> {
        let status = fs::read_to_string(self.folder.join("status"))?;
        parse_rss_kib(&status).ok_or_else(|| malformed("status"))
    }

    fn thread_time(&self, tid: u32, folder: &Path) -> io::Result<ThreadTime> {
        let schedstat = fs::read_to_string(folder.join("schedstat"))?;
        let (time, waited) = parse_schedstat(&schedstat).ok_or_else(|| malformed("schedstat"))?;
        let name = if tid == self.pid {
            MAIN_THREAD.to_owned()
        } else {
            fs::read_to_string(folder.join("comm"))?
                .trim_end()
                .to_owned()
        };
        Ok(ThreadTime {
            tid,
            name,
            time,
            waited,
        })
    }
}

impl CpuTime {
    /// What each thread has used since `earlier`. Threads that have ended in between are lost.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let threads = self.threads.iter().map(|thread| {
            let mut since = thread.clone();
            let mut known = earlier.threads.iter();
            if let Some(before) = known.find(|before| before.tid == thread.tid) {
                since.time = thread.time.saturating_sub(before.time);
                since.waited = thread.waited.saturating_sub(before.waited);
            }
            since
        });
        Self {
            threads: threads.collect(),
        }
    }

    /// Of the whole process.
    pub(crate) fn total(&self) -> Duration {
        self.threads.iter().map(|thread| thread.time).sum()
    }

    /// How long its threads have waited for a CPU, all together.
    pub(crate) fn waited(&self) -> Duration {
        self.threads.iter().map(|thread| thread.waited).sum()
    }

    /// Of the main thread.
    pub(crate) fn main_thread(&self) -> Duration {
        self.threads
            .iter()
            .filter(|thread| thread.name == MAIN_THREAD)
            .map(|thread| thread.time)
            .sum()
    }

    /// Of each thread.
    pub(crate) fn threads(&self) -> &[ThreadTime] {
        &self.threads
    }
}

/// The first fields of /proc/PID/task/TID/schedstat: nanoseconds on a CPU, and nanoseconds of waiting for one.
fn parse_schedstat(text: &str) -> Option<(Duration, Duration)> {
    let mut fields = text.split_ascii_whitespace();
    let mut next = || Some(Duration::from_nanos(fields.next()?.parse().ok()?));
    Some((next()?, next()?))
}

/// The line `VmRSS:  1234 kB` of /proc/PID/status.
fn parse_rss_kib(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

fn malformed(file: &'static str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("cannot understand /proc/PID/{file}"),
    )
}

/// True for what reading the files of a thread that has ended fails with: opening finds none, reading an open one finds
/// no process (ESRCH).
fn is_gone(error: &io::Error) -> bool {
    const ESRCH: i32 = 3;
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(ESRCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(tid: u32, name: &str, nanos: u64) -> ThreadTime {
        ThreadTime {
            tid,
            name: name.to_owned(),
            time: Duration::from_nanos(nanos),
            waited: Duration::from_nanos(2 * nanos),
        }
    }

    #[test]
    fn schedstat_is_nanoseconds_of_running_and_of_waiting() {
        let parsed = parse_schedstat("29293551 3253066 82\n");
        let [ran, waited] = [29_293_551, 3_253_066].map(Duration::from_nanos);
        assert_eq!(parsed, Some((ran, waited)));
        assert_eq!(parse_schedstat(""), None);
        assert_eq!(parse_schedstat("1"), None);
        assert_eq!(parse_schedstat("fast 1 2"), None);
    }

    #[test]
    fn memory_is_a_line_of_the_status() {
        let status = "Name:\tnode\nVmHWM:\t   60000 kB\nVmRSS:\t   51234 kB\nThreads:\t11\n";
        assert_eq!(parse_rss_kib(status), Some(51_234));
        assert_eq!(parse_rss_kib("Name:\tkthreadd\n"), None);
        assert_eq!(parse_rss_kib("VmRSS:\tlots kB\n"), None);
    }

    #[test]
    fn use_is_the_difference_per_thread() {
        let before = CpuTime {
            threads: vec![time(1, MAIN_THREAD, 100), time(2, "ended", 50)],
        };
        let after = CpuTime {
            threads: vec![time(1, MAIN_THREAD, 130), time(3, "loop", 7)],
        };
        let used = after.since(&before);
        assert_eq!(
            used.threads(),
            [time(1, MAIN_THREAD, 30), time(3, "loop", 7)]
        );
        assert_eq!(used.total(), Duration::from_nanos(37));
        assert_eq!(used.waited(), Duration::from_nanos(74));
        assert_eq!(used.main_thread(), Duration::from_nanos(30));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_can_be_read() {
        let process = Process::this();
        let before = process.cpu_time().unwrap();
        while process.cpu_time().unwrap().since(&before).total() == Duration::ZERO {}
        assert!(process.rss_kib().unwrap() > 0);
    }
}
