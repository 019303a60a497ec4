//! The bytes of a connection that wait for the rest of their frame.
//!
//! ```text
//!   counters:   read <= cursor <= written          an index is a counter modulo the capacity
//!
//!   storage:  | written part | free | read .. cursor .. |
//!               ^ wraps to here      ^ oldest byte
//! ```
//!
//! Invariants: the capacity is zero or a power of two; `written - read` is the length, so that empty and full need no
//! flag to be told apart; the counters only ever grow, except that `cursor` may fall back to `read`.

use crate::input::Input;

/// A ring of bytes that grows to a limit, with a second cursor to read ahead.
///
/// Nothing is allocated before the first [`write`](Self::write), and [`take_storage`](Self::take_storage) leaves an
/// empty ring without storage again, so that idle connections share a few allocations.
#[derive(Debug)]
pub struct RingBuffer {
    /// Its length is the capacity: zero, or a power of two.
    storage: Box<[u8]>,
    /// Bytes consumed since the ring was made.
    read: u64,
    /// Bytes consumed plus bytes read ahead.
    cursor: u64,
    /// Bytes written since the ring was made.
    written: u64,
    /// Most bytes that may be kept: a power of two.
    max_capacity: usize,
}

/// The bytes do not fit; none of them was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl RingBuffer {
    /// An empty ring that may grow to `max_capacity` bytes, rounded up to a power of two.
    #[must_use]
    pub fn new(max_capacity: usize) -> Self {
        let max_capacity = max_capacity.next_power_of_two();
        Self {
            storage: Box::default(),
            read: 0,
            cursor: 0,
            written: 0,
            max_capacity,
        }
    }

    /// Appends all of `bytes`, growing (by doubling) as needed.
    ///
    /// # Errors
    /// [`Full`] when that would take more than the maximal capacity.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Full> {
        if bytes.len() > self.max_capacity - self.len() {
            return Err(Full);
        }
        let needed = self.len() + bytes.len();
        if needed > self.capacity() {
            self.grow(needed);
        }
        copy_in(&mut self.storage, self.written, bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// All bytes, in at most two runs. The second is empty unless the content wraps.
    #[must_use]
    pub fn peek(&self) -> (&[u8], &[u8]) {
        self.runs(self.read, self.len())
    }

    /// The first `n` bytes (all when there are fewer), in at most two runs.
    #[must_use]
    pub fn peek_n(&self, n: usize) -> (&[u8], &[u8]) {
        self.runs(self.read, n.min(self.len()))
    }

    /// All bytes, to be decoded. What has been decoded has to be [`consume`](Self::consume)d afterwards.
    #[must_use]
    pub fn input(&self) -> Input<'_> {
        let (first, second) = self.peek();
        Input::new(first, second)
    }

    /// Drops the first `n` bytes. What was read ahead is forgotten: the virtual cursor is at the front again.
    ///
    /// # Panics
    /// When there are fewer than `n` bytes.
    pub fn consume(&mut self, n: usize) {
        assert!(n <= self.len(), "consume({n}) of {} bytes", self.len());
        self.read += n as u64;
        self.cursor = self.read;
    }

    /// Moves bytes into `out` and returns how many; the virtual cursor is at the front again.
    pub fn read(&mut self, out: &mut [u8]) -> usize {
        let n = self.copy_out(self.read, out);
        self.consume(n);
        n
    }

    /// The first byte.
    #[must_use]
    pub fn peek_u8(&self) -> Option<u8> {
        self.peek_array().map(u8::from_be_bytes)
    }

    /// The first two bytes as a big-endian number.
    #[must_use]
    pub fn peek_u16(&self) -> Option<u16> {
        self.peek_array().map(u16::from_be_bytes)
    }

    /// The first four bytes as a big-endian number.
    #[must_use]
    pub fn peek_u32(&self) -> Option<u32> {
        self.peek_array().map(u32::from_be_bytes)
    }

    /// The first eight bytes as a big-endian number.
    #[must_use]
    pub fn peek_u64(&self) -> Option<u64> {
        self.peek_array().map(u64::from_be_bytes)
    }

    /// Copies bytes from behind those that were read ahead before, and returns how many.
    pub fn virtual_read(&mut self, out: &mut [u8]) -> usize {
        let n = self.copy_out(self.cursor, out);
        self.cursor += n as u64;
        n
    }

    /// Bytes that [`virtual_read`](Self::virtual_read) has not come to yet.
    #[must_use]
    pub fn virtual_len(&self) -> usize {
        (self.written - self.cursor) as usize
    }

    /// Consumes what was read ahead.
    pub fn virtual_commit(&mut self) {
        self.read = self.cursor;
    }

    /// Forgets that anything was read ahead.
    pub fn virtual_revert(&mut self) {
        self.cursor = self.read;
    }

    /// Bytes kept.
    #[must_use]
    pub fn len(&self) -> usize {
        (self.written - self.read) as usize
    }

    /// Bytes that fit without growing.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.storage.len()
    }

    /// Bytes that fit at most.
    #[must_use]
    pub fn max_capacity(&self) -> usize {
        self.max_capacity
    }

    /// True when no byte is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.written == self.read
    }

    /// True when not one more byte fits.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() == self.max_capacity
    }

    /// Drops all bytes and keeps the storage.
    pub fn clear(&mut self) {
        self.read = self.written;
        self.cursor = self.written;
    }

    /// Takes the storage out of an empty ring, whose capacity is zero then until it is written to or given storage.
    ///
    /// # Panics
    /// When bytes are kept.
    #[must_use]
    pub fn take_storage(&mut self) -> Box<[u8]> {
        assert!(self.is_empty(), "Bug: {} bytes would be lost", self.len());
        std::mem::take(&mut self.storage)
    }

    /// Gives storage (taken from this or another ring) to a ring that has none, instead of allocating.
    ///
    /// # Panics
    /// When the ring has storage, or when the length of `storage` is not a power of two.
    pub fn give_storage(&mut self, storage: Box<[u8]>) {
        assert!(self.storage.is_empty(), "Bug: the ring has storage already");
        assert!(
            storage.len().is_power_of_two(),
            "Bug: {} bytes of storage",
            storage.len()
        );
        self.storage = storage;
    }

    fn grow(&mut self, needed: usize) {
        let capacity = needed
            .next_power_of_two()
            .max(MIN_CAPACITY)
            .min(self.max_capacity);
        let mut storage = vec![0; capacity].into_boxed_slice();
        let (first, second) = self.peek();
        copy_in(&mut storage, self.read, first);
        copy_in(&mut storage, self.read + first.len() as u64, second);
        self.storage = storage;
    }

    /// `n` bytes from counter `from` on, all of which must have been written.
    fn runs(&self, from: u64, n: usize) -> (&[u8], &[u8]) {
        let at = index(from, self.capacity());
        let first = n.min(self.capacity() - at);
        (&self.storage[at..at + first], &self.storage[..n - first])
    }

    fn copy_out(&self, from: u64, out: &mut [u8]) -> usize {
        let n = out.len().min((self.written - from) as usize);
        let (first, second) = self.runs(from, n);
        out[..first.len()].copy_from_slice(first);
        out[first.len()..n].copy_from_slice(second);
        n
    }

    fn peek_array<const N: usize>(&self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        (self.copy_out(self.read, &mut bytes) == N).then_some(bytes)
    }
}

