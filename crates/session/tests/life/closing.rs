//! Goodbyes, of either side.

use std::sync::Arc;

use crate::kit::{PING, TEXT, close_frame, frame, raw, web_socket};

#[test]
fn a_peer_ends_and_the_handler_answers() {
    raw()
        .receives(b"bye")
        .peer_ends()
        .sends(b"bye too")
        .ends()
        .says("open, message bye, end, sent bye too, gone 1005 peer clean");
}

#[test]
fn a_handler_that_does_not_answer_keeps_half_a_connection() {
    raw()
        .peer_ends()
        .at(1_000_000)
        .sends(b"still")
        .says("open, end, sent still");
}

#[test]
fn an_end_waits_for_room() {
    raw()
        .hears(0)
        .peer_ends()
        .hears(1)
        .ends()
        .says("open, end, gone 1005 peer clean");
}

#[test]
fn we_close_and_the_peer_ends() {
    raw()
        .closes(1000, "")
        .peer_ends()
        .says("open, fin, gone 1000 local clean");
}

#[test]
fn we_close_and_the_peer_does_not_end() {
    raw()
        .closes(1000, "")
        .at(60_000)
        .says("open, fin, gone 1006 local, at 10000");
}

#[test]
fn what_comes_after_our_close_is_thrown_away() {
    raw()
        .closes(1000, "")
        .receives(b"late")
        .peer_ends()
        .says("open, fin, gone 1000 local clean");
}

#[test]
fn nothing_is_sent_behind_a_close() {
    raw()
        .sends(b"first")
        .closes(1000, "")
        .sends(b"late")
        .pings()
        .says("open, sent first, fin");
}

#[test]
fn a_close_waits_for_the_output() {
    raw()
        .has_room_for(2)
        .sends(b"abcd")
        .closes(1000, "")
        .takes(99)
        .peer_ends()
        .says("open, sent ab, sent cd, fin, gone 1000 local clean");
}

#[test]
fn a_peer_that_takes_nothing_is_not_waited_for_in_vain() {
    raw()
        .has_room_for(0)
        .sends(b"abcd")
        .closes(1000, "")
        .peer_ends()
        .at(60_000)
        .says("open, gone 1006 local, at 10000");
}

#[test]
fn half_a_connection_may_be_ended_from_here() {
    raw()
        .shuts_down()
        .receives(b"more")
        .sends(b"lost")
        .peer_ends()
        .ends()
        .says("open, fin, message more, end, gone 1005 peer clean");
}

#[test]
fn a_web_socket_says_goodbye_and_is_answered() {
    web_socket()
        .closes(1000, "bye")
        .receives(&close_frame(1000))
        .peer_ends()
        .says("sent close 1000, fin, gone 1000 local clean (bye)");
}

#[test]
fn a_goodbye_that_is_not_answered_is_waited_for() {
    web_socket()
        .closes(4000, "bye")
        .at(60_000)
        .says("sent close 4000, gone 1006 local (bye), at 10000");
}

#[test]
fn a_goodbye_that_is_answered_with_an_end_is_not_clean() {
    web_socket()
        .closes(1000, "")
        .peer_ends()
        .says("sent close 1000, gone 1006 local (connection ended without the peer's close)");
}

#[test]
fn messages_that_cross_our_goodbye_are_not_delivered() {
    web_socket()
        .closes(1000, "")
        .receives(&frame(TEXT, b"late"))
        .receives(&close_frame(1001))
        .says("sent close 1000, fin");
}

#[test]
fn pings_that_cross_our_goodbye_are_not_answered() {
    web_socket()
        .closes(1000, "")
        .receives(&frame(PING, b"?"))
        .says("sent close 1000");
}

#[test]
fn a_web_socket_is_left_and_its_handler_answers() {
    web_socket()
        .receives(&close_frame(4001))
        .sends(b"last")
        .ends()
        .peer_ends()
        .says("end, sent last, sent close 4001, fin, gone 4001 peer clean");
}

#[test]
fn a_handler_that_does_not_come_to_its_end_is_not_waited_for() {
    web_socket()
        .receives(&close_frame(4001))
        .at(60_000)
        .says("end, gone 4001 peer, at 10000");
}

#[test]
fn a_close_from_here_answers_the_peers() {
    web_socket()
        .receives(&close_frame(4001))
        .closes(1000, "mine")
        .peer_ends()
        .says("end, sent close 4001, fin, gone 4001 peer clean");
}

#[test]
fn a_peer_that_stays_after_both_goodbyes_is_cut_and_that_is_clean() {
    web_socket()
        .receives(&close_frame(1000))
        .ends()
        .at(60_000)
        .says("end, sent close 1000, fin, gone 1000 peer clean, at 10000");
}

#[test]
fn a_web_socket_that_ends_without_a_goodbye_is_gone_at_once() {
    web_socket()
        .peer_ends()
        .says("gone 1006 peer (connection ended without a close)");
}

#[test]
fn a_peer_that_does_wrong_is_told_when_the_handler_has_answered() {
    web_socket()
        .receives(&[0x81, 0x00])
        .sends(b"last")
        .ends()
        .peer_ends()
        .says("end, sent last, sent close 1002, fin, gone 1002 protocol (frame not masked)");
}

#[test]
fn a_peer_that_does_wrong_is_told_in_the_end_whatever_the_handler_does() {
    web_socket()
        .receives(&[0x81, 0x00])
        .at(60_000)
        .says("end, sent close 1002, fin, gone 1002 protocol (frame not masked), at 10000");
}

#[test]
fn a_peer_that_does_wrong_behind_our_goodbye_changes_nothing() {
    web_socket()
        .closes(1000, "")
        .receives(&[0x81, 0x00])
        .peer_ends()
        .says("sent close 1000, fin, gone 1000 local");
}

#[test]
fn a_close_goes_behind_what_is_half_way_out() {
    web_socket()
        .has_room_for(4)
        .lends(&Arc::from(*b"abcd"))
        .closes(1000, "")
        .takes(99)
        .says("sent \u{fffd}\u{4}ab, sent cd\u{fffd}\u{2}\u{3}\u{fffd}");
}

#[test]
fn who_is_expelled_is_told_if_that_can_be_done_at_once() {
    web_socket()
        .expels()
        .peer_ends()
        .says("sent close 1013, fin, gone 1013 limit (short of memory)");
}

#[test]
fn who_is_expelled_and_has_not_taken_what_there_was_is_cut() {
    web_socket()
        .has_room_for(0)
        .sends(b"abcd")
        .expels()
        .says("gone 1013 limit (short of memory)");
}

#[test]
fn who_is_expelled_of_raw_tcp_is_cut() {
    raw()
        .expels()
        .says("open, gone 1013 limit (short of memory)");
}
