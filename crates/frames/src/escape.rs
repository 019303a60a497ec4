//! Bytes of a frame that stand for others, so that what ends a frame cannot be inside of it.

use memchr::memchr;

use crate::marks::Marks;
use crate::sequences::{Replacing, Sequences};

/// How bytes are escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Escape {
    /// `byte` and a code stand for a value.
    Pairs {
        /// Begins every pair.
        byte: u8,
        /// Codes and what they stand for.
        pairs: Vec<(u8, u8)>,
    },
    /// `byte` and another one stand for that, combined with `xor`.
    Xor {
        /// Begins every pair.
        byte: u8,
        /// What values are combined with.
        xor: u8,
        /// Values that are escaped, besides `byte` and the first bytes of starts and ends.
        also: Vec<u8>,
    },
    /// Consistent overhead byte stuffing: no byte is zero.
    Cobs,
    /// Some bytes stand for others.
    Sequences {
        /// What is meant, and what is written for it: that is at least as long.
        list: Vec<(Vec<u8>, Vec<u8>)>,
        /// What is between start and end is read as if it were behind these bytes.
        behind: Vec<u8>,
    },
}

/// What escaping and its undoing need.
#[derive(Debug)]
pub(crate) enum Escaping {
    Pairs(Box<Pairs>),
    Cobs,
    Sequences(Box<Sequences>),
}

#[derive(Debug)]
pub(crate) struct Pairs {
    byte: u8,
    /// What codes stand for.
    values: [Option<u8>; 256],
    /// The codes of the values that are escaped.
    codes: [Option<u8>; 256],
}

/// How far the bytes of one frame have been read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Unescaping {
    /// The next byte is a code.
    escaped: bool,
    /// Of COBS: bytes of the block that are still to come.
    left: u8,
    /// Of COBS: a zero stands in front of the next block.
    owes_zero: bool,
    /// Of sequences.
    replacing: Replacing,
}

/// Bytes that stand for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadEscape;

impl Escaping {
    /// What starts and ends begin with is escaped by `xor`, whether it has been named or not.
    pub(crate) fn new(escape: &Escape, starts: &Marks, ends: &Marks) -> Self {
        let mut pairs = Pairs {
            byte: 0,
            values: [None; 256],
            codes: [None; 256],
        };
        match escape {
            Escape::Cobs => return Self::Cobs,
            Escape::Sequences { list, behind } => {
                return Self::Sequences(Box::new(Sequences::new(list, behind, ends)));
            }
            Escape::Pairs { byte, pairs: given } => {
                pairs.byte = *byte;
                for &(code, value) in given {
                    pairs.values[usize::from(code)] = Some(value);
                    pairs.codes[usize::from(value)].get_or_insert(code);
                }
            }
            Escape::Xor { byte, xor, also } => {
                pairs.byte = *byte;
                for (code, value) in (0..=u8::MAX).zip(&mut pairs.values) {
                    *value = Some(code ^ xor);
                }
                let mut code = |value: u8| pairs.codes[usize::from(value)] = Some(value ^ xor);
                code(*byte);
                also.iter().for_each(|value| code(*value));
                let marks = starts.list().iter().chain(ends.list());
                marks.for_each(|mark| code(mark[0]));
            }
        }
        Self::Pairs(Box::new(pairs))
    }

    /// The byte that begins pairs.
    pub(crate) fn byte(&self) -> Option<u8> {
        match self {
            Self::Pairs(pairs) => Some(pairs.byte),
            _ => None,
        }
    }

    /// Reads as much of `bytes` as `out` has room for: bytes read, and bytes written. `is_last`: no escape is only half in
    /// them.
    pub(crate) fn read(
        &self,
        state: &mut Unescaping,
        (bytes, is_last): (&[u8], bool),
        out: &mut [u8],
    ) -> Result<(usize, usize), BadEscape> {
        match self {
            Self::Pairs(pairs) => pairs.read(state, bytes, out),
            Self::Cobs => Ok(read_cobs(state, bytes, out)),
            Self::Sequences(them) => {
                Ok(them.replace(&mut state.replacing, (bytes, is_last), out, false))
            }
        }
    }

