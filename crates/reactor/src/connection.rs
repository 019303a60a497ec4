//! One socket with its session: readiness, reading within a budget, and the lists of its loop.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Instant;

use gev_session::{
    Around, CloseReason, Config, Event, Gauges, Heard, LastWord, Next, Pools, Rank, Session,
    Shared, Stopping,
};
use gev_wire::{CloseCause, PART_BYTES, Request};

use crate::addresses::Addresses;
use crate::admission::Admitted;
use crate::bridge::{Addressed, Bridge, Command, CommandKind};
use crate::close_payload;
use crate::counter::Counter;
use crate::protocols::Protocols;
use crate::slots::ConnectionId;
use crate::transport::Socket;

#[cfg(test)]
mod tests;

/// A connection as its event loop sees it.
pub(crate) struct Connection {
    id: ConnectionId,
    socket: Socket,
    /// Until the application has been told that it is open.
    addresses: Option<Box<Addresses>>,
    admitted: Admitted,
    config: Arc<Config>,
    session: Session,
    ready: Readiness,
    /// Of the bytes that the kernel has taken, those that have been counted.
    counted: u64,
    /// The last read gave much, as the next one may.
    reads_much: bool,
    pub(crate) listed: Listed,
    /// The deadline of this connection's entry in the timer wheel.
    pub(crate) armed: Option<Instant>,
}

/// What events of the poll have said of a socket.
#[derive(Debug, Default)]
struct Readiness {
    /// Reading may give bytes: set by an event, cleared when the socket has been read empty.
    readable: bool,
    /// The peer has sent FIN: a short read does not mean that the socket is empty.
    read_closed: bool,
    /// Both directions of the socket are closed, or it has failed.
    hung_up: bool,
    /// The socket has failed: reset by the peer, for example.
    is_broken: bool,
}

/// The lists of its loop that a connection is in.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    /// Of those to read from.
    pub(crate) ready: bool,
    /// Of those to flush.
    pub(crate) dirty: bool,
    /// Of those that wait for memory.
    pub(crate) starved: bool,
}

/// A socket that has been accepted, and may come in.
pub(crate) type Accepted = (Socket, Addresses, Admitted);

/// What a connection borrows of its loop for a around.
pub(crate) struct Surroundings<'a, B> {
    pub(crate) bridge: &'a mut B,
    pub(crate) read_buffer: &'a mut [u8],
    /// Bytes to read, after which it is the others' around.
    pub(crate) read_budget: usize,
    pub(crate) pools: &'a mut Pools,
    pub(crate) now: Instant,
    /// How much of the memory for all connections this one may use.
    pub(crate) rank: Rank,
}

impl Connection {
    pub(crate) fn new(
        id: ConnectionId,
        (socket, addresses, admitted): Accepted,
        session: Session,
        config: Arc<Config>,
    ) -> Self {
        Self {
            id,
            socket,
            addresses: Some(Box::new(addresses)),
            admitted,
            config,
            session,
            ready: Readiness::default(),
            counted: 0,
            reads_much: false,
            listed: Listed::default(),
            armed: None,
        }
    }

    /// Bytes that the kernel has taken since this was asked last.
    pub(crate) fn take_written(&mut self) -> u64 {
        let taken = self.session.taken();
        taken - std::mem::replace(&mut self.counted, taken)
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    pub(crate) fn take_addresses(&mut self) -> Option<Box<Addresses>> {
        self.addresses.take()
    }

    /// What the application has to be told when this connection is gone.
    pub(crate) fn last_word(&self, reason: CloseReason) -> Option<LastWord> {
        self.session.last_word(reason)
    }

    /// When the loop has to look after this connection.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.session.deadline(&self.config)
    }

    /// Notes the time of what has happened to this connection.
    pub(crate) fn stamp(&mut self, pools: &Pools) {
        self.session.stamp(&self.config, pools);
    }

    /// What the application has asked to be told of and has come about, one at a time.
    pub(crate) fn next_news(&mut self) -> Option<Event> {
        self.session.next_news()
    }

    /// Counts what it holds. Returns the gauges, if they are not what was returned last.
    pub(crate) fn changed_gauges(&mut self) -> Option<Gauges> {
        self.session.changed_gauges()
    }

    pub(crate) fn stop(&mut self, stopping: &Stopping) {
        self.session.stop(stopping);
    }

    /// True when flushing would do something.
    pub(crate) fn wants_flush(&self) -> bool {
        self.session.wants_flush() || self.socket.wants_write()
    }

    /// True when there is something to decode, or to read and throw away, or when the peer is no more.
    pub(crate) fn wants_turn(&self) -> bool {
        let has_input = self.session.has_undecoded() || self.has_unread();
        let waits = self.session.is_paused() || (self.listed.starved && self.may_starve());
        (has_input && !waits) || self.has_left() || self.is_lost()
    }

