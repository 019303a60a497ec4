//! A measured window: what was done in it, and what it cost the server.

use std::io;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::args::Window;
use crate::process::{CpuTime, Process};

/// Work that goes on for as long as it is let.
pub(crate) trait Load {
    /// Goes on until `deadline`, or until nothing is left that could.
    fn work_until(&mut self, deadline: Instant) -> io::Result<()>;

    /// Begins nothing new, and waits for what is missing at most [`DRAIN_LIMIT`]; what does not come is an error.
    fn drain(&mut self) -> io::Result<()>;

    fn tally(&mut self) -> &mut Tally;

    fn problems(&mut self) -> &mut Problems;
}

/// What was done in a window.
#[derive(Debug)]
pub(crate) struct Tally {
    messages: u64,
    /// All of their frames.
    bytes: u64,
    /// In nanoseconds.
    latency: Histogram<u64>,
    /// Messages of an open loop that were sent.
    sent: u64,
    /// How late an open loop was itself, in nanoseconds: how much later than they should have been messages were sent, and how
    /// long connections waited to be read when the system had told of them.
    lag: Histogram<u64>,
}

/// What went wrong in a whole run.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    count: u64,
    /// The first of them, in words.
    first: Option<String>,
}

/// What a run has found out.
#[derive(Debug)]
pub(crate) struct Report {
    tally: Tally,
    problems: Problems,
    /// Length of the measured window.
    elapsed: Duration,
    /// The server's in the window, if its process is known.
    server_cpu: Option<CpuTime>,
    /// Ours in the window, where the system tells.
    generator_cpu: Option<CpuTime>,
    /// The server's memory before the first connection and at the end of the window.
    rss_kib: Option<(u64, u64)>,
}

/// Measures what `begin` starts; takes at most warm-up, duration and [`DRAIN_LIMIT`], besides the time to begin.
pub(crate) fn measure<L: Load>(
    window: &Window,
    begin: impl FnOnce() -> Result<L, Box<dyn std::error::Error>>,
) -> Result<Report, Box<dyn std::error::Error>> {
    let server = window.pid.map(Process::new);
    let memory = || server.as_ref().map(Process::rss_kib).transpose();
    let rss_before = memory()?;
    let mut load = begin()?;
    load.work_until(Instant::now() + window.warm_up)?;

    let before = Reading::take(server.as_ref())?;
    *load.tally() = Tally::new();
    load.work_until(before.at + window.duration)?;
    let after = Reading::take(server.as_ref())?;
    let tally = std::mem::replace(load.tally(), Tally::new());
    let rss_after = memory()?;

    load.drain()?;
    Ok(Report {
        tally,
        problems: std::mem::take(load.problems()),
        elapsed: after.at - before.at,
        server_cpu: difference(before.server, after.server),
        generator_cpu: difference(before.generator, after.generator),
        rss_kib: rss_before.zip(rss_after),
    })
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            messages: 0,
            bytes: 0,
            latency: histogram(),
            sent: 0,
            lag: histogram(),
        }
    }

    /// A message has come, or something else that counts is done.
    pub(crate) fn add(&mut self, latency: Duration, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes as u64;
        self.latency.saturating_record(latency.as_nanos() as u64);
    }

    /// A message of an open loop was sent, so late.
    pub(crate) fn add_sent(&mut self, lag: Duration) {
        self.sent += 1;
        self.add_lag(lag);
    }

    /// An open loop was late.
    pub(crate) fn add_lag(&mut self, lag: Duration) {
        self.lag.saturating_record(lag.as_nanos() as u64);
    }
}

impl Problems {
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn add(&mut self, count: usize, describe: impl FnOnce() -> String) {
        self.count += count as u64;
        self.first.get_or_insert_with(describe);
    }
}

impl Report {
    /// Whether the server did its work, and rightly.
    pub(crate) fn is_healthy(&self) -> bool {
        self.problems.count == 0 && self.tally.messages > 0
    }

    /// All figures in one line. What is not known, for want of a process id or of /proc, is null, and so is what only an
    /// open loop has.
    pub(crate) fn to_json(&self) -> Value {
        let messages = self.tally.messages as f64;
        let seconds = self.elapsed.as_secs_f64();
        let latency = |quantile| quantile_us(&self.tally.latency, quantile);
        let lag = |quantile| (self.tally.sent > 0).then(|| quantile_us(&self.tally.lag, quantile));
        let per_message = |time: Duration| rounded(micros(time) / messages);
        let of_window = |time: Duration| rounded(time.as_secs_f64() / seconds);
        let share = |cpu: &CpuTime| of_window(cpu.total());
        let server = self.server_cpu.as_ref();
        json!({
            "messages": self.tally.messages,
            "seconds": rounded(seconds),
            "messagesPerSecond": (messages / seconds).round(),
            "echoBytes": rounded(self.tally.bytes as f64 / messages),
            "p50Us": latency(0.5),
            "p99Us": latency(0.99),
            "p999Us": latency(0.999),
            "maxUs": latency(1.0),
            "sentPerSecond": (self.tally.sent > 0)
                .then(|| (self.tally.sent as f64 / seconds).round()),
            "lagP50Us": lag(0.5),
            "lagP99Us": lag(0.99),
            "lagP999Us": lag(0.999),
            "errors": self.problems.count,
            "firstError": self.problems.first,
            "cpuUsPerMessage": server.map(|cpu| per_message(cpu.total())),
            "mainThreadCpuUsPerMessage": server.map(|cpu| per_message(cpu.main_thread())),
            "cpuShare": server.map(share),
            "waitShare": server.map(|cpu| of_window(cpu.waited())),
            "generatorCpuShare": self.generator_cpu.as_ref().map(share),
            "threads": server.map(threads_json),
            "rssKiBBefore": self.rss_kib.map(|(before, _)| before),
            "rssKiB": self.rss_kib.map(|(_, after)| after),
        })
    }
}

/// CPU times at one end of the measured window.
struct Reading {
    at: Instant,
    server: Option<CpuTime>,
    generator: Option<CpuTime>,
}

impl Reading {
    fn take(server: Option<&Process>) -> io::Result<Self> {
        Ok(Self {
            server: server.map(Process::cpu_time).transpose()?,
            generator: Process::this().cpu_time().ok(),
            at: Instant::now(),
        })
    }
}

fn difference(before: Option<CpuTime>, after: Option<CpuTime>) -> Option<CpuTime> {
    Some(after?.since(&before?))
}

/// The threads that have done something.
fn threads_json(cpu: &CpuTime) -> Value {
    cpu.threads()
        .iter()
        .filter(|thread| !thread.time.is_zero())
        .map(|thread| json!({ "name": thread.name, "us": micros(thread.time).round() }))
        .collect()
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(MAX_LATENCY.as_nanos() as u64, 3).expect("Bug: these bounds are valid")
}

fn quantile_us(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    rounded(histogram.value_at_quantile(quantile) as f64 / 1e3)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// How long what is missing is waited for at the end.
pub(crate) const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// Longer latencies count as this one.
const MAX_LATENCY: Duration = Duration::from_secs(60);
