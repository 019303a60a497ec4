//! What is sent, and what has to come back.
//!
//! ```text
//! outgoing   | header, mask | payload || header, mask | payload || ...      as many as fit in one send
//!                             ^ sequence number, patched before each send
//! expected   | header | payload                                            one echo
//!                       ^ sequence number, patched before each comparison
//! ```
//!
//! Frames are built and masked once. Per message only the sequence number changes, so that a lost, repeated or misrouted
//! echo differs from the expected one; every byte of every echo is compared.
//!
//! Frames on TCP have something else around their payload, and their answer may be another than their echo; it is as fixed.
//!
//! Compressed messages have no sequence number: all are one message that is compressed once, and what is expected is that
//! message without a header, for servers compress it as they like.

use crate::args::Protocol;
use crate::content::Content;
use crate::deflate::{self, EchoCheck, Wrong};
use crate::frame::{self, FrameKind, MASK};
use crate::framing::{Framed, Framing};
use crate::records;

/// The messages of a run, shared by all its connections.
pub(crate) struct Template {
    /// [`in_flight`](Self::new) frames as they go out.
    outgoing: Vec<u8>,
    /// Length of one of them.
    frame_bytes: usize,
    /// Where a frame's sequence number begins.
    sequence_at: usize,
    /// What the letters of the sequence number are combined with, in turns: [`MASK`] from where they begin, or zeros for TCP.
    mask: [u8; 4],
    /// One frame as it comes back; its payload alone when it is compressed.
    expected: Vec<u8>,
    /// Where the sequence number of the expected frame begins.
    expected_sequence_at: usize,
    /// Bytes that hold the sequence number.
    sequence_bytes: usize,
    /// Room for what comes out of an inflater; empty when nothing is compressed.
    scratch: Box<[u8]>,
}

impl Template {
    /// Frames with a payload of `size` bytes, as many as the content needs at least, and at most `in_flight` (at least 1) at
    /// a time.
    pub(crate) fn new(protocol: Protocol, content: Content, size: usize, in_flight: usize) -> Self {
        let kind = content.frame_kind();
        match protocol {
            Protocol::Deflate => return Self::deflate(kind, size, in_flight),
            Protocol::Framed(framing) => return Self::framed(framing, content, size, in_flight),
            Protocol::WebSocket | Protocol::Tcp => {}
        }
        let mut frame = Vec::new();
        let mut expected = Vec::new();
        let mut mask = [0; 4];
        if protocol == Protocol::WebSocket {
            frame::push_client_header(&mut frame, kind, size);
            frame::push_server_header(&mut expected, kind, size);
            mask = MASK;
        }
        let (offset, sequence_bytes) = content.sequence(size);
        let sequence_at = frame.len() + offset;
        let expected_sequence_at = expected.len() + offset;
        let payload = content.payload(size);
        push_masked(&mut frame, &payload, mask);
        expected.extend_from_slice(&payload);
        mask.rotate_left(offset % MASK.len());
        Self {
            frame_bytes: frame.len(),
            outgoing: frame.repeat(in_flight),
            sequence_at,
            mask,
            expected,
            expected_sequence_at,
            sequence_bytes,
            scratch: Box::default(),
        }
    }

    /// Messages of `size` bytes on TCP that the server cuts.
    fn framed(framing: Framing, content: Content, size: usize, in_flight: usize) -> Self {
        let Framed {
            request,
            reply,
            sequence_at,
            sequence_bytes,
        } = framing.framed(content, size);
        Self {
            frame_bytes: request.len(),
            outgoing: request.repeat(in_flight),
            sequence_at,
            mask: [0; 4],
            expected: reply,
            expected_sequence_at: sequence_at,
            sequence_bytes,
            scratch: Box::default(),
        }
    }

    /// Compressed messages of `size` bytes.
    fn deflate(kind: FrameKind, size: usize, in_flight: usize) -> Self {
        let message = records::json(size);
        let packed = deflate::compress(&message);
        let mut frame = Vec::new();
        frame::push_client_header(&mut frame, kind, packed.len());
        frame[0] = kind.compressed_byte0();
        push_masked(&mut frame, &packed, MASK);
        Self {
            frame_bytes: frame.len(),
            outgoing: frame.repeat(in_flight),
            sequence_at: 0,
            mask: MASK,
            expected: message,
            expected_sequence_at: 0,
            sequence_bytes: 0,
            scratch: vec![0; size + SCRATCH_SURPLUS].into_boxed_slice(),
        }
    }

