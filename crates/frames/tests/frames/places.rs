//! Checksums at a place of their own.

use gev_frames::{Config, Deliver, Form, OnBad, RuleConfig};
use gev_wire::PART_BYTES;

use crate::kit::{End, Entry, feed_whole};
use crate::rules::{announced, by, checked, codec, cuts, ending, escaped, fixed, sent};

fn placed(rule: RuleConfig, at: usize, from: usize, on_bad: OnBad) -> RuleConfig {
    let mut rule = checked(rule, on_bad);
    if let Some(checksum) = &mut rule.checksum {
        (checksum.at, checksum.from) = (Some(at), from);
    }
    rule
}

#[test]
fn a_checksum_can_stand_in_front_of_what_it_covers() {
    let length = announced(0, Form::BigEndian(1));
    let config = by(placed(length, 1, 2, OnBad::Discard));
    let frame = b"\x03\x03ab";
    assert_eq!(sent(&mut codec(config.clone()), b"ab"), frame);
    cuts(
        &config,
        b"\x03\x03ab\x01\0\x03\0ab\x03\x03ab",
        &["ab", "", "Discarded Checksum", "ab"],
    );
    // It has to be there.
    cuts(
        &config,
        b"\0",
        &["Closed Malformed", "Protocol: malformed frame"],
    );
}

#[test]
fn a_checksum_can_be_part_of_what_it_covers() {
    let length = announced(0, Form::BigEndian(1));
    let whole = placed(length, 2, 0, OnBad::Close);
    let whole = by(RuleConfig {
        deliver: Deliver::FRAME,
        ..whole
    });
    cuts(&whole, b"\x04adbc", &["\\x04adbc"]);
    let wrong = ["Closed Checksum", "Protocol: frame with a wrong checksum"];
    cuts(&whole, b"\x04a\x65bc", &wrong);
    let six = placed(fixed(6), 4, 0, OnBad::Close);
    cuts(&by(six), b"abcd\x01x", &wrong);
}

#[test]
fn frames_with_an_end_have_it_at_their_front() {
    let escape = gev_frames::Escape::Pairs {
        byte: b'}',
        pairs: vec![(1, b'}'), (2, b'~')],
    };
    let rule = placed(escaped(b"~", escape), 1, 2, OnBad::Close);
    let config = Config {
        start: vec![b"<".to_vec()],
        ..by(rule)
    };
    let frame = b"<}\x02?A~";
    assert_eq!(sent(&mut codec(config.clone()), b"?A"), frame);
    cuts(&config, &frame.repeat(2), &["?A", "?A"]);
    let malformed = ["Closed Malformed", "Protocol: malformed frame"];
    cuts(&config, b"<~", &malformed);
    let mut digits = placed(ending(&[b"\n"]), 0, 2, OnBad::Discard);
    if let Some(checksum) = &mut digits.checksum {
        (checksum.digits, checksum.width) = (gev_frames::Digits::Hex, 2);
    }
    let digits = by(digits);
    assert_eq!(sent(&mut codec(digits.clone()), b"ab"), b"03ab\n");
    cuts(
        &digits,
        b"03ab\n02ab\n00\n",
        &["ab", "Discarded Checksum", ""],
    );
}

#[test]
fn long_frames_are_summed_as_they_come() {
    let length = announced(0, Form::BigEndian(4));
    for on_bad in [OnBad::Close, OnBad::Discard] {
        let config = by(placed(length.clone(), 4, 5, on_bad));
        for len in [PART_BYTES - 6, PART_BYTES, 3 * PART_BYTES + 1] {
            let message: Vec<u8> = (0..len).map(|at| ((at * at) >> 7) as u8).collect();
            let mut frame = sent(&mut codec(config.clone()), &message);
            assert_eq!(frame.len(), len + 5);
            let (sink, end) = feed_whole(&mut codec(config.clone()), &frame);
            assert_eq!(end, End::NeedMore);
            assert!(sink.messages().into_iter().map(|it| it.1).eq([message]));
            frame[4] ^= 1;
            let (sink, _) = feed_whole(&mut codec(config.clone()), &frame);
            assert!(matches!(sink.log.last(), Some(Entry::Wrong(_))));
        }
    }
}