    /// Appends what stands for `bytes`; for pairs only.
    pub(crate) fn write(&self, mut bytes: &[u8], out: &mut dyn FnMut(&[u8])) {
        let Self::Pairs(pairs) = self else {
            return out(bytes);
        };
        let is_escaped = |byte: &u8| pairs.codes[usize::from(*byte)].is_some();
        while let Some(at) = bytes.iter().position(is_escaped) {
            if at > 0 {
                out(&bytes[..at]);
            }
            let code = pairs.codes[usize::from(bytes[at])].unwrap_or_default();
            out(&[pairs.byte, code]);
            bytes = &bytes[at + 1..];
        }
        if !bytes.is_empty() {
            out(bytes);
        }
    }
}

impl Unescaping {
    /// False when something is missing at the end of a frame.
    pub(crate) fn is_complete(self) -> bool {
        !self.escaped && self.left == 0
    }

    /// Something was read that has not been given, for want of room or of more.
    pub(crate) fn holds(&self) -> bool {
        self.held() > 0
    }

    /// How many bytes that are.
    pub(crate) fn held(&self) -> usize {
        self.replacing.held()
    }
}

impl Pairs {
    fn read(
        &self,
        state: &mut Unescaping,
        bytes: &[u8],
        out: &mut [u8],
    ) -> Result<(usize, usize), BadEscape> {
        let (mut read, mut written) = (0, 0);
        while read < bytes.len() && written < out.len() {
            if state.escaped {
                out[written] = self.values[usize::from(bytes[read])].ok_or(BadEscape)?;
                written += 1;
                read += 1;
                state.escaped = false;
                continue;
            }
            let most = (bytes.len() - read).min(out.len() - written);
            let run = &bytes[read..read + most];
            let plain = memchr(self.byte, run).unwrap_or(most);
            out[written..written + plain].copy_from_slice(&run[..plain]);
            written += plain;
            read += plain;
            if plain < most {
                state.escaped = true;
                read += 1;
            }
        }
        Ok((read, written))
    }
}

fn read_cobs(state: &mut Unescaping, bytes: &[u8], out: &mut [u8]) -> (usize, usize) {
    let (mut read, mut written) = (0, 0);
    while read < bytes.len() {
        if state.left == 0 {
            if state.owes_zero {
                let Some(zero) = out.get_mut(written) else {
                    break;
                };
                *zero = 0;
                written += 1;
            }
            state.left = bytes[read].saturating_sub(1);
            state.owes_zero = bytes[read] != u8::MAX;
            read += 1;
            continue;
        }
        let run = usize::from(state.left)
            .min(bytes.len() - read)
            .min(out.len() - written);
        if run == 0 {
            break;
        }
        out[written..written + run].copy_from_slice(&bytes[read..read + run]);
        written += run;
        read += run;
        state.left -= run as u8;
    }
    (read, written)
}

/// A frame that is being written with consistent overhead byte stuffing.
#[derive(Debug)]
pub(crate) struct Stuffing {
    /// The block that has begun, behind the place of its code.
    block: [u8; 255],
    len: usize,
}

impl Default for Stuffing {
    fn default() -> Self {
        Self {
            block: [0; 255],
            len: 1,
        }
    }
}

impl Stuffing {
    /// What was not given is forgotten.
    pub(crate) fn begin(&mut self) {
        self.len = 1;
    }

    pub(crate) fn write(&mut self, bytes: &[u8], out: &mut dyn FnMut(&[u8])) {
        for &byte in bytes {
            // Only when more follows: what ends with a full block has no block behind it.
            if self.len == self.block.len() {
                self.give(out);
            }
            if byte == 0 {
                self.give(out);
            } else {
                self.block[self.len] = byte;
                self.len += 1;
            }
        }
    }