    /// True when what it sends takes memory, as long as its message is not complete or the event queue is full.
    pub(crate) fn may_starve(&self) -> bool {
        self.session.may_starve() && !self.ready.hung_up
    }

    /// True when the peer has sent all that it will ever send.
    pub(crate) fn has_peer_ended(&self) -> bool {
        self.ready.read_closed
    }

    /// Something has arrived that is to be read.
    fn has_unread(&self) -> bool {
        self.ready.readable && self.session.wants_input()
    }

    /// The peer does not wait for the answer to its request any more. For a response half a connection is enough.
    fn has_left(&self) -> bool {
        match self.session.asked() {
            Some(Request::Upgrade) => self.ready.read_closed || self.ready.hung_up,
            Some(Request::Plain) => self.ready.hung_up,
            None => false,
        }
    }

    /// Nothing is read any more, so that only an event tells that there is nobody to answer.
    fn is_lost(&self) -> bool {
        self.session.awaits_handler() && self.ready.is_broken
    }

    /// Notes what an event of the poll says. Returns true when output can be written that could not before.
    pub(crate) fn note(&mut self, event: &mio::event::Event) -> bool {
        let ready = &mut self.ready;
        ready.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        ready.read_closed |= event.is_read_closed();
        ready.hung_up |= event.is_error() || event.is_write_closed();
        ready.is_broken |= tells_of_failure(event);
        event.is_writable() && self.session.note_writable()
    }

    /// Decodes what is left, then reads and decodes until the socket is empty or the budget is spent.
    pub(crate) fn fill<B: Bridge>(&mut self, around: &mut Surroundings<'_, B>) -> Next {
        if self.is_lost() {
            return self.broken();
        }
        if self.has_left() {
            return self.session.left();
        }
        let next = self.receive(around, |session, all| session.go_on(all));
        if next != Next::Wait || self.session.is_paused() {
            return next;
        }
        let next = self.read(around);
        if next != Next::Wait {
            return next;
        }
        self.receive(around, |session, all| session.look_last(all))
    }

