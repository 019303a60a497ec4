//! Against a naive twin.

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
fn what_is_put_in_front_is_copied_when_the_storage_doubles_only() {
    let mut ring = RingBuffer::new(64);
    let (mut copied, mut capacity) = (0, 0);
    for n in 1..=10_000_u32 {
        let before = ring.len();
        ring.unread(&n.to_be_bytes(), 0);
        if ring.capacity() > capacity {
            (copied, capacity) = (copied + before, ring.capacity());
        }
    }
    assert_eq!(ring.len(), 40_000);
    assert!(copied < 80_000);
    for n in (1..=10_000).rev() {
        assert_eq!(ring.peek_u32(), Some(n));
        ring.consume(4);
    }
}

#[test]
fn there_is_room_behind_what_is_put_in_front() {
    let mut ring = RingBuffer::new(4);
    ring.write(b"cdef").unwrap();
    ring.unread(b"ab", 2);
    ring.write(b"gh").unwrap();
    assert_eq!(
        (bytes(&ring), ring.max_capacity()),
        (b"abcdefgh".to_vec(), 8)
    );
    assert_eq!(ring.write(b"i"), Err(Full));
    ring.unread(b"", 0);
    assert_eq!(ring.max_capacity(), 8);
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
    Unread(Vec<u8>),
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
        2 => prop::collection::vec(any::<u8>(), 0..150).prop_map(Operation::Unread),
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
            let fits = model.bytes.len() + bytes.len() <= ring.max_capacity();
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
        Operation::Unread(bytes) => {
            model.ahead = 0;
            bytes
                .iter()
                .rev()
                .for_each(|&it| model.bytes.push_front(it));
            ring.unread(&bytes, 0);
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
            prop_assert_eq!(ring.is_full(), model.bytes.len() == ring.max_capacity());
            prop_assert!(ring.capacity() == 0 || ring.capacity().is_power_of_two());
        }
    }
}
