//! One message at a time, and from one protocol to another.

use std::sync::Arc;

use gev_frames::{
    Config, Counts, Deliver, Extent, Field, Form, Frames, Framing, Length, Place, RuleConfig,
};
use gev_session::Timeouts;
use gev_wire::{Codec, Content, Raw, Stream};
use proptest::prelude::*;

use crate::kit::{Stage, framed, ms, opening_stepwise, opening_stepwise_behind, raw, stepwise};

fn config(extent: Extent, end: Vec<Vec<u8>>) -> Config {
    Config {
        start: Vec::new(),
        rule: RuleConfig {
            extent,
            end,
            checksum: None,
            deliver: Deliver::Body,
        },
        first: None,
        cases: Vec::new(),
        ignore_empty: false,
        text: false,
        send_raw: false,
        max_message_bytes: 1 << 20,
        drop_too_long: false,
        drop_noise: false,
        max_skip_bytes: 0,
    }
}

fn line_config() -> Config {
    config(Extent::End(None), vec![b"\n".to_vec()])
}

fn framing(config: Config) -> Box<dyn Codec> {
    let framing = Framing::new(config).expect("a right configuration");
    Box::new(Frames::new(Arc::new(framing)))
}

fn lines() -> Box<dyn Codec> {
    framing(line_config())
}

/// One byte says how many follow.
fn counted() -> Box<dyn Codec> {
    counted_in(1)
}

fn counted_in(bytes: u8) -> Box<dyn Codec> {
    let length = Length {
        counts: Counts::Rest,
        add: 0,
        fields: vec![Field {
            at: Place::At(0),
            form: Form::BigEndian(bytes),
            mask: u64::MAX,
            shift: 0,
            unit: 1,
        }],
    };
    framing(config(Extent::Length(length), Vec::new()))
}

fn json() -> Box<dyn Codec> {
    Box::new(Stream::json(0, Content::Text))
}

#[test]
fn nothing_is_cut_behind_a_message_that_is_being_handled() {
    stepwise(lines())
        .gets(b"a\nb\nc")
        .steps()
        .steps()
        .gets(b"d\n")
        .says("open, message a, message b, message cd");
    stepwise(json())
        .gets(b"{} ] nothing of this is looked at")
        .says("open, message {}");
}

#[test]
fn the_first_byte_waits_until_the_opening_has_been_handled() {
    opening_stepwise(lines())
        .gets(b"a\nb\n")
        .steps()
        .says("open, message a");
    opening_stepwise(lines())
        .gets(b"\x01a")
        .switches_to(counted(), true)
        .steps()
        .says("open, switched, message a");
    let stage = opening_stepwise_behind(lines());
    stage
        .gets(b"PROXY UNKNOWN\r\na\nb\n")
        .steps()
        .says("open, message a");
}

#[test]
fn a_step_that_nobody_waits_for_is_none() {
    stepwise(lines())
        .steps()
        .gets(b"a\n")
        .steps()
        .steps()
        .gets(b"b\nc\n")
        .says("open, message a, message b");
}

#[test]
fn what_comes_behind_a_message_is_the_next_protocols_wherever_it_is_cut() {
    let bytes = b"go\n\x03a\nb\x00{\"c\": 1}[]line\n";
    for cut in 0..bytes.len() {
        for other in cut..bytes.len() {
            let stage = stepwise(lines())
                .gets(&bytes[..cut])
                .gets(&bytes[cut..other])
                .gets(&bytes[other..]);
            let stage = stage.switches_to(counted(), true).steps().steps();
            let stage = stage.switches_to(json(), true).steps().steps();
            let stage = stage.switches_to(lines(), true);
            let line = "open, message go, switched, message a\nb, message , switched, \
                message {\"c\": 1}, message [], switched";
            stage.steps().says(&format!("{line}, message line"));
        }
    }
}

