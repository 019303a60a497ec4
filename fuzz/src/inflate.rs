//! What follows a handshake that has agreed on permessage-deflate (RFC 7692): compressed messages, or what is taken for
//! some.

use arbitrary::Arbitrary;
use gev_wire::websocket::{Config, Deflate, DeflateMode, WebSocket};
use gev_wire::{Codec, Input, MessageKind, Outgoing, Payload};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

use crate::arrival::Arrival;
use crate::frames;
use crate::kit::{Collector, End, REQUEST, decode, frame, web_socket};

/// What a client sends, to what server, and how it arrives.
#[derive(Debug, Arbitrary)]
pub struct Case<'a> {
    arrival: Arrival,
    settings: Settings,
    stream: Stream<'a>,
}

#[derive(Debug, Arbitrary)]
struct Settings {
    /// In steps of two bytes.
    message: u16,
    eager: bool,
    dedicated: bool,
    window: u8,
    level: u8,
    memory: u8,
}

/// What a client sends.
#[derive(Debug, Arbitrary)]
enum Stream<'a> {
    Frames(&'a [u8]),
    Messages(Vec<Message<'a>>),
    /// Messages that another connection of the same server compresses.
    Echoes(Vec<Echo<'a>>),
}

/// A message in up to three fragments.
#[derive(Debug, Arbitrary)]
struct Message<'a> {
    is_text: bool,
    is_plain: bool,
    cuts: [u16; 2],
    payload: &'a [u8],
}

/// A message in one or two fragments, each of which is compressed in chunks.
#[derive(Debug, Arbitrary)]
struct Echo<'a> {
    is_plain: bool,
    cut: u16,
    chunk: u16,
    payload: frames::Payload<'a>,
}

/// Cut and held up in any way, the bytes have the outcome that they have in one piece, within the limit; what is
/// delivered is what miniz inflates, or what was compressed here.
///
/// # Panics
/// When that is not so.
pub fn check(case: &Case<'_>) {
    let config = case.settings.config();
    let bytes = case.to_bytes(&config);
    let (mut protocol, mut whole) = open(&config);
    let end = decode(&mut protocol, &mut Input::from(&bytes[..]), &mut whole);
    for (_, message) in whole.messages() {
        assert!(message.len() as u64 <= config.max_message_bytes);
    }
    let (mut protocol, mut pieces) = open(&config);
    let mut feeder = case.arrival.feeder(&mut protocol, &mut pieces);
    let end_of_pieces = feeder.feed(&bytes);
    assert!(pieces.log == whole.log, "{pieces:?}\n{whole:?}");
    assert!(is_same(&end_of_pieces, &end), "{end_of_pieces:?}, {end:?}");
    match &case.stream {
        Stream::Messages(messages) if !case.settings.dedicated => check_inflated(messages, &whole),
        Stream::Echoes(echoes) => check_echoes(echoes, &whole, &end, &config),
        _ => {}
    }
}

/// What is wrong with a message in two ways, bad data and too much of it, may be seen in either order.
fn is_same(one: &End, other: &End) -> bool {
    let is_bad_data = |end: &End| matches!(end, End::Failed(error) if error.code != 1002);
    one == other || is_bad_data(one) && is_bad_data(other)
}

