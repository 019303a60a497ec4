//! permessage-deflate (RFC 7692), the client's side: what is offered, one compressed message, and the check of its echoes.
//!
//! ```text
//!   message --deflate, sync flush--> payload 00 00 FF FF      once; the last four bytes are not sent
//!   echo    header | payload  + 00 00 FF FF --inflate--> compared with the message, as it arrives
//! ```
//!
//! The message refers to nothing before it, which is always allowed; so the same frame can be sent over and over.

use std::fmt;

use zlib_rs::{Deflate, DeflateFlush, Inflate, InflateFlush};

use crate::frame::FrameKind;

/// What a request's Sec-WebSocket-Extensions says: the same as browsers do.
pub(crate) const OFFER: &str = "permessage-deflate; client_max_window_bits";

/// What the server has answered to [`OFFER`], as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Agreed {
    /// The server's messages do not refer to those before them.
    pub(crate) server_no_context_takeover: bool,
    /// How far back ours may refer, as a power of two.
    pub(crate) client_max_window_bits: u8,
}

/// Checks the compressed echoes of one connection.
pub(crate) struct EchoCheck {
    inflater: Inflate,
    /// Whether the inflater has to forget each message.
    forgets: bool,
    frame: FrameKind,
    header: [u8; MAX_HEADER],
    /// Bytes of the header that have arrived.
    header_len: usize,
    /// Bytes of the payload that are missing, once the header is complete.
    missing: usize,
    /// Bytes of the frame that have arrived.
    bytes: usize,
    /// Bytes of the message that have come out and were right.
    inflated: usize,
}

/// Why what has arrived is not the compressed echo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It does not begin as one frame of a compressed message does.
    Frame { byte0: u8 },
    /// It cannot be inflated.
    Data,
    /// It is another message from this byte on, or ends there.
    Message { offset: usize },
}

/// The server wants messages to be compressed with a window of so many bits, and ours were not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SmallWindow(u8);

impl Agreed {
    /// Reads the value of a response's Sec-WebSocket-Extensions; `None` when it is no answer to [`OFFER`].
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let mut parts = value.split(';').map(str::trim);
        if parts.next() != Some("permessage-deflate") {
            return None;
        }
        let mut agreed = Self {
            server_no_context_takeover: false,
            client_max_window_bits: MAX_WINDOW_BITS,
        };
        for part in parts {
            match part.split_once('=') {
                None if part == "server_no_context_takeover" => {
                    agreed.server_no_context_takeover = true;
                }
                None if part == "client_no_context_takeover" => {}
                Some(("client_max_window_bits", bits)) => {
                    agreed.client_max_window_bits = window_bits(bits)?;
                }
                Some(("server_max_window_bits", bits)) => {
                    window_bits(bits)?;
                }
                _ => return None,
            }
        }
        Some(agreed)
    }
}

impl EchoCheck {
    /// For a connection on which messages of `size` bytes are sent: none where compression was not agreed on.
    pub(crate) fn wanted(
        agreed: Option<Agreed>,
        frame: FrameKind,
        size: usize,
    ) -> Result<Option<Self>, SmallWindow> {
        let Some(agreed) = agreed else {
            return Ok(None);
        };
        // A message that is no longer than the window does not refer further back, whatever it is.
        if agreed.client_max_window_bits < MAX_WINDOW_BITS
            && size > 1 << agreed.client_max_window_bits
        {
            return Err(SmallWindow(agreed.client_max_window_bits));
        }
        Ok(Some(Self::new(agreed, frame)))
    }

    /// For echoes in frames of this kind.
    pub(crate) fn new(agreed: Agreed, frame: FrameKind) -> Self {
        Self {
            // The largest window suits every server.
            inflater: Inflate::new(false, MAX_WINDOW_BITS),
            forgets: agreed.server_no_context_takeover,
            frame,
            header: [0; MAX_HEADER],
            header_len: 0,
            missing: 0,
            bytes: 0,
            inflated: 0,
        }
    }

    /// Takes from the beginning of `arrived` what belongs to the echo of `message`; returns the length of the echo's
    /// frame when that was its end. `scratch` is longer than the message.
    pub(crate) fn take(
        &mut self,
        arrived: &mut &[u8],
        message: &[u8],
        scratch: &mut [u8],
    ) -> Result<Option<usize>, Wrong> {
        let before = arrived.len();
        let has_header = self.take_header(arrived)?;
        if has_header {
            let (part, rest) = arrived.split_at(self.missing.min(arrived.len()));
            *arrived = rest;
            self.missing -= part.len();
            self.inflate(part, message, scratch)?;
        }
        self.bytes += before - arrived.len();
        if !has_header || self.missing > 0 {
            return Ok(None);
        }
        self.inflate(&TAIL, message, scratch)?;
        if self.inflated < message.len() {
            let offset = self.inflated;
            return Err(Wrong::Message { offset });
        }
        if self.forgets {
            self.inflater.reset(false);
        }
        self.header_len = 0;
        self.inflated = 0;
        Ok(Some(std::mem::take(&mut self.bytes)))
    }

