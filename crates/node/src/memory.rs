//! The memory that one event loop shares with JavaScript, and the layout of everything in it.
//!
//! JavaScript makes it for each loop, as an ArrayBuffer that it shows to nobody or as a SharedArrayBuffer, and keeps it
//! alive and in place until the loop's thread has been joined:
//!
//! ```text
//!   0        control words, each on a cache line of its own
//!   512      event queue    (loop -> JavaScript), a power of two of bytes
//!            command queue  (JavaScript -> loop), a power of two of bytes
//!            gauges          8 bytes for each connection slot
//! ```
//! Both queues are rings of records with one producer and one consumer each. Positions are u32 byte counts that only
//! grow (modulo 2^32); `position & (capacity - 1)` is the place. A record begins at a multiple of 16, is not wrapped,
//! and consists of a header of four u32 and a payload that is padded to a multiple of 16:
//!
//! ```text
//!   kind | flags << 8,  slot,  generation,  payload length in bytes,  payload ...
//! ```
//! A record that would wrap is preceded by one of kind [`PAD`] that fills the ring up to its end. All numbers are in
//! native byte order. The producer owns what lies outside of [tail, head), the consumer what lies inside; storing
//! `head` hands bytes to the consumer, storing `tail` hands them back.

use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::sync::AtomicU32;

/// One loop's shared memory, valid for `'a`. Copies are views of the same memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory<'a> {
    base: NonNull<u8>,
    queue_bytes: usize,
    slots: usize,
    memory: PhantomData<&'a AtomicU32>,
}

// SAFETY: the memory belongs to no thread; what may be accessed from which one is up to the queues built on it.
unsafe impl Send for Memory<'_> {}

impl<'a> Memory<'a> {
    /// Bytes of shared memory that a loop with queues of `queue_bytes` and `slots` connections needs.
    pub(crate) fn size(queue_bytes: usize, slots: usize) -> usize {
        QUEUES_AT + 2 * queue_bytes + slots * GAUGE_BYTES
    }

    /// The memory of `len` bytes at `base`; `None` if it is not what the layout asks for.
    ///
    /// # Safety
    /// The `len` bytes at `base` must stay valid for `'a`, and be accessed by others only by the rules of this module.
    pub(crate) unsafe fn new(
        base: *mut u8,
        len: usize,
        queue_bytes: usize,
        slots: usize,
    ) -> Option<Self> {
        let base = NonNull::new(base)?;
        let fits = queue_bytes.is_power_of_two()
            && (MIN_QUEUE_BYTES..=MAX_QUEUE_BYTES).contains(&queue_bytes);
        let aligned = base.as_ptr().align_offset(RECORD_ALIGN) == 0;
        let enough = fits && aligned && len >= Self::size(queue_bytes, slots);
        enough.then_some(Self {
            base,
            queue_bytes,
            slots,
            memory: PhantomData,
        })
    }

    /// A control word.
    pub(crate) fn word(&self, word: Word) -> &'a AtomicU32 {
        // SAFETY: control words lie in the first QUEUES_AT bytes, which `new` has checked to be there; they are aligned,
        // and accessed as atomics only, here and in JavaScript. The memory is valid for `'a` (contract of `new`).
        unsafe { AtomicU32::from_ptr(self.base.as_ptr().add(word as usize * WORD_SPACING).cast()) }
    }

    /// First byte of the event queue.
    pub(crate) fn events(&self) -> NonNull<u8> {
        // SAFETY: `new` has checked that the queues lie in the memory.
        unsafe { self.base.add(QUEUES_AT) }
    }

    /// First byte of the command queue.
    pub(crate) fn commands(&self) -> NonNull<u8> {
        // SAFETY: `new` has checked that the queues lie in the memory.
        unsafe { self.base.add(QUEUES_AT + self.queue_bytes) }
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
        let at = QUEUES_AT + 2 * self.queue_bytes + slot * GAUGE_BYTES + gauge as usize * 4;
        // SAFETY: `at` lies below `size(queue_bytes, slots)`, which `new` has checked; it is a multiple of four, and
        // the word is accessed as an atomic only. The memory is valid for `'a` (contract of `new`).
        Some(unsafe { AtomicU32::from_ptr(self.base.as_ptr().add(at).cast()) })
    }
}

/// The control words, by their position in cache lines.
#[derive(Debug, Clone, Copy)]
#[repr(usize)]
pub(crate) enum Word {
    /// End of the published events. Stored by the loop.
    EventHead = 0,
    /// End of the events that JavaScript is done with. Stored by JavaScript.
    EventTail = 1,
    /// End of the published commands. Stored by JavaScript.
    CommandHead = 2,
    /// End of the commands that the loop is done with. Stored by the loop.
    CommandTail = 3,
    /// 1 while the loop sleeps or is about to: whoever exchanges it for 0 has to wake the loop.
    Sleeping = 4,
    /// 1 while the loop waits for room in the event queue.
    LoopWantsRoom = 5,
    /// 1 while JavaScript waits for room in the command queue.
    ScriptWantsRoom = 6,
}

/// The words of a slot's gauges.
#[derive(Debug, Clone, Copy)]
#[repr(usize)]
pub(crate) enum Gauge {
    Done = 0,
    Input = 1,
}

/// Kind of a record that only fills the rest of the ring.
pub(crate) const PAD: u32 = 0;

/// Bytes of a record's header, and the alignment of records.
pub(crate) const HEADER_BYTES: usize = 16;
pub(crate) const RECORD_ALIGN: usize = 16;

/// An empty queue must take the largest part twice over, once as a record and once as what a pad may waste.
pub(crate) const MIN_QUEUE_BYTES: usize = 256 * 1024;
/// Positions are u32 and their differences must tell full from empty.
pub(crate) const MAX_QUEUE_BYTES: usize = 1 << 30;

pub(crate) const WORD_SPACING: usize = 64;
pub(crate) const QUEUES_AT: usize = 512;
pub(crate) const GAUGE_BYTES: usize = 8;
