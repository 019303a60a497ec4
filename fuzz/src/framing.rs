//! Frames by configuration: any configuration, and what comes to it.

use std::sync::Arc;

use arbitrary::Arbitrary;
use gev_frames::{Config, Frames, Framing};
use gev_wire::{Codec, Input, MessageKind, Outgoing, PART_BYTES, Payload};

use crate::arrival::Arrival;
use crate::choices::Choices;
use crate::kit::{Collector, End, Entry, decode};

/// How frames are cut, what comes, and how it arrives.
#[derive(Debug, Arbitrary)]
pub struct Case<'a> {
    arrival: Arrival,
    /// Decide about a configuration that may be right.
    choices: [u8; 48],
    /// A configuration of any bytes instead, which nobody has checked.
    record: Option<&'a [u8]>,
    stream: Vec<Item<'a>>,
}

#[derive(Debug, Arbitrary)]
enum Item<'a> {
    Bytes(&'a [u8]),
    /// Bytes that are likely to mean something.
    Likely(&'a [u8]),
    /// A frame of a message, if there can be one, which is so often what is here.
    Frame(&'a [u8], u16),
}

/// Cut and held up in any way, the bytes have the outcome that they have in one piece; nothing else than that is told, and
/// what is sent comes back. A configuration that nobody has checked may cut nonsense, and does nothing worse.
///
/// # Panics
/// When that is not so.
pub fn check(case: &Case<'_>) {
    if let Some(record) = case.record {
        let mut codec = Frames::new(Arc::new(Framing::of(Config::read(record), 0)));
        let bytes = case.bytes(&mut codec);
        let mut sink = Collector::default();
        decode(&mut codec, &mut Input::from(&bytes[..]), &mut sink);
        return;
    }
    let config = Choices(&case.choices).config();
    let Ok(framing) = Framing::new(config) else {
        return;
    };
    let framing = Arc::new(framing);
    let codec = || Frames::new(Arc::clone(&framing));
    let bytes = case.bytes(&mut codec());
    let mut whole = Collector::default();
    let end = case.arrival_of_one_piece(&mut codec(), &bytes, &mut whole);
    let mut sink = Collector::default();
    let mut pieces = codec();
    let other_end = case.arrival.feeder(&mut pieces, &mut sink).feed(&bytes);
    assert_eq!(other_end, end);
    assert_eq!(story(&sink.log), story(&whole.log));
}

impl Case<'_> {
    fn bytes(&self, codec: &mut Frames) -> Vec<u8> {
        let mut bytes = Vec::new();
        for item in &self.stream {
            match item {
                Item::Bytes(own) => bytes.extend_from_slice(own),
                Item::Likely(own) => bytes.extend(Choices(own).bytes(own.len())),
                Item::Frame(message, times) => {
                    let times = usize::from(*times) % (MOST_BYTES / (message.len() + 1) + 1);
                    bytes.extend(frame(codec, &message.repeat(times)));
                }
            }
        }
        bytes
    }

    fn arrival_of_one_piece(&self, codec: &mut Frames, bytes: &[u8], sink: &mut Collector) -> End {
        decode(codec, &mut Input::from(bytes), sink)
    }
}

fn frame(codec: &mut Frames, message: &[u8]) -> Vec<u8> {
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

/// What has happened, without what depends on how much was there when it did.
fn story(log: &[Entry]) -> Vec<String> {
    let entry = |entry: &Entry| match entry {
        Entry::Wrong(error) => format!("{:?} {:?}", error.fate, error.reason),
        Entry::Message(_, bytes) => format!("{} bytes, {bytes:?}", bytes.len()),
        other => format!("{other:?}"),
    };
    log.iter().map(entry).collect()
}

/// Longest message, so that some are longer than what is handed over in one piece.
const MOST_BYTES: usize = 150_000;
