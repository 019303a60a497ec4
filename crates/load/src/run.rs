//! The closed loop: opens the connections, keeps their messages in flight, measures a window, waits for what is missing.

use std::io;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::{Events, Interest, Poll, Token};
use serde_json::{Value, json};

use crate::args::RunOptions;
use crate::connect::{self, Opened};
use crate::connection::{Connection, Echoed, Failure};
use crate::deflate::EchoCheck;
use crate::frame::FrameKind;
use crate::process::{CpuTime, Process};
use crate::stream::Stream;
use crate::template::Template;

/// What a run has found out.
#[derive(Debug)]
pub(crate) struct Report {
    tally: Tally,
    /// Length of the measured window.
    elapsed: Duration,
    /// Connections that failed, and messages without an echo, in the whole run.
    errors: u64,
    /// The first of them, in words.
    first_error: Option<String>,
    /// The server's in the window, if its process is known.
    server_cpu: Option<CpuTime>,
    /// Ours in the window, where the system tells.
    generator_cpu: Option<CpuTime>,
    /// The server's memory before the first connection and at the end of the window.
    rss_kib: Option<(u64, u64)>,
}

/// Runs to the end; takes at most warm-up, duration and [`DRAIN_LIMIT`], besides opening the connections.
pub(crate) fn run(options: &RunOptions) -> Result<Report, Box<dyn std::error::Error>> {
    let server = options.pid.map(Process::new);
    let rss_before = server.as_ref().map(Process::rss_kib).transpose()?;
    let mut generator = Generator::open(options)?;
    generator.start();
    generator.work_until(Instant::now() + options.warm_up)?;

    let before = Reading::take(server.as_ref())?;
    generator.tally.reset();
    generator.work_until(before.at + options.duration)?;
    let after = Reading::take(server.as_ref())?;
    let tally = std::mem::replace(&mut generator.tally, Tally::new());
    let rss_after = server.as_ref().map(Process::rss_kib).transpose()?;

    generator.drain()?;
    Ok(Report {
        tally,
        elapsed: after.at - before.at,
        errors: generator.errors,
        first_error: generator.first_error,
        server_cpu: difference(before.server, after.server),
        generator_cpu: difference(before.generator, after.generator),
        rss_kib: rss_before.zip(rss_after),
    })
}

impl Report {
    /// Whether the server did its work, and rightly.
    pub(crate) fn is_healthy(&self) -> bool {
        self.errors == 0 && self.tally.messages > 0
    }

    /// All figures in one line. What is not known, for want of a process id or of /proc, is null.
    pub(crate) fn to_json(&self) -> Value {
        let messages = self.tally.messages as f64;
        let seconds = self.elapsed.as_secs_f64();
        let latency =
            |quantile| rounded(self.tally.latency.value_at_quantile(quantile) as f64 / 1e3);
        let per_message = |time: Duration| rounded(micros(time) / messages);
        let share = |cpu: &CpuTime| rounded(cpu.total().as_secs_f64() / seconds);
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
            "errors": self.errors,
            "firstError": self.first_error,
            "cpuUsPerMessage": server.map(|cpu| per_message(cpu.total())),
            "mainThreadCpuUsPerMessage": server.map(|cpu| per_message(cpu.main_thread())),
            "cpuShare": server.map(share),
            "generatorCpuShare": self.generator_cpu.as_ref().map(share),
            "threads": server.map(threads_json),
            "rssKiBBefore": self.rss_kib.map(|(before, _)| before),
            "rssKiB": self.rss_kib.map(|(_, after)| after),
        })
    }
}

/// All connections of a run and the poll that drives them.
struct Generator {
    poll: Poll,
    /// By token; `None` when the connection has failed.
    connections: Vec<Option<Connection>>,
    /// Connections that have not failed.
    open: usize,
    in_flight: usize,
    template: Template,
    read_buffer: Box<[u8]>,
    /// Whether echoes are answered by new messages.
    goes_on: bool,
    tally: Tally,
    errors: u64,
    first_error: Option<String>,
}

