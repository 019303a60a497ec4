//! The loop stops.

use crate::kit::{REQUEST, TEXT, asking, close_frame, frame, raw, silent, web_socket};

#[test]
fn a_stop_is_answered_and_the_peer_told() {
    web_socket()
        .stops(5000)
        .ends()
        .receives(&close_frame(1001))
        .peer_ends()
        .says("stop, sent close 1001, fin, gone 1001 stop clean (stopped)");
}

#[test]
fn raw_tcp_is_stopped() {
    raw()
        .stops(5000)
        .ends()
        .peer_ends()
        .says("open, stop, fin, gone 1001 stop clean (stopped)");
}

#[test]
fn replies_go_out_before_a_stops_goodbye() {
    web_socket()
        .stops(5000)
        .sends(b"last")
        .ends()
        .says("stop, sent last, sent close 1001");
}

#[test]
fn a_stop_waits_for_room_and_for_what_came_before() {
    web_socket()
        .hears(0)
        .receives(&frame(TEXT, b"a"))
        .stops(5000)
        .hears(9)
        .says("message a, stop");
}

#[test]
fn a_handler_that_does_not_come_to_its_end_does_not_hold_up_a_stop() {
    web_socket()
        .stops(500)
        .at(9999)
        .says("stop, sent close 1001, gone 1006 stop (stopped), at 500");
}

#[test]
fn a_full_queue_does_not_hold_up_a_stop() {
    web_socket()
        .hears(0)
        .stops(500)
        .at(9999)
        .says("gone 1006 stop (stopped), at 500");
}

#[test]
fn a_peer_that_does_not_answer_does_not_hold_up_a_stop() {
    web_socket()
        .stops(500)
        .ends()
        .at(9999)
        .says("stop, sent close 1001, gone 1006 stop (stopped), at 500");
}

#[test]
fn a_handshake_may_be_finished_within_a_second() {
    silent()
        .receives(&REQUEST[..9])
        .stops(5000)
        .at(900)
        .receives(&REQUEST[9..])
        .turn()
        .at(4000)
        .ends()
        .says("open, 101, stop, sent close 1001");
}

#[test]
fn a_handshake_that_is_not_finished_within_a_second_is_told_so() {
    silent()
        .receives(&REQUEST[..9])
        .stops(5000)
        .at(9999)
        .says("408, fin, failed 408 request not complete in time, at 2000");
}

#[test]
fn an_application_that_does_not_answer_does_not_hold_up_a_stop() {
    asking().receives(REQUEST).stops(500).at(9999).says(
        "asked to upgrade, 503, fin, gone 1006 timeout (request not answered in time), at 500",
    );
}

#[test]
fn a_response_that_has_begun_may_take_as_long_as_the_stop() {
    asking()
        .receives(b"GET / HTTP/1.0\r\n\r\n")
        .responds(b"a", true)
        .stops(5000)
        .at(4000)
        .responds(b"b", false)
        .says("asked, sent a, sent b, fin");
}

#[test]
fn who_closes_already_is_only_hurried() {
    web_socket()
        .closes(1000, "mine")
        .stops(500)
        .at(9999)
        .says("sent close 1000, gone 1006 local (mine), at 500");
}

#[test]
fn a_goodbye_that_the_handler_cannot_be_told_of_does_not_hold_up_a_stop() {
    web_socket()
        .hears(0)
        .receives(&close_frame(4000))
        .stops(500)
        .at(9999)
        .says("gone 1006 peer, at 500");
}

#[test]
fn a_stop_that_takes_no_time_cuts() {
    web_socket()
        .stops(0)
        .at(1)
        .says("stop, sent close 1001, gone 1006 stop (stopped), at 0");
}

#[test]
fn a_paused_connection_is_stopped_too() {
    raw().pauses().stops(5000).ends().says("open, stop, fin");
}
