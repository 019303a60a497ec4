//! Frames that are wrong, late, or half there when the peer ends.

use gev_frames::{Config, Deliver, Extent, RuleConfig};
use gev_session::Timeouts;

use crate::kit::{Stage, framed, ms};

fn lines_of(max_message_bytes: u64, drop_too_long: bool, frame: u64) -> Stage {
    let config = Config {
        start: Vec::new(),
        rule: RuleConfig {
            extent: Extent::End(None),
            end: vec![b"\n".to_vec()],
            checksum: None,
            deliver: Deliver::Body,
        },
        first: None,
        cases: Vec::new(),
        ignore_empty: false,
        send_raw: false,
        max_message_bytes,
        drop_too_long,
        drop_noise: false,
        text: false,
        max_skip_bytes: 0,
    };
    let timeouts = Timeouts {
        frame: ms(frame),
        ..Timeouts::default()
    };
    framed(config, timeouts)
}

fn lines() -> Stage {
    lines_of(100, false, 0)
}

#[test]
fn frames_are_cut_and_written() {
    lines()
        .receives(b"a\nb")
        .receives(b"c\n")
        .sends(b"d")
        .says("open, message a, message bc, sent d\n");
}

#[test]
fn fin_between_two_frames_is_a_goodbye() {
    lines()
        .receives(b"a\n")
        .peer_ends()
        .sends(b"b")
        .ends()
        .says("open, message a, end, sent b\n, gone 1005 peer clean");
}

#[test]
fn fin_in_the_middle_of_a_frame_is_told_and_answers_still_go_out() {
    lines()
        .receives(b"a\nb")
        .peer_ends()
        .sends(b"c")
        .ends()
        .says("open, message a, FrameError, stop, sent c\n, gone 1002 protocol (ended in the middle of a frame)");
}

#[test]
fn what_is_to_be_told_at_fin_waits_for_room() {
    lines()
        .receives(b"b")
        .hears(0)
        .peer_ends()
        .hears(1)
        .hears(1)
        .ends()
        .says("open, FrameError, stop, gone 1002 protocol (ended in the middle of a frame)");
}

#[test]
fn a_frame_that_is_too_long_ends_the_connection_when_what_came_before_is_answered() {
    lines_of(2, false, 0)
        .receives(b"a\nbcd\ne\n")
        .sends(b"for a")
        .receives(b"f\n")
        .ends()
        .peer_ends()
        .says(
            "open, message a, FrameError, stop, sent for a\n, fin, gone 1009 limit (frame too long)",
        );
    lines_of(2, true, 0)
        .receives(b"a\nbcd\ne\n")
        .says("open, message a, FrameError, message e");
}

#[test]
fn a_frame_that_has_begun_has_to_come_to_its_end_in_time() {
    lines_of(100, false, 50)
        .at(1000)
        .receives(b"a\nb")
        .at(1040)
        .receives(b"c")
        .at(1050)
        .ends()
        .peer_ends()
        .says("open, message a, FrameError, stop, fin, gone 1008 timeout (frame not complete in time)");
}

#[test]
fn the_time_of_each_frame_is_its_own() {
    lines_of(100, false, 50)
        .receives(b"a")
        .at(40)
        .receives(b"\nb")
        .at(80)
        .sends(b"x")
        .receives(b"\nc")
        .at(129)
        .receives(b"\n")
        .at(9999)
        .says("open, message a, sent x\n, message b, message c");
}

#[test]
fn nobody_is_late_whose_bytes_are_not_read() {
    lines_of(100, false, 50)
        .receives(b"a")
        .pauses()
        .at(9999)
        .resumes()
        .receives(b"b\n")
        .says("open, message ab");
    lines_of(100, false, 50)
        .receives(b"a")
        .gets_busy()
        .at(9999)
        .says("open");
}
