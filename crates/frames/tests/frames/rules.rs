//! Frames by configuration: what is cut, what is wrong, and what is written.

use std::sync::Arc;

use gev_frames::{
    Case, Checksum, Config, Counts, Deliver, Digits, Escape, Extent, Field, Form, Frames, Framing,
    Length, OnBad, Place, RuleConfig, Sum,
};
use gev_wire::{Codec, Fault, MessageKind, Outgoing, PART_BYTES, Payload};

use crate::kit::{Collector, End, Entry, feed, feed_whole};

/// Frames that are cut by this rule.
pub(crate) fn by(rule: RuleConfig) -> Config {
    Config {
        start: Vec::new(),
        rule,
        first: None,
        cases: Vec::new(),
        ignore_empty: false,
        send_raw: false,
        max_message_bytes: 1 << 20,
        drop_too_long: false,
        drop_noise: false,
        text: false,
        max_skip_bytes: 1000,
    }
}

pub(crate) fn ending(ends: &[&[u8]]) -> RuleConfig {
    RuleConfig {
        extent: Extent::End(None),
        end: ends.iter().map(|end| end.to_vec()).collect(),
        checksum: None,
        deliver: Deliver::Body,
    }
}

pub(crate) fn escaped(end: &[u8], escape: Escape) -> RuleConfig {
    RuleConfig {
        extent: Extent::End(Some(escape)),
        ..ending(&[end])
    }
}

pub(crate) fn announced(at: usize, form: Form) -> RuleConfig {
    let at = Place::At(at);
    let field = Field {
        at,
        form,
        mask: u64::MAX,
        shift: 0,
        unit: 1,
    };
    RuleConfig {
        extent: Extent::Length(Length {
            fields: vec![field],
            counts: Counts::Rest,
            add: 0,
        }),
        ..ending(&[])
    }
}

pub(crate) fn fixed(len: u64) -> RuleConfig {
    RuleConfig {
        extent: Extent::Fixed(len),
        deliver: Deliver::FRAME,
        ..ending(&[])
    }
}

pub(crate) fn checked(rule: RuleConfig, on_bad: OnBad) -> RuleConfig {
    let checksum = Checksum {
        sum: Sum::Xor8,
        from: 0,
        after: Vec::new(),
        digits: Digits::BigEndian,
        width: 1,
        on_bad,
        at: None,
        is_zeros: false,
    };
    RuleConfig {
        checksum: Some(checksum),
        ..rule
    }
}

pub(crate) fn codec(config: Config) -> Frames {
    match Framing::new(config) {
        Ok(framing) => Frames::new(Arc::new(framing)),
        Err(wrong) => panic!("{wrong:?}"),
    }
}

/// What has happened, in short.
pub(crate) fn story(log: &[Entry], end: &End) -> Vec<String> {
    let entry = |entry: &Entry| match entry {
        Entry::Open => None,
        Entry::Message(_, bytes) if bytes.len() > 40 => Some(format!("{} bytes", bytes.len())),
        Entry::Message(_, bytes) => Some(bytes.escape_ascii().to_string()),
        Entry::Wrong(error) => {
            let limit = error
                .limit
                .map_or(String::new(), |limit| format!(" > {limit}"));
            Some(format!("{:?} {:?}{limit}", error.fate, error.reason))
        }
        other => panic!("{other:?}"),
    };
    let mut story: Vec<String> = log.iter().filter_map(entry).collect();
    if let End::Failed(Fault { cause, reason, .. }) = end {
        story.push(format!("{cause:?}: {reason}"));
    }
    story
}

/// Cuts `bytes` in one piece, at every place, one by one, and with a sink that is full at times: always with this result.
pub(crate) fn cuts(config: &Config, bytes: &[u8], expected: &[&str]) {
    let (sink, end) = feed_whole(&mut codec(config.clone()), bytes);
    assert_eq!(story(&sink.log, &end), expected);
    let check = |pieces: &[&[u8]], at: usize, block_every: usize| {
        let mut sink = Collector::blocking(block_every);
        sink.stepwise = at % 2 == 1;
        let end = feed(&mut codec(config.clone()), pieces, at, &mut sink);
        let lens: Vec<usize> = pieces.iter().map(|piece| piece.len()).collect();
        assert_eq!(
            story(&sink.log, &end),
            expected,
            "{lens:?} at {at}, {block_every}"
        );
    };
    let step = bytes
        .len()
        .div_ceil(if bytes.len() < 1000 { 1000 } else { 60 });
    for cut in (0..=bytes.len()).step_by(step) {
        let (first, second) = bytes.split_at(cut);
        check(&[first, second], 0, 0);
        check(&[first, second], cut, 2);
    }
    let singles: Vec<&[u8]> = bytes.chunks(step).collect();
    check(&singles, 3, 0);
    check(&singles, 0, 3);
}

