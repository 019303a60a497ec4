//! UTF-8 that arrives in pieces.
//!
//! ```text
//!   piece 1: 68 C3 | piece 2: A9 21      carry after piece 1: C3, after piece 2: nothing
//! ```
//!
//! Invariant: the carry is the beginning of a character, at most three bytes of it, that more bytes can make valid.

use crate::close::{CloseCode, Fault};

/// Validates text piece by piece and fails at the first byte that no continuation can make valid.
#[derive(Debug, Default, Clone, Copy)]
pub struct Utf8 {
    /// The unfinished character at the end of what has been checked.
    carry: [u8; 3],
    /// Bytes of `carry` in use.
    carried: u8,
}

/// The bytes are not UTF-8.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidUtf8;

impl Utf8 {
    /// Whether `bytes` are ASCII, if they are text.
    ///
    /// # Errors
    /// When they are none, or end inside a character.
    #[inline]
    pub fn check_whole(bytes: &[u8]) -> Result<bool, InvalidUtf8> {
        let mut utf8 = Self::default();
        let ascii = utf8.check(bytes)?;
        utf8.is_complete().then_some(ascii).ok_or(InvalidUtf8)
    }

    /// Checks the bytes that follow those checked before. Returns true when each of `bytes` is ASCII.
    ///
    /// # Errors
    /// When no continuation can make them text.
    #[inline]
    pub fn check(&mut self, bytes: &[u8]) -> Result<bool, InvalidUtf8> {
        if self.carried == 0 && bytes.is_ascii() {
            return Ok(true);
        }
        self.check_carefully(bytes)
    }

    /// True when what has been checked does not end inside a character.
    #[inline]
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.carried == 0
    }

    fn check_carefully(&mut self, bytes: &[u8]) -> Result<bool, InvalidUtf8> {
        if bytes.is_empty() {
            return Ok(true);
        }
        let completing = self.complete_carry(bytes)?;
        if self.carried == 0 {
            self.check_from_character(&bytes[completing..])?;
        }
        // ASCII bytes would have failed behind a carry, and were dealt with by the fast path without one.
        Ok(false)
    }

    /// Adds bytes to the carried character until it is complete; returns how many that took. The carry is empty
    /// then, unless `bytes` was too short.
    fn complete_carry(&mut self, bytes: &[u8]) -> Result<usize, InvalidUtf8> {
        let before = usize::from(self.carried);
        if before == 0 {
            return Ok(0);
        }
        let mut character = [0; 4];
        character[..before].copy_from_slice(&self.carry[..before]);
        for (n, &byte) in bytes.iter().enumerate().take(4 - before) {
            let len = before + n + 1;
            character[len - 1] = byte;
            match std::str::from_utf8(&character[..len]) {
                Ok(_) => {
                    self.carried = 0;
                    return Ok(n + 1);
                }
                Err(error) if error.error_len().is_some() => return Err(InvalidUtf8),
                Err(_) => self.carry_over(&character[..len]),
            }
        }
        Ok(bytes.len().min(4 - before))
    }

    /// Checks bytes that begin with a character and carries over an unfinished one at their end.
    fn check_from_character(&mut self, bytes: &[u8]) -> Result<(), InvalidUtf8> {
        match simdutf8::compat::from_utf8(bytes) {
            Ok(_) => Ok(()),
            Err(error) if error.error_len().is_some() => Err(InvalidUtf8),
            Err(error) => {
                self.carry_over(&bytes[error.valid_up_to()..]);
                Ok(())
            }
        }
    }

    fn carry_over(&mut self, beginning: &[u8]) {
        self.carry[..beginning.len()].copy_from_slice(beginning);
        self.carried = beginning.len() as u8;
    }
}

/// What a peer is told whose text is not UTF-8 (RFC 6455 section 8.1).
pub(crate) const INVALID_TEXT: Fault =
    Fault::protocol(CloseCode::INVALID_PAYLOAD, "text is not UTF-8");

impl From<InvalidUtf8> for Fault {
    fn from(_: InvalidUtf8) -> Self {
        INVALID_TEXT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Text of characters of each length, at the borders of the ranges of Unicode.
    const BORDERS: &str = "\0\u{7F}\u{80}\u{7FF}\u{800}\u{D7FF}\u{E000}\u{FFFF}\u{10000}\u{10FFFF}";

    /// Place of the first byte that no continuation can make valid, found without carrying anything over.
    fn first_bad_byte(bytes: &[u8]) -> Option<usize> {
        (0..bytes.len()).find(|&at| {
            std::str::from_utf8(&bytes[..=at]).is_err_and(|error| error.error_len().is_some())
        })
    }

    /// Checks `bytes` in pieces of the lengths `cuts`; the rest is the last piece.
    fn check_in_pieces(bytes: &[u8], cuts: &[usize]) -> Result<bool, InvalidUtf8> {
        let mut utf8 = Utf8::default();
        let mut rest = bytes;
        for &cut in cuts.iter().chain([&usize::MAX]) {
            let (piece, behind) = rest.split_at(cut.min(rest.len()));
            assert_eq!(utf8.check(piece)?, piece.is_ascii(), "{piece:x?}");
            rest = behind;
        }
        Ok(utf8.is_complete())
    }

    #[test]
    fn valid_text_is_valid_wherever_it_is_cut() {
        let bytes = BORDERS.as_bytes();
        for first in 0..=bytes.len() {
            for second in 0..=bytes.len() - first {
                assert_eq!(check_in_pieces(bytes, &[first, second]), Ok(true));
            }
        }
    }

    #[test]
    fn fails_at_the_first_bad_byte() {
        let bad: [&[u8]; 9] = [
            b"\x80",
            b"\xC0\xAF",
            b"\xC3\x28",
            b"\xE0\x80\x80",
            b"\xED\xA0\x80",
            b"\xF0\x80\x80\x80",
            b"\xF4\x90\x80\x80",
            b"\xF5",
            b"ok \xE2\x82ok",
        ];
        for bytes in bad {
            let mut utf8 = Utf8::default();
            let failed_at = bytes.iter().position(|&byte| utf8.check(&[byte]).is_err());
            assert!(failed_at.is_some(), "{bytes:x?}");
            assert_eq!(failed_at, first_bad_byte(bytes), "{bytes:x?}");
        }
    }

    #[test]
    fn unfinished_characters_are_not_complete() {
        for unfinished in [&b"\xC3"[..], b"\xE2\x82", b"\xF0\x9F\x98", b"aa\xF0"] {
            assert_eq!(check_in_pieces(unfinished, &[]), Ok(false));
            assert_eq!(check_in_pieces(unfinished, &[1]), Ok(false));
        }
    }

    proptest! {
        #[test]
        fn agrees_with_std(
            text in "\\PC{0,40}",
            garbage in proptest::collection::vec(any::<u8>(), 0..4),
            at in any::<prop::sample::Index>(),
            cuts in proptest::collection::vec(0usize..9, 0..12),
        ) {
            let mut bytes = text.into_bytes();
            let at = at.index(bytes.len() + 1);
            bytes.splice(at..at, garbage);
            let checked = check_in_pieces(&bytes, &cuts);
            prop_assert_eq!(checked.is_err(), first_bad_byte(&bytes).is_some());
            prop_assert_eq!(checked == Ok(true), std::str::from_utf8(&bytes).is_ok());
        }
    }
}
