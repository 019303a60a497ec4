//! Values of RESP, and requests of it.

use gev_wire::{
    CloseCause, Codec, Decoded, Fate, FrameFault, Input, PART_BYTES, RespConfig, Stream,
};
use proptest::prelude::*;

use crate::kit::{Collector, End, Entry, binary, decode, feed, feed_whole, text};
use crate::twins::{Verdict, resp_ends};

fn config() -> RespConfig {
    RespConfig {
        max_message_bytes: 1 << 20,
        max_depth: 4,
        max_values: 1000,
        requests: false,
        inline: true,
        text: false,
    }
}

fn requests() -> RespConfig {
    RespConfig {
        requests: true,
        ..config()
    }
}

/// What is told of an error, the first one.
fn wrong(sink: &Collector) -> Option<(FrameFault, Option<u64>, Vec<u8>)> {
    sink.log.iter().find_map(|entry| match entry {
        Entry::Wrong(error) => {
            assert_eq!(error.fate, Fate::Closed);
            Some((error.reason, error.len, error.head().to_vec()))
        }
        _ => None,
    })
}

fn refused(config: RespConfig, bytes: &[u8]) -> (Collector, FrameFault) {
    let (sink, end) = feed_whole(&mut Stream::resp(config), bytes);
    assert!(matches!(end, End::Failed(_)), "{end:?}");
    let (reason, ..) = wrong(&sink).expect("an error that is told");
    (sink, reason)
}

/// Of the documents of RESP2 and RESP3, each a whole value.
const VALUES: [&str; 27] = [
    "+OK\r\n",
    "-ERR unknown command 'asdf'\r\n",
    ":-1000\r\n",
    "$5\r\nhello\r\n",
    "$0\r\n\r\n",
    "$-1\r\n",
    "$4\r\n\r\n\r\n\r\n",
    "*0\r\n",
    "*-1\r\n",
    "*3\r\n:1\r\n:2\r\n:3\r\n",
    "*5\r\n:1\r\n:2\r\n:3\r\n:4\r\n$5\r\nhello\r\n",
    "*2\r\n*3\r\n:1\r\n:2\r\n:3\r\n*2\r\n+Hello\r\n-World\r\n",
    "*3\r\n$5\r\nhello\r\n$-1\r\n$5\r\nworld\r\n",
    "_\r\n",
    "#t\r\n",
    ",1.23\r\n",
    ",-inf\r\n",
    "(3492890328409238509324850943850943825024385\r\n",
    "!21\r\nSYNTAX invalid syntax\r\n",
    "=15\r\ntxt:Some string\r\n",
    "%2\r\n+first\r\n:1\r\n+second\r\n:2\r\n",
    "%0\r\n",
    "~5\r\n+orange\r\n+apple\r\n#t\r\n:100\r\n:999\r\n",
    "|1\r\n+key-popularity\r\n%2\r\n$1\r\na\r\n,0.1923\r\n$1\r\nb\r\n,0.0012\r\n*2\r\n:2039123\r\n:9543892\r\n",
    "*3\r\n:1\r\n:2\r\n|1\r\n+ttl\r\n:3600\r\n:3\r\n",
    "|0\r\n:1\r\n",
    ">4\r\n+pubsub\r\n+message\r\n+somechannel\r\n+this is the message\r\n",
];

const REQUESTS: [&str; 8] = [
    "*1\r\n$4\r\nPING\r\n",
    "*2\r\n$3\r\nGET\r\n$0\r\n\r\n",
    "*0\r\n",
    "*-1\r\n",
    "SET a 1\r\n",
    "PING\n",
    " \t\x0B\x0C PING\r\n",
    " *1\r\n",
];

#[test]
fn every_value_is_a_message_wherever_it_is_cut() {
    for (config, values) in [(config(), &VALUES[..]), (requests(), &REQUESTS)] {
        let bytes = values.concat();
        let expected: Vec<_> = values.iter().map(binary).collect();
        for block_every in [0, 2, 3] {
            for cut in 0..=bytes.len() {
                let (first, second) = bytes.as_bytes().split_at(cut);
                let mut sink = Collector::blocking(block_every);
                let end = feed(
                    &mut Stream::resp(config),
                    &[first, second],
                    cut % 64,
                    &mut sink,
                );
                assert_eq!(end, End::NeedMore, "{cut}");
                assert_eq!(sink.messages(), expected, "{cut}");
            }
            let pieces: Vec<&[u8]> = bytes.as_bytes().chunks(1).collect();
            let mut sink = Collector::blocking(block_every);
            feed(&mut Stream::resp(config), &pieces, 0, &mut sink);
            assert_eq!(sink.messages(), expected);
        }
    }
}

