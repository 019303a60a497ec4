//! Checksums of frames: what they are computed from, and how they are written.

use crate::length::DIGITS;

/// How a checksum is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sum {
    /// All bytes, combined with exclusive or.
    Xor8,
    /// The sum of all bytes, of which the lowest eight bits count.
    Sum8,
    /// As above, negated: a frame and its checksum add up to 0.
    Lrc,
    /// The sum of all bytes, of which the lowest 16 bits count.
    Sum16,
    /// A cyclic redundancy check.
    Crc(Crc),
}

/// The parameters of a cyclic redundancy check, as catalogues name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crc {
    /// 16 or 32 bits.
    pub bits: u8,
    /// The polynomial, without its highest bit.
    pub poly: u32,
    /// What it begins with.
    pub init: u32,
    /// The lowest bit of each byte comes first.
    pub reflected: bool,
    /// What the result is combined with.
    pub xor_out: u32,
}

/// How a checksum is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digits {
    /// Bytes, the highest one first.
    BigEndian,
    /// Bytes, the lowest one first.
    LittleEndian,
    /// Hexadecimal digits; those of either case are read, those in capitals written.
    Hex,
    /// Decimal digits.
    Decimal,
}

/// The checksum of a frame. It stands behind everything but the frame's end, or at a place of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// How it is computed.
    pub sum: Sum,
    /// Where what it is computed from begins, counted from the frame's first byte. It goes up to `after`.
    pub from: usize,
    /// Bytes between that and the checksum, at most [`MAX_AFTER`](Self::MAX_AFTER) of them.
    pub after: Vec<u8>,
    /// How it is written.
    pub digits: Digits,
    /// How many bytes or digits it has, at most [`MAX_WIDTH`](Self::MAX_WIDTH).
    pub width: usize,
    /// What becomes of a frame whose checksum is wrong.
    pub on_bad: OnBad,
    /// Where it stands, counted from the frame's first byte, if that is not in front of the end; it has no `after` then. It
    /// is computed from what goes up to the end.
    pub at: Option<usize>,
    /// Where it is in what it is computed from, its bytes count as zeros; otherwise as nothing.
    pub is_zeros: bool,
}

/// What becomes of a frame whose checksum is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBad {
    /// The connection is closed.
    Close,
    /// It is left out.
    Discard,
    /// It is a message all the same.
    Deliver,
}

/// A checksum that is under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Running {
    sum: u32,
    /// What stands at the checksum's own place.
    own: [u8; Checksum::MAX_WIDTH],
}

/// What computing a checksum needs.
#[derive(Debug)]
pub(crate) struct Summing {
    pub(crate) checksum: Checksum,
    /// Of a cyclic redundancy check: what becomes of the register by each byte.
    table: Option<Box<[u32; 256]>>,
}

impl Checksum {
    /// Most bytes in front of it.
    pub const MAX_AFTER: usize = 8;
    /// Most bytes or digits of it.
    pub const MAX_WIDTH: usize = 10;

    /// Bytes of it and of those in front.
    pub(crate) fn len(&self) -> usize {
        self.after.len() + self.width
    }

    /// Bytes of it in front of the end.
    pub(crate) fn behind(&self) -> usize {
        if self.at.is_some() { 0 } else { self.len() }
    }

    /// Bytes of it at a place of its own, and where that ends.
    pub(crate) fn inside(&self) -> (usize, usize) {
        match self.at {
            Some(at) => (self.width, at + self.width),
            None => (0, 0),
        }
    }
}

impl Sum {
    /// Bits of what it comes to.
    #[cfg(feature = "check")]
    pub(crate) fn bits(self) -> u8 {
        match self {
            Self::Xor8 | Self::Sum8 | Self::Lrc => 8,
            Self::Sum16 => 16,
            Self::Crc(crc) => crc.bits,
        }
    }
}

impl Digits {
    /// How many bytes or digits a number of so many bits needs.
    #[cfg(feature = "check")]
    pub(crate) fn width(self, bits: u8) -> usize {
        match (self, bits) {
            (Self::Hex, bits) => usize::from(bits) / 4,
            (Self::Decimal, 8) => 3,
            (Self::Decimal, 16) => 5,
            (Self::Decimal, _) => 10,
            (_, bits) => usize::from(bits) / 8,
        }
    }
}

