//! A sink that keeps what it is given, ways to feed a protocol, and frames as clients send them.

use std::sync::Arc;

use gev_wire::websocket::{Config, Shared, WebSocket, copy_unmasked};
use gev_wire::{
    Close, Codec, Control, Decoded, Fate, Fault, FrameCounts, FrameError, FrameSink, Input,
    KeepAliveSink, MessageKind, Opening, PART_BYTES, Part, Request, RingBuffer, Sink, UpgradeSink,
};

/// What a protocol gave to its sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    Open,
    /// With the lines of the request.
    Ask(Request, String),
    Message(MessageKind, Vec<u8>),
    Control(Control, Vec<u8>),
    Wrong(FrameError),
    /// Replies without a message in between are one.
    Reply(Vec<u8>),
}

/// How decoding came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    NeedMore,
    Asked,
    Closed(Close),
    Failed(Fault),
}

/// A sink that keeps everything, checks how it is called, and can be told to be full.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    pub(crate) log: Vec<Entry>,
    /// Lengths of the parts of the messages.
    pub(crate) parts: Vec<usize>,
    /// Every so many calls of `open` and `reserve` find no room; 0 for none.
    pub(crate) block_every: usize,
    /// Parts that there is room for; `None` for no limit.
    pub(crate) room: Option<usize>,
    /// What `room_for_more` says, in turn and again and again; always enough when it is empty.
    pub(crate) rooms: Vec<usize>,
    /// Subprotocol and extensions that were opened with.
    pub(crate) opening: (String, String),
    /// Statuses of refusals, with their reasons.
    pub(crate) refusals: Vec<(u16, String)>,
    /// Pings and pongs so far.
    pub(crate) controls: usize,
    /// More are too many; `None` for no limit.
    pub(crate) max_controls: Option<usize>,
    /// Frames of WebSocket so far.
    pub(crate) frames: FrameCounts,
    /// Nothing is to follow a message at once.
    pub(crate) stepwise: bool,
    /// Length of the message that is coming in, if that was said.
    announced: Option<u64>,
    /// Calls of `open`, `reserve` and the like so far.
    asked: usize,
    reserved: Option<Vec<u8>>,
    unfinished: Option<(MessageKind, Vec<u8>)>,
}

impl Collector {
    pub(crate) fn blocking(every: usize) -> Self {
        Self {
            block_every: every,
            ..Self::default()
        }
    }

    pub(crate) fn messages(&self) -> Vec<(MessageKind, Vec<u8>)> {
        let message = |entry: &Entry| match entry {
            Entry::Message(kind, bytes) => Some((*kind, bytes.clone())),
            _ => None,
        };
        self.log.iter().filter_map(message).collect()
    }

    pub(crate) fn replies(&self) -> Vec<u8> {
        let reply = |entry: &Entry| match entry {
            Entry::Reply(bytes) => bytes.clone(),
            _ => Vec::new(),
        };
        self.log.iter().flat_map(reply).collect()
    }

    fn has_room(&mut self) -> bool {
        self.asked += 1;
        self.block_every == 0 || !self.asked.is_multiple_of(self.block_every)
    }
}

impl Sink for Collector {
    fn open(&mut self, opening: Opening<'_>) -> bool {
        let asked = |entry: &Entry| matches!(entry, Entry::Ask(..));
        assert!(self.log.iter().all(asked), "opened late: {:?}", self.log);
        let open = self.has_room();
        if open {
            self.log.push(Entry::Open);
            self.opening = (
                opening.subprotocol.to_owned(),
                opening.extensions.to_owned(),
            );
        }
        open
    }

    fn announce(&mut self, len: u64) -> bool {
        assert!(len > PART_BYTES as u64, "announced: {len}");
        assert_eq!(self.announced, None, "announced twice");
        let has_room = self.has_room();
        self.announced = has_room.then_some(len);
        has_room
    }

    fn room_for_more(&mut self) -> usize {
        let by = self.rooms.len().min(1);
        self.rooms.rotate_left(by);
        self.rooms.last().copied().unwrap_or(usize::MAX)
    }

    fn shorten(&mut self, len: usize) {
        let reserved = self.reserved.as_mut().expect("shorten without reserve");
        assert!(len <= reserved.len());
        reserved.truncate(len);
    }

    fn may_take_message(&self) -> bool {
        true
    }

    fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        assert!(len <= PART_BYTES, "part of {len} bytes");
        assert!(
            self.log.contains(&Entry::Open),
            "message before the opening"
        );
        if let Some(room) = &mut self.room {
            *room = room.checked_sub(1)?;
        }
        self.reserved = self.has_room().then(|| vec![0xAA; len]);
        self.reserved.as_deref_mut()
    }

    fn commit(&mut self, part: Part) -> bool {
        let bytes = self.reserved.take().expect("commit without reserve");
        let ascii = part.kind == MessageKind::Text && bytes.is_ascii();
        assert_eq!(part.ascii, ascii);
        self.parts.push(bytes.len());
        let (kind, message) = self.unfinished.get_or_insert((part.kind, Vec::new()));
        assert_eq!(*kind, part.kind, "kind of the message before");
        message.extend(bytes);
        if part.last {
            let (kind, message) = self.unfinished.take().expect("a message");
            let announced = self.announced.take();
            assert!(announced.is_none_or(|len| len == message.len() as u64));
            self.log.push(Entry::Message(kind, message));
        }
        !(self.stepwise && part.last)
    }

    fn reply(&mut self, bytes: &[u8]) {
        if let Some(Entry::Reply(reply)) = self.log.last_mut() {
            reply.extend_from_slice(bytes);
        } else {
            self.log.push(Entry::Reply(bytes.to_vec()));
        }
    }
}

impl FrameSink for Collector {
    fn frame_failed(&mut self, error: &FrameError) -> bool {
        let has_room = self.has_room();
        if has_room {
            self.log.push(Entry::Wrong(*error));
            if error.fate != Fate::Delivered {
                self.unfinished = None;
            }
        }
        has_room
    }

    fn count_frames(&mut self, frames: &FrameCounts) {
        for (sum, more) in self.frames.iter_mut().zip(frames) {
            *sum += more;
        }
    }
}

impl UpgradeSink for Collector {
    fn ask(&mut self, request: Request, lines: &[u8]) -> bool {
        assert!(self.log.is_empty(), "asked late: {:?}", self.log);
        let has_room = self.has_room();
        if has_room {
            let lines = String::from_utf8_lossy(lines).into_owned();
            self.log.push(Entry::Ask(request, lines));
        }
        has_room
    }

    fn refused(&mut self, status: u16, reason: &str) -> bool {
        assert!(self.log.is_empty(), "refused late: {:?}", self.log);
        let has_room = self.has_room();
        if has_room {
            self.refusals.push((status, reason.to_owned()));
        }
        has_room
    }

    fn date(&mut self) -> &str {
        DATE
    }
}

impl KeepAliveSink for Collector {
    fn count_control(&mut self) -> bool {
        self.controls += 1;
        self.max_controls.is_none_or(|max| self.controls <= max)
    }

    fn control(&mut self, control: Control, payload: &[u8]) -> bool {
        let has_room = self.has_room();
        if has_room {
            self.log.push(Entry::Control(control, payload.to_vec()));
        }
        has_room
    }

    fn pong(&mut self, frame: &[u8]) {
        self.reply(frame);
    }
}

/// Decodes until nothing more can be done, asking again whenever the sink was full.
pub(crate) fn decode(protocol: &mut dyn Codec, input: &mut Input<'_>, sink: &mut Collector) -> End {
    for _ in 0..10_000 {
        let before = sink.log.len();
        let end = match protocol.decode(input, sink) {
            Ok(Decoded::Blocked) => {
                let may_block = sink.block_every != 0 || sink.rooms.contains(&0);
                assert!(may_block, "blocked by a sink with room");
                continue;
            }
            Ok(Decoded::NeedMore) => return End::NeedMore,
            Ok(Decoded::Asked) if sink.stepwise => {
                let is_message = |entry: &&Entry| matches!(entry, Entry::Message(..));
                let messages = sink.log[before..].iter().filter(is_message).count();
                assert_eq!(messages, 1, "one message a step");
                continue;
            }
            Ok(Decoded::Asked) => return End::Asked,
            Ok(Decoded::Closed(close)) => End::Closed(close),
            Err(error) => End::Failed(error),
        };
        return finish(protocol, end, sink);
    }
    panic!("blocked forever");
}