#[test]
fn lines_and_other_ends() {
    let lines = by(ending(&[b"\n"]));
    cuts(&lines, b"a\n\nbc\nd", &["a", "", "bc"]);
    cuts(
        &by(ending(&[b"\r\n"])),
        b"a\r\r\nb\n\r\n",
        &["a\\r", "b\\n"],
    );
    cuts(
        &by(ending(&[b"\n", b"\r\n"])),
        b"a\r\nb\n\rc\r\n",
        &["a", "b", "\\rc"],
    );
    let kept = by(RuleConfig {
        deliver: Deliver::FRAME,
        ..ending(&[b"\n", b"\r\n"])
    });
    cuts(&kept, b"a\r\nb\n", &["a\\r\\n", "b\\n"]);
    let ignore_empty = true;
    cuts(
        &Config {
            ignore_empty,
            ..lines
        },
        b"\na\n\n",
        &["a"],
    );
}

#[test]
fn lengths() {
    let u16 = by(announced(0, Form::BigEndian(2)));
    cuts(&u16, b"\0\x01a\0\0\0\x02bc\0\x05d", &["a", "", "bc"]);
    cuts(
        &by(announced(0, Form::LittleEndian(3))),
        b"\x01\0\0a\x02\0\0bc",
        &["a", "bc"],
    );
    let mqtt = RuleConfig {
        deliver: Deliver::FRAME,
        ..announced(1, Form::Varint(4))
    };
    cuts(&by(mqtt), b"0\x01a0\0", &["0\\x01a", "0\\x00"]);
    let netstring = RuleConfig {
        end: vec![b",".to_vec()],
        ..announced(0, Form::DecimalUntil(b':'))
    };
    let Extent::Length(length) = netstring.extent.clone() else {
        panic!()
    };
    let extent = Extent::Length(Length { add: 1, ..length });
    let netstring = by(RuleConfig {
        extent,
        ..netstring
    });
    cuts(&netstring, b"12:hello world!,0:,", &["hello world!", ""]);
    cuts(
        &netstring,
        b"1:a,1:b;",
        &["a", "Closed Malformed", "Protocol: malformed frame"],
    );
    cuts(
        &netstring,
        b"1:a,x",
        &["a", "Closed Malformed", "Protocol: malformed frame"],
    );
    cuts(&by(fixed(3)), b"abcdefg", &["abc", "def"]);
}

#[test]
fn a_length_can_be_of_several_numbers() {
    let mut rule = announced(4, Form::BigEndian(2));
    rule.deliver = Deliver::FRAME;
    if let Extent::Length(length) = &mut rule.extent {
        let mut padding = length.fields[0].clone();
        (padding.at, padding.form) = (Place::At(6), Form::BigEndian(1));
        length.fields.push(padding);
        length.add = 1;
    }
    // FastCGI 1.0 section 3.3: version, type, request id, content length, padding length, reserved.
    let record = b"\x01\x05\0\x01\0\x02\x03\0ab\0\0\0";
    let shown = "\\x01\\x05\\x00\\x01\\x00\\x02\\x03\\x00ab\\x00\\x00\\x00";
    cuts(&by(rule), &record.repeat(2), &[shown, shown]);
}

