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
//! flag to be told apart; the counters only ever grow, except that `cursor` may fall back to `read`, and `read` when something is
//! put in front of all. They begin so high that it never falls to zero.

use crate::input::Input;

/// A ring of bytes that grows to a limit, with a second cursor to read ahead.
///
/// Nothing is allocated before the first [`write`](Self::write), and [`take_storage`](Self::take_storage) leaves an
/// empty ring without storage again, so that idle connections share a few allocations.
#[derive(Debug)]
pub struct RingBuffer {
    /// Its length is the capacity: zero, or a power of two.
    storage: Box<[u8]>,
    /// Of the oldest byte.
    read: u64,
    /// Of the first byte that has not been read ahead.
    cursor: u64,
    /// Of the next byte that is written.
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
            read: FIRST,
            cursor: FIRST,
            written: FIRST,
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

    /// Puts all of `bytes` in front of what there is. From now on so many more than both fit. What was read ahead is forgotten.
    pub fn unread(&mut self, bytes: &[u8], room: usize) {
        let needed = self.len() + bytes.len();
        let max_capacity = (needed + room).next_power_of_two();
        self.max_capacity = self.max_capacity.max(max_capacity);
        if needed > self.capacity() {
            self.grow(needed);
        }
        self.read -= bytes.len() as u64;
        self.cursor = self.read;
        copy_in(&mut self.storage, self.read, bytes);
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

/// Counter of a ring's first byte: a multiple of every capacity.
const FIRST: u64 = 1 << 63;

/// Smaller rings would be reallocated too often for what they save.
const MIN_CAPACITY: usize = 64;

#[cfg(test)]
mod tests;
