//! What is waiting to be written to one connection's socket.
//!
//! Chunks from a pool of the loop, so that a connection with nothing to send owns no memory:
//!
//! ```text
//!   [ ####.... | ######## | ###_____ ]
//!       ^ sent               ^ append goes here, then to a new chunk
//! ```
//! The first chunk begins small, and is changed for a larger one as long as it is the only one: thousands of connections with
//! a short message each share a few pages. Long messages are not copied but [lent](Loan), and stand between the chunks.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};

use gev_wire::PART_BYTES;

use crate::loan::Loan;

/// Bytes accepted for a socket and not yet taken by the kernel.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// What is sent first; a chunk without capacity when there is nothing to send. Apart from the others so that the
    /// common case of one chunk needs no queue.
    head: Piece,
    /// What is behind `head`; empty when there is nothing to send.
    more: VecDeque<Piece>,
    /// Bytes of `head` that the kernel has taken; below its length.
    sent: usize,
    /// Bytes in all chunks, less `sent`.
    len: usize,
    /// Bytes that the kernel has taken since the beginning.
    taken: u64,
}

/// Bytes that are sent one behind the other.
#[derive(Debug)]
enum Piece {
    Chunk(Vec<u8>),
    Loan(Loan),
}

/// Where output goes: what a session knows of its socket.
///
/// Writing says `WouldBlock` when the socket takes nothing now.
pub trait Outlet: Write {
    /// Closes the sending side; everything before has been written. Fails only when the peer has reset the connection,
    /// which reading will tell.
    fn shut_down(&mut self);
}

/// Chunks without an owner, kept by the loop for the next connection that has something to send.
#[derive(Debug)]
pub(crate) struct ChunkPool {
    /// Of each size.
    free: [Vec<Vec<u8>>; CHUNK_SIZES.len()],
    /// Bytes of each size.
    max_bytes: usize,
}

impl Output {
    /// Bytes that the kernel has not taken.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of memory that it has. What it was lent is counted by who lends it.
    pub(crate) fn memory(&self) -> usize {
        self.head.memory() + self.more.iter().map(Piece::memory).sum::<usize>()
    }

    /// Bytes that the kernel has taken since the beginning.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// Copies `bytes` behind what is there.
    pub(crate) fn append(&mut self, mut bytes: &[u8], pool: &mut ChunkPool) {
        while !bytes.is_empty() {
            let chunk = self.tail(1, bytes.len(), pool);
            let (now, later) = bytes.split_at(bytes.len().min(chunk.capacity() - chunk.len()));
            chunk.extend_from_slice(now);
            self.appended(now.len());
            bytes = later;
        }
    }

    /// The chunk to append bytes to in place: at least `room` bytes of it are free, and if that is possible as many as
    /// are `wanted`. Whoever grows it says so with [`appended`](Self::appended).
    #[inline]
    pub(crate) fn tail(
        &mut self,
        room: usize,
        wanted: usize,
        pool: &mut ChunkPool,
    ) -> &mut Vec<u8> {
        debug_assert!(room <= CHUNK_BYTES);
        let last = self.more.back().unwrap_or(&self.head);
        let has_room = match last {
            Piece::Chunk(chunk) => {
                let is_small = chunk.capacity() < CHUNK_BYTES;
                chunk.capacity() - chunk.len() >= if is_small { wanted } else { room }
            }
            Piece::Loan(_) => false,
        };
        if !has_room {
            self.extend(wanted, pool);
        }
        match self.more.back_mut().unwrap_or(&mut self.head) {
            Piece::Chunk(chunk) => chunk,
            Piece::Loan(_) => unreachable!("Bug: extended by no chunk"),
        }
    }

    /// Makes room for `wanted` bytes, or as many as a chunk has.
    fn extend(&mut self, wanted: usize, pool: &mut ChunkPool) {
        let Self {
            head, more, sent, ..
        } = self;
        match head {
            // All that there is, and less than a large chunk.
            Piece::Chunk(only) if more.is_empty() && only.capacity() < CHUNK_BYTES => {
                let unsent = &only[*sent..];
                let mut larger = pool.take(unsent.len() + wanted);
                larger.extend_from_slice(unsent);
                *sent = 0;
                pool.put(std::mem::replace(only, larger));
            }
            _ => {
                // Behind what is lent there may be no more than the next header.
                let is_behind_loan = matches!(more.back().unwrap_or(head), Piece::Loan(_));
                let size = if is_behind_loan { wanted } else { CHUNK_BYTES };
                more.push_back(Piece::Chunk(pool.take(size)));
            }
        }
    }

