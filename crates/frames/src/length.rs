//! Lengths that frames announce: where they stand, how they are written, and what they count.
//!
//! Nothing is ever allocated for a length that is announced, nor does one overflow: what is too large for a number is the
//! largest number, and what is less than nothing, or not written as it should be, is no length.

use memchr::memchr;

use crate::bytes::{Bytes, Likeness};

/// The length of a frame: one number, or several that are added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Length {
    /// The numbers, of which there is at least one.
    pub fields: Vec<Field>,
    /// What they count.
    pub counts: Counts,
    /// What is added to their sum.
    pub add: i64,
}

/// What a length counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// What comes behind it.
    Rest,
    /// Itself, and what comes behind it.
    Itself,
    /// All of the frame.
    Frame,
}

/// A number in the head of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Where it stands.
    pub at: Place,
    /// How it is written.
    pub form: Form,
    /// The bits of it that count.
    pub mask: u64,
    /// How far they are shifted to the right then.
    pub shift: u32,
    /// What they are multiplied with then.
    pub unit: u32,
}

/// Where a number stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// So many bytes behind the frame's first byte.
    At(usize),
    /// Behind the first bytes like these.
    Behind(Vec<u8>),
}

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// So many bytes, the highest one first: 1 to 8.
    BigEndian(u8),
    /// So many bytes, the lowest one first: 1 to 8.
    LittleEndian(u8),
    /// Seven bits a byte, the lowest ones first, in so many bytes at most: 1 to 10.
    Varint(u8),
    /// As in BER: a byte below 128, or the number of bytes that follow, of which eight are the most.
    Ber,
    /// So many decimal digits: 1 to 20.
    Decimal(u8),
    /// So many hexadecimal digits: 1 to 16.
    Hex(u8),
    /// Two decimal digits a byte, in so many bytes: 1 to 10.
    Bcd(u8),
    /// 1 to 20 decimal digits, and this byte.
    DecimalUntil(u8),
}

/// What the head of a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Announced {
    /// Bytes up to the end of the last number.
    pub(crate) head: usize,
    /// Bytes of the frame.
    pub(crate) total: u64,
}

/// Why a number cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// Some of it is missing.
    NeedMore,
    /// It is none.
    Malformed,
}

impl Length {
    /// What the frame says that `bytes` begin with, the first `start` bytes of which mark its start.
    pub(crate) fn read(&self, bytes: &Bytes<'_>, start: usize) -> Result<Announced, Unread> {
        let (mut sum, mut first, mut head) = (0_u64, usize::MAX, 0);
        for field in &self.fields {
            let (from, to, value) = field.read(bytes, start)?;
            first = first.min(from);
            head = head.max(to);
            sum = sum.saturating_add(value);
        }
        let uncounted = match self.counts {
            Counts::Rest => head,
            Counts::Itself => first,
            Counts::Frame => 0,
        };
        // What is less than nothing is less than the head.
        let total = sum
            .saturating_add(uncounted as u64)
            .saturating_add_signed(self.add);
        if total < head as u64 {
            return Err(Unread::Malformed);
        }
        Ok(Announced { head, total })
    }

    /// False for what counts itself in units, and has as many bytes as it needs: nobody could say how many those are.
    pub(crate) fn may_be_written(&self) -> bool {
        let is_simple = |field: &Field| field.unit == 1 || field.form.is_fixed();
        self.counts == Counts::Rest || self.fields.iter().all(is_simple)
    }

    /// Appends what a frame announces that has `before` bytes in front of its only number and `behind` bytes after it.
    pub(crate) fn write(&self, before: usize, behind: u64, out: &mut Vec<u8>) {
        let field = &self.fields[0];
        // A number that counts itself may need more bytes for it.
        for len in 1..=Form::MAX_LEN {
            let own = match self.counts {
                Counts::Rest => 0,
                Counts::Itself => len,
                Counts::Frame => before + len,
            };
            let counted = behind.saturating_add(own as u64);
            let counted = counted.saturating_add_signed(self.add.saturating_neg());
            let value = ((counted / u64::from(field.unit)) << field.shift) & field.mask;
            if field.form.len(value) == len {
                return field.form.write(value, out);
            }
        }
    }
}

