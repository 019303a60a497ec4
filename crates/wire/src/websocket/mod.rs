//! WebSocket, the server's side (RFC 6455).
//!
//! ```text
//!   Handshake --101--> Header <--> Payload        Header --peer's close frame--> Answering --ours--> Ended
//!       |                 |           |             `--(ours was sent before)--------------------------^
//!       |                 `-----------`--peer broke the rules--> Failed
//!       `--any other answer--> Ended
//! ```
//!
//! No subprotocol and no extension is negotiated: what the client offers is left unanswered.
//!
//! Invariants: nothing is sent behind our close frame, and it is sent once; the peer's is not answered before the caller
//! says so, as what it has to send comes first; nothing is delivered behind our close frame
//! or the peer's; no connection has heap memory of its own unless a message is half way.

use std::sync::Arc;

use crate::input::Input;
use crate::protocol::{Close, Decoded, MessageKind, PART_BYTES, Protocol, ProtocolError, Sink};

use handshake::{Handshake, Verdict};
use header::{FrameHeader, OpCode};
use message::{Message, Progress};

mod close;
mod handshake;
mod header;
mod mask;
mod message;
mod response;
mod utf8;

pub use mask::copy_unmasked;

/// One connection's WebSocket codec.
#[derive(Debug)]
pub struct WebSocket {
    config: Arc<Config>,
    stage: Stage,
    /// The sink has accepted the opening.
    open: bool,
    /// Our close frame has been written: the last thing that we send.
    close_sent: bool,
    message: Message,
}

/// Limits and settings that the connections of a server share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Largest message in bytes of payload, all fragments together. Default 16 MiB; 0 for no limit.
    pub max_message_bytes: u64,
    /// Most frames that one message may consist of, empty ones included. Default 16384; 0 for no limit.
    pub max_fragments: u32,
    /// Largest head of a request, from the method to the empty line. Default 16 KiB. There has to be room for as
    /// many bytes wherever the caller keeps what `decode` leaves in the input.
    pub max_header_bytes: usize,
    /// Most header lines of a request. Default 100.
    pub max_headers: usize,
    /// HTML that answers plain HTTP requests for `/`. Default `None`: they are told to upgrade.
    pub page: Option<Vec<u8>>,
}

/// What the next byte of input belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The request.
    Handshake(Handshake),
    /// The header of a frame, or a whole control frame.
    Header,
    /// The payload of a data frame.
    Payload,
    /// Nothing: the peer has closed with this code, and our answer has not been written.
    Answering(u16),
    /// Nothing: the peer broke the rules, and our close frame may still be written.
    Failed,
    /// Nothing: a regular end.
    Ended,
}

