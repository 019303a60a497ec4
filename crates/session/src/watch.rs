//! How long an open connection may be silent, and how old it may get.
//!
//! Nothing is cancelled or armed again when something is received or sent: the times are noted, and whoever comes when
//! [`next_deadline`](Watch::next_deadline) has passed finds with [`due`](Watch::due) whether it still means something.
//! Times are noted when the work of a turn is done, so that no deadline is ever early.

use std::time::{Duration, Instant};

use crate::config::Timeouts;

/// What happened to one open connection, and when.
#[derive(Debug)]
pub(crate) struct Watch {
    opened: Instant,
    received: Instant,
    sent: Instant,
    /// Since when the socket has taken nothing of what waits for it.
    stuck: Option<Instant>,
    /// When a ping was sent that nothing has been received after.
    pinged: Option<Instant>,
    /// Since when a frame is half way.
    frame: Option<Instant>,
    /// When the application wants it to end.
    deadline: Option<Instant>,
    /// Something was received that has not been given a time.
    has_received: bool,
    /// The kernel has taken something that has not been given a time.
    has_sent: bool,
}

/// What is to be done when a deadline has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    /// Ask the peer for a sign of life.
    Ping,
    /// The peer has not given one.
    NoPong,
    /// A frame has not come to its end in time.
    LateFrame,
    /// Nothing was received or sent for too long.
    Idle,
    /// The connection is as old as it may get.
    Lifetime,
    /// The time is over that the application has given it.
    Deadline,
}

impl Watch {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            opened: now,
            received: now,
            sent: now,
            stuck: None,
            pinged: None,
            frame: None,
            deadline: None,
            has_received: false,
            has_sent: false,
        }
    }

    /// It has to end then, whatever happens.
    pub(crate) fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// Something has been received.
    pub(crate) fn note_received(&mut self) {
        self.has_received = true;
    }

    /// The kernel has taken something.
    pub(crate) fn note_sent(&mut self) {
        self.has_sent = true;
    }

    /// Gives what was noted its time, if any deadline depends on it. `is_stuck`: output waits for a socket that takes
    /// none.
    pub(crate) fn stamp(
        &mut self,
        timeouts: &Timeouts,
        is_stuck: bool,
        clock: impl Fn() -> Instant,
    ) {
        let is_traffic = (self.has_received || self.has_sent) && timeouts.watch_traffic();
        let is_moved = is_stuck != self.stuck.is_some() || self.has_sent && is_stuck;
        if !is_traffic && !is_moved {
            return;
        }
        let now = clock();
        if std::mem::take(&mut self.has_received) {
            self.received = now;
            self.pinged = None;
        }
        if std::mem::take(&mut self.has_sent) {
            self.sent = now;
            if self.stuck.take().is_some() {
                // What the kernel takes again the peer has made room for: it lives, and the ping may be on its way.
                self.pinged = self.pinged.map(|_| now);
            }
        }
        self.stuck = is_stuck.then(|| self.stuck.unwrap_or(now));
    }

    /// Notes whether a frame is half way, and whether it is a new one.
    pub(crate) fn stamp_frame(
        &mut self,
        is_mid_frame: bool,
        is_new: bool,
        clock: impl Fn() -> Instant,
    ) {
        if !is_mid_frame {
            self.frame = None;
        } else if is_new || self.frame.is_none() {
            self.frame = Some(clock());
        }
    }

    /// When [`is_stalled`](Self::is_stalled) may become true.
    pub(crate) fn stall_deadline(&self, timeouts: &Timeouts) -> Option<Instant> {
        let stuck = self.stuck.filter(|_| !timeouts.write_stall.is_zero())?;
        stuck.checked_add(timeouts.write_stall)
    }

    /// True when the socket has taken nothing of its output for too long.
    pub(crate) fn is_stalled(&self, now: Instant, timeouts: &Timeouts) -> bool {
        self.stall_deadline(timeouts)
            .is_some_and(|deadline| deadline <= now)
    }

    /// When [`due`](Self::due) has to be asked, unless something is received or sent before.
    pub(crate) fn next_deadline(&self, timeouts: &Timeouts) -> Option<Instant> {
        let deadlines = self.deadlines(timeouts).map(|(at, _)| at);
        deadlines.chain(self.stall_deadline(timeouts)).min()
    }

    /// What is to be done now. A ping counts as sent when this says so, and of a late frame it says so once. `unread`: bytes of the peer wait to be read,
    /// so that it is not silent.
    pub(crate) fn due(&mut self, now: Instant, timeouts: &Timeouts, unread: bool) -> Due {
        if unread {
            self.received = now;
            self.pinged = None;
            self.frame = self.frame.map(|_| now);
        }
        let first = self.deadlines(timeouts).min_by_key(|&(at, _)| at);
        let due = first.map_or(
            Due::Nothing,
            |(at, due)| {
                if at <= now { due } else { Due::Nothing }
            },
        );
        match due {
            Due::Ping => self.pinged = Some(now),
            Due::LateFrame => self.frame = None,
            _ => {}
        }
        due
    }

    fn deadlines(&self, timeouts: &Timeouts) -> impl Iterator<Item = (Instant, Due)> {
        let life_sign = match self.pinged {
            None => (self.received, timeouts.ping_interval, Due::Ping),
            Some(pinged) => (pinged, timeouts.pong_timeout, Due::NoPong),
        };
        let frame = self
            .frame
            .map(|since| (since, timeouts.frame, Due::LateFrame));
        [
            (self.opened, timeouts.max_lifetime, Due::Lifetime),
            (self.received, timeouts.idle_read, Due::Idle),
            (self.sent, timeouts.idle_write, Due::Idle),
            (self.received.max(self.sent), timeouts.idle_all, Due::Idle),
            life_sign,
        ]
        .into_iter()
        .chain(frame)
        .filter(|(_, time, _)| !time.is_zero())
        .filter_map(|(since, time, due)| Some((since.checked_add(time)?, due)))
        .chain(self.deadline.map(|at| (at, Due::Deadline)))
    }
}

