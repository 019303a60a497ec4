//! What the other end is told: events that belong to no session, when they find room, and when the other end is woken.

use std::sync::atomic::Ordering;
use std::time::Duration;

use gev_session::Event;

use super::{EventLoop, NOBODY, News};
use crate::bridge::Bridge;
use crate::close_payload;
use crate::slots::ConnectionId;

impl<B: Bridge> EventLoop<B> {
    /// Tells the other end that the loop is no more, because of `message`. For the thread's top, after a panic or a
    /// failed poll; waits for room in the event queue.
    pub fn report_end(&mut self, message: &str) {
        self.leave();
        while !self.try_report_end(message) {
            if self.mailbox.aborted.load(Ordering::Acquire) {
                return;
            }
            self.bridge.prepare_sleep();
            // A poll that fails cannot wait; the other end makes room without being asked twice.
            let _ = self.poll.poll(&mut self.events, Some(REPORT_RETRY));
            self.bridge.awake();
        }
    }

    /// As above, without waiting; false when there is no room.
    pub fn try_report_end(&mut self, message: &str) -> bool {
        let message = &message.as_bytes()[..message.len().min(MAX_ERROR_BYTES)];
        let reported = self.emit(NOBODY, Event::Stopped, message);
        self.bridge.publish();
        self.bridge.ring();
        reported
    }

    /// Makes this turn's events visible, and rings for them unless a few more may come soon.
    pub(super) fn publish(&mut self) {
        if !self.bridge.publish() {
            self.unannounced = 0;
            return;
        }
        self.unannounced += 1 + self.events.iter().count();
        if self.unannounced >= BURST || self.blocked || self.ended {
            self.ring();
        }
    }

    pub(super) fn ring(&mut self) {
        self.unannounced = 0;
        self.bridge.ring();
    }

    /// True when events may be delivered: nothing older waits, and there is room.
    pub(super) fn may_deliver(&mut self) -> bool {
        if self.blocked {
            self.blocked = !self.bridge.has_room();
        }
        self.deliver_news() && !self.blocked
    }

    /// Delivers what had to wait for room; false when some still has to.
    pub(super) fn deliver_news(&mut self) -> bool {
        while let Some((id, news)) = self.undelivered.pop_front() {
            let delivered = match &news {
                News::Event(event) => self.emit(id, *event, &[]),
                News::Closed(reason) => {
                    let mut payload = [0; close_payload::MAX_BYTES];
                    let len = close_payload::write(reason, &mut payload);
                    self.emit(id, Event::Close, &payload[..len])
                }
                News::Refused {
                    addresses,
                    status,
                    reason,
                } => {
                    let mut payload = vec![0; addresses.record_len()];
                    addresses.write(&mut payload);
                    payload.extend(status.to_le_bytes());
                    payload.extend(reason.as_bytes());
                    self.emit(id, Event::Refused, &payload)
                }
            };
            if !delivered {
                self.undelivered.push_front((id, news));
                self.blocked = true;
                return false;
            }
        }
        true
    }

    /// Tells the other end which loans it has back.
    pub(super) fn tell_returned(&mut self) {
        while let Some(loan) = self.bridge.next_returned() {
            let id = ConnectionId {
                slot: loan,
                ..NOBODY
            };
            self.undelivered
                .push_back((id, News::Event(Event::Returned)));
        }
        self.deliver_news();
    }

    /// Delivers one event; false when there is no room.
    pub(super) fn emit(&mut self, id: ConnectionId, event: Event, payload: &[u8]) -> bool {
        let Some(room) = self.bridge.reserve(payload.len()) else {
            return false;
        };
        room.copy_from_slice(payload);
        self.bridge.commit(id, event);
        true
    }
}

/// From this many events (and turns) on the other end is told of them, whether or not more are to come.
const BURST: usize = 32;

const MAX_ERROR_BYTES: usize = 4096;

/// How often a loop that has failed looks again for room to say so.
const REPORT_RETRY: Duration = Duration::from_millis(50);