    /// Bytes of one echo that is not compressed.
    pub(crate) fn echo_bytes(&self) -> usize {
        self.expected.len()
    }

    /// `count` frames (at most `in_flight`) with consecutive sequence numbers.
    pub(crate) fn frames(&mut self, first_sequence: u32, count: usize) -> &[u8] {
        let bytes = count * self.frame_bytes;
        let mut sequence = first_sequence;
        for frame in self.outgoing[..bytes].chunks_exact_mut(self.frame_bytes) {
            for index in 0..self.sequence_bytes {
                frame[self.sequence_at + index] = digit(sequence, index) ^ self.mask[index % 4];
            }
            sequence = sequence.wrapping_add(1);
        }
        &self.outgoing[..bytes]
    }

    /// Whether `bytes` are those of the echo with this sequence number, from its byte `offset` on. `bytes` end where the
    /// echo ends, or before.
    pub(crate) fn matches(&mut self, sequence: u32, offset: usize, bytes: &[u8]) -> bool {
        let from = self.expected_sequence_at;
        let field = &mut self.expected[from..from + self.sequence_bytes];
        for (index, byte) in field.iter_mut().enumerate() {
            *byte = digit(sequence, index);
        }
        self.expected[offset..offset + bytes.len()] == *bytes
    }

    /// What [`EchoCheck::take`] says of compressed bytes.
    pub(crate) fn check(
        &mut self,
        check: &mut EchoCheck,
        arrived: &mut &[u8],
    ) -> Result<Option<usize>, Wrong> {
        check.take(arrived, &self.expected, &mut self.scratch)
    }
}

fn push_masked(frame: &mut Vec<u8>, payload: &[u8], mask: [u8; 4]) {
    let bytes = payload.iter().enumerate();
    frame.extend(bytes.map(|(index, byte)| byte ^ mask[index % 4]));
}

/// The sequence number's digits are letters, so that they may stand in a text frame; the lowest comes first, so that
/// short payloads keep what changes.
fn digit(sequence: u32, index: usize) -> u8 {
    b'a' + (sequence >> (4 * index) & 0xf) as u8
}