impl WebSocket {
    /// A codec that waits for the client's handshake.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        let stage = Stage::Handshake(Handshake::default());
        Self {
            config,
            stage,
            open: false,
            close_sent: false,
            message: Message::default(),
        }
    }

    /// RFC 6455 section 4.2: answers the client's request. `None` when frames may follow.
    fn shake_hands(
        &mut self,
        mut handshake: Handshake,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
    ) -> Option<Decoded> {
        let verdict = handshake.examine(input, &self.config);
        self.stage = Stage::Handshake(handshake);
        match verdict {
            Verdict::NeedMore => Some(Decoded::NeedMore),
            Verdict::Accept { head_len, response } => {
                if !sink.open() {
                    return Some(Decoded::Blocked);
                }
                sink.reply(&response);
                input.consume(head_len);
                self.open = true;
                self.stage = Stage::Header;
                None
            }
            Verdict::Refuse { reason, response } => {
                sink.reply(&response);
                input.consume(input.len());
                self.stage = Stage::Ended;
                Some(Decoded::Closed(Close::new(ABNORMAL, reason)))
            }
        }
    }

    /// Decodes from the beginning of a frame on. `None` when payload follows that has to be taken in piece by piece.
    fn frames(
        &mut self,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Option<Decoded>, ProtocolError> {
        loop {
            let Some((header, header_len)) = next_header(input)? else {
                return Ok(Some(Decoded::NeedMore));
            };
            if header.opcode.is_control() {
                let decoded = self.control_frame(&header, header_len, input, sink)?;
                if decoded.is_some() {
                    return Ok(decoded);
                }
                continue;
            }
            self.message.admit(&header, &self.config)?;
            let Some((kind, payload)) = self.whole_message(&header, header_len, input) else {
                self.message.begin_frame(&header);
                input.consume(header_len);
                self.stage = Stage::Payload;
                return Ok(None);
            };
            if !message::hand_over_whole(kind, payload, header.key, sink)? {
                return Ok(Some(Decoded::Blocked));
            }
            input.consume(header_len + payload.len());
        }
    }

    /// The masked payload, if this frame is a whole message that can be handed over in one copy.
    #[inline]
    fn whole_message<'a>(
        &self,
        header: &FrameHeader,
        header_len: usize,
        input: &Input<'a>,
    ) -> Option<(MessageKind, &'a [u8])> {
        if !header.fin || header.len > PART_BYTES as u64 || self.close_sent {
            return None;
        }
        let kind = match header.opcode {
            OpCode::Text => MessageKind::Text,
            OpCode::Binary => MessageKind::Binary,
            _ => return None,
        };
        // The header may lie in both runs of the input: then `first` is too short.
        let payload = input
            .first()
            .get(header_len..header_len + header.len as usize)?;
        Some((kind, payload))
    }

    fn payload(
        &mut self,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Option<Decoded>, ProtocolError> {
        let progress = if self.close_sent {
            self.message.skip(input)
        } else {
            self.message.take_in(input, sink)?
        };
        Ok(match progress {
            Progress::FrameDone => {
                self.stage = Stage::Header;
                None
            }
            Progress::NeedMore => Some(Decoded::NeedMore),
            Progress::Blocked => Some(Decoded::Blocked),
        })
    }

    /// RFC 6455 section 5.5. `None` when the next frame may be decoded.
    fn control_frame(
        &mut self,
        header: &FrameHeader,
        header_len: usize,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Option<Decoded>, ProtocolError> {
        let frame_len = header_len + header.len as usize;
        let mut frame = [0; MAX_CONTROL_FRAME];
        if input.peek_into(&mut frame[..frame_len]) < frame_len {
            return Ok(Some(Decoded::NeedMore));
        }
        let mut payload = [0; MAX_CONTROL_PAYLOAD];
        let payload = &mut payload[..header.len as usize];
        copy_unmasked(&frame[header_len..frame_len], header.key, 0, payload);
        let decoded = match header.opcode {
            OpCode::Ping => {
                self.pong(payload, sink);
                None
            }
            OpCode::Close => Some(Decoded::Closed(self.closed_by_peer(payload)?)),
            // Pongs need no answer, and nothing else is a control frame.
            _ => None,
        };
        input.consume(frame_len);
        Ok(decoded)
    }

    /// RFC 6455 section 5.5.3. Behind our close frame no pong follows: there the peer answers with its own.
    fn pong(&self, payload: &[u8], sink: &mut dyn Sink) {
        if self.close_sent {
            return;
        }
        let mut pong = Vec::with_capacity(2 + payload.len());
        FrameHeader::append(OpCode::Pong, payload.len() as u64, &mut pong);
        pong.extend_from_slice(payload);
        sink.reply(&pong);
    }

    /// RFC 6455 section 5.5.1: a close frame is answered with one, unless we have sent one before.
    fn closed_by_peer(&mut self, payload: &[u8]) -> Result<Close, ProtocolError> {
        let close = close::parse(payload)?;
        self.end(if self.close_sent {
            Stage::Ended
        } else {
            Stage::Answering(close.code)
        });
        Ok(close)
    }

    fn end(&mut self, stage: Stage) {
        self.stage = stage;
        self.message = Message::default();
    }
}

impl Protocol for WebSocket {
    fn decode(
        &mut self,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Decoded, ProtocolError> {
        loop {
            let decoded = match self.stage {
                Stage::Handshake(handshake) => Ok(self.shake_hands(handshake, input, sink)),
                Stage::Header => self.frames(input, sink),
                Stage::Payload => self.payload(input, sink),
                Stage::Answering(_) | Stage::Failed | Stage::Ended => {
                    input.consume(input.len());
                    return Ok(Decoded::NeedMore);
                }
            };
            match decoded {
                Ok(None) => {}
                Ok(Some(decoded)) => return Ok(decoded),
                Err(error) => {
                    self.end(Stage::Failed);
                    return Err(error);
                }
            }
        }
    }

    #[inline]
    fn encode_header(&self, kind: MessageKind, len: u64, out: &mut Vec<u8>) {
        let opcode = match kind {
            MessageKind::Text => OpCode::Text,
            MessageKind::Binary => OpCode::Binary,
        };
        FrameHeader::append(opcode, len, out);
    }

    fn close(&mut self, close: &Close, out: &mut Vec<u8>) -> bool {
        if !self.open || self.stage == Stage::Ended {
            return false;
        }
        if let Stage::Answering(code) = self.stage {
            // RFC 6455 section 5.5.1: the answer echoes the code that it answers.
            close::append(code, "", out);
            self.close_sent = true;
            self.stage = Stage::Ended;
            return false;
        }
        if !self.close_sent {
            close::append(close.code, &close.reason, out);
            self.close_sent = true;
            self.message.abandon();
        }
        // RFC 6455 section 7.1.7: of a peer that broke the rules nothing more is read.
        self.stage != Stage::Failed
    }

    fn ends_by_fin(&self) -> bool {
        false
    }

    fn unfinished_len(&self) -> u64 {
        self.message.taken_in()
    }

    fn is_open(&self) -> bool {
        self.open
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_message_bytes: 16 * 1024 * 1024,
            max_fragments: 16 * 1024,
            max_header_bytes: 16 * 1024,
            max_headers: 100,
            page: None,
        }
    }
}

/// The header at the beginning of `input`, with its length.
#[inline]
fn next_header(input: &Input<'_>) -> Result<Option<(FrameHeader, usize)>, ProtocolError> {
    if input.first().len() >= FrameHeader::MAX_LEN || input.second().is_empty() {
        return FrameHeader::parse(input.first());
    }
    let mut bytes = [0; FrameHeader::MAX_LEN];
    let n = input.peek_into(&mut bytes);
    FrameHeader::parse(&bytes[..n])
}

/// RFC 6455 section 5.5: all control frames have a payload of 125 bytes or less.
const MAX_CONTROL_PAYLOAD: usize = 125;
/// Two bytes, the key and the payload.
const MAX_CONTROL_FRAME: usize = 2 + 4 + MAX_CONTROL_PAYLOAD;

// RFC 6455 section 7.4.1.
const PROTOCOL_ERROR: u16 = 1002;
const NO_STATUS: u16 = 1005;
const ABNORMAL: u16 = 1006;
const INVALID_PAYLOAD: u16 = 1007;
const TOO_BIG: u16 = 1009;