    /// Puts what is lent behind what is there.
    pub(crate) fn append_loan(&mut self, loan: Loan) {
        self.len += loan.bytes().len();
        if self.head.is_nothing() {
            self.head = Piece::Loan(loan);
        } else {
            self.more.push_back(Piece::Loan(loan));
        }
    }

    /// Counts bytes that were appended to [`tail`](Self::tail).
    pub(crate) fn appended(&mut self, n: usize) {
        self.len += n;
    }

    /// Writes everything, then `payload` (which need not be copied as long as the socket takes it), to `socket`.
    /// What the socket does not take now is kept.
    ///
    /// # Errors
    /// Those of the socket, except `WouldBlock`: that is `Ok(false)`, and writing goes on when the socket is writable.
    pub(crate) fn flush(
        &mut self,
        socket: &mut impl Write,
        mut payload: &[u8],
        pool: &mut ChunkPool,
    ) -> io::Result<bool> {
        while self.len + payload.len() > 0 {
            match self.write_once(socket, payload) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    self.taken += n as u64;
                    let from_chunks = n.min(self.len);
                    self.advance(from_chunks, pool);
                    payload = &payload[n - from_chunks..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.keep(payload, pool);
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Copies a payload, or what is left of one, behind what is there: what is long to memory of its own.
    pub(crate) fn keep(&mut self, payload: &[u8], pool: &mut ChunkPool) {
        if payload.len() <= PART_BYTES {
            return self.append(payload, pool);
        }
        self.len += payload.len();
        let own = Piece::Chunk(payload.to_vec());
        if self.head.is_nothing() {
            self.head = own;
        } else {
            self.more.push_back(own);
        }
    }

    /// Gives everything back, unsent.
    pub(crate) fn discard(&mut self, pool: &mut ChunkPool) {
        let Self { head, more, .. } = std::mem::take(self);
        [head]
            .into_iter()
            .chain(more)
            .for_each(|piece| piece.give_back(pool));
    }

    fn write_once(&self, socket: &mut impl Write, payload: &[u8]) -> io::Result<usize> {
        if self.len == 0 {
            return socket.write(payload);
        }
        let first = &self.head.bytes()[self.sent..];
        if self.more.is_empty() && payload.is_empty() {
            return socket.write(first);
        }
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        slices[0] = IoSlice::new(first);
        let rest = self.more.iter().map(Piece::bytes).chain([payload]);
        let mut count = 1;
        for (slice, bytes) in slices[1..].iter_mut().zip(rest) {
            *slice = IoSlice::new(bytes);
            count += 1;
        }
        socket.write_vectored(&slices[..count])
    }

    fn advance(&mut self, n: usize, pool: &mut ChunkPool) {
        self.len -= n;
        self.sent += n;
        while !self.head.is_nothing() && self.sent >= self.head.bytes().len() {
            self.sent -= self.head.bytes().len();
            let next = self.more.pop_front().unwrap_or_default();
            std::mem::replace(&mut self.head, next).give_back(pool);
        }
        if self.len == 0 {
            // Keeps an idle connection at zero heap bytes.
            self.more = VecDeque::new();
        }
    }
}

impl Piece {
    #[inline]
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Chunk(chunk) => chunk,
            Self::Loan(loan) => loan.bytes(),
        }
    }

    /// Bytes of memory that it has itself.
    fn memory(&self) -> usize {
        match self {
            Self::Chunk(chunk) => chunk.capacity(),
            Self::Loan(_) => 0,
        }
    }

    /// What stands for nothing to send.
    fn is_nothing(&self) -> bool {
        matches!(self, Self::Chunk(chunk) if chunk.capacity() == 0)
    }

    #[inline]
    fn give_back(self, pool: &mut ChunkPool) {
        if let Self::Chunk(chunk) = self {
            pool.put(chunk);
        }
    }
}

impl Default for Piece {
    fn default() -> Self {
        Self::Chunk(Vec::new())
    }
}

impl ChunkPool {
    /// A pool that keeps at most `max_bytes` of unused chunks of each size.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            free: Default::default(),
            max_bytes,
        }
    }

    /// A chunk with room for so many bytes, or one of the largest.
    #[inline]
    fn take(&mut self, wanted: usize) -> Vec<u8> {
        let fits = CHUNK_SIZES.iter().position(|&size| wanted <= size);
        let class = fits.unwrap_or(CHUNK_SIZES.len() - 1);
        self.free[class]
            .pop()
            .unwrap_or_else(|| Vec::with_capacity(CHUNK_SIZES[class]))
    }

    #[inline]
    fn put(&mut self, mut chunk: Vec<u8>) {
        let size = chunk.capacity();
        let Some(class) = CHUNK_SIZES.iter().position(|&of_class| of_class == size) else {
            return;
        };
        if (self.free[class].len() + 1) * size <= self.max_bytes {
            chunk.clear();
            self.free[class].push(chunk);
        }
    }
}

