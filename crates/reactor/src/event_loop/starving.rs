//! Who waits for memory, and who goes on when there is some.
//!
//! A message that is not complete takes memory until it is. When that gets scarce ([`MemoryBudget`]), sockets of
//! connections that hold some already are left unread, and line up here. What is left is for the first of them alone,
//! until its message is complete: if all grew together, all would stop half way. So it is with messages whose bytes are
//! here and grow by being inflated, however much memory there is: as soon as the event queue is full, one goes on alone.
//!
//! When nobody gets on for a while, the other end is told, which knows who holds the most; it is told at once when too
//! much is held.
//!
//! [`MemoryBudget`]: gev_session::MemoryBudget

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use gev_session::{CloseReason, Event, Next, Rank};
use gev_wire::{Close, CloseCause, CloseCode};

use super::{EventLoop, NOBODY};
use crate::bridge::Bridge;
use crate::connection::Connection;
use crate::slots::ConnectionId;

/// The connections of one loop that wait for memory.
#[derive(Debug)]
pub(super) struct Starving {
    /// In the order in which they came. Some may have gone, or not wait any more.
    line: VecDeque<ConnectionId>,
    /// Goes on alone until its message is complete, unless that takes too long.
    first: Option<ConnectionId>,
    /// Since when that goes on alone.
    alone_since: Instant,
    /// When one of them went on last, or the first one came, or the other end was told that none did.
    since: Instant,
    /// When the other end was told last that too much is held, if it still is.
    told: Option<Instant>,
}

impl Starving {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            line: VecDeque::new(),
            first: None,
            alone_since: now,
            since: now,
            told: None,
        }
    }
}

impl<B: Bridge> EventLoop<B> {
    /// What a connection may use of the memory that is left.
    pub(super) fn rank(&self, id: ConnectionId) -> Rank {
        match self.starving.first {
            None => Rank::Any,
            Some(first) if first == id => Rank::First,
            Some(_) => Rank::Later,
        }
    }

    /// A connection has had its turn.
    pub(super) fn note_turn(&mut self, id: ConnectionId, next: &Next) {
        if self.starving.first == Some(id) {
            if *next != Next::Starved {
                self.starving.since = self.now;
            }
            let is_long = self.alone_for() >= LONGEST_ALONE && !self.starving.line.is_empty();
            if is_long || !self.is(id, |it| it.session().is_continuing()) {
                self.starving.first = None;
            }
        } else if *next == Next::Blocked
            && self.starving.first.is_none()
            && self.is(id, |it| it.session().is_half_way())
        {
            self.go_on_alone(Some(id));
        }
    }

    /// A connection has nothing to do for now, or is no more.
    pub(super) fn pass_by(&mut self, id: ConnectionId) {
        if self.starving.first != Some(id) {
            return;
        }
        // Where memory is scarce, more may come before others have used up what it needs.
        let may_wait = !self.shared.memory.has_room(Rank::Any) && self.alone_for() < PATIENCE;
        let waits = |it: &Connection| it.session().is_half_way() && !it.session().is_paused();
        if !may_wait || !self.is(id, waits) {
            self.starving.first = None;
        }
    }

    fn alone_for(&self) -> Duration {
        self.now - self.starving.alone_since
    }

    fn is(&mut self, id: ConnectionId, what: impl Fn(&Connection) -> bool) -> bool {
        self.connections.get_mut(id).is_some_and(|it| what(it))
    }

    fn go_on_alone(&mut self, first: Option<ConnectionId>) {
        self.starving.first = first;
        self.starving.alone_since = self.now;
    }

    /// A connection needs memory that is not there, or another's.
    pub(super) fn line_up(&mut self, id: ConnectionId) {
        let Starving {
            line, first, since, ..
        } = &mut self.starving;
        if line.is_empty() {
            *since = self.now;
        }
        if *first == Some(id) {
            line.push_front(id);
        } else {
            line.push_back(id);
        }
    }

    /// True when one that waits may go on, or all may. If not, the loop is woken when that changes.
    pub(super) fn may_feed(&self) -> bool {
        let Starving { line, first, .. } = &self.starving;
        let first_waits = first.is_none() || line.front() == first.as_ref();
        !line.is_empty() && first_waits && self.shared.memory.await_room()
    }

    /// Gives those their turn that may go on.
    pub(super) fn feed(&mut self) {
        if !self.may_feed() {
            return;
        }
        self.starving.since = self.now;
        if self.shared.memory.has_room(Rank::Any) {
            self.starving.first = None;
            while self.feed_next().is_some() {}
        } else {
            let next = self.feed_next();
            self.go_on_alone(next);
        }
    }

    fn feed_next(&mut self) -> Option<ConnectionId> {
        while let Some(id) = self.starving.line.pop_front() {
            let Some(connection) = self.connections.get_mut(id) else {
                continue;
            };
            if std::mem::take(&mut connection.listed.starved) {
                if connection.wants_turn() && !connection.listed.ready {
                    connection.listed.ready = true;
                    self.ready.push_back(id);
                }
                return Some(id);
            }
        }
        None
    }

    /// When the other end has to be told that nothing moves, if nothing does.
    pub(super) fn stuck_at(&self) -> Option<Instant> {
        (!self.starving.line.is_empty()).then(|| self.starving.since + PATIENCE)
    }

    /// Tells the other end when somebody has to go.
    pub(super) fn watch_memory(&mut self) {
        let is_stuck = self.is_stuck();
        let Some(bytes) = self.shared.memory.shortage(is_stuck) else {
            self.starving.told = None;
            return;
        };
        let told = self.starving.told.map(|at| self.now - at);
        if told.is_some_and(|ago| ago < PATIENCE) && !is_stuck {
            return;
        }
        let kib = u32::try_from(bytes / 1024).unwrap_or(u32::MAX);
        if self.emit(NOBODY, Event::Short, &kib.to_le_bytes()) {
            self.starving.told = Some(self.now);
        }
    }

    /// True, once, when some wait and none of them has got on for too long. Those go first whose peers have gone.
    fn is_stuck(&mut self) -> bool {
        let Some(late) = self
            .stuck_at()
            .and_then(|at| self.now.checked_duration_since(at))
        else {
            return false;
        };
        self.starving.since = self.now;
        self.starving.first = None;
        let connections = &mut self.connections;
        let mut left = Vec::new();
        self.starving.line.retain(|&id| {
            let waiting = connections
                .get_mut(id)
                .filter(|it| it.listed.starved && it.may_starve());
            if waiting.as_ref().is_some_and(|it| it.has_peer_ended()) {
                left.push(id);
            }
            waiting.is_some()
        });
        for id in &left {
            let close = Close::new(CloseCode::TRY_LATER, "the server is short of memory");
            let reason = CloseReason::unclean(close, CloseCause::Limit);
            self.settle(*id, Next::Gone(reason));
        }
        // What is late by so much stood still with everything else.
        late < PATIENCE && left.is_empty() && !self.starving.line.is_empty()
    }
}

/// How long one may go on alone while others wait.
const LONGEST_ALONE: Duration = Duration::from_secs(5);

/// How long nobody of those who wait may get on before the other end is told; and how long the one that goes on alone
/// may wait for its peer.
const PATIENCE: Duration = Duration::from_secs(1);
