//! How a connection comes to its end: goodbyes of either side, errors, and deadlines.

use std::io;
use std::time::{Duration, Instant};

use gev_wire::Close;
use socket2::SockRef;

use super::{Connection, Known, MAX_CONTROL_BYTES, Next, Pools, State, Surroundings};
use crate::bridge::{Bridge, Event};
use crate::close_reason::{CloseCause, CloseReason};
use crate::config::Config;
use crate::event_loop::Stopping;
use crate::watch::Due;

impl Connection {
    /// The socket sends RST instead of FIN when it is dropped.
    pub(crate) fn reset_when_gone(&self) {
        // Fails only for a socket that is no more.
        let _ = SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
    }

    /// The loop is stopping. What has arrived is read and handled before the goodbye, and those that are in their handshake
    /// may finish it, and come back here then; nothing takes longer than `stopping` says.
    pub(crate) fn stop(&mut self, stopping: &Stopping) {
        let has_begun = self.is_open() || self.is_ending();
        let until = if has_begun {
            stopping.deadline
        } else {
            stopping.handshakes
        };
        self.deadline = Some(self.deadline.map_or(until, |at| at.min(until)));
        let ends = self.state != State::Open || self.outcome.is_some() || self.held_end.is_some();
        if self.is_open() && !ends && self.last_look.is_none() {
            self.last_look = Some(Box::new(CloseReason {
                close: stopping.close.clone(),
                cause: CloseCause::Stop,
                was_clean: false,
            }));
            self.undecoded = true;
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
            // Between two frames is soon enough. The first reason counts.
            self.deadline.get_or_insert(deadline);
            self.held_end
                .get_or_insert_with(|| Box::new((close, cause)));
            return;
        }
        let said = self.goodbye(&close, pools);
        let awaits_answer = said && !self.input_ended && !self.peer_failed;
        let answers = self.state == State::HalfClosed && !self.is_stopped;
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
        let is_done = answers || !(awaits_answer || self.protocol.ends_by_fin());
        outcome.was_clean = is_done && !self.peer_failed;
        self.deadline = Some(deadline);
    }

    /// Ends the connection for what it holds, of which nothing is kept: with a goodbye if that can be said at once.
    pub(crate) fn expel(
        &mut self,
        close: Close,
        cause: CloseCause,
        deadline: Instant,
        pools: &mut Pools,
    ) -> Next {
        let reason = CloseReason {
            close,
            cause,
            was_clean: false,
        };
        let speaks = self.is_open() && !self.protocol.ends_by_fin();
        let may_speak = speaks && matches!(self.state, State::Open | State::HalfClosed);
        if !may_speak || self.has_output() || self.unsent > 0 {
            let abnormal = |it: CloseReason| CloseReason::abnormal(it.cause, it.close.reason);
            return Next::Gone(self.outcome.take().map_or(reason, abnormal));
        }
        self.goodbye(&reason.close, pools);
        let reason = self.outcome.take().unwrap_or(reason);
        self.finish(reason, deadline, pools);
        self.flush(pools)
    }

    /// Answers the peer's goodbye, or what it did wrong, and ends the connection when the output is out.
    pub(crate) fn end(&mut self, deadline: Instant, pools: &mut Pools) {
        if self.state == State::HalfClosed {
            let said = self.outcome.as_ref().map(|outcome| outcome.close.clone());
            let close = said.unwrap_or(Close::new(NO_STATUS, ""));
            self.close(close, CloseCause::Peer, deadline, pools);
        }
    }

    /// True when its end has begun, be it that of a connection or of a request that is being answered.
    pub(crate) fn is_ending(&self) -> bool {
        self.is_over() || self.is_answering
    }