#[test]
fn what_is_no_value_is_malformed() {
    for bytes in [
        "PING\r\n",
        "$5\nhello\r\n",
        "$5\r\nhelloXX",
        "$5\r\nhello\rX",
        "$5x\r\n",
        "$\r\n",
        "$-\r\n",
        "$-2\r\n",
        "$+5\r\n",
        "$05\r\nhello\r\n",
        "*-2\r\n",
        "%-1\r\n",
        "!-1\r\n",
        "$?\r\n",
        "*9999999999999999999999\r\n",
        "+a\nb\r\n",
        "+a\rb\r\n",
        ":1\n",
        "*1\r\nx\r\n",
        "\r\n",
        "\0",
    ] {
        assert_eq!(
            refused(config(), bytes.as_bytes()).1,
            FrameFault::Malformed,
            "{bytes:?}"
        );
    }
}

#[test]
fn what_is_no_request_is_malformed() {
    for bytes in [
        "*1\r\n:1\r\n",
        "*1\r\n*1\r\n$1\r\na\r\n",
        "*1\r\n$-1\r\n",
        "*1\r\n+PING\r\n",
        "$4\r\nPING\r\n",
        "+PING\r\n",
        ":1\r\n",
        "\x16\x03\x01",
        "\x16\x03\x01\r\n",
    ] {
        assert_eq!(
            refused(requests(), bytes.as_bytes()).1,
            FrameFault::Malformed,
            "{bytes:?}"
        );
    }
    let inline = false;
    let only_arrays = RespConfig {
        inline,
        ..requests()
    };
    for bytes in ["PING\r\n", "\r\n"] {
        assert_eq!(
            refused(only_arrays, bytes.as_bytes()).1,
            FrameFault::Malformed
        );
    }
}

#[test]
fn what_is_announced_is_refused_at_once_and_never_allocated() {
    let limited = RespConfig {
        max_message_bytes: 100,
        ..config()
    };
    let tib = 1_u64 << 40;
    for (bytes, announced) in [
        (format!("${tib}\r\n"), Some(tib + 18)),
        ("$95\r\n".into(), Some(102)),
        ("*34\r\n".into(), Some(107)),
        (format!("*2\r\n:1\r\n*{tib}\r\n"), None),
        (format!("%{tib}\r\n"), None),
        ("+".repeat(101), None),
    ] {
        let (sink, reason) = refused(limited, bytes.as_bytes());
        assert_eq!(reason, FrameFault::TooLong, "{bytes}");
        let (_, len, _) = wrong(&sink).expect("told");
        assert!(announced.is_none() || len == announced, "{bytes} {len:?}");
    }
    let (sink, end) = feed_whole(&mut Stream::resp(limited), b"$93\r\n");
    assert_eq!((sink.messages(), end), (vec![], End::NeedMore));
    // Without a limit it is let in, and nothing is allocated for it.
    let endless = RespConfig {
        max_message_bytes: 0,
        ..config()
    };
    let mut codec = Stream::resp(endless);
    let (_, end) = feed_whole(&mut codec, format!("${tib}\r\nabc").as_bytes());
    assert_eq!(end, End::NeedMore);
    assert!(codec.kept_len() < 100);
}

#[test]
fn a_request_in_a_line_has_64_kib_at_most() {
    let endless = RespConfig {
        max_message_bytes: 0,
        ..requests()
    };
    let line = |len: usize| [&b"a"[..], &vec![b' '; len - 2], b"\n"].concat();
    let whole = line(1 << 16);
    let two = [&whole[..], &whole[..]].concat();
    let long = line((1 << 16) + 1);
    for piece in [1, 1000, 40_000, two.len()] {
        let feed_all = |bytes: &[u8]| {
            let pieces: Vec<&[u8]> = bytes.chunks(piece).collect();
            let mut sink = Collector::blocking(0);
            let end = feed(&mut Stream::resp(endless), &pieces, 7, &mut sink);
            (sink, end)
        };
        let (sink, end) = feed_all(&two);
        assert!(sink.messages() == [binary(&whole), binary(&whole)]);
        assert_eq!(end, End::NeedMore);
        for bytes in [&long[..], &long[..=1 << 16], &vec![b'x'; 1 << 20]] {
            let (sink, end) = feed_all(bytes);
            assert!(matches!(end, End::Failed(_)), "{end:?}");
            let (reason, announced, _) = wrong(&sink).expect("told");
            assert_eq!((reason, announced), (FrameFault::TooLong, None));
        }
    }
    // What is no request may have longer lines.
    let value = [&b"+"[..], &vec![b'x'; 1 << 17], b"\r\n"].concat();
    let (sink, _) = feed_whole(&mut Stream::resp(config()), &value);
    assert!(sink.messages() == [binary(&value)]);
}

