//! Messages: sizes, parts, limits, and what a full sink does to them.

use gev_wire::websocket::Config;
use gev_wire::{Codec, Decoded, Input, MessageKind, Outgoing, PART_BYTES, Payload};

use crate::kit::{
    BINARY, BINARY_MORE, Collector, End, Entry, LAST, MORE, PING, TEXT, TEXT_MORE, binary,
    decode_frames, feed, frame, header, open_web_socket, text,
};

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

/// Feeds frames in pieces of `piece` bytes to an open WebSocket.
fn in_pieces(frames: &[u8], piece: usize, block_every: usize) -> Collector {
    let (mut web_socket, mut sink) = open_web_socket(Config::default());
    sink.block_every = block_every;
    let pieces: Vec<&[u8]> = frames.chunks(piece).collect();
    assert_eq!(feed(&mut web_socket, &pieces, 0, &mut sink), End::NeedMore);
    sink
}

/// RFC 6455 section 5.7, the examples that a client sends.
#[test]
fn the_masked_examples_of_the_rfc() {
    let hello = b"\x81\x85\x37\xFA\x21\x3D\x7F\x9F\x4D\x51\x58";
    let (sink, _) = decode_frames(Config::default(), hello);
    assert_eq!(sink.messages(), [text("Hello")]);
    let ping = b"\x89\x85\x37\xFA\x21\x3D\x7F\x9F\x4D\x51\x58";
    let (sink, _) = decode_frames(Config::default(), ping);
    assert_eq!(sink.replies(), b"\x8A\x05Hello");
    let pong = b"\x8A\x85\x37\xFA\x21\x3D\x7F\x9F\x4D\x51\x58";
    let (sink, _) = decode_frames(Config::default(), pong);
    assert_eq!(sink.log, [Entry::Open]);
}

/// RFC 6455 section 5.7, the examples that a server sends.
#[test]
fn the_unmasked_examples_of_the_rfc() {
    let cases: [(MessageKind, u64, &[u8]); 3] = [
        (MessageKind::Text, 5, b"\x81\x05"),
        (MessageKind::Binary, 256, b"\x82\x7E\x01\x00"),
        (
            MessageKind::Binary,
            65536,
            b"\x82\x7F\x00\x00\x00\x00\x00\x01\x00\x00",
        ),
    ];
    let (mut web_socket, _) = open_web_socket(Config::default());
    for (kind, len, expected) in cases {
        let mut out = Vec::new();
        let payload = web_socket.begin(Outgoing::whole(kind), len, &mut out);
        assert_eq!((payload, out.as_slice()), (Payload::Plain, expected));
    }
}

#[test]
fn messages_of_all_sizes() {
    let mut lens = vec![0, 1, 125, 126, 127, 8191, 8192, 8193, 65535, 65536, 65537];
    lens.extend([PART_BYTES - 1, 2 * PART_BYTES, 2 * PART_BYTES + 1, 200_000]);
    for len in lens {
        let (sink, end) = decode_frames(Config::default(), &frame(BINARY, &bytes(len)));
        assert_eq!(end, End::NeedMore);
        assert_eq!(sink.messages(), [binary(bytes(len))]);
        assert_eq!(
            sink.parts.len(),
            len.div_ceil(PART_BYTES).max(1),
            "parts of {len} bytes"
        );
    }
}

#[test]
fn large_messages_in_pieces_of_all_sizes() {
    let characters = "caf\u{e9} \u{20AC} \u{1F600} ".repeat(9000);
    let mut frames = frame(TEXT, characters.as_bytes());
    frames.extend(frame(BINARY_MORE, &bytes(70_001)));
    frames.extend(frame(PING, b"between"));
    frames.extend(frame(LAST, &bytes(9_999)));
    frames.extend(frame(TEXT, b"after"));
    let whole = in_pieces(&frames, frames.len(), 0);
    assert_eq!(whole.messages()[0], text(&characters));
    assert_eq!(
        whole.messages()[1],
        binary([bytes(70_001), bytes(9_999)].concat())
    );
    for piece in [1, 7, 1000, 4096, 8191, 8192, 10_007, 65_536, 100_000] {
        for block_every in [0, 2] {
            let sink = in_pieces(&frames, piece, block_every);
            assert!(
                sink.log == whole.log,
                "pieces of {piece}, blocked every {block_every}"
            );
        }
    }
}

#[test]
fn small_pieces_are_collected() {
    let sink = in_pieces(&frame(BINARY, &bytes(150_000)), 100, 0);
    assert_eq!(
        sink.parts,
        [PART_BYTES, PART_BYTES, 150_000 - 2 * PART_BYTES]
    );
}

#[test]
fn large_pieces_are_not_collected() {
    let sink = in_pieces(&frame(BINARY, &bytes(3 * 16_384 - 8)), 16_384, 0);
    assert_eq!(sink.parts, [16_384 - 8, 16_384, 16_384]);
    let sink = in_pieces(&frame(BINARY, &bytes(16_384 + 100)), 16_384 + 8, 0);
    assert_eq!(sink.parts, [16_384, 100]);
}

