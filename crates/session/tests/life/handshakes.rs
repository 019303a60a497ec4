//! From accept to open, or to nothing.

use gev_session::Config;
use gev_wire::websocket::Config as WebSocketConfig;

use crate::kit::{PLAIN, REQUEST, TEXT, asking, frame, ms, raw, silent, speaking};

#[test]
fn raw_tcp_opens_at_once() {
    raw().says("open");
}

#[test]
fn a_request_is_answered_and_what_follows_it_is_a_message() {
    let bytes = [REQUEST, &frame(TEXT, b"early")].concat();
    silent().receives(&bytes).says("open, message early, 101");
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let pieces = REQUEST.chunks(1);
    pieces
        .fold(silent(), |stage, byte| stage.receives(byte))
        .says("open, 101");
}

#[test]
fn an_opening_waits_for_room() {
    silent()
        .hears(0)
        .receives(REQUEST)
        .hears(9)
        .says("open, 101");
}

#[test]
fn a_handshake_takes_as_long_as_it_may() {
    silent()
        .at(9999)
        .receives(REQUEST)
        .at(60_000)
        .says("open, 101");
}

#[test]
fn who_says_nothing_is_cut_without_a_word() {
    silent()
        .at(60_000)
        .says("failed 0 no handshake in time, at 10000");
}

#[test]
fn who_does_not_finish_gets_408() {
    silent()
        .receives(b"GET / HT")
        .at(60_000)
        .says("408, fin, failed 408 request not complete in time, at 11000");
}

#[test]
fn who_is_too_late_and_goes_on_sending_has_a_moment_to_read_that_it_is() {
    let late = || silent().receives(b"GET / HT").at(10_000);
    let told = "408, fin, failed 408 request not complete in time";
    late().receives(b"TP/1.1\r\n").peer_ends().says(told);
    late().receives(b"TP/1.1\r\n").breaks().says(told);
}

#[test]
fn who_does_not_finish_and_takes_nothing_is_cut() {
    silent()
        .receives(b"GET / HT")
        .has_room_for(0)
        .at(60_000)
        .says("failed 408 request not complete in time, at 11000");
}

#[test]
fn who_cannot_be_heard_is_not_judged() {
    silent()
        .receives(b"GET / HT")
        .gets_busy()
        .at(15_000)
        .receives(b"TP/1.0\r\n\r\n")
        .says("refused with this is a WebSocket server, 426, fin");
}

#[test]
fn a_handshake_that_waits_for_a_busy_application_is_done_in_time() {
    silent()
        .hears(0)
        .receives(REQUEST)
        .gets_busy()
        .at(15_000)
        .hears(9)
        .at(60_000)
        .says("open, 101");
}

#[test]
fn a_request_that_is_none_is_refused_and_its_client_may_end() {
    silent()
        .receives(b"hello\r\n")
        .peer_ends()
        .says("refused with bad request line: no target, 400, fin, gone");
}

#[test]
fn a_refusal_waits_for_room() {
    silent()
        .hears(0)
        .receives(PLAIN)
        .hears(1)
        .says("refused with this is a WebSocket server, 426, fin");
}

#[test]
fn who_is_refused_and_stays_is_cut() {
    silent()
        .receives(PLAIN)
        .at(60_000)
        .says("refused with this is a WebSocket server, 426, fin, gone, at 10000");
}

#[test]
fn who_is_refused_and_takes_nothing_is_cut() {
    silent()
        .has_room_for(0)
        .receives(PLAIN)
        .at(60_000)
        .says("refused with this is a WebSocket server, gone, at 10000");
}

#[test]
fn who_leaves_during_the_handshake_is_told_of() {
    silent()
        .receives(b"GET")
        .peer_ends()
        .says("failed 0 connection ended during the handshake");
}

#[test]
fn who_breaks_during_the_handshake_is_told_of() {
    silent()
        .receives(b"GET")
        .breaks()
        .says("failed 0 connection reset");
}

#[test]
fn an_application_accepts() {
    asking()
        .receives(REQUEST)
        .accepts()
        .receives(&frame(TEXT, b"hi"))
        .says("asked to upgrade, open, 101, message hi");
}

#[test]
fn nothing_is_read_before_the_application_has_answered() {
    asking()
        .receives(REQUEST)
        .receives(&frame(TEXT, b"lost"))
        .accepts()
        .says("asked to upgrade, open, 101");
}

#[test]
fn what_came_with_the_request_waits_for_the_answer() {
    let bytes = [REQUEST, &frame(TEXT, b"early")].concat();
    asking()
        .receives(&bytes)
        .accepts()
        .says("asked to upgrade, open, message early, 101");
}

#[test]
fn an_application_responds() {
    asking()
        .receives(PLAIN)
        .responds(b"HTTP/1.1 200 OK\r\n\r\n", false)
        .peer_ends()
        .says("asked, 200, fin, gone 1006 local (request answered)");
}

#[test]
fn a_response_may_have_parts() {
    asking()
        .receives(PLAIN)
        .responds(b"one ", true)
        .responds(b"two", false)
        .says("asked, sent one , sent two, fin");
}

#[test]
fn a_response_has_its_own_time() {
    asking()
        .receives(PLAIN)
        .at(9000)
        .responds(b"one", true)
        .at(60_000)
        .says("asked, sent one, gone 1006 timeout (response not complete in time), at 19000");
}

#[test]
fn an_application_that_does_not_answer_is_answered_for() {
    asking().receives(REQUEST).at(60_000).says(
        "asked to upgrade, 503, fin, gone 1006 timeout (request not answered in time), at 11000",
    );
}

#[test]
fn an_answer_that_comes_too_late_changes_nothing() {
    asking()
        .receives(REQUEST)
        .at(60_000)
        .accepts()
        .responds(b"late", false)
        .says("asked to upgrade, 503, fin, gone 1006 timeout (request not answered in time), at 11000");
}

#[test]
fn who_does_not_wait_for_the_answer_is_told_of() {
    asking().receives(REQUEST).leaves().says(
        "asked to upgrade, gone 1006 peer (connection ended before the request was answered)",
    );
}

#[test]
fn answers_to_nothing_do_nothing() {
    silent()
        .accepts()
        .responds(b"what", false)
        .receives(REQUEST)
        .says("open, 101");
}

#[test]
fn a_handshake_may_have_less_time() {
    let config = Config {
        handshake_timeout: ms(50),
        ..Config::default()
    };
    speaking(WebSocketConfig::default(), config)
        .at(1000)
        .says("failed 0 no handshake in time, at 50");
}
