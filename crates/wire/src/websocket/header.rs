//! What stands in front of the payload of a frame (RFC 6455 section 5.2).
//!
//! ```text
//!   byte 0: FIN RSV1 RSV2 RSV3 opcode(4)      byte 1: MASK length(7)
//!   length 0x7E: 2 bytes of length follow; 0x7F: 8 bytes follow; then, when MASK is set, 4 bytes of key
//! ```

use crate::close::{CloseCode, Fault};

/// Header of a frame that a client has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    /// The frame completes its message.
    pub(crate) fin: bool,
    /// The message that begins with this frame is compressed (RFC 7692 section 6).
    pub(crate) compressed: bool,
    /// What the payload is.
    pub(crate) opcode: OpCode,
    /// Bytes of payload, less than 2^63.
    pub(crate) len: u64,
    /// What the payload is masked with.
    pub(crate) key: [u8; 4],
}

/// What the payload of a frame is (RFC 6455 section 11.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum OpCode {
    /// More of the message before.
    Continuation = 0x0,
    /// Beginning of a text message.
    Text = 0x1,
    /// Beginning of a binary message.
    Binary = 0x2,
    /// Goodbye.
    Close = 0x8,
    /// To be answered with a pong.
    Ping = 0x9,
    /// Answer to a ping, or a sign of life.
    Pong = 0xA,
}

impl OpCode {
    /// Its place in [`FrameCounts`](crate::FrameCounts).
    pub(crate) fn place(self) -> usize {
        let number = self as usize;
        // Between the two kinds of frames there are five numbers that mean nothing.
        if self.is_control() {
            number - 5
        } else {
            number
        }
    }
}

impl FrameHeader {
    /// Bytes of the longest header.
    pub(crate) const MAX_LEN: usize = 14;

    /// As above, of those that a server sends, which have no mask.
    pub(crate) const MAX_SENT_LEN: usize = 10;

    /// Parses a header at the beginning of `bytes`; also returns its length. `None` when `bytes` ends inside it.
    ///
    /// Fails as early as possible: no byte is waited for that could not save the frame. `deflate`: messages may be
    /// compressed.
    #[inline]
    pub(crate) fn parse(bytes: &[u8], deflate: bool) -> Result<Option<(Self, usize)>, Fault> {
        let Some(&byte0) = bytes.first() else {
            return Ok(None);
        };
        let fin = byte0 & FIN != 0;
        let opcode = check_byte0(byte0, deflate)?;
        let Some(&byte1) = bytes.get(1) else {
            return Ok(None);
        };
        // RFC 6455 section 5.1: a server closes the connection when a frame is not masked.
        if byte1 & MASK == 0 {
            return Err(UNMASKED);
        }
        let short = byte1 & !MASK;
        if short > MAX_SHORT && opcode.is_control() {
            return Err(CONTROL_TOO_LONG);
        }
        let (len, len_end) = if short <= MAX_SHORT {
            (u64::from(short), 2)
        } else {
            let Some(long) = parse_long(short, &bytes[2..])? else {
                return Ok(None);
            };
            long
        };
        let Some(&key) = bytes[len_end..].first_chunk() else {
            return Ok(None);
        };
        Ok(Some((
            Self {
                fin,
                compressed: byte0 & RSV1 != 0,
                opcode,
                len,
                key,
            },
            len_end + key.len(),
        )))
    }

    /// Appends the header of an unfragmented, uncompressed frame from the server (so without a mask).
    #[inline]
    pub(crate) fn append(opcode: OpCode, len: u64, out: &mut Vec<u8>) {
        Self::append_bits(FIN | opcode as u8, len, out);
    }

