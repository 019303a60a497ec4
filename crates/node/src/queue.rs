//! The two ends of a record queue in shared memory. Layout and ownership: [`memory`](crate::memory).
//!
//! ```text
//!   ring   | free | record | record | record | reserved | free |
//!                 ^ tail                     ^ head
//!                 consumer's bytes           producer's bytes
//! ```
//! The words are loaded and stored with sequential consistency, which the wake protocols of the bridge rest on, and
//! rarely: the producer publishes once for a batch, and both ends look at the other's word only when what they knew
//! of it is used up.

use std::ptr::NonNull;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use crate::memory::IMPOSSIBLE;
use crate::records::{HEADER_BYTES, PAD, RECORD_ALIGN};
use crate::sync::{self, AtomicU32};

/// The writing end.
#[derive(Debug)]
pub(crate) struct Producer<'a> {
    ring: Ring,
    head_word: &'a AtomicU32,
    tail_word: &'a AtomicU32,
    /// Where the next record goes: ahead of what is published.
    head: u32,
    /// The consumer's tail when it was last looked at.
    known_tail: u32,
    /// Payload length of the reservation that `commit` may turn into a record.
    reserved: Option<usize>,
}

/// The reading end.
#[derive(Debug)]
pub(crate) struct Consumer<'a> {
    ring: Ring,
    head_word: &'a AtomicU32,
    tail_word: &'a AtomicU32,
    /// Begin of the next record to read.
    tail: u32,
    /// The producer's head when it was last looked at.
    known_head: u32,
    /// What the producer knows of `tail`.
    published_tail: u32,
}

/// A record that is being read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) header: Header,
    pub(crate) payload: &'a [u8],
}

/// What stands in front of a payload, besides its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind_and_flags: u32,
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

#[derive(Debug)]
struct Ring {
    base: NonNull<u8>,
    capacity: u32,
}

// SAFETY: a ring is a view of memory that belongs to no thread. Its two ends may live in different threads, as each
// touches only the bytes that the words say are its own.
unsafe impl Send for Ring {}

impl<'a> Producer<'a> {
    /// The writing end of the queue whose ring is at `base`.
    ///
    /// # Safety
    /// `base` must be the begin of `capacity` bytes (a power of two) that stay valid for `'a`, aligned as records are.
    /// There must be no other producer for these words, and consumers must keep to the rules of
    /// [`memory`](crate::memory).
    pub(crate) unsafe fn new(
        base: NonNull<u8>,
        capacity: usize,
        head_word: &'a AtomicU32,
        tail_word: &'a AtomicU32,
    ) -> Self {
        let ring = Ring {
            base,
            capacity: capacity as u32,
        };
        let (head, known_tail) = (head_word.load(SeqCst), tail_word.load(SeqCst));
        Self {
            ring,
            head_word,
            tail_word,
            head,
            known_tail,
            reserved: None,
        }
    }

    /// Room for a record with `len` bytes of payload; `None` when there is none now. A reservation that is not
    /// committed is forgotten by the next one.
    #[inline]
    pub(crate) fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        let needed = record_bytes(len);
        let to_end = self.ring.capacity - self.ring.place(self.head);
        let padding = if needed > to_end { to_end } else { 0 };
        if !self.has_room_for(needed + padding) {
            return None;
        }
        if padding > 0 {
            let pad = Header {
                kind_and_flags: PAD,
                slot: 0,
                generation: 0,
            };
            // SAFETY: the `to_end` bytes from the head on are free (just checked) and thus the producer's.
            unsafe {
                self.ring
                    .write_header(self.head, pad, padding - HEADER_BYTES as u32)
            };
            self.head = self.head.wrapping_add(padding);
        }
        self.reserved = Some(len);
        sync::writes(self.ring.payload_at(self.head), len);
        // SAFETY: the record's bytes are free (just checked), thus the producer's until the head is published, and do
        // not wrap. The slice borrows `self`, so nothing else of this end touches them meanwhile.
        Some(unsafe {
            std::slice::from_raw_parts_mut(self.ring.payload_at(self.head).as_ptr(), len)
        })
    }

    /// Makes the last reservation end after `len` bytes of payload.
    pub(crate) fn shorten(&mut self, len: usize) {
        self.reserved = self.reserved.map(|reserved| reserved.min(len));
    }

    /// Makes the last reservation a record, to be published later.
    ///
    /// # Panics
    /// When nothing is reserved.
    #[inline]
    pub(crate) fn commit(&mut self, header: Header) {
        let len = self.reserved.take().expect("Bug: commit without reserve");
        // SAFETY: `reserve` has found room for this record at the head.
        unsafe { self.ring.write_header(self.head, header, len as u32) };
        self.head = self.head.wrapping_add(record_bytes(len));
    }

    /// True when `bytes` of ring are free.
    #[inline]
    pub(crate) fn has_room_for(&mut self, bytes: u32) -> bool {
        if bytes <= self.free() {
            return true;
        }
        self.known_tail = self.tail_word.load(SeqCst);
        bytes <= self.free()
    }

    /// Hands all committed records to the consumer; false if there were none.
    pub(crate) fn publish(&mut self) -> bool {
        // Only this end stores the head, so a relaxed load sees the last store.
        if self.head_word.load(Relaxed) == self.head {
            return false;
        }
        self.head_word.store(self.head, SeqCst);
        true
    }

    #[inline]
    fn free(&self) -> u32 {
        self.ring.capacity - self.head.wrapping_sub(self.known_tail)
    }
}

