//! Deadlines of one event loop.
//!
//! A hierarchical wheel: [`LEVELS`] rings of 64 slots; a slot of ring `n` spans 64^n ticks of one millisecond. An
//! entry sits in the ring whose span fits its distance and moves to finer rings as its time comes nearer.
//!
//! ```text
//!   ring 2  |  4096 ms a slot  |            entry at +9 s
//!   ring 1  |    64 ms a slot  |            ... moves here when less than 4096 ms are left
//!   ring 0  |     1 ms a slot  |  now ->    ... fires from here
//! ```
//! Invariants: an entry never fires before its deadline (deadlines are rounded up to the next tick); entries are not
//! cancelled but checked by their owner when they fire, so the owner keeps at most one alive.

use std::time::{Duration, Instant};

/// Deadlines with a value of type `T` each.
#[derive(Debug)]
pub(crate) struct TimerWheel<T> {
    start: Instant,
    /// Every entry with a tick <= `now` has fired.
    now: u64,
    levels: [Level<T>; LEVELS],
    len: usize,
}

#[derive(Debug)]
struct Level<T> {
    /// [`SLOTS`] of them. Not an array, as the loop that owns the wheel is moved about before it runs.
    slots: Box<[Vec<Entry<T>>]>,
    /// Bit i is set when slot i has entries.
    occupied: u64,
}

#[derive(Debug)]
struct Entry<T> {
    tick: u64,
    value: T,
}

impl<T> TimerWheel<T> {
    /// An empty wheel whose time begins at `start`.
    pub(crate) fn new(start: Instant) -> Self {
        let level = |_| Level {
            slots: (0..SLOTS).map(|_| Vec::new()).collect(),
            occupied: 0,
        };
        Self {
            start,
            now: 0,
            levels: std::array::from_fn(level),
            len: 0,
        }
    }

    /// Adds an entry that fires at the first [`advance`](Self::advance) at or after `deadline`.
    pub(crate) fn insert(&mut self, deadline: Instant, value: T) {
        let since_start = deadline.saturating_duration_since(self.start);
        let tick = u64::try_from(since_start.as_nanos().div_ceil(TICK_NANOS)).unwrap_or(u64::MAX);
        self.len += 1;
        self.place(Entry {
            tick: tick.max(self.now + 1),
            value,
        });
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// When [`advance`](Self::advance) has to be called next, at the latest; may be earlier than the nearest deadline
    /// (when an entry has to move to a finer ring), never later. `None` when the wheel is empty.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        if self.len == 0 {
            return None;
        }
        let next = (0..LEVELS)
            .filter_map(|level| self.next_slot_start(level))
            .min()?;
        self.start.checked_add(Duration::from_millis(next))
    }

    /// Moves time on to `now` if nothing is due until then. Who inserts first does this: the wheel's own time stands still
    /// while nothing is due, and seen from long ago an entry that is near lies in a coarse slot, which begins in the past.
    pub(crate) fn catch_up(&mut self, now: Instant) {
        let target = self.ticks_until(now);
        if self.next_occupied(target).is_none() {
            self.now = self.now.max(target);
        }
    }

    /// Moves time on to `now` and appends the values of all entries that are due to `due`.
    pub(crate) fn advance(&mut self, now: Instant, due: &mut Vec<T>) {
        let target = self.ticks_until(now);
        while let Some((level, tick)) = self.next_occupied(target) {
            self.now = self.now.max(tick);
            self.empty_slot(level, slot_of(tick, level), due);
        }
        self.now = self.now.max(target);
    }

    fn ticks_until(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.start).as_millis();
        u64::try_from(elapsed).unwrap_or(u64::MAX)
    }

    /// The occupied slot that starts first, if it starts at or before `target`.
    fn next_occupied(&self, target: u64) -> Option<(usize, u64)> {
        if self.len == 0 {
            return None;
        }
        // At equal starts the coarser ring goes first, as its entries may belong into the finer one's slot.
        let starts = (0..LEVELS)
            .rev()
            .filter_map(|level| Some((level, self.next_slot_start(level)?)));
        starts
            .min_by_key(|&(_, tick)| tick)
            .filter(|&(_, tick)| tick <= target)
    }

    /// Tick at which the next occupied slot of a ring begins.
    fn next_slot_start(&self, level: usize) -> Option<u64> {
        let occupied = self.levels[level].occupied;
        if occupied == 0 {
            return None;
        }
        let current = self.now >> (BITS * level as u32);
        let ahead = occupied
            .rotate_right((current % SLOTS as u64) as u32)
            .trailing_zeros();
        Some((current + u64::from(ahead)) << (BITS * level as u32))
    }

    fn empty_slot(&mut self, level: usize, slot: usize, due: &mut Vec<T>) {
        let ring = &mut self.levels[level];
        ring.occupied &= !(1 << slot);
        for entry in std::mem::take(&mut ring.slots[slot]) {
            if entry.tick <= self.now {
                self.len -= 1;
                due.push(entry.value);
            } else {
                self.place(entry);
            }
        }
    }

    fn place(&mut self, mut entry: Entry<T>) {
        // Beyond the last ring's span an entry waits in that ring and is placed again when its slot comes up.
        let target = entry.tick.min(self.now.saturating_add(SPAN - 1));
        let level = ((64 - (self.now ^ target).leading_zeros()).saturating_sub(1) / BITS) as usize;
        let level = level.min(LEVELS - 1);
        entry.tick = entry.tick.max(target);
        let slot = slot_of(target, level);
        let ring = &mut self.levels[level];
        ring.occupied |= 1 << slot;
        ring.slots[slot].push(entry);
    }
}