impl Field {
    /// Where it begins and ends, and what it says.
    fn read(&self, bytes: &Bytes<'_>, start: usize) -> Result<(usize, usize, u64), Unread> {
        let at = match &self.at {
            Place::At(at) => *at,
            Place::Behind(mark) => behind(bytes, start, mark)?,
        };
        let (value, len) = self.form.read(bytes, at)?;
        let units = (value & self.mask) >> self.shift;
        Ok((at, at + len, units.saturating_mul(u64::from(self.unit))))
    }

    /// Most that it can say.
    pub(crate) fn most(&self) -> u64 {
        let most = (self.form.most() & self.mask) >> self.shift;
        most.saturating_mul(u64::from(self.unit))
    }
}

/// The place behind the first bytes like `mark`.
fn behind(bytes: &Bytes<'_>, start: usize, mark: &[u8]) -> Result<usize, Unread> {
    let head = bytes.range(0, MAX_HEAD);
    let mut from = start;
    while let Some(at) = head.find(from, |run| memchr(mark[0], run)) {
        match head.compare(at, mark) {
            Likeness::Full => return Ok(at + mark.len()),
            Likeness::Partial => break,
            Likeness::None => from = at + 1,
        }
    }
    Err(if head.len() < MAX_HEAD {
        Unread::NeedMore
    } else {
        Unread::Malformed
    })
}

impl Form {
    /// Most bytes of a number.
    pub(crate) const MAX_LEN: usize = 21;

    /// Reads the number at `at`: its value and its length.
    fn read(self, bytes: &Bytes<'_>, at: usize) -> Result<(u64, usize), Unread> {
        let byte = |place: usize| bytes.get(at + place).ok_or(Unread::NeedMore);
        let each = |len: u8, more: &dyn Fn(u64, u8) -> Option<u64>| {
            let len = usize::from(len);
            let mut value = 0;
            for place in 0..len {
                value = more(value, byte(place)?).ok_or(Unread::Malformed)?;
            }
            Ok((value, len))
        };
        match self {
            Self::BigEndian(len) => each(len, &|value, byte| Some((value << 8) | u64::from(byte))),
            Self::LittleEndian(len) => {
                let (value, len) = Self::BigEndian(len).read(bytes, at)?;
                Ok((value.swap_bytes() >> (64 - 8 * len), len))
            }
            Self::Varint(most) => varint(most, byte),
            Self::Ber => match byte(0)? {
                short @ 0..=0x7F => Ok((u64::from(short), 1)),
                long @ 0x81..=0x88 => {
                    let (value, len) = Self::BigEndian(long & 0x7F).read(bytes, at + 1)?;
                    Ok((value, 1 + len))
                }
                _ => Err(Unread::Malformed),
            },
            Self::Decimal(len) => each(len, &|value, byte| digits(value, byte, 10)),
            Self::Hex(len) => each(len, &|value, byte| digits(value, byte, 16)),
            Self::Bcd(len) => each(len, &|value, byte| {
                let tens = digits(value, b'0' + (byte >> 4), 10)?;
                digits(tens, b'0' + (byte & 15), 10)
            }),
            Self::DecimalUntil(end) => {
                let mut value = 0;
                for place in 0..Self::MAX_LEN {
                    let next = byte(place)?;
                    if next == end && place > 0 {
                        return Ok((value, place + 1));
                    }
                    value = digits(value, next, 10).ok_or(Unread::Malformed)?;
                }
                Err(Unread::Malformed)
            }
        }
    }

    /// Most that it can say.
    pub(crate) fn most(self) -> u64 {
        let power =
            |base: u64, places: u8| base.checked_pow(places.into()).map_or(u64::MAX, |n| n - 1);
        match self {
            Self::BigEndian(len) | Self::LittleEndian(len) => power(256, len),
            Self::Varint(most) => power(128, most),
            Self::Ber | Self::DecimalUntil(_) => u64::MAX,
            Self::Decimal(len) => power(10, len),
            Self::Hex(len) => power(16, len),
            Self::Bcd(len) => power(100, len),
        }
    }

    /// Most bytes that it takes.
    pub(crate) fn longest(self) -> usize {
        match self {
            Self::Varint(most) => usize::from(most),
            Self::Ber => 9,
            Self::DecimalUntil(_) => Self::MAX_LEN,
            _ => self.len(0),
        }
    }

    /// Fewest bytes that it takes.
    #[cfg(feature = "check")]
    pub(crate) fn shortest(self) -> usize {
        match self {
            Self::Varint(_) => 1,
            _ => self.len(0),
        }
    }

