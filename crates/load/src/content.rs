//! What messages that are not compressed say.

use crate::frame::FrameKind;

/// Kind of a payload. In each there is room for a sequence number in letters, which may stand in any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Bytes that are not UTF-8, in binary frames.
    Binary,
    /// ASCII.
    Text,
    /// Characters of two and three bytes, mixed.
    Utf8,
    /// An object that `JSON.stringify` writes as it was: what a server parses and writes again is its own echo.
    Json,
}

impl Content {
    /// The frames that carry it.
    pub(crate) fn frame_kind(self) -> FrameKind {
        match self {
            Self::Binary => FrameKind::Binary,
            Self::Text | Self::Utf8 | Self::Json => FrameKind::Text,
        }
    }

    /// The smallest payload, in bytes.
    pub(crate) fn min_size(self) -> usize {
        match self {
            Self::Binary | Self::Text | Self::Utf8 => 1,
            Self::Json => JSON_HEAD.len() + SEQUENCE_BYTES + 1 + JSON_NOTE.len() + JSON_TAIL.len(),
        }
    }

    /// A payload of `size` bytes, at least [`min_size`](Self::min_size).
    pub(crate) fn payload(self, size: usize) -> Vec<u8> {
        match self {
            Self::Binary => (0..size).map(|index| (index * 31 + 0x80) as u8).collect(),
            Self::Text => ascii(size),
            Self::Utf8 => utf8(size),
            Self::Json => json(size),
        }
    }

    /// Where in a payload of `size` bytes the sequence number stands, and how many letters it has: 8, or all of a shorter
    /// payload.
    pub(crate) fn sequence(self, size: usize) -> (usize, usize) {
        match self {
            Self::Binary | Self::Text | Self::Utf8 => (0, size.min(SEQUENCE_BYTES)),
            Self::Json => (JSON_HEAD.len(), SEQUENCE_BYTES),
        }
    }
}

fn ascii(size: usize) -> Vec<u8> {
    (0..size).map(|index| b'a' + (index % 26) as u8).collect()
}

/// Letters for the sequence number, then whole characters; what is too little for another one is ASCII.
fn utf8(size: usize) -> Vec<u8> {
    let mut text = String::from_utf8(ascii(size.min(SEQUENCE_BYTES))).expect("Bug: it is ASCII");
    for character in CHARACTERS.chars().cycle() {
        if text.len() + character.len_utf8() > size {
            break;
        }
        text.push(character);
    }
    let mut bytes = text.into_bytes();
    bytes.resize(size, b'z');
    bytes
}

/// An object with a key and a note that makes it as long as it shall be, and between them, where there is room, what
/// messages of applications have.
fn json(size: usize) -> Vec<u8> {
    let mut text = format!("{JSON_HEAD}{}\"", "a".repeat(SEQUENCE_BYTES));
    if text.len() + JSON_DETAILS.len() + JSON_NOTE.len() + JSON_TAIL.len() <= size {
        text += JSON_DETAILS;
    }
    text += JSON_NOTE;
    let mut bytes = text.into_bytes();
    bytes.resize(size - JSON_TAIL.len(), b'n');
    bytes.extend_from_slice(JSON_TAIL.as_bytes());
    bytes
}

/// Letters of the sequence number.
const SEQUENCE_BYTES: usize = 8;

/// As many of two bytes as of three.
const CHARACTERS: &str = "é日ß本ñ語ж字";

const JSON_HEAD: &str = r#"{"key":""#;
const JSON_DETAILS: &str = r#","room":"general","sender":{"id":48213,"name":"Ada"},"at":1773484800123,"seen":true,"marks":[{"x":0,"y":0.5},{"x":1,"y":3.5},{"x":2,"y":6.5}]"#;
const JSON_NOTE: &str = r#","note":""#;
const JSON_TAIL: &str = r#""}"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utf_8_of_any_size() {
        for size in 1..100 {
            for content in [Content::Text, Content::Utf8] {
                let payload = content.payload(size);
                assert_eq!(payload.len(), size);
                let text = String::from_utf8(payload).unwrap();
                let (at, count) = content.sequence(size);
                assert!(text.as_bytes()[at..at + count].is_ascii());
            }
        }
        let text = String::from_utf8(Content::Utf8.payload(1000)).unwrap();
        let long = |bytes| text.chars().filter(|c| c.len_utf8() == bytes).count();
        assert!(long(2) > 190 && long(3) > 190);
    }

    #[test]
    fn json_of_any_size_is_written_as_it_was() {
        for size in Content::Json.min_size()..700 {
            let payload = Content::Json.payload(size);
            assert_eq!(payload.len(), size);
            let text = String::from_utf8(payload).unwrap();
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert!(value["note"].is_string(), "{text}");
            let (at, count) = Content::Json.sequence(size);
            assert_eq!(value["key"], text[at..at + count]);
        }
        let text = String::from_utf8(Content::Json.payload(300)).unwrap();
        assert!(text.contains(r#"{"x":2,"y":6.5}"#), "{text}");
    }
}
