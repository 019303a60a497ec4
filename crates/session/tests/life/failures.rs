//! Sockets that fail, at every point.

use std::sync::Arc;

use crate::kit::{close_frame, raw, web_socket};

const RESET: &str = "gone 1006 reset (connection reset)";

#[test]
fn a_reset_ends_a_connection_at_once() {
    raw().breaks().says(&format!("open, {RESET}"));
    web_socket().breaks().says(RESET);
}

#[test]
fn a_reset_behind_the_peers_goodbye_does_not_matter() {
    web_socket()
        .receives(&close_frame(1000))
        .breaks()
        .says("end, gone 1000 peer");
    web_socket()
        .receives(&close_frame(1000))
        .ends()
        .breaks()
        .says("end, sent close 1000, fin, gone 1000 peer clean");
}

#[test]
fn a_reset_behind_our_goodbye_is_one() {
    web_socket()
        .closes(1000, "")
        .breaks()
        .says(&format!("sent close 1000, {RESET}"));
}

#[test]
fn of_raw_tcp_how_a_connection_that_was_closed_goes_down_does_not_matter() {
    raw()
        .closes(1000, "")
        .breaks()
        .says("open, fin, gone 1000 local");
}

#[test]
fn of_a_peer_that_did_wrong_nothing_else_was_expected() {
    let broken = || web_socket().receives(&[0x81, 0x00]);
    broken()
        .breaks()
        .says("end, gone 1002 protocol (frame not masked)");
    broken()
        .ends()
        .breaks()
        .says("end, sent close 1002, fin, gone 1002 protocol (frame not masked)");
}

const PIPE: &str = "gone 1006 reset (broken pipe)";

#[test]
fn writing_fails_with_a_message() {
    raw()
        .fails_to_write()
        .sends(b"hi")
        .says(&format!("open, {PIPE}"));
    web_socket()
        .fails_to_write()
        .sends(&[b'x'; 10_000])
        .says(PIPE);
}

#[test]
fn writing_fails_in_the_middle_of_a_message() {
    let bytes = Arc::from(*b"abcd");
    let halfway = || raw().has_room_for(2).lends(&bytes);
    halfway()
        .fails_to_write()
        .takes(9)
        .says(&format!("open, sent ab, {PIPE}"));
    // How raw TCP goes down that was closed does not matter.
    halfway()
        .closes(1000, "")
        .fails_to_write()
        .takes(9)
        .says("open, sent ab, gone 1000 local");
    assert_eq!(Arc::strong_count(&bytes), 1);
}

#[test]
fn writing_fails_with_what_had_to_wait() {
    raw()
        .has_room_for(1)
        .sends(b"abc")
        .fails_to_write()
        .takes(9)
        .says(&format!("open, sent a, {PIPE}"));
}

#[test]
fn writing_fails_with_a_goodbye() {
    web_socket().fails_to_write().closes(1000, "").says(PIPE);
}

#[test]
fn writing_fails_with_the_answer_to_a_goodbye() {
    web_socket()
        .receives(&close_frame(4000))
        .fails_to_write()
        .ends()
        .says("end, gone 4000 peer clean");
}

#[test]
fn writing_fails_with_what_a_peer_did_wrong() {
    web_socket()
        .receives(&[0x81, 0x00])
        .fails_to_write()
        .ends()
        .says(&format!("end, {PIPE}"));
}

#[test]
fn writing_fails_with_a_ping() {
    web_socket().fails_to_write().pings().says(PIPE);
}

#[test]
fn writing_fails_with_a_goodbye_to_who_is_expelled() {
    web_socket().fails_to_write().expels().says(PIPE);
}

#[test]
fn what_is_over_stays_over() {
    raw()
        .breaks()
        .receives(b"more")
        .sends(b"more")
        .closes(1000, "")
        .peer_ends()
        .at(100_000)
        .says(&format!("open, {RESET}"));
}