impl Summing {
    pub(crate) fn new(checksum: Checksum) -> Self {
        let table = match checksum.sum {
            Sum::Crc(crc) => Some(Box::new(crc.table())),
            _ => None,
        };
        Self { checksum, table }
    }

    pub(crate) fn begin(&self) -> Running {
        let sum = match self.checksum.sum {
            Sum::Crc(crc) => crc.init,
            _ => 0,
        };
        Running {
            sum,
            ..Running::default()
        }
    }

    /// Adds `bytes`, the first of which is at `at` in its frame, as far as they count.
    pub(crate) fn add(&self, running: &mut Running, at: u64, bytes: &[u8]) {
        let Some(own) = self.checksum.at else {
            return self.count(running, at, bytes);
        };
        let up_to = |place: usize| (place as u64).saturating_sub(at).min(bytes.len() as u64);
        let (before, behind) = (up_to(own), up_to(own + self.checksum.width));
        let place = (at + before).saturating_sub(own as u64) as usize;
        self.count(running, at, &bytes[..before as usize]);
        let written = &bytes[before as usize..behind as usize];
        if !written.is_empty() {
            running.own[place..place + written.len()].copy_from_slice(written);
            if self.checksum.is_zeros {
                let zeros = &[0; Checksum::MAX_WIDTH][..written.len()];
                self.count(running, at + before, zeros);
            }
        }
        self.count(running, at + behind, &bytes[behind as usize..]);
    }

    #[inline(never)]
    fn count(&self, running: &mut Running, at: u64, bytes: &[u8]) {
        let before = (self.checksum.from as u64).saturating_sub(at);
        let before = usize::try_from(before).unwrap_or(usize::MAX);
        let bytes = bytes.get(before..).unwrap_or_default();
        let sum = &mut running.sum;
        match (self.checksum.sum, &self.table) {
            (Sum::Crc(crc), Some(table)) => *sum = crc.update(*sum, table, bytes),
            (Sum::Xor8, _) => *sum = bytes.iter().fold(*sum, |sum, byte| sum ^ u32::from(*byte)),
            _ => {
                let add = |sum: u32, byte: &u8| sum.wrapping_add(u32::from(*byte));
                *sum = bytes.iter().fold(*sum, add);
            }
        }
    }

    /// Writes what stands for the sum: `after`, and the checksum. Returns how many bytes those are.
    pub(crate) fn write(&self, running: Running, out: &mut [u8; MAX_LEN]) -> usize {
        let Checksum { after, width, .. } = &self.checksum;
        let (start, len) = (after.len(), self.checksum.len());
        out[..start].copy_from_slice(after);
        let value = self.value(running);
        for (place, byte) in out[start..len].iter_mut().enumerate() {
            let behind = width - 1 - place;
            *byte = match self.checksum.digits {
                Digits::BigEndian => byte_of(value, behind),
                Digits::LittleEndian => byte_of(value, place),
                Digits::Hex => {
                    DIGITS[value.checked_shr(4 * behind as u32).unwrap_or(0) as usize & 15]
                }
                Digits::Decimal => b'0' + (value / 10_u32.pow(behind as u32) % 10) as u8,
            };
        }
        len
    }

    /// True when `tail` stands for the sum, or what stands at its own place.
    pub(crate) fn is_right(&self, running: Running, tail: &[u8]) -> bool {
        let written = match self.checksum.at {
            Some(_) => &running.own,
            None => tail,
        };
        let mut right = [0; MAX_LEN];
        let len = self.write(running, &mut right);
        let is_text = self.checksum.digits == Digits::Hex;
        let is_digit = |at: usize| is_text && at >= self.checksum.after.len();
        let same = |(at, &byte): (usize, &u8)| {
            byte == right[at] || is_digit(at) && byte.to_ascii_uppercase() == right[at]
        };
        written.iter().take(len).enumerate().all(same)
    }

    fn value(&self, Running { sum, .. }: Running) -> u32 {
        match self.checksum.sum {
            Sum::Xor8 | Sum::Sum8 => sum & 0xFF,
            Sum::Lrc => sum.wrapping_neg() & 0xFF,
            Sum::Sum16 => sum & 0xFFFF,
            Sum::Crc(crc) => (sum ^ crc.xor_out) & crc.mask(),
        }
    }
}

impl Crc {
    fn mask(self) -> u32 {
        u32::MAX >> (32 - u32::from(self.bits))
    }

