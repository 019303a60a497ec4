//! How a connection comes to its end: goodbyes of either side, failures, and deadlines.

use std::io;
use std::time::{Duration, Instant};

use gev_wire::{Close, CloseCause, CloseCode};

use crate::close_reason::CloseReason;
use crate::config::Config;
use crate::life::Goodbye;
use crate::output::Outlet;
use crate::pools::Pools;
use crate::session::{Known, Next, Session};
use crate::watch::Due;

/// When connections end whose loop is stopping.
#[derive(Debug, Clone)]
pub struct Stopping {
    /// What they are told.
    pub close: Close,
    /// When those are cut that are not gone by then.
    pub deadline: Instant,
    /// As above, for those that have not done their handshake.
    pub handshakes: Instant,
}

/// Whether a peer can be heard that a deadline judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Something has arrived that is to be received.
    pub has_unread: bool,
    /// It will be, as the application takes something.
    pub is_heard: bool,
}

impl Session {
    /// The loop is stopping. What has arrived is read and handled before the goodbye, and those that are in their handshake
    /// may finish it, and come back here then; nothing takes longer than `stopping` says.
    pub fn stop(&mut self, stopping: &Stopping) {
        let has_begun = !self.life.is_handshaking() || self.life.is_answering();
        let until = if has_begun {
            stopping.deadline
        } else {
            stopping.handshakes
        };
        self.deadline = Some(self.deadline.map_or(until, |at| at.min(until)));
        let reason = || CloseReason::unclean(stopping.close.clone(), CloseCause::Stop);
        if self.life.stop(reason) {
            self.undecoded = true;
        }
    }

    /// Starts a close from our side; `deadline` is when patience ends.
    pub fn close(&mut self, close: Close, cause: CloseCause, deadline: Instant, pools: &mut Pools) {
        if !self.life.may_send() && !self.life.is_handshaking() {
            return;
        }
        let by_fault = self.life.is_by_fault();
        let said = self.goodbye(&close, pools);
        let goodbye = Goodbye {
            awaits_answer: said && !self.input_ended && !by_fault,
            ends_by_fin: self.codec.ends_by_fin(),
        };
        self.life.close(CloseReason::unclean(close, cause), goodbye);
        self.deadline = Some(deadline);
    }

    /// Ends the connection for what it holds, of which nothing is kept: with a goodbye if that can be said at once.
    pub fn expel(
        &mut self,
        close: Close,
        cause: CloseCause,
        deadline: Instant,
        outlet: &mut impl Outlet,
        pools: &mut Pools,
    ) -> Next {
        let reason = CloseReason::unclean(close, cause);
        let may_speak = self.life.may_send() && !self.codec.ends_by_fin();
        if !may_speak || self.has_output() {
            let abnormal = |it: CloseReason| CloseReason::abnormal(it.cause, it.close.reason);
            return Next::Gone(self.life.take_outcome().map_or(reason, abnormal));
        }
        self.goodbye(&reason.close, pools);
        let reason = self.life.take_outcome().unwrap_or(reason);
        self.finish(reason, deadline, pools);
        self.flush(outlet, pools)
    }

    /// Answers the peer's goodbye, or what it did wrong, and ends the connection when the output is out.
    pub fn end(&mut self, deadline: Instant, pools: &mut Pools) {
        if self.life.awaits_handler() {
            let said = self.life.close_to_say();
            let close = said.unwrap_or(Close::new(CloseCode::NO_STATUS, ""));
            self.close(close, CloseCause::Peer, deadline, pools);
        }
    }

    /// Does what is to be done when a deadline has passed, if one has.
    pub fn expire(
        &mut self,
        now: Instant,
        heard: Heard,
        config: &Config,
        outlet: &mut impl Outlet,
        pools: &mut Pools,
    ) -> Next {
        if self.deadline(config).is_none_or(|deadline| deadline > now) {
            return Next::Wait;
        }
        if self.has_output() && !self.sending.writable {
            // The kernel has room for a little before it says so.
            self.sending.writable = true;
            let next = self.flush(outlet, pools);
            if next != Next::Wait {
                return next;
            }
            self.stamp(config, pools);
        }
        let is_held_back = self.is_held() && !self.rest.is_empty();
        let unread = heard.has_unread || self.undecoded || is_held_back;
        let Some(deadline) = self.deadline else {
            return self.look_after(now, unread, config, pools);
        };
        if deadline > now {
            return Next::Wait;
        }
        if unread && !heard.is_heard {
            self.deadline = Some(now + UNHEARD);
            return Next::Wait;
        }
        self.give_up(now, outlet, pools)
    }

