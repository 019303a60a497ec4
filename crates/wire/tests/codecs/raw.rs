//! TCP without framing.

use gev_wire::{Close, Codec, Decoded, Input, MessageKind, Outgoing, PART_BYTES, Raw};

use crate::kit::{Collector, End, Entry, binary, decode, feed_whole};

#[test]
fn opens_on_the_first_call_and_asks_again_when_there_is_no_room() {
    let mut raw = Raw::default();
    let mut sink = Collector::blocking(1);
    let mut input = Input::from(&b"early"[..]);
    assert_eq!(raw.decode(&mut input, &mut sink), Ok(Decoded::Blocked));
    assert!(sink.log.is_empty());
    sink.block_every = 0;
    assert_eq!(
        raw.decode(&mut Input::default(), &mut sink),
        Ok(Decoded::NeedMore)
    );
    assert_eq!(sink.log, [Entry::Open]);
    assert_eq!(raw.decode(&mut input, &mut sink), Ok(Decoded::NeedMore));
    assert_eq!(sink.messages(), [binary("early")]);
}

#[test]
fn each_run_is_a_message() {
    let mut raw = Raw::default();
    let mut sink = Collector::blocking(2);
    let end = decode(&mut raw, &mut Input::new(b"one", b"two"), &mut sink);
    assert_eq!(end, End::NeedMore);
    assert_eq!(sink.messages(), [binary("one"), binary("two")]);
}

#[test]
fn a_run_is_left_where_nothing_is_to_follow_at_once() {
    let mut sink = Collector::default();
    sink.stepwise = true;
    let mut input = Input::new(b"one", b"two");
    let mut raw = Raw::default();
    assert_eq!(raw.decode(&mut input, &mut sink), Ok(Decoded::Asked));
    assert_eq!(input.first(), b"two");
    assert_eq!(sink.messages(), [binary("one")]);
}

#[test]
fn long_runs_are_cut() {
    let bytes: Vec<u8> = (0..2 * PART_BYTES + 1).map(|at| at as u8).collect();
    let (sink, _) = feed_whole(&mut Raw::default(), &bytes);
    assert_eq!(sink.parts, [PART_BYTES, PART_BYTES, 1]);
    let all: Vec<u8> = sink
        .messages()
        .into_iter()
        .flat_map(|(_, bytes)| bytes)
        .collect();
    assert_eq!(all, bytes);
}

#[test]
fn writes_nothing_of_its_own() {
    let mut raw = Raw::default();
    let mut out = Vec::new();
    raw.begin(Outgoing::whole(MessageKind::Binary), 5, &mut out);
    assert!(!raw.close(&Close::new(1000, "bye"), &mut out));
    assert!(out.is_empty());
    let (sink, _) = feed_whole(&mut raw, b"");
    assert_eq!(sink.log, [Entry::Open]);
}
