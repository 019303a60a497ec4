//! Frames that are wrong, and configurations that are.

use gev_frames::{Case, Config, Deliver, Escape, Form, Framing, OnBad, RuleConfig};
use gev_wire::{CloseCause, Codec, Decoded, Fate, FrameFault, Input, PART_BYTES};

use crate::kit::{Collector, End, Entry, feed, feed_whole};
use crate::rules::{announced, by, checked, codec, cuts, ending, escaped, fixed, story};

fn wrong(config: Config) -> (usize, &'static str) {
    let wrong = Framing::new(config).expect_err("cannot be");
    (wrong.rule, wrong.why)
}

#[test]
fn noise_for_ever_comes_to_an_end() {
    let config = Config {
        start: vec![b"##".to_vec()],
        drop_noise: true,
        max_skip_bytes: 1 << 20,
        ..by(ending(&[b"\n"]))
    };
    let mut codec = codec(config);
    let mut sink = Collector::default();
    let noise = vec![b'#' ^ 1; 64 * 1024];
    for _ in 0..16 {
        let mut input = Input::from(&noise[..]);
        assert_eq!(codec.decode(&mut input, &mut sink), Ok(Decoded::NeedMore));
        assert!(input.is_empty());
    }
    let fault = codec.decode(&mut Input::from(&noise[..]), &mut sink);
    assert_eq!(fault.expect_err("too many").cause, CloseCause::Limit);
}

/// Frames behind it begin with what they end with; it does not.
#[test]
fn the_checksum_of_a_first_frame_is_of_its_own_bytes() {
    let escape = Escape::Xor {
        byte: b'}',
        xor: 0x20,
        also: Vec::new(),
    };
    let config = Config {
        start: vec![b"~".to_vec()],
        first: Some(checked(escaped(b"!", escape.clone()), OnBad::Close)),
        ..by(escaped(b"~", escape))
    };
    let sum = b'a' ^ b'b';
    let long = [&vec![b'c'; 2 * PART_BYTES][..], &[0, b'!'][..]].concat();
    for (frame, message) in [
        (&[b'a', b'b', sum, b'!'][..], "ab"),
        (&long, "131072 bytes"),
    ] {
        let bytes = [frame, b"~x~y~"].concat();
        cuts(&config, &bytes, &[message, "x", "y"]);
    }
}

#[test]
fn frames_that_are_too_long() {
    let lines = Config {
        max_message_bytes: 3,
        ..by(ending(&[b"\r\n"]))
    };
    let closed = ["abc", "Closed TooLong > 3", "Limit: frame too long"];
    cuts(&lines, b"abc\r\nabcd\r\na\r\n", &closed);
    let drop = Config {
        drop_too_long: true,
        ..lines
    };
    cuts(
        &drop,
        b"abc\r\nabcd\r\na\r\n",
        &["abc", "Discarded TooLong > 3", "a"],
    );
    let long = [&vec![b'x'; 500][..], b"\r\na\r\n"].concat();
    cuts(&drop, &long, &["Discarded TooLong > 3", "a"]);
    let u16 = Config {
        max_message_bytes: 3,
        ..by(announced(0, Form::BigEndian(2)))
    };
    cuts(&u16, b"\0\x03abc\0\x04abcd", &closed);
    let drop_too_long = true;
    let drop = Config {
        drop_too_long,
        ..u16
    };
    cuts(&drop, b"\0\x04abcd\0\x01a", &["Discarded TooLong > 3", "a"]);
    let http = Config {
        ..by(announced(0, Form::BigEndian(4)))
    };
    let (sink, _) = feed_whole(&mut codec(http), b"GET / HTTP/1.1\r\n\r\n");
    let Some(Entry::Wrong(error)) = sink.log.last() else {
        panic!("{:?}", sink.log)
    };
    assert_eq!(error.len, Some(1_195_725_856));
    assert_eq!(error.head(), b"GET / HTTP/1.1\r\n");
}

/// Told with the first byte that makes it certain: one more than a message may have, none of which may begin an end.
#[test]
fn a_frame_whose_end_does_not_come_is_too_long_at_once() {
    let limited = |rule: RuleConfig| Config {
        max_message_bytes: 10,
        ..by(rule)
    };
    let framed = Config {
        start: vec![b"<<".to_vec()],
        ..limited(ending(&[b">"]))
    };
    let kept = RuleConfig {
        deliver: Deliver::FRAME,
        ..ending(&[b"\r\n"])
    };
    let pairs = vec![(1, b'}'), (2, b'~')];
    let escapes = escaped(b"~", Escape::Pairs { byte: b'}', pairs });
    let cases: [(Config, &[u8]); 8] = [
        (limited(ending(&[b"\n"])), b"0123456789x"),
        (limited(ending(&[b"\n", b"\r\n"])), b"0123456789\rx"),
        (limited(ending(&[b"\r\n"])), b"0123456789x"),
        (limited(ending(&[b"\r\n"])), b"0123456789\rx"),
        (framed, b"<<0123456789x"),
        (limited(kept), b"01234567x"),
        (
            limited(escapes),
            b"}\x01}\x01}\x01}\x01}\x01}\x01}\x01}\x01}\x01}\x01}",
        ),
        (
            limited(escaped(b"\0", Escape::Cobs)),
            b"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01",
        ),
    ];
    for (config, bytes) in cases {
        let last = bytes.len() - 1;
        let mut sink = Collector::default();
        let end = feed(&mut codec(config.clone()), &[&bytes[..last]], 0, &mut sink);
        assert_eq!(end, End::NeedMore, "{}", bytes.escape_ascii());
        let (sink, end) = feed_whole(&mut codec(config), bytes);
        let told = story(&sink.log, &end);
        assert_eq!(told[0], "Closed TooLong > 10", "{}", bytes.escape_ascii());
    }
}