/// Puts `bytes` where a ring with this storage keeps them when the first has the counter `at`.
fn copy_in(storage: &mut [u8], at: u64, bytes: &[u8]) {
    let at = index(at, storage.len());
    let (first, second) = bytes.split_at(bytes.len().min(storage.len() - at));
    storage[at..at + first.len()].copy_from_slice(first);
    storage[..second.len()].copy_from_slice(second);
}

/// The place of the byte with this counter. A ring without storage has the one place zero.
fn index(counter: u64, capacity: usize) -> usize {
    counter as usize & capacity.saturating_sub(1)
}

/// Smaller rings would be reallocated too often for what they save.
const MIN_CAPACITY: usize = 64;

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    fn bytes(ring: &RingBuffer) -> Vec<u8> {
        let (first, second) = ring.peek();
        [first, second].concat()
    }

    /// A ring of capacity 64 whose next byte is written to index `at`.
    fn ring_at(at: usize) -> RingBuffer {
        let mut ring = RingBuffer::new(1024);
        ring.write(&vec![0; at]).unwrap();
        ring.consume(at);
        ring
    }

    #[test]
    fn nothing_is_allocated_before_the_first_byte() {
        let mut ring = RingBuffer::new(1000);
        assert_eq!((ring.capacity(), ring.max_capacity()), (0, 1024));
        assert!(ring.is_empty() && !ring.is_full());
        assert_eq!(ring.peek(), (&[][..], &[][..]));
        assert!(ring.input().is_empty());
        assert_eq!(ring.peek_u8(), None);
        ring.write(&[]).unwrap();
        ring.consume(0);
        assert_eq!(
            (ring.read(&mut [0; 4]), ring.virtual_read(&mut [0; 4])),
            (0, 0)
        );
        assert_eq!(ring.capacity(), 0);
        ring.write(&[1]).unwrap();
        assert_eq!(ring.capacity(), 64);
    }

    #[test]
    fn full_means_that_nothing_was_written() {
        let mut ring = RingBuffer::new(4);
        ring.write(b"abc").unwrap();
        assert_eq!(ring.write(b"de"), Err(Full));
        assert_eq!(bytes(&ring), b"abc");
        ring.write(b"d").unwrap();
        assert!(ring.is_full() && ring.capacity() == 4);
        assert_eq!(ring.write(b"e"), Err(Full));
        ring.consume(1);
        ring.write(b"e").unwrap();
        assert_eq!(bytes(&ring), b"bcde");
        assert_eq!(
            ring.virtual_len(),
            4,
            "full is not empty, for the virtual cursor neither"
        );
    }

    #[test]
    fn growing_keeps_wrapped_content_and_the_virtual_cursor() {
        for at in 0..64 {
            let mut ring = ring_at(at);
            let content: Vec<u8> = (1..=64).collect();
            ring.write(&content).unwrap();
            assert_eq!(ring.capacity(), 64);
            assert_eq!(ring.virtual_read(&mut [0; 10]), 10);
            ring.write(b"more").unwrap();
            assert_eq!(ring.capacity(), 128);
            let mut ahead = [0; 58];
            assert_eq!(ring.virtual_read(&mut ahead), 58);
            assert_eq!(ahead[..54], content[10..]);
            assert_eq!(bytes(&ring), [&content, &b"more"[..]].concat());
        }
    }

    #[test]
    fn reading_ahead_is_undone_or_committed() {
        for at in 0..64 {
            let mut ring = ring_at(at);
            ring.write(b"abcdef").unwrap();
            let mut two = [0; 2];
            assert_eq!((ring.virtual_read(&mut two), &two), (2, b"ab"));
            assert_eq!((ring.virtual_read(&mut two), &two), (2, b"cd"));
            assert_eq!((ring.virtual_len(), ring.len()), (2, 6));
            ring.virtual_revert();
            assert_eq!((ring.virtual_read(&mut two), &two), (2, b"ab"));
            ring.virtual_commit();
            assert_eq!(bytes(&ring), b"cdef");
            ring.virtual_read(&mut two);
            ring.consume(1);
            assert_eq!(
                ring.virtual_len(),
                3,
                "a real read forgets what was read ahead"
            );
        }
    }

    #[test]
    fn numbers_are_big_endian_and_may_wrap() {
        for at in 0..64 {
            let mut ring = ring_at(at);
            ring.write(&[1, 2, 3, 4, 5, 6, 7]).unwrap();
            assert_eq!(ring.peek_u8(), Some(0x01));
            assert_eq!(ring.peek_u16(), Some(0x0102));
            assert_eq!(ring.peek_u32(), Some(0x0102_0304));
            assert_eq!(ring.peek_u64(), None);
            ring.write(&[8]).unwrap();
            assert_eq!(ring.peek_u64(), Some(0x0102_0304_0506_0708));
        }
    }

    #[test]
    fn storage_goes_from_ring_to_ring() {
        let mut one = ring_at(30);
        let storage = one.take_storage();
        assert_eq!((storage.len(), one.capacity()), (64, 0));
        let mut other = RingBuffer::new(128);
        other.give_storage(storage);
        other.write(&[7; 40]).unwrap();
        assert_eq!((other.capacity(), bytes(&other)), (64, vec![7; 40]));
        one.write(b"fresh").unwrap();
        assert_eq!(bytes(&one), b"fresh");
    }

    #[test]
    #[should_panic(expected = "would be lost")]
    fn storage_in_use_stays() {
        let mut ring = RingBuffer::new(64);
        ring.write(b"x").unwrap();
        let _ = ring.take_storage();
    }

    #[test]
    #[should_panic(expected = "consume(2) of 1 bytes")]
    fn no_more_than_there_is_can_be_consumed() {
        let mut ring = RingBuffer::new(64);
        ring.write(b"x").unwrap();
        ring.consume(2);
    }

    #[derive(Debug, Clone)]
    enum Operation {
        Write(Vec<u8>),
        Read(usize),
        Consume(usize),
        VirtualRead(usize),
        VirtualCommit,
        VirtualRevert,
        Peek(usize),
        Clear,
        SwapStorage,
    }

    fn operation() -> impl Strategy<Value = Operation> {
        prop_oneof![
            6 => prop::collection::vec(any::<u8>(), 0..150).prop_map(Operation::Write),
            3 => (0usize..150).prop_map(Operation::Read),
            3 => (0usize..150).prop_map(Operation::Consume),
            3 => (0usize..150).prop_map(Operation::VirtualRead),
            1 => Just(Operation::VirtualCommit),
            1 => Just(Operation::VirtualRevert),
            2 => (0usize..150).prop_map(Operation::Peek),
            1 => Just(Operation::Clear),
            1 => Just(Operation::SwapStorage),
        ]
    }

    const MAX: usize = 512;

    /// What a ring has to do, on a queue of bytes and the number of those read ahead.
    #[derive(Default)]
    struct Model {
        bytes: VecDeque<u8>,
        ahead: usize,
    }

    impl Model {
        fn take(&mut self, n: usize) -> Vec<u8> {
            self.ahead = 0;
            self.bytes.drain(..n.min(self.bytes.len())).collect()
        }

        fn read_ahead(&mut self, n: usize) -> Vec<u8> {
            let ahead: Vec<u8> = self
                .bytes
                .iter()
                .skip(self.ahead)
                .take(n)
                .copied()
                .collect();
            self.ahead += ahead.len();
            ahead
        }
    }

    fn apply(operation: Operation, ring: &mut RingBuffer, model: &mut Model) {
        let mut out = [0; 150];
        match operation {
            Operation::Write(bytes) => {
                let fits = model.bytes.len() + bytes.len() <= MAX;
                assert_eq!(ring.write(&bytes).is_ok(), fits);
                if fits {
                    model.bytes.extend(bytes);
                }
            }
            Operation::Read(n) => {
                let read = ring.read(&mut out[..n]);
                assert_eq!(out[..read], model.take(n));
            }
            Operation::Consume(n) => {
                let n = n.min(ring.len());
                ring.consume(n);
                model.take(n);
            }
            Operation::VirtualRead(n) => {
                let read = ring.virtual_read(&mut out[..n]);
                assert_eq!(out[..read], model.read_ahead(n));
            }
            Operation::VirtualCommit => {
                ring.virtual_commit();
                model.take(model.ahead);
            }
            Operation::VirtualRevert => {
                ring.virtual_revert();
                model.ahead = 0;
            }
            Operation::Peek(n) => {
                let (first, second) = ring.peek_n(n);
                assert!(model.bytes.iter().take(n).eq(first.iter().chain(second)));
            }
            Operation::Clear => {
                ring.clear();
                model.take(usize::MAX);
            }
            Operation::SwapStorage => {
                if ring.is_empty() && ring.capacity() != 0 {
                    let storage = ring.take_storage();
                    ring.give_storage(storage);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn behaves_like_a_queue(operations in prop::collection::vec(operation(), 0..60)) {
            let mut ring = RingBuffer::new(MAX);
            let mut model = Model::default();
            for operation in operations {
                apply(operation, &mut ring, &mut model);
                prop_assert!(bytes(&ring).iter().eq(&model.bytes));
                prop_assert_eq!(ring.len(), model.bytes.len());
                prop_assert_eq!(ring.virtual_len(), model.bytes.len() - model.ahead);
                prop_assert_eq!(ring.is_empty(), model.bytes.is_empty());
                prop_assert_eq!(ring.is_full(), model.bytes.len() == MAX);
                prop_assert!(ring.capacity() == 0 || ring.capacity().is_power_of_two());
            }
        }
    }
}