#[test]
fn bytes_come_one_by_one_while_protocols_change() {
    let one_by_one = |mut stage: Stage, bytes: &[u8]| {
        for byte in bytes {
            stage = stage.gets(&[*byte]);
        }
        stage
    };
    let stage = one_by_one(stepwise(lines()), b"go\n\x02ab{}");
    let stage = stage.switches_to(counted(), true).steps();
    let stage = stage.switches_to(json(), false).steps();
    one_by_one(stage, b"[1]")
        .says("open, message go, switched, message ab, switched, message {}, message [1]");
}

#[test]
fn what_is_sent_before_a_change_goes_out_in_the_old_form() {
    stepwise(lines())
        .gets(b"a\n")
        .sends(b"b")
        .switches_to(counted(), true)
        .sends(b"c")
        .says("open, message a, sent b\n, switched, sent \u{1}c");
}

#[test]
fn nothing_is_decoded_between_a_change_and_the_step_behind_it() {
    raw()
        .switches_to(lines(), false)
        .gets(b"a\nb\n")
        .switches_to(counted(), false)
        .gets(b"c")
        .steps()
        .says("open, switched, switched");
    raw()
        .switches_to(lines(), false)
        .gets(b"a\nb\n")
        .steps()
        .says("open, switched, message a, message b");
}

#[test]
fn what_the_application_gives_back_comes_first() {
    stepwise(Box::new(Raw::default()))
        .gets(b"one\ntwo\nth")
        .switches_to(lines(), false)
        .unreads(b"o\n")
        .unreads(b"tw")
        .gets(b"ree\n")
        .steps()
        .gets(b"ree\n")
        .says("open, message one\ntwo\nth, switched, message two, message ree, message ree");
    let long = vec![b'x'; 300_000];
    stepwise(Box::new(Raw::default()))
        .gets(b"a")
        .switches_to(lines(), false)
        .unreads(&long[100_000..])
        .unreads(&long[..100_000])
        .steps()
        .gets(&long[..100_000])
        .gets(b"\n")
        .says(
            "open, message a, switched, message 65536 bytes ..., message 65536 bytes ..., \
            message 65536 bytes ..., message 65536 bytes ..., message 37856 bytes ..., \
            message 65536 bytes ..., message 34464 bytes ..., message ",
        );
}

/// Takes half a minute if each piece has all those before it copied once more.
#[test]
fn much_may_be_given_back_piece_by_piece() {
    let piece = [7; 1 << 16];
    let mut stage = raw().switches_to(Box::new(Raw::default()), false);
    for _ in 0..1024 {
        stage = stage.unreads(&piece);
    }
    assert_eq!(stage.steps().messages(), 1024);
}

#[test]
fn nothing_can_be_given_back_but_while_a_connection_stands_still() {
    raw()
        .gets(b"a")
        .unreads(b"b")
        .gets(b"c")
        .says("open, message a, message c");
}

#[test]
fn a_message_that_is_half_way_leaves_nothing_to_change_to() {
    let closes = |stage: Stage| stage.switches_to(lines(), false).gets_fin();
    let why = "gone 1002 protocol clean (the protocol has changed in the middle of a message)";
    let long = [&70_000_u32.to_be_bytes()[..], &[0; 66_000]].concat();
    closes(stepwise(counted_in(4)).gets(&long))
        .says(&format!("open, message 65536 bytes ..., fin, {why}"));
    let long = [&b"["[..], &[b' '; 66_000]].concat();
    closes(stepwise(json()).gets(&long))
        .says(&format!("open, message 65536 bytes ..., fin, {why}"));
    // What has not left the input can be looked at otherwise.
    closes(stepwise(counted()).gets(b"\x05ab\n"))
        .steps()
        .says("open, switched, message \u{5}ab, end");
    closes(stepwise(json()).gets(b"{\"a\n"))
        .steps()
        .says("open, switched, message {\"a, end");
}