#[test]
fn values_and_depth_have_limits() {
    let limited = RespConfig {
        max_values: 5,
        ..config()
    };
    let five = "*2\r\n*2\r\n:1\r\n:2\r\n*1\r\n:3\r\n";
    // The count begins again with each message.
    let (sink, _) = feed_whole(&mut Stream::resp(limited), five.repeat(2).as_bytes());
    assert_eq!(sink.messages(), [binary(five), binary(five)]);
    let (_, reason) = refused(limited, b"*2\r\n*2\r\n:1\r\n:2\r\n*2\r\n");
    assert_eq!(reason, FrameFault::TooLong);
    let deep = |depth: usize| format!("{}:1\r\n", "*1\r\n".repeat(depth));
    let (sink, _) = feed_whole(&mut Stream::resp(config()), deep(4).as_bytes());
    assert_eq!(sink.messages(), [binary(deep(4))]);
    let (_, reason) = refused(config(), deep(5).as_bytes());
    assert_eq!(reason, FrameFault::Malformed);
    // Whatever the limit says, there is no more room than that.
    let deepest = RespConfig {
        max_depth: u32::MAX,
        ..config()
    };
    let most = RespConfig::MOST_DEPTH;
    let (sink, _) = feed_whole(&mut Stream::resp(deepest), deep(most).as_bytes());
    assert_eq!(sink.messages().len(), 1);
    refused(deepest, deep(most + 1).as_bytes());
}

#[test]
fn a_long_value_goes_in_parts() {
    let long = format!(
        "*2\r\n${len}\r\n{body}\r\n:1\r\n",
        len = 3 * PART_BYTES,
        body = "\r\n*".repeat(PART_BYTES)
    );
    let bytes = [long.as_bytes(), b"+a\r\n", long.as_bytes()].concat();
    for piece in [1000, PART_BYTES, bytes.len()] {
        let pieces: Vec<&[u8]> = bytes.chunks(piece).collect();
        for block_every in [0, 2] {
            let mut sink = Collector::blocking(block_every);
            let mut codec = Stream::resp(config());
            feed(&mut codec, &pieces, 7, &mut sink);
            assert!(
                sink.messages() == [binary(&long), binary("+a\r\n"), binary(&long)],
                "{piece}"
            );
            assert!(sink.parts.iter().all(|&len| len <= PART_BYTES));
            assert_eq!((codec.unfinished_len(), codec.is_half_way()), (0, false));
        }
    }
}

#[test]
fn ascii_goes_as_text_where_that_is_wanted() {
    let config = RespConfig {
        text: true,
        ..config()
    };
    let bytes = "$1\r\na\r\n$2\r\nä\r\n";
    let (sink, _) = feed_whole(&mut Stream::resp(config), bytes.as_bytes());
    assert_eq!(
        sink.messages(),
        [text("$1\r\na\r\n"), binary("$2\r\nä\r\n")]
    );
    let pieces: Vec<&[u8]> = bytes.as_bytes().chunks(1).collect();
    let mut sink = Collector::default();
    feed(&mut Stream::resp(config), &pieces, 0, &mut sink);
    // What came in pieces may be either; what it is made of is the same.
    let values: Vec<_> = sink
        .messages()
        .into_iter()
        .map(|(_, bytes)| bytes)
        .collect();
    assert_eq!(values.concat(), bytes.as_bytes());
}

#[test]
fn half_a_long_value_at_the_end_is_told_with_its_first_bytes() {
    let half = [&b"*1\r\n$300000\r\n"[..], &[b'x'; 2 * PART_BYTES]].concat();
    for piece in [1000, half.len()] {
        let mut codec = Stream::resp(config());
        let mut sink = Collector::default();
        let pieces: Vec<&[u8]> = half.chunks(piece).collect();
        assert_eq!(feed(&mut codec, &pieces, 9, &mut sink), End::NeedMore);
        assert_eq!(codec.unfinished_len(), half.len() as u64);
        let end = codec.end_of_input(&Input::from(&b""[..]), &mut sink);
        assert!(end.is_err());
        let head = b"*1\r\n$300000\r\nxxx".to_vec();
        assert_eq!(wrong(&sink), Some((FrameFault::Truncated, None, head)));
    }
}

