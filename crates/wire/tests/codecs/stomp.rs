//! Frames of STOMP.

use gev_wire::{CloseCause, Codec, FrameFault, Input, PART_BYTES, StompConfig, Stream};
use proptest::prelude::*;

use crate::kit::{Collector, End, Entry, binary, decode, feed, feed_whole};
use crate::twins::{Verdict, stomp_ends};

fn config() -> StompConfig {
    StompConfig {
        max_message_bytes: 1 << 20,
        max_header_bytes: 300,
        max_headers: 5,
    }
}

fn stomp() -> Stream {
    Stream::stomp(config())
}

fn refused(config: StompConfig, bytes: &[u8]) -> (Collector, FrameFault) {
    let (sink, end) = feed_whole(&mut Stream::stomp(config), bytes);
    assert!(matches!(end, End::Failed(_)), "{end:?}");
    let told = |entry: &Entry| match entry {
        Entry::Wrong(error) => Some(error.reason),
        _ => None,
    };
    let reason = sink.log.iter().find_map(told).expect("an error");
    (sink, reason)
}

/// Of the document of STOMP 1.2, and what is easily cut at the wrong place.
const FRAMES: [&str; 9] = [
    "CONNECT\naccept-version:1.2\nhost:stomp.github.org\n\n\0",
    "SEND\ndestination:/queue/a\ncontent-type:text/plain\n\nhello queue a\n\0",
    "SEND\r\ndestination:/queue/a\r\ncontent-length:7\r\n\r\na\0b\0\r\n\n\0",
    "SEND\ncontent-length:0\n\n\0",
    "MESSAGE\ncontent-length:1\ncontent-length:9\n\n\0\0",
    "MESSAGE\ncontent-lengthy:9\ncontent-lengt:9\n x:content-length:9\n\n\0",
    "MESSAGE\nkey\\cwith:\\r\\n\\\\\nä:ö\n\n€\0",
    "DISCONNECT\n\n\0",
    "ERROR\nContent-Length:9\n\n\0",
];

#[test]
fn every_frame_is_a_message_wherever_it_is_cut() {
    for between in ["", "\n", "\r\n\n\n"] {
        let bytes = [between, &FRAMES.join(between), between].concat();
        for block_every in [0, 2, 3] {
            for cut in 0..=bytes.len() {
                let (first, second) = bytes.as_bytes().split_at(cut);
                let mut sink = Collector::blocking(block_every);
                let end = feed(&mut stomp(), &[first, second], cut % 64, &mut sink);
                assert_eq!(end, End::NeedMore);
                assert_eq!(sink.messages(), FRAMES.map(binary), "{between:?} {cut}");
            }
            let pieces: Vec<&[u8]> = bytes.as_bytes().chunks(1).collect();
            let mut sink = Collector::blocking(block_every);
            feed(&mut stomp(), &pieces, 0, &mut sink);
            assert_eq!(sink.messages(), FRAMES.map(binary));
        }
    }
}

#[test]
fn what_is_no_frame_is_malformed() {
    for bytes in [
        "GET / HTTP/1.1\r\n",
        "send\n",
        "\0",
        "SEND\0",
        "SEND\rX",
        "SEND\na:b\rX",
        "SEND\na:\0",
        "SEND\ncontent-length:\n",
        "SEND\ncontent-length: 5\n",
        "SEND\ncontent-length:-5\n",
        "SEND\ncontent-length:5x\n",
        "SEND\ncontent-length:1\n\nab",
    ] {
        assert_eq!(
            refused(config(), bytes.as_bytes()).1,
            FrameFault::Malformed,
            "{bytes:?}"
        );
    }
}

