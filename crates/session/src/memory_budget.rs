//! What all connections of a server may hold together, in and out.
//!
//! ```text
//!   0 ..................... 1/2 ..................... 7/8 ................... most ........
//!   |  every message may grow  |  one for each loop     |  what is sent, only  |  somebody has to go
//! ```
//! Each side counts what it has itself: a connection's [`Share`] is what it holds on its loop, and the other end tells
//! the sum of what it keeps for all connections. Nothing is counted for a message that passes as a whole.
//!
//! How no loop sleeps through room that others make: it says that it waits, then looks for room; whoever makes some
//! counts first, then looks whether somebody waits.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};

use gev_wire::PART_BYTES;

/// The budget of one server.
pub struct MemoryBudget {
    /// Most bytes.
    most: u64,
    held: AtomicU64,
    /// What the other end has told; a part of `held`.
    told: AtomicU64,
    /// A loop waits for room.
    awaited: AtomicBool,
    /// Wakes the loops.
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

/// What one connection holds, given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    budget: Arc<MemoryBudget>,
    bytes: u64,
}

/// How much of the budget one may use for messages that are not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// As long as there is enough for everybody.
    Any,
    /// Of its loop's connections it is the one that goes on alone, so that not all of them stop half way.
    First,
    /// Another one goes on alone.
    Later,
}

impl MemoryBudget {
    /// A budget of `most` bytes; 0 for no limit.
    pub fn new(most: u64) -> Self {
        Self {
            most: if most == 0 { u64::MAX } else { most },
            held: AtomicU64::new(0),
            told: AtomicU64::new(0),
            awaited: AtomicBool::new(false),
            wake: OnceLock::new(),
        }
    }

    /// Says how to wake the loops when there is room.
    pub fn on_room(&self, wake: impl Fn() + Send + Sync + 'static) {
        let set = self.wake.set(Box::new(wake));
        debug_assert!(set.is_ok(), "Bug: set twice");
    }

    /// Bytes that are held.
    pub fn held(&self) -> u64 {
        self.held.load(SeqCst)
    }

    /// Bytes that may still be held; negative when there are too many. `None` without a limit.
    pub fn left(&self) -> Option<i64> {
        let left = |most: u64| most as i64 - self.held() as i64;
        (self.most != u64::MAX).then(|| left(self.most))
    }

    /// Bytes by which messages that are not complete may grow.
    pub(crate) fn room(&self, rank: Rank) -> u64 {
        let reserve = match rank {
            Rank::Any | Rank::Later => self.most / 2,
            Rank::First => self.most / 8,
        };
        (self.most - reserve).saturating_sub(self.held())
    }

    /// True when it is worth going on for one who waits.
    pub fn has_room(&self, rank: Rank) -> bool {
        self.room(rank) >= PART_BYTES as u64
    }

    /// As above for the first of a loop; if there is none, the loop is woken when there is.
    pub fn await_room(&self) -> bool {
        self.awaited.store(true, SeqCst);
        self.has_room(Rank::First)
    }

    /// How many of `most` bytes may be read for a connection that holds so many.
    pub(crate) fn ration(&self, rank: Rank, most: usize, held: impl FnOnce() -> u64) -> usize {
        let room = usize::try_from(self.room(rank)).unwrap_or(usize::MAX);
        if room >= PART_BYTES {
            room.min(most)
        } else {
            self.crumb(held()).min(most)
        }
    }

    /// By how many bytes a message may grow whose bytes are here and become more than they are.
    pub(crate) fn growth(&self, rank: Rank, held: impl FnOnce() -> u64) -> usize {
        match rank {
            Rank::Any | Rank::First => self.ration(rank, usize::MAX, held),
            Rank::Later => self.crumb(held()),
        }
    }

    /// What one who holds little may have when there is no room: short messages pass, and who sends a longer one holds so
    /// much until there is. So little that all of them together do not use up what is left, or next to nothing.
    fn crumb(&self, held: u64) -> usize {
        let left = self.most.saturating_sub(self.held());
        let crumb = (left / 256).clamp(LEAST_CRUMB, PART_BYTES as u64);
        crumb.saturating_sub(held) as usize
    }

    /// How many bytes have to be left that are not, if somebody has to go now: because there are too many, or because
    /// nothing has moved for too long.
    pub fn shortage(&self, is_stuck: bool) -> Option<u64> {
        let some = (self.most / 64).max(2 * PART_BYTES as u64);
        if self.held() > self.most {
            Some(some)
        } else if is_stuck && !self.has_room(Rank::First) {
            Some(self.most / 8 + (self.most / 16).max(some))
        } else {
            None
        }
    }

    /// The other end keeps so many bytes now. From its thread only.
    pub fn tell(&self, bytes: u64) {
        self.change(self.told.swap(bytes, SeqCst), bytes);
    }

    fn change(&self, before: u64, now: u64) {
        if now >= before {
            self.held.fetch_add(now - before, SeqCst);
            return;
        }
        self.held.fetch_sub(before - now, SeqCst);
        if self.awaited.load(SeqCst)
            && self.has_room(Rank::First)
            && self.awaited.swap(false, SeqCst)
            && let Some(wake) = self.wake.get()
        {
            wake();
        }
    }
}

impl fmt::Debug for MemoryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBudget")
            .field("most", &self.most)
            .field("held", &self.held)
            .finish_non_exhaustive()
    }
}

impl Share {
    /// Of nothing, at first.
    pub fn new(budget: &Arc<MemoryBudget>) -> Self {
        Self {
            budget: Arc::clone(budget),
            bytes: 0,
        }
    }

    /// What it holds.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Of which it is a share.
    pub(crate) fn budget(&self) -> &MemoryBudget {
        &self.budget
    }

