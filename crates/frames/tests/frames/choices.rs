//! Configurations of frames made of a few bytes, whatever those are, so that proptest and the fuzzer can choose.

use gev_frames::{
    Case, Checksum, Config, Counts, Crc, Deliver, Digits, Escape, Extent, Field, Form, Length,
    OnBad, Place, RuleConfig, Sum,
};

/// Bytes that decide; zeros when they are used up.
pub(crate) struct Choices<'a>(pub(crate) &'a [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((byte, rest)) => {
                self.0 = rest;
                *byte
            }
            None => 0,
        }
    }

    fn below(&mut self, n: usize) -> usize {
        usize::from(self.byte()) % n
    }

    fn yes(&mut self) -> bool {
        self.below(2) == 1
    }

    /// Any configuration; most are right.
    pub(crate) fn config(&mut self) -> Config {
        let start = match self.below(6) {
            0 | 1 => vec![mark(b"~")],
            2 => vec![mark(b"##")],
            3 => vec![mark(b"xx"), mark(b"yy")],
            _ => Vec::new(),
        };
        let own = start.first().map_or(0, Vec::len);
        let first = (self.below(5) == 0).then(|| self.rule(0));
        let cases = (0..self.below(4).saturating_sub(1)).map(|_| self.case(own));
        let cases = cases.collect();
        Config {
            start,
            rule: self.rule(own),
            first,
            cases,
            ignore_empty: self.below(4) == 0,
            send_raw: false,
            max_message_bytes: [20, 100, 0, 70_000][self.below(4)],
            drop_too_long: self.yes(),
            drop_noise: self.yes(),
            max_skip_bytes: [0, 5, 1000][self.below(3)],
            text: self.yes(),
        }
    }

    fn case(&mut self, own: usize) -> Case {
        let mask = if self.yes() { 0xFF } else { 0x81 };
        let equals = vec![[b'a', 1, 0][self.below(3)] & mask];
        let at = own + self.below(2);
        let rule = self.rule(own);
        Case {
            at,
            mask: vec![mask],
            equals,
            rule,
        }
    }

    fn rule(&mut self, own: usize) -> RuleConfig {
        let mut end = match self.below(5) {
            0 | 1 => Vec::new(),
            2 => vec![mark(b"\r\n")],
            3 => vec![mark(b"\n"), mark(b"\r\n")],
            _ => vec![mark(b"~")],
        };
        let extent = match self.below(5) {
            0 => Extent::Fixed(1 + self.below(12) as u64),
            1 | 2 => Extent::Length(self.length(own)),
            _ => {
                let escape = self.escape(&mut end);
                if end.is_empty() {
                    end = vec![mark(b"\n")];
                }
                Extent::End(escape)
            }
        };
        let mut checksum = (self.below(3) == 0).then(|| self.checksum());
        if let Some(checksum) = &mut checksum
            && self.below(3) == 0
        {
            checksum.after.clear();
            checksum.at = Some(own + self.below(4));
            checksum.is_zeros = self.yes();
            checksum.from = self.below(12);
        }
        let deliver = match self.below(4) {
            0 | 1 => Deliver::Body,
            2 => Deliver::FRAME,
            _ => Deliver::Strip(self.below(4), self.below(4)),
        };
        RuleConfig {
            extent,
            end,
            checksum,
            deliver,
        }
    }

    fn length(&mut self, own: usize) -> Length {
        let mut field = |at: usize| {
            let form = match self.below(9) {
                0 => Form::BigEndian(1),
                1 => Form::BigEndian(2),
                2 => Form::LittleEndian(3),
                3 => Form::Varint(3),
                4 => Form::Ber,
                5 => Form::Decimal(2),
                6 => Form::Hex(2),
                7 => Form::Bcd(1),
                _ => Form::DecimalUntil(b':'),
            };
            let at = match self.below(6) {
                0 => Place::At(at + 1),
                1 => Place::Behind(mark(b"=")),
                _ => Place::At(at),
            };
            let mask = if self.below(5) == 0 { 0x7E } else { u64::MAX };
            let (shift, unit) = if mask == u64::MAX { (0, 1) } else { (1, 2) };
            Field {
                at,
                form,
                mask,
                shift,
                unit,
            }
        };
        let mut fields = vec![field(own)];
        if self.below(6) == 0 {
            let at = Place::At(own + 4);
            let form = Form::BigEndian(1);
            fields.push(Field {
                at,
                form,
                mask: u64::MAX,
                shift: 0,
                unit: 1,
            });
        }
        Length {
            fields,
            counts: [Counts::Rest, Counts::Itself, Counts::Frame][self.below(3)],
            add: [0, 0, 1, -1, 4][self.below(5)],
        }
    }

    fn escape(&mut self, end: &mut Vec<Vec<u8>>) -> Option<Escape> {
        match self.below(7) {
            0 => {
                *end = vec![vec![0]];
                Some(Escape::Cobs)
            }
            1 => {
                *end = vec![mark(b"~")];
                let pairs = vec![(1, b'}'), (2, b'~')];
                Some(Escape::Pairs { byte: b'}', pairs })
            }
            2 => {
                let also = vec![b'x'];
                Some(Escape::Xor {
                    byte: b'}',
                    xor: 0x20,
                    also,
                })
            }
            3 => {
                let (ending, escape) = self.sequences();
                *end = vec![ending];
                Some(escape)
            }
            4 => {
                *end = vec![vec![0x10, 3]];
                let pairs = vec![(0x10, 0x10)];
                Some(Escape::Pairs { byte: 0x10, pairs })
            }
            _ => None,
        }
    }

    /// An end, and sequences.
    fn sequences(&mut self) -> (Vec<u8>, Escape) {
        let (end, pairs, behind): (&[u8], Pairs<'_>, &[u8]) = match self.below(4) {
            0 => (b"\r\n.\r\n", &[(b"\r\n.", b"\r\n..")], b"\r\n"),
            1 => (b"\0\0\x01", &[(b"\0\0", b"\0\0\x03")], b""),
            2 => (b"~a", &[(b"~a", b"~xa"), (b"~x", b"~xx")], b"~"),
            _ => (b"~", &[(b"~", b"}~"), (b"}", b"}}}")], b""),
        };
        let pair = |(raw, escaped): &(&[u8], &[u8])| (mark(raw), mark(escaped));
        let list = pairs.iter().map(pair).collect();
        let behind = mark(behind);
        (mark(end), Escape::Sequences { list, behind })
    }

    fn checksum(&mut self) -> Checksum {
        let (bits, poly, init, xor_out) = (16, 0x1021, 0xFFFF, 0xFFFF);
        let crc = |reflected| Crc {
            bits,
            poly,
            init,
            reflected,
            xor_out,
        };
        let (sum, bytes) = [
            (Sum::Xor8, 1),
            (Sum::Sum8, 1),
            (Sum::Lrc, 1),
            (Sum::Sum16, 2),
            (Sum::Crc(crc(true)), 2),
            (Sum::Crc(crc(false)), 2),
        ][self.below(6)];
        let (digits, width) = [
            (Digits::BigEndian, bytes),
            (Digits::LittleEndian, bytes + 1),
            (Digits::Hex, 2 * bytes),
            (Digits::Decimal, 2 * bytes + 1),
        ][self.below(4)];
        Checksum {
            sum,
            from: self.below(4),
            after: if self.below(3) == 0 {
                mark(b"*")
            } else {
                Vec::new()
            },
            digits,
            width,
            on_bad: [OnBad::Close, OnBad::Discard, OnBad::Deliver][self.below(3)],
            at: None,
            is_zeros: false,
        }
    }

    /// Bytes that are likely to mean something.
    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        const ALPHABET: &[u8] = b"ab~#xy=:}\r\n\x10\x01\x02\x03\x00 05*.";
        (0..len)
            .map(|_| ALPHABET[self.below(ALPHABET.len())])
            .collect()
    }
}

fn mark(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

type Pairs<'a> = &'a [(&'a [u8], &'a [u8])];
