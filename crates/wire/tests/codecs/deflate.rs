//! Compressed messages (RFC 7692): the examples, context takeover, limits, and a peer made with the same library but on
//! streams of its own.

use std::sync::Arc;

use gev_wire::websocket::{Budget, Config, Deflate, DeflateMode, Shared, WebSocket};
use gev_wire::{Codec, Decoded, Input, MessageKind, Outgoing, Payload};
use proptest::prelude::*;
use zlib_rs::{DeflateConfig, DeflateFlush, Inflate, InflateFlush};

use crate::kit::{
    BINARY, Collector, End, LAST, MORE, PING, REQUEST, TEXT, TEXT_MORE, binary, decode, feed,
    frame, text,
};

const RSV1: u8 = 0x40;

fn config(mode: DeflateMode) -> Config {
    Config {
        max_message_bytes: 100_000,
        deflate: Some(Deflate {
            threshold: 0,
            ..Deflate::new(mode, 1 << 30)
        }),
        ..Config::default()
    }
}

/// An open connection whose client has offered this.
fn open(config: &Config, offer: &str) -> (WebSocket, Collector) {
    let head = REQUEST.strip_suffix(b"\r\n").expect("an empty line");
    let offer = format!("Sec-WebSocket-Extensions: {offer}\r\n\r\n");
    let request = [head, offer.as_bytes()].concat();
    let mut web_socket = WebSocket::new(Shared::new(Arc::new(config.clone())));
    let mut sink = Collector::default();
    let end = decode(&mut web_socket, &mut Input::from(&request[..]), &mut sink);
    assert_eq!(end, End::NeedMore);
    sink.log.truncate(1);
    (web_socket, sink)
}

/// The client's side: compresses on one stream, as long as it keeps its context.
struct Client {
    deflate: zlib_rs::Deflate,
    inflate: Inflate,
}

impl Client {
    fn new() -> Self {
        let config = DeflateConfig {
            window_bits: -15,
            ..DeflateConfig::default()
        };
        Self {
            deflate: zlib_rs::Deflate::new_with_config(config),
            inflate: Inflate::new(false, 15),
        }
    }

    /// The payload of a compressed message.
    fn compress(&mut self, message: &[u8]) -> Vec<u8> {
        let mut out = vec![0; message.len() + message.len() / 8 + 100];
        let before = self.deflate.total_out();
        self.deflate
            .compress(message, &mut out, DeflateFlush::SyncFlush)
            .expect("compressed");
        out.truncate((self.deflate.total_out() - before) as usize);
        if out.is_empty() {
            // Nothing to flush: RFC 7692 section 7.2.3.6.
            return vec![0x00];
        }
        assert!(out.ends_with(&[0, 0, 0xFF, 0xFF]));
        out.truncate(out.len() - 4);
        out
    }

    /// The message that a payload without its tail stands for.
    fn decompress(&mut self, payload: &[u8]) -> Vec<u8> {
        let input = [payload, &[0, 0, 0xFF, 0xFF]].concat();
        let mut out = vec![0; 1 << 20];
        let before = self.inflate.total_out();
        let used = self.inflate.total_in();
        self.inflate
            .decompress(&input, &mut out, InflateFlush::SyncFlush)
            .expect("valid");
        assert_eq!(self.inflate.total_in() - used, input.len() as u64);
        out.truncate((self.inflate.total_out() - before) as usize);
        out
    }
}

/// What is written for a message or fragment, in pieces of so many bytes.
fn encode(web_socket: &mut WebSocket, outgoing: Outgoing, message: &[u8], piece: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let payload = web_socket.begin(outgoing, message.len() as u64, &mut out);
    if payload == Payload::Plain {
        out.extend_from_slice(message);
    } else if message.is_empty() {
        web_socket.transform(b"", &mut |bytes| out.extend_from_slice(bytes));
    } else {
        for piece in message.chunks(piece) {
            web_socket.transform(piece, &mut |bytes| out.extend_from_slice(bytes));
        }
    }
    out
}

/// The frames of a server: first byte and payload.
fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let [byte0, len, rest @ ..] = bytes {
        let (len, rest) = match len {
            126 => (
                usize::from(u16::from_be_bytes([rest[0], rest[1]])),
                &rest[2..],
            ),
            127 => {
                let len = u64::from_be_bytes(rest[..8].try_into().expect("eight bytes"));
                (len as usize, &rest[8..])
            }
            len => (usize::from(*len), rest),
        };
        frames.push((*byte0, rest[..len].to_vec()));
        bytes = &rest[len..];
    }
    frames
}