    /// Appends the header of a frame from the server whose first byte is made of [`FIN`], [`RSV1`] and an opcode.
    #[inline]
    pub(crate) fn append_bits(byte0: u8, len: u64, out: &mut Vec<u8>) {
        if len <= u64::from(MAX_SHORT) {
            out.extend_from_slice(&[byte0, len as u8]);
        } else if let Ok(len) = u16::try_from(len) {
            let [high, low] = len.to_be_bytes();
            out.extend_from_slice(&[byte0, LEN_16, high, low]);
        } else {
            let mut header = [byte0, LEN_64, 0, 0, 0, 0, 0, 0, 0, 0];
            header[2..].copy_from_slice(&len.to_be_bytes());
            out.extend_from_slice(&header);
        }
    }
}

impl OpCode {
    /// Control frames may stand between the fragments of a message (RFC 6455 section 5.5).
    #[inline]
    pub(crate) fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }

    fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }
}

#[inline]
fn check_byte0(byte0: u8, deflate: bool) -> Result<OpCode, Fault> {
    // RFC 6455 section 5.2: set by extensions only, if one that uses them was negotiated.
    if byte0 & RSV != 0 && !(deflate && byte0 & RSV == RSV1) {
        return Err(RESERVED_BITS);
    }
    let Some(opcode) = OpCode::from_bits(byte0 & OPCODE) else {
        return Err(RESERVED_OPCODE);
    };
    // RFC 7692 section 6: set in the first frame of a message, and never in a control frame.
    if byte0 & RSV1 != 0 && (opcode.is_control() || opcode == OpCode::Continuation) {
        return Err(RESERVED_BITS);
    }
    // RFC 6455 section 5.5: control frames are not fragmented.
    if opcode.is_control() && byte0 & FIN == 0 {
        return Err(FRAGMENTED_CONTROL);
    }
    Ok(opcode)
}

/// Length of two or eight bytes, and how long the header is up to there.
fn parse_long(short: u8, bytes: &[u8]) -> Result<Option<(u64, usize)>, Fault> {
    let (len, shortest, end) = if short == LEN_16 {
        let Some(&len) = bytes.first_chunk() else {
            return Ok(None);
        };
        (
            u64::from(u16::from_be_bytes(len)),
            u64::from(MAX_SHORT) + 1,
            4,
        )
    } else {
        // The most significant bit must be zero, which can be told from the first byte.
        if bytes.first().is_some_and(|&byte| byte & 0x80 != 0) {
            return Err(LENGTH_TOO_LARGE);
        }
        let Some(&len) = bytes.first_chunk() else {
            return Ok(None);
        };
        (u64::from_be_bytes(len), u64::from(u16::MAX) + 1, 10)
    };
    // The minimal number of bytes must be used to encode the length.
    if len < shortest {
        Err(LENGTH_NOT_MINIMAL)
    } else {
        Ok(Some((len, end)))
    }
}

/// The frame completes its message.
pub(crate) const FIN: u8 = 0x80;
/// The message is compressed.
pub(crate) const RSV1: u8 = 0x40;
const RSV: u8 = 0x70;
const OPCODE: u8 = 0x0F;
const MASK: u8 = 0x80;
/// Longest payload whose length is in byte 1 itself, and of a control frame.
const MAX_SHORT: u8 = 0x7D;
const LEN_16: u8 = 0x7E;
const LEN_64: u8 = 0x7F;

const RESERVED_BITS: Fault = violation("reserved bit set");
const RESERVED_OPCODE: Fault = violation("reserved opcode");
const FRAGMENTED_CONTROL: Fault = violation("fragmented control frame");
const UNMASKED: Fault = violation("frame not masked");
const CONTROL_TOO_LONG: Fault = violation("control frame longer than 125 bytes");
const LENGTH_TOO_LARGE: Fault = violation("frame length of 2^63 or more");
const LENGTH_NOT_MINIMAL: Fault = violation("frame length not minimally encoded");