    /// Reads until the socket is empty, the budget is spent, or nothing more is wanted.
    fn read<B: Bridge>(&mut self, around: &mut Surroundings<'_, B>) -> Next {
        let mut budget = around.read_budget;
        while self.has_unread() && !self.session.is_paused() {
            if budget == 0 {
                let is_last = self.session.is_stopping();
                return if is_last { Next::Wait } else { Next::Again };
            }
            // Of one that is gone no more comes than is here.
            let most = match around.read_buffer.len() {
                most if self.may_starve() => self.session.ration(around.rank, most),
                most => most,
            };
            if most == 0 {
                return Next::Starved;
            }
            if self.reads_much && !around.bridge.has_room() {
                // What has been read without room for it would be copied once more.
                return Next::Blocked;
            }
            match self.socket.read(&mut around.read_buffer[..most]) {
                Ok(0) => {
                    self.ready.readable = false;
                    if self.ready.is_broken {
                        return self.broken();
                    }
                    return self.receive(around, |session, all| session.receive_end(all));
                }
                Ok(n) => {
                    around.bridge.add(Counter::ReceivedBytes, n as u64);
                    self.reads_much = n >= PART_BYTES / 2;
                    // Where memory is scarce, what comes of a little is awaited first.
                    let is_scarce = most < PART_BYTES.min(around.read_buffer.len());
                    budget = if is_scarce {
                        0
                    } else {
                        budget.saturating_sub(n)
                    };
                    self.ready.readable =
                        n == most || self.ready.read_closed || !SHORT_READ_IS_LAST;
                    let next = self.receive_bytes(around, n);
                    if next != Next::Wait {
                        return next;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.ready.readable = false;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.session.failed(&error),
            }
        }
        Next::Wait
    }

    /// The first `n` bytes of the read buffer have been read.
    fn receive_bytes<B: Bridge>(&mut self, around: &mut Surroundings<'_, B>, n: usize) -> Next {
        let read_buffer = std::mem::take(&mut around.read_buffer);
        let next = self.receive(around, |session, around| {
            session.receive(&read_buffer[..n], around)
        });
        around.read_buffer = read_buffer;
        next
    }

    /// Has the session do something with everything around it.
    #[inline]
    fn receive<B: Bridge>(
        &mut self,
        around: &mut Surroundings<'_, B>,
        what: impl FnOnce(&mut Session, &mut Around<'_, Addressed<'_, B>, Socket>) -> Next,
    ) -> Next {
        let mut events = Addressed {
            bridge: around.bridge,
            id: self.id,
            addresses: &mut self.addresses,
            admitted: &mut self.admitted,
            now: around.now,
        };
        let mut session_around = Around {
            events: &mut events,
            outlet: &mut self.socket,
            pools: around.pools,
            config: &self.config,
            now: around.now,
            rank: around.rank,
        };
        what(&mut self.session, &mut session_around)
    }

    /// Writes what is waiting, and takes the next step towards the end when all of it is out.
    pub(crate) fn flush(&mut self, pools: &mut Pools) -> Next {
        if self.socket.wants_write()
            && let Err(error) = self.socket.write(&[])
            && error.kind() != io::ErrorKind::WouldBlock
        {
            return self.session.failed(&error);
        }
        self.session.flush(&mut self.socket, pools)
    }

    /// Does what is to be done when a deadline has passed, if one has. `is_heard`: what the peer sends is read.
    pub(crate) fn expire(&mut self, now: Instant, is_heard: bool, pools: &mut Pools) -> Next {
        let heard = Heard {
            has_unread: self.has_unread(),
            is_heard,
        };
        self.session
            .expire(now, heard, &self.config, &mut self.socket, pools)
    }

    /// Does what the application asks for, at `now`.
    pub(crate) fn run(
        &mut self,
        command: Command<'_>,
        now: Instant,
        protocols: &Protocols,
        pools: &mut Pools,
    ) -> Next {
        let Self {
            session,
            socket,
            config,
            ..
        } = self;
        let payload = command.payload;
        let deadline = || now + config.close_timeout;
        match command.kind {
            CommandKind::Send(outgoing) => return session.send(outgoing, payload, socket, pools),
            CommandKind::SendLoan(outgoing) => {
                if let Some(loan) = command.loan {
                    return session.send_loan(outgoing, loan, socket, pools);
                }
            }
            CommandKind::Ping => session.ping(payload, pools),
            CommandKind::Pause => session.pause(),
            CommandKind::Resume => session.resume(),
            CommandKind::TellDrained => {
                session.tell_drained(payload.try_into().map_or(0, u32::from_le_bytes));
            }
            CommandKind::TellSent => session.tell_sent(),
            CommandKind::Accept => session.accept(payload),
            CommandKind::Respond { more } => session.respond(payload, more, deadline(), pools),
            CommandKind::Close => {
                let (close, cause) = close_payload::read(payload);
                session.close(close, cause, deadline(), pools);
            }
            CommandKind::Expel => {
                let (close, cause) = close_payload::read(payload);
                return session.expel(close, cause, deadline(), socket, pools);
            }
            CommandKind::ShutdownWrite => session.shut_down_write(),
            CommandKind::End => session.end(deadline(), pools),
            CommandKind::Destroy => {
                let cause = close_payload::cause_of(payload.first().copied().unwrap_or_default());
                if payload.get(1) == Some(&1) {
                    socket.reset_when_gone();
                }
                return Next::Gone(CloseReason::abnormal(cause, ""));
            }
            CommandKind::Unread => session.unread(payload, config, pools),
            CommandKind::Step => session.step(),
            CommandKind::Stop
            | CommandKind::Assign
            | CommandKind::Share(_)
            | CommandKind::ShareLoan(_) => {}
            CommandKind::SetDeadline => {
                let ms = payload.try_into().map_or(0, u32::from_le_bytes);
                session.set_deadline(ms, now);
            }
            CommandKind::SetProtocol => match protocols.get(payload) {
                Some(protocol) => {
                    session.set_protocol((protocol.codec)()(), deadline(), pools);
                    *config = protocol.session;
                }
                None => return impossible(),
            },
            CommandKind::Impossible => return impossible(),
        }
        Next::Wait
    }

    /// Sends what many get.
    pub(crate) fn send_shared(&mut self, shared: &mut Shared<'_>, pools: &mut Pools) -> Next {
        self.session.send_shared(shared, &mut self.socket, pools)
    }

    /// An event has told of the socket's failure. What it is nobody can say any more if its error has been taken, or was
    /// never kept; reading from such a socket looks like the end of input.
    fn broken(&mut self) -> Next {
        let error = self.socket.take_error().ok().flatten();
        self.session
            .failed(&error.unwrap_or_else(|| io::ErrorKind::ConnectionReset.into()))
    }

    /// Gives all borrowed memory back.
    pub(crate) fn release(self, pools: &mut Pools) {
        self.session.release(pools);
    }
}

/// A command that makes no sense ends its connection.
fn impossible() -> Next {
    let text = "Bug: a command that makes no sense";
    Next::Gone(CloseReason::abnormal(CloseCause::Internal, text))
}

/// A reset, for example. What Windows calls an abort is for mio the end of both directions, and no error; elsewhere both
/// directions may have ended as they should.
fn tells_of_failure(event: &mio::event::Event) -> bool {
    event.is_error() || cfg!(windows) && event.is_write_closed()
}

/// On epoll and kqueue a read that gives fewer bytes than asked for has emptied the socket (epoll(7), question 9), so
/// that the read that would say `WouldBlock` can be saved. Windows needs that `WouldBlock` to arm its readiness again.
const SHORT_READ_IS_LAST: bool = cfg!(unix);
