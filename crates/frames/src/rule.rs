//! Rules as decoding and encoding need them.

use crate::checksum::Summing;
use crate::escape::Escaping;
use crate::length::{Field, Form, Length, Place};
use crate::marks::Marks;

/// How one kind of frame is cut, checked.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) size: Size,
    pub(crate) ends: Marks,
    pub(crate) summing: Option<Summing>,
    pub(crate) front: Cut,
    pub(crate) back: Cut,
    /// Longest message.
    pub(crate) max: u64,
}

/// How long a frame is.
#[derive(Debug)]
pub(crate) enum Size {
    Fixed(u64),
    Length(Length),
    End(Delimited),
}

/// What is between a frame's start and its end.
#[derive(Debug)]
pub(crate) struct Delimited {
    pub(crate) escaping: Option<Escaping>,
    /// The ends begin with the byte that escapes begin with.
    pub(crate) stuffing: Option<u8>,
    /// Bytes between start and end, as they are without escapes: which of them are no part of the message, in front and
    /// behind, and how many there are at least and at most.
    pub(crate) strip: usize,
    pub(crate) cut: usize,
    pub(crate) least: usize,
    pub(crate) most: u64,
    /// The start is part of the message, or the end is.
    pub(crate) keep_start: bool,
    pub(crate) keep_end: bool,
}

/// What is cut off one side of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// What framing has put there.
    Own,
    Bytes(usize),
}

/// Where frames begin, and the rules for them.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    pub(crate) starts: Marks,
    /// The byte that frames both begin and end with: one of them may be between two frames.
    pub(crate) flag: Option<u8>,
    pub(crate) rule: usize,
    pub(crate) cases: Vec<CheckedCase>,
}

#[derive(Debug)]
pub(crate) struct CheckedCase {
    pub(crate) at: usize,
    pub(crate) mask: Vec<u8>,
    pub(crate) equals: Vec<u8>,
    pub(crate) rule: usize,
}

/// What is written around what is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) start: bool,
    pub(crate) length: bool,
    pub(crate) checksum: bool,
    /// The checksum, right behind start and length.
    pub(crate) checksum_first: bool,
    pub(crate) end: bool,
    pub(crate) escapes: bool,
}

impl Rule {
    /// Bytes of the checksum in front of the end, and of what stands in front of it.
    pub(crate) fn tail(&self) -> usize {
        let checksum = self.summing.as_ref().map(|it| it.checksum.behind());
        checksum.unwrap_or_default()
    }

    /// Bytes of a checksum at a place of its own, and where that ends.
    pub(crate) fn inside(&self) -> (usize, usize) {
        let checksum = self.summing.as_ref().map(|it| it.checksum.inside());
        checksum.unwrap_or_default()
    }

    /// What is written around messages; `None` if that cannot be, as something was cut off that nobody knows.
    pub(crate) fn written(&self, starts: &Marks) -> Option<Written> {
        let (start, tail) = (starts.written().len(), self.tail());
        let end = self.ends.written().len();
        let field = match &self.size {
            Size::Length(length) => own_field(length, start).map(|field| field.form),
            _ => None,
        };
        let head = start + field.map_or(0, Form::longest);
        let is_fixed = field.is_some_and(Form::is_fixed);
        let inside = self.inside();
        let is_known = is_fixed || !matches!(self.size, Size::Length(_));
        let is_first = is_known && inside.0 > 0 && inside.1 == head + inside.0;
        let mut written = Written::default();
        match self.front {
            Cut::Bytes(0) => {}
            Cut::Bytes(n) if n == start => written.start = true,
            Cut::Bytes(n) if is_fixed && n == head => {
                (written.start, written.length) = (true, true);
            }
            Cut::Own if inside.0 > 0 && !is_first => return None,
            Cut::Own => {
                (written.start, written.length) = (true, field.is_some());
                written.checksum_first = is_first;
            }
            Cut::Bytes(n) if is_first && n == inside.1 => {
                (written.start, written.length) = (true, field.is_some());
                written.checksum_first = true;
            }
            Cut::Bytes(_) => return None,
        }
        match self.back {
            Cut::Bytes(0) => {}
            Cut::Own => (written.checksum, written.end) = (tail > 0, true),
            Cut::Bytes(n) if n == end => written.end = true,
            Cut::Bytes(n) if n == tail + end => (written.checksum, written.end) = (true, true),
            Cut::Bytes(_) => return None,
        }
        if let Size::Length(length) = &self.size
            && written.length
            && !length.may_be_written()
        {
            return None;
        }
        written.escapes = matches!(&self.size, Size::End(content) if content.escaping.is_some());
        Some(written)
    }
}

/// The number of a length that stands right behind the start, with nothing but what framing writes in front.
pub(crate) fn own_field(length: &Length, start: usize) -> Option<&Field> {
    match length.fields.as_slice() {
        [field] if field.at == Place::At(start) => Some(field),
        _ => None,
    }
}