#[test]
fn what_is_too_long_is_refused_at_once() {
    let limited = StompConfig {
        max_message_bytes: 100,
        max_header_bytes: 50,
        max_headers: 2,
    };
    for bytes in [
        "SEND\ncontent-length:1099511627776\n\n".to_owned(),
        "SEND\ncontent-length:99999999999999999999\n\n".to_owned(),
        "SEND\ncontent-length:76\n\n".to_owned(),
        format!("SEND\n\n{}", "a".repeat(95)),
        format!("SEND\na:{}", "a".repeat(44)),
        "SEND\na:1\nb:2\nc:3\n".to_owned(),
    ] {
        assert_eq!(
            refused(limited, bytes.as_bytes()).1,
            FrameFault::TooLong,
            "{bytes:?}"
        );
    }
    for bytes in [
        "SEND\ncontent-length:75\n\n".to_owned(),
        format!("SEND\n\n{}", "a".repeat(94)),
        format!("SEND\na:{}", "a".repeat(43)),
        "SEND\na:1\nb:2\n\n".to_owned(),
    ] {
        let (_, end) = feed_whole(&mut Stream::stomp(limited), bytes.as_bytes());
        assert_eq!(end, End::NeedMore, "{bytes:?}");
    }
}

#[test]
fn a_long_body_goes_in_parts() {
    for head in ["SEND\n\n", "SEND\ncontent-length:196608\n\n"] {
        let long = format!("{head}{}\0", "abc".repeat(PART_BYTES));
        let mut codec = stomp();
        let bytes = [&long[..], &long, "S"].concat();
        let mut input = Input::from(bytes.as_bytes());
        let mut sink = Collector::default();
        assert_eq!(decode(&mut codec, &mut input, &mut sink), End::NeedMore);
        assert!(sink.messages() == [binary(&long), binary(&long)]);
        assert_eq!((input.len(), codec.kept_len()), (1, 0));
    }
}

#[test]
fn half_a_frame_at_the_end_is_told() {
    for frame in FRAMES {
        for len in 1..frame.len() {
            let mut codec = stomp();
            let mut sink = Collector::default();
            let mut input = Input::from(&frame.as_bytes()[..len]);
            assert_eq!(decode(&mut codec, &mut input, &mut sink), End::NeedMore);
            let fault = codec
                .end_of_input(&input, &mut sink)
                .expect_err("truncated");
            assert_eq!(fault.cause, CloseCause::Protocol);
            let Some(Entry::Wrong(error)) = sink.log.last() else {
                panic!("not told: {:?}", sink.log);
            };
            assert_eq!(error.reason, FrameFault::Truncated);
            assert_eq!(error.head(), &frame.as_bytes()[..len.min(16)]);
        }
    }
    let mut codec = stomp();
    let (mut sink, _) = feed_whole(&mut codec, b"SEND\n\n\0\n\r\n\n");
    assert_eq!(
        codec.end_of_input(&Input::from(&b""[..]), &mut sink),
        Ok(true)
    );
}

proptest! {
    /// Frames, some of whose bytes may have been changed, cut anywhere.
    #[test]
    fn messages_are_those_of_a_slow_twin(
        frames in prop::collection::vec((
            "[A-Z]{1,4}\r?\n",
            "(([a-c]|content-length):[0-9]{0,2}\r?\n){0,4}",
            "\r?\n[a\\x00\n]{0,9}\\x00[\r\n]{0,2}",
        ), 1..4),
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(&b"\r\n\0a:09A"[..])), 0..3),
        cuts in prop::collection::vec(1..20_usize, 1..9),
    ) {
        let frames: Vec<_> = frames.into_iter().map(|(a, b, c)| [a, b, c].concat()).collect();
        let mut bytes = frames.concat().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let twin = stomp_ends(&bytes, 300, 5);
        let mut pieces = Vec::new();
        let mut rest = &bytes[..];
        for &cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, behind) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        let mut sink = Collector::default();
        let config = StompConfig { max_message_bytes: 0, ..config() };
        let end = feed(&mut Stream::stomp(config), &pieces, cuts[0], &mut sink);
        let messages: Vec<_> = twin.messages.iter().map(|range| binary(&bytes[range.clone()])).collect();
        prop_assert_eq!(sink.messages(), messages);
        match twin.verdict {
            Verdict::NeedMore => prop_assert_eq!(end, End::NeedMore),
            Verdict::Wrong => prop_assert!(matches!(end, End::Failed(_)), "{:?}", end),
        }
    }
}
