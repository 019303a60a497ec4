//! One thread's loop: a poll, its connections, and one bridge.
//!
//! A [`turn`](EventLoop::turn) does everything once and within budgets: poll, commands, accept, read and decode, timers,
//! flush, publish. What a budget cuts off is on one of the loop's own lists and comes first in the next turn, which
//! then does not sleep; that is what edge-triggered readiness asks for, and what keeps one busy connection from
//! starving the others.
//!
//! When the event queue is full the loop goes on with commands, output and timers, and leaves sockets unread (so that
//! TCP slows the peers down) until the other end has made room and wakes it.

use std::collections::VecDeque;
use std::ffi::c_int;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gev_session::{CloseReason, Event, LastWord, MemoryBudget, Next, Pools, Stopping};
use gev_wire::FrameCounts;
use mio::{Events, Poll, Waker};

use crate::addresses::Addresses;
use crate::admission::Admission;
use crate::bridge::Bridge;
use crate::config::{CodecMaker, Config, ListenerConfig, LoopConfig};
use crate::connection::{self, Connection, Surroundings};
use crate::counter::{Counter, TURNS_PER_TIMED};
use crate::listener::Listener;
use crate::protocols::Protocols;
use crate::slots::{ConnectionId, Slots};
use crate::system_clock::SystemClock;
use crate::timer_wheel::TimerWheel;

mod accepting;
mod arrivals;
mod commands;
mod dealer;
mod delivery;
mod fan_out;
mod handle;
mod pool;
mod starving;
mod timing;
mod tokens;

use accepting::Arrival;
use arrivals::Receiver;
pub(crate) use dealer::{Counted, Dealer};
pub use handle::LoopHandle;
pub(crate) use pool::Part;
pub use pool::dismiss;
use starving::Starving;
use tokens::{WAKER, id_of, is_listener, listener_token, token_of};

/// The state of one loop. All methods belong to one thread, the loop's own.
pub struct EventLoop<B> {
    config: LoopConfig,
    /// What becomes of the sockets of each of the reactor's listeners.
    roles: Vec<Role>,
    bridge: B,
    poll: Poll,
    events: Events,
    mailbox: Mailbox,
    /// Those that this loop accepts from, if it does.
    listeners: Vec<Listener>,
    /// Where accepted sockets go, if not to this loop alone.
    dealer: Option<Dealer>,
    /// What the loop is to its pool, if it has one.
    part: Option<Part>,
    /// Accepted, and the application has not said yet whose they are; with their listeners.
    unassigned: VecDeque<(Box<connection::Accepted>, usize)>,
    /// How many may still send accepted sockets.
    dealers: Arc<AtomicUsize>,
    /// Its place among the loops of its reactor.
    index: usize,
    shared: Shared,
    connections: Slots<Box<Connection>>,
    timers: TimerWheel<ConnectionId>,
    due: Vec<ConnectionId>,
    /// The timers are run at this time, instead of at their own.
    put_off: Option<Instant>,
    /// Connections that may have something to read or decode.
    ready: VecDeque<ConnectionId>,
    starving: Starving,
    /// Connections with output that has not been tried since it was added.
    dirty: Vec<ConnectionId>,
    /// News of connections that the event queue had no room for. Nothing else is delivered before them.
    undelivered: VecDeque<(ConnectionId, News)>,
    /// An event did not fit; reading stops until there is room.
    blocked: bool,
    turns: u64,
    /// Measure of what was published and not rung for: polled events and turns. 0: nothing.
    unannounced: usize,
    read_buffer: Vec<u8>,
    pools: Pools,
    now: Instant,
    stopping: Option<Stopping>,
    ended: bool,
}

/// What a turn came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// There will be more.
    Running,
    /// The loop has been stopped or aborted; do not call again.
    Ended,
}

/// What is delivered for a connection besides what its session delivers.
#[derive(Debug)]
enum News {
    /// An event without payload.
    Event(Event),
    /// It is over.
    Closed(CloseReason),
    /// Its handshake has come to nothing, by a response with this status; 0 for none.
    Refused {
        addresses: Box<Addresses>,
        status: u16,
        reason: String,
    },
}

/// What all loops of a reactor have in common.
pub(crate) struct Shared {
    pub(crate) admission: Arc<Admission>,
    pub(crate) memory: Arc<MemoryBudget>,
    pub(crate) protocols: Arc<Protocols>,
}

