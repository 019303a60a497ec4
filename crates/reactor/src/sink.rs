//! Where a connection's protocol delivers to: messages to the bridge, replies to the connection's output.

use gev_wire::{Part, Sink};

use crate::addresses::Addresses;
use crate::bridge::{Bridge, Event};
use crate::output::{ChunkPool, Output};
use crate::slots::ConnectionId;

/// One connection's view of its loop's bridge, for the time of one `decode`.
pub(crate) struct LoopSink<'a, B> {
    pub(crate) id: ConnectionId,
    pub(crate) addresses: &'a Addresses,
    pub(crate) bridge: &'a mut B,
    pub(crate) output: &'a mut Output,
    pub(crate) chunks: &'a mut ChunkPool,
}

impl<B: Bridge> Sink for LoopSink<'_, B> {
    fn open(&mut self) -> bool {
        let Some(record) = self.bridge.reserve(Addresses::RECORD_BYTES) else {
            return false;
        };
        self.addresses.write(record);
        self.bridge.commit(self.id, Event::Open);
        true
    }

    #[inline]
    fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        self.bridge.reserve(len)
    }

    #[inline]
    fn commit(&mut self, part: Part) {
        self.bridge.commit(self.id, Event::Message(part));
    }

    fn reply(&mut self, bytes: &[u8]) {
        self.output.append(bytes, self.chunks);
    }
}