const fn violation(reason: &'static str) -> Fault {
    Fault::protocol(CloseCode::PROTOCOL_ERROR, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

    fn parsed(bytes: &[u8]) -> (FrameHeader, usize) {
        for cut in 0..bytes.len() {
            assert_eq!(
                FrameHeader::parse(&bytes[..cut], false),
                Ok(None),
                "{cut} bytes"
            );
        }
        FrameHeader::parse(bytes, false).unwrap().unwrap()
    }

    /// Fails with this reason, and already at byte `at`.
    fn fails_at(at: usize, bytes: &[u8], reason: &str) {
        for cut in 0..at {
            assert_eq!(
                FrameHeader::parse(&bytes[..cut], false),
                Ok(None),
                "{bytes:x?} cut at {cut}"
            );
        }
        for cut in at..=bytes.len() {
            let error = FrameHeader::parse(&bytes[..cut], false).unwrap_err();
            assert_eq!(error, violation(error.reason));
            assert!(error.reason.contains(reason), "{bytes:x?}: {error}");
        }
    }

    #[test]
    fn lengths_of_each_form() {
        let short = parsed(&[0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D]);
        assert_eq!(
            short,
            (
                FrameHeader {
                    fin: true,
                    compressed: false,
                    opcode: OpCode::Text,
                    len: 5,
                    key: KEY
                },
                6
            )
        );
        let medium = parsed(&[0x02, 0xFE, 0x00, 0x7E, 0x37, 0xFA, 0x21, 0x3D]);
        let header = FrameHeader {
            fin: false,
            compressed: false,
            opcode: OpCode::Binary,
            len: 0x7E,
            key: KEY,
        };
        assert_eq!(medium, (header, 8));
        let long = parsed(&[0x80, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 0x37, 0xFA, 0x21, 0x3D]);
        let header = FrameHeader {
            fin: true,
            compressed: false,
            opcode: OpCode::Continuation,
            len: 1 << 16,
            key: KEY,
        };
        assert_eq!(long, (header, 14));
        let mut longest = [0xFF; 14];
        longest[0] = 0x82;
        longest[2] = 0x7F;
        assert_eq!(parsed(&longest).0.len, i64::MAX as u64);
    }

    #[test]
    fn violations_are_seen_at_the_first_byte_that_shows_them() {
        for rsv in [0x10, 0x20, 0x40] {
            fails_at(1, &[0x81 | rsv, 0x80, 0, 0, 0, 0], "reserved bit");
        }
        for opcode in (0x3..=0x7).chain(0xB..=0xF) {
            fails_at(1, &[0x80 | opcode, 0x80, 0, 0, 0, 0], "reserved opcode");
        }
        for opcode in 0x8..=0xA {
            fails_at(1, &[opcode, 0x80, 0, 0, 0, 0], "fragmented control");
            fails_at(
                2,
                &[0x80 | opcode, 0xFE, 0, 126, 0, 0, 0, 0],
                "longer than 125",
            );
            fails_at(2, &[0x80 | opcode, 0xFF, 0, 0], "longer than 125");
        }
        fails_at(2, &[0x81, 0x05, 0x48, 0x65], "not masked");
        fails_at(3, &[0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0], "2^63");
    }

    #[test]
    fn lengths_are_minimal() {
        fails_at(4, &[0x82, 0xFE, 0x00, 0x7D, 0, 0, 0, 0], "minimal");
        fails_at(
            10,
            &[0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0],
            "minimal",
        );
    }

    #[test]
    fn headers_from_the_server_are_minimal_and_unmasked() {
        let cases: [(u64, &[u8]); 7] = [
            (0, &[0x81, 0x00]),
            (125, &[0x81, 0x7D]),
            (126, &[0x81, 0x7E, 0x00, 0x7E]),
            (0xFFFF, &[0x81, 0x7E, 0xFF, 0xFF]),
            (0x1_0000, &[0x81, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]),
            (1 << 40, &[0x81, 0x7F, 0, 0, 1, 0, 0, 0, 0, 0]),
            (
                i64::MAX as u64,
                &[0x81, 0x7F, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
            ),
        ];
        for (len, expected) in cases {
            let mut header = Vec::new();
            FrameHeader::append(OpCode::Text, len, &mut header);
            assert_eq!(header, expected);
        }
    }
}
