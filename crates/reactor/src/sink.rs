//! Where a connection's protocol delivers to: messages to the bridge, replies to the connection's output.

use gev_wire::{Control, Opening, Part, Request, Sink};

use crate::addresses::Addresses;
use crate::bridge::{Bridge, Event};
use crate::http_date::HttpDate;
use crate::memory_budget::Rank;
use crate::output::{ChunkPool, Output};
use crate::slots::ConnectionId;

/// One connection's view of its loop's bridge, for the time of one `decode`.
pub(crate) struct LoopSink<'a, B> {
    pub(crate) id: ConnectionId,
    pub(crate) addresses: &'a Addresses,
    pub(crate) bridge: &'a mut B,
    pub(crate) output: &'a mut Output,
    pub(crate) chunks: &'a mut ChunkPool,
    pub(crate) date: &'a mut HttpDate,
    /// The socket may take something, and no frame is half way out.
    pub(crate) may_pong: bool,
    /// The pong that is sent when that is so again.
    pub(crate) held_pong: &'a mut Option<Box<[u8]>>,
    /// Pings and pongs that have come.
    pub(crate) controls: &'a mut u32,
    /// How many more may come.
    pub(crate) controls_left: u32,
    /// Messages that have come to their end.
    pub(crate) messages: &'a mut u32,
    /// How many more may come.
    pub(crate) messages_left: u32,
    /// What the application is asked.
    pub(crate) asked: &'a mut Option<Request>,
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
}

impl<B: Bridge> LoopSink<'_, B> {
    /// Delivers an event with the connection's addresses and `more` behind them.
    fn introduce(&mut self, event: Event, more: [&[u8]; 3]) -> bool {
        let len = more.iter().map(|bytes| bytes.len()).sum::<usize>();
        let Some(room) = self.bridge.reserve(Addresses::RECORD_BYTES + len) else {
            return false;
        };
        let (record, mut room) = room.split_at_mut(Addresses::RECORD_BYTES);
        self.addresses.write(record);
        for bytes in more {
            let (now, later) = room.split_at_mut(bytes.len());
            now.copy_from_slice(bytes);
            room = later;
        }
        self.bridge.commit(self.id, event);
        true
    }
}

impl<B: Bridge> Sink for LoopSink<'_, B> {
    fn open(&mut self, opening: Opening<'_>) -> bool {
        let (protocol, extensions) = (opening.protocol.as_bytes(), opening.extensions.as_bytes());
        let separator: &[u8] = if opening == Opening::default() {
            &[]
        } else {
            b"\n"
        };
        self.introduce(Event::Open, [protocol, separator, extensions])
    }

    fn ask(&mut self, request: Request, lines: &[u8]) -> bool {
        let asked = self.introduce(Event::Ask(request), [lines, &[], &[]]);
        if asked {
            *self.asked = Some(request);
        }
        asked
    }

    fn refused(&mut self, status: u16, reason: &str) -> bool {
        let status = status.to_le_bytes();
        self.introduce(Event::Refused, [&status, reason.as_bytes(), &[]])
    }

    #[inline]
    fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        self.reserved = len;
        self.bridge.reserve(len)
    }

    fn room_for_more(&mut self) -> usize {
        self.is_starved = self.room_for_more == 0;
        self.room_for_more
    }

    fn shorten(&mut self, len: usize) {
        self.reserved = len;
        self.bridge.shorten(len);
    }

    #[inline]
    fn commit(&mut self, part: Part) {
        if part.last {
            *self.messages = self.messages.saturating_add(1);
            self.messages_left = self.messages_left.saturating_sub(1);
            self.has_completed = true;
            if self.rank == Rank::First {
                // It is another's turn to have what is left.
                self.room_for_more = 0;
            }
        } else {
            self.room_for_more = self.room_for_more.saturating_sub(self.reserved);
        }
        self.bridge.commit(self.id, Event::Message(part));
    }

    #[inline]
    fn may_take_message(&self) -> bool {
        self.messages_left > 0
    }

    fn count_control(&mut self) -> bool {
        *self.controls = self.controls.saturating_add(1);
        let may_come = self.controls_left > 0;
        self.controls_left = self.controls_left.saturating_sub(1);
        may_come
    }

    fn control(&mut self, control: Control, payload: &[u8]) -> bool {
        let Some(room) = self.bridge.reserve(payload.len()) else {
            return false;
        };
        room.copy_from_slice(payload);
        self.bridge.commit(self.id, Event::Control(control));
        true
    }

    fn date(&mut self) -> &str {
        self.date.now()
    }

    fn reply(&mut self, bytes: &[u8]) {
        self.output.append(bytes, self.chunks);
    }

    /// RFC 6455 section 5.5.3: a peer that does not take what it is sent gets the answer to its latest ping only, so that
    /// pings cannot fill the memory.
    fn pong(&mut self, frame: &[u8]) {
        if self.may_pong {
            self.output.append(frame, self.chunks);
        } else {
            *self.held_pong = Some(frame.into());
        }
    }
}
