//! Reactors of several environments that serve one place: one of them accepts, the loops of the others get what it has
//! accepted, the least loaded first.
//!
//! The only thing that environments share. A pool is found by its number, and exists as long as one of its reactors does. What a
//! member was dealt waits until its loop looks at it, which may be never: where whoever has a member knows that it ends, that
//! is [taken from it](dismiss), by whichever thread, and dealt to the others.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::dealer::Counted;
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
    /// By their numbers.
    members: Vec<(u32, LoopHandle)>,
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
    /// Its number, of a member.
    member: Option<u32>,
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
        let member = match part {
            PoolPart::Acceptor => {
                state.acceptor = Some(handle.clone());
                None
            }
            PoolPart::Member(number) => {
                state.members.push((number, handle.clone()));
                for dealt in std::mem::take(&mut state.waiting) {
                    // There is a member.
                    let _ = state.deal(dealt);
                }
                if let Some(acceptor) = &state.acceptor {
                    acceptor.wake();
                }
                Some(number)
            }
        };
        drop(state);
        Self { pool, member }
    }

    /// True for the one that accepts.
    pub(super) fn accepts(&self) -> bool {
        self.member.is_none()
    }

    /// True when what is accepted has somewhere to go.
    pub(super) fn has_members(&self) -> bool {
        self.pool.lock().members.iter().any(|it| !it.1.is_gone())
    }

    /// Gives a socket to the least loaded member, or lets it wait for one; back if none will come.
    pub(super) fn deal(&self, dealt: Dealt) -> Result<(), Dealt> {
        self.pool.lock().deal(dealt)
    }

    /// Gets nothing more; what it was dealt and has not looked at is the others', if there are any.
    fn leave(&self) {
        let mut state = self.pool.lock();
        match self.member {
            Some(number) => state.dismiss(number),
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
        let open = turns.filter(|&n| !self.members[n].1.is_gone());
        let Some(least) = open.min_by_key(|&n| self.members[n].1.load.load(Ordering::Relaxed))
        else {
            if self.acceptor.is_none() {
                return Err(dealt);
            }
            self.waiting.push(dealt);
            return Ok(());
        };
        self.next = least + 1;
        let member = &self.members[least].1;
        dealt.load = Some(Counted::new(&member.load));
        // A loop leaves before it ends, and under the lock.
        let sent = member.sockets.send(Arrival::Dealt(Box::new(dealt)));
        debug_assert!(sent.is_ok());
        member.wake();
        Ok(())
    }

    fn dismiss(&mut self, number: u32) {
        let Some(at) = self.members.iter().position(|it| it.0 == number) else {
            return;
        };
        let member = self.members.remove(at).1;
        for arrival in member.sockets.take_back() {
            let left = match arrival {
                Arrival::Dealt(dealt) => self.deal(*dealt).map_err(|it| Arrival::Dealt(it.into())),
                other => Err(other),
            };
            if let Err(left) = left {
                let _ = member.sockets.send(left);
                member.wake();
            }
        }
    }
}

/// Has a member of the pool with this number get nothing more, wherever its loop is; what it was dealt and has not looked at
/// is the others', if there are any. Any thread.
pub fn dismiss(pool: u32, member: u32) {
    if let Some(pool) = find(&lock_pools(), pool) {
        pool.lock().dismiss(member);
    }
}

impl Pool {
    fn with(number: u32) -> Arc<Self> {
        let mut pools = lock_pools();
        pools.retain(|it| it.strong_count() > 0);
        if let Some(pool) = find(&pools, number) {
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

    /// Is no part of its pool any more; what it was dealt and has not looked at is the others', if there are any.
    pub fn leave_pool(&mut self) {
        self.part = None;
    }
}

impl<B> Drop for EventLoop<B> {
    fn drop(&mut self) {
        self.leave_pool();
    }
}

fn lock_pools() -> MutexGuard<'static, Vec<Weak<Pool>>> {
    POOLS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn find(pools: &[Weak<Pool>], number: u32) -> Option<Arc<Pool>> {
    let mut known = pools.iter().filter_map(Weak::upgrade);
    known.find(|it| it.number == number)
}

static POOLS: Mutex<Vec<Weak<Pool>>> = Mutex::new(Vec::new());
