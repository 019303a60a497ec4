//! JSON texts one behind the other.

use gev_wire::{CloseCause, Codec, Content, Fault, Input, PART_BYTES, Stream};
use proptest::prelude::*;

use crate::kit::{Collector, End, decode, feed, feed_whole, text};

fn stream() -> Stream {
    of_at_most(0)
}

fn of_at_most(max_message_bytes: u64) -> Stream {
    Stream::json(max_message_bytes, Content::Text)
}

/// What comes of bytes that are refused.
fn refused(mut codec: Stream, bytes: &[u8]) -> (Collector, Fault) {
    let mut sink = Collector::default();
    match decode(&mut codec, &mut Input::from(bytes), &mut sink) {
        End::Failed(fault) => (sink, fault),
        end => panic!("{end:?}"),
    }
}

/// Texts that are easily cut at the wrong place.
const TEXTS: [&str; 9] = [
    "{}",
    "[]",
    r#"{"a":[1,{"b":"]}"}]}"#,
    r#"["\"]","\\"]"#,
    r#"["\\\"]"]"#,
    r#"{"ä":"€𝄞"}"#,
    r#"[[[[[[]]]]],[]]"#,
    "[ 1 ,\n\"[\" ]",
    // Brackets that do not match are for JSON.parse to see.
    "[}",
];

#[test]
fn every_object_and_array_is_a_message_wherever_it_is_cut() {
    for between in ["", " ", "\n", "\r\n\t ", "\x1E"] {
        let bytes = [between, &TEXTS.join(between), between].concat();
        for block_every in [0, 2, 3] {
            for cut in 0..=bytes.len() {
                let (first, second) = bytes.as_bytes().split_at(cut);
                let mut sink = Collector::blocking(block_every);
                sink.stepwise = cut % 2 == 1;
                let end = feed(&mut stream(), &[first, second], cut, &mut sink);
                assert_eq!(end, End::NeedMore);
                assert_eq!(sink.messages(), TEXTS.map(text), "{between:?} {cut}");
            }
            let pieces: Vec<&[u8]> = bytes.as_bytes().chunks(1).collect();
            let mut sink = Collector::blocking(block_every);
            feed(&mut stream(), &pieces, 0, &mut sink);
            assert_eq!(sink.messages(), TEXTS.map(text));
        }
    }
}

#[test]
fn a_long_text_goes_in_parts() {
    let long = format!("[\"{}\"]", "€".repeat(PART_BYTES));
    let mut codec = stream();
    let bytes = format!("{long}{long}[");
    let mut input = Input::from(bytes.as_bytes());
    let mut sink = Collector::default();
    assert_eq!(decode(&mut codec, &mut input, &mut sink), End::NeedMore);
    assert_eq!(sink.messages(), [text(&long), text(&long)]);
    assert!(sink.parts.iter().all(|&len| len <= PART_BYTES));
    // The beginning of the third stays where it is, and of the long ones nothing is kept.
    assert_eq!((input.len(), codec.kept_len()), (1, 0));
    let half = &long.as_bytes()[..2 * PART_BYTES];
    assert_eq!(
        decode(&mut codec, &mut Input::from(half), &mut sink),
        End::NeedMore
    );
    assert_eq!(codec.unfinished_len(), half.len() as u64);
    assert!(codec.is_half_way());
}

#[test]
fn a_text_that_is_too_long_is_refused_before_it_has_come_to_its_end() {
    let (sink, end) = feed_whole(&mut of_at_most(4), b"[12][12]");
    assert_eq!(sink.messages(), [text("[12]"), text("[12]")]);
    assert_eq!(end, End::NeedMore);
    for bytes in ["[123]", "[1234", "[]  [\"\"\"\""] {
        let (_, fault) = refused(of_at_most(4), bytes.as_bytes());
        assert_eq!((fault.cause, fault.code.get()), (CloseCause::Limit, 1009));
    }
}

#[test]
fn what_is_neither_object_nor_array_is_refused() {
    for bytes in [
        "1",
        "\"a\"",
        "null",
        "]",
        "}",
        ",",
        "\u{feff}{}",
        "GET / HTTP/1.1",
        "\0",
    ] {
        let (sink, fault) = refused(stream(), format!("[1] {bytes}").as_bytes());
        assert_eq!(
            (fault.cause, fault.code.get()),
            (CloseCause::Protocol, 1002)
        );
        assert_eq!(sink.messages(), [text("[1]")]);
    }
}

#[test]
fn what_is_not_utf_8_is_refused() {
    for bytes in [&b"[\"\xFF\"]"[..], b"[\"\xC3\"]", b"[\"\xED\xA0\x80\"]"] {
        for cut in 0..bytes.len() {
            let (first, second) = bytes.split_at(cut);
            let mut sink = Collector::default();
            let end = feed(&mut stream(), &[first, second], 0, &mut sink);
            assert!(
                matches!(end, End::Failed(fault) if fault.code == 1007),
                "{end:?}"
            );
            assert_eq!(sink.messages(), []);
        }
    }
}

/// Where the first text ends, found the slow way: behind the first byte up to which, strings taken out, as many brackets
/// are closed as were opened.
fn naive_end(bytes: &str) -> Option<usize> {
    let without_strings = |bytes: &str| {
        let bytes = bytes.replace(r"\\", "").replace("\\\"", "");
        let outside: Vec<&str> = bytes.split('"').step_by(2).collect();
        bytes
            .matches('"')
            .count()
            .is_multiple_of(2)
            .then(|| outside.concat())
    };
    (1..=bytes.len()).find(|&end| {
        without_strings(&bytes[..end]).is_some_and(|outside| {
            !outside.is_empty() && outside.matches('[').count() == outside.matches(']').count()
        })
    })
}

proptest! {
    #[test]
    fn the_end_is_where_a_slow_twin_finds_it(inner in r#"(\[|\]|a|"(\[|\]|\\"|\\\\)*"){0,8}"#, cut in 0..16_usize) {
        let bytes = format!("[{inner}");
        let (first, second) = bytes.as_bytes().split_at(cut.min(bytes.len()));
        let mut sink = Collector::default();
        feed(&mut stream(), &[first, second], 0, &mut sink);
        let messages = sink.messages();
        match naive_end(&bytes) {
            Some(end) => prop_assert_eq!(&messages[0], &text(&bytes[..end])),
            None => prop_assert_eq!(messages, []),
        }
    }
}
