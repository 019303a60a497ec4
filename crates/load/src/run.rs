//! Messages on connections that stay: opens them, keeps the load on, and waits for what is missing.

use std::io;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use crate::args::{Pace, RunOptions};
use crate::connect::{self, Buffers, Opened};
use crate::connection::{Connection, Failure};
use crate::deflate::EchoCheck;
use crate::report::{self, DRAIN_LIMIT, Load, Problems, Report, Tally};
use crate::rooms::Rooms;
use crate::schedule::Schedule;
use crate::stream::Stream;
use crate::template::Template;

/// Runs to the end.
pub(crate) fn run(options: &RunOptions) -> Result<Report, Box<dyn std::error::Error>> {
    report::measure(&options.window, || {
        let mut generator = Generator::open(options)?;
        generator.start();
        Ok(generator)
    })
}

/// All connections of a run and the poll that drives them.
struct Generator {
    poll: Poll,
    events: Events,
    /// By token; `None` when the connection has failed.
    connections: Vec<Option<Connection>>,
    /// Connections that have not failed.
    open: usize,
    plan: Plan,
    template: Template,
    read_buffer: Box<[u8]>,
    /// Whether new messages follow.
    goes_on: bool,
    tally: Tally,
    problems: Problems,
}

/// What makes new messages follow.
enum Plan {
    /// Each echo; how many are on their way on a connection.
    Echo(usize),
    /// The last of a room's members that gets one.
    Rooms(Rooms),
    /// The clock.
    Clock(Schedule),
}

impl Generator {
    fn open(options: &RunOptions) -> Result<Self, Box<dyn std::error::Error>> {
        let &RunOptions {
            protocol,
            content,
            size,
            pace,
            ..
        } = options;
        let opened = connect::open(
            &options.target,
            protocol,
            options.connections,
            Buffers::Usual,
        )?;
        let poll = Poll::new()?;
        let mut connections = Vec::with_capacity(opened.len());
        let plan = Plan::new(pace, opened.len());
        for (index, Opened { socket, deflate }) in opened.into_iter().enumerate() {
            let check = EchoCheck::wanted(deflate, content.frame_kind(), size)?;
            let stream = Stream::new(socket, &options.target);
            let sequence = plan.sequence_of(index).wrapping_mul(SEQUENCE_STRIDE);
            let mut connection = Connection::new(stream, sequence, plan.at_once(), check);
            poll.registry().register(
                connection.source(),
                Token(index),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            connections.push(Some(connection));
        }
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS),
            open: connections.len(),
            connections,
            template: Template::new(protocol, content, size, plan.at_once()),
            plan,
            read_buffer: vec![0; READ_BYTES].into_boxed_slice(),
            goes_on: true,
            tally: Tally::new(),
            problems: Problems::default(),
        })
    }

    /// Puts the first messages on their way.
    fn start(&mut self) {
        match &mut self.plan {
            &mut Plan::Echo(in_flight) => {
                for index in 0..self.connections.len() {
                    self.send(index, in_flight, Instant::now());
                }
            }
            Plan::Rooms(rooms) => {
                for room in 0..rooms.count() {
                    self.send_to_room(room);
                }
            }
            Plan::Clock(schedule) => schedule.start(Instant::now()),
        }
    }

    fn send(&mut self, index: usize, count: usize, since: Instant) {
        if let Some(connection) = &mut self.connections[index]
            && let Err(failure) = connection.send(count, since, &mut self.template)
        {
            self.fail(index, &failure);
        }
    }

    /// Has the next member send a message that all members expect.
    fn send_to_room(&mut self, room: usize) {
        let Plan::Rooms(rooms) = &mut self.plan else {
            return;
        };
        let now = Instant::now();
        let (members, sender) = rooms.begin(room);
        for index in members.filter(|&index| index != sender) {
            if let Some(connection) = &mut self.connections[index] {
                connection.expect(1, now);
            }
        }
        self.send(sender, 1, now);
    }

    /// Sends what is due by the clock; returns how long nothing will be.
    fn send_due(&mut self) -> Option<Duration> {
        for _ in 0..SENDS_IN_A_TURN {
            let Plan::Clock(schedule) = &mut self.plan else {
                return None;
            };
            let now = Instant::now();
            let Some((index, due)) = schedule.take_due(now) else {
                return Some(schedule.wait(now));
            };
            self.tally.add_sent(now - due);
            self.send(index, 1, due);
        }
        Some(Duration::ZERO)
    }

    /// Sends what is due, if anything still is to be sent. Between two connections that are served, too: the clock does not
    /// wait until all are.
    fn go_on_sending(&mut self) -> Option<Duration> {
        self.goes_on.then(|| self.send_due()).flatten()
    }

    fn turn(&mut self, mut timeout: Duration) -> io::Result<()> {
        if let Some(wait) = self.go_on_sending() {
            timeout = timeout.min(wait);
        }
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        }
        let told = Instant::now();
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            let Token(index) = event.token();
            if matches!(self.plan, Plan::Clock(_)) {
                self.tally.add_lag(told.elapsed());
                self.go_on_sending();
            }
            if let Err(failure) = self.serve(index) {
                self.fail(index, &failure);
            }
        }
        self.events = events;
        Ok(())
    }

    fn serve(&mut self, index: usize) -> Result<(), Failure> {
        let Some(connection) = &mut self.connections[index] else {
            return Ok(());
        };
        connection.flush()?;
        let tally = &mut self.tally;
        let mut arrived = 0;
        let answers = self.goes_on && matches!(self.plan, Plan::Echo(_));
        connection.receive(
            &mut self.template,
            &mut self.read_buffer,
            answers,
            |echoed| {
                tally.add(echoed.latency, echoed.bytes);
                arrived += 1;
            },
        )?;
        if let Plan::Rooms(rooms) = &mut self.plan
            && let Some(room) = rooms.arrived(index, arrived)
            && self.goes_on
        {
            self.send_to_room(room);
        }
        Ok(())
    }

    /// Messages of open connections that have not come.
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
        self.problems.add(1, || failure.to_string());
    }
}

