//! Reactors of several environments that serve one place: one of them accepts, the loops of the others get what it has
//! accepted, the least loaded first.
//!
//! The only thing that environments share. A pool is found by its number, and exists as long as one of its reactors does.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::arrivals::Receiver;
use super::dealer::{Counted, Load};
use super::{Arrival, EventLoop, LoopHandle};
use crate::address::Address;
use crate::config::PoolPart;
use crate::transport::Socket;

#[cfg(test)]
mod tests;

/// Loops that get connections, and who accepts for them.
pub(crate) struct Pool {
    number: u32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    members: Vec<LoopHandle>,
    /// Where the search for the least loaded begins, so that those that have as many take turns.
    next: usize,
    /// Accepted while there was no member.
    waiting: Vec<Dealt>,
    /// Who accepts, while there is one.
    acceptor: Option<LoopHandle>,
}

/// What a loop is to its pool. Dropped, it is no part of that any more.
pub(crate) struct Part {
    pool: Arc<Pool>,
    /// Of a member, which is known by it.
    load: Option<Load>,
}

/// A socket that was accepted for a pool.
pub(super) struct Dealt {
    pub(super) socket: Socket,
    pub(super) remote: Address,
    pub(super) listening: Address,
    /// Of the member that it was dealt to.
    pub(super) load: Option<Counted>,
}

impl Part {
    /// Makes a loop a part of the pool with this number, which there is from now on.
    pub(crate) fn take(number: u32, part: PoolPart, handle: &LoopHandle) -> Self {
        let pool = Pool::with(number);
        let mut state = pool.lock();
        let load = match part {
            PoolPart::Acceptor => {
                state.acceptor = Some(handle.clone());
                None
            }
            PoolPart::Member => {
                state.members.push(handle.clone());
                for dealt in std::mem::take(&mut state.waiting) {
                    // There is a member.
                    let _ = state.deal(dealt);
                }
                if let Some(acceptor) = &state.acceptor {
                    acceptor.wake();
                }
                Some(Arc::clone(&handle.load))
            }
        };
        drop(state);
        Self { pool, load }
    }

    /// True for the one that accepts.
    pub(super) fn accepts(&self) -> bool {
        self.load.is_none()
    }

    /// True when what is accepted has somewhere to go.
    pub(super) fn has_members(&self) -> bool {
        self.pool.lock().members.iter().any(|it| !it.is_gone())
    }

    /// Gives a socket to the least loaded member, or lets it wait for one; back if none will come.
    pub(super) fn deal(&self, dealt: Dealt) -> Result<(), Dealt> {
        self.pool.lock().deal(dealt)
    }

    /// Gets nothing more, and deals what it has got and not looked at to the others. Gives back what they cannot take.
    fn hand_back(&self, got: &Receiver<Arrival>) -> Vec<Arrival> {
        let mut left = Vec::new();
        self.leave();
        while let Some(arrival) = got.try_recv() {
            match arrival {
                Arrival::Dealt(dealt) => {
                    if let Err(dealt) = self.deal(*dealt) {
                        left.push(Arrival::Dealt(Box::new(dealt)));
                    }
                }
                other => left.push(other),
            }
        }
        left
    }

    /// Gets nothing more.
    fn leave(&self) {
        let mut state = self.pool.lock();
        match &self.load {
            Some(load) => state.members.retain(|it| !Arc::ptr_eq(&it.load, load)),
            None => {
                state.acceptor = None;
                // Who has waited is closed, as those are whom the kernel has not handed over.
                state.waiting.clear();
            }
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.leave();
    }
}

impl State {
    fn deal(&mut self, mut dealt: Dealt) -> Result<(), Dealt> {
        let count = self.members.len();
        let turns = (0..count).map(|n| (self.next + n) % count);
        let open = turns.filter(|&n| !self.members[n].is_gone());
        let Some(least) = open.min_by_key(|&n| self.members[n].load.load(Ordering::Relaxed)) else {
            if self.acceptor.is_none() {
                return Err(dealt);
            }
            self.waiting.push(dealt);
            return Ok(());
        };
        self.next = least + 1;
        let member = &self.members[least];
        dealt.load = Some(Counted::new(&member.load));
        // A loop leaves before it ends, and under the lock.
        let sent = member.sockets.send(Arrival::Dealt(Box::new(dealt)));
        debug_assert!(sent.is_ok());
        member.wake();
        Ok(())
    }
}

impl Pool {
    fn with(number: u32) -> Arc<Self> {
        let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
        pools.retain(|it| it.strong_count() > 0);
        let mut known = pools.iter().filter_map(Weak::upgrade);
        if let Some(pool) = known.find(|it| it.number == number) {
            return pool;
        }
        let pool = Arc::new(Self {
            number,
            state: Mutex::default(),
        });
        pools.push(Arc::downgrade(&pool));
        pool
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B> EventLoop<B> {
    /// True unless what is accepted would have nowhere to go.
    pub(super) fn may_deal(&self) -> bool {
        let part = self.part.as_ref();
        part.is_none_or(|it| !it.accepts() || it.has_members())
    }

    /// Is no part of its pool any more; what it was dealt and has not looked at is the others'. Gives back what they cannot
    /// take.
    pub(super) fn leave_pool(&mut self) -> Vec<Arrival> {
        match self.part.take() {
            Some(part) => part.hand_back(&self.mailbox.sockets),
            None => Vec::new(),
        }
    }
}

impl<B> Drop for EventLoop<B> {
    fn drop(&mut self) {
        self.leave_pool();
    }
}

static POOLS: Mutex<Vec<Weak<Pool>>> = Mutex::new(Vec::new());