    fn table(self) -> [u32; 256] {
        let top = 1 << (self.bits - 1);
        let reversed = self.poly.reverse_bits() >> (32 - u32::from(self.bits));
        let mut table = [0; 256];
        for (byte, entry) in (0..).zip(&mut table) {
            let mut register: u32 = if self.reflected {
                byte
            } else {
                byte << (self.bits - 8)
            };
            for _ in 0..8 {
                register = match self.reflected {
                    true if register & 1 != 0 => (register >> 1) ^ reversed,
                    true => register >> 1,
                    false if register & top != 0 => (register << 1) ^ self.poly,
                    false => register << 1,
                };
            }
            *entry = register & self.mask();
        }
        table
    }

    fn update(self, mut register: u32, table: &[u32; 256], bytes: &[u8]) -> u32 {
        if self.reflected {
            for byte in bytes {
                register = (register >> 8) ^ table[((register ^ u32::from(*byte)) & 0xFF) as usize];
            }
        } else {
            let shift = self.bits - 8;
            for byte in bytes {
                let index = ((register >> shift) ^ u32::from(*byte)) & 0xFF;
                register = (register << 8) ^ table[index as usize];
            }
        }
        register
    }
}

fn byte_of(value: u32, place: usize) -> u8 {
    value.to_le_bytes().get(place).copied().unwrap_or_default()
}

/// Longest checksum, with what is in front of it.
pub(crate) const MAX_LEN: usize = Checksum::MAX_AFTER + Checksum::MAX_WIDTH;

#[cfg(test)]
mod tests {
    use super::*;

    fn written(sum: Sum, digits: Digits, width: usize, bytes: &[u8]) -> Vec<u8> {
        let summing = Summing::new(Checksum {
            sum,
            from: 0,
            after: Vec::new(),
            digits,
            width,
            on_bad: OnBad::Close,
            at: None,
            is_zeros: false,
        });
        let (first, second) = bytes.split_at(bytes.len() / 2);
        let mut running = summing.begin();
        summing.add(&mut running, 0, first);
        summing.add(&mut running, first.len() as u64, second);
        let mut out = [0; MAX_LEN];
        let len = summing.write(running, &mut out);
        out[..len].to_vec()
    }

    fn crc(bits: u8, poly: u32, init: u32, reflected: bool, xor_out: u32) -> String {
        let crc = Crc {
            bits,
            poly,
            init,
            reflected,
            xor_out,
        };
        let digits = usize::from(bits) / 4;
        let bytes = written(Sum::Crc(crc), Digits::Hex, digits, b"123456789");
        String::from_utf8(bytes).expect("digits")
    }

    /// The check values of the catalogue of parametrised CRC algorithms (reveng.sourceforge.io).
    #[test]
    fn the_catalogue_agrees() {
        assert_eq!(crc(16, 0x8005, 0xFFFF, true, 0), "4B37", "MODBUS");
        assert_eq!(crc(16, 0x8005, 0, true, 0), "BB3D", "ARC");
        assert_eq!(crc(16, 0x1021, 0xFFFF, true, 0xFFFF), "906E", "IBM-SDLC");
        assert_eq!(crc(16, 0x1021, 0xFFFF, false, 0), "29B1", "IBM-3740");
        assert_eq!(crc(16, 0x1021, 0, false, 0), "31C3", "XMODEM");
        assert_eq!(
            crc(32, 0x04C1_1DB7, u32::MAX, true, u32::MAX),
            "CBF43926",
            "ISO-HDLC"
        );
        assert_eq!(
            crc(32, 0x1EDC_6F41, u32::MAX, true, u32::MAX),
            "E3069283",
            "ISCSI"
        );
    }

    #[test]
    fn sums_are_written_as_they_are_wanted() {
        let bytes = b"\xF0\x11\x0F";
        assert_eq!(written(Sum::Xor8, Digits::BigEndian, 1, bytes), [0xEE]);
        assert_eq!(written(Sum::Sum8, Digits::Decimal, 3, bytes), *b"016");
        assert_eq!(written(Sum::Lrc, Digits::Hex, 2, bytes), *b"F0");
        assert_eq!(
            written(Sum::Sum16, Digits::LittleEndian, 2, bytes),
            [0x10, 1]
        );
        assert_eq!(
            written(Sum::Sum16, Digits::BigEndian, 4, bytes),
            [0, 0, 1, 0x10]
        );
    }
}