    /// Patience is over.
    fn give_up(&mut self, now: Instant, outlet: &mut impl Outlet, pools: &mut Pools) -> Next {
        if self.life.overdue() {
            // The handler does not come to its end; the peer is told all the same.
            self.end(now, pools);
            let _ = self.flush(outlet, pools);
        }
        let is_handshaking = self.life.is_handshaking();
        let awaits_handler = self.life.awaits_handler();
        let said = self.life.is_lingering() && !self.codec.ends_by_fin();
        if is_handshaking {
            return self.time_out(now, outlet, pools);
        }
        Next::Gone(match self.life.take_outcome() {
            None => CloseReason::abnormal(CloseCause::Stop, ""),
            Some(outcome) if awaits_handler => outcome,
            // All has been said; that the peer keeps the socket open does not matter.
            Some(outcome) if said || outcome.was_clean && !self.has_output() => outcome,
            // The goodbye was not answered, or not even taken, in time.
            Some(outcome) => CloseReason::abnormal(outcome.cause, outcome.close.reason),
        })
    }

    /// The time for the handshake is over. The peer is told, if there is something to tell it, and has a moment to take that.
    fn time_out(&mut self, now: Instant, outlet: &mut impl Outlet, pools: &mut Pools) -> Next {
        let gone = |text| Next::Gone(CloseReason::abnormal(CloseCause::Timeout, text));
        // What the application answers may be half way out, or half of it may be out.
        if self.has_output() {
            return gone("response not taken in time");
        }
        if self.life.is_answering() {
            return gone("response not complete in time");
        }
        let upgrade = self.codec.upgrade();
        let refusal = upgrade.and_then(|upgrade| upgrade.time_out(pools.clock.date()));
        let Some(refusal) = refusal else {
            return gone("no handshake in time");
        };
        self.sending.append(&refusal.response, pools);
        if let Known::Nothing { status } = &mut self.known {
            *status = refusal.status;
        }
        let reason = CloseReason::abnormal(CloseCause::Timeout, refusal.reason);
        self.life.finish(reason, true);
        self.deadline = Some(now + LAST_WORD);
        self.forget_rest(pools);
        self.flush(outlet, pools)
    }

    /// Sees to the timeouts of an open connection.
    fn look_after(
        &mut self,
        now: Instant,
        unread: bool,
        config: &Config,
        pools: &mut Pools,
    ) -> Next {
        if !self.life.may_send() {
            return Next::Wait;
        }
        if self.watch.is_stalled(now, &config.timeouts) {
            let text = "the peer takes nothing";
            return Next::Gone(CloseReason::abnormal(CloseCause::Stalled, text));
        }
        let going_away = |text: &str| Close::new(CloseCode::GOING_AWAY, text);
        let (close, cause) = match self.watch.due(now, &config.timeouts, unread) {
            Due::Nothing => return Next::Wait,
            Due::LateFrame if self.is_paused() => return Next::Wait,
            Due::LateFrame => {
                self.codec.frame_is_late(&self.rest.input());
                self.undecoded = true;
                return Next::Again;
            }
            Due::Ping => {
                self.queue_ping(&[], pools);
                return Next::Wait;
            }
            Due::NoPong => {
                return Next::Gone(CloseReason::abnormal(CloseCause::Timeout, "pong timeout"));
            }
            Due::Idle => (going_away("idle timeout"), CloseCause::Idle),
            Due::Lifetime => (going_away("lifetime over"), CloseCause::Limit),
            Due::Deadline => (going_away("deadline passed"), CloseCause::Deadline),
        };
        self.close(close, cause, now + config.close_timeout, pools);
        Next::Wait
    }

    /// Closes after so many milliseconds from `now`, whatever happens; 0 for never.
    pub fn set_deadline(&mut self, ms: u32, now: Instant) {
        let deadline = (ms > 0).then(|| now + Duration::from_millis(ms.into()));
        self.watch.set_deadline(deadline);
    }

    /// Nothing more is to be decoded: flush, then end.
    pub(crate) fn finish(&mut self, reason: CloseReason, deadline: Instant, pools: &mut Pools) {
        self.life.finish(reason, false);
        self.deadline = Some(deadline);
        self.forget_rest(pools);
    }

    /// The socket has failed.
    pub fn failed(&mut self, error: &io::Error) -> Next {
        let outcome = self.life.outcome_of_failure(self.codec.ends_by_fin());
        let failure = || CloseReason::abnormal(CloseCause::Reset, error.to_string());
        Next::Gone(outcome.unwrap_or_else(failure))
    }

    pub(crate) fn take_outcome(&mut self) -> CloseReason {
        self.life
            .take_outcome()
            .unwrap_or_else(|| CloseReason::abnormal(CloseCause::Peer, ""))
    }
}

/// How long a peer that was too late may take to read so, and to end its side. If it goes on sending all the same, the kernel
/// would answer that with a reset, which may overtake what it is told.
const LAST_WORD: Duration = Duration::from_secs(1);

/// How much longer a connection has, again and again, whose bytes wait because the application is busy.
const UNHEARD: Duration = Duration::from_millis(100);