fn slot_of(tick: u64, level: usize) -> usize {
    ((tick >> (BITS * level as u32)) % SLOTS as u64) as usize
}

/// A tick is one millisecond, which is also what epoll can wait for.
const TICK_NANOS: u128 = 1_000_000;
const SLOTS: usize = 64;
/// log2 of [`SLOTS`].
const BITS: u32 = 6;
/// Six rings of 64 slots of 1 ms span more than two years.
const LEVELS: usize = 6;
/// Ticks that all rings span together, less one slot of the last: further ahead a slot number would be ambiguous.
const SPAN: u64 = (SLOTS as u64 - 1) << (BITS * (LEVELS as u32 - 1));

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn empty_wheel_has_no_deadline() {
        let wheel = TimerWheel::<u32>::new(Instant::now());
        assert_eq!(wheel.next_deadline(), None);
    }

    #[test]
    fn fires_at_its_deadline_and_not_before() {
        let start = Instant::now();
        let mut wheel = TimerWheel::new(start);
        let mut due = Vec::new();
        wheel.insert(start + Duration::from_micros(2500), 'a');
        wheel.advance(start + Duration::from_micros(2999), &mut due);
        assert!(due.is_empty());
        wheel.advance(start + ms(3), &mut due);
        assert_eq!(due, ['a']);
        assert_eq!(wheel.next_deadline(), None);
    }

    #[test]
    fn a_deadline_in_the_past_fires_at_the_next_advance() {
        let start = Instant::now();
        let mut wheel = TimerWheel::new(start);
        let mut due = Vec::new();
        wheel.advance(start + ms(5000), &mut due);
        wheel.insert(start + ms(10), 'a');
        let next = wheel.next_deadline().expect("one entry");
        assert!(next <= start + ms(5001));
        wheel.advance(next, &mut due);
        assert_eq!(due, ['a']);
    }

    #[test]
    fn an_entry_that_comes_after_a_long_silence_is_announced_for_later() {
        let start = Instant::now();
        for silence in [64, 4097, 262_145, 3_600_000, 86_400_000] {
            for distance in [1, 63, 100, 10_000, 300_000] {
                let mut wheel = TimerWheel::new(start);
                let now = start + ms(silence);
                wheel.catch_up(now);
                wheel.insert(now + ms(distance), 'a');
                let next = wheel.next_deadline().expect("one entry");
                assert!(
                    next > now && next <= now + ms(distance),
                    "{silence} {distance}"
                );
            }
        }
    }

    /// Each in its own millisecond, and the wheel is asked no more often than there are milliseconds with something due.
    #[test]
    fn a_hundred_thousand_entries_are_on_time() {
        let start = Instant::now();
        let mut wheel = TimerWheel::new(start);
        let deadline = |n: u64| start + Duration::from_micros(10_000_000 + n * 7);
        for n in 0..100_000 {
            wheel.insert(deadline(n), n);
        }
        let (mut due, mut fired, mut wakes) = (Vec::new(), 0, 0);
        wheel.advance(deadline(0) - ms(1), &mut due);
        assert!(due.is_empty());
        while let Some(next) = wheel.next_deadline() {
            wheel.advance(next, &mut due);
            wakes += 1;
            for n in due.drain(..) {
                assert!((deadline(n)..deadline(n) + ms(1)).contains(&next));
                fired += 1;
            }
        }
        assert_eq!(fired, 100_000);
        assert!(wakes < 750, "{wakes}");
    }

    proptest! {
        /// Against a sorted list, on a virtual clock that steps from one announced deadline to the next or beyond.
        #[test]
        fn matches_a_list(
            steps in prop::collection::vec((0u64..20_000_000, 0u64..300_000, any::<bool>()), 1..60),
        ) {
            let start = Instant::now();
            let mut wheel = TimerWheel::new(start);
            let mut list = Vec::new();
            let mut now = 0;
            for (id, &(distance, step, silent)) in steps.iter().enumerate() {
                if silent {
                    // Nobody advances while nothing is due.
                    now += step;
                    let is_due = list.iter().any(|&(tick, _)| tick <= now);
                    now -= if is_due { step } else { 0 };
                    wheel.catch_up(start + ms(now));
                }
                wheel.insert(start + ms(now + distance), id);
                list.push((now + distance, id));
                let earliest = list.iter().map(|&(tick, _)| tick).min().expect("just pushed").max(now + 1);
                prop_assert!(wheel.next_deadline().expect("just inserted") <= start + ms(earliest));
                now += step;
                let mut due = Vec::new();
                wheel.advance(start + ms(now), &mut due);
                due.sort_unstable();
                let mut expected: Vec<_> =
                    list.iter().filter(|&&(tick, _)| tick <= now && step > 0).map(|&(_, id)| id).collect();
                expected.sort_unstable();
                prop_assert_eq!(&due, &expected);
                list.retain(|(_, id)| !expected.contains(id));
            }
            // Waking only at the announced deadlines ends with every entry fired, none of them early.
            let mut wakes = 0;
            while let Some(next) = wheel.next_deadline() {
                wakes += 1;
                prop_assert!(wakes < 64 * LEVELS * (list.len() + 1));
                let mut due = Vec::new();
                wheel.advance(next, &mut due);
                for id in due {
                    let at = list.iter().position(|&(_, other)| other == id).expect("known");
                    prop_assert!(start + ms(list.swap_remove(at).0) <= next);
                }
            }
            prop_assert!(list.is_empty());
        }
    }
}
