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
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use gev_wire::Close;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::addresses::Addresses;
use crate::bridge::{Bridge, Command, CommandKind, Event};
use crate::close_reason::{CloseCause, CloseReason};
use crate::config::{Config, ProtocolMaker};
use crate::connection::{Connection, Next, Pools, Surroundings};
use crate::listener::{self, Accepted, Listener};
use crate::output::ChunkPool;
use crate::slots::{ConnectionId, Slots};
use crate::timer_wheel::TimerWheel;

/// The state of one loop. All methods belong to one thread, the loop's own.
pub struct EventLoop<B> {
    config: Arc<Config>,
    make_protocol: ProtocolMaker,
    bridge: B,
    poll: Poll,
    events: Events,
    mailbox: Mailbox,
    listener: Option<Listener>,
    /// Where accepted sockets go: one entry for each loop when this one deals them out, else empty.
    peers: Vec<LoopHandle>,
    /// The loop that gets the next accepted socket.
    next_peer: usize,
    connections: Slots<Box<Connection>>,
    timers: TimerWheel<ConnectionId>,
    due: Vec<ConnectionId>,
    /// Connections that may have something to read or decode.
    ready: VecDeque<ConnectionId>,
    /// Connections with output that has not been tried since it was added.
    dirty: Vec<ConnectionId>,
    /// News of connections that the event queue had no room for. Nothing else is delivered before them.
    undelivered: VecDeque<(ConnectionId, News)>,
    /// An event did not fit; reading stops until there is room.
    blocked: bool,
    /// Measure of what was published and not rung for: polled events and turns. 0: nothing.
    unannounced: usize,
    read_buffer: Vec<u8>,
    pools: Pools,
    now: Instant,
    phase: Phase,
}

/// The other threads' way to a loop.
#[derive(Debug, Clone)]
pub struct LoopHandle {
    waker: Arc<Waker>,
    sockets: Sender<(TcpStream, Addresses)>,
    aborted: Arc<AtomicBool>,
}

/// What a turn came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// There will be more.
    Running,
    /// The loop has been stopped or aborted; do not call again.
    Ended,
}

/// What is delivered for a connection besides what its protocol delivers.
#[derive(Debug)]
enum News {
    /// An event without payload.
    Event(Event),
    Close(CloseReason),
}

#[derive(Debug)]
struct Mailbox {
    sockets: Receiver<(TcpStream, Addresses)>,
    aborted: Arc<AtomicBool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// No listener any more; ends when the last connection has.
    Stopping,
    Ended,
}

impl LoopHandle {
    /// Ends the loop's sleep. Any thread.
    pub fn wake(&self) {
        // Fails only when the loop's poll is gone, and then there is nobody to wake.
        let _ = self.waker.wake();
    }

    /// Makes the loop end at its next turn, without goodbyes and without events. Any thread.
    pub fn abort(&self) {
        self.aborted.store(true, Ordering::Release);
        self.wake();
    }
}

