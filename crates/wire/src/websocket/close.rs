//! The payload of close frames (RFC 6455 sections 5.5.1 and 7.4): nothing, or a code of two bytes and a reason.

use crate::protocol::{Close, ProtocolError};
use crate::websocket::header::{FrameHeader, OpCode};
use crate::websocket::{INVALID_PAYLOAD, NO_STATUS, PROTOCOL_ERROR};

/// Reads the payload of the peer's close frame.
pub(crate) fn parse(payload: &[u8]) -> Result<Close, ProtocolError> {
    if payload.is_empty() {
        return Ok(Close::new(NO_STATUS, ""));
    }
    let Some((&code, reason)) = payload.split_first_chunk() else {
        return Err(CODE_CUT);
    };
    let code = u16::from_be_bytes(code);
    if !may_travel(code) {
        return Err(CODE_INVALID);
    }
    match std::str::from_utf8(reason) {
        Ok(reason) => Ok(Close::new(code, reason)),
        Err(_) => Err(REASON_INVALID),
    }
}

/// Appends a close frame. A code that must not travel, such as 1005, becomes a frame without payload; of a long
/// reason as many characters are kept as fit.
pub(crate) fn append(code: u16, reason: &str, out: &mut Vec<u8>) {
    if !may_travel(code) {
        FrameHeader::append(OpCode::Close, 0, out);
        return;
    }
    let reason = truncate(reason, MAX_REASON).as_bytes();
    FrameHeader::append(OpCode::Close, 2 + reason.len() as u64, out);
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(reason);
}

/// True for the codes that may be in a close frame (RFC 6455 section 7.4, and the IANA registry for 1012 to 1014).
///
/// Not among them are 1004 (reserved), 1005, 1006 and 1015 (they stand for the lack of a close frame or of a code in
/// it), and what is not registered below 3000.
pub(crate) fn may_travel(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
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

const CODE_CUT: ProtocolError = ProtocolError {
    code: PROTOCOL_ERROR,
    reason: "close frame of one byte",
};
const CODE_INVALID: ProtocolError = ProtocolError {
    code: PROTOCOL_ERROR,
    reason: "invalid close code",
};
const REASON_INVALID: ProtocolError = ProtocolError {
    code: INVALID_PAYLOAD,
    reason: "close reason is not UTF-8",
};

#[cfg(test)]
mod tests {
    use super::*;

    fn appended(code: u16, reason: &str) -> Vec<u8> {
        let mut out = Vec::new();
        append(code, reason, &mut out);
        out
    }

    #[test]
    fn codes_that_may_travel() {
        let codes: Vec<u16> = (0..=u16::MAX).filter(|&code| may_travel(code)).collect();
        let low: Vec<u16> = codes.iter().copied().filter(|&code| code < 3000).collect();
        assert_eq!(
            low,
            [
                1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014
            ]
        );
        assert_eq!(codes.len() - low.len(), 2000);
        assert!(may_travel(3000) && may_travel(4999) && !may_travel(5000));
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
