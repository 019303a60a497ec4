//! WebSocket, the server's side (RFC 6455), with permessage-deflate (RFC 7692).
//!
//! ```text
//!   Handshake --101--> Header <--> Payload        Header --peer's close frame--> Answering --ours--> Ended
//!    |  |  `-> Asked      |           |             `--(ours was sent before)--------------------------^
//!    |  |        |        `-----------`--peer broke the rules--> Failed
//!    |  |        `--accept--> Accepted --101--> Header
//!    |  |        `--refuse--> Ended
//!    |  `--any other answer--> Ended
//! ```
//!
//! Invariants: nothing is sent behind our close frame, and it is sent once; the peer's is not answered before the caller
//! says so, as what it has to send comes first; nothing is delivered behind our close frame
//! or the peer's; no connection has heap memory of its own unless a message is half way.

use std::sync::Arc;

use crate::close::{Close, CloseCode, Fault};
use crate::codec::{
    Codec, Control, Decoded, FrameCounts, KeepAlive, MessageKind, Outgoing, PART_BYTES, Payload,
    Refusal, Sink, Upgrade,
};
use crate::input::Input;

use deflate::Compression;
use handshake::Handshake;
use header::{FIN, FrameHeader, OpCode};
use message::{Message, Progress};
use upgrade::Agreement;

mod close;
mod config;
mod deflate;
mod extensions;
mod handshake;
mod header;
mod mask;
mod message;
mod opening;
mod response;
mod token;
mod upgrade;

pub use config::{Config, Shared};
pub use deflate::{Budget, Deflate, DeflateMode};
pub use mask::copy_unmasked;

/// One connection's WebSocket codec.
#[derive(Debug)]
pub struct WebSocket {
    shared: Arc<Shared>,
    stage: Stage,
    /// The sink has accepted the opening.
    open: bool,
    /// Our close frame has been written: the last thing that we send.
    close_sent: bool,
    /// What the request asked for, while the application is asked or its answer has not come about.
    upgrade: Option<Box<Agreement>>,
    /// Where permessage-deflate was agreed on.
    compression: Option<Box<Compression>>,
    message: Message,
}

/// What the next byte of input belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The request.
    Handshake(Handshake),
    /// Nothing: the application is asked about the request.
    Asked,
    /// Nothing: the application has accepted, and the response has not been written.
    Accepted,
    /// The header of a frame, or a whole control frame.
    Header,
    /// The payload of a data frame.
    Payload,
    /// Nothing: the peer has closed with this code, and our answer has not been written.
    Answering(CloseCode),
    /// Nothing: the peer broke the rules, and our close frame may still be written.
    Failed,
    /// Nothing: a regular end.
    Ended,
}

impl WebSocket {
    /// What [`Codec::max_framing`] says.
    pub const MAX_FRAMING: usize = FrameHeader::MAX_SENT_LEN;

    /// A codec that waits for the client's handshake.
    #[must_use]
    pub fn new(shared: Arc<Shared>) -> Self {
        let stage = Stage::Handshake(Handshake::default());
        Self {
            shared,
            stage,
            open: false,
            close_sent: false,
            upgrade: None,
            compression: None,
            message: Message::default(),
        }
    }

