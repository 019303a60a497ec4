//! Sequences of bytes that stand for others.

use gev_frames::{Config, Escape, RuleConfig};
use gev_wire::PART_BYTES;

use crate::kit::{End, feed_whole};
use crate::rules::{by, checked, codec, cuts, escaped, sent};

fn replaced(end: &[u8], pairs: &[(&[u8], &[u8])], behind: &[u8]) -> RuleConfig {
    let pairs = pairs
        .iter()
        .map(|(raw, escaped)| (raw.to_vec(), escaped.to_vec()));
    let list = pairs.collect();
    let behind = behind.to_vec();
    escaped(end, Escape::Sequences { list, behind })
}

/// RFC 5321 section 4.5.2; the line break in front of the last dot is taken for a part of the end.
fn mail() -> RuleConfig {
    replaced(b"\r\n.\r\n", &[(b"\r\n.", b"\r\n..")], b"\r\n")
}

#[test]
fn dots_at_the_beginning_of_lines() {
    let config = by(mail());
    for (message, frame) in [
        (&b"a"[..], &b"a\r\n.\r\n"[..]),
        (b"", b"\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".\r\na.b\r\n.\r\n..", b"..\r\na.b\r\n..\r\n...\r\n.\r\n"),
        (b"a\r\n", b"a\r\n\r\n.\r\n"),
        (b"a\r\n.\r", b"a\r\n..\r\r\n.\r\n"),
        (b"a\n.\r\r\n", b"a\n.\r\r\n\r\n.\r\n"),
    ] {
        assert_eq!(sent(&mut codec(config.clone()), message), frame);
        let shown = message.escape_ascii().to_string();
        cuts(&config, &frame.repeat(2), &[&shown, &shown]);
    }
    // No line, and a dot that nobody has doubled.
    cuts(&config, b".\r\na\r\n.b\r\n.\r\n", &["", "a\\r\\n.b"]);
}

#[test]
fn sequences_of_other_protocols() {
    // ITU-T H.264 annex B: no start code is inside of a unit.
    let unit = by(replaced(b"\0\0\x01", &[(b"\0\0", b"\0\0\x03")], b""));
    let written = sent(&mut codec(unit.clone()), b"\x09\0\0\0\0\x01");
    assert_eq!(written, b"\x09\0\0\x03\0\0\x03\x01\0\0\x01");
    cuts(
        &unit,
        b"\x09\0\0\x03\0\0\x03\x01\0\0\x01",
        &["\\t\\x00\\x00\\x00\\x00\\x01"],
    );
    let xml = by(replaced(b"<", &[(b"&", b"&amp;"), (b"<", b"&lt;")], b""));
    assert_eq!(
        sent(&mut codec(xml.clone()), b"a<b&&lt;"),
        b"a&lt;b&amp;&amp;lt;<"
    );
    cuts(&xml, b"a&lt;b&amp;&amp;lt;<&x&am<", &["a<b&&lt;", "&x&am"]);
    // What ends a frame is doubled by what comes before.
    let quoted = by(replaced(b"\"", &[(b"\"", b"\\\""), (b"\\", b"\\\\")], b""));
    assert_eq!(sent(&mut codec(quoted.clone()), b"a\"\\"), b"a\\\"\\\\\"");
    cuts(&quoted, b"a\\\"\\\\\"\\n\"", &["a\\\"\\\\", "\\\\n"]);
    // Two sequences that overlap, and one that is longer than what it stands for.
    let overlapping = by(replaced(b";", &[(b"ab", b"1234"), (b";", b"345")], b""));
    cuts(
        &overlapping,
        b"1212345;345;1233453;",
        &["12ab5", ";", "123;3"].map(|it| it),
    );
}

#[test]
fn limits_and_checksums_count_what_is_meant() {
    use gev_frames::OnBad;
    let limited = Config {
        max_message_bytes: 4,
        drop_too_long: true,
        ..by(mail())
    };
    cuts(
        &limited,
        b"..\r\n..\r\n.\r\nabcde\r\n.\r\n",
        &[".\\r\\n.", "Discarded TooLong > 4"],
    );
    cuts(
        &limited,
        b"a\r\n..b\r\n.\r\nx\r\n.\r\n",
        &["Discarded TooLong > 4", "x"],
    );
    cuts(
        &limited,
        b"ab\r\n..\r\n.\r\nx\r\n.\r\n",
        &["Discarded TooLong > 4", "x"],
    );
    // A checksum that has to be escaped itself.
    let summed = by(checked(
        replaced(b"|", &[(b"|", b"\\p"), (b"\\", b"\\\\")], b""),
        OnBad::Close,
    ));
    assert_eq!(sent(&mut codec(summed.clone()), b"=A"), b"=A\\p|");
    cuts(&summed, b"=A\\p|", &["=A"]);
}

#[test]
fn long_messages_go_in_parts() {
    let config = Config {
        max_message_bytes: 1 << 20,
        ..by(mail())
    };
    for len in [PART_BYTES - 3, PART_BYTES, 2 * PART_BYTES + 1] {
        for shift in 0..4 {
            let mut message = b"\r\n.".repeat(len / 3 + 2);
            message.drain(..shift);
            let frame = sent(&mut codec(config.clone()), &message);
            assert!(frame.len() > message.len() + len / 3);
            let (sink, end) = feed_whole(&mut codec(config.clone()), &frame);
            assert_eq!(end, End::NeedMore);
            assert!(sink.messages().into_iter().map(|it| it.1).eq([message]));
        }
    }
}
