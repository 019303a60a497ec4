//! A configuration as a row of bytes, which is how it comes from JavaScript (`src/framing/frames-record.ts` writes it).
//!
//! Numbers have eight bytes (little-endian, signed); bytes and lists have the number of what follows in front. What is missing
//! is 0 or empty, and what is more than there can be is as much as that: a record that makes no sense does no harm.

use crate::checksum::{Checksum, Crc, Digits, OnBad, Sum};
use crate::config::{Case, Config, Deliver, Extent, Rule};
use crate::escape::Escape;
use crate::framing::Framing;
use crate::length::{Counts, Field, Form, Length, MAX_HEAD, Place};
use crate::marks::MAX_MARK;

impl Framing {
    /// What a record says that has been checked, each byte of which is a character.
    #[must_use]
    #[inline(never)]
    pub fn read(record: &str) -> Self {
        let bytes: Vec<u8> = record.chars().map(|byte| byte as u8).collect();
        let mut reader = Reader(&bytes);
        let max_framing = reader.size();
        Self::of(Config::read(reader.0), max_framing)
    }
}

impl Config {
    /// What these bytes say.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let mut reader = Reader(bytes);
        let flags = reader.number();
        Self {
            ignore_empty: flags & 1 != 0,
            send_raw: flags & 2 != 0,
            drop_too_long: flags & 4 != 0,
            drop_noise: flags & 8 != 0,
            text: flags & 16 != 0,
            max_message_bytes: reader.number() as u64,
            max_skip_bytes: reader.number() as u64,
            start: reader.list(Reader::mark),
            rule: reader.rule(),
            first: (reader.number() != 0).then(|| reader.rule()),
            cases: reader.list(|reader| Case {
                at: reader.size(),
                mask: reader.bytes(),
                equals: reader.bytes(),
                rule: reader.rule(),
            }),
        }
    }
}

/// What has not been read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> i64 {
        let Some((number, rest)) = self.0.split_first_chunk() else {
            self.0 = &[];
            return 0;
        };
        self.0 = rest;
        i64::from_le_bytes(*number)
    }

    /// A number that is not negative; what is, is too large.
    fn size(&mut self) -> usize {
        usize::try_from(self.number()).unwrap_or(usize::MAX)
    }

    /// A number below 256; what is not, is 255.
    fn byte(&mut self) -> u8 {
        u8::try_from(self.number()).unwrap_or(u8::MAX)
    }

    /// A number that is at most this.
    fn at_most(&mut self, most: usize) -> usize {
        self.size().min(most)
    }

    /// Bytes, as many of them as a start, an end and the like may have.
    fn mark(&mut self) -> Vec<u8> {
        let mut mark = self.bytes();
        mark.truncate(MAX_MARK);
        mark
    }

    fn bytes(&mut self) -> Vec<u8> {
        let len = self.size();
        let (bytes, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        bytes.to_vec()
    }

    fn list<T>(&mut self, read: fn(&mut Self) -> T) -> Vec<T> {
        let mut list = Vec::new();
        for _ in 0..self.size().min(self.0.len()) {
            list.push(read(self));
        }
        list
    }

    fn rule(&mut self) -> Rule {
        let extent = match self.number() {
            1 => Extent::Fixed(self.number() as u64),
            2 => Extent::Length(Length {
                counts: match self.number() {
                    1 => Counts::Itself,
                    2 => Counts::Frame,
                    _ => Counts::Rest,
                },
                add: self.number(),
                fields: self.list(Self::field),
            }),
            _ => Extent::End(self.escape()),
        };
        Rule {
            extent,
            end: self.list(Self::mark),
            checksum: (self.number() != 0).then(|| self.checksum()),
            deliver: match self.number() {
                -1 => Deliver::Body,
                strip => Deliver::Strip((strip as usize).min(MAX_HEAD), self.at_most(MAX_HEAD)),
            },
        }
    }

    fn field(&mut self) -> Field {
        let (at, behind) = (self.at_most(MAX_HEAD), self.mark());
        let (form, size) = (self.number(), self.byte());
        let most = |most: u8| size.clamp(1, most);
        Field {
            at: if behind.is_empty() {
                Place::At(at)
            } else {
                Place::Behind(behind)
            },
            form: match form {
                0 => Form::BigEndian(most(8)),
                1 => Form::LittleEndian(most(8)),
                2 => Form::Varint(most(10)),
                3 => Form::Ber,
                4 => Form::Decimal(most(20)),
                5 => Form::Hex(most(16)),
                6 => Form::Bcd(most(10)),
                _ => Form::DecimalUntil(size),
            },
            mask: self.number() as u64,
            shift: self.at_most(63) as u32,
            unit: self.at_most(u32::MAX as usize).max(1) as u32,
        }
    }

    fn escape(&mut self) -> Option<Escape> {
        let (kind, byte, xor) = (self.number(), self.byte(), self.byte());
        let bytes = self.bytes();
        match kind {
            1 => {
                let (pairs, _) = bytes.as_chunks();
                let pairs = pairs.iter().map(|&[code, value]| (code, value)).collect();
                Some(Escape::Pairs { byte, pairs })
            }
            2 => Some(Escape::Xor {
                byte,
                xor,
                also: bytes,
            }),
            3 => Some(Escape::Cobs),
            4 => {
                let mut parts = bytes.as_slice();
                let behind = part(&mut parts);
                let mut list = Vec::new();
                while !parts.is_empty() {
                    list.push((part(&mut parts), part(&mut parts)));
                }
                Some(Escape::Sequences { list, behind })
            }
            _ => None,
        }
    }

    fn checksum(&mut self) -> Checksum {
        let sum = self.number();
        let crc = Crc {
            bits: if self.byte() == 32 { 32 } else { 16 },
            poly: self.number() as u32,
            init: self.number() as u32,
            reflected: self.number() != 0,
            xor_out: self.number() as u32,
        };
        Checksum {
            sum: match sum {
                0 => Sum::Xor8,
                1 => Sum::Sum8,
                2 => Sum::Lrc,
                3 => Sum::Sum16,
                _ => Sum::Crc(crc),
            },
            from: self.size(),
            after: self.mark(),
            digits: match self.number() {
                0 => Digits::BigEndian,
                1 => Digits::LittleEndian,
                2 => Digits::Hex,
                _ => Digits::Decimal,
            },
            width: self.at_most(Checksum::MAX_WIDTH),
            on_bad: match self.number() {
                0 => OnBad::Close,
                1 => OnBad::Discard,
                _ => OnBad::Deliver,
            },
            at: self.at_most(MAX_HEAD + 1).checked_sub(1),
            is_zeros: self.number() != 0,
        }
    }
}

/// Some bytes, the number of which is in front of them.
fn part(bytes: &mut &[u8]) -> Vec<u8> {
    let Some((len, rest)) = bytes.split_first() else {
        return Vec::new();
    };
    let (part, rest) = rest.split_at(usize::from(*len).min(rest.len()));
    *bytes = rest;
    part.to_vec()
}
