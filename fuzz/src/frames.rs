//! What follows a good handshake: frames, or bytes that only look like some.

use arbitrary::Arbitrary;
use gev_wire::websocket::{Config, WebSocket};
use gev_wire::{Close, Codec, Input, Sink};

use crate::arrival::Arrival;
use crate::kit::{Collector, End, decode, decode_frames, frame, header, open_web_socket};
use crate::peer::Outcome;

/// What a client sends, to what server, and how it arrives.
#[derive(Debug, Arbitrary)]
pub struct Case<'a> {
    arrival: Arrival,
    limits: Limits,
    /// Number of bytes behind which the server says goodbye.
    close_at: Option<u16>,
    stream: Stream<'a>,
}

#[derive(Debug, Arbitrary)]
struct Limits {
    /// In steps of four bytes; 0 for none.
    message: u16,
    /// 0 for none.
    fragments: u8,
    /// Pings and pongs; 0 for no limit.
    controls: u8,
    /// The application wants to hear of pings and pongs.
    tell: bool,
    /// The application wants what has come of a message at once.
    eager: bool,
}

/// What a client sends.
#[derive(Debug, Arbitrary)]
enum Stream<'a> {
    Bytes(&'a [u8]),
    Items(Vec<Item<'a>>),
}

#[derive(Debug, Arbitrary)]
enum Item<'a> {
    /// A frame that may be right, see [`RIGHT`].
    Frame(u8, Payload<'a>),
    /// A frame with any first byte.
    AnyFrame(u8, Payload<'a>),
    Close(u16, &'a str),
    /// A header, whose payload are the items behind it.
    Header(u8, u64),
    Bytes(&'a [u8]),
}

#[derive(Debug, Arbitrary)]
pub(crate) enum Payload<'a> {
    Bytes(&'a [u8]),
    Text(&'a str),
    /// A character so often that these are about so many bytes.
    Long(char, u32),
}

/// Cut and held up in any way, the bytes have the outcome that they have in one piece, within the limits; and frames that
/// tungstenite judges by the same rules have the one that they have there.
///
/// # Panics
/// When they do not.
pub fn check(case: &Case<'_>) {
    let bytes = case.stream.to_bytes();
    let (before, behind) = case.cut(&bytes);
    let (whole, end) = case.in_one_piece(before, behind);
    case.check_limits(&whole, &bytes);
    let (pieces, end_of_pieces) = case.in_pieces(before, behind);
    assert_eq!(end_of_pieces, end);
    // Not by assert_eq: the difference of long messages is not for reading.
    assert!(pieces.log == whole.log, "{pieces:?}\n{whole:?}");
    assert_eq!(pieces.controls, whole.controls, "pings and pongs");
    case.check_against_peer(&bytes);
}

impl Case<'_> {
    /// The bytes before and behind the server's goodbye; behind it are none when there is no goodbye.
    fn cut<'a>(&self, bytes: &'a [u8]) -> (&'a [u8], Option<&'a [u8]>) {
        match self.close_at {
            Some(at) if usize::from(at) <= bytes.len() => {
                let (before, behind) = bytes.split_at(usize::from(at));
                (before, Some(behind))
            }
            _ => (bytes, None),
        }
    }

    fn open(&self) -> (WebSocket, Collector) {
        let (protocol, mut sink) = open_web_socket(self.limits.config());
        let controls = usize::from(self.limits.controls);
        sink.max_controls = (controls != 0).then_some(controls);
        (protocol, sink)
    }

    fn in_one_piece(&self, before: &[u8], behind: Option<&[u8]>) -> (Collector, End) {
        let (mut protocol, mut sink) = self.open();
        let mut input = Input::from(before);
        let mut end = decode(&mut protocol, &mut input, &mut sink);
        if let Some(behind) = behind
            && end == End::NeedMore
        {
            say_goodbye(&mut protocol, &mut sink);
            let log = sink.log.clone();
            let rest = [input.first(), behind].concat();
            end = decode(&mut protocol, &mut Input::from(&rest[..]), &mut sink);
            assert_eq!(sink.log, log, "something came behind our close frame");
        } else {
            let unfinished = protocol.unfinished_len();
            assert!(self.limits.message == 0 || unfinished <= self.limits.message());
        }
        (sink, end)
    }

    fn in_pieces(&self, before: &[u8], behind: Option<&[u8]>) -> (Collector, End) {
        let (mut protocol, mut sink) = self.open();
        let mut feeder = self.arrival.feeder(&mut protocol, &mut sink);
        let mut end = feeder.feed(before);
        if let Some(behind) = behind
            && end == End::NeedMore
        {
            say_goodbye(feeder.protocol, feeder.sink);
            end = feeder.feed(behind);
        }
        (sink, end)
    }

    fn check_limits(&self, sink: &Collector, bytes: &[u8]) {
        let counts = fragment_counts(comparable(bytes));
        for (at, (_, message)) in sink.messages().into_iter().enumerate() {
            assert!(self.limits.message == 0 || message.len() as u64 <= self.limits.message());
            // Messages with other frames than those are not looked at.
            let fragments = counts.get(at).copied().unwrap_or_default();
            assert!(self.limits.fragments == 0 || fragments <= usize::from(self.limits.fragments));
        }
    }

    fn check_against_peer(&self, bytes: &[u8]) {
        let bytes = comparable(bytes);
        let config = Config {
            max_fragments: 0,
            ..self.limits.config()
        };
        let max_message = match config.max_message_bytes {
            0 => usize::MAX,
            max => max as usize,
        };
        let (sink, end) = decode_frames(config, bytes);
        let ours = Outcome::of_ours(&sink, end);
        assert_eq!(ours, Outcome::of_tungstenite(bytes, max_message));
    }
}

fn say_goodbye(protocol: &mut dyn Codec, sink: &mut Collector) {
    let mut frame = Vec::new();
    assert!(protocol.close(&Close::new(1001, "bye"), &mut frame));
    sink.reply(&frame);
}

/// How many frames each message has; `bytes` holds whole frames only.
fn fragment_counts(mut bytes: &[u8]) -> Vec<usize> {
    let mut counts = Vec::new();
    let mut frames = 0;
    while let Some(len) = comparable_frame(bytes) {
        if bytes[0] & 0x08 == 0 {
            frames += 1;
            if bytes[0] & 0x80 != 0 {
                counts.push(std::mem::take(&mut frames));
            }
        }
        bytes = &bytes[len..];
    }
    counts
}

/// The frames at the beginning of `bytes` that are complete and that both codecs treat alike, see `peer`.
fn comparable(bytes: &[u8]) -> &[u8] {
    let mut len = 0;
    while let Some(frame_len) = comparable_frame(&bytes[len..]) {
        len += frame_len;
    }
    &bytes[..len]
}

fn comparable_frame(bytes: &[u8]) -> Option<usize> {
    let (byte0, byte1) = (*bytes.first()?, *bytes.get(1)?);
    let (len, shortest, header_len) = match byte1 & 0x7F {
        0x7E => (
            u64::from(u16::from_be_bytes(*bytes[2..].first_chunk()?)),
            0x7E,
            4,
        ),
        0x7F => (u64::from_be_bytes(*bytes[2..].first_chunk()?), 0x1_0000, 10),
        short => (u64::from(short), 0, 2),
    };
    let is_masked = byte1 & 0x80 != 0;
    let header_len = header_len + if is_masked { 4 } else { 0 };
    let frame_len = usize::try_from(len).ok()?.checked_add(header_len)?;
    if len < shortest || len >> 63 != 0 || bytes.len() < frame_len {
        return None;
    }
    let is_close = byte0 & 0x0F == 0x8 && is_masked;
    (!is_close || is_comparable_close(&bytes[header_len - 4..frame_len])).then_some(frame_len)
}

/// False for codes that tungstenite does not know, and for what it makes of those.
fn is_comparable_close(key_and_payload: &[u8]) -> bool {
    let (key, payload) = key_and_payload.split_at(4);
    let payload: Vec<u8> = payload
        .iter()
        .zip(key.iter().cycle())
        .map(|(byte, key)| byte ^ key)
        .collect();
    !payload.starts_with(&1014_u16.to_be_bytes()) && !payload.ends_with(b"Protocol violation")
}

impl Limits {
    fn message(&self) -> u64 {
        u64::from(self.message) * 4
    }

    fn config(&self) -> Config {
        Config {
            max_message_bytes: self.message(),
            max_fragments: u32::from(self.fragments),
            tell_pings: self.tell,
            tell_pongs: self.tell,
            eager_parts: self.eager,
            ..Config::default()
        }
    }
}

impl Stream<'_> {
    fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.to_vec(),
            Self::Items(items) => {
                let mut bytes = Vec::new();
                for item in items {
                    if bytes.len() < MAX_STREAM_BYTES {
                        item.append_to(&mut bytes);
                    }
                }
                bytes
            }
        }
    }
}