#[test]
fn half_a_value_at_the_end_is_told_with_its_first_bytes() {
    for value in VALUES.iter().chain(&REQUESTS) {
        for len in 1..value.len() {
            let config = RespConfig {
                requests: REQUESTS.contains(value),
                ..config()
            };
            for seen in [1, len] {
                let mut codec = Stream::resp(config);
                let mut sink = Collector::default();
                let mut first = Input::from(&value.as_bytes()[..seen]);
                assert_eq!(decode(&mut codec, &mut first, &mut sink), End::NeedMore);
                let rest = &value.as_bytes()[seen - first.len()..len];
                let mut input = Input::from(rest);
                assert_eq!(decode(&mut codec, &mut input, &mut sink), End::NeedMore);
                let fault = codec
                    .end_of_input(&input, &mut sink)
                    .expect_err("truncated");
                assert_eq!(fault.cause, CloseCause::Protocol);
                let head = &value.as_bytes()[..len.min(16)];
                assert_eq!(
                    wrong(&sink),
                    Some((FrameFault::Truncated, None, head.to_vec()))
                );
            }
        }
    }
    let mut codec = Stream::resp(config());
    let mut sink = Collector::default();
    decode(&mut codec, &mut Input::from(&b"+a\r\n"[..]), &mut sink);
    assert_eq!(
        codec.end_of_input(&Input::from(&b""[..]), &mut sink),
        Ok(true)
    );
}

#[test]
fn an_error_waits_for_room_and_nothing_follows_it() {
    let mut codec = Stream::resp(config());
    let mut sink = Collector::blocking(2);
    let bytes = b"x+a\r\n";
    let mut input = Input::from(&bytes[..]);
    let mut blocked = 0;
    let fault = loop {
        match codec.decode(&mut input, &mut sink) {
            Ok(Decoded::Blocked) => blocked += 1,
            Ok(end) => panic!("{end:?}"),
            Err(fault) => break fault,
        }
    };
    assert!(blocked > 0);
    assert_eq!(fault.code, 1002);
    let mut more = Input::from(&b"+b\r\n"[..]);
    assert_eq!(codec.decode(&mut more, &mut sink), Ok(Decoded::NeedMore));
    assert_eq!(sink.messages(), []);
}

fn any_value() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "[a-z ]{0,9}".prop_map(|it| format!("+{it}\r\n")),
        "[A-Z]{1,5}".prop_map(|it| format!("-{it}\r\n")),
        any::<i32>().prop_map(|it| format!(":{it}\r\n")),
        Just("$-1\r\n".to_owned()),
        Just("#t\r\n".to_owned()),
        "[\r\n$*a-c]{0,12}".prop_map(|it| format!("${}\r\n{it}\r\n", it.len())),
    ];
    line.prop_recursive(3, 24, 5, |inner| {
        let kind = prop::sample::select(&["*", "~", ">", "%", "|"]);
        (kind, prop::collection::vec(inner, 0..5)).prop_map(|(kind, values)| {
            let values = match kind {
                "%" => &values[..values.len() / 2 * 2],
                "|" if values.is_empty() => return "*0\r\n".to_owned(),
                "|" => &values[..(values.len() - 1) / 2 * 2 + 1],
                _ => &values[..],
            };
            let count = match kind {
                "%" | "|" => values.len() / 2,
                _ => values.len(),
            };
            format!("{kind}{count}\r\n{}", values.concat())
        })
    })
}

proptest! {
    /// Values, some of whose bytes may have been changed, cut anywhere.
    #[test]
    fn messages_are_those_of_a_slow_twin(
        values in prop::collection::vec(any_value(), 1..5),
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(&b"\r\n$*:0129-a"[..])), 0..3),
        cuts in prop::collection::vec(1..20_usize, 1..9),
        requests in any::<bool>(),
        block_every in 0..3_usize,
    ) {
        let mut bytes = values.concat().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let config = RespConfig { requests, max_message_bytes: 0, ..config() };
        let twin = resp_ends(&bytes, requests, config.max_depth as usize, config.max_values);
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
        let mut sink = Collector::blocking(block_every + usize::from(block_every > 0));
        let end = feed(&mut Stream::resp(config), &pieces, cuts[0], &mut sink);
        let messages: Vec<_> = twin.messages.iter().map(|range| binary(&bytes[range.clone()])).collect();
        prop_assert_eq!(sink.messages(), messages);
        match twin.verdict {
            Verdict::NeedMore => prop_assert_eq!(end, End::NeedMore),
            Verdict::Wrong => prop_assert!(matches!(end, End::Failed(_)), "{:?}", end),
        }
    }
}
