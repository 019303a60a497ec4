//! What is done to a ring is done to a queue as well, and both have to hold the same.

use std::collections::VecDeque;

use arbitrary::Arbitrary;
use gev_wire::{Full, Input, RingBuffer};

/// What to do, one after the other, to a ring of a size. Numbers of bytes are modulo [`MODULUS`].
#[derive(Debug, Arbitrary)]
pub struct Case {
    max_capacity: u16,
    operations: Vec<Operation>,
}

#[derive(Debug, Arbitrary)]
enum Operation {
    /// Bytes that count up from the first.
    Write(u8, u16),
    Read(u16),
    Consume(u16),
    VirtualRead(u16),
    VirtualCommit,
    VirtualRevert,
    Peek(u16),
    PeekNumbers,
    /// Decodes from the input: so many bytes are consumed there, and then here.
    Input(u16),
    Clear,
    SwapStorage,
}

/// The queue, and how many of its bytes were read ahead.
#[derive(Debug, Default)]
struct Model {
    bytes: VecDeque<u8>,
    ahead: usize,
}

/// The ring does what the queue does.
///
/// # Panics
/// When it does not.
pub fn check(case: &Case) {
    let max_capacity = modulo(case.max_capacity);
    let mut ring = RingBuffer::new(max_capacity);
    assert!(ring.max_capacity().is_power_of_two() && ring.max_capacity() >= max_capacity);
    let mut model = Model::default();
    for operation in &case.operations {
        operation.apply(&mut ring, &mut model);
        check_equal(&ring, &model);
    }
}

fn check_equal(ring: &RingBuffer, model: &Model) {
    let (first, second) = ring.peek();
    assert!(
        first.iter().chain(second).eq(&model.bytes),
        "{ring:?}\n{model:?}"
    );
    assert_eq!(ring.len(), model.bytes.len());
    assert_eq!(ring.virtual_len(), model.bytes.len() - model.ahead);
    assert_eq!(ring.is_empty(), model.bytes.is_empty());
    assert_eq!(ring.is_full(), model.bytes.len() == ring.max_capacity());
    assert!(ring.capacity() == 0 || ring.capacity().is_power_of_two());
    assert!(ring.len() <= ring.capacity() && ring.capacity() <= ring.max_capacity());
}

impl Operation {
    fn apply(&self, ring: &mut RingBuffer, model: &mut Model) {
        match *self {
            Self::Write(first, len) => {
                let bytes: Vec<u8> = (0..modulo(len))
                    .map(|at| first.wrapping_add(at as u8))
                    .collect();
                let fits = model.bytes.len() + bytes.len() <= ring.max_capacity();
                assert_eq!(ring.write(&bytes), if fits { Ok(()) } else { Err(Full) });
                if fits {
                    model.bytes.extend(bytes);
                }
            }
            Self::Read(len) => {
                let mut out = vec![0; modulo(len)];
                let n = ring.read(&mut out);
                assert_eq!(out[..n], model.take(modulo(len)));
            }
            Self::Consume(len) => {
                let n = modulo(len).min(ring.len());
                ring.consume(n);
                model.take(n);
            }
            Self::VirtualRead(len) => {
                let mut out = vec![0; modulo(len)];
                let n = ring.virtual_read(&mut out);
                assert_eq!(out[..n], model.read_ahead(modulo(len)));
            }
            Self::VirtualCommit => {
                ring.virtual_commit();
                model.take(model.ahead);
            }
            Self::VirtualRevert => {
                ring.virtual_revert();
                model.ahead = 0;
            }
            Self::Peek(len) => {
                let (first, second) = ring.peek_n(modulo(len));
                let expected = model.bytes.iter().take(modulo(len));
                assert!(first.iter().chain(second).eq(expected));
            }
            Self::PeekNumbers => {
                assert_eq!(ring.peek_u8(), model.front().map(u8::from_be_bytes));
                assert_eq!(ring.peek_u16(), model.front().map(u16::from_be_bytes));
                assert_eq!(ring.peek_u32(), model.front().map(u32::from_be_bytes));
                assert_eq!(ring.peek_u64(), model.front().map(u64::from_be_bytes));
            }
            Self::Input(len) => {
                let n = modulo(len).min(ring.len());
                let mut input = ring.input();
                input.consume(n);
                check_input(&input, model, n);
                ring.consume(n);
                model.take(n);
            }
            Self::Clear => {
                ring.clear();
                model.take(usize::MAX);
            }
            Self::SwapStorage => {
                if ring.is_empty() && ring.capacity() != 0 {
                    let storage = ring.take_storage();
                    assert_eq!(ring.capacity(), 0);
                    ring.give_storage(storage);
                }
            }
        }
    }
}

/// An input of which `consumed` bytes were consumed has the bytes behind those.
fn check_input(input: &Input<'_>, model: &Model, consumed: usize) {
    let runs = input.first().iter().chain(input.second());
    assert!(runs.eq(model.bytes.iter().skip(consumed)));
    assert_eq!(input.len(), model.bytes.len() - consumed);
    assert_eq!(input.is_empty(), input.first().is_empty());
}

impl Model {
    fn take(&mut self, n: usize) -> Vec<u8> {
        self.ahead = 0;
        self.bytes.drain(..n.min(self.bytes.len())).collect()
    }

    fn read_ahead(&mut self, n: usize) -> Vec<u8> {
        let ahead = self.bytes.iter().skip(self.ahead).take(n);
        let ahead: Vec<u8> = ahead.copied().collect();
        self.ahead += ahead.len();
        ahead
    }

    fn front<const N: usize>(&self) -> Option<[u8; N]> {
        let front: Vec<u8> = self.bytes.iter().take(N).copied().collect();
        front.try_into().ok()
    }
}

fn modulo(n: u16) -> usize {
    usize::from(n) % MODULUS
}

const MODULUS: usize = 3000;