    /// What [`Codec::decode`] does; adds the frames that have come to `counts`.
    fn decode_all(
        &mut self,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
        counts: &mut FrameCounts,
    ) -> Result<Decoded, Fault> {
        loop {
            let decoded = match self.stage {
                Stage::Handshake(handshake) => Ok(self.shake_hands(handshake, input, sink)),
                Stage::Asked => return Ok(Decoded::Asked),
                Stage::Accepted => Ok(self.open(sink)),
                Stage::Header => self.frames(input, sink, counts),
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

    /// Decodes from the beginning of a frame on. `None` when payload follows that has to be taken in piece by piece.
    fn frames(
        &mut self,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
        counts: &mut FrameCounts,
    ) -> Result<Option<Decoded>, Fault> {
        loop {
            let deflate = self.compression.is_some();
            let Some((header, header_len)) = next_header(input, deflate)? else {
                return Ok(Some(Decoded::NeedMore));
            };
            if header.opcode.is_control() {
                let before = input.len();
                let decoded = self.control_frame(&header, header_len, input, sink)?;
                counts[header.opcode.place()] += u32::from(input.len() < before);
                if decoded.is_some() {
                    return Ok(decoded);
                }
                continue;
            }
            if !self.close_sent {
                self.message.admit(&header, &self.shared.config)?;
                if header.opcode != OpCode::Continuation && !sink.may_take_message() {
                    return Err(TOO_MANY_MESSAGES);
                }
            }
            let Some((kind, payload)) = self.whole_message(&header, header_len, input) else {
                if self.is_long(&header) && !sink.announce(header.len) {
                    return Ok(Some(Decoded::Blocked));
                }
                counts[header.opcode.place()] += 1;
                self.message.begin_frame(&header);
                input.consume(header_len);
                self.stage = Stage::Payload;
                return Ok(None);
            };
            let handed_over = message::hand_over_whole(kind, payload, header.key, sink);
            counts[header.opcode.place()] += u32::from(!matches!(handed_over, Ok(false)));
            if !handed_over? {
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
        let is_whole = header.fin && !header.compressed;
        if !is_whole || header.len > PART_BYTES as u64 || self.close_sent {
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

    /// True for a frame that is a message which has to be put together from parts, and whose length is certain.
    fn is_long(&self, header: &FrameHeader) -> bool {
        let is_whole = header.fin && header.opcode != OpCode::Continuation && !header.compressed;
        let is_taken = !self.close_sent && !self.shared.config.eager_parts;
        is_whole && is_taken && header.len > PART_BYTES as u64
    }

    fn payload(
        &mut self,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Option<Decoded>, Fault> {
        let progress = match &mut self.compression {
            _ if self.close_sent => self.message.skip(input),
            Some(compression) if self.message.is_compressed() => {
                let config = &self.shared.config;
                self.message.inflate_in(input, sink, compression, config)?
            }
            _ => {
                let eager = self.shared.config.eager_parts;
                self.message.take_in(input, sink, eager)?
            }
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
    ) -> Result<Option<Decoded>, Fault> {
        let frame_len = header_len + header.len as usize;
        let mut frame = [0; MAX_CONTROL_FRAME];
        if input.peek_into(&mut frame[..frame_len]) < frame_len {
            return Ok(Some(Decoded::NeedMore));
        }
        let mut payload = [0; MAX_CONTROL_PAYLOAD];
        let payload = &mut payload[..header.len as usize];
        copy_unmasked(&frame[header_len..frame_len], header.key, 0, payload);
        let decoded = match header.opcode {
            OpCode::Close => Some(Decoded::Closed(self.closed_by_peer(payload)?)),
            OpCode::Ping => {
                if !self.tell(Control::Ping, payload, sink)? {
                    return Ok(Some(Decoded::Blocked));
                }
                self.pong(payload, sink);
                None
            }
            // Nothing else is a control frame.
            _ => {
                if !self.tell(Control::Pong, payload, sink)? {
                    return Ok(Some(Decoded::Blocked));
                }
                None
            }
        };
        input.consume(frame_len);
        Ok(decoded)
    }

    /// Tells the application, if it wants to know; false when there is no room for that now.
    fn tell(&self, control: Control, payload: &[u8], sink: &mut dyn Sink) -> Result<bool, Fault> {
        let config = &self.shared.config;
        let wanted = match control {
            Control::Ping => config.tell_pings,
            Control::Pong => config.tell_pongs,
        };
        if wanted && !self.close_sent && !sink.control(control, payload) {
            return Ok(false);
        }
        if sink.count_control() {
            Ok(true)
        } else {
            Err(TOO_MANY_CONTROLS)
        }
    }

    /// RFC 6455 section 5.5.3. Behind our close frame no pong follows: there the peer answers with its own.
    fn pong(&self, payload: &[u8], sink: &mut dyn Sink) {
        if self.close_sent {
            return;
        }
        let mut pong = Vec::with_capacity(2 + payload.len());
        FrameHeader::append(OpCode::Pong, payload.len() as u64, &mut pong);
        pong.extend_from_slice(payload);
        sink.pong(&pong);
    }

    /// RFC 6455 section 5.5.1: a close frame is answered with one, unless we have sent one before.
    fn closed_by_peer(&mut self, payload: &[u8]) -> Result<Close, Fault> {
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

impl Codec for WebSocket {
    fn decode(&mut self, input: &mut Input<'_>, sink: &mut dyn Sink) -> Result<Decoded, Fault> {
        let mut counts = FrameCounts::default();
        let decoded = self.decode_all(input, sink, &mut counts);
        sink.count_frames(&counts);
        decoded
    }

    #[inline]
    fn begin(&mut self, outgoing: Outgoing, len: u64, out: &mut Vec<u8>) -> Payload {
        if let Some(compression) = &mut self.compression
            && compression.begin(outgoing, len)
        {
            return Payload::Transformed;
        }
        let opcode = match (outgoing.first, outgoing.kind) {
            (true, MessageKind::Text) => OpCode::Text,
            (true, MessageKind::Binary) => OpCode::Binary,
            (false, _) => OpCode::Continuation,
        };
        let fin = if outgoing.last { FIN } else { 0 };
        FrameHeader::append_bits(fin | opcode as u8, len, out);
        Payload::Plain
    }

    fn transform(&mut self, payload: &[u8], out: &mut dyn FnMut(&[u8])) {
        if let Some(compression) = &mut self.compression {
            compression.deflate(payload, out);
        }
    }

    fn alike(&self) -> Option<u32> {
        match &self.compression {
            Some(compression) => compression.alike(),
            None => Some(0),
        }
    }

    fn max_framing(&self) -> usize {
        Self::MAX_FRAMING
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
        // What comes behind our close frame is skipped.
        if self.close_sent {
            0
        } else {
            self.message.taken_in()
        }
    }

    fn is_half_way(&self) -> bool {
        self.unfinished_len() > 0 && !self.shared.config.eager_parts
    }

    fn kept_len(&self) -> usize {
        self.message.kept_len()
    }

    fn upgrade(&mut self) -> Option<&mut dyn Upgrade> {
        Some(self)
    }

    fn keep_alive(&mut self) -> Option<&mut dyn KeepAlive> {
        Some(self)
    }
}

impl KeepAlive for WebSocket {
    fn ping(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        if self.open && !self.close_sent {
            FrameHeader::append(OpCode::Ping, payload.len() as u64, out);
            out.extend_from_slice(payload);
        }
    }
}

impl Upgrade for WebSocket {
    fn accept(&mut self, details: &[u8]) {
        if self.stage == Stage::Asked
            && let Some(upgrade) = &mut self.upgrade
        {
            upgrade.accept(details);
            self.stage = Stage::Accepted;
        }
    }

    fn refuse(&mut self) {
        if self.stage == Stage::Asked {
            self.upgrade = None;
            self.stage = Stage::Ended;
        }
    }

    fn time_out(&mut self, date: &str) -> Option<Refusal> {
        self.end_handshake(date)
    }
}

/// The header at the beginning of `input`, with its length.
#[inline]
fn next_header(input: &Input<'_>, deflate: bool) -> Result<Option<(FrameHeader, usize)>, Fault> {
    if input.first().len() >= FrameHeader::MAX_LEN || input.second().is_empty() {
        return FrameHeader::parse(input.first(), deflate);
    }
    let mut bytes = [0; FrameHeader::MAX_LEN];
    let n = input.peek_into(&mut bytes);
    FrameHeader::parse(&bytes[..n], deflate)
}

/// RFC 6455 section 5.5: all control frames have a payload of 125 bytes or less.
const MAX_CONTROL_PAYLOAD: usize = 125;
/// Two bytes, the key and the payload.
const MAX_CONTROL_FRAME: usize = 2 + 4 + MAX_CONTROL_PAYLOAD;

const TOO_MANY_MESSAGES: Fault =
    Fault::limit(CloseCode::POLICY_VIOLATION, "too many messages in a second");

const TOO_MANY_CONTROLS: Fault =
    Fault::limit(CloseCode::POLICY_VIOLATION, "too many control frames");