#[test]
fn wrong_checksums() {
    let rule = |on_bad| by(checked(announced(0, Form::BigEndian(1)), on_bad));
    // 3 ^ 'a' ^ 'b' is 0, 2 ^ 'c' is 'a'.
    let frames = b"\x03ab\0\x03xx\x01\x02ca";
    let closed = [
        "ab",
        "Closed Checksum",
        "Protocol: frame with a wrong checksum",
    ];
    cuts(&rule(OnBad::Close), frames, &closed);
    cuts(
        &rule(OnBad::Discard),
        frames,
        &["ab", "Discarded Checksum", "c"],
    );
    cuts(
        &rule(OnBad::Deliver),
        frames,
        &["ab", "Delivered Checksum", "xx", "c"],
    );
    cuts(
        &rule(OnBad::Close),
        b"\0",
        &["Closed Malformed", "Protocol: malformed frame"],
    );
}

#[test]
fn the_nine_bytes_that_end_gev() {
    let config = by(announced(0, Form::BigEndian(4)));
    cuts(
        &config,
        b"\0\0\0\x05\xEA\x60\x01\x02\x03",
        &["\\xea`\\x01\\x02\\x03"],
    );
}

#[test]
fn half_a_frame_at_the_end_is_told_and_half_a_start_too() {
    let start = vec![b"##".to_vec()];
    let config = Config {
        start,
        drop_noise: true,
        ..by(ending(&[b"\n"]))
    };
    for (bytes, expected) in [
        (&b"##a\n"[..], &["a"][..]),
        (
            b"##a\n##b",
            &[
                "a",
                "Closed Truncated",
                "Protocol: ended in the middle of a frame",
            ],
        ),
        (b"##a\nxyz", &["a", "Discarded Noise"]),
    ] {
        let mut codec = codec(config.clone());
        let mut sink = Collector::default();
        let mut input = Input::from(bytes);
        let decoded = codec.decode(&mut input, &mut sink);
        assert_eq!(decoded, Ok(Decoded::NeedMore));
        sink.block_every = 1;
        if expected.len() > 1 {
            assert_eq!(codec.end_of_input(&input, &mut sink), Ok(false));
        }
        sink.block_every = 0;
        let end = match codec.end_of_input(&input, &mut sink) {
            Ok(told) => {
                assert!(told);
                End::NeedMore
            }
            Err(fault) => End::Failed(fault),
        };
        assert_eq!(story(&sink.log, &end), expected);
    }
    let mut late = codec(config);
    late.decode(&mut Input::default(), &mut Collector::default())
        .expect("opens");
    late.frame_is_late(&Input::from(&b"##a"[..]));
    let mut sink = Collector::default();
    let fault = late
        .decode(&mut Input::from(&b"##a"[..]), &mut sink)
        .expect_err("late");
    assert_eq!(fault.cause, CloseCause::Timeout);
    let told = |entry: &Entry| matches!(entry, Entry::Wrong(error) if error.reason == FrameFault::Timeout && error.fate == Fate::Closed);
    assert!(sink.log.iter().any(told));
}

#[test]
fn what_cannot_be_is_said() {
    let why = |config: Config| wrong(config).1;
    assert!(why(by(ending(&[]))).starts_with("end: frames without a length need one"));
    assert!(why(by(ending(&[b""]))).starts_with("end: each has 1 to 8 bytes"));
    assert!(why(by(ending(&[b"\r", b"\r\n"]))).starts_with("end: one begins with another"));
    assert!(why(by(announced(1, Form::BigEndian(2)))).starts_with("deliver: of a frame"));
    assert!(why(by(announced(0, Form::BigEndian(9)))).starts_with("length.as"));
    assert!(why(by(announced(0, Form::DecimalUntil(b'1')))).contains("digit"));
    assert!(why(by(announced(255, Form::BigEndian(2)))).starts_with("length.at"));
    assert!(why(by(fixed(0))).starts_with("fixed"));
    let max_message_bytes = 2;
    assert!(
        why(Config {
            max_message_bytes,
            ..by(fixed(3))
        })
        .contains("maxMessageBytes")
    );
    let drop_noise = true;
    let found = Config {
        drop_noise,
        ..by(announced(0, Form::BigEndian(2)))
    };
    assert!(why(found).starts_with("onNoise"));
    let text = true;
    let delivered = Config {
        text,
        ..by(checked(announced(0, Form::BigEndian(2)), OnBad::Deliver))
    };
    assert!(why(delivered).starts_with("text"));
    let pairs = vec![(1, 0x7D)];
    let no_code = escaped(b"~", Escape::Pairs { byte: 0x7D, pairs });
    assert!(why(by(no_code)).contains("no code"));
    assert!(why(by(escaped(b"\n", Escape::Cobs))).contains("cobs"));
    let first = Some(ending(&[]));
    assert_eq!(
        wrong(Config {
            first,
            ..by(ending(&[b"\n"]))
        })
        .0,
        1
    );
    let mut case = Case {
        at: 0,
        mask: vec![0xF0],
        equals: vec![1],
        rule: ending(&[b"\n"]),
    };
    let cases = vec![case.clone()];
    assert_eq!(
        wrong(Config {
            cases,
            ..by(ending(&[b"\n"]))
        })
        .0,
        2
    );
    (case.equals, case.rule) = (vec![0x10], ending(&[]));
    let cases = vec![case];
    assert_eq!(
        wrong(Config {
            cases,
            ..by(ending(&[b"\n"]))
        })
        .0,
        2
    );
}