impl<B: Bridge> EventLoop<B> {
    /// A loop that delivers to `bridge`, and the handle to reach it by.
    ///
    /// # Errors
    /// Those of creating the poll and its waker (no file descriptors left, for example).
    pub fn new(config: Arc<Config>, bridge: B) -> io::Result<(Self, LoopHandle)> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let aborted = Arc::new(AtomicBool::new(false));
        let (sender, receiver) = std::sync::mpsc::channel();
        let handle = LoopHandle {
            waker,
            sockets: sender,
            aborted: Arc::clone(&aborted),
        };
        let now = Instant::now();
        let event_loop = Self {
            bridge,
            poll,
            events: Events::with_capacity(EVENTS),
            mailbox: Mailbox {
                sockets: receiver,
                aborted,
            },
            listener: None,
            peers: Vec::new(),
            next_peer: 0,
            connections: Slots::new(config.max_connections),
            timers: TimerWheel::new(now),
            due: Vec::new(),
            ready: VecDeque::new(),
            dirty: Vec::new(),
            undelivered: VecDeque::new(),
            blocked: false,
            unannounced: 0,
            read_buffer: vec![0; config.read_buffer_bytes],
            pools: Pools {
                chunks: ChunkPool::new(config.pool_bytes),
                rings: Vec::new(),
            },
            now,
            phase: Phase::Running,
            make_protocol: (config.protocol)(),
            config,
        };
        Ok((event_loop, handle))
    }

    /// Gives the loop a listener. Accepted sockets are dealt out to `peers` in turn, or stay here when it is empty.
    pub(crate) fn listen(
        &mut self,
        mut listener: Listener,
        peers: Vec<LoopHandle>,
    ) -> io::Result<()> {
        self.poll
            .registry()
            .register(&mut listener.socket, LISTENER, Interest::READABLE)?;
        self.listener = Some(listener);
        self.peers = peers;
        Ok(())
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
        if self.mailbox.aborted.load(Ordering::Acquire) {
            return Ok(Turn::Ended);
        }
        self.now = Instant::now();
        self.note_events();
        self.run_commands();
        self.flush_dirty();
        self.accept();
        self.read_ready();
        self.run_timers();
        self.flush_dirty();
        self.finish_stop();
        self.publish();
        Ok(if self.phase == Phase::Ended {
            Turn::Ended
        } else {
            Turn::Running
        })
    }

    /// Tells the other end that the loop is no more, because of `message`. For the thread's top, after a panic or a
    /// failed poll; waits for room in the event queue.
    pub fn report_end(&mut self, message: &str) {
        let message = &message.as_bytes()[..message.len().min(MAX_ERROR_BYTES)];
        while !self.emit(NOBODY, Event::Stopped, message) {
            self.bridge.publish();
            self.bridge.ring();
            if self.mailbox.aborted.load(Ordering::Acquire) {
                return;
            }
            self.bridge.prepare_sleep();
            // A poll that fails cannot wait; the other end makes room without being asked twice.
            let _ = self.poll.poll(&mut self.events, Some(REPORT_RETRY));
            self.bridge.awake();
        }
        self.bridge.publish();
        self.bridge.ring();
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

    /// Makes this turn's events visible, and rings for them unless a few more may come soon.
    fn publish(&mut self) {
        if !self.bridge.publish() {
            self.unannounced = 0;
            return;
        }
        self.unannounced += 1 + self.events.iter().count();
        if self.unannounced >= BURST || self.blocked || self.phase == Phase::Ended {
            self.ring();
        }
    }

    fn ring(&mut self) {
        self.unannounced = 0;
        self.bridge.ring();
    }

    /// How long the poll may sleep: not at all when there is work, else to the next deadline.
    fn wait(&mut self, max_wait: Option<Duration>) -> Option<Duration> {
        let accept_now = self
            .listener
            .as_ref()
            .is_some_and(|l| l.ready && l.paused_until.is_none());
        let has_work = (accept_now || !self.ready.is_empty() || !self.undelivered.is_empty())
            && self.may_deliver();
        if has_work || !self.dirty.is_empty() || !self.bridge.prepare_sleep() {
            return Some(Duration::ZERO);
        }
        let pause = self
            .listener
            .as_ref()
            .and_then(|listener| listener.paused_until);
        let deadline = self.timers.next_deadline().into_iter().chain(pause).min();
        // The clock is read again: `now` is from before the last turn's work.
        let until = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        until.into_iter().chain(max_wait).min()
    }

    fn note_events(&mut self) {
        for event in &self.events {
            match event.token() {
                WAKER => {}
                LISTENER => {
                    if let Some(listener) = &mut self.listener {
                        listener.ready = true;
                    }
                }
                token => {
                    let id = id_of(token);
                    let Some(connection) = self.connections.get_mut(id) else {
                        continue;
                    };
                    if connection.note(event) && !connection.in_dirty {
                        connection.in_dirty = true;
                        self.dirty.push(id);
                    }
                    if connection.wants_turn() && !connection.in_ready {
                        connection.in_ready = true;
                        self.ready.push_back(id);
                    }
                }
            }
        }
        while let Ok((socket, addresses)) = self.mailbox.sockets.try_recv() {
            self.adopt(socket, addresses);
        }
    }

    fn run_commands(&mut self) {
        let deadline = self.now + self.config.close_timeout;
        let mut budget = self.config.command_budget_bytes;
        let mut gone = Vec::new();
        let mut stop = None;
        while budget > 0 {
            let Some(command) = self.bridge.next_command() else {
                break;
            };
            budget = budget.saturating_sub(command.payload.len() + COMMAND_COST);
            if command.kind == CommandKind::Stop {
                stop = command.payload.split_first_chunk().map(|(timeout, close)| {
                    let timeout = Duration::from_millis(u64::from(u32::from_ne_bytes(*timeout)));
                    (timeout, read_close(close).0)
                });
                continue;
            }
            let id = command.id;
            let Some(connection) = self.connections.get_mut(id) else {
                continue;
            };
            if let Next::Gone(reason) = run_command(connection, &command, deadline, &mut self.pools)
            {
                gone.push((id, reason));
            } else if !connection.in_dirty {
                connection.in_dirty = true;
                self.dirty.push(id);
            }
        }
        for (id, reason) in gone {
            self.remove(id, reason);
        }
        if let Some((timeout, close)) = stop {
            self.stop(timeout, &close);
        }
    }

    fn flush_dirty(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for id in dirty.drain(..) {
            let Some(connection) = self.connections.get_mut(id) else {
                continue;
            };
            connection.in_dirty = false;
            let next = connection.flush(&mut self.pools);
            self.settle(id, next);
        }
        if self.dirty.is_empty() {
            // The allocation is worth keeping.
            self.dirty = dirty;
        }
    }

    fn accept(&mut self) {
        for _ in 0..self.config.accept_budget {
            if !self.may_deliver() {
                return;
            }
            let Some(listener) = &mut self.listener else {
                return;
            };
            if listener.paused_until.is_some_and(|until| until <= self.now) {
                listener.paused_until = None;
                listener.ready = true;
            }
            if !listener.ready || listener.paused_until.is_some() {
                return;
            }
            match listener.accept(self.now) {
                Accepted::Connection(socket, remote) => {
                    let local = listener.local;
                    self.place(socket, remote, local);
                }
                Accepted::Empty => return,
                Accepted::Paused(error) => {
                    if let Some(error) = error {
                        self.emit(NOBODY, Event::Error, format!("accept: {error}").as_bytes());
                    }
                    return;
                }
            }
        }
    }

    /// Gives an accepted socket to the loop whose turn it is.
    fn place(
        &mut self,
        socket: TcpStream,
        remote: std::net::SocketAddr,
        listening: std::net::SocketAddr,
    ) {
        // A peer that has gone already makes these fail; there is nobody to tell.
        if listener::configure(&socket, &self.config).is_err() {
            return;
        }
        let local = if listening.ip().is_unspecified() {
            socket.local_addr().unwrap_or(listening)
        } else {
            listening
        };
        let addresses = Addresses { remote, local };
        if self.peers.is_empty() {
            return self.adopt(socket, addresses);
        }
        let peer = &self.peers[self.next_peer];
        self.next_peer = (self.next_peer + 1) % self.peers.len();
        if peer.sockets.send((socket, addresses)).is_ok() {
            peer.wake();
        }
    }

    /// Makes a socket a connection of this loop. Without a free slot it is closed.
    fn adopt(&mut self, mut socket: TcpStream, addresses: Addresses) {
        if self.phase != Phase::Running {
            return;
        }
        let Some(id) = self.connections.next_id() else {
            return;
        };
        let interest = Interest::READABLE | Interest::WRITABLE;
        if self
            .poll
            .registry()
            .register(&mut socket, token_of(id), interest)
            .is_err()
        {
            return;
        }
        let protocol = (self.make_protocol)();
        let connection = Connection::new(id, socket, addresses, protocol, &self.config, self.now);
        let inserted = self.connections.insert(Box::new(connection));
        debug_assert_eq!(inserted.map_err(drop), Ok(id));
        self.bridge.set_gauges(id.slot, Default::default());
        self.settle(id, Next::Again);
    }

    fn read_ready(&mut self) {
        for _ in 0..self.ready.len() {
            if !self.may_deliver() {
                return;
            }
            let Some(id) = self.ready.pop_front() else {
                return;
            };
            let Some(connection) = self.connections.get_mut(id) else {
                continue;
            };
            connection.in_ready = false;
            let mut around = Surroundings {
                bridge: &mut self.bridge,
                read_buffer: &mut self.read_buffer,
                pools: &mut self.pools,
                config: &self.config,
                now: self.now,
            };
            let next = connection.fill(&mut around);
            self.settle(id, next);
        }
    }

    fn run_timers(&mut self) {
        let mut due = std::mem::take(&mut self.due);
        self.timers.advance(self.now, &mut due);
        for id in due.drain(..) {
            let Some(connection) = self.connections.get_mut(id) else {
                continue;
            };
            // Only the earliest entry of a connection means something: one that came later took its place.
            if connection.armed.is_none_or(|armed| armed > self.now) {
                continue;
            }
            connection.armed = None;
            let next = connection.expire(self.now, &self.config, &mut self.pools);
            self.settle(id, next);
        }
        self.due = due;
    }

    /// Puts a connection on the lists that what has just happened to it asks for.
    fn settle(&mut self, id: ConnectionId, next: Next) {
        if let Next::Gone(reason) = next {
            return self.remove(id, reason);
        }
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        if next == Next::Blocked {
            self.blocked = true;
        }
        if connection.wants_turn() && !connection.in_ready {
            connection.in_ready = true;
            // Also one that was blocked: with its turn first it could take all the room there is, for ever.
            self.ready.push_back(id);
        }
        if connection.wants_flush() && !connection.in_dirty {
            connection.in_dirty = true;
            self.dirty.push(id);
        }
        connection.stamp(&self.config);
        let undelivered = self.undelivered.len();
        while let Some(event) = connection.next_news() {
            self.undelivered.push_back((id, News::Event(event)));
        }
        // Not further ahead than this, so that connections that are gone do not stay in the wheel for long.
        let horizon = self.now + FARTHEST_TIMER;
        if let Some(deadline) = connection.deadline(&self.config).map(|at| at.min(horizon))
            && connection.armed.is_none_or(|armed| armed > deadline)
        {
            connection.armed = Some(deadline);
            self.timers.insert(deadline, id);
        }
        if let Some(gauges) = connection.changed_gauges() {
            self.bridge.set_gauges(id.slot, gauges);
        }
        if self.undelivered.len() > undelivered {
            self.deliver_news();
        }
    }

    fn remove(&mut self, id: ConnectionId, reason: CloseReason) {
        let Some(connection) = self.connections.remove(id) else {
            return;
        };
        let is_announced = connection.is_announced();
        connection.release(&mut self.pools);
        if is_announced {
            self.undelivered.push_back((id, News::Close(reason)));
            self.deliver_news();
        }
    }

    /// True when events may be delivered: nothing older waits, and there is room.
    fn may_deliver(&mut self) -> bool {
        if self.blocked {
            self.blocked = !self.bridge.has_room();
        }
        self.deliver_news() && !self.blocked
    }

    /// Delivers what had to wait for room; false when some still has to.
    fn deliver_news(&mut self) -> bool {
        while let Some((id, news)) = self.undelivered.pop_front() {
            let delivered = match &news {
                News::Event(event) => self.emit(id, *event, &[]),
                News::Close(reason) => {
                    let mut payload = [0; CLOSE_BYTES];
                    let len = write_close(reason, &mut payload);
                    self.emit(id, Event::Close, &payload[..len])
                }
            };
            if !delivered {
                self.undelivered.push_front((id, news));
                self.blocked = true;
                return false;
            }
        }
        true
    }

    /// Delivers one event; false when there is no room.
    fn emit(&mut self, id: ConnectionId, event: Event, payload: &[u8]) -> bool {
        let Some(room) = self.bridge.reserve(payload.len()) else {
            return false;
        };
        room.copy_from_slice(payload);
        self.bridge.commit(id, event);
        true
    }

    /// Stops listening and says goodbye to everybody.
    fn stop(&mut self, timeout: Duration, close: &Close) {
        if self.phase != Phase::Running {
            return;
        }
        self.phase = Phase::Stopping;
        self.listener = None;
        self.peers.clear();
        let deadline = self.now + timeout;
        for id in self.connections.ids() {
            let Some(connection) = self.connections.get_mut(id) else {
                continue;
            };
            if connection.is_open() {
                connection.close(close.clone(), CloseCause::Stop, deadline, &mut self.pools);
            }
            if connection.is_open() || connection.is_ending() {
                connection.hurry(deadline);
                self.settle(id, Next::Wait);
            } else {
                self.remove(id, CloseReason::abnormal(CloseCause::Stop, ""));
            }
        }
    }

    /// Ends a stopping loop whose last connection is gone.
    fn finish_stop(&mut self) {
        let all_gone = self.connections.is_empty() && self.may_deliver();
        if self.phase == Phase::Stopping && all_gone && self.emit(NOBODY, Event::Stopped, &[]) {
            self.phase = Phase::Ended;
        }
    }
}

