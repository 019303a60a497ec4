//! Which loop gets an accepted connection.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Arrival, LoopHandle};
use crate::address::Address;
use crate::config::Balance;
use crate::connection::Accepted;

/// Deals accepted sockets out to all loops. As long as there is one, none of them ends.
pub(crate) struct Dealer {
    loops: Vec<LoopHandle>,
    how: Balance,
    /// The loop that has it.
    own: usize,
    /// The loop whose turn it is, of those that have as good a claim.
    next: usize,
    keys: RandomState,
    /// How often it has been asked for a number that nobody can guess.
    drawn: u64,
    dealers: Arc<AtomicUsize>,
}

/// How many connections a loop has, on their way to it included.
pub(crate) type Load = Arc<AtomicUsize>;

/// A connection that counts as a loop's as long as this exists.
pub(crate) struct Counted(Load);

impl Dealer {
    /// For the loop with the index `own`. `dealers` counts those that exist.
    pub(crate) fn new(
        loops: Vec<LoopHandle>,
        how: Balance,
        own: usize,
        dealers: Arc<AtomicUsize>,
    ) -> Self {
        dealers.fetch_add(1, Ordering::AcqRel);
        Self {
            loops,
            how,
            own,
            next: 0,
            keys: RandomState::new(),
            drawn: 0,
            dealers,
        }
    }

    /// The same, of the loop with this index.
    pub(super) fn of(mut self, own: usize) -> Self {
        self.own = own;
        self
    }

    /// The application says who gets what.
    pub(super) fn asks(&self) -> bool {
        self.how == Balance::Asked
    }

    /// Each loop accepts for itself.
    pub(super) fn is_everywhere(&self) -> bool {
        self.how == Balance::Kernel
    }

    /// How many connections each loop has, in their order.
    pub(super) fn loads(&self) -> impl Iterator<Item = usize> {
        self.loops.iter().map(|it| it.load.load(Ordering::Relaxed))
    }

    /// Some loop that has not failed.
    pub(super) fn successor(&self) -> Option<LoopHandle> {
        self.loops.iter().find(|it| !it.is_gone()).cloned()
    }

    /// Gives a connection of this peer, which is counted from now on, to the loop that it belongs to: to the one with this index if
    /// there is such a one; or back, if it is this loop, or there is none.
    pub(super) fn deal(
        &mut self,
        mut accepted: Box<Accepted>,
        listener: usize,
        wish: Option<usize>,
    ) -> Result<(), Box<Accepted>> {
        for _ in 0..self.loops.len() {
            let wished = wish.filter(|&index| self.is_open(index));
            let Some(index) = wished.or_else(|| self.pick(&accepted.1.remote)) else {
                break;
            };
            let to = &self.loops[index];
            accepted.2.load = Some(Counted::new(&to.load));
            if index == self.own {
                break;
            }
            match to.sockets.send(Arrival::Socket(accepted, listener)) {
                Ok(()) => {
                    to.wake();
                    return Ok(());
                }
                Err(Arrival::Socket(back, _)) => accepted = back,
                Err(_) => unreachable!("Bug: something else comes back"),
            }
        }
        Err(accepted)
    }

    fn pick(&mut self, peer: &Address) -> Option<usize> {
        let count = self.loops.len();
        match self.how {
            Balance::Kernel if !self.is_far_above() => Some(self.own),
            Balance::RoundRobin => self.first_from(self.next),
            Balance::SourceHash => match peer.ip() {
                Some(ip) => self.first_from((self.keys.hash_one(ip) % count as u64) as usize),
                None => self.least(),
            },
            Balance::Random => {
                self.drawn += 1;
                self.first_from((self.keys.hash_one(self.drawn) % count as u64) as usize)
            }
            Balance::Kernel | Balance::LeastConnections | Balance::Asked => self.least(),
        }
    }

    /// This loop, or the first behind it that has not failed.
    fn first_from(&mut self, index: usize) -> Option<usize> {
        let count = self.loops.len();
        let found = (index..index + count)
            .map(|index| index % count)
            .find(|&index| self.is_open(index))?;
        self.next = found + 1;
        Some(found)
    }

    /// The loop with the fewest connections; of several the one whose turn it is.
    fn least(&mut self) -> Option<usize> {
        let count = self.loops.len();
        let least = (self.next..self.next + count)
            .map(|index| index % count)
            .filter(|&index| self.is_open(index))
            .min_by_key(|&index| self.loops[index].load.load(Ordering::Relaxed))?;
        self.next = (least + 1) % count;
        Some(least)
    }

    /// This loop has a quarter more connections than the mean, and eight.
    fn is_far_above(&self) -> bool {
        let own = self.loops[self.own].load.load(Ordering::Relaxed);
        let (count, all) = (self.loops.len(), self.loads().sum::<usize>());
        4 * count * own > 5 * all + 32 * count
    }

    fn is_open(&self, index: usize) -> bool {
        self.loops.get(index).is_some_and(|it| !it.is_gone())
    }
}

impl Drop for Dealer {
    fn drop(&mut self) {
        self.dealers.fetch_sub(1, Ordering::AcqRel);
        self.loops.iter().for_each(LoopHandle::wake);
    }
}

impl Counted {
    pub(super) fn new(load: &Load) -> Self {
        load.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(load))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counted")
    }
}