#[test]
fn the_examples_of_the_rfc() {
    // RFC 7692 section 7.2.3: one frame, two frames, a block without compression, one with BFINAL, two blocks.
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let stored = [
        0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
    ];
    let last_block = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    let two_blocks = [
        0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
    ];
    let bytes = [
        frame(TEXT | RSV1, &hello),
        frame(TEXT_MORE | RSV1, &hello[..3]),
        frame(PING, b"between"),
        frame(LAST, &hello[3..]),
        frame(TEXT | RSV1, &stored),
        frame(TEXT | RSV1, &last_block),
        frame(TEXT | RSV1, &two_blocks),
        // Not compressed, in between.
        frame(TEXT, b"Hello"),
        frame(TEXT | RSV1, &[0x00]),
    ]
    .concat();
    let expected: Vec<_> = [["Hello"; 6].as_slice(), &[""]].concat();
    let expected: Vec<_> = expected.into_iter().map(text).collect();
    for mode in [DeflateMode::Shared, DeflateMode::Dedicated] {
        for piece in [1, 2, 3, 7, 1000] {
            for block_every in [0, 2, 3] {
                let (mut web_socket, mut sink) = open(&config(mode), "permessage-deflate");
                sink.block_every = block_every;
                let pieces: Vec<&[u8]> = bytes.chunks(piece).collect();
                let end = feed(&mut web_socket, &pieces, 0, &mut sink);
                assert_eq!(end, End::NeedMore, "{mode:?}, pieces of {piece}");
                assert_eq!(sink.messages(), expected, "{mode:?}, pieces of {piece}");
            }
        }
    }
}

#[test]
fn a_clients_context_is_kept_where_it_was_agreed_on() {
    // RFC 7692 section 7.2.3.2: the second "Hello" refers to the first.
    let first = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let second = [0xf2, 0x00, 0x11, 0x00, 0x00];
    let bytes = [frame(TEXT | RSV1, &first), frame(TEXT | RSV1, &second)].concat();
    let (mut web_socket, mut sink) = open(&config(DeflateMode::Dedicated), "permessage-deflate");
    let end = decode(&mut web_socket, &mut Input::from(&bytes[..]), &mut sink);
    assert_eq!(end, End::NeedMore);
    assert_eq!(sink.messages(), [text("Hello"), text("Hello")]);
    // Otherwise there is nothing to refer to.
    let (mut web_socket, mut sink) = open(&config(DeflateMode::Shared), "permessage-deflate");
    let end = decode(&mut web_socket, &mut Input::from(&bytes[..]), &mut sink);
    assert!(
        matches!(end, End::Failed(error) if error.code == 1007),
        "{end:?}"
    );
}

#[test]
fn the_reserved_bit_is_for_the_first_frame_of_a_message_and_only_where_agreed() {
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let cases = [
        ("permessage-deflate", frame(LAST | RSV1, &hello)),
        (
            "permessage-deflate",
            [frame(TEXT_MORE | RSV1, &hello), frame(LAST | RSV1, b"")].concat(),
        ),
        ("permessage-deflate", frame(PING | RSV1, b"")),
        ("permessage-deflate", frame(TEXT | 0x20, &hello)),
        ("permessage-deflate", frame(TEXT | RSV1 | 0x10, &hello)),
        ("permessage-deflate; what", frame(TEXT | RSV1, &hello)),
    ];
    for (offer, bytes) in cases {
        let (mut web_socket, mut sink) = open(&config(DeflateMode::Shared), offer);
        let end = decode(&mut web_socket, &mut Input::from(&bytes[..]), &mut sink);
        assert!(
            matches!(end, End::Failed(error) if error.code == 1002),
            "{bytes:x?}: {end:?}"
        );
    }
}

#[test]
fn what_cannot_be_inflated_or_is_no_text_fails() {
    for (payload, byte0) in [
        (&[0xFF, 0xFF, 0xFF][..], BINARY),
        // A stored block whose lengths do not fit each other.
        (&[0x00, 0x05, 0x00, 0x00, 0x00, 0x48], BINARY),
        // A stored block of "\xFF".
        (&[0x00, 0x01, 0x00, 0xFE, 0xFF, 0xFF, 0x00], TEXT),
    ] {
        for piece in [1, 100] {
            let (mut web_socket, mut sink) =
                open(&config(DeflateMode::Shared), "permessage-deflate");
            let bytes = frame(byte0 | RSV1, payload);
            let pieces: Vec<&[u8]> = bytes.chunks(piece).collect();
            let end = feed(&mut web_socket, &pieces, 0, &mut sink);
            assert!(
                matches!(end, End::Failed(error) if error.code == 1007),
                "{payload:x?}: {end:?}"
            );
            assert!(sink.messages().is_empty());
        }
    }
}