    /// True when the header is complete.
    fn take_header(&mut self, arrived: &mut &[u8]) -> Result<bool, Wrong> {
        if self.header_len == self.header_bytes() {
            return Ok(true);
        }
        while let Some((&byte, rest)) = arrived.split_first() {
            *arrived = rest;
            self.header[self.header_len] = byte;
            self.header_len += 1;
            if byte != self.frame.compressed_byte0() && self.header_len == 1 {
                return Err(Wrong::Frame { byte0: byte });
            }
            if self.header_len == self.header_bytes() {
                self.missing = self.payload_bytes();
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Length of the header, as far as can be told.
    fn header_bytes(&self) -> usize {
        match (self.header_len, self.header[1]) {
            (0 | 1, _) => 2,
            (_, 126) => 4,
            (_, 127) => MAX_HEADER,
            _ => 2,
        }
    }

    /// Length of the payload, by the complete header (RFC 6455 section 5.2). A server's frame is not masked.
    fn payload_bytes(&self) -> usize {
        match self.header_len {
            2 => self.header[1].into(),
            len => self.header[2..len]
                .iter()
                .fold(0, |length, &byte| length << 8 | usize::from(byte)),
        }
    }

    fn inflate(
        &mut self,
        mut packed: &[u8],
        message: &[u8],
        scratch: &mut [u8],
    ) -> Result<(), Wrong> {
        while !packed.is_empty() {
            let (taken, written) = (self.inflater.total_in(), self.inflater.total_out());
            self.inflater
                .decompress(packed, scratch, InflateFlush::SyncFlush)
                .map_err(|_| Wrong::Data)?;
            let taken = (self.inflater.total_in() - taken) as usize;
            let written = (self.inflater.total_out() - written) as usize;
            if taken == 0 && written == 0 {
                return Err(Wrong::Data);
            }
            packed = &packed[taken..];
            let offset = self.inflated;
            self.inflated += written;
            if message.get(offset..self.inflated) != Some(&scratch[..written]) {
                return Err(Wrong::Message { offset });
            }
        }
        Ok(())
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame { byte0 } => write!(
                f,
                "an echo that is not one compressed frame of its kind: it begins with {byte0:#04x}"
            ),
            Self::Data => write!(f, "an echo that cannot be inflated"),
            Self::Message { offset } => {
                write!(f, "a wrong echo: not the message, behind byte {offset}")
            }
        }
    }
}

impl fmt::Display for SmallWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the server wants client_max_window_bits={}, too few for this size",
            self.0
        )
    }
}

impl std::error::Error for SmallWindow {}

/// `message` as the payload of a compressed frame (RFC 7692 section 7.2.1).
pub(crate) fn compress(message: &[u8]) -> Vec<u8> {
    let mut deflater = Deflate::new(LEVEL, false, MAX_WINDOW_BITS);
    let mut packed = vec![0; message.len() + message.len() / 8 + 64];
    deflater
        .compress(message, &mut packed, DeflateFlush::SyncFlush)
        .expect("Bug: these settings are valid");
    packed.truncate(deflater.total_out() as usize);
    assert!(packed.ends_with(&TAIL), "Bug: there was too little room");
    packed.truncate(packed.len() - TAIL.len());
    packed
}

/// RFC 7692 section 7.1.2: 8 to 15.
fn window_bits(value: &str) -> Option<u8> {
    value.parse().ok().filter(|bits| (8..=15).contains(bits))
}

/// RFC 7692 section 7.2.1: what a sync flush ends with, and what is not sent.
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// zlib's and thus browsers' default.
const LEVEL: i32 = 6;

const MAX_WINDOW_BITS: u8 = 15;