/// More room than a message needs: one that is too long is noticed, and inflating is faster away from the end.
const SCRATCH_SURPLUS: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deflate::Agreed;

    /// The echo of one outgoing frame, made the slow way.
    fn echo(frame: &[u8], header: usize, server_header: &[u8]) -> Vec<u8> {
        let mask = &frame[header - 4..header];
        let payload = frame[header..]
            .iter()
            .enumerate()
            .map(|(index, byte)| byte ^ mask[index % 4]);
        server_header.iter().copied().chain(payload).collect()
    }

    #[test]
    fn an_unmasked_frame_is_the_expected_echo() {
        let mut template = Template::new(Protocol::WebSocket, Content::Binary, 20, 3);
        let frames = template.frames(0xffff_fffe, 3).to_vec();
        assert_eq!(frames.len(), 3 * 26);
        for (frame, sequence) in frames.chunks(26).zip([0xffff_fffe, 0xffff_ffff, 0]) {
            assert_eq!(frame[..2], [0x82, 0x80 | 20]);
            let echo = echo(frame, 6, &[0x82, 20]);
            assert_eq!(echo.len(), template.echo_bytes());
            assert!(template.matches(sequence, 0, &echo));
            assert!(!template.matches(sequence.wrapping_add(1), 0, &echo));
        }
    }

    #[test]
    fn an_echo_may_arrive_in_any_two_pieces() {
        let mut template = Template::new(Protocol::WebSocket, Content::Text, 126, 1);
        let frame = template.frames(77, 1).to_vec();
        let echo = echo(&frame, 8, &[0x81, 126, 0, 126]);
        for cut in 0..=echo.len() {
            assert!(template.matches(77, 0, &echo[..cut]));
            assert!(template.matches(77, cut, &echo[cut..]));
        }
    }

    #[test]
    fn every_byte_of_an_echo_counts() {
        let mut template = Template::new(Protocol::WebSocket, Content::Binary, 20, 1);
        let frame = template.frames(5, 1).to_vec();
        let echo = echo(&frame, 6, &[0x82, 20]);
        for index in 0..echo.len() {
            let mut wrong = echo.clone();
            wrong[index] ^= 1;
            assert!(!template.matches(5, 0, &wrong), "byte {index}");
        }
    }

    #[test]
    fn text_is_ascii() {
        let mut template = Template::new(Protocol::WebSocket, Content::Text, 100, 1);
        let frame = template.frames(0x0123_4567, 1).to_vec();
        let echo = echo(&frame, 6, &[0x81, 100]);
        assert!(echo[2..].iter().all(u8::is_ascii_lowercase));
        assert_eq!(&echo[2..10], b"hgfedcba");
    }

    #[test]
    fn the_sequence_number_may_stand_further_back() {
        let mut template = Template::new(Protocol::WebSocket, Content::Json, 300, 1);
        let frame = template.frames(0x0123_4567, 1).to_vec();
        let echo = echo(&frame, 8, &[0x81, 126, 1, 44]);
        assert!(echo[4..].starts_with(br#"{"key":"hgfedcba","room""#));
        assert!(template.matches(0x0123_4567, 0, &echo));
        assert!(!template.matches(0x0123_4568, 0, &echo));
    }

    #[test]
    fn a_compressed_frame_is_its_own_echo_but_for_the_mask() {
        let mut template = Template::new(Protocol::Deflate, Content::Text, 1024, 2);
        let frames = template.frames(3, 2).to_vec();
        let (frame, second) = frames.split_at(frames.len() / 2);
        assert_eq!(frame, second);
        assert_eq!(frame[..2], [0xc1, 0x80 | 126]);
        let echo = echo(frame, 8, &[&[0xc1, 126], &frame[2..4]].concat());
        let agreed = Agreed::parse("permessage-deflate").unwrap();
        let mut check = EchoCheck::new(agreed, FrameKind::Text);
        for _ in 0..2 {
            let mut arrived = &echo[..];
            assert_eq!(
                template.check(&mut check, &mut arrived),
                Ok(Some(echo.len()))
            );
            assert!(arrived.is_empty());
        }
    }

    #[test]
    fn tcp_has_the_payload_only() {
        for size in 1..=10 {
            let mut template = Template::new(Protocol::Tcp, Content::Binary, size, 2);
            let frames = template.frames(9, 2).to_vec();
            assert_eq!(frames.len(), 2 * size);
            assert_eq!(template.echo_bytes(), size);
            assert!(template.matches(9, 0, &frames[..size]));
            assert!(template.matches(10, 0, &frames[size..]));
            assert!(!template.matches(10, 0, &frames[..size]));
        }
    }
    #[test]
    fn frames_on_tcp_have_a_sequence_number_where_they_may() {
        for (framing, bytes) in [(Framing::LengthPrefixed, 24), (Framing::Lines, 21)] {
            let protocol = Protocol::Framed(framing);
            let mut template = Template::new(protocol, Content::Text, 20, 2);
            let frames = template.frames(9, 2).to_vec();
            assert_eq!(frames.len(), 2 * bytes);
            assert!(template.matches(9, 0, &frames[..bytes]));
            assert!(template.matches(10, 0, &frames[bytes..]));
            assert!(!template.matches(10, 0, &frames[..bytes]));
        }
        let protocol = Protocol::Framed(Framing::Jt808);
        let mut template = Template::new(protocol, Content::Binary, 60, 2);
        let frames = template.frames(9, 2).to_vec();
        assert_eq!(template.echo_bytes(), 65);
        assert!(template.matches(9, 0, &frames[..65]));
        assert!(template.matches(10, 0, &frames[65..]));
    }

    #[test]
    fn an_answer_may_be_another_than_an_echo() {
        let protocol = Protocol::Framed(Framing::Resp);
        let mut template = Template::new(protocol, Content::Binary, 20, 3);
        assert_eq!(template.frames(7, 3), b"*1\r\n$4\r\nPING\r\n".repeat(3));
        assert_eq!(template.echo_bytes(), 7);
        assert!(template.matches(7, 0, b"+PONG\r\n"));
        assert!(!template.matches(7, 0, b"+PING\r\n"));
    }
}
