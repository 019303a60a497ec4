//! The client's opening handshake (RFC 6455 section 4.2.1): an HTTP request that asks to upgrade.
//!
//! ```text
//!   input:  CRLF | GET /chat HTTP/1.1 CRLF Host: ... CRLF ... CRLF CRLF | frames
//!      empty lines |<--- line --->|                               ^ end of the head
//!                  |<------- searched ------->|
//! ```
//!
//! Invariant: the head stays in the input until it has been answered, and no byte of it is searched for its end twice
//! (but for the three that an end may have begun with).

use std::borrow::Cow;

use crate::input::Input;
use crate::websocket::Config;
use crate::websocket::response::Answer;

use request_line::RequestLine;
use verdict::{judge, refuse};

mod body;
mod fault;
mod headers;
mod request_line;
mod target;
mod verdict;

pub(crate) use verdict::Verdict;

/// A handshake that waits for the end of the request's head.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handshake {
    /// Empty lines that came before it.
    empty_lines: u8,
    line: RequestLine,
    /// It has been judged, and the verdict cannot be carried out yet.
    is_judged: bool,
    /// Bytes at the beginning of the input that the end of the head does not begin in.
    searched: usize,
}

impl Handshake {
    /// Judges the request at the beginning of `input`, of which only empty lines in front of it are consumed.
    pub(crate) fn examine(&mut self, input: &mut Input<'_>, config: &Config) -> Verdict {
        let verdict = self.examine_head(input, config);
        self.is_judged = !matches!(verdict, Verdict::NeedMore);
        verdict
    }

    /// What a client is told that has come no further in time; nothing if it has not begun.
    pub(crate) fn time_out(&self) -> Option<Answer> {
        if self.is_judged {
            return Some(Answer::NOT_ANSWERED);
        }
        self.line.has_begun().then_some(Answer::REQUEST_TIMEOUT)
    }

    fn examine_head(&mut self, input: &mut Input<'_>, config: &Config) -> Verdict {
        if !self.skip_empty_lines(input) {
            return Verdict::NeedMore;
        }
        if let Err(reason) = self.line.examine(input, config.max_header_bytes) {
            return refuse(Answer::bad_request(reason));
        }
        let Some(head_len) = self.find_end(input) else {
            return if input.len() < config.max_header_bytes {
                Verdict::NeedMore
            } else {
                refuse(Answer::head_too_large("head of the request too large"))
            };
        };
        if head_len > config.max_header_bytes {
            return refuse(Answer::head_too_large("head of the request too large"));
        }
        judge(&head(input, head_len), config)
    }

    /// RFC 9112 section 2.2: empty lines in front of a request are ignored, here up to a few. False when the next byte has to
    /// say whether there is another one.
    fn skip_empty_lines(&mut self, input: &mut Input<'_>) -> bool {
        let mut line = [0; EMPTY_LINE.len()];
        while self.empty_lines < MAX_EMPTY_LINES {
            let len = input.peek_into(&mut line);
            let begun = &line[..len];
            if begun != EMPTY_LINE {
                return len == 0 || !EMPTY_LINE.starts_with(begun);
            }
            input.consume(EMPTY_LINE.len());
            self.empty_lines += 1;
        }
        true
    }

    /// Length of the head, which ends with an empty line.
    fn find_end(&mut self, input: &Input<'_>) -> Option<usize> {
        let (first, second) = (input.first(), input.second());
        if let Some(at) = find_end_in(first, self.searched) {
            self.searched = at;
            return Some(at + END.len());
        }
        // Where an end could lie in both runs, there are at most three bytes of it on either side.
        let seam_at = first.len().saturating_sub(END.len() - 1);
        let mut seam = [0; 2 * (END.len() - 1)];
        let mut around_seam = *input;
        around_seam.consume(seam_at);
        let seam_len = around_seam.peek_into(&mut seam);
        if let Some(at) = find_end_in(&seam[..seam_len], self.searched.saturating_sub(seam_at)) {
            self.searched = seam_at + at;
            return Some(seam_at + at + END.len());
        }
        if let Some(at) = find_end_in(second, self.searched.saturating_sub(first.len())) {
            self.searched = first.len() + at;
            return Some(first.len() + at + END.len());
        }
        self.searched = input.len().saturating_sub(END.len() - 1);
        None
    }
}

/// The head in one piece.
fn head<'a>(input: &Input<'a>, head_len: usize) -> Cow<'a, [u8]> {
    if let Some(head) = input.first().get(..head_len) {
        return Cow::Borrowed(head);
    }
    let mut head = vec![0; head_len];
    input.peek_into(&mut head);
    Cow::Owned(head)
}

/// Place of the first end of a head at or behind `from`.
fn find_end_in(bytes: &[u8], from: usize) -> Option<usize> {
    let found = bytes
        .get(from..)?
        .windows(END.len())
        .position(|window| window == END);
    found.map(|at| from + at)
}

const EMPTY_LINE: &[u8] = b"\r\n";

/// Who sends more of them in front of a request is none who will send one.
const MAX_EMPTY_LINES: u8 = 8;

/// RFC 9112 section 2.1: an empty line ends the head.
const END: &[u8] = b"\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    #[test]
    fn the_end_is_found_wherever_the_input_is_cut_and_wraps() {
        for wrap in 0..=REQUEST.len() {
            let mut handshake = Handshake::default();
            for len in 0..REQUEST.len() {
                let (first, second) = REQUEST[..len].split_at(wrap.min(len));
                assert_eq!(handshake.find_end(&Input::new(first, second)), None);
                assert_eq!(
                    handshake.searched,
                    len.saturating_sub(3),
                    "searched again next time"
                );
            }
            let (first, second) = REQUEST.split_at(wrap);
            for _ in 0..2 {
                let found = handshake.find_end(&Input::new(first, second));
                assert_eq!(found, Some(REQUEST.len()));
            }
        }
    }

    #[test]
    fn only_the_first_end_counts() {
        let twice = [REQUEST, REQUEST].concat();
        for wrap in 0..=twice.len() {
            let (first, second) = twice.split_at(wrap);
            let found = Handshake::default().find_end(&Input::new(first, second));
            assert_eq!(found, Some(REQUEST.len()));
        }
    }
}