    /// True when nothing is decoded any more.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Finishing | State::Lingering)
    }

    /// Does what is to be done when a deadline has passed, if one has. `is_heard`: what the peer sends is read.
    pub(crate) fn expire(
        &mut self,
        now: Instant,
        is_heard: bool,
        config: &Config,
        pools: &mut Pools,
    ) -> Next {
        if self.deadline(config).is_none_or(|deadline| deadline > now) {
            return Next::Wait;
        }
        if self.has_output() && !self.writable {
            // The kernel has room for a little before it says so.
            self.writable = true;
            let next = self.flush(pools);
            if next != Next::Wait {
                return next;
            }
            self.stamp(config);
        }
        let Some(deadline) = self.deadline else {
            return self.look_after(now, config, pools);
        };
        if deadline > now {
            return Next::Wait;
        }
        if !is_heard && self.is_unread() {
            self.deadline = Some(now + UNHEARD);
            return Next::Wait;
        }
        if let Some((close, cause)) = self.held_end.take().map(|end| *end) {
            return Next::Gone(CloseReason::abnormal(cause, close.reason));
        }
        if let Some(reason) = self.last_look.take() {
            self.outcome.get_or_insert(*reason);
            self.is_stopped = true;
            self.state = State::HalfClosed;
        }
        if (self.peer_failed || self.is_stopped) && self.state == State::HalfClosed {
            // The handler does not come to its end; the peer is told all the same.
            self.end(now, pools);
            let _ = self.flush(pools);
        }
        let said = self.state == State::Lingering && !self.protocol.ends_by_fin();
        Next::Gone(match self.outcome.take() {
            None if self.is_open() => CloseReason::abnormal(CloseCause::Stop, ""),
            None => self.time_out(pools),
            Some(outcome) if self.state == State::HalfClosed => outcome,
            // All has been said; that the peer keeps the socket open does not matter.
            Some(outcome) if said || outcome.was_clean && !self.has_output() => outcome,
            // The goodbye was not answered, or not even taken, in time.
            Some(outcome) => CloseReason::abnormal(outcome.cause, outcome.close.reason),
        })
    }

    /// The time for the handshake is over. The peer is told, if there is something to tell it and the socket takes that.
    fn time_out(&mut self, pools: &mut Pools) -> CloseReason {
        let cause = CloseCause::Timeout;
        // What the application answers may be half way out.
        if self.has_output() {
            return CloseReason::abnormal(cause, "response not taken in time");
        }
        let Some(refusal) = self.protocol.time_out(pools.date.now()) else {
            return CloseReason::abnormal(cause, "no handshake in time");
        };
        self.output.append(&refusal.response, &mut pools.chunks);
        let _ = self.flush(pools);
        if let Known::Nothing { status } = &mut self.known {
            *status = refusal.status;
        }
        CloseReason::abnormal(cause, refusal.reason)
    }

    /// Sees to the timeouts of an open connection.
    fn look_after(&mut self, now: Instant, config: &Config, pools: &mut Pools) -> Next {
        if !matches!(self.state, State::Open | State::HalfClosed) {
            return Next::Wait;
        }
        if self.watch.is_stalled(now, &config.timeouts) {
            let text = "the peer takes nothing";
            return Next::Gone(CloseReason::abnormal(CloseCause::Stalled, text));
        }
        let (close, cause) = match self.watch.due(now, &config.timeouts, self.is_unread()) {
            Due::Nothing => return Next::Wait,
            Due::Ping => {
                if self.is_mid_frame() {
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

    /// The peer did wrong, and is told so. What the handler owes it for the messages before goes out first, as with a
    /// goodbye of the peer's.
    pub(super) fn fail<B: Bridge>(
        &mut self,
        close: Close,
        cause: CloseCause,
        around: &mut Surroundings<'_, B>,
    ) -> Next {
        let deadline = around.deadline();
        self.peer_failed = true;
        let waits = self.state == State::Open && self.is_open();
        if !waits {
            self.goodbye(&close, around.pools);
        }
        let reason = CloseReason {
            close,
            cause,
            was_clean: false,
        };
        // Who has closed before that has said why.
        let reason = self.outcome.take().unwrap_or(reason);
        if waits {
            self.outcome = Some(reason);
            self.deadline = Some(deadline);
            self.forget_rest(around.pools);
            return self.tell(Event::End, around);
        }
        self.finish(reason, deadline, around.pools);
        self.flush(around.pools)
    }

    /// Nothing more is to be decoded: flush, then end.
    pub(super) fn finish(&mut self, reason: CloseReason, deadline: Instant, pools: &mut Pools) {
        self.state = State::Finishing;
        self.outcome = Some(reason);
        self.deadline = Some(deadline);
        self.forget_rest(pools);
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

    /// An event has told of the socket's failure. What it is nobody can say any more if its error has been taken, or was
    /// never kept; reading from such a socket looks like the end of input.
    pub(super) fn broken(&mut self) -> Next {
        let error = self.socket.take_error().ok().flatten();
        self.failed(&error.unwrap_or_else(|| io::ErrorKind::ConnectionReset.into()))
    }

    pub(super) fn failed(&mut self, error: &io::Error) -> Next {
        // When the peer has said goodbye, or need not, how the connection goes down matters no more.
        let may_fail = self.state == State::HalfClosed
            || self.protocol.ends_by_fin()
            || self.state == State::Lingering && self.peer_failed;
        let outcome = self.outcome.take().filter(|it| it.was_clean || may_fail);
        Next::Gone(
            outcome.unwrap_or_else(|| CloseReason::abnormal(CloseCause::Reset, error.to_string())),
        )
    }

    pub(super) fn take_outcome(&mut self) -> CloseReason {
        self.outcome
            .take()
            .unwrap_or_else(|| CloseReason::abnormal(CloseCause::Peer, ""))
    }
}

/// How much longer a connection has, again and again, whose bytes wait because the application is busy.
const UNHEARD: Duration = Duration::from_millis(100);

/// RFC 6455 section 7.4.1.
const GOING_AWAY: u16 = 1001;
const NO_STATUS: u16 = 1005;
