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
    #[inline]
    pub(crate) fn is_empty(&mut self) -> bool {
        if self.tail == self.known_head {
            self.known_head = self.head_word.load(SeqCst);
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
mod tests {
    use std::cell::UnsafeCell;
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    use super::*;

    #[repr(align(16))]
    struct Bytes(UnsafeCell<[u8; CAPACITY]>);

    // SAFETY: only used through the ends of a queue.
    unsafe impl Sync for Bytes {}

    struct Queue {
        bytes: Bytes,
        head: AtomicU32,
        tail: AtomicU32,
    }

    const CAPACITY: usize = 1024;

    impl Queue {
        /// A queue whose counters are about to wrap.
        fn new() -> Self {
            let start = u32::MAX - 511;
            let bytes = Bytes(UnsafeCell::new([0xAA; CAPACITY]));
            Self {
                bytes,
                head: AtomicU32::new(start),
                tail: AtomicU32::new(start),
            }
        }

        fn ends(&self) -> (Producer<'_>, Consumer<'_>) {
            let base = NonNull::new(self.bytes.0.get().cast()).expect("a reference is not null");
            // SAFETY: each test makes one pair of ends, and the memory outlives them.
            unsafe {
                (
                    Producer::new(base, CAPACITY, &self.head, &self.tail),
                    Consumer::new(base, CAPACITY, &self.head, &self.tail),
                )
            }
        }
    }

    fn header(n: u32) -> Header {
        Header {
            kind_and_flags: 1 + (n << 8),
            slot: n,
            generation: !n,
        }
    }

    fn payload(n: u32, len: usize) -> Vec<u8> {
        (0..len).map(|i| (i as u32 * 31 + n) as u8).collect()
    }

    fn push(producer: &mut Producer<'_>, n: u32, len: usize) -> bool {
        let Some(room) = producer.reserve(len) else {
            return false;
        };
        room.copy_from_slice(&payload(n, len));
        producer.commit(header(n));
        true
    }

    #[test]
    fn nothing_is_visible_before_publish() {
        let queue = Queue::new();
        let (mut producer, mut consumer) = queue.ends();
        assert!(push(&mut producer, 1, 5));
        assert_eq!(consumer.next(), None);
        assert!(producer.publish());
        assert!(!producer.publish());
        assert_eq!(
            consumer.next(),
            Some(Record {
                header: header(1),
                payload: &payload(1, 5)
            })
        );
        assert_eq!(consumer.next(), None);
    }

    #[test]
    fn of_a_record_whose_length_cannot_be_only_the_header_is_taken() {
        let lens = [
            u32::MAX - 4,
            1 << 31,
            CAPACITY as u32,
            CAPACITY as u32 - 1,
            33,
        ];
        for len in lens {
            let queue = Queue::new();
            let (mut producer, mut consumer) = queue.ends();
            producer.reserve(0).expect("the queue is empty");
            producer.commit(header(7));
            let at = producer.head.wrapping_sub(record_bytes(0));
            // SAFETY: not published, and so the producer's.
            unsafe { producer.ring.write_header(at, header(7), len) };
            assert!(push(&mut producer, 8, 5));
            producer.publish();
            let expected = Header {
                kind_and_flags: IMPOSSIBLE,
                ..header(7)
            };
            let record = consumer.next().expect("the impossible one");
            assert_eq!(
                (record.header, record.payload),
                (expected, &[][..]),
                "{len}"
            );
            assert_eq!(consumer.next().map(|record| record.header), Some(header(8)));
            assert_eq!(consumer.next(), None);
        }
    }

    #[test]
    fn a_forgotten_reservation_leaves_no_record() {
        let queue = Queue::new();
        let (mut producer, mut consumer) = queue.ends();
        producer.reserve(100).expect("the queue is empty").fill(1);
        assert!(push(&mut producer, 7, 3));
        producer.publish();
        assert_eq!(consumer.next().map(|record| record.header), Some(header(7)));
        assert_eq!(consumer.next(), None);
    }

    #[test]
    fn a_shortened_reservation_is_a_shorter_record() {
        let queue = Queue::new();
        let (mut producer, mut consumer) = queue.ends();
        producer.reserve(100).expect("the queue is empty").fill(1);
        producer.shorten(3);
        producer.commit(header(7));
        assert!(push(&mut producer, 8, 5));
        producer.publish();
        let record = consumer.next().expect("the shortened one");
        assert_eq!((record.header, record.payload), (header(7), &[1; 3][..]));
        let record = consumer.next().expect("the one behind it");
        assert_eq!(
            (record.header, record.payload),
            (header(8), &payload(8, 5)[..])
        );
    }

    #[test]
    fn full_until_the_consumer_asks_for_more() {
        let queue = Queue::new();
        let (mut producer, mut consumer) = queue.ends();
        let mut pushed = 0;
        while push(&mut producer, pushed, 100) {
            pushed += 1;
        }
        assert_eq!(pushed, 8);
        producer.publish();
        consumer.next().expect("eight records");
        assert!(
            !push(&mut producer, pushed, 100),
            "the first record is still being read"
        );
        while consumer.next().is_some() {}
        assert!(push(&mut producer, pushed, 100));
    }

    /// Every size at every place of the ring, so that every record meets the end of the ring in every way.
    #[test]
    fn records_of_all_sizes_come_back_in_order() {
        let queue = Queue::new();
        let (mut producer, mut consumer) = queue.ends();
        for n in 0..5000 {
            let len = (n as usize * 37) % 480;
            assert!(push(&mut producer, n, len));
            producer.publish();
            let record = consumer.next().expect("just published");
            assert_eq!(
                record,
                Record {
                    header: header(n),
                    payload: &payload(n, len)
                }
            );
            assert_eq!(consumer.next(), None);
        }
    }

    /// Two threads that sleep and wake each other by the protocol of the bridge, with delays at random places: if a
    /// wake-up could be lost, this would hang.
    #[test]
    fn no_wake_up_is_lost_between_two_threads() {
        const RECORDS: u32 = 20_000;
        let queue = Queue::new();
        let consumer_sleeps = AtomicBool::new(false);
        let producer_sleeps = AtomicBool::new(false);
        let (mut producer, mut consumer) = queue.ends();
        std::thread::scope(|scope| {
            let consuming = scope.spawn(|| {
                let producing = loop {
                    match PRODUCER.get() {
                        Some(thread) => break thread,
                        None => std::thread::yield_now(),
                    }
                };
                let mut expected = 0;
                while expected < RECORDS {
                    while let Some(record) = consumer.next() {
                        assert_eq!(record.header, header(expected));
                        assert_eq!(record.payload, payload(expected, expected as usize % 200));
                        expected += 1;
                        jitter(expected);
                    }
                    if producer_sleeps.swap(false, SeqCst) {
                        producing.unpark();
                    }
                    consumer_sleeps.store(true, SeqCst);
                    if consumer.is_empty() && expected < RECORDS {
                        jitter(expected);
                        park(&consumer_sleeps);
                    }
                    consumer_sleeps.store(false, SeqCst);
                }
            });
            PRODUCER.set(std::thread::current()).expect("set once");
            for n in 0..RECORDS {
                while !push(&mut producer, n, n as usize % 200) {
                    producer.publish();
                    wake(&consumer_sleeps, consuming.thread());
                    producer_sleeps.store(true, SeqCst);
                    if !producer.has_room_for(512) {
                        jitter(n);
                        park(&producer_sleeps);
                    }
                    producer_sleeps.store(false, SeqCst);
                }
                if n % 3 == 0 && producer.publish() {
                    wake(&consumer_sleeps, consuming.thread());
                }
                jitter(n);
            }
            producer.publish();
            wake(&consumer_sleeps, consuming.thread());
        });
    }

    static PRODUCER: std::sync::OnceLock<std::thread::Thread> = std::sync::OnceLock::new();

    fn wake(sleeps: &AtomicBool, thread: &std::thread::Thread) {
        if sleeps.swap(false, SeqCst) {
            thread.unpark();
        }
    }

    /// Sleeps until woken; a minute without a wake-up means that it was lost.
    fn park(sleeps: &AtomicBool) {
        let start = std::time::Instant::now();
        while sleeps.load(SeqCst) {
            std::thread::park_timeout(Duration::from_secs(60));
            assert!(start.elapsed() < Duration::from_secs(60), "lost wake-up");
        }
    }

    /// A delay at places that differ from run to run only by the scheduler.
    fn jitter(n: u32) {
        match n.wrapping_mul(0x9E37_79B9) >> 26 {
            0 => std::thread::yield_now(),
            1 => std::thread::sleep(Duration::from_micros(30)),
            _ => {}
        }
    }
}
