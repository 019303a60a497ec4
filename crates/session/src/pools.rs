//! What the connections of one loop borrow.

use std::fmt;
use std::time::Instant;

use gev_wire::{FrameCounts, RingBuffer};

use crate::output::ChunkPool;

/// Memory without an owner, the time, and what is counted.
pub struct Pools {
    pub(crate) clock: Box<dyn Clock + Send>,
    pub(crate) chunks: ChunkPool,
    rings: Vec<Box<[u8]>>,
    pub(crate) frames: FrameCounts,
}

/// What time it is, for those who need it exactly. It costs something to find out.
pub trait Clock {
    /// As `now` is told otherwise.
    fn now(&self) -> Instant;

    /// The time of the world, as heads of HTTP have it; empty if nobody knows.
    fn date(&mut self) -> &str;
}

impl Pools {
    /// Nothing yet, and never more than `max_bytes` of unused memory for output, and a megabyte of it for input.
    #[must_use]
    pub fn new(max_bytes: usize, clock: Box<dyn Clock + Send>) -> Self {
        Self {
            clock,
            chunks: ChunkPool::new(max_bytes),
            rings: Vec::new(),
            frames: FrameCounts::default(),
        }
    }

    /// Frames that have come since this was asked last.
    pub fn take_frames(&mut self) -> FrameCounts {
        std::mem::take(&mut self.frames)
    }

    /// Gives a buffer storage, if there is some and it has none.
    pub(crate) fn lend(&mut self, ring: &mut RingBuffer) {
        if ring.capacity() == 0
            && let Some(storage) = self.rings.pop()
        {
            ring.give_storage(storage);
        }
    }

    /// Takes the storage of a buffer back that is empty.
    pub(crate) fn take_back(&mut self, ring: &mut RingBuffer) {
        if !ring.is_empty() || ring.capacity() == 0 {
            return;
        }
        let storage = ring.take_storage();
        if storage.len() <= MAX_POOLED_RING_BYTES && self.rings.len() < MAX_POOLED_RINGS {
            self.rings.push(storage);
        }
    }
}

impl fmt::Debug for Pools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pools")
            .field("rings", &self.rings.len())
            .finish_non_exhaustive()
    }
}

/// Storage of a ring that goes to the pool and how many of them: a megabyte in all.
const MAX_POOLED_RING_BYTES: usize = 16 * 1024;
const MAX_POOLED_RINGS: usize = 64;
