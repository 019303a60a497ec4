//! Codecs that have a slow twin: what comes to them, and what has to come of it.

use arbitrary::Arbitrary;
use gev_wire::Codec;

use crate::arrival::Arrival;
use crate::kit::{Collector, End};
use crate::twins::{Ends, Verdict};

/// What comes, and how.
#[derive(Debug, Arbitrary)]
pub(crate) struct Values<'a> {
    arrival: Arrival,
    items: Vec<Item<'a>>,
}

#[derive(Debug, Arbitrary)]
enum Item<'a> {
    Bytes(&'a [u8]),
    /// One of what is likely to mean something.
    Word(u8),
    /// The same byte so often.
    Long(u8, u32),
}

impl Values<'_> {
    /// The bytes, made of these words among others.
    pub(crate) fn bytes(&self, words: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for item in &self.items {
            match item {
                Item::Bytes(own) => bytes.extend_from_slice(own),
                Item::Word(at) => {
                    let word = words[usize::from(*at) % words.len()];
                    bytes.extend_from_slice(word.as_bytes());
                }
                Item::Long(byte, len) if bytes.len() < MOST_BYTES => {
                    bytes.resize(bytes.len() + *len as usize % MOST_BYTES, *byte);
                }
                Item::Long(..) => {}
            }
        }
        bytes
    }

    /// However they arrive, the messages are those of the twin, and so is what comes behind them.
    pub(crate) fn check(&self, codec: &mut dyn Codec, bytes: &[u8], twin: &Ends) {
        let mut sink = Collector::default();
        let end = self.arrival.feeder(codec, &mut sink).feed(bytes);
        let messages: Vec<_> = sink.messages().into_iter().map(|(_, own)| own).collect();
        let expected = twin.messages.iter().map(|range| &bytes[range.clone()]);
        // Not by assert_eq: the difference of long messages is not for reading.
        assert!(expected.eq(messages.iter()), "{messages:?}");
        match twin.verdict {
            Verdict::NeedMore => assert_eq!(end, End::NeedMore),
            Verdict::Wrong => assert!(matches!(end, End::Failed(_)), "{end:?}"),
        }
    }
}

/// Longest run of one byte, so that some messages are longer than what is handed over in one piece.
const MOST_BYTES: usize = 150_000;