#[test]
fn fin_waits_for_the_step_too() {
    stepwise(lines())
        .gets(b"a\nb")
        .gets_fin()
        .switches_to(Box::new(Raw::default()), false)
        .steps()
        .ends()
        .says("open, message a, switched, message b, end, gone 1005 peer clean");
    stepwise(lines())
        .gets(b"a\nb\nc")
        .gets_fin()
        .steps()
        .steps()
        .ends()
        .says("open, message a, message b, FrameError, stop, gone 1002 protocol (ended in the middle of a frame)");
}

#[test]
fn fin_comes_once_more_behind_what_the_application_gives_back() {
    let stage = |bytes: &[u8]| raw().gets(bytes).gets_fin().switches_to(lines(), false);
    stage(b"go.a\nb\n")
        .unreads(b"b\n")
        .unreads(b"a\n")
        .steps()
        .ends()
        .says("open, message go.a\nb\n, end, switched, message a, message b, end, gone 1005 peer clean");
    stage(b"go.b")
        .unreads(b"b")
        .steps()
        .ends()
        .says("open, message go.b, end, switched, FrameError, stop, gone 1002 protocol (ended in the middle of a frame)");
    stage(b"go.a\n")
        .unreads(b"a\n")
        .hears(0)
        .steps()
        .hears(1)
        .hears(9)
        .switches_to(Box::new(Raw::default()), false)
        .unreads(b"once more")
        .steps()
        .ends()
        .says(
            "open, message go.a\n, end, switched, message a, end, switched, message once more, end, \
            gone 1005 peer clean",
        );
}

#[test]
fn a_stop_comes_once_more_behind_what_the_application_gives_back() {
    let stage = raw().gets(b"go.a\n").stops(1000);
    let stage = stage.switches_to(lines(), false).unreads(b"a\n");
    stage.steps().ends().gets_fin().says(
        "open, message go.a\n, stop, switched, message a, stop, fin, gone 1001 stop clean (stopped)",
    );
    let stage = raw().gets(b"go.a\n").gets_fin().stops(1000);
    let stage = stage.switches_to(lines(), false).unreads(b"a\n");
    stage
        .steps()
        .ends()
        .says("open, message go.a\n, end, switched, message a, end, gone 1005 peer clean");
}

#[test]
fn an_end_by_a_fault_comes_once_more_too() {
    raw()
        .switches_to(lines(), false)
        .steps()
        .gets(b"a\nb")
        .gets_fin()
        .switches_to(Box::new(Raw::default()), false)
        .unreads(b"a\n")
        .steps()
        .ends()
        .says(
            "open, switched, message a, FrameError, stop, switched, stop, \
            gone 1002 protocol (ended in the middle of a frame)",
        );
}

#[test]
fn who_has_said_goodbye_gives_nothing_back() {
    let stage = raw().gets(b"go.a\n").gets_fin();
    let stage = stage.switches_to(lines(), false).closes(1000, "");
    stage
        .unreads(b"a\n")
        .steps()
        .says("open, message go.a\n, end, switched, gone 1000 local clean");
}

#[test]
fn what_is_sent_behind_the_peers_fin_has_the_new_form() {
    stepwise(lines())
        .gets_fin()
        .switches_to(counted(), false)
        .steps()
        .sends(b"a")
        .ends()
        .says("open, end, switched, sent \u{1}a, gone 1005 peer clean");
}

#[test]
fn a_full_event_queue_and_a_pause_come_between() {
    stepwise(lines())
        .hears(0)
        .gets(b"a\nb\nc\n")
        .hears(1)
        .steps()
        .hears(1)
        .pauses()
        .steps()
        .hears(5)
        .resumes()
        .says("open, message a, message b, message c");
}