    /// Every number takes as many bytes.
    pub(crate) fn is_fixed(self) -> bool {
        !matches!(self, Self::Varint(_) | Self::Ber | Self::DecimalUntil(_))
    }

    /// Bytes that a number takes.
    fn len(self, value: u64) -> usize {
        match self {
            Self::BigEndian(len)
            | Self::LittleEndian(len)
            | Self::Decimal(len)
            | Self::Hex(len)
            | Self::Bcd(len) => usize::from(len),
            Self::Varint(_) => bits(value).div_ceil(7),
            Self::Ber if value < 0x80 => 1,
            Self::Ber => 1 + bits(value).div_ceil(8),
            Self::DecimalUntil(_) => value.checked_ilog10().unwrap_or(0) as usize + 2,
        }
    }

    fn write(self, value: u64, out: &mut Vec<u8>) {
        let len = self.len(value);
        let mut digits = [0; Self::MAX_LEN];
        let own = &mut digits[..len];
        match self {
            Self::LittleEndian(_) => {
                fill(own, value, 256);
                own.reverse();
            }
            Self::Varint(_) => {
                fill(own, value, 128);
                own.reverse();
                own[..len - 1].iter_mut().for_each(|byte| *byte |= 0x80);
            }
            Self::Ber if len > 1 => {
                own[0] = 0x80 | (len - 1) as u8;
                fill(&mut own[1..], value, 256);
            }
            Self::BigEndian(_) | Self::Ber => fill(own, value, 256),
            Self::Decimal(_) => fill(own, value, 10),
            Self::Hex(_) => fill(own, value, 16),
            Self::Bcd(_) => {
                fill(own, value, 100);
                own.iter_mut()
                    .for_each(|byte| *byte = ((*byte / 10) << 4) | (*byte % 10));
            }
            Self::DecimalUntil(end) => {
                fill(&mut own[..len - 1], value, 10);
                own[len - 1] = end;
            }
        }
        if matches!(
            self,
            Self::Decimal(_) | Self::Hex(_) | Self::DecimalUntil(_)
        ) {
            let is_until = matches!(self, Self::DecimalUntil(_));
            let text = if is_until { len - 1 } else { len };
            own[..text]
                .iter_mut()
                .for_each(|digit| *digit = DIGITS[usize::from(*digit & 15)]);
        }
        out.extend_from_slice(own);
    }
}

fn varint(most: u8, byte: impl Fn(usize) -> Result<u8, Unread>) -> Result<(u64, usize), Unread> {
    let mut value = 0;
    for place in 0..usize::from(most) {
        let next = byte(place)?;
        let bits = u64::from(next & 0x7F);
        value |= match bits << (7 * place) {
            shifted if shifted >> (7 * place) == bits => shifted,
            _ => u64::MAX,
        };
        if next < 0x80 {
            return Ok((value, place + 1));
        }
    }
    Err(Unread::Malformed)
}

/// `value` with one digit more; `None` if that is none.
fn digits(value: u64, digit: u8, base: u32) -> Option<u64> {
    let digit = char::from(digit).to_digit(base)?;
    let shifted = value.saturating_mul(u64::from(base));
    Some(shifted.saturating_add(u64::from(digit)))
}

fn bits(value: u64) -> usize {
    64 - (value | 1).leading_zeros() as usize
}

/// Fills a slice with the digits of a number to this base, the lowest one last.
fn fill(out: &mut [u8], mut value: u64, base: u64) {
    for digit in out.iter_mut().rev() {
        *digit = (value % base) as u8;
        value /= base;
    }
}