/// Capacity of the largest chunk: many small replies, or a part of a large one.
pub const CHUNK_BYTES: usize = 16 * 1024;

/// Capacities of chunks: a short message, a few of them or a page of text, and as much as is worth a system call.
const CHUNK_SIZES: [usize; 3] = [256, 2048, CHUNK_BYTES];

/// Most runs of bytes given to one `writev`: a megabyte of chunks, or more of what is lent.
const MAX_SLICES: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A socket that takes the given numbers of bytes, one after the other, 0 standing for `WouldBlock`.
    struct Stingy {
        takes: Vec<usize>,
        taken: Vec<u8>,
    }

    impl Write for Stingy {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.write_vectored(&[IoSlice::new(bytes)])
        }

        fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            let all: Vec<u8> = slices
                .iter()
                .flat_map(|slice| slice.iter().copied())
                .collect();
            match self.takes.pop().unwrap_or(usize::MAX).min(all.len()) {
                0 => Err(io::ErrorKind::WouldBlock.into()),
                n => {
                    self.taken.extend_from_slice(&all[..n]);
                    Ok(n)
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    proptest! {
        #[test]
        fn every_byte_leaves_once_and_in_order(
            writes in prop::collection::vec(
                (prop_oneof![0usize..300, 0usize..50_000, 0usize..200_000], 0..4),
                0..12,
            ),
            takes in prop::collection::vec(0usize..40_000, 0..40),
        ) {
            let mut pool = ChunkPool::new(64 * 1024);
            let mut output = Output::default();
            let mut socket = Stingy { takes, taken: Vec::new() };
            let mut expected = Vec::new();
            for (n, (len, how)) in writes.into_iter().enumerate() {
                let bytes: Vec<u8> = (0..len).map(|i| (i * 7 + n) as u8).collect();
                expected.extend_from_slice(&bytes);
                match how {
                    0 => output.append(&bytes, &mut pool),
                    1 => drop(output.flush(&mut socket, &bytes, &mut pool).unwrap()),
                    2 => output.keep(&bytes, &mut pool),
                    _ => output.append_loan(Loan::new(bytes)),
                }
                prop_assert_eq!(output.len(), expected.len() - socket.taken.len());
            }
            while !output.flush(&mut socket, &[], &mut pool).unwrap() {}
            prop_assert!(output.is_empty());
            prop_assert!(socket.taken == expected);
            prop_assert_eq!(output.taken(), expected.len() as u64);
            for (free, size) in pool.free.iter().zip(CHUNK_SIZES) {
                prop_assert!(free.len() * size <= 64 * 1024);
            }
        }
    }

    #[test]
    fn a_first_chunk_is_no_larger_than_it_has_to_be() {
        let mut pool = ChunkPool::new(1 << 20);
        let mut output = Output::default();
        let mut memory = |len: usize| {
            output.append(&vec![1; len], &mut pool);
            output.memory()
        };
        assert_eq!(memory(30), 256);
        assert_eq!(memory(226), 256);
        assert_eq!(memory(1), 2048);
        assert_eq!(memory(1792), CHUNK_BYTES);
        assert_eq!(memory(CHUNK_BYTES - 2048), 2 * CHUNK_BYTES);
    }

    #[test]
    fn what_is_kept_of_a_long_payload_takes_its_own_length_and_is_gone_with_it() {
        let mut pool = ChunkPool::new(1 << 20);
        let mut output = Output::default();
        let mut socket = Stingy {
            takes: vec![0, 100_000],
            taken: Vec::new(),
        };
        let all_taken = output.flush(&mut socket, &[1; 300_000], &mut pool);
        assert!(!all_taken.unwrap());
        assert_eq!((output.len(), output.memory()), (200_000, 200_000));
        output.append(&[2; 3], &mut pool);
        assert!(output.flush(&mut socket, &[], &mut pool).unwrap());
        assert_eq!(output.memory(), 0);
        assert_eq!(socket.taken.len(), 300_003);
    }

    #[test]
    fn drained_output_owns_no_memory() {
        let mut pool = ChunkPool::new(1 << 20);
        let mut output = Output::default();
        output.append(&[1; 100_000], &mut pool);
        let mut socket = Stingy {
            takes: Vec::new(),
            taken: Vec::new(),
        };
        assert_eq!(output.memory(), 7 * CHUNK_BYTES);
        assert!(output.flush(&mut socket, &[], &mut pool).unwrap());
        assert_eq!((output.memory(), output.more.capacity()), (0, 0));
        assert_eq!(socket.taken.len(), 100_000);
    }
}