impl Item<'_> {
    fn append_to(&self, out: &mut Vec<u8>) {
        match self {
            Self::Frame(choice, payload) => {
                let byte0 = RIGHT[usize::from(*choice) % RIGHT.len()];
                out.extend(frame(byte0, &payload.to_bytes()));
            }
            Self::AnyFrame(byte0, payload) => out.extend(frame(*byte0, &payload.to_bytes())),
            Self::Close(code, reason) => {
                let payload = [&code.to_be_bytes(), reason.as_bytes()].concat();
                out.extend(frame(0x88, &payload));
            }
            Self::Header(byte0, len) => out.extend(header(*byte0, *len)),
            Self::Bytes(bytes) => out.extend_from_slice(bytes),
        }
    }
}

impl Payload<'_> {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.to_vec(),
            Self::Text(text) => text.as_bytes().to_vec(),
            Self::Long(character, len) => {
                let len = *len as usize % MAX_LONG_BYTES;
                character
                    .to_string()
                    .repeat(len / character.len_utf8())
                    .into_bytes()
            }
        }
    }
}

/// First bytes of frames that a client may send: text and binary, whole and as a beginning; more and last; ping and pong.
const RIGHT: [u8; 8] = [0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8A];
const MAX_STREAM_BYTES: usize = 200_000;
/// A part of a message and some more.
const MAX_LONG_BYTES: usize = 70_000;