/// miniz was written by others. Each of the two takes data for good that the other does not, where a block is not complete;
/// what both take for good is the same.
fn check_inflated(messages: &[Message<'_>], sink: &Collector) {
    for (message, (kind, bytes)) in messages.iter().zip(sink.messages()) {
        assert_eq!(kind, message.kind());
        if message.is_plain {
            assert_eq!(bytes, message.payload);
        } else if let Some(expected) = inflated(message.payload, bytes.len()) {
            assert_eq!(bytes, expected);
        }
    }
}

fn check_echoes(echoes: &[Echo<'_>], sink: &Collector, end: &End, config: &Config) {
    let echoes = sendable(echoes);
    let sent = echoes.iter().map(Echo::message);
    let is_allowed =
        |(_, bytes): &(MessageKind, Vec<u8>)| bytes.len() as u64 <= config.max_message_bytes;
    let expected: Vec<_> = sent.take_while(is_allowed).collect();
    assert!(sink.messages() == expected, "{sink:?}");
    assert!(match end {
        End::NeedMore => expected.len() == echoes.len(),
        End::Failed(error) => expected.len() < echoes.len() && error.code == 1009,
        _ => false,
    });
}

/// The message with this payload (RFC 7692 section 7.2.2), or the first `max` bytes and one more; `None` when it is not
/// valid.
fn inflated(payload: &[u8], max: usize) -> Option<Vec<u8>> {
    const FLAGS: u32 = inflate_flags::TINFL_FLAG_HAS_MORE_INPUT
        | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let data = [payload, &[0x00, 0x00, 0xFF, 0xFF]].concat();
    let mut rest = &data[..];
    let mut out = vec![0; max + 1];
    let mut len = 0;
    loop {
        let mut state = DecompressorOxide::new();
        let (status, used, written) = decompress(&mut state, rest, &mut out[len..], 0, FLAGS);
        len += written;
        rest = &rest[used..];
        // Behind a block that says that it is the last one there may be others.
        if status != TINFLStatus::Done || rest.is_empty() {
            out.truncate(len);
            return (status as i32 >= 0).then_some(out);
        }
    }
}

/// A WebSocket that has agreed on compression, and a sink.
fn open(config: &Config) -> (WebSocket, Collector) {
    let mut web_socket = web_socket(config.clone());
    let mut sink = Collector::default();
    let offer = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
    let request = [&REQUEST[..REQUEST.len() - 2], offer].concat();
    let end = decode(&mut web_socket, &mut Input::from(&request[..]), &mut sink);
    assert_eq!(end, End::NeedMore);
    assert!(sink.opening.1.starts_with("permessage-deflate"));
    (web_socket, sink)
}

impl Case<'_> {
    fn to_bytes(&self, config: &Config) -> Vec<u8> {
        match &self.stream {
            Stream::Frames(bytes) => bytes.to_vec(),
            Stream::Messages(messages) => messages.iter().flat_map(Message::frames).collect(),
            Stream::Echoes(echoes) => {
                let (mut sender, _) = open(config);
                let mut sent = Vec::new();
                for echo in sendable(echoes) {
                    echo.send(&mut sender, &mut sent);
                }
                masked(&sent)
            }
        }
    }
}

impl Settings {
    fn config(&self) -> Config {
        let mode = if self.dedicated {
            DeflateMode::Dedicated
        } else {
            DeflateMode::Shared
        };
        let window_bits = 9 + self.window % 7;
        Config {
            max_message_bytes: u64::from(self.message) * 2 + 1,
            eager_parts: self.eager,
            deflate: Some(Deflate {
                level: self.level % 10,
                mem_level: 1 + self.memory % 9,
                server_max_window_bits: window_bits,
                client_max_window_bits: window_bits,
                ..Deflate::new(mode, u64::MAX)
            }),
            ..Config::default()
        }
    }
}

impl Message<'_> {
    fn kind(&self) -> MessageKind {
        if self.is_text {
            MessageKind::Text
        } else {
            MessageKind::Binary
        }
    }

    fn frames(&self) -> Vec<u8> {
        let mut cuts = self
            .cuts
            .map(|cut| usize::from(cut).min(self.payload.len()));
        cuts.sort_unstable();
        let [first, second] = cuts;
        let rsv1 = if self.is_plain { 0 } else { 0x40 };
        [
            frame(rsv1 | self.kind() as u8, &self.payload[..first]),
            frame(0x00, &self.payload[first..second]),
            frame(0x80, &self.payload[second..]),
        ]
        .concat()
    }
}

impl Echo<'_> {
    fn message(&self) -> (MessageKind, Vec<u8>) {
        let bytes = self.payload.to_bytes();
        let kind = match str::from_utf8(&bytes) {
            Ok(_) => MessageKind::Text,
            Err(_) => MessageKind::Binary,
        };
        (kind, bytes)
    }

    /// Has the message sent, as the reactor does.
    fn send(&self, sender: &mut dyn Codec, out: &mut Vec<u8>) {
        let (kind, bytes) = self.message();
        let (first, second) = bytes.split_at(usize::from(self.cut).min(bytes.len()));
        let fragments = [first, second];
        for (at, fragment) in fragments.into_iter().enumerate() {
            let outgoing = Outgoing {
                kind,
                first: at == 0,
                last: at == 1,
                compress: Some(!self.is_plain),
            };
            if sender.begin(outgoing, fragment.len() as u64, out) == Payload::Plain {
                out.extend_from_slice(fragment);
                continue;
            }
            let mut rest = fragment;
            loop {
                let len = usize::from(self.chunk)
                    .clamp(1, rest.len().max(1))
                    .min(rest.len());
                let (chunk, behind) = rest.split_at(len);
                sender.transform(chunk, &mut |bytes| out.extend_from_slice(bytes));
                rest = behind;
                if rest.is_empty() {
                    break;
                }
            }
        }
    }
}

/// The first few, lest one case takes too long.
fn sendable<'a, 'b>(echoes: &'a [Echo<'b>]) -> &'a [Echo<'b>] {
    let mut bytes = 0;
    let is_beyond = |echo: &Echo<'_>| {
        bytes += echo.message().1.len();
        bytes > MAX_ECHOED_BYTES
    };
    let end = echoes.iter().position(is_beyond);
    &echoes[..end.unwrap_or(echoes.len())]
}

/// The frames of a server, as a client would send them.
fn masked(mut frames: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let [byte0, len, rest @ ..] = frames {
        let (len, rest) = match (len, rest) {
            (0x7E, [a, b, rest @ ..]) => (usize::from(u16::from_be_bytes([*a, *b])), rest),
            (0x7F, [0, 0, 0, 0, a, b, c, d, rest @ ..]) => {
                (u32::from_be_bytes([*a, *b, *c, *d]) as usize, rest)
            }
            (len, rest) => (usize::from(*len), rest),
        };
        let (payload, behind) = rest.split_at(len);
        out.extend(frame(*byte0, payload));
        frames = behind;
    }
    out
}

/// Two of the longest payloads.
const MAX_ECHOED_BYTES: usize = 140_000;