/// What the connections of one listener are configured with on one loop.
struct Role {
    make_codec: CodecMaker,
    listener: ListenerConfig,
}

struct Mailbox {
    sockets: Receiver<Arrival>,
    aborted: Arc<AtomicBool>,
    /// The loop has ended before its time: others need not send it anything.
    gone: Arc<AtomicBool>,
}

impl<B: Bridge> EventLoop<B> {
    /// A loop that delivers to `bridge`, and the handle to reach it by.
    ///
    /// # Errors
    /// Those of creating the poll and its waker (no file descriptors left, for example).
    #[inline(never)]
    pub(crate) fn new(
        config: &Config,
        index: usize,
        shared: Shared,
        bridge: B,
    ) -> io::Result<(Self, LoopHandle)> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (aborted, gone) = <(Arc<AtomicBool>, Arc<AtomicBool>)>::default();
        let (sender, receiver) = arrivals::channel();
        let handle = LoopHandle {
            waker,
            sockets: sender,
            aborted: Arc::clone(&aborted),
            gone: Arc::clone(&gone),
            load: Arc::default(),
        };
        let now = Instant::now();
        let event_loop = Self {
            bridge,
            poll,
            events: Events::with_capacity(config.event_loop.poll_events),
            mailbox: Mailbox {
                sockets: receiver,
                aborted,
                gone,
            },
            listeners: Vec::new(),
            dealer: None,
            part: None,
            unassigned: VecDeque::new(),
            dealers: Arc::default(),
            index,
            shared,
            connections: Slots::new(config.admission.connections),
            timers: TimerWheel::new(now),
            due: Vec::new(),
            put_off: None,
            ready: VecDeque::new(),
            starving: Starving::new(now),
            dirty: Vec::new(),
            undelivered: VecDeque::new(),
            blocked: false,
            turns: 0,
            unannounced: 0,
            read_buffer: vec![0; config.event_loop.read_buffer_bytes],
            pools: Pools::new(
                config.event_loop.pool_bytes,
                Box::new(SystemClock::default()),
            ),
            now,
            stopping: None,
            ended: false,
            roles: config.listeners.iter().map(Role::new).collect(),
            config: config.event_loop.clone(),
        };
        Ok((event_loop, handle))
    }

    /// Turns until the loop is stopped or aborted.
    ///
    /// # Errors
    /// Those of the poll itself.
    pub fn run(&mut self) -> io::Result<()> {
        while self.turn(None)? == Turn::Running {}
        Ok(())
    }

    /// Does everything once; sleeps at most `max_wait` (for ever when `None`) if there is nothing to do.
    ///
    /// # Errors
    /// Those of the poll itself.
    pub fn turn(&mut self, max_wait: Option<Duration>) -> io::Result<Turn> {
        self.await_events(max_wait)?;
        self.work()
    }

    /// A turn that polls only if a timer is due: for commands, and for what earlier turns have left.
    ///
    /// # Errors
    /// Those of the poll itself.
    pub fn attend(&mut self) -> io::Result<Turn> {
        self.events.clear();
        self.bridge.awake();
        self.work()
    }

    /// Tells the other end of the events of the last turns, if it has not been told yet.
    pub fn announce(&mut self) {
        if self.unannounced > 0 {
            self.ring();
        }
    }

    /// How long the loop may be left alone if nothing happens (for ever when `None`): until then whoever adds a command wakes
    /// it.
    pub fn rest(&mut self) -> Option<Duration> {
        self.wait(None)
    }

    /// Readable when a turn has something to do, for those who wait for several loops; `None` on Windows.
    #[must_use]
    pub fn descriptor(&self) -> Option<c_int> {
        descriptor_of(&self.poll)
    }

    /// The loop's end of the queues.
    pub fn bridge_mut(&mut self) -> &mut B {
        &mut self.bridge
    }

    fn work(&mut self) -> io::Result<Turn> {
        if self.is_aborted() {
            self.leave();
            return Ok(Turn::Ended);
        }
        self.begin_turn();
        self.note_events();
        self.run_commands();
        self.flush_dirty();
        self.accept();
        self.read_ready();
        self.run_timers()?;
        self.flush_dirty();
        self.watch_memory();
        self.tell_returned();
        self.finish_stop();
        self.count_frames();
        self.publish();
        self.count_turn();
        // Timers poll too, and may have had the event that wakes for an abort.
        if self.is_aborted() {
            self.leave();
            return Ok(Turn::Ended);
        }
        Ok(if self.ended {
            Turn::Ended
        } else {
            Turn::Running
        })
    }

    fn begin_turn(&mut self) {
        let before = self.now;
        self.now = Instant::now();
        if self.blocked {
            let waited = self.now.saturating_duration_since(before);
            self.bridge
                .add(Counter::BlockedNanoseconds, waited.as_nanos() as u64);
        }
    }

    /// Shows the other end which frames have come, before what they have brought.
    fn count_frames(&mut self) {
        let frames = self.pools.take_frames();
        if frames == FrameCounts::default() {
            return;
        }
        let rows = &Counter::ALL[Counter::FramesContinuation as usize..];
        for (&counter, n) in rows.iter().zip(frames) {
            self.bridge.add(counter, u64::from(n));
        }
    }

    /// To ask for the time in every turn would cost more than all other counts.
    fn count_turn(&mut self) {
        self.bridge.add(Counter::Turns, 1);
        if self.turns.is_multiple_of(TURNS_PER_TIMED) {
            let took = self.now.elapsed();
            self.bridge.add(Counter::of_turn(took), 1);
            self.bridge
                .add(Counter::TimedNanoseconds, took.as_nanos() as u64);
        }
        self.turns += 1;
    }

    fn is_aborted(&self) -> bool {
        self.mailbox.aborted.load(Ordering::Acquire)
    }

    /// Polls. Whoever has to be told of the last turns' events is told before the loop sleeps, yet not before the
    /// kernel has nothing more: switching threads costs more than a message, and a burst should cost it once.
    fn await_events(&mut self, max_wait: Option<Duration>) -> io::Result<()> {
        if self.unannounced > 0 {
            self.poll(Some(Duration::ZERO))?;
            if !self.events.is_empty() {
                return Ok(());
            }
            self.ring();
        }
        let wait = self.wait(max_wait);
        self.poll(wait)?;
        self.bridge.awake();
        Ok(())
    }

    fn poll(&mut self, wait: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, wait) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.events.clear();
                Ok(())
            }
            other => other,
        }
    }

    /// How long the poll may sleep: not at all when there is work, else to the next deadline.
    fn wait(&mut self, max_wait: Option<Duration>) -> Option<Duration> {
        let mut listeners = self.listeners.iter();
        let accept_now =
            listeners.any(|it| it.ready && it.paused_until.is_none()) && self.may_deal();
        let has_turns = accept_now || !self.ready.is_empty() || self.may_feed();
        let has_work = (has_turns || !self.undelivered.is_empty()) && self.may_deliver();
        if has_work || !self.dirty.is_empty() || !self.bridge.prepare_sleep() {
            return Some(Duration::ZERO);
        }
        let pauses = self.listeners.iter().map(|it| it.paused_until);
        let times = [self.next_judgement(), self.stuck_at()];
        let deadline = times.into_iter().chain(pauses).flatten().min();
        // The clock is read again: `now` is from before the last turn's work.
        let until = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        until.into_iter().chain(max_wait).min()
    }

    fn note_events(&mut self) {
        for event in &self.events {
            match event.token() {
                WAKER => {}
                token if is_listener(token) => {
                    let mut listeners = self.listeners.iter_mut();
                    if let Some(listener) = listeners.find(|it| listener_token(it) == token) {
                        listener.ready = true;
                    }
                }
                token => {
                    let id = id_of(token);
                    let Some(connection) = self.connections.get_mut(id) else {
                        continue;
                    };
                    if connection.note(event) && !connection.listed.dirty {
                        connection.listed.dirty = true;
                        self.dirty.push(id);
                    }
                    if connection.wants_turn() && !connection.listed.ready {
                        connection.listed.ready = true;
                        self.ready.push_back(id);
                    }
                }
            }
        }
        self.adopt_arrivals();
    }

    fn adopt_arrivals(&mut self) {
        while let Some(arrival) = self.mailbox.sockets.try_recv() {
            self.adopt(arrival);
        }
    }

    fn flush_dirty(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for id in dirty.drain(..) {
            let Some(connection) = self.connections.get_mut(id) else {
                continue;
            };
            connection.listed.dirty = false;
            let next = connection.flush(&mut self.pools);
            self.settle(id, next);
        }
        if self.dirty.is_empty() {
            // The allocation is worth keeping.
            self.dirty = dirty;
        }
    }

    fn read_ready(&mut self) {
        self.feed();
        for _ in 0..self.ready.len() {
            if !self.may_deliver() {
                return;
            }
            let Some(id) = self.ready.pop_front() else {
                return;
            };
            let rank = self.rank(id);
            let Some(connection) = self.connections.get_mut(id) else {
                continue;
            };
            connection.listed.ready = false;
            let mut around = Surroundings {
                rank,
                bridge: &mut self.bridge,
                read_buffer: &mut self.read_buffer,
                read_budget: self.config.read_budget_bytes,
                pools: &mut self.pools,
                now: self.now,
            };
            let next = connection.fill(&mut around);
            self.note_turn(id, &next);
            self.settle(id, next);
        }
    }

    /// Puts a connection on the lists that what has just happened to it asks for.
    fn settle(&mut self, id: ConnectionId, next: Next) {
        if let Next::Gone(reason) = next {
            return self.remove(id, reason);
        }
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        match next {
            Next::Blocked => self.blocked = true,
            Next::Starved => connection.listed.starved = true,
            _ => {}
        }
        self.bridge
            .add(Counter::SentBytes, connection.take_written());
        if let Some(stopping) = &self.stopping {
            connection.stop(stopping);
        }
        if connection.wants_turn() && !connection.listed.ready {
            connection.listed.ready = true;
            // Also one that was blocked: with its turn first it could take all the room there is, for ever.
            self.ready.push_back(id);
        }
        if connection.wants_flush() && !connection.listed.dirty {
            connection.listed.dirty = true;
            self.dirty.push(id);
        }
        let has_turn = connection.listed.ready || connection.listed.starved;
        connection.stamp(&self.pools);
        let undelivered = self.undelivered.len();
        while let Some(event) = connection.next_news() {
            self.undelivered.push_back((id, News::Event(event)));
        }
        // Not further ahead than this, so that connections that are gone do not stay in the wheel for long.
        let horizon = self.now + FARTHEST_TIMER;
        if let Some(deadline) = connection.deadline().map(|at| at.min(horizon))
            && connection.armed.is_none_or(|armed| armed > deadline)
        {
            connection.armed = Some(deadline);
            self.timers.catch_up(self.now);
            self.timers.insert(deadline, id);
        }
        if let Some(gauges) = connection.changed_gauges() {
            self.bridge.set_gauges(id.slot, gauges);
        }
        if self.undelivered.len() > undelivered {
            self.deliver_news();
        }
        if next == Next::Starved {
            self.line_up(id);
        } else if !has_turn {
            self.pass_by(id);
        }
    }

    fn remove(&mut self, id: ConnectionId, reason: CloseReason) {
        let Some(mut connection) = self.connections.remove(id) else {
            return;
        };
        self.bridge
            .add(Counter::SentBytes, connection.take_written());
        self.pass_by(id);
        let news = match (connection.last_word(reason), connection.take_addresses()) {
            (Some(LastWord::Close(reason)), _) => Some(News::Closed(reason)),
            (Some(LastWord::Refused { status, reason }), Some(addresses)) => Some(News::Refused {
                addresses,
                status,
                reason,
            }),
            _ => None,
        };
        connection.release(&mut self.pools);
        if let Some(news) = news {
            self.undelivered.push_back((id, news));
            self.deliver_news();
        }
    }
}

impl Role {
    fn new(listener: &ListenerConfig) -> Self {
        Self {
            make_codec: (listener.connection.codec)(),
            listener: listener.clone(),
        }
    }
}

/// The descriptor of a poll; it has none on Windows.
#[cfg(unix)]
fn descriptor_of(poll: &Poll) -> Option<c_int> {
    Some(std::os::fd::AsRawFd::as_raw_fd(poll))
}

#[cfg(not(unix))]
fn descriptor_of(_: &Poll) -> Option<c_int> {
    None
}

/// The id in events that concern no connection.
const NOBODY: ConnectionId = ConnectionId {
    slot: 0,
    generation: 0,
};

/// How far ahead an entry of the timer wheel may lie; what is due later is looked at again then.
const FARTHEST_TIMER: Duration = Duration::from_secs(60);