#[test]
fn limits_count_what_has_been_inflated() {
    for (len, fits) in [(100_000, true), (100_001, false), (2_000_000, false)] {
        let payload = Client::new().compress(&vec![b'a'; len]);
        for piece in [1000, usize::MAX] {
            for mode in [DeflateMode::Shared, DeflateMode::Dedicated] {
                let (mut web_socket, mut sink) = open(&config(mode), "permessage-deflate");
                let bytes = frame(BINARY | RSV1, &payload);
                let pieces: Vec<&[u8]> = bytes.chunks(piece).collect();
                let end = feed(&mut web_socket, &pieces, 0, &mut sink);
                if fits {
                    assert_eq!(end, End::NeedMore);
                    assert!(sink.messages() == [binary(vec![b'a'; len])]);
                } else {
                    assert!(matches!(end, End::Failed(error) if error.code == 1009));
                }
                // Of a bomb no more than the limit is ever handed over.
                assert!(sink.parts.iter().sum::<usize>() <= 100_000);
            }
        }
    }
}

#[test]
fn what_does_not_get_smaller_may_be_as_large_as_the_limit() {
    let noise: Vec<u8> = (0..100_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let payload = Client::new().compress(&noise);
    let (mut web_socket, mut sink) = open(&config(DeflateMode::Shared), "permessage-deflate");
    let bytes = frame(BINARY | RSV1, &payload);
    let end = decode(&mut web_socket, &mut Input::from(&bytes[..]), &mut sink);
    assert_eq!(end, End::NeedMore);
    assert!(sink.messages() == [binary(noise)]);
}

#[test]
fn short_messages_go_out_as_they_are_unless_told_otherwise() {
    let mut config = config(DeflateMode::Shared);
    if let Some(deflate) = &mut config.deflate {
        deflate.threshold = 10;
    }
    let (mut web_socket, _) = open(&config, "permessage-deflate");
    let whole = Outgoing::whole(MessageKind::Text);
    let compressed = |out: &[u8]| out[0] & RSV1 != 0;
    for (message, compress, expected) in [
        (&b"123456789"[..], None, false),
        (b"1234567890", None, true),
        (b"1234567890", Some(false), false),
        (b"", Some(true), true),
    ] {
        let outgoing = Outgoing { compress, ..whole };
        let out = encode(&mut web_socket, outgoing, message, 100);
        assert_eq!(compressed(&out), expected, "{message:?} {compress:?}");
    }
    // Where nothing was agreed on nobody can ask for it.
    let (mut web_socket, _) = open(&config, "x-other");
    let outgoing = Outgoing {
        compress: Some(true),
        ..whole
    };
    assert!(!compressed(&encode(
        &mut web_socket,
        outgoing,
        b"1234567890",
        100
    )));
}

#[test]
fn fragments_of_a_compressed_message_can_be_read_as_they_come() {
    let (mut web_socket, _) = open(&config(DeflateMode::Dedicated), "permessage-deflate");
    let mut client = Client::new();
    for round in 0..3 {
        let mut payload = Vec::new();
        for (n, part) in [&b"first, "[..], b"second, ", b""].iter().enumerate() {
            let outgoing = Outgoing {
                kind: MessageKind::Text,
                first: n == 0,
                last: n == 2,
                compress: Some(true),
            };
            let out = encode(&mut web_socket, outgoing, part, 3);
            for (byte0, bytes) in frames(&out) {
                assert_eq!(byte0 & RSV1 != 0, n == 0 && payload.is_empty());
                assert_eq!(byte0 & 0x80 != 0, n == 2, "round {round}, part {n}");
                payload.extend(bytes);
            }
            // All of a fragment is there when it has been sent.
            assert!(n == 2 || payload.ends_with(&[0, 0, 0xFF, 0xFF]));
        }
        assert_eq!(client.decompress(&payload), b"first, second, ");
    }
}

#[test]
fn connections_of_a_loop_do_not_mix_the_messages_that_are_half_way() {
    let config = config(DeflateMode::Shared);
    let shared = Shared::new(Arc::new(config.clone()));
    let head = REQUEST.strip_suffix(b"\r\n").expect("an empty line");
    let request = [
        head,
        b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
    ]
    .concat();
    let mut connections: Vec<_> = (0..3)
        .map(|_| {
            let mut web_socket = WebSocket::new(Arc::clone(&shared));
            let mut sink = Collector::default();
            decode(&mut web_socket, &mut Input::from(&request[..]), &mut sink);
            (web_socket, sink)
        })
        .collect();
    let messages: Vec<Vec<u8>> = (0..3_u8)
        .map(|n| (0..5000).map(|i| (i / 7) as u8 ^ n).collect())
        .collect();
    let streams: Vec<Vec<u8>> = messages
        .iter()
        .map(|message| frame(BINARY | RSV1, &Client::new().compress(message)))
        .collect();
    let longest = streams.iter().map(Vec::len).max().unwrap_or(0);
    for at in 0..longest {
        for ((web_socket, sink), stream) in connections.iter_mut().zip(&streams) {
            if let Some(byte) = stream.get(at..=at) {
                // The header is fed at once, as what is left of an input has to be presented again.
                let bytes = match at {
                    0..8 => continue,
                    8 => &stream[..=8],
                    _ => byte,
                };
                decode(web_socket, &mut Input::from(bytes), sink);
            }
        }
    }
    for ((_, sink), message) in connections.iter().zip(messages) {
        assert!(sink.messages() == [binary(message)]);
    }
}

/// Few bytes that become many are inflated as far as there is room, and no further.
#[test]
fn a_message_is_not_inflated_without_room() {
    let message = vec![b'a'; 90_000];
    for (fin, rest) in [(LAST, &b""[..]), (MORE, &frame(LAST, &[])[..])] {
        let (mut web_socket, mut sink) = open(&config(DeflateMode::Shared), "permessage-deflate");
        let payload = Client::new().compress(&message);
        let bytes = [&frame(fin | 0x02 | RSV1, &payload)[..], rest].concat();
        let mut input = Input::from(&bytes[..]);
        for (room, parts) in [(0, vec![]), (5000, vec![5000]), (0, vec![5000])] {
            sink.rooms = vec![room, 0];
            let decoded = web_socket.decode(&mut input, &mut sink);
            assert_eq!(decoded, Ok(Decoded::Blocked));
            // In the middle of a frame parts are collected first.
            let taken = web_socket.kept_len().max(sink.parts.iter().sum());
            assert_eq!(taken > 0, !parts.is_empty());
            assert!(taken < 3 * 5000);
            assert_eq!(web_socket.is_half_way(), room > 0 || !parts.is_empty());
        }
        sink.rooms = vec![];
        assert_eq!(
            web_socket.decode(&mut input, &mut sink),
            Ok(Decoded::NeedMore)
        );
        assert_eq!(sink.messages(), [binary(&message)]);
        assert!(!web_socket.is_half_way());
        assert_eq!(web_socket.kept_len(), 0);
    }
}

/// A handler that takes messages in pieces keeps none of them.
#[test]
fn pieces_need_no_room() {
    let config = Config {
        eager_parts: true,
        ..config(DeflateMode::Shared)
    };
    let (mut web_socket, mut sink) = open(&config, "permessage-deflate");
    sink.rooms = vec![0];
    let payload = Client::new().compress(&[b'a'; 90_000]);
    let bytes = frame(MORE | 0x02 | RSV1, &payload);
    let end = decode(&mut web_socket, &mut Input::from(&bytes[..]), &mut sink);
    assert_eq!(end, End::NeedMore);
    assert!(!web_socket.is_half_way());
    assert!(sink.parts.iter().sum::<usize>() > 80_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Both directions, with and without context, however messages and network are cut.
    #[test]
    fn messages_survive_both_ways(
        messages in prop::collection::vec(
            (prop::collection::vec(prop::sample::select(&b"abcdefgh \xC3\xA9"[..]), 0..3000), 1usize..40, 1usize..50),
            1..6,
        ),
        dedicated: bool,
        piece in 1usize..500,
        block_every in 0usize..4,
        rooms in prop_oneof![
            Just(vec![]),
            prop::collection::vec(prop_oneof![Just(0), 1usize..5000], 1..4),
        ],
        level in 0u8..10,
        window_bits in 9u8..16,
    ) {
        let mode = if dedicated { DeflateMode::Dedicated } else { DeflateMode::Shared };
        let mut config = config(mode);
        if let Some(deflate) = &mut config.deflate {
            deflate.level = level;
            deflate.server_max_window_bits = window_bits;
        }
        let (mut web_socket, mut sink) = open(&config, "permessage-deflate; client_max_window_bits");
        sink.block_every = if block_every == 1 { 2 } else { block_every };
        if rooms.iter().any(|room| *room > 0) {
            sink.rooms = rooms;
        }
        let mut client = Client::new();
        for (message, repeats, split) in &messages {
            let message = message.repeat(*repeats % 3 + 1);
            // To the server.
            if !dedicated {
                client = Client::new();
            }
            let payload = client.compress(&message);
            let mut bytes = Vec::new();
            let chunks: Vec<&[u8]> = payload.chunks(payload.len() / split + 1).collect();
            for (n, chunk) in chunks.iter().enumerate() {
                let fin = if n + 1 == chunks.len() { LAST } else { MORE };
                bytes.extend(frame(fin | if n == 0 { 0x02 | RSV1 } else { 0 }, chunk));
            }
            let pieces: Vec<&[u8]> = bytes.chunks(piece).collect();
            prop_assert_eq!(feed(&mut web_socket, &pieces, 0, &mut sink), End::NeedMore);
            let received = sink.messages().pop();
            prop_assert!(received == Some(binary(&message)));
            // And back.
            let out = encode(&mut web_socket, Outgoing::whole(MessageKind::Binary), &message, piece);
            let frames = frames(&out);
            let payload: Vec<u8> = frames.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
            for (n, (byte0, _)) in frames.iter().enumerate() {
                prop_assert_eq!(byte0 & RSV1 != 0, n == 0);
                prop_assert_eq!(byte0 & 0x80 != 0, n + 1 == frames.len());
            }
            prop_assert!(client.decompress(&payload) == message);
        }
    }
}

#[test]
fn blocks_that_end_a_stream_are_few() {
    // An empty block that says that it is the last one, many times: two bytes make work for a kilobyte.
    for (count, fits) in [(60, true), (1000, false), (60_000, false)] {
        let mut payload = [0x03, 0x00].repeat(count);
        payload.push(0x00);
        let (mut web_socket, mut sink) = open(&config(DeflateMode::Shared), "permessage-deflate");
        let bytes = frame(BINARY | RSV1, &payload);
        let end = decode(&mut web_socket, &mut Input::from(&bytes[..]), &mut sink);
        if fits {
            assert_eq!((end, sink.messages()), (End::NeedMore, vec![binary(b"")]));
        } else {
            assert!(
                matches!(end, End::Failed(error) if error.code == 1007),
                "{end:?}"
            );
        }
    }
}

#[test]
fn messages_that_are_half_way_in_have_a_budget() {
    let config = config(DeflateMode::Shared);
    let settings = config.deflate.as_ref().expect("compression");
    let config = Config {
        deflate: Some(Deflate {
            borrowed: Arc::new(Budget::new(100_000)),
            ..settings.clone()
        }),
        ..config
    };
    let half = frame(0x02 | RSV1, &[0xf2]);
    let mut open_ones = Vec::new();
    for n in 0..3 {
        let (mut web_socket, mut sink) = open(&config, "permessage-deflate");
        // A frame without payload takes nothing.
        let empty = frame(0x02 | RSV1, b"");
        if n == 2 {
            let end = decode(&mut web_socket, &mut Input::from(&empty[..]), &mut sink);
            assert_eq!(end, End::NeedMore);
        }
        let bytes = if n == 2 {
            frame(MORE, &[0xf2])
        } else {
            half.clone()
        };
        let end = decode(&mut web_socket, &mut Input::from(&bytes[..]), &mut sink);
        if n < 2 {
            assert_eq!(end, End::NeedMore);
        } else {
            assert!(
                matches!(end, End::Failed(error) if error.code == 1013),
                "{end:?}"
            );
        }
        open_ones.push(web_socket);
    }
    open_ones.clear();
    let (mut web_socket, mut sink) = open(&config, "permessage-deflate");
    let end = decode(&mut web_socket, &mut Input::from(&half[..]), &mut sink);
    assert_eq!(
        end,
        End::NeedMore,
        "those that are gone have given theirs back"
    );
}