/// The end of a connection: what follows is ignored, and a regular end is answered, as a reactor does.
pub(crate) fn finish(protocol: &mut dyn Codec, end: End, sink: &mut Collector) -> End {
    let before = sink.log.clone();
    let mut more = Input::from(&b"\x81\x80\0\0\0\0GET / HTTP/1.1\r\n\r\n"[..]);
    assert_eq!(protocol.decode(&mut more, sink), Ok(Decoded::NeedMore));
    assert_eq!(sink.log, before, "something came behind the end");
    if matches!(end, End::Closed(_)) {
        let mut answer = Vec::new();
        let awaits_answer = protocol.close(&Close::new(1005, ""), &mut answer);
        assert!(!awaits_answer, "both sides are done");
        if !answer.is_empty() {
            sink.reply(&answer);
        }
    }
    end
}

/// Feeds pieces through a ring, as a reactor does with what is left of the input. `at` is the index in the ring that
/// the first byte is written to, so that the content wraps somewhere else for each.
pub(crate) fn feed(
    protocol: &mut dyn Codec,
    pieces: &[&[u8]],
    at: usize,
    sink: &mut Collector,
) -> End {
    let mut ring = RingBuffer::new(1 << 20);
    ring.write(&vec![0; at]).expect("room");
    ring.consume(at);
    for piece in pieces {
        ring.write(piece).expect("room");
        let mut input = ring.input();
        let before = input.len();
        let end = decode(protocol, &mut input, sink);
        let used = before - input.len();
        ring.consume(used);
        if end != End::NeedMore {
            return end;
        }
    }
    End::NeedMore
}

/// Feeds everything in one piece.
pub(crate) fn feed_whole(protocol: &mut dyn Codec, bytes: &[u8]) -> (Collector, End) {
    let mut sink = Collector::default();
    let end = decode(protocol, &mut Input::from(bytes), &mut sink);
    (sink, end)
}

pub(crate) fn web_socket(config: Config) -> WebSocket {
    WebSocket::new(Shared::new(Arc::new(config)))
}

/// A WebSocket with its handshake done, and a sink that has forgotten about it.
pub(crate) fn open_web_socket(config: Config) -> (WebSocket, Collector) {
    let mut web_socket = web_socket(config);
    let (mut sink, end) = feed_whole(&mut web_socket, REQUEST);
    assert_eq!(end, End::NeedMore);
    assert!(sink.log.contains(&Entry::Open));
    sink.log = vec![Entry::Open];
    (web_socket, sink)
}

/// What a client sends after its handshake, decoded in one piece with these limits.
pub(crate) fn decode_frames(config: Config, frames: &[u8]) -> (Collector, End) {
    let (mut web_socket, mut sink) = open_web_socket(config);
    let end = decode(&mut web_socket, &mut Input::from(frames), &mut sink);
    (sink, end)
}

pub(crate) fn text(bytes: impl AsRef<[u8]>) -> (MessageKind, Vec<u8>) {
    (MessageKind::Text, bytes.as_ref().to_vec())
}

pub(crate) fn binary(bytes: impl AsRef<[u8]>) -> (MessageKind, Vec<u8>) {
    (MessageKind::Binary, bytes.as_ref().to_vec())
}

/// A masked frame with its length in the shortest form.
pub(crate) fn frame(byte0: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(byte0, payload.len() as u64);
    let start = frame.len();
    frame.resize(start + payload.len(), 0);
    copy_unmasked(payload, KEY, 0, &mut frame[start..]);
    frame
}

/// Only the header of such a frame.
pub(crate) fn header(byte0: u8, len: u64) -> Vec<u8> {
    let mut header = vec![byte0];
    if len < 126 {
        header.push(0x80 | len as u8);
    } else if let Ok(len) = u16::try_from(len) {
        header.push(0xFE);
        header.extend(len.to_be_bytes());
    } else {
        header.push(0xFF);
        header.extend(len.to_be_bytes());
    }
    header.extend(KEY);
    header
}

/// The time in RFC 9110 section 5.6.7.
pub(crate) const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// The key of the masked example in RFC 6455 section 5.7.
pub(crate) const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

// Byte 0 of frames: with FIN, and without.
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8A;
pub(crate) const LAST: u8 = 0x80;
pub(crate) const MORE: u8 = 0x00;
pub(crate) const TEXT_MORE: u8 = 0x01;
pub(crate) const BINARY_MORE: u8 = 0x02;

/// The request in RFC 6455 section 1.2.
pub(crate) const REQUEST: &[u8] = b"GET /chat HTTP/1.1\r\n\
    Host: server.example.com\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Origin: http://example.com\r\n\
    Sec-WebSocket-Protocol: chat, superchat\r\n\
    Sec-WebSocket-Version: 13\r\n\
    \r\n";

/// The answer to it, but for the subprotocol.
pub(crate) const RESPONSE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\
    Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    \r\n";
