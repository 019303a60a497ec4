//! One socket with its protocol, from accept to the last byte.
//!
//! ```text
//!            close()                 peer's goodbye, or error            output empty             peer's FIN
//!   Open ---------------> Closing ------------------------> Finishing ---------------> Lingering ----------> gone
//!     |  peer's goodbye                  close(), end()        ^    `--- (peer's FIN seen already) -----------^
//!     `----------------> HalfClosed -------------------------'
//! ```
//! The peer's goodbye is a protocol's own or, where it has none, FIN. Its answer waits for `end()`, by which the handler
//! says that it has sent what it wants to send for the messages before.
//!
//! From every state a failed socket, an expired deadline or `destroy` leads to "gone" at once. Input is decoded in
//! `Open` and `Closing` and thrown away later: lingering with the socket open until the peer has closed too keeps the
//! kernel from answering late input with a reset, which could overtake our last bytes.

use std::io::{self, Read};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use gev_wire::{Close, Decoded, Input, Outgoing, Payload, Protocol, ProtocolError, RingBuffer};
use mio::net::TcpStream;

use crate::addresses::Addresses;
use crate::bridge::{Bridge, Event, Gauges};
use crate::close_reason::{CloseCause, CloseReason};
use crate::config::Config;
use crate::output::{CHUNK_BYTES, ChunkPool, Output};
use crate::sink::LoopSink;
use crate::slots::ConnectionId;
use crate::watch::{Due, Watch};

/// A connection as its event loop sees it.
pub(crate) struct Connection {
    id: ConnectionId,
    socket: TcpStream,
    addresses: Addresses,
    protocol: Box<dyn Protocol>,
    /// Input that was read and is not decoded: an unfinished frame, or what the full event queue had no room for.
    rest: RingBuffer,
    output: Output,
    /// The answer to the latest ping, while the socket takes nothing or a frame is half way out.
    held_pong: Option<Box<[u8]>>,
    /// A ping that waits for the end of a frame.
    held_ping: bool,
    /// An end that waits for the end of a frame.
    held_end: Option<Box<HeldEnd>>,
    state: State,
    /// Reading may give bytes: set by an event, cleared when the socket has been read empty.
    pub(crate) readable: bool,
    /// Writing may succeed: set by an event, cleared by `WouldBlock`.
    writable: bool,
    /// The peer has sent FIN: a short read does not mean that the socket is empty.
    read_closed: bool,
    /// `read` has returned 0.
    input_ended: bool,
    /// Decoding stopped for want of room in the event queue (or has not begun, or may go on after an answer).
    undecoded: bool,
    /// The application has been asked about a request and has not answered; nothing is read meanwhile.
    asking: bool,
    /// The application has been told of this connection, and has to be told of its end.
    announced: bool,
    /// What has begun goes through the protocol on its way out.
    transforms: bool,
    /// Payload bytes of the frame that has begun and that are still to come. Until then no other frame may be sent.
    unsent: u64,
    /// FIN when the output is empty; reading goes on.
    shutdown_when_flushed: bool,
    /// In the loop's list of connections to read from.
    pub(crate) in_ready: bool,
    /// In the loop's list of connections to flush.
    pub(crate) in_dirty: bool,
    /// Payload bytes of `Send` and `Continue` commands, modulo 2^32.
    taken: u32,
    gauges: Gauges,
    /// How the connection ends, decided when the end began.
    outcome: Option<CloseReason>,
    /// When patience ends with a handshake or a close that is under way.
    deadline: Option<Instant>,
    /// For the time between handshake and close.
    watch: Watch,
    /// Pings and pongs since `controls_since`.
    controls: u32,
    controls_since: Instant,
    /// The deadline of this connection's entry in the timer wheel.
    pub(crate) armed: Option<Instant>,
}

/// How a connection is going to end.
struct HeldEnd {
    close: Close,
    cause: CloseCause,
    /// The peer did wrong: nothing is expected of it.
    failed: bool,
}

/// What a connection needs of its loop.
pub(crate) struct Surroundings<'a, B> {
    pub(crate) bridge: &'a mut B,
    pub(crate) read_buffer: &'a mut [u8],
    pub(crate) pools: &'a mut Pools,
    pub(crate) config: &'a Config,
    pub(crate) now: Instant,
}

