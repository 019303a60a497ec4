//! The same frames, good and bad ones, through this codec and through tungstenite's: they have to agree.
//!
//! Only complete frames with minimally encoded lengths are generated, and no close code of 1014: see `peer`.

use gev_wire::websocket::Config;
use proptest::prelude::*;

use crate::kit::{feed, frame, open_web_socket};
use crate::peer::Outcome;

const MAX_MESSAGE: usize = 2000;

fn ours(bytes: &[u8], piece: usize, at: usize, block_every: usize) -> Outcome {
    let config = Config {
        max_message_bytes: MAX_MESSAGE as u64,
        ..Config::default()
    };
    let (mut web_socket, mut sink) = open_web_socket(config);
    sink.block_every = block_every;
    let pieces: Vec<&[u8]> = bytes.chunks(piece).collect();
    let end = feed(&mut web_socket, &pieces, at, &mut sink);
    Outcome::of_ours(&sink, end)
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[a-z]{0,30}".prop_map(String::into_bytes),
        3 => "\\PC{0,20}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..140),
        1 => prop_oneof![0..MAX_MESSAGE, MAX_MESSAGE - 1..MAX_MESSAGE + 3]
            .prop_map(|len| vec![b'x'; len]),
    ]
}

/// A message of a client in a number of frames, with pings between them.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let cuts = prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..4);
    (any::<bool>(), payload(), cuts).prop_map(|(is_text, payload, cuts)| {
        let mut places: Vec<(usize, bool)> = cuts
            .iter()
            .map(|(at, ping)| (at.index(payload.len() + 1), *ping))
            .collect();
        places.sort_unstable();
        let mut frames = Vec::new();
        let mut opcode = if is_text { 0x1 } else { 0x2 };
        let mut from = 0;
        for (at, ping) in places {
            frames.extend(frame(opcode, &payload[from..at]));
            if ping {
                frames.extend(frame(0x89, &[at as u8]));
            }
            (opcode, from) = (0x0, at);
        }
        frames.extend(frame(0x80 | opcode, &payload[from..]));
        frames
    })
}

/// Any frame, which may well break a rule here.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let close = (any::<u16>(), "\\PC{0,9}")
        .prop_filter("registered by now", |(code, _)| *code != 1014)
        .prop_map(|(code, reason)| [&code.to_be_bytes(), reason.as_bytes()].concat());
    let valid_close = (1000u16..1004).prop_map(|code| code.to_be_bytes().to_vec());
    prop_oneof![
        3 => (any::<u8>(), payload()).prop_filter("not a close frame", |(byte0, _)| byte0 & 0xF != 8)
            .prop_map(|(byte0, payload)| frame(byte0, &payload)),
        3 => (prop::sample::select(vec![0x00, 0x80, 0x01, 0x81, 0x89, 0x8A]), payload())
            .prop_map(|(byte0, payload)| frame(byte0, &payload)),
        1 => prop_oneof![close, valid_close].prop_map(|payload| frame(0x88, &payload)),
        1 => prop::collection::vec(any::<u8>(), 0..2).prop_map(|payload| frame(0x88, &payload)),
        1 => "[a-z]{0,9}".prop_map(|text| [&[0x81, text.len() as u8], text.as_bytes()].concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]
    #[test]
    fn agrees_with_tungstenite(
        frames in prop::collection::vec(prop_oneof![8 => message(), 1 => any_frame()], 0..12),
        piece in 1usize..3000,
        at in 0usize..128,
        block_every in prop::sample::select(vec![0usize, 2, 3]),
    ) {
        let bytes = frames.concat();
        let ours = ours(&bytes, piece, at, block_every);
        prop_assert_eq!(ours, Outcome::of_tungstenite(&bytes, MAX_MESSAGE));
    }
}