/// Most bytes of a server's header.
const MAX_HEADER: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Agreed = Agreed {
        server_no_context_takeover: false,
        client_max_window_bits: 15,
    };
    const FORGETFUL: Agreed = Agreed {
        server_no_context_takeover: true,
        ..PLAIN
    };

    /// A server that compresses `messages`, each but the first with the history of those before it.
    fn echoes(messages: &[&[u8]]) -> Vec<u8> {
        let mut deflater = Deflate::new(1, false, 15);
        let mut frames = Vec::new();
        for message in messages {
            let mut packed = vec![0; message.len() + 64];
            let before = deflater.total_out();
            deflater
                .compress(message, &mut packed, DeflateFlush::SyncFlush)
                .unwrap();
            packed.truncate((deflater.total_out() - before) as usize - TAIL.len());
            push_frame(&mut frames, &packed);
        }
        frames
    }

    fn push_frame(frames: &mut Vec<u8>, payload: &[u8]) {
        let at = frames.len();
        crate::frame::push_server_header(frames, FrameKind::Text, payload.len());
        frames[at] = FrameKind::Text.compressed_byte0();
        frames.extend_from_slice(payload);
    }

    /// Takes `frames` in pieces of `step` bytes; returns the lengths of the echoes.
    fn check(
        agreed: Agreed,
        frames: &[u8],
        message: &[u8],
        step: usize,
    ) -> Result<Vec<usize>, Wrong> {
        let mut check = EchoCheck::new(agreed, FrameKind::Text);
        let mut scratch = vec![0; message.len() + 1];
        let mut lengths = Vec::new();
        for mut piece in frames.chunks(step) {
            while !piece.is_empty() {
                lengths.extend(check.take(&mut piece, message, &mut scratch)?);
            }
        }
        Ok(lengths)
    }

    #[test]
    fn answers_are_read() {
        for (value, no_takeover, bits) in [
            ("permessage-deflate", false, 15),
            ("permessage-deflate; server_no_context_takeover", true, 15),
            (
                "permessage-deflate;client_no_context_takeover; client_max_window_bits=10",
                false,
                10,
            ),
            (
                "permessage-deflate; server_max_window_bits=9; server_no_context_takeover",
                true,
                15,
            ),
        ] {
            let expected = Agreed {
                server_no_context_takeover: no_takeover,
                client_max_window_bits: bits,
            };
            assert_eq!(Agreed::parse(value), Some(expected), "{value}");
        }
        for value in [
            "",
            "x-webkit-deflate-frame",
            "permessage-deflate; no_such_parameter",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; client_max_window_bits=16",
            "permessage-deflate, permessage-deflate",
        ] {
            assert_eq!(Agreed::parse(value), None, "{value}");
        }
    }

    #[test]
    fn a_small_window_allows_small_messages() {
        let small = Agreed {
            client_max_window_bits: 10,
            ..PLAIN
        };
        let wanted = |agreed, size| {
            EchoCheck::wanted(agreed, FrameKind::Text, size).map(|check| check.is_some())
        };
        assert_eq!(wanted(Some(small), 1024), Ok(true));
        assert_eq!(wanted(Some(small), 1025), Err(SmallWindow(10)));
        assert_eq!(wanted(Some(PLAIN), 1 << 20), Ok(true));
        assert_eq!(wanted(None, 1 << 20), Ok(false));
    }

    #[test]
    fn what_is_compressed_is_its_own_echo() {
        for size in [1, 100, 125, 1024, 70_000] {
            let message = crate::records::json(size);
            let mut frame = Vec::new();
            push_frame(&mut frame, &compress(&message));
            let twice = frame.repeat(2);
            for agreed in [PLAIN, FORGETFUL] {
                assert_eq!(
                    check(agreed, &twice, &message, 4096),
                    Ok(vec![frame.len(); 2]),
                    "{size} bytes"
                );
            }
        }
    }

    #[test]
    fn echoes_may_refer_to_those_before_and_arrive_in_any_pieces() {
        let message = crate::records::json(300);
        let frames = echoes(&[&message[..]; 3]);
        for step in 1..=frames.len() {
            let lengths = check(PLAIN, &frames, &message, step).unwrap();
            assert_eq!(lengths.len(), 3, "step {step}");
            assert!(lengths[1] < lengths[0] / 2, "the history is used");
            assert_eq!(lengths.iter().sum::<usize>(), frames.len());
        }
    }

    #[test]
    fn a_server_that_has_promised_not_to_refers_to_nothing() {
        let message = crate::records::json(300);
        let frames = echoes(&[&message[..]; 2]);
        assert!(check(FORGETFUL, &frames, &message, 4096).is_err());
    }

    #[test]
    fn every_byte_of_a_message_counts() {
        let message = crate::records::json(300);
        for index in 0..message.len() {
            let mut other = message.clone();
            other[index] ^= 1;
            let frames = echoes(&[&other]);
            for step in [1, 4096] {
                assert!(matches!(
                    check(PLAIN, &frames, &message, step),
                    Err(Wrong::Message { offset }) if offset <= index
                ));
            }
        }
    }

    #[test]
    fn a_message_that_is_longer_or_shorter_is_wrong() {
        let message = crate::records::json(300);
        let longer = [&message[..], b" "].concat();
        for other in [&message[..299], &longer, b""] {
            assert!(matches!(
                check(PLAIN, &echoes(&[other]), &message, 4096),
                Err(Wrong::Message { .. })
            ));
        }
    }

    #[test]
    fn only_one_compressed_frame_is_an_echo() {
        let message = crate::records::json(100);
        let right = echoes(&[&message]);
        // Not compressed, binary, not final, a ping.
        for byte0 in [0x81, 0xc2, 0x41, 0x89] {
            let mut frame = right.clone();
            frame[0] = byte0;
            assert_eq!(
                check(PLAIN, &frame, &message, 4096),
                Err(Wrong::Frame { byte0 })
            );
        }
    }

    #[test]
    fn garbage_cannot_be_inflated() {
        let mut frame = Vec::new();
        push_frame(&mut frame, &[0xff; 20]);
        assert_eq!(
            check(PLAIN, &frame, &crate::records::json(100), 4096),
            Err(Wrong::Data)
        );
    }
}