impl Timeouts {
    /// Any of them depends on when something was received or sent last.
    fn watch_traffic(&self) -> bool {
        let of_traffic = [
            self.idle_read,
            self.idle_write,
            self.idle_all,
            self.ping_interval,
        ];
        of_traffic.iter().any(|time| *time != Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection, its timeouts, and a clock that is moved by hand.
    struct Clock {
        start: Instant,
        now: Instant,
        watch: Watch,
        timeouts: Timeouts,
    }

    impl Clock {
        fn new(timeouts: Timeouts) -> Self {
            let start = Instant::now();
            Self {
                start,
                now: start,
                watch: Watch::new(start),
                timeouts,
            }
        }

        fn go_to(&mut self, ms: u64) {
            self.now = self.start + Duration::from_millis(ms);
        }

        fn receive_at(&mut self, ms: u64) {
            self.go_to(ms);
            self.watch.note_received();
            self.watch.stamp(&self.timeouts, false, || self.now);
        }

        fn send_at(&mut self, ms: u64) {
            self.go_to(ms);
            self.watch.note_sent();
            self.watch.stamp(&self.timeouts, false, || self.now);
        }

        /// Goes to the next deadline: when that is, and what is due then.
        fn next(&mut self) -> Option<(u64, Due)> {
            let at = self.watch.next_deadline(&self.timeouts)?;
            let ms = at.duration_since(self.start).as_millis() as u64;
            self.now = at - Duration::from_nanos(1);
            assert_eq!(self.due(), Due::Nothing, "early");
            self.now = at;
            Some((ms, self.due()))
        }

        fn due(&mut self) -> Due {
            self.watch.due(self.now, &self.timeouts, false)
        }
    }

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn without_timeouts_nothing_is_due() {
        let mut clock = Clock::new(Timeouts::default());
        clock.receive_at(5);
        assert_eq!(clock.next(), None);
    }

    #[test]
    fn silence_is_counted_from_the_last_sign_of_either_side() {
        let mut clock = Clock::new(Timeouts {
            idle_all: ms(100),
            ..Timeouts::default()
        });
        clock.receive_at(30);
        clock.send_at(70);
        clock.receive_at(60);
        assert_eq!(clock.next(), Some((170, Due::Idle)));
    }

    #[test]
    fn each_direction_can_have_a_timeout_of_its_own() {
        let timeouts = Timeouts {
            idle_read: ms(100),
            ..Timeouts::default()
        };
        let mut clock = Clock::new(timeouts);
        clock.send_at(90);
        assert_eq!(clock.next(), Some((100, Due::Idle)));
        let mut clock = Clock::new(Timeouts {
            idle_read: Duration::ZERO,
            idle_write: ms(50),
            ..timeouts
        });
        clock.receive_at(40);
        assert_eq!(clock.next(), Some((50, Due::Idle)));
    }

    #[test]
    fn a_silent_peer_is_pinged_and_has_time_to_answer() {
        let mut clock = Clock::new(Timeouts {
            ping_interval: ms(100),
            pong_timeout: ms(30),
            ..Timeouts::default()
        });
        assert_eq!(clock.next(), Some((100, Due::Ping)));
        clock.receive_at(129);
        assert_eq!(clock.next(), Some((229, Due::Ping)));
        clock.send_at(240);
        assert_eq!(clock.next(), Some((259, Due::NoPong)));
    }

    #[test]
    fn bytes_that_nobody_has_read_are_a_sign_of_life() {
        let mut clock = Clock::new(Timeouts {
            ping_interval: ms(100),
            pong_timeout: ms(30),
            idle_read: ms(120),
            ..Timeouts::default()
        });
        assert_eq!(clock.next(), Some((100, Due::Ping)));
        clock.go_to(130);
        let timeouts = clock.timeouts;
        assert_eq!(clock.watch.due(clock.now, &timeouts, true), Due::Nothing);
        assert_eq!(clock.next(), Some((230, Due::Ping)));
    }

    #[test]
    fn a_peer_that_takes_nothing_is_stalled_and_one_that_takes_a_little_is_not() {
        let mut clock = Clock::new(Timeouts {
            write_stall: ms(100),
            ..Timeouts::default()
        });
        let stuck_at = |clock: &mut Clock, at, took_some| {
            clock.go_to(at);
            if took_some {
                clock.watch.note_sent();
            }
            clock.watch.stamp(&clock.timeouts, true, || clock.now);
            let deadline = clock.watch.next_deadline(&clock.timeouts);
            deadline.map(|at| at.duration_since(clock.start))
        };
        assert_eq!(stuck_at(&mut clock, 10, true), Some(ms(110)));
        assert_eq!(stuck_at(&mut clock, 60, false), Some(ms(110)));
        assert_eq!(stuck_at(&mut clock, 90, true), Some(ms(190)));
        let (start, timeouts) = (clock.start, clock.timeouts);
        assert!(!clock.watch.is_stalled(start + ms(189), &timeouts));
        assert!(clock.watch.is_stalled(start + ms(190), &timeouts));
        clock.send_at(195);
        assert_eq!(clock.next(), None, "nothing waits any more");
    }

    #[test]
    fn a_peer_that_reads_slowly_is_alive() {
        let mut clock = Clock::new(Timeouts {
            ping_interval: ms(100),
            pong_timeout: ms(30),
            ..Timeouts::default()
        });
        assert_eq!(clock.next(), Some((100, Due::Ping)));
        clock.watch.stamp(&clock.timeouts, true, || clock.now);
        // Behind output that waits, some of which the peer takes.
        clock.send_at(120);
        assert_eq!(clock.next(), Some((150, Due::NoPong)));
        // Where nothing waits, that the kernel takes something says nothing of the peer.
        clock.send_at(140);
        assert_eq!(clock.next(), Some((150, Due::NoPong)));
    }

    #[test]
    fn a_lifetime_ends_whatever_happens() {
        let mut clock = Clock::new(Timeouts {
            max_lifetime: ms(1000),
            idle_all: ms(400),
            ..Timeouts::default()
        });
        for at in [300, 600, 900] {
            clock.receive_at(at);
        }
        assert_eq!(clock.next(), Some((1000, Due::Lifetime)));
    }

    #[test]
    fn a_deadline_ends_whatever_happens_unless_it_is_moved() {
        let mut clock = Clock::new(Timeouts {
            idle_all: ms(400),
            ..Timeouts::default()
        });
        let at = |clock: &Clock, n| Some(clock.start + ms(n));
        let soon = at(&clock, 300);
        clock.watch.set_deadline(soon);
        clock.receive_at(200);
        assert_eq!(clock.next(), Some((300, Due::Deadline)));
        let later = at(&clock, 500);
        clock.watch.set_deadline(later);
        clock.receive_at(310);
        assert_eq!(clock.next(), Some((500, Due::Deadline)));
        clock.watch.set_deadline(None);
        assert_eq!(clock.next(), Some((710, Due::Idle)));
    }
}