fn run_command(
    connection: &mut Connection,
    command: &Command<'_>,
    deadline: Instant,
    pools: &mut Pools,
) -> Next {
    let payload = command.payload;
    match command.kind {
        CommandKind::Send(outgoing) => {
            return connection.send(outgoing, payload, deadline, pools);
        }
        CommandKind::Begin(outgoing) => {
            let len = payload.try_into().map_or(0, u64::from_ne_bytes);
            connection.begin(outgoing, len, pools);
        }
        CommandKind::Ping => connection.ping(payload, pools),
        CommandKind::TellDrained => {
            connection.tell_drained(payload.try_into().map_or(0, u32::from_ne_bytes));
        }
        CommandKind::TellSent => connection.tell_sent(),
        CommandKind::Accept => connection.accept(payload),
        CommandKind::Respond { more } => connection.respond(payload, more, deadline, pools),
        CommandKind::Continue => {
            return connection.continue_message(payload, deadline, pools);
        }
        CommandKind::Close => {
            let (close, cause) = read_close(payload);
            connection.close(close, cause, deadline, pools);
        }
        CommandKind::ShutdownWrite => connection.shutdown_write(),
        CommandKind::End => connection.end(deadline, pools),
        CommandKind::Destroy => {
            let cause = CloseCause::from_number(payload.first().copied().unwrap_or_default());
            return Next::Gone(CloseReason::abnormal(cause, ""));
        }
        CommandKind::Stop => {}
    }
    Next::Wait
}