    /// The frame is complete.
    pub(crate) fn end(&mut self, out: &mut dyn FnMut(&[u8])) {
        self.give(out);
    }

    fn give(&mut self, out: &mut dyn FnMut(&[u8])) {
        self.block[0] = self.len as u8;
        out(&self.block[..self.len]);
        self.len = 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stuffed(bytes: &[u8]) -> Vec<u8> {
        let mut stuffing = Stuffing::default();
        let mut out = Vec::new();
        let (first, second) = bytes.split_at(bytes.len() / 2);
        stuffing.write(first, &mut |bytes| out.extend(bytes));
        stuffing.write(second, &mut |bytes| out.extend(bytes));
        stuffing.end(&mut |bytes| out.extend(bytes));
        out
    }

    /// The examples of S. Cheshire and M. Baker, "Consistent Overhead Byte Stuffing", as Wikipedia has them.
    #[test]
    fn the_examples_of_cobs() {
        assert_eq!(stuffed(b""), b"\x01");
        assert_eq!(stuffed(b"\0"), b"\x01\x01");
        assert_eq!(stuffed(b"\0\x11\0"), b"\x01\x02\x11\x01");
        assert_eq!(stuffed(b"\x11\x22\0\x33"), b"\x03\x11\x22\x02\x33");
        let long: Vec<u8> = (1..=254).collect();
        assert_eq!(stuffed(&long), [&[0xFF], &long[..]].concat());
        let more: Vec<u8> = (1..=255).collect();
        assert_eq!(stuffed(&more), [&[0xFF], &long[..], &[2, 0xFF]].concat());
    }

    /// Reads with room for few bytes at a time.
    fn read(escaping: &Escaping, bytes: &[u8], room: usize) -> Option<Vec<u8>> {
        let (mut state, mut rest, mut all) = (Unescaping::default(), bytes, Vec::new());
        while !rest.is_empty() || state.holds() {
            let mut out = vec![0; room];
            let piece = &rest[..rest.len().min(room + 1)];
            let (read, written) = escaping
                .read(&mut state, (piece, piece.len() == rest.len()), &mut out)
                .ok()?;
            assert!(read + written > 0, "no progress");
            all.extend(&out[..written]);
            rest = &rest[read..];
        }
        state.is_complete().then_some(all)
    }

    #[test]
    fn what_stands_for_nothing_is_found() {
        let (byte, pairs) = (0xDB, vec![(0xDC, 0xC0), (0xDD, 0xDB)]);
        let slip = Escaping::new(
            &Escape::Pairs { byte, pairs },
            &Marks::default(),
            &Marks::default(),
        );
        assert_eq!(
            read(&slip, b"a\xDB\xDC\xDB\xDDb", 2),
            Some(b"a\xC0\xDBb".to_vec())
        );
        assert_eq!(read(&slip, b"a\xDBb", 2), None);
        assert_eq!(read(&slip, b"a\xDB", 2), None);
        assert_eq!(read(&Escaping::Cobs, b"\x03a", 2), None);
    }

    proptest! {
        #[test]
        fn what_is_escaped_is_read_back(bytes: Vec<u8>, few in 0..3_u8, room in 1..9_usize) {
            let bytes: Vec<u8> = bytes.iter().map(|byte| if few == 0 { *byte } else { byte % (2 * few) }).collect();
            let (byte, xor, also) = (1, 0x20, vec![3]);
            let xor = Escaping::new(&Escape::Xor { byte, xor, also }, &Marks::default(), &Marks::new(vec![vec![0]]));
            let mut escaped = Vec::new();
            xor.write(&bytes, &mut |bytes| escaped.extend(bytes));
            prop_assert!(!escaped.contains(&0) && !escaped.contains(&3));
            prop_assert_eq!(read(&xor, &escaped, room), Some(bytes.clone()));
            let escaped = stuffed(&bytes);
            prop_assert!(!escaped.contains(&0));
            prop_assert_eq!(read(&Escaping::Cobs, &escaped, room), Some(bytes));
        }
    }
}