#[test]
fn a_large_piece_pushes_out_what_was_collected() {
    let frames = frame(BINARY, &bytes(20_000));
    let (mut web_socket, mut sink) = open_web_socket(Config::default());
    let (first, second) = frames.split_at(108);
    feed(&mut web_socket, &[first, second], 0, &mut sink);
    assert_eq!(sink.parts, [100, 19_900]);
    assert_eq!(sink.messages(), [binary(bytes(20_000))]);
}

#[test]
fn an_empty_last_part_completes_a_message() {
    let frames = [frame(BINARY_MORE, &bytes(PART_BYTES)), frame(LAST, b"")].concat();
    let (sink, _) = decode_frames(Config::default(), &frames);
    assert_eq!(sink.parts, [PART_BYTES, 0]);
    assert_eq!(sink.messages(), [binary(bytes(PART_BYTES))]);
}

#[test]
fn a_full_sink_loses_and_doubles_nothing() {
    let mut frames = [frame(BINARY_MORE, b"a"), frame(LAST, b"")].concat();
    frames.extend(frame(TEXT, b"whole"));
    frames.extend(frame(BINARY, &bytes(PART_BYTES + 5)));
    let (mut web_socket, mut sink) = open_web_socket(Config::default());
    let mut input = Input::from(&frames[..]);
    for parts in 0..4 {
        assert_eq!(sink.parts.len(), parts);
        for _ in 0..3 {
            sink.room = Some(0);
            assert_eq!(
                web_socket.decode(&mut input, &mut sink),
                Ok(Decoded::Blocked)
            );
        }
        let end = if parts == 3 {
            Decoded::NeedMore
        } else {
            Decoded::Blocked
        };
        sink.room = Some(1);
        assert_eq!(web_socket.decode(&mut input, &mut sink), Ok(end));
    }
    let expected = [binary("a"), text("whole"), binary(bytes(PART_BYTES + 5))];
    assert!(sink.messages() == expected);
    assert!(input.is_empty());
}

#[test]
fn limits_are_for_the_message_and_exact() {
    let config = Config {
        max_message_bytes: 1000,
        max_fragments: 3,
        ..Config::default()
    };
    let (sink, end) = decode_frames(config.clone(), &frame(BINARY, &bytes(1000)));
    assert_eq!((sink.messages().len(), end), (1, End::NeedMore));
    let three = [
        frame(BINARY_MORE, &bytes(500)),
        frame(MORE, &bytes(500)),
        frame(LAST, b""),
    ];
    // Each message counts anew.
    let (sink, end) = decode_frames(config.clone(), &three.concat().repeat(3));
    assert_eq!((sink.messages().len(), end), (3, End::NeedMore));
    let sum = [
        frame(BINARY_MORE, &bytes(400)),
        frame(MORE, &bytes(400)),
        header(LAST, 201),
    ];
    let (_, end) = decode_frames(config.clone(), &sum.concat());
    assert!(matches!(end, End::Failed(error) if error.code == 1009));
    let four = [
        frame(BINARY_MORE, b""),
        frame(MORE, b""),
        frame(MORE, b""),
        header(LAST, 0),
    ];
    let (_, end) = decode_frames(config, &four.concat());
    assert!(matches!(end, End::Failed(error) if error.code == 1009));
}

#[test]
fn zero_means_no_limit() {
    let config = Config {
        max_message_bytes: 0,
        max_fragments: 0,
        ..Config::default()
    };
    let mut frames = frame(BINARY_MORE, b"a");
    frames.extend(frame(MORE, b"").repeat(20_000));
    frames.extend(header(MORE, i64::MAX as u64));
    let (_, end) = decode_frames(config, &frames);
    assert_eq!(end, End::NeedMore);
}

/// RFC 6455 section 8.1: as soon as the bad byte is seen, although neither frame nor message is complete.
#[test]
fn bad_text_fails_at_the_bad_byte() {
    let mut frames = frame(TEXT_MORE, b"caf\xC3");
    let second = frame(MORE, b"\xA9 then \xE2\x82\x28 and more");
    let bad = 6 + b"\xA9 then \xE2\x82".len();
    frames.extend(&second[..bad]);
    let (mut web_socket, mut sink) = open_web_socket(Config::default());
    assert_eq!(
        feed(&mut web_socket, &[&frames], 0, &mut sink),
        End::NeedMore
    );
    let end = feed(&mut web_socket, &[&second[bad..=bad]], 0, &mut sink);
    assert!(matches!(end, End::Failed(error) if error.code == 1007));
    assert_eq!(sink.messages(), []);
}

#[test]
fn binary_messages_need_not_be_text() {
    let frames = [
        frame(BINARY, b"\xFF\xFE"),
        frame(BINARY_MORE, b"\xC3"),
        frame(LAST, b"\x28"),
    ];
    let (sink, end) = decode_frames(Config::default(), &frames.concat());
    assert_eq!(end, End::NeedMore);
    assert_eq!(sink.messages(), [binary(b"\xFF\xFE"), binary(b"\xC3\x28")]);
}