    /// The connection holds so many bytes now.
    pub(crate) fn set(&mut self, bytes: u64) {
        if bytes != self.bytes {
            self.budget.change(self.bytes, bytes);
            self.bytes = bytes;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// So much has each connection, whatever others hold.
const LEAST_CRUMB: u64 = 4 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1 << 20;

    #[derive(Debug, Clone)]
    enum Step {
        Enter,
        Hold(usize, u64),
        Leave(usize),
        Tell(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            Just(Step::Enter),
            (any::<usize>(), 0..MIB).prop_map(|(who, bytes)| Step::Hold(who, bytes)),
            any::<usize>().prop_map(Step::Leave),
            (0..MIB).prop_map(Step::Tell),
        ]
    }

    proptest! {
        #[test]
        fn what_is_held_is_the_sum_of_all_shares(steps in prop::collection::vec(step(), 0..100)) {
            let budget = Arc::new(MemoryBudget::new(16 * MIB));
            let mut shares = Vec::new();
            let mut told = 0;
            for step in steps {
                match step {
                    Step::Enter => shares.push(Share::new(&budget)),
                    Step::Tell(bytes) => {
                        budget.tell(bytes);
                        told = bytes;
                    }
                    Step::Hold(who, bytes) if !shares.is_empty() => {
                        let at = who % shares.len();
                        shares[at].set(bytes);
                    }
                    Step::Leave(who) if !shares.is_empty() => {
                        shares.swap_remove(who % shares.len());
                    }
                    Step::Hold(..) | Step::Leave(_) => {}
                }
                let sum = told + shares.iter().map(Share::bytes).sum::<u64>();
                prop_assert_eq!(budget.held(), sum);
                prop_assert_eq!(budget.left(), Some((16 * MIB) as i64 - sum as i64));
            }
            drop(shares);
            budget.tell(0);
            prop_assert_eq!(budget.held(), 0);
        }
    }

    #[test]
    fn nothing_is_lost_between_threads() {
        let budget = Arc::new(MemoryBudget::new(MIB));
        std::thread::scope(|scope| {
            for seed in 1..=4 {
                let mut share = Share::new(&budget);
                scope.spawn(move || {
                    for n in 0..10_000 {
                        share.set(n * seed % 1000);
                    }
                });
            }
            (0..10_000).for_each(|n| budget.tell(n % 777));
        });
        budget.tell(0);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn less_and_less_may_grow_and_who_holds_nothing_gets_a_crumb() {
        let budget = Arc::new(MemoryBudget::new(64 * MIB));
        let mut share = Share::new(&budget);
        const READ: usize = 128 * 1024;
        for (mib, any, first, crumb) in [
            (0, READ, READ, READ),
            (31, READ, READ, READ),
            (32, 0, READ, PART_BYTES),
            (55, 0, READ, 36 * 1024),
            (56, 0, 0, 32 * 1024),
            (63, 0, 0, 4 * 1024),
            (80, 0, 0, 4 * 1024),
        ] {
            share.set(mib * MIB);
            let ration = |rank, held| budget.ration(rank, READ, || held);
            assert_eq!(ration(Rank::Any, MIB), any);
            assert_eq!(ration(Rank::Later, MIB), any);
            assert_eq!(ration(Rank::First, MIB), first);
            assert_eq!(ration(Rank::Any, 0), crumb);
            assert_eq!(
                ration(Rank::Any, 1000),
                any.max(crumb.min(PART_BYTES) - 1000)
            );
            assert_eq!(ration(Rank::First, 0), first.max(crumb));
            assert_eq!(budget.growth(Rank::Later, || MIB), 0);
            assert_eq!(budget.growth(Rank::Later, || 0), crumb.min(PART_BYTES));
        }
        // Never beyond what is left.
        share.set(32 * MIB - 70_000);
        assert_eq!(budget.ration(Rank::Any, READ, || MIB), 70_000);
        assert_eq!(budget.growth(Rank::Any, || MIB), 70_000);
    }

    #[test]
    fn beyond_the_budget_a_crumb_is_four_kibibytes() {
        let budget = Arc::new(MemoryBudget::new(64 * MIB));
        let mut full = Share::new(&budget);
        full.set(56 * MIB);
        let mut shares: Vec<_> = (0..3000).map(|_| Share::new(&budget)).collect();
        for (before, share) in shares.iter_mut().enumerate() {
            let crumb = budget.ration(Rank::Any, usize::MAX, || 0) as u64;
            assert!((4096..=8 * MIB / 256).contains(&crumb));
            share.set(crumb);
            assert!(budget.held() <= 64 * MIB + before as u64 * 4096);
        }
    }

    #[test]
    fn somebody_has_to_go_when_too_much_is_held_or_nothing_moves() {
        let budget = Arc::new(MemoryBudget::new(64 * MIB));
        let mut share = Share::new(&budget);
        for (mib, moving, stuck) in [
            (55, None, None),
            (56, None, Some(12 * MIB)),
            (64, None, Some(12 * MIB)),
            (65, Some(MIB), Some(MIB)),
        ] {
            share.set(mib * MIB);
            assert_eq!(budget.shortage(false), moving);
            assert_eq!(budget.shortage(true), stuck);
        }
    }

    #[test]
    fn without_a_limit_there_is_always_room() {
        let budget = Arc::new(MemoryBudget::new(0));
        let mut share = Share::new(&budget);
        share.set(1 << 50);
        assert_eq!(budget.left(), None);
        assert_eq!(budget.shortage(true), None);
        assert_eq!(budget.ration(Rank::Any, 1 << 20, || MIB), 1 << 20);
    }
}
