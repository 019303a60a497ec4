//! The sequences of bytes that frames begin or end with.
//!
//! None of them begins another one, so that the first place where one begins decides which it is. A search that comes to the
//! end of the bytes says where the next one has to go on: no byte is searched twice, but for those that may begin a mark.

use memchr::{memchr, memchr2};

use crate::bytes::{Bytes, Likeness};

/// Longest start or end, and longest mark in front of a length.
pub(crate) const MAX_MARK: usize = 8;

/// One or more sequences, looked for together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks {
    list: Vec<Vec<u8>>,
    /// The different first bytes of all of them.
    firsts: Vec<u8>,
}

/// What a search has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// A mark, its place and its length.
    Mark { at: usize, len: usize },
    /// None before this place, where the search has to go on when there are more bytes.
    NotBefore(usize),
}

impl Marks {
    /// The sequences must not begin one another.
    pub(crate) fn new(list: Vec<Vec<u8>>) -> Self {
        let mut marks = Self::default();
        for mark in list {
            marks.push(mark);
        }
        marks
    }

    /// One more, unless it is empty.
    pub(crate) fn push(&mut self, mark: Vec<u8>) {
        let Some(first) = mark.first() else {
            return;
        };
        if !self.firsts.contains(first) {
            self.firsts.push(*first);
        }
        self.list.push(mark);
    }

    /// All of them.
    pub(crate) fn list(&self) -> &[Vec<u8>] {
        &self.list
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The one that is written, if any is.
    pub(crate) fn written(&self) -> &[u8] {
        self.list.first().map_or(&[], Vec::as_slice)
    }

    /// The only one, if it is one byte.
    pub(crate) fn single_byte(&self) -> Option<u8> {
        match self.list.as_slice() {
            [mark] if mark.len() == 1 => Some(mark[0]),
            _ => None,
        }
    }

    /// One byte, and that behind another one, if these are the two, as with LF and CRLF: the byte, and the other one.
    pub(crate) fn byte_and_pair(&self) -> Option<(u8, u8)> {
        let mut lists = self.list.iter().map(Vec::as_slice);
        match (lists.next()?, lists.next()?, lists.next()) {
            (&[byte], &[before, last], None) | (&[before, last], &[byte], None) if byte == last => {
                Some((byte, before))
            }
            _ => None,
        }
    }

    pub(crate) fn shortest(&self) -> usize {
        self.list.iter().map(Vec::len).min().unwrap_or_default()
    }

    pub(crate) fn longest(&self) -> usize {
        self.list.iter().map(Vec::len).max().unwrap_or_default()
    }

    /// Length of the mark at `at`, or how far there is one.
    pub(crate) fn at(&self, bytes: &Bytes<'_>, at: usize) -> (Likeness, usize) {
        let mut likeness = Likeness::None;
        for mark in &self.list {
            match bytes.compare(at, mark) {
                Likeness::Full => return (Likeness::Full, mark.len()),
                Likeness::Partial => likeness = Likeness::Partial,
                Likeness::None => {}
            }
        }
        (likeness, 0)
    }

    /// Length of the mark that these bytes end with.
    pub(crate) fn at_end(&self, bytes: &Bytes<'_>) -> Option<usize> {
        let ends_with = |mark: &&Vec<u8>| {
            let at = bytes.len().checked_sub(mark.len());
            at.is_some_and(|at| bytes.compare(at, mark) == Likeness::Full)
        };
        self.list.iter().find(ends_with).map(Vec::len)
    }

    /// The first mark at or behind `from`.
    pub(crate) fn find(&self, bytes: &Bytes<'_>, mut from: usize) -> Found {
        while let Some(at) = self.candidate(bytes, from) {
            match self.at(bytes, at) {
                (Likeness::Full, len) => return Found::Mark { at, len },
                (Likeness::Partial, _) => return Found::NotBefore(at),
                (Likeness::None, _) => from = at + 1,
            }
        }
        Found::NotBefore(bytes.len())
    }

    /// As [`find`](Self::find), where `escape` and the byte behind it are no mark, unless they begin one.
    pub(crate) fn find_unescaped(&self, bytes: &Bytes<'_>, mut from: usize, escape: u8) -> Found {
        while let Some(at) = bytes.find(from, |run| memchr(escape, run)) {
            match self.at(bytes, at) {
                (Likeness::Full, len) => return Found::Mark { at, len },
                (Likeness::None, _) if at + 1 < bytes.len() => from = at + 2,
                _ => return Found::NotBefore(at),
            }
        }
        Found::NotBefore(bytes.len())
    }

    /// The next byte that one of them begins with.
    pub(crate) fn candidate(&self, bytes: &Bytes<'_>, from: usize) -> Option<usize> {
        bytes.find(from, |run| self.first_in(run))
    }

    /// The same in one run.
    pub(crate) fn first_in(&self, run: &[u8]) -> Option<usize> {
        match *self.firsts.as_slice() {
            [a] => memchr(a, run),
            [a, b] => memchr2(a, b, run),
            _ => run.iter().position(|byte| self.firsts.contains(byte)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gev_wire::Input;

    fn find(marks: &[&str], bytes: &str, from: usize) -> Found {
        let marks = Marks::new(marks.iter().map(|mark| mark.as_bytes().to_vec()).collect());
        let whole = marks.find(&Bytes::of(&Input::from(bytes.as_bytes())), from);
        for seam in 0..bytes.len() {
            let (first, second) = bytes.as_bytes().split_at(seam);
            let wrapped = Bytes::of(&Input::new(first, second));
            assert_eq!(marks.find(&wrapped, from), whole, "wrapped at {seam}");
        }
        whole
    }

    #[test]
    fn the_first_place_decides() {
        let mark = |at, len| Found::Mark { at, len };
        assert_eq!(find(&["\n", "\r\n"], "ab\r\n", 0), mark(2, 2));
        assert_eq!(find(&["\n", "\r\n"], "ab\r\n", 3), mark(3, 1));
        assert_eq!(find(&["|", "\0", "\r\n"], "a\r\rb\0", 0), mark(4, 1));
        assert_eq!(find(&["aab"], "aaab", 0), mark(1, 3));
    }

    #[test]
    fn a_search_goes_on_where_a_mark_may_have_begun() {
        assert_eq!(find(&["\r\n"], "ab\r", 0), Found::NotBefore(2));
        assert_eq!(find(&["\r\n"], "a\rb", 0), Found::NotBefore(3));
        assert_eq!(find(&["aab"], "aaa", 0), Found::NotBefore(1));
    }

    #[test]
    fn what_is_escaped_is_no_mark() {
        let marks = Marks::new(vec![vec![0x10, 3]]);
        let find = |bytes: &[u8]| marks.find_unescaped(&Bytes::of(&Input::from(bytes)), 0, 0x10);
        assert_eq!(find(b"\x01\x10\x03"), Found::Mark { at: 1, len: 2 });
        assert_eq!(find(b"\x10\x10\x03\x10"), Found::NotBefore(3));
        let behind = Found::Mark { at: 2, len: 2 };
        assert_eq!(find(b"\x10\x10\x10\x03"), behind);
    }
}