#[test]
fn a_stop_waits_for_what_is_handled_one_by_one() {
    stepwise(lines())
        .gets(b"a\nb\n")
        .stops(1000)
        .steps()
        .steps()
        .ends()
        .gets_fin()
        .says("open, message a, message b, stop, fin, gone 1001 stop clean (stopped)");
    stepwise(lines())
        .gets(b"a\nb\n")
        .stops(1000)
        .at(1000)
        .says("open, message a, fin, gone 1006 stop (stopped), at 1000");
}

#[test]
fn a_close_does_not_wait_for_a_step() {
    stepwise(lines())
        .gets(b"a\nb\n")
        .closes(1000, "")
        .gets(b"c\n")
        .gets_fin()
        .says("open, message a, fin, gone 1000 local clean");
}

#[test]
fn nobody_is_idle_or_late_whose_bytes_wait_for_a_step() {
    let timeouts = Timeouts {
        idle_read: ms(50),
        frame: ms(50),
        ..Timeouts::default()
    };
    let mut stage = framed(line_config(), timeouts);
    stage.config.stepwise = true;
    stage
        .gets(b"a\nb")
        .at(9990)
        .steps()
        .gets(b"c\n")
        .at(10_000)
        .says("open, message a, message bc");
}

#[test]
fn the_time_of_a_frame_begins_anew_with_a_protocol() {
    let timeouts = Timeouts {
        frame: ms(50),
        ..Timeouts::default()
    };
    framed(line_config(), timeouts)
        .gets(b"a")
        .at(40)
        .switches_to(counted(), false)
        .steps()
        .at(80)
        .says("open, switched");
}

/// One of three protocols.
fn spoken(kind: u8) -> Box<dyn Codec> {
    match kind {
        0 => lines(),
        1 => counted(),
        _ => json(),
    }
}

/// A message of it, as it comes and as it is told.
fn written(kind: u8, letter: u8) -> (Vec<u8>, String) {
    let letter = char::from(b'a' + letter);
    match kind {
        0 => (format!("{letter}\n").into_bytes(), letter.to_string()),
        1 => (format!("\u{1}{letter}").into_bytes(), letter.to_string()),
        _ => {
            let text = format!("[\"{letter}\"]");
            (text.clone().into_bytes(), text)
        }
    }
}

proptest! {
    /// Whatever comes between: pieces, pauses, a full event queue, and handlers that are slow.
    #[test]
    fn each_message_decides_what_the_next_one_is(
        messages in prop::collection::vec((0..3_u8, 0..26_u8), 1..12),
        actions in prop::collection::vec((0..6_u8, 1..6_usize), 0..80),
    ) {
        let (mut bytes, mut line, mut kind) = (Vec::new(), "open".to_owned(), 0);
        for &(next, letter) in &messages {
            let (wire, told) = written(kind, letter);
            bytes.extend(wire);
            line.push_str(&format!(", message {told}"));
            if next != kind {
                line.push_str(", switched");
            }
            kind = next;
        }
        let handle = |stage: Stage, handled: &mut usize, kind: &mut u8| {
            if stage.messages() == *handled {
                return stage;
            }
            let next = messages[*handled].0;
            *handled += 1;
            let stage = if next == *kind {
                stage
            } else {
                stage.switches_to(spoken(next), true)
            };
            *kind = next;
            stage.steps()
        };
        let (mut stage, mut rest) = (stepwise(spoken(0)), &bytes[..]);
        let (mut handled, mut kind) = (0, 0);
        for (action, n) in actions {
            stage = match action {
                0 | 1 => {
                    let (piece, behind) = rest.split_at(n.min(rest.len()));
                    rest = behind;
                    stage.gets(piece)
                }
                2 => stage.hears(n - 1),
                3 => stage.pauses(),
                4 => stage.resumes(),
                _ => handle(stage, &mut handled, &mut kind),
            };
        }
        stage = stage.hears(usize::MAX).resumes().gets(rest);
        while stage.messages() > handled {
            stage = handle(stage, &mut handled, &mut kind);
        }
        stage.says(&line);
    }
}
