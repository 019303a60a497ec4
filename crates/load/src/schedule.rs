//! When messages of an open loop are due.
//!
//! The clock alone says so: a message that is sent late, because the server or this process was busy, is due when it was.
//! Latencies count from there; so a stall costs every message that should have been sent in it, and not just one
//! ("coordinated omission").

use std::time::{Duration, Instant};

/// Messages at even distances, over all connections in turns.
pub(crate) struct Schedule {
    per_second: f64,
    connections: usize,
    /// When the schedule began; due times are counted from there, so that no error adds up.
    began: Instant,
    /// Messages that have been taken.
    taken: u64,
}

impl Schedule {
    pub(crate) fn new(per_second: f64, connections: usize) -> Self {
        Self {
            per_second,
            connections,
            began: Instant::now(),
            taken: 0,
        }
    }

    /// From now on.
    pub(crate) fn start(&mut self, now: Instant) {
        self.began = now;
        self.taken = 0;
    }

    /// The connection whose turn it is and when its message is due, unless that is later than `now`.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<(usize, Instant)> {
        let due = self.due();
        if due > now {
            return None;
        }
        let connection = (self.taken % self.connections as u64) as usize;
        self.taken += 1;
        Some((connection, due))
    }

    /// How long a poll may wait from `now` on. It waits for whole milliseconds, and ends late: shorter times are spent
    /// polling.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        let left = self.due().saturating_duration_since(now);
        left.saturating_sub(POLL_PRECISION)
    }

    fn due(&self) -> Instant {
        self.began + Duration::from_secs_f64(self.taken as f64 / self.per_second)
    }
}

/// A poll that may wait for less returns at once.
const POLL_PRECISION: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_due_at_even_distances_and_on_all_connections() {
        let mut schedule = Schedule::new(1000.0, 2);
        let began = Instant::now();
        schedule.start(began);
        let at = |millis| began + Duration::from_millis(millis);
        assert_eq!(schedule.take_due(at(0)), Some((0, at(0))));
        assert_eq!(schedule.take_due(at(0)), None);
        assert_eq!(schedule.take_due(at(1)), Some((1, at(1))));
        assert_eq!(schedule.take_due(at(1)), None);
    }

    #[test]
    fn what_was_missed_is_due_when_it_was() {
        let mut schedule = Schedule::new(1000.0, 3);
        let began = Instant::now();
        schedule.start(began);
        let late = began + Duration::from_millis(2);
        let due: Vec<_> = std::iter::from_fn(|| schedule.take_due(late))
            .map(|(connection, due)| (connection, late - due))
            .collect();
        let millis = Duration::from_millis;
        assert_eq!(due, [(0, millis(2)), (1, millis(1)), (2, millis(0))]);
    }

    #[test]
    fn a_poll_ends_before_the_next_message_is_due() {
        let mut schedule = Schedule::new(10.0, 1);
        let began = Instant::now();
        schedule.start(began);
        schedule.take_due(began);
        assert_eq!(schedule.wait(began), Duration::from_millis(98));
        let soon = began + Duration::from_millis(99);
        assert_eq!(schedule.wait(soon), Duration::ZERO);
    }
}
