//! The payload of close frames (RFC 6455 sections 5.5.1 and 7.4): nothing, or a code of two bytes and a reason.

use crate::close::{Close, CloseCode, Fault};
use crate::websocket::header::{FrameHeader, OpCode};

/// Reads the payload of the peer's close frame.
pub(crate) fn parse(payload: &[u8]) -> Result<Close, Fault> {
    if payload.is_empty() {
        return Ok(Close::new(CloseCode::NO_STATUS, ""));
    }
    let Some((&code, reason)) = payload.split_first_chunk() else {
        return Err(CODE_CUT);
    };
    let code = CloseCode::from(u16::from_be_bytes(code));
    if !code.may_travel() {
        return Err(CODE_INVALID);
    }
    match std::str::from_utf8(reason) {
        Ok(reason) => Ok(Close::new(code, reason)),
        Err(_) => Err(REASON_INVALID),
    }
}

/// Appends a close frame. A code that must not travel, such as 1005, becomes a frame without payload; of a long
/// reason as many characters are kept as fit.
pub(crate) fn append(code: CloseCode, reason: &str, out: &mut Vec<u8>) {
    if !code.may_travel() {
        FrameHeader::append(OpCode::Close, 0, out);
        return;
    }
    let reason = truncate(reason, MAX_REASON).as_bytes();
    FrameHeader::append(OpCode::Close, 2 + reason.len() as u64, out);
    out.extend_from_slice(&code.get().to_be_bytes());
    out.extend_from_slice(reason);
}

/// As many whole characters from the beginning of `text` as fit into `max` bytes.
fn truncate(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Bytes of the longest reason: a control frame has at most 125, two of which are the code.
const MAX_REASON: usize = 123;

const CODE_CUT: Fault = Fault::protocol(CloseCode::PROTOCOL_ERROR, "close frame of one byte");
const CODE_INVALID: Fault = Fault::protocol(CloseCode::PROTOCOL_ERROR, "invalid close code");
const REASON_INVALID: Fault =
    Fault::protocol(CloseCode::INVALID_PAYLOAD, "close reason is not UTF-8");

#[cfg(test)]
mod tests {
    use super::*;

    fn appended(code: u16, reason: &str) -> Vec<u8> {
        let mut out = Vec::new();
        append(code.into(), reason, &mut out);
        out
    }

    #[test]
    fn what_is_written_can_be_read() {
        for (code, reason) in [(1000, ""), (1001, "going"), (4999, "caf\u{e9}")] {
            let frame = appended(code, reason);
            assert_eq!(frame[0], 0x88);
            assert_eq!(usize::from(frame[1]), frame.len() - 2);
            assert_eq!(parse(&frame[2..]), Ok(Close::new(code, reason)));
        }
        assert_eq!(parse(&[]), Ok(Close::new(1005, "")));
    }

    #[test]
    fn codes_that_must_not_travel_become_an_empty_payload() {
        for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
            assert_eq!(appended(code, "reason"), [0x88, 0x00]);
        }
    }

    #[test]
    fn long_reasons_are_cut_between_characters() {
        assert_eq!(appended(1000, &"x".repeat(123)).len(), 127);
        assert_eq!(appended(1000, &"x".repeat(124)).len(), 127);
        // The character of two bytes at 122 does not fit any more.
        let frame = appended(1000, &format!("{}\u{e9}", "x".repeat(122)));
        assert_eq!(parse(&frame[2..]), Ok(Close::new(1000, "x".repeat(122))));
        let frame = appended(1000, &"\u{1F600}".repeat(40));
        assert_eq!(
            parse(&frame[2..]),
            Ok(Close::new(1000, "\u{1F600}".repeat(30)))
        );
    }

    #[test]
    fn bad_payloads() {
        assert_eq!(parse(&[0x03]), Err(CODE_CUT));
        assert_eq!(parse(&[0x03, 0xED]), Err(CODE_INVALID));
        assert_eq!(parse(&[0x03, 0xE8, 0xFF]), Err(REASON_INVALID));
        assert_eq!(parse(&[0x03, 0xE8, 0xC3]), Err(REASON_INVALID));
    }
}