pub(crate) const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// The head of a frame, up to the end of its lengths, is not longer than this.
pub(crate) const MAX_HEAD: usize = 256;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use gev_wire::Input;

    fn read(form: Form, bytes: &[u8]) -> Result<(u64, usize), Unread> {
        form.read(&Bytes::of(&Input::from(bytes)), 0)
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        assert_eq!(
            read(Form::BigEndian(3), b"\x01\x02\x03"),
            Ok((0x01_02_03, 3))
        );
        assert_eq!(
            read(Form::LittleEndian(3), b"\x01\x02\x03"),
            Ok((0x03_02_01, 3))
        );
        // MQTT 5.0 section 1.5.5.
        assert_eq!(
            read(Form::Varint(4), b"\xFF\xFF\xFF\x7F"),
            Ok((268_435_455, 4))
        );
        assert_eq!(read(Form::Varint(4), b"\x80\x01"), Ok((128, 2)));
        assert_eq!(read(Form::Ber, b"\x81\xC9"), Ok((201, 2)));
        assert_eq!(read(Form::Decimal(4), b"0042"), Ok((42, 4)));
        assert_eq!(read(Form::Hex(4), b"00fF"), Ok((255, 4)));
        assert_eq!(read(Form::Bcd(2), b"\x01\x23"), Ok((123, 2)));
        assert_eq!(read(Form::DecimalUntil(b':'), b"12:"), Ok((12, 3)));
    }

    #[test]
    fn what_is_no_number_is_malformed() {
        for (form, bytes) in [
            (Form::Varint(4), &b"\x80\x80\x80\x80\x00"[..]),
            (Form::Ber, b"\x80"),
            (Form::Ber, b"\x89"),
            (Form::Decimal(2), b"-1"),
            (Form::Hex(1), b"g"),
            (Form::Bcd(1), b"\x0A"),
            (Form::Bcd(1), b"\xA0"),
            (Form::DecimalUntil(b':'), b":"),
            (Form::DecimalUntil(b':'), b"1 "),
            (Form::DecimalUntil(b':'), b"000000000000000000001:"),
        ] {
            assert_eq!(read(form, bytes), Err(Unread::Malformed), "{form:?}");
        }
    }

    #[test]
    fn what_is_too_large_is_the_largest_number() {
        assert_eq!(
            read(Form::Decimal(20), b"99999999999999999999"),
            Ok((u64::MAX, 20))
        );
        let ten = b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F";
        assert_eq!(read(Form::Varint(10), ten), Ok((u64::MAX, 10)));
        let field = Field {
            at: Place::At(0),
            form: Form::BigEndian(8),
            mask: u64::MAX,
            shift: 0,
            unit: u32::MAX,
        };
        let length = Length {
            fields: vec![field.clone(), field],
            counts: Counts::Rest,
            add: i64::MAX,
        };
        let announced = length.read(&Bytes::of(&Input::from(&[0xFF; 8][..])), 0);
        let total = u64::MAX;
        assert_eq!(announced, Ok(Announced { head: 8, total }));
    }

    #[test]
    fn a_number_can_stand_behind_a_mark() {
        let behind = |bytes: &[u8]| behind(&Bytes::of(&Input::from(bytes)), 2, b"\x019=");
        assert_eq!(behind(b"8=FIX\x01\x019=12"), Ok(9));
        assert_eq!(behind(b"8=FIX\x019"), Err(Unread::NeedMore));
        assert_eq!(behind(&[1; MAX_HEAD]), Err(Unread::Malformed));
    }

    fn forms() -> impl Strategy<Value = Form> {
        prop_oneof![
            (1..=8_u8).prop_map(Form::BigEndian),
            (1..=8_u8).prop_map(Form::LittleEndian),
            (1..=10_u8).prop_map(Form::Varint),
            Just(Form::Ber),
            (1..=20_u8).prop_map(Form::Decimal),
            (1..=16_u8).prop_map(Form::Hex),
            (1..=10_u8).prop_map(Form::Bcd),
            Just(Form::DecimalUntil(b' ')),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(form in forms(), value: u64, shift in 0..64_u32) {
            let value = (value >> shift).min(form.most());
            let mut bytes = Vec::new();
            form.write(value, &mut bytes);
            prop_assert_eq!(read(form, &bytes), Ok((value, bytes.len())));
            prop_assert!(bytes.len() <= form.longest());
            for len in 0..bytes.len() {
                prop_assert_eq!(read(form, &bytes[..len]), Err(Unread::NeedMore));
            }
        }

        #[test]
        fn a_length_that_counts_itself_is_right(
            form in forms(),
            before in 0..8_usize,
            behind in 0..300_u64,
            counts in prop_oneof![Just(Counts::Rest), Just(Counts::Itself), Just(Counts::Frame)],
        ) {
            let field = Field { at: Place::At(before), form, mask: u64::MAX, shift: 0, unit: 1 };
            let length = Length { fields: vec![field], counts, add: 0 };
            let mut bytes = vec![0; before];
            length.write(before, behind, &mut bytes);
            prop_assume!(form.most() >= behind + bytes.len() as u64);
            let total = bytes.len() as u64 + behind;
            let announced = Announced { head: bytes.len(), total };
            prop_assert_eq!(length.read(&Bytes::of(&Input::from(&bytes[..])), 0), Ok(announced));
        }
    }
}