/// Memory that connections of one loop borrow.
pub(crate) struct Pools {
    pub(crate) chunks: ChunkPool,
    pub(crate) rings: Vec<Box<[u8]>>,
}

/// What the loop has to do for a connection next.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Wait for an event.
    Wait,
    /// Come back in the next turn: there is more to read.
    Again,
    /// Come back when the event queue has room.
    Blocked,
    /// Remove it.
    Gone(CloseReason),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    HalfClosed,
    Closing,
    Finishing,
    Lingering,
}

impl<B> Surroundings<'_, B> {
    /// When patience ends with a close that begins now.
    fn deadline(&self) -> Instant {
        self.now + self.config.close_timeout
    }
}

impl Connection {
    pub(crate) fn new(
        id: ConnectionId,
        socket: TcpStream,
        addresses: Addresses,
        protocol: Box<dyn Protocol>,
        config: &Config,
        now: Instant,
    ) -> Self {
        Self {
            id,
            socket,
            addresses,
            protocol,
            rest: RingBuffer::new(config.read_buffer_bytes + MAX_UNFINISHED_BYTES),
            output: Output::default(),
            held_pong: None,
            held_ping: false,
            held_end: None,
            state: State::Open,
            readable: false,
            writable: true,
            read_closed: false,
            input_ended: false,
            undecoded: true,
            asking: false,
            announced: false,
            transforms: false,
            unsent: 0,
            shutdown_when_flushed: false,
            in_ready: false,
            in_dirty: false,
            taken: 0,
            gauges: Gauges::default(),
            outcome: None,
            deadline: Some(now + config.handshake_timeout),
            watch: Watch::new(now),
            controls: 0,
            controls_since: now,
            armed: None,
        }
    }

    /// True once its handshake is done.
    pub(crate) fn is_open(&self) -> bool {
        self.protocol.is_open()
    }

    /// True once the application has been told of it, and has to be told of its end.
    pub(crate) fn is_announced(&self) -> bool {
        self.announced
    }

    /// When the loop has to look after this connection.
    pub(crate) fn deadline(&self, config: &Config) -> Option<Instant> {
        self.deadline.or_else(|| match self.state {
            State::Open => self.watch.next_deadline(&config.timeouts),
            _ => None,
        })
    }

    /// Notes the time of what has happened to this connection.
    pub(crate) fn stamp(&mut self, config: &Config) {
        self.watch.stamp(&config.timeouts, Instant::now);
    }

    pub(crate) fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// True when flushing would do something: there is output, or a step to take once there is none.
    pub(crate) fn wants_flush(&self) -> bool {
        (self.has_output() && self.writable)
            || (self.state == State::Finishing && !self.has_output())
    }

    /// True when there is something to decode, or to read and throw away.
    pub(crate) fn wants_turn(&self) -> bool {
        self.undecoded || (self.reads() && self.readable) || (self.asking && self.read_closed)
    }

    fn reads(&self) -> bool {
        self.state != State::HalfClosed && !self.asking
    }

    /// Notes what an event of the poll says. Returns true when output can be written that could not before.
    pub(crate) fn note(&mut self, event: &mio::event::Event) -> bool {
        self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.read_closed |= event.is_read_closed();
        let unblocked = !self.writable && event.is_writable();
        self.writable |= event.is_writable();
        unblocked && (self.has_output() || self.state == State::Finishing)
    }

