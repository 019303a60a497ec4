//! Any configuration, any bytes: however they are cut, and whenever the sink is full, the outcome is the same; and what is
//! sent is what comes back.

use gev_frames::{Config, Deliver, Extent, Frames, Framing};
use gev_wire::{Codec, Input, PART_BYTES, RingBuffer};
use proptest::prelude::*;

use crate::choices::Choices;
use crate::kit::{Collector, End, decode};
use crate::rules::{codec, sent, story};

/// Feeds pieces, one after the other, with no more kept than a session keeps; then the end of input.
fn feed_all(codec: &mut Frames, pieces: &[&[u8]], at: usize, sink: &mut Collector) -> End {
    let mut ring = RingBuffer::new(256 * 1024);
    ring.write(&vec![0; at]).expect("room");
    ring.consume(at);
    for piece in pieces {
        ring.write(piece).expect("room");
        let mut input = ring.input();
        let before = input.len();
        let end = decode(codec, &mut input, sink);
        let used = before - input.len();
        ring.consume(used);
        assert!(ring.len() <= PART_BYTES, "{} bytes are kept", ring.len());
        if end != End::NeedMore {
            return end;
        }
    }
    loop {
        match codec.end_of_input(&ring.input(), sink) {
            Ok(true) => return End::NeedMore,
            Ok(false) => assert_ne!(sink.block_every, 0),
            Err(fault) => return End::Failed(fault),
        }
    }
}

/// Frames of these messages, if they can be sent, and bytes between them.
fn stream(config: &Config, choices: &mut Choices<'_>, len: usize) -> Vec<u8> {
    let framing = Framing::new(config.clone()).expect("a right one");
    let sendable = framing.sendable();
    let mut bytes = Vec::new();
    while bytes.len() < len {
        let piece = choices.bytes(len.min(12));
        let fits = (sendable.min..=sendable.max).contains(&(piece.len() as u64));
        if sendable.possible && fits && !choices.0.is_empty() {
            bytes.extend(sent(&mut codec(config.clone()), &piece));
        } else {
            bytes.extend(&piece[..piece.len().min(5)]);
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn cuts_change_nothing(
        choices in prop::collection::vec(any::<u8>(), 0..200),
        cuts in prop::collection::vec(1..20_usize, 1..6),
        block_every in 0..4_usize,
        at in 0..600_usize,
        stepwise in any::<bool>(),
    ) {
        let mut choices = Choices(&choices);
        let config = choices.config();
        if Framing::new(config.clone()).is_err() {
            return Ok(());
        }
        let bytes = stream(&config, &mut choices, 100);
        let mut whole = Collector::default();
        let end = feed_all(&mut codec(config.clone()), &[&bytes], 0, &mut whole);
        let expected = story(&whole.log, &end);
        let mut pieces: Vec<&[u8]> = Vec::new();
        let mut rest = &bytes[..];
        for cut in cuts.iter().cycle() {
            let (piece, behind) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = behind;
            if rest.is_empty() {
                break;
            }
        }
        let block_every = if block_every == 1 { 0 } else { block_every };
        let mut sink = Collector::blocking(block_every);
        sink.stepwise = stepwise;
        let end = feed_all(&mut codec(config.clone()), &pieces, at, &mut sink);
        prop_assert_eq!(story(&sink.log, &end), expected, "{:?} {}", config, bytes.escape_ascii());
    }

    #[test]
    fn what_is_sent_comes_back(
        choices in prop::collection::vec(any::<u8>(), 0..80),
        len in prop_oneof![0..40_usize, 60_000..200_000_usize],
    ) {
        let mut choices = Choices(&choices);
        let config = Config {
            cases: Vec::new(),
            first: None,
            ignore_empty: false,
            max_message_bytes: 1 << 20,
            text: false,
            ..choices.config()
        };
        let Ok(framing) = Framing::new(config.clone()) else {
            return Ok(());
        };
        let sendable = framing.sendable();
        let len = (len as u64).clamp(sendable.min, sendable.max) as usize;
        let mut message = choices.bytes(len.min(50)).repeat(len / 50 + 1);
        message.truncate(len);
        let is_plain = matches!(config.rule.extent, Extent::End(None));
        if is_plain {
            message.retain(|byte| !b"~\r\n".contains(byte));
        }
        // What stands in front of it is not known, and so are things that this test knows nothing of.
        let is_known = sendable.possible && sendable.unit == 1 && config.rule.deliver == Deliver::Body;
        let is_flag = config.start.first() == config.rule.end.first() && config.rule.extent_is_end();
        if !is_known || is_flag && message.is_empty() {
            return Ok(());
        }
        let frame = sent(&mut codec(config.clone()), &message);
        if !matches!(config.rule.extent, Extent::End(Some(_))) {
            let framing = (frame.len() - message.len()) as u64;
            prop_assert!(framing <= sendable.framing as u64);
        }
        let mut sink = Collector::default();
        let shown = format!("{config:?}");
        let mut codec = codec(config);
        let end = decode(&mut codec, &mut Input::from(&frame.repeat(2)[..]), &mut sink);
        prop_assert_eq!(end, End::NeedMore, "{}", shown);
        let messages: Vec<Vec<u8>> = sink.messages().into_iter().map(|it| it.1).collect();
        let short = |bytes: &[u8]| bytes[..bytes.len().min(60)].escape_ascii().to_string();
        prop_assert!(messages == [message.clone(), message.clone()], "{} {} {} {:?}", shown, short(&message), short(&frame), sink.parts);
    }
}

trait IsEnd {
    fn extent_is_end(&self) -> bool;
}

impl IsEnd for gev_frames::RuleConfig {
    fn extent_is_end(&self) -> bool {
        matches!(self.extent, Extent::End(_))
    }
}
