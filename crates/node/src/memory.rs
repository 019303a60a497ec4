//! The memory that one event loop shares with JavaScript, and how everything lies in it. The numbers are in
//! [`records`](crate::records).
//!
//! JavaScript makes two pieces of it for each loop, and keeps them alive and in place until the loop's thread has been
//! joined. One it shows to nobody, the other one it may show to handlers, who can then read and spoil nothing but events:
//!
//! ```text
//!   control   0        control words, each on a cache line of its own
//!                      counters        8 bytes each: stored by the loop only
//!                      command queue  (JavaScript -> loop), a power of two of bytes
//!                      gauges          8 bytes for each connection slot
//!   events    0        event queue    (loop -> JavaScript), a power of two of bytes
//! ```
//! Both queues are rings of records with one producer and one consumer each. Positions are u32 byte counts that only
//! grow (modulo 2^32); `position & (capacity - 1)` is the place. A record begins at a multiple of 16, is not wrapped,
//! and consists of a header of four u32 and a payload that is padded to a multiple of 16:
//!
//! ```text
//!   kind | flags << 8,  slot,  generation,  payload length in bytes,  payload ...
//! ```
//! A record that would wrap is preceded by one of kind [`PAD`](crate::records::PAD) that fills the ring up to its end. These four
//! are in native byte order, as the words are; numbers in payloads are little-endian, whatever the machine. The producer owns what lies outside of [tail, head), the consumer what lies inside; storing
//! `head` hands bytes to the consumer, storing `tail` hands them back.

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

use gev_reactor::Counter;

use crate::records::{
    COMMANDS_AT, COUNTER_BYTES, COUNTERS_AT, GAUGE_BYTES, Gauge, KIND_MASK, MAX_QUEUE_BYTES,
    MIN_QUEUE_BYTES, RECORD_ALIGN, WORD_SPACING, Word,
};
use crate::sync::AtomicU32;

/// One loop's shared memory, valid for `'a`. Copies are views of the same memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory<'a> {
    control: NonNull<u8>,
    events: NonNull<u8>,
    queue_bytes: usize,
    slots: usize,
    memory: PhantomData<&'a AtomicU32>,
}

/// A piece of memory that JavaScript has made: where it begins, and its length in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    pub(crate) base: *mut u8,
    pub(crate) len: usize,
}

// SAFETY: the memory belongs to no thread; what may be accessed from which one is up to the queues built on it.
unsafe impl Send for Memory<'_> {}

impl<'a> Memory<'a> {
    /// Bytes of the piece with everything but the events, for queues of `queue_bytes` and `slots` connections.
    pub(crate) fn control_bytes(queue_bytes: usize, slots: usize) -> usize {
        COMMANDS_AT + queue_bytes + slots * GAUGE_BYTES
    }

    /// The memory in these two pieces; `None` if they are not what the layout asks for.
    ///
    /// # Safety
    /// The pieces must stay valid for `'a`, and be accessed by others only by the rules of this module (but for the bytes
    /// of events, which are only written here).
    pub(crate) unsafe fn new(
        control: Piece,
        events: Piece,
        queue_bytes: usize,
        slots: usize,
    ) -> Option<Self> {
        let fits = queue_bytes.is_power_of_two()
            && (MIN_QUEUE_BYTES..=MAX_QUEUE_BYTES).contains(&queue_bytes);
        let enough = fits
            && control.len >= Self::control_bytes(queue_bytes, slots)
            && events.len >= queue_bytes;
        Some(Self {
            control: control.aligned()?,
            events: events.aligned()?,
            queue_bytes,
            slots,
            memory: PhantomData,
        })
        .filter(|_| enough)
    }

    /// A control word.
    pub(crate) fn word(&self, word: Word) -> &'a AtomicU32 {
        // SAFETY: control words lie in the first COMMANDS_AT bytes, which `new` has checked to be there; they are aligned,
        // and accessed as atomics only, here and in JavaScript. The memory is valid for `'a` (contract of `new`).
        unsafe {
            let word = self.control.add(word as usize * WORD_SPACING);
            AtomicU32::from_ptr(word.cast().as_ptr())
        }
    }

    /// What the loop has counted.
    pub(crate) fn counter(&self, counter: Counter) -> &'a AtomicU64 {
        // SAFETY: counters lie between the words and the command queue, which `new` has checked to be there; they are aligned,
        // and accessed as atomics only, here and in JavaScript. The memory is valid for `'a` (contract of `new`).
        unsafe {
            let place = COUNTERS_AT + counter as usize * COUNTER_BYTES;
            AtomicU64::from_ptr(self.control.add(place).cast().as_ptr())
        }
    }

    /// First byte of the event queue.
    pub(crate) fn events(&self) -> NonNull<u8> {
        self.events
    }

    /// First byte of the command queue.
    pub(crate) fn commands(&self) -> NonNull<u8> {
        // SAFETY: `new` has checked that the queue lies in the memory.
        unsafe { self.control.add(COMMANDS_AT) }
    }

    /// Capacity of each queue in bytes.
    pub(crate) fn queue_bytes(&self) -> usize {
        self.queue_bytes
    }

    /// One word of a slot's gauges; `None` for a slot that the memory was not made for.
    pub(crate) fn gauge(&self, slot: u32, gauge: Gauge) -> Option<&'a AtomicU32> {
        let slot = slot as usize;
        if slot >= self.slots {
            return None;
        }
        let at = COMMANDS_AT + self.queue_bytes + slot * GAUGE_BYTES + gauge as usize * 4;
        // SAFETY: `at` lies below `control_bytes(queue_bytes, slots)`, which `new` has checked; it is a multiple of four, and
        // the word is accessed as an atomic only. The memory is valid for `'a` (contract of `new`).
        Some(unsafe { AtomicU32::from_ptr(self.control.add(at).cast().as_ptr()) })
    }
}

impl Piece {
    /// Where it begins, if records can lie there.
    fn aligned(self) -> Option<NonNull<u8>> {
        NonNull::new(self.base).filter(|base| base.align_offset(RECORD_ALIGN) == 0)
    }
}

/// Kind that the reader gives to a record whose length cannot be.
pub(crate) const IMPOSSIBLE: u32 = KIND_MASK;
