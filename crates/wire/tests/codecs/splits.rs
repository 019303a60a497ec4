//! However the network cuts the bytes, the ring wraps them and the sink runs full: the outcome is the same.

use gev_wire::websocket::Config;
use gev_wire::{FrameCounts, Input};

use crate::kit::{
    BINARY, CLOSE, Collector, End, Entry, LAST, MORE, PING, PONG, TEXT, TEXT_MORE, decode,
    decode_frames, feed, frame, web_socket,
};
use crate::scenarios::{Scenario, all, config};

fn check(scenario: &Scenario, pieces: &[&[u8]], at: usize, block_every: usize) {
    let mut web_socket = web_socket(config());
    let mut sink = Collector::blocking(block_every);
    let end = feed(&mut web_socket, pieces, at, &mut sink);
    let lens: Vec<usize> = pieces.iter().map(|piece| piece.len()).collect();
    let how = format!(
        "{}: {lens:?} at {at}, blocked every {block_every}",
        scenario.name
    );
    assert_eq!(end, scenario.end, "{how}");
    assert_eq!(sink.log, scenario.log, "{how}");
    assert_eq!(sink.frames, frames_of(scenario), "{how}");
}

/// How many frames there are if all of it comes at once, and there is room for it.
fn frames_of(scenario: &Scenario) -> FrameCounts {
    let mut sink = Collector::default();
    feed(&mut web_socket(config()), &[&scenario.bytes], 0, &mut sink);
    sink.frames
}

/// For other bytes than those of the scenarios: cut once anywhere, wrapped anywhere, and byte by byte, they must have the
/// outcome that they have in one piece.
pub(crate) fn check_every_cut(config: &Config, bytes: &[u8], log: &[Entry], end: &End) {
    for cut in 0..=bytes.len() {
        let (first, second) = bytes.split_at(cut);
        let mut sink = Collector::default();
        let cut_end = feed(
            &mut web_socket(config.clone()),
            &[first, second],
            0,
            &mut sink,
        );
        assert_eq!((&sink.log[..], &cut_end), (log, end), "cut at {cut}");
        let mut sink = Collector::default();
        let mut input = Input::new(first, second);
        let wrapped_end = decode(&mut web_socket(config.clone()), &mut input, &mut sink);
        assert_eq!(
            (&sink.log[..], &wrapped_end),
            (log, end),
            "wrapped at {cut}"
        );
    }
    let pieces: Vec<&[u8]> = bytes.chunks(1).collect();
    let mut sink = Collector::default();
    let single_end = feed(&mut web_socket(config.clone()), &pieces, 0, &mut sink);
    assert_eq!((&sink.log[..], &single_end), (log, end), "byte by byte");
}

#[test]
fn frames_are_counted_by_their_opcodes() {
    let sent = [
        frame(TEXT, b"one"),
        frame(TEXT_MORE, b"t"),
        frame(PING, b""),
        frame(MORE, b"w"),
        frame(LAST, b"o"),
        frame(BINARY, b""),
        frame(PONG, b"?"),
        frame(PONG, b"!"),
    ];
    let (sink, end) = decode_frames(Config::default(), &sent.concat());
    assert_eq!(end, End::NeedMore);
    assert_eq!(sink.frames, [2, 2, 1, 0, 1, 2]);
    let (sink, _) = decode_frames(Config::default(), &frame(CLOSE, b""));
    assert_eq!(sink.frames, [0, 0, 0, 1, 0, 0]);
    // Nothing there to continue; and a header that is not complete.
    for nothing in [&frame(LAST, b"")[..], &frame(TEXT, b"one")[..5]] {
        let (sink, _) = decode_frames(Config::default(), nothing);
        assert_eq!(sink.frames, FrameCounts::default());
    }
}

#[test]
fn in_one_piece() {
    for scenario in all() {
        for block_every in [0, 2, 3] {
            check(&scenario, &[&scenario.bytes], 0, block_every);
        }
    }
}

#[test]
fn cut_once_anywhere() {
    for scenario in all() {
        for cut in 0..=scenario.bytes.len() {
            let (first, second) = scenario.bytes.split_at(cut);
            for block_every in [0, 2] {
                check(&scenario, &[first, second], 0, block_every);
            }
        }
    }
}

#[test]
fn byte_by_byte() {
    for scenario in all() {
        let pieces: Vec<&[u8]> = scenario.bytes.chunks(1).collect();
        for block_every in [0, 2, 3] {
            check(&scenario, &pieces, 0, block_every);
        }
    }
}

#[test]
fn in_small_pieces_through_a_ring_that_wraps_anywhere() {
    for scenario in all() {
        for at in 0..512 {
            let pieces: Vec<&[u8]> = scenario.bytes.chunks(at % 7 + 1).collect();
            check(&scenario, &pieces, at, [0, 2, 3][at % 3]);
        }
    }
}

#[test]
fn wrapped_anywhere() {
    for scenario in all() {
        for seam in 0..=scenario.bytes.len() {
            let (first, second) = scenario.bytes.split_at(seam);
            for block_every in [0, 2] {
                let mut web_socket = web_socket(config());
                let mut sink = Collector::blocking(block_every);
                let end = decode(&mut web_socket, &mut Input::new(first, second), &mut sink);
                assert_eq!(end, scenario.end, "{} wrapped at {seam}", scenario.name);
                assert_eq!(
                    sink.log, scenario.log,
                    "{} wrapped at {seam}",
                    scenario.name
                );
            }
        }
    }
}