#[test]
fn some_frames_can_have_rules_of_their_own() {
    let case = |at, equals: &[u8], rule| Case {
        at,
        mask: vec![0xFF; equals.len()],
        equals: equals.to_vec(),
        rule,
    };
    let teltonika = Config {
        cases: vec![case(0, b"\xFF", fixed(1)), case(0, b"\0\0", fixed(4))],
        ..by(announced(0, Form::BigEndian(2)))
    };
    cuts(
        &teltonika,
        b"\0\x02ab\xFF\0\0cd\0\x01e",
        &["ab", "\\xff", "\\x00\\x00cd", "e"],
    );
    let amqp = Config {
        first: Some(fixed(4)),
        ..by(ending(&[b"\n"]))
    };
    cuts(&amqp, b"\n\n\n\na\nb\n", &["\\n\\n\\n\\n", "a", "b"]);
}

#[test]
fn what_comes_before_a_start_is_left_out_or_closed_for() {
    let close = Config {
        start: vec![b"$".to_vec(), b"!!".to_vec()],
        ..by(ending(&[b"\n"]))
    };
    cuts(&close, b"$a\n!!b\n", &["a", "b"]);
    let noise = ["a", "Closed Noise", "Protocol: bytes that begin no frame"];
    cuts(&close, b"$a\nx$b\n", &noise);
    let drop = Config {
        drop_noise: true,
        ..close
    };
    cuts(
        &drop,
        b"xx!x$a\n!\n!!b\n",
        &["Discarded Noise", "a", "Discarded Noise", "b"],
    );
    let max_skip_bytes = 4;
    let bounded = Config {
        max_skip_bytes,
        ..drop
    };
    cuts(&bounded, b"1234$a\n", &["Discarded Noise", "a"]);
    let too_many = ["Closed Noise > 4", "Limit: too many bytes between frames"];
    cuts(&bounded, b"12345$a\n", &too_many);
}

#[test]
fn one_byte_can_both_begin_and_end_frames() {
    let pairs = vec![(1, 0x7D), (2, b'~')];
    let jt808 = Config {
        start: vec![b"~".to_vec()],
        drop_noise: true,
        ..by(checked(
            escaped(b"~", Escape::Pairs { byte: 0x7D, pairs }),
            OnBad::Discard,
        ))
    };
    // From JT/T 808-2019 section 4.4.2: 30 7e 08 7d 55 goes out as 30 7d 02 08 7d 01 55.
    let body = [0x30, 0x7E, 0x08, 0x7D, 0x55];
    let mut codec = codec(Config {
        max_skip_bytes: 0,
        ..jt808.clone()
    });
    assert_eq!(
        sent(&mut codec, &body),
        b"\x7E\x30\x7D\x02\x08\x7D\x01\x55\x6E\x7E"[..].replaced()
    );
    let message = "0~\\x08}U";
    let frame = sent(&mut codec, &body);
    let two = [&frame[..], &frame[..]].concat();
    cuts(&jt808, &two, &[message, message]);
    // One flag between two frames, several, and what was lost in the middle.
    let shared = [&frame[..frame.len() - 1], &frame[..]].concat();
    cuts(&jt808, &shared, &[message, message]);
    let fill = [b"\n~~~", &frame[..], b"~~", &frame[..]].concat();
    cuts(&jt808, &fill, &["Discarded Noise", message, message]);
    let torn = [&frame[..4], &frame[..]].concat();
    cuts(&jt808, &torn, &["Discarded Checksum", message]);
    let bad = b"~a}b~";
    cuts(
        &jt808,
        &[&bad[..], &frame[..]].concat(),
        &["Discarded Malformed", message],
    );
}

/// The checksum that a frame with this body gets.
trait Replaced {
    fn replaced(&self) -> Vec<u8>;
}

impl Replaced for [u8] {
    fn replaced(&self) -> Vec<u8> {
        let mut bytes = self.to_vec();
        let sum = [0x7E, 0x30, 0x7E, 0x08, 0x7D, 0x55]
            .iter()
            .fold(0, |sum, byte| sum ^ byte);
        let at = bytes.len() - 2;
        bytes[at] = sum;
        bytes
    }
}

