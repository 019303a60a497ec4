//! Codecs without connections.

use gev_wire::{ByHand, Content, Fate, FrameFault, MessageKind, Raw, Stream, Told};

fn json() -> ByHand {
    ByHand::new(Box::new(Stream::json(8, Content::Text)))
}

/// Lengths of messages, and what is wrong.
fn story(told: &[Told]) -> Vec<String> {
    let line = |told: &Told| match told {
        Told::Message(kind, len) => format!("{kind:?} of {len}"),
        Told::Wrong(error) => {
            assert_eq!(error.fate, Fate::Closed);
            format!("{:?}", error.reason)
        }
    };
    told.iter().map(line).collect()
}

#[test]
fn what_is_half_way_stays_and_what_is_whole_goes() {
    let bytes = b"[1] {\"a\":2}\n[[]][";
    for cut in 0..=bytes.len() {
        let mut by_hand = json();
        by_hand.push(&bytes[..cut]);
        let (mut told, mut messages) = by_hand.take();
        by_hand.push(&bytes[cut..]);
        let (more, rest) = by_hand.take();
        told.extend(more);
        messages.extend(rest);
        assert_eq!(story(&told), ["Text of 3", "Text of 7", "Text of 4"]);
        assert_eq!(messages, b"[1]{\"a\":2}[[]]");
        by_hand.end();
        assert_eq!(story(&by_hand.take().0), ["Truncated"]);
    }
}

#[test]
fn nothing_comes_behind_what_a_connection_would_be_closed_for() {
    for (bytes, reason) in [
        (&b"[1]x[2]"[..], FrameFault::Malformed),
        (b"[1][2345678][2]", FrameFault::TooLong),
        (b"[1][\"\xFF\"]", FrameFault::Malformed),
    ] {
        let mut by_hand = json();
        by_hand.push(bytes);
        by_hand.push(b"[3]");
        by_hand.end();
        let expected = ["Text of 3".to_owned(), format!("{reason:?}")];
        assert_eq!(story(&by_hand.take().0), expected);
    }
}

#[test]
fn raw_bytes_are_what_they_are() {
    let mut by_hand = ByHand::new(Box::new(Raw::default()));
    assert_eq!(by_hand.encode(b"abc"), b"abc");
    by_hand.push(b"");
    by_hand.push(b"abc");
    by_hand.end();
    let told = [Told::Message(MessageKind::Binary, 3)];
    assert_eq!(by_hand.take(), (told.to_vec(), b"abc".to_vec()));
}