impl<'a> Consumer<'a> {
    /// The reading end of the queue whose ring is at `base`.
    ///
    /// # Safety
    /// As for [`Producer::new`], with the roles exchanged.
    pub(crate) unsafe fn new(
        base: NonNull<u8>,
        capacity: usize,
        head_word: &'a AtomicU32,
        tail_word: &'a AtomicU32,
    ) -> Self {
        let ring = Ring {
            base,
            capacity: capacity as u32,
        };
        let (known_head, tail) = (head_word.load(SeqCst), tail_word.load(SeqCst));
        Self {
            ring,
            head_word,
            tail_word,
            tail,
            known_head,
            published_tail: tail,
        }
    }

    /// The next record. Its bytes stay the consumer's until the call after this one.
    ///
    /// The other end is compiled from JavaScript, which nothing here can vouch for: of a record whose length cannot be only
    /// the header is taken, as one of kind [`IMPOSSIBLE`] without payload.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Record<'_>> {
        loop {
            if self.is_empty() {
                self.release();
                return None;
            }
            if self.tail.wrapping_sub(self.published_tail) >= self.ring.capacity / RELEASE_FRACTION
            {
                self.release();
            }
            // SAFETY: [tail, head) is the consumer's, not empty, and begins with a record's header.
            let (mut header, mut len) = unsafe { self.ring.read_header(self.tail) };
            let at = self.tail;
            let available = self
                .known_head
                .wrapping_sub(at)
                .min(self.ring.capacity - self.ring.place(at));
            if len >= self.ring.capacity || record_bytes(len as usize) > available {
                header.kind_and_flags = IMPOSSIBLE;
                len = 0;
            }
            self.tail = at.wrapping_add(record_bytes(len as usize));
            if header.kind_and_flags != PAD {
                sync::reads(self.ring.payload_at(at), len as usize);
                // SAFETY: the payload lies in [tail, head) as it was (just checked), does not wrap, and is released to
                // the producer no earlier than by the next call, which needs `self` back.
                let payload = unsafe {
                    std::slice::from_raw_parts(self.ring.payload_at(at).as_ptr(), len as usize)
                };
                return Some(Record { header, payload });
            }
        }
    }

    /// True when there is no record.
    ///
    /// A head that cannot be is not believed: whoever writes such a thing there gets nothing read, instead of records without end.
    #[inline]
    pub(crate) fn is_empty(&mut self) -> bool {
        if self.tail == self.known_head {
            let head = self.head_word.load(SeqCst);
            let available = head.wrapping_sub(self.tail);
            if available <= self.ring.capacity && (available as usize).is_multiple_of(RECORD_ALIGN)
            {
                self.known_head = head;
            }
        }
        self.tail == self.known_head
    }

    /// True when a record is left of those that were there when the producer's head was last looked at.
    #[cfg(all(loom, test))]
    pub(crate) fn knows_more(&self) -> bool {
        self.tail != self.known_head
    }

    /// Bytes of ring that records take which have not been read, as far as they are published now.
    #[cfg(all(loom, test))]
    pub(crate) fn published_bytes(&self) -> u32 {
        self.head_word.load(SeqCst).wrapping_sub(self.tail)
    }

    /// Hands everything that was read back to the producer.
    pub(crate) fn release(&mut self) {
        if self.published_tail != self.tail {
            self.published_tail = self.tail;
            self.tail_word.store(self.tail, SeqCst);
        }
    }
}

impl Ring {
    #[inline]
    fn place(&self, position: u32) -> u32 {
        position & (self.capacity - 1)
    }

    /// Header of the record at `position`.
    #[inline]
    fn header_at(&self, position: u32) -> NonNull<[u32; 4]> {
        // SAFETY: a place is below the capacity.
        unsafe { self.base.add(self.place(position) as usize).cast() }
    }

    /// Payload of the record at `position`.
    #[inline]
    fn payload_at(&self, position: u32) -> NonNull<u8> {
        // SAFETY: records are aligned, so that a header fits behind every place.
        unsafe { self.header_at(position).add(1).cast() }
    }

    /// # Safety
    /// The header's bytes at `position` must belong to the caller.
    #[inline]
    unsafe fn write_header(&self, position: u32, header: Header, len: u32) {
        let words = [header.kind_and_flags, header.slot, header.generation, len];
        sync::writes(self.header_at(position).cast(), HEADER_BYTES);
        // SAFETY: aligned as all records are, and the caller's.
        unsafe { self.header_at(position).write(words) };
    }

    /// # Safety
    /// The header's bytes at `position` must belong to the caller and have been written.
    #[inline]
    unsafe fn read_header(&self, position: u32) -> (Header, u32) {
        sync::reads(self.header_at(position).cast(), HEADER_BYTES);
        // SAFETY: aligned as all records are, and the caller's.
        let words = unsafe { self.header_at(position).read() };
        let [kind_and_flags, slot, generation, len] = words;
        (
            Header {
                kind_and_flags,
                slot,
                generation,
            },
            len,
        )
    }
}

/// Bytes that a record with `len` bytes of payload takes in the ring.
#[inline]
pub(crate) fn record_bytes(len: usize) -> u32 {
    (HEADER_BYTES + len.next_multiple_of(RECORD_ALIGN)) as u32
}

/// A consumer that has read this fraction of the ring hands it back before it goes on.
const RELEASE_FRACTION: u32 = 8;

#[cfg(all(test, not(loom)))]
mod tests;