#[test]
fn escapes_at_the_end_of_a_frame_are_malformed() {
    let (byte, pairs) = (0xDB, vec![(0xDC, 0xC0), (0xDD, 0xDB)]);
    let slip = by(escaped(b"\xC0", Escape::Pairs { byte, pairs }));
    cuts(&slip, b"a\xDB\xDC\xC0\xDB\xDD\xC0", &["a\\xc0", "\\xdb"]);
    let malformed = ["a", "Closed Malformed", "Protocol: malformed frame"];
    cuts(&slip, b"a\xC0b\xDB\xC0", &malformed);
    let drop_noise = true;
    cuts(
        &Config { drop_noise, ..slip },
        b"b\xDB\xC0a\xC0",
        &["Discarded Malformed", "a"],
    );
    let cobs = by(escaped(b"\0", Escape::Cobs));
    cuts(
        &cobs,
        b"\x03ab\x02c\0\x01\x01\0\x01\0",
        &["ab\\x00c", "\\x00", ""],
    );
    cuts(
        &cobs,
        b"\x03a\0",
        &["Closed Malformed", "Protocol: malformed frame"],
    );
    let pairs = vec![(0x10, 0x10)];
    let dle = by(escaped(b"\x10\x03", Escape::Pairs { byte: 0x10, pairs }));
    cuts(&dle, b"a\x10\x10\x03b\x10\x03", &["a\\x10\\x03b"]);
}

#[test]
fn floods_of_tiny_frames_are_all_there() {
    let (sink, _) = feed_whole(&mut codec(by(ending(&[b"\n"]))), &b"\n".repeat(50_000));
    assert_eq!(sink.messages().len(), 50_000);
    let (sink, _) = feed_whole(
        &mut codec(by(announced(0, Form::BigEndian(1)))),
        &[0; 50_000],
    );
    assert_eq!(sink.messages().len(), 50_000);
}

#[test]
fn long_frames_go_in_parts_and_are_taken_back_when_they_are_wrong() {
    let long: Vec<u8> = (0..3 * PART_BYTES + 7)
        .map(|at| b'a' + (at % 26) as u8)
        .collect();
    let len = format!("{} bytes", long.len());
    let lines = by(ending(&[b"\r\n"]));
    let line = [&long[..], b"\r\nb\r\n"].concat();
    cuts(&lines, &line, &[&len, "b"]);
    let max_message_bytes = 2 * PART_BYTES as u64;
    let bounded = Config {
        max_message_bytes,
        drop_too_long: true,
        ..lines
    };
    let too_long = format!("Discarded TooLong > {max_message_bytes}");
    cuts(&bounded, &line, &[&too_long, "b"]);
    for on_bad in [OnBad::Discard, OnBad::Deliver] {
        let config = by(checked(announced(0, Form::BigEndian(4)), on_bad));
        let mut frame = sent(&mut codec(config.clone()), &long);
        cuts(&config, &frame, &[&len]);
        frame[PART_BYTES] ^= 1;
        let next = sent(&mut codec(config.clone()), b"b");
        frame.extend(next);
        match on_bad {
            OnBad::Discard => cuts(&config, &frame, &["Discarded Checksum", "b"]),
            _ => cuts(&config, &frame, &["Delivered Checksum", &len, "b"]),
        }
    }
    let slip = Escape::Xor {
        byte: b'q',
        xor: 0x20,
        also: vec![b'z'],
    };
    let config = by(checked(escaped(b"x", slip), OnBad::Close));
    let frame = sent(&mut codec(config.clone()), &long);
    cuts(&config, &frame.repeat(2), &[&len, &len]);
    let config = by(escaped(b"\0", Escape::Cobs));
    let frame = sent(&mut codec(config.clone()), &long);
    cuts(&config, &frame.repeat(2), &[&len, &len]);
}

#[test]
fn text_is_utf_8_and_what_is_none_is_malformed() {
    let text = true;
    let closing = Config {
        text,
        ..by(ending(&[b"\n"]))
    };
    let twelve = "zw\u{F6}lf".as_bytes().escape_ascii().to_string();
    let closed = ["a", "Closed Malformed", "Protocol: malformed frame"];
    cuts(&closing, "zw\u{F6}lf\n\n".as_bytes(), &[&twelve, ""]);
    cuts(&closing, b"a\n\xC3\nb\n", &closed);
    let drop_noise = true;
    let kinds = [
        (by(ending(&[b"\n"])), &b"a\n\xC3\nb\n"[..]),
        (by(ending(&[b"\r\n"])), b"a\r\n\xFF\r\nb\r\n"),
        (
            by(escaped(b"\0", Escape::Cobs)),
            b"\x02a\0\x02\x80\0\x02b\0",
        ),
    ];
    for (config, bytes) in kinds {
        let config = Config {
            text,
            drop_noise,
            ..config
        };
        cuts(&config, bytes, &["a", "Discarded Malformed", "b"]);
    }
    // Only the whole frame is passed over, and no start is looked for in it.
    let started = Config {
        text,
        drop_noise,
        start: vec![b"$".to_vec()],
        ..by(announced(1, Form::BigEndian(1)))
    };
    cuts(
        &started,
        b"$\x03\xFF$\0$\x01b",
        &["Discarded Malformed", "b"],
    );
}