    /// Decodes what is left, then reads and decodes until the socket is empty or the budget is spent.
    pub(crate) fn fill<B: Bridge>(&mut self, around: &mut Surroundings<'_, B>) -> Next {
        if self.state == State::Open && self.outcome.is_some() {
            return self.tell_end(around);
        }
        if self.asking && self.read_closed {
            let text = "connection ended before the request was answered";
            return Next::Gone(CloseReason::abnormal(CloseCause::Peer, text));
        }
        if self.undecoded {
            let next = self.decode_rest(around);
            if next != Next::Wait {
                return next;
            }
            if self.input_ended {
                return self.end_of_input(around);
            }
        }
        let mut budget = around.config.read_budget_bytes;
        while self.readable && self.reads() {
            if budget == 0 {
                return Next::Again;
            }
            match self.socket.read(around.read_buffer) {
                Ok(0) => {
                    self.readable = false;
                    self.input_ended = true;
                    return self.end_of_input(around);
                }
                Ok(n) => {
                    budget = budget.saturating_sub(n);
                    self.watch.note_received();
                    self.readable =
                        n == around.read_buffer.len() || self.read_closed || !SHORT_READ_IS_LAST;
                    let next = self.decode_read(n, around);
                    if next != Next::Wait {
                        return next;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.readable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.failed(&error),
            }
        }
        Next::Wait
    }

    /// Writes what is waiting, and takes the next step towards the end when all of it is out.
    pub(crate) fn flush(&mut self, pools: &mut Pools) -> Next {
        self.flush_with(&[], pools)
    }

    /// Queues one message. Returns what the socket said if it was tried at once.
    pub(crate) fn send(
        &mut self,
        outgoing: Outgoing,
        payload: &[u8],
        deadline: Instant,
        pools: &mut Pools,
    ) -> Next {
        self.begin(outgoing, payload.len() as u64, pools);
        self.continue_message(payload, deadline, pools)
    }

    /// Queues the frame header of a message whose `len` bytes follow.
    pub(crate) fn begin(&mut self, outgoing: Outgoing, len: u64, pools: &mut Pools) {
        if !self.takes_messages() {
            return;
        }
        let tail = self.output.tail(MAX_HEADER_BYTES, &mut pools.chunks);
        let before = tail.len();
        self.transforms = self.protocol.begin(outgoing, len, tail) == Payload::Transformed;
        let header = tail.len() - before;
        self.output.appended(header);
        // What is transformed goes out in frames that are whole.
        self.unsent = if self.transforms { 0 } else { len };
    }

    /// Queues the next bytes of the message that has begun.
    pub(crate) fn continue_message(
        &mut self,
        payload: &[u8],
        deadline: Instant,
        pools: &mut Pools,
    ) -> Next {
        self.taken = self.taken.wrapping_add(payload.len() as u32);
        if !self.takes_messages() {
            return Next::Wait;
        }
        self.unsent = self.unsent.saturating_sub(payload.len() as u64);
        let next = self.add_payload(payload, pools);
        if next == Next::Wait
            && self.unsent == 0
            && let Some(end) = self.held_end.take()
        {
            self.end_by(*end, deadline, pools);
        }
        next
    }

    /// Queues a ping.
    pub(crate) fn ping(&mut self, payload: &[u8], pools: &mut Pools) {
        if self.takes_messages() {
            let tail = self.output.tail(MAX_CONTROL_BYTES, &mut pools.chunks);
            let before = tail.len();
            self.protocol.ping(payload, tail);
            let ping = tail.len() - before;
            self.output.appended(ping);
        }
    }

    /// The application accepts the upgrade that it was asked about.
    pub(crate) fn accept(&mut self, details: &[u8]) {
        if std::mem::take(&mut self.asking) {
            self.protocol.accept(details);
            self.undecoded = true;
        }
    }

    /// The application answers the request that it was asked about; without `more` to come that is the end.
    pub(crate) fn respond(
        &mut self,
        bytes: &[u8],
        more: bool,
        deadline: Instant,
        pools: &mut Pools,
    ) {
        if !self.asking {
            return;
        }
        self.output.append(bytes, &mut pools.chunks);
        if !more {
            self.asking = false;
            self.protocol.refuse();
            self.state = State::Finishing;
            self.outcome = Some(CloseReason::abnormal(CloseCause::Local, "request answered"));
            self.deadline = Some(deadline);
            self.forget_rest(pools);
        }
    }

    /// Starts a close from our side; `deadline` is when patience ends.
    pub(crate) fn close(
        &mut self,
        close: Close,
        cause: CloseCause,
        deadline: Instant,
        pools: &mut Pools,
    ) {
        if !matches!(self.state, State::Open | State::HalfClosed) {
            return;
        }
        if self.unsent > 0 {
            return self.hold_end(close, cause, false, deadline);
        }
        let awaits_answer = self.goodbye(&close, pools) && !self.input_ended;
        let answers = self.state == State::HalfClosed;
        self.state = if awaits_answer {
            State::Closing
        } else {
            State::Finishing
        };
        // What the peer has said before decides.
        let outcome = self.outcome.get_or_insert(CloseReason {
            close,
            cause,
            was_clean: false,
        });
        outcome.was_clean = answers || !(awaits_answer || self.protocol.ends_by_fin());
        self.deadline = Some(deadline);
    }

    /// Answers the peer's goodbye, and ends the connection when the output is out.
    pub(crate) fn end(&mut self, deadline: Instant, pools: &mut Pools) {
        if self.state == State::HalfClosed {
            let close = Close::new(NO_STATUS, "");
            self.close(close, CloseCause::Peer, deadline, pools);
        }
    }

    /// Closes the sending side when the output is out.
    pub(crate) fn shutdown_write(&mut self) {
        self.shutdown_when_flushed = true;
    }

    /// Does what is to be done when a deadline has passed, if one has.
    pub(crate) fn expire(&mut self, now: Instant, config: &Config, pools: &mut Pools) -> Next {
        let Some(deadline) = self.deadline else {
            return self.look_after(now, config, pools);
        };
        if deadline > now {
            return Next::Wait;
        }
        if let Some(end) = self.held_end.take() {
            return Next::Gone(CloseReason::abnormal(end.cause, end.close.reason));
        }
        let said = self.state == State::Lingering && !self.protocol.ends_by_fin();
        Next::Gone(match self.outcome.take() {
            None => CloseReason::abnormal(CloseCause::Timeout, "handshake timeout"),
            Some(outcome) if self.state == State::HalfClosed => outcome,
            // All has been said; that the peer keeps the socket open does not matter.
            Some(outcome) if said || outcome.was_clean && !self.has_output() => outcome,
            // The goodbye was not answered, or not even taken, in time.
            Some(outcome) => CloseReason::abnormal(outcome.cause, outcome.close.reason),
        })
    }

    /// The gauges, if they are not what was returned last.
    pub(crate) fn changed_gauges(&mut self) -> Option<Gauges> {
        let input = self.protocol.unfinished_len() + self.rest.len() as u64;
        let gauges = Gauges {
            taken: self.taken,
            output: u32::try_from(self.output.len()).unwrap_or(u32::MAX),
            input: u32::try_from(input).unwrap_or(u32::MAX),
        };
        (gauges != self.gauges).then(|| {
            self.gauges = gauges;
            gauges
        })
    }

    /// Gives all borrowed memory back.
    pub(crate) fn release(mut self, pools: &mut Pools) {
        self.output.discard(&mut pools.chunks);
        self.forget_rest(pools);
    }

    fn takes_messages(&self) -> bool {
        matches!(self.state, State::Open | State::HalfClosed)
            && self.is_open()
            && !self.shutdown_when_flushed
    }

    /// Sees to the timeouts of an open connection.
    fn look_after(&mut self, now: Instant, config: &Config, pools: &mut Pools) -> Next {
        if self.state != State::Open {
            return Next::Wait;
        }
        let unread = self.readable || self.undecoded;
        let (close, cause) = match self.watch.due(now, &config.timeouts, unread) {
            Due::Nothing => return Next::Wait,
            Due::Ping => {
                if self.unsent > 0 {
                    self.held_ping = true;
                } else {
                    self.ping(&[], pools);
                }
                return Next::Wait;
            }
            Due::NoPong => {
                return Next::Gone(CloseReason::abnormal(CloseCause::Timeout, "pong timeout"));
            }
            Due::Idle => (Close::new(GOING_AWAY, "idle timeout"), CloseCause::Idle),
            Due::Lifetime => (Close::new(GOING_AWAY, "lifetime over"), CloseCause::Limit),
        };
        self.close(close, cause, now + config.close_timeout, pools);
        Next::Wait
    }

    fn add_payload(&mut self, payload: &[u8], pools: &mut Pools) -> Next {
        if self.transforms {
            let Self {
                protocol, output, ..
            } = self;
            protocol.transform(payload, &mut |bytes| {
                output.append(bytes, &mut pools.chunks)
            });
            return Next::Wait;
        }
        if payload.len() >= DIRECT_BYTES && self.writable {
            return self.flush_with(payload, pools);
        }
        self.output.append(payload, &mut pools.chunks);
        Next::Wait
    }

    fn flush_with(&mut self, mut payload: &[u8], pools: &mut Pools) -> Next {
        while self.writable {
            let before = self.output.len() + payload.len();
            match self
                .output
                .flush(&mut self.socket, payload, &mut pools.chunks)
            {
                Ok(flushed) => self.writable = flushed,
                Err(error) => return self.failed(&error),
            }
            if self.output.len() < before {
                self.watch.note_sent();
            }
            payload = &[];
            if !self.writable || !self.release_controls(pools) {
                break;
            }
        }
        if self.has_output() {
            return Next::Wait;
        }
        if self.state == State::Finishing {
            if self.input_ended {
                return Next::Gone(self.take_outcome());
            }
            self.state = State::Lingering;
            self.undecoded = false;
            self.shutdown_when_flushed = true;
        }
        if self.shutdown_when_flushed {
            // Fails only when the peer has reset the connection, which reading will tell.
            let _ = self.socket.shutdown(Shutdown::Write);
        }
        Next::Wait
    }

    /// Queues the control frames that were held, if they may go now; true if there were any.
    fn release_controls(&mut self, pools: &mut Pools) -> bool {
        let may_go = self.unsent == 0 && self.takes_messages();
        if !may_go || !(self.held_ping || self.held_pong.is_some()) {
            return false;
        }
        if let Some(pong) = self.held_pong.take() {
            self.output.append(&pong, &mut pools.chunks);
        }
        if std::mem::take(&mut self.held_ping) {
            self.ping(&[], pools);
        }
        true
    }

    /// Decodes the `n` bytes that were read, together with what was left before.
    fn decode_read<B: Bridge>(&mut self, n: usize, around: &mut Surroundings<'_, B>) -> Next {
        if matches!(self.state, State::Finishing | State::Lingering) {
            return Next::Wait;
        }
        if self.rest.is_empty() {
            let mut input = Input::from(&around.read_buffer[..n]);
            let mut sink = LoopSink {
                id: self.id,
                addresses: &self.addresses,
                bridge: around.bridge,
                output: &mut self.output,
                chunks: &mut around.pools.chunks,
                may_pong: self.writable && self.unsent == 0,
                held_pong: &mut self.held_pong,
                controls: &mut self.controls,
            };
            let decoded = self.protocol.decode(&mut input, &mut sink);
            let used = n - input.len();
            if used < n && !matches!(decoded, Ok(Decoded::Closed(_)) | Err(_)) {
                let rest = &around.read_buffer[used..n];
                if !self.keep(rest, around.pools) {
                    return self.rest_too_long(around);
                }
            }
            return self.decoded(decoded, around);
        }
        if !self.keep(&around.read_buffer[..n], around.pools) {
            return self.rest_too_long(around);
        }
        self.decode_rest(around)
    }

    fn decode_rest<B: Bridge>(&mut self, around: &mut Surroundings<'_, B>) -> Next {
        if matches!(self.state, State::Finishing | State::Lingering) {
            self.undecoded = false;
            return Next::Wait;
        }
        let mut input = self.rest.input();
        let before = input.len();
        let mut sink = LoopSink {
            id: self.id,
            addresses: &self.addresses,
            bridge: around.bridge,
            output: &mut self.output,
            chunks: &mut around.pools.chunks,
            may_pong: self.writable && self.unsent == 0,
            held_pong: &mut self.held_pong,
            controls: &mut self.controls,
        };
        let decoded = self.protocol.decode(&mut input, &mut sink);
        let used = before - input.len();
        self.rest.consume(used);
        self.release_ring(around.pools);
        self.decoded(decoded, around)
    }

    fn decoded<B: Bridge>(
        &mut self,
        decoded: Result<Decoded, ProtocolError>,
        around: &mut Surroundings<'_, B>,
    ) -> Next {
        self.undecoded = matches!(decoded, Ok(Decoded::Blocked));
        self.announced |= self.is_open() || matches!(decoded, Ok(Decoded::Asked));
        if let Some(close) = self.too_many_controls(around) {
            return self.fail(close, CloseCause::Limit, around);
        }
        if self.output.len() > around.config.max_buffered_bytes {
            return Next::Gone(CloseReason::abnormal(
                CloseCause::Limit,
                "maxBufferedBytes exceeded by replies",
            ));
        }
        match decoded {
            Ok(Decoded::NeedMore) => {
                if self.state == State::Open && self.is_open() && self.held_end.is_none() {
                    self.deadline = None;
                }
                Next::Wait
            }
            Ok(Decoded::Blocked) => Next::Blocked,
            Ok(Decoded::Asked) => {
                self.asking = true;
                Next::Wait
            }
            Ok(Decoded::Closed(close)) => match self.outcome.take() {
                Some(ours) => {
                    let was_clean = true;
                    let reason = CloseReason { was_clean, ..ours };
                    self.finish(reason, around.deadline(), around.pools);
                    self.flush(around.pools)
                }
                None => {
                    let reason = CloseReason {
                        close,
                        cause: CloseCause::Peer,
                        // Not before it is answered.
                        was_clean: false,
                    };
                    if !self.is_open() {
                        self.finish(reason, around.deadline(), around.pools);
                        return self.flush(around.pools);
                    }
                    self.outcome = Some(reason);
                    self.deadline = Some(around.deadline());
                    self.forget_rest(around.pools);
                    self.tell_end(around)
                }
            },
            Err(error) => {
                let cause = if error.code == TOO_BIG {
                    CloseCause::Limit
                } else {
                    CloseCause::Protocol
                };
                self.fail(Close::from(error), cause, around)
            }
        }
    }

    /// Says that the peer did wrong, and ends.
    fn fail<B: Bridge>(
        &mut self,
        close: Close,
        cause: CloseCause,
        around: &mut Surroundings<'_, B>,
    ) -> Next {
        let deadline = around.deadline();
        if self.unsent > 0 {
            self.hold_end(close, cause, true, deadline);
            return Next::Wait;
        }
        let failed = true;
        let end = HeldEnd {
            close,
            cause,
            failed,
        };
        self.end_by(end, deadline, around.pools);
        self.flush(around.pools)
    }

    /// Ends when the frame that is half way out has come to its end. The first reason counts.
    fn hold_end(&mut self, close: Close, cause: CloseCause, failed: bool, deadline: Instant) {
        self.deadline.get_or_insert(deadline);
        self.held_end.get_or_insert_with(|| {
            Box::new(HeldEnd {
                close,
                cause,
                failed,
            })
        });
    }

    /// Ends between two frames.
    fn end_by(&mut self, end: HeldEnd, deadline: Instant, pools: &mut Pools) {
        let HeldEnd {
            close,
            cause,
            failed,
        } = end;
        if !failed {
            return self.close(close, cause, deadline, pools);
        }
        self.goodbye(&close, pools);
        let reason = CloseReason {
            close,
            cause,
            was_clean: false,
        };
        self.finish(reason, deadline, pools);
    }

    /// How to end a peer that has sent more pings and pongs within a second than it may.
    fn too_many_controls<B>(&mut self, around: &Surroundings<'_, B>) -> Option<Close> {
        if around.now.duration_since(self.controls_since) >= Duration::from_secs(1) {
            self.controls_since = around.now;
            // Those of a turn are counted together with the second that it ends.
            self.controls = 0;
        }
        let max = around.config.max_controls_per_second;
        let too_many = max != 0 && self.controls > max && self.state == State::Open;
        too_many.then(|| Close::new(POLICY_VIOLATION, "too many control frames"))
    }

    /// Nothing more is to be decoded: flush, then end.
    fn finish(&mut self, reason: CloseReason, deadline: Instant, pools: &mut Pools) {
        self.state = State::Finishing;
        self.outcome = Some(reason);
        self.deadline = Some(deadline);
        self.forget_rest(pools);
    }

    /// Tells the handler that the peer is done: the answer is [`end`](Self::end).
    fn tell_end<B: Bridge>(&mut self, around: &mut Surroundings<'_, B>) -> Next {
        self.undecoded = around.bridge.reserve(0).is_none();
        if self.undecoded {
            return Next::Blocked;
        }
        around.bridge.commit(self.id, Event::End);
        self.state = State::HalfClosed;
        Next::Wait
    }

    /// Appends the protocol's goodbye to the output; true when the peer is to answer.
    fn goodbye(&mut self, close: &Close, pools: &mut Pools) -> bool {
        let tail = self.output.tail(MAX_CONTROL_BYTES, &mut pools.chunks);
        let before = tail.len();
        let awaits_answer = self.protocol.close(close, tail);
        let goodbye = tail.len() - before;
        self.output.appended(goodbye);
        awaits_answer
    }

    /// The peer has sent FIN and all that came before it has been decoded.
    fn end_of_input<B: Bridge>(&mut self, around: &mut Surroundings<'_, B>) -> Next {
        match self.state {
            State::Open if self.protocol.ends_by_fin() && self.is_open() => self.tell_end(around),
            State::Open | State::HalfClosed => Next::Gone(CloseReason::abnormal(
                CloseCause::Peer,
                "connection ended without a close",
            )),
            State::Closing => {
                let cause = self.take_outcome().cause;
                Next::Gone(CloseReason::abnormal(
                    cause,
                    "connection ended without the peer's close",
                ))
            }
            State::Finishing | State::Lingering => {
                let both_said = self.protocol.ends_by_fin();
                if let Some(outcome) = self.outcome.as_mut().filter(|_| both_said) {
                    outcome.was_clean = true;
                }
                if self.has_output() {
                    return Next::Wait;
                }
                Next::Gone(self.take_outcome())
            }
        }
    }

    fn failed(&mut self, error: &io::Error) -> Next {
        // When the peer has said goodbye, or need not, how the connection goes down matters no more.
        let may_fail = self.state == State::HalfClosed || self.protocol.ends_by_fin();
        let outcome = self.outcome.take().filter(|it| it.was_clean || may_fail);
        Next::Gone(
            outcome.unwrap_or_else(|| CloseReason::abnormal(CloseCause::Reset, error.to_string())),
        )
    }

    fn rest_too_long<B: Bridge>(&mut self, around: &mut Surroundings<'_, B>) -> Next {
        let close = Close::new(TOO_BIG, "unfinished frame too long");
        self.fail(close, CloseCause::Limit, around)
    }

    fn take_outcome(&mut self) -> CloseReason {
        self.outcome
            .take()
            .unwrap_or_else(|| CloseReason::abnormal(CloseCause::Peer, ""))
    }

    fn keep(&mut self, bytes: &[u8], pools: &mut Pools) -> bool {
        if self.rest.capacity() == 0
            && let Some(storage) = pools.rings.pop()
        {
            self.rest.give_storage(storage);
        }
        self.rest.write(bytes).is_ok()
    }

    fn forget_rest(&mut self, pools: &mut Pools) {
        self.rest.clear();
        self.release_ring(pools);
    }

    fn release_ring(&mut self, pools: &mut Pools) {
        if !self.rest.is_empty() || self.rest.capacity() == 0 {
            return;
        }
        let storage = self.rest.take_storage();
        if storage.len() <= MAX_POOLED_RING_BYTES && pools.rings.len() < MAX_POOLED_RINGS {
            pools.rings.push(storage);
        }
    }
}

/// On epoll and kqueue a read that gives fewer bytes than asked for has emptied the socket (epoll(7), question 9), so
/// that the read that would say `WouldBlock` can be saved. Windows needs that `WouldBlock` to arm its readiness again.
const SHORT_READ_IS_LAST: bool = cfg!(unix);

/// From this size on a payload is handed to the kernel from the command queue, without a copy to the output.
const DIRECT_BYTES: usize = 8 * 1024;

/// No protocol writes a longer frame header than WebSocket's ten bytes; with room to spare.
const MAX_HEADER_BYTES: usize = 32;

/// No protocol leaves more than this of a frame in its input: WebSocket up to 64 KiB, a request that is not complete.
const MAX_UNFINISHED_BYTES: usize = 64 * 1024;

/// A control frame: 4 bytes of header, 125 of payload (RFC 6455 section 5.5); with room to spare.
const MAX_CONTROL_BYTES: usize = 512;

/// Storage of a ring that goes to the pool and how many of them: a megabyte in all.
const MAX_POOLED_RING_BYTES: usize = 16 * 1024;
const MAX_POOLED_RINGS: usize = 64;

/// RFC 6455 section 7.4.1.
const GOING_AWAY: u16 = 1001;
const NO_STATUS: u16 = 1005;
const POLICY_VIOLATION: u16 = 1008;
const TOO_BIG: u16 = 1009;

const _: () = assert!(MAX_HEADER_BYTES <= CHUNK_BYTES && MAX_CONTROL_BYTES <= CHUNK_BYTES);