impl Load for Generator {
    fn work_until(&mut self, deadline: Instant) -> io::Result<()> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.open == 0 {
                return Ok(());
            }
            self.turn(left)?;
        }
    }

    fn drain(&mut self) -> io::Result<()> {
        self.goes_on = false;
        let deadline = Instant::now() + DRAIN_LIMIT;
        loop {
            let missing = self.missing();
            let left = deadline.saturating_duration_since(Instant::now());
            if missing > 0 && left.is_zero() {
                self.problems
                    .add(missing, || format!("{missing} messages did not come"));
            }
            if missing == 0 || left.is_zero() {
                return Ok(());
            }
            self.turn(left)?;
        }
    }

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn problems(&mut self) -> &mut Problems {
        &mut self.problems
    }
}

impl Plan {
    fn new(pace: Pace, connections: usize) -> Self {
        match pace {
            Pace::InFlight(count) => Self::Echo(count),
            Pace::Rooms(members) => Self::Rooms(Rooms::new(connections, members)),
            Pace::Rate(rate) => Self::Clock(Schedule::new(rate, connections)),
        }
    }

    /// Most messages that one connection sends at once.
    fn at_once(&self) -> usize {
        match self {
            &Self::Echo(in_flight) => in_flight,
            Self::Rooms(_) | Self::Clock(_) => 1,
        }
    }

    /// Connections that get the same messages count them alike; all others begin elsewhere.
    fn sequence_of(&self, index: usize) -> u32 {
        match self {
            Self::Rooms(rooms) => rooms.room_of(index) as u32,
            Self::Echo(_) | Self::Clock(_) => index as u32,
        }
    }
}

/// Bytes that one read takes at most.
const READ_BYTES: usize = 256 * 1024;

/// Events of one poll.
const EVENTS: usize = 1024;

/// Messages that are sent by the clock before anything is read, if that many are due.
const SENDS_IN_A_TURN: usize = 64;

/// Distance of the sequence numbers of two connections; odd, so that no two begin alike.
const SEQUENCE_STRIDE: u32 = 0x9e37_79b9;