#[test]
fn long_text_may_be_cut_inside_of_characters() {
    let long = "\u{20AC}".repeat(PART_BYTES);
    let len = format!("{} bytes", long.len());
    let (text, drop_noise) = (true, true);
    let escape = Escape::Xor {
        byte: b'}',
        xor: 0x20,
        also: Vec::new(),
    };
    let kinds = [
        ending(&[b"\n"]),
        escaped(b"\n", escape),
        checked(announced(0, Form::BigEndian(4)), OnBad::Discard),
    ];
    for (number, rule) in kinds.into_iter().enumerate() {
        let config = Config {
            text,
            drop_noise: drop_noise && number < 2,
            ..by(rule)
        };
        let mut frame = sent(&mut codec(config.clone()), long.as_bytes());
        cuts(&config, &frame, &[&len]);
        let mut bytes = long.clone().into_bytes();
        bytes[PART_BYTES + 1] = b'a';
        frame = sent(&mut codec(config.clone()), &bytes);
        frame.extend(sent(&mut codec(config.clone()), b"b"));
        match number {
            2 => cuts(
                &config,
                &frame,
                &["Closed Malformed", "Protocol: malformed frame"],
            ),
            _ => cuts(&config, &frame, &["Discarded Malformed", "b"]),
        }
    }
}

/// What goes to the peer for a message.
pub(crate) fn sent(codec: &mut Frames, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let outgoing = Outgoing::whole(MessageKind::Binary);
    match codec.begin(outgoing, message.len() as u64, &mut out) {
        Payload::Plain => out.extend_from_slice(message),
        Payload::Transformed if message.is_empty() => {
            codec.transform(&[], &mut |bytes| out.extend_from_slice(bytes));
        }
        Payload::Transformed => {
            for piece in message.chunks(PART_BYTES) {
                codec.transform(piece, &mut |bytes| out.extend_from_slice(bytes));
            }
        }
    }
    out
}

#[test]
fn what_is_sent_has_everything_around_it() {
    let cases = [
        (by(ending(&[b"\r\n", b"\n"])), &b"ab"[..], &b"ab\r\n"[..]),
        (by(announced(0, Form::BigEndian(2))), b"ab", b"\0\x02ab"),
        (by(announced(0, Form::DecimalUntil(b' '))), b"ab", b"2 ab"),
        (
            by(checked(announced(0, Form::BigEndian(1)), OnBad::Close)),
            b"ab",
            b"\x03ab\0",
        ),
        (
            Config {
                send_raw: true,
                ..by(ending(&[b"\n"]))
            },
            b"ab",
            b"ab",
        ),
        (by(escaped(b"\0", Escape::Cobs)), b"", b"\x01\0"),
    ];
    for (config, message, expected) in cases {
        assert_eq!(sent(&mut codec(config), message), expected);
    }
}

/// `frames({ length: "u16", maxMessageBytes: 1000 })`, as `src/framing/frames-record.ts` writes it.
#[test]
fn a_record_is_read_as_it_is_written() {
    let numbers = [
        2, 0, 1000, 65_536, 0, 2, 0, 0, 1, 0, 0, 0, 2, -1, 0, 1, 0, 0, -1, 0, 0_i64,
    ];
    let record: String = numbers
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .map(char::from)
        .collect();
    let mut frames = Frames::new(Arc::new(Framing::read(&record)));
    let (sink, end) = feed_whole(&mut frames, b"\0\x03abc\0\x04");
    assert_eq!(story(&sink.log, &end), ["abc"]);
    assert_eq!(frames.max_framing(), 2);
}