/// The payload of [`CommandKind::Close`], and what follows the time in that of [`CommandKind::Stop`].
fn read_close(payload: &[u8]) -> (Close, CloseCause) {
    let code = payload.first_chunk().copied().map_or(0, u16::from_ne_bytes);
    let cause = CloseCause::from_number(payload.get(2).copied().unwrap_or_default());
    let text = String::from_utf8_lossy(payload.get(4..).unwrap_or_default());
    (Close::new(code, text), cause)
}

/// The payload of [`Event::Close`]; returns its length.
fn write_close(reason: &CloseReason, out: &mut [u8; CLOSE_BYTES]) -> usize {
    out[..2].copy_from_slice(&reason.close.code.to_ne_bytes());
    out[2] = reason.cause as u8;
    out[3] = u8::from(reason.was_clean);
    let text = reason.close.reason.as_bytes();
    let len = text.len().min(CLOSE_BYTES - 4);
    out[4..4 + len].copy_from_slice(&text[..len]);
    4 + len
}

fn token_of(id: ConnectionId) -> Token {
    Token((id.generation as usize) << 32 | id.slot as usize)
}

fn id_of(token: Token) -> ConnectionId {
    ConnectionId {
        slot: token.0 as u32,
        generation: (token.0 >> 32) as u32,
    }
}

/// Generations stay below 2^30, so no connection has these tokens.
const WAKER: Token = Token(usize::MAX);
const LISTENER: Token = Token(usize::MAX - 1);

/// The id in events that concern no connection.
const NOBODY: ConnectionId = ConnectionId {
    slot: 0,
    generation: 0,
};

/// Events taken from the kernel at a time.
const EVENTS: usize = 1024;

/// From this many events (and turns) on the other end is told of them, whether or not more are to come.
const BURST: usize = 32;

/// What a command counts against the budget besides its payload.
const COMMAND_COST: usize = 64;

/// Length of the largest close event: 4 bytes of numbers and a text, which on the wire has at most 123 bytes.
const CLOSE_BYTES: usize = 256;

const MAX_ERROR_BYTES: usize = 4096;

/// How far ahead an entry of the timer wheel may lie; what is due later is looked at again then.
const FARTHEST_TIMER: Duration = Duration::from_secs(60);

/// How often a loop that has failed looks again for room to say so.
const REPORT_RETRY: Duration = Duration::from_millis(50);

const _: () = assert!(
    usize::BITS == 64,
    "a token holds a slot and a generation, 32 bits each"
);