impl Generator {
    fn open(options: &RunOptions) -> Result<Self, Box<dyn std::error::Error>> {
        let kind = FrameKind::new(options.text);
        let opened = connect::open(&options.target, options.protocol, options.connections)?;
        let poll = Poll::new()?;
        let mut connections = Vec::with_capacity(opened.len());
        for (index, Opened { socket, deflate }) in opened.into_iter().enumerate() {
            let check = EchoCheck::wanted(deflate, kind, options.size)?;
            let stream = Stream::new(socket, &options.target);
            let sequence = (index as u32).wrapping_mul(SEQUENCE_STRIDE);
            let mut connection = Connection::new(stream, sequence, options.in_flight, check);
            poll.registry().register(
                connection.source(),
                Token(index),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            connections.push(Some(connection));
        }
        Ok(Self {
            poll,
            open: connections.len(),
            connections,
            in_flight: options.in_flight,
            template: Template::new(options.protocol, kind, options.size, options.in_flight),
            read_buffer: vec![0; READ_BYTES].into_boxed_slice(),
            goes_on: true,
            tally: Tally::new(),
            errors: 0,
            first_error: None,
        })
    }

    /// Puts the first messages of each connection on their way.
    fn start(&mut self) {
        for index in 0..self.connections.len() {
            if let Some(connection) = &mut self.connections[index]
                && let Err(failure) = connection.send(self.in_flight, &mut self.template)
            {
                self.fail(index, &failure);
            }
        }
    }

    /// Serves the connections until `deadline`, or until none is left.
    fn work_until(&mut self, deadline: Instant) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.open == 0 {
                return Ok(());
            }
            self.turn(&mut events, left)?;
        }
    }

    /// Sends nothing more and waits for the echoes that are missing; counts those that do not come.
    fn drain(&mut self) -> io::Result<()> {
        self.goes_on = false;
        let deadline = Instant::now() + DRAIN_LIMIT;
        let mut events = Events::with_capacity(EVENTS);
        loop {
            let missing = self.missing();
            let left = deadline.saturating_duration_since(Instant::now());
            if missing > 0 && left.is_zero() {
                self.errors += missing as u64;
                self.first_error
                    .get_or_insert_with(|| format!("{missing} messages were not echoed"));
            }
            if missing == 0 || left.is_zero() {
                return Ok(());
            }
            self.turn(&mut events, left)?;
        }
    }

    fn turn(&mut self, events: &mut Events, timeout: Duration) -> io::Result<()> {
        match self.poll.poll(events, Some(timeout)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        }
        for event in events.iter() {
            let Token(index) = event.token();
            if let Err(failure) = self.serve(index) {
                self.fail(index, &failure);
            }
        }
        Ok(())
    }

    fn serve(&mut self, index: usize) -> Result<(), Failure> {
        let Some(connection) = &mut self.connections[index] else {
            return Ok(());
        };
        connection.flush()?;
        let tally = &mut self.tally;
        connection.receive(
            &mut self.template,
            &mut self.read_buffer,
            self.goes_on,
            |echoed| tally.add(echoed),
        )
    }

    /// Messages of open connections that have not been echoed.
    fn missing(&self) -> usize {
        self.connections
            .iter()
            .flatten()
            .map(Connection::in_flight)
            .sum()
    }

    fn fail(&mut self, index: usize, failure: &Failure) {
        self.connections[index] = None;
        self.open -= 1;
        self.errors += 1;
        self.first_error.get_or_insert_with(|| failure.to_string());
    }
}

/// Messages that were echoed in a window.
#[derive(Debug)]
struct Tally {
    messages: u64,
    /// All of their frames.
    bytes: u64,
    /// In nanoseconds.
    latency: Histogram<u64>,
}

impl Tally {
    fn new() -> Self {
        Self {
            messages: 0,
            bytes: 0,
            latency: Histogram::new_with_max(MAX_LATENCY.as_nanos() as u64, 3)
                .expect("Bug: these bounds are valid"),
        }
    }

    fn add(&mut self, Echoed { latency, bytes }: Echoed) {
        self.messages += 1;
        self.bytes += bytes as u64;
        self.latency.saturating_record(latency.as_nanos() as u64);
    }

    fn reset(&mut self) {
        self.messages = 0;
        self.bytes = 0;
        self.latency.reset();
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

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// How long missing echoes are waited for at the end.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// Longer latencies count as this one.
const MAX_LATENCY: Duration = Duration::from_secs(60);

/// Bytes that one read takes at most.
const READ_BYTES: usize = 256 * 1024;

/// Events of one poll.
const EVENTS: usize = 1024;

/// Distance of the sequence numbers of two connections; odd, so that no two begin alike.
const SEQUENCE_STRIDE: u32 = 0x9e37_79b9;
