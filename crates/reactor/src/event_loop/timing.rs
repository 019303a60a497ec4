//! When connections are judged by their timers: not before all was looked at that the kernel has for them.
//!
//! A turn may come late: because the process stood still (a signal, a debugger, a machine that slept), or because
//! JavaScript, which drives a loop without a thread, was busy. Then the kernel has what peers have said meanwhile, and room
//! for what waits for them; and the other end, which stood still as well, has not answered. So whenever something is due,
//! the kernel is asked once more, at a time after the one that is judged by; and a turn that is late puts the judgement
//! off, once, by as much as it is late.

use std::io;
use std::time::{Duration, Instant};

use super::EventLoop;
use crate::bridge::Bridge;
use crate::counter::Counter;

impl<B: Bridge> EventLoop<B> {
    /// When [`run_timers`](Self::run_timers) has something to do, at the latest.
    pub(super) fn next_judgement(&self) -> Option<Instant> {
        self.put_off.or_else(|| self.timers.next_deadline())
    }

    /// How many entries the timer wheel has: those of connections whose next deadline it knows, and those that came too late for it.
    #[must_use]
    pub fn timer_entries(&self) -> usize {
        self.timers.len()
    }

    pub(super) fn run_timers(&mut self) -> io::Result<()> {
        let Some(due_at) = self.next_judgement().filter(|&at| at <= self.now) else {
            return Ok(());
        };
        self.look_again()?;
        let late = self.now - due_at;
        if self.put_off.is_none() && late > PUNCTUAL {
            self.count_lateness(late);
            self.put_off = Some(self.now + late.min(LONGEST_DELAY));
            return Ok(());
        }
        if self.put_off.take().is_none() {
            self.count_lateness(late);
        }
        let mut due = std::mem::take(&mut self.due);
        self.timers.advance(self.now, &mut due);
        for id in due.drain(..) {
            let Some(connection) = self.connections.get_mut(id) else {
                continue;
            };
            // Only the earliest entry of a connection means something: one that came later took its place.
            if connection.armed.is_none_or(|armed| armed > self.now) {
                continue;
            }
            connection.armed = None;
            // Nobody can help it that his bytes are not read; but a stop takes no longer than it may.
            let is_heard = !self.blocked || self.stopping.is_some();
            let next = connection.expire(self.now, is_heard, &mut self.pools);
            self.settle(id, next);
        }
        self.due = due;
        Ok(())
    }

    fn count_lateness(&mut self, late: Duration) {
        self.bridge.add(Counter::of_lateness(late), 1);
        self.bridge
            .add(Counter::LateNanoseconds, late.as_nanos() as u64);
    }

    /// Takes all events that the kernel has, and does what they ask for.
    fn look_again(&mut self) -> io::Result<()> {
        // Each poll tells of others. Those who had something to tell before have had their turn after so many.
        let sources = self.connections.len() + self.listeners.len() + 1;
        for _ in 0..sources.div_ceil(self.config.poll_events) {
            self.poll(Some(Duration::ZERO))?;
            self.note_events();
            if self.events.iter().count() < self.config.poll_events {
                break;
            }
        }
        self.flush_dirty();
        self.read_ready();
        Ok(())
    }
}

/// A turn that comes this little after its time is not late: the scheduler has other things to do.
const PUNCTUAL: Duration = Duration::from_millis(10);

/// The other end answers within this time, unless it does not want to.
const LONGEST_DELAY: Duration = Duration::from_secs(1);
