//! Where a connection's codec delivers to: messages to the application, replies to the connection's output.

use gev_wire::{
    Control, FrameCounts, FrameError, FrameSink, KeepAliveSink, Opening, Part, Request, Sink,
    UpgradeSink,
};

use crate::event::{Event, Events};
use crate::life::Life;
use crate::memory_budget::Rank;
use crate::pools::Pools;
use crate::sending::Sending;
use crate::session::Recent;

/// What one connection has for its codec, for the time of one `decode`.
pub(crate) struct SessionSink<'a, E> {
    pub(crate) events: &'a mut E,
    pub(crate) sending: &'a mut Sending,
    pub(crate) pools: &'a mut Pools,
    pub(crate) life: &'a mut Life,
    /// The socket may take something, and no frame is half way out.
    pub(crate) may_pong: bool,
    pub(crate) recent: &'a mut Recent,
    /// How many more pings and pongs may come.
    pub(crate) controls_left: u32,
    /// How many more messages may come.
    pub(crate) messages_left: u32,
    /// Length of what was reserved last.
    pub(crate) reserved: usize,
    /// Bytes that may still be handed over without completing their message.
    pub(crate) room_for_more: usize,
    /// How much of the memory for all connections this one may use, for the message that is half way.
    pub(crate) rank: Rank,
    /// There was a need of more than that.
    pub(crate) is_starved: bool,
    /// A message has come to its end.
    pub(crate) has_completed: bool,
    /// Nothing may follow a message before the application has said so.
    pub(crate) stepwise: bool,
    /// A message has been handed over that nothing may follow.
    pub(crate) has_stepped: bool,
}

impl<E: Events> Sink for SessionSink<'_, E> {
    fn open(&mut self, opening: Opening<'_>) -> bool {
        if !self.life.is_handshaking() {
            // It is open already, by a codec before.
            return true;
        }
        let subprotocol = opening.subprotocol.as_bytes();
        let extensions = opening.extensions.as_bytes();
        let separator: &[u8] = if opening == Opening::default() {
            &[]
        } else {
            b"\n"
        };
        let more = [subprotocol, separator, extensions];
        let is_told = self.events.introduce(Event::Open, more);
        if is_told {
            self.life.open();
        }
        is_told
    }

    fn announce(&mut self, len: u64) -> bool {
        let len = len.to_le_bytes();
        let Some(room) = self.events.reserve(len.len()) else {
            return false;
        };
        room.copy_from_slice(&len);
        self.events.commit(Event::Announced);
        true
    }

    #[inline]
    fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        self.reserved = len;
        self.events.reserve(len)
    }

    fn room_for_more(&mut self) -> usize {
        self.is_starved = self.room_for_more == 0;
        self.room_for_more
    }

    fn shorten(&mut self, len: usize) {
        self.reserved = len;
        self.events.shorten(len);
    }

    #[inline]
    fn commit(&mut self, part: Part) -> bool {
        if part.last {
            self.has_stepped = self.stepwise;
            self.recent.messages = self.recent.messages.saturating_add(1);
            self.messages_left = self.messages_left.saturating_sub(1);
            self.has_completed = true;
            if self.rank == Rank::First {
                // It is another's turn to have what is left.
                self.room_for_more = 0;
            }
        } else {
            self.room_for_more = self.room_for_more.saturating_sub(self.reserved);
        }
        self.events.commit(Event::Message(part));
        !self.has_stepped
    }

    #[inline]
    fn may_take_message(&self) -> bool {
        self.messages_left > 0
    }

    fn reply(&mut self, bytes: &[u8]) {
        self.sending.append(bytes, self.pools);
    }
}

impl<E: Events> FrameSink for SessionSink<'_, E> {
    fn frame_failed(&mut self, error: &FrameError) -> bool {
        let Some(room) = self.events.reserve(error.record_len()) else {
            return false;
        };
        error.write(room);
        self.events.commit(Event::FrameError);
        self.has_completed = true;
        true
    }

    #[inline]
    fn count_frames(&mut self, frames: &FrameCounts) {
        for (sum, more) in self.pools.frames.iter_mut().zip(frames) {
            *sum += more;
        }
    }
}

impl<E: Events> UpgradeSink for SessionSink<'_, E> {
    fn ask(&mut self, request: Request, lines: &[u8]) -> bool {
        let is_asked = self
            .events
            .introduce(Event::Ask(request), [lines, &[], &[]]);
        if is_asked {
            self.life.ask(request);
        }
        is_asked
    }

    fn refused(&mut self, status: u16, reason: &str) -> bool {
        let status = status.to_le_bytes();
        let more: [&[u8]; 3] = [&status, reason.as_bytes(), &[]];
        self.events.introduce(Event::Refused, more)
    }

    fn date(&mut self) -> &str {
        self.pools.clock.date()
    }
}

impl<E: Events> KeepAliveSink for SessionSink<'_, E> {
    fn count_control(&mut self) -> bool {
        self.recent.controls = self.recent.controls.saturating_add(1);
        let may_come = self.controls_left > 0;
        self.controls_left = self.controls_left.saturating_sub(1);
        may_come
    }

    fn control(&mut self, control: Control, payload: &[u8]) -> bool {
        let Some(room) = self.events.reserve(payload.len()) else {
            return false;
        };
        room.copy_from_slice(payload);
        self.events.commit(Event::Control(control));
        true
    }

    /// RFC 6455 section 5.5.3: a peer that does not take what it is sent gets the answer to its latest ping only, so that
    /// pings cannot fill the memory.
    fn pong(&mut self, frame: &[u8]) {
        if self.may_pong {
            self.sending.append(frame, self.pools);
        } else {
            self.sending.hold_pong(frame);
        }
    }
}
