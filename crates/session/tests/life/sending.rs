//! Output: what waits, what may go between, and who is told of it.

use std::sync::Arc;

use gev_session::{Loan, Shared};
use gev_wire::{MessageKind, Outgoing};

use crate::kit::{PING, Stage, frame, raw, silent, web_socket};

#[test]
fn what_the_socket_does_not_take_waits_in_order() {
    raw()
        .has_room_for(3)
        .sends(b"abcd")
        .sends(b"ef")
        .takes(1)
        .takes(9)
        .says("open, sent abc, sent d, sent ef");
}

#[test]
fn a_long_message_is_tried_at_once_and_the_rest_waits() {
    raw()
        .has_room_for(9_000)
        .sends(&[b'x'; 10_000])
        .sends(b"y")
        .takes(99_999)
        .says("open, sent 9000 bytes, sent 1001 bytes");
}

#[test]
fn a_message_counts_with_the_longest_framing_until_the_kernel_has_all_of_it() {
    web_socket()
        .has_room_for(3)
        .sends(b"ab")
        .has_dealt_with(2 + 10 - 1)
        .takes(9)
        .has_dealt_with(2 + 10)
        .pings()
        .has_dealt_with(2 + 10 + 4 + 10)
        .has_room_for(0)
        .lends(&Arc::from(*b"abcde"))
        .has_dealt_with(2 + 10 + 4 + 10 + 10 - 2)
        .takes(9)
        .has_dealt_with(2 + 10 + 4 + 10 + 10 + 5);
    raw().sends(b"ab").has_dealt_with(2);
}

#[test]
fn who_asks_is_told_when_it_is_sent() {
    raw()
        .has_room_for(2)
        .sends(b"ab")
        .asks_for_sent()
        .sends(b"cd")
        .asks_for_sent()
        .takes(1)
        .takes(1)
        .says("open, sent ab, was sent, sent c, sent d, was sent");
}

#[test]
fn who_asks_with_nothing_to_send_is_told_at_once() {
    raw().asks_for_sent().says("open, was sent");
}

#[test]
fn of_what_was_dropped_nobody_is_told_that_it_was_sent() {
    raw()
        .closes(1000, "")
        .sends(b"late")
        .asks_for_sent()
        .peer_ends()
        .says("open, fin, gone 1000 local clean");
}

#[test]
fn who_asks_is_told_when_little_is_left_and_once() {
    raw()
        .has_room_for(0)
        .sends(b"abcdef")
        .asks_for_drained(2)
        .takes(3)
        .takes(1)
        .takes(9)
        .says("open, sent abc, sent d, drained, sent ef");
}

#[test]
fn a_ping_is_answered() {
    web_socket()
        .receives(&frame(PING, b"1"))
        .says("sent pong 1");
}

#[test]
fn to_a_peer_that_does_not_read_only_the_latest_pong_is_sent() {
    let pinged = web_socket()
        .has_room_for(1)
        .sends(b"ab")
        .receives(&frame(PING, b"1"));
    pinged.receives(&frame(PING, b"2")).takes(99).says(
        "sent \u{fffd}, sent \u{2}abẞ"
            .replace("ẞ", "\u{fffd}\u{1}2")
            .as_str(),
    );
}

#[test]
fn a_pong_goes_behind_what_is_half_way_out() {
    web_socket()
        .has_room_for(3)
        .lends(&Arc::from(*b"ab"))
        .receives(&frame(PING, b"1"))
        .takes(99)
        .says("sent \u{fffd}\u{2}a, sent b\u{fffd}\u{1}1");
}

#[test]
fn what_is_lent_is_sent_in_its_turn_and_given_back() {
    let lent: Arc<[u8]> = Arc::from(*b"lent");
    let stage = raw()
        .has_room_for(3)
        .sends(b"ab")
        .lends(&lent)
        .sends(b"cd")
        .lends(&lent);
    assert_eq!(Arc::strong_count(&lent), 3);
    let stage = stage.takes(4);
    assert_eq!(Arc::strong_count(&lent), 2);
    stage
        .takes(99)
        .says("open, sent ab, sent l, sent entc, sent dlent");
    assert_eq!(Arc::strong_count(&lent), 1);
}

#[test]
fn what_is_lent_is_given_back_unsent_when_the_end_has_begun_or_come() {
    let lent: Arc<[u8]> = Arc::from(*b"lent");
    let stage = raw().closes(1000, "").lends(&lent);
    assert_eq!(Arc::strong_count(&lent), 1);
    drop(stage);
    let stage = raw().has_room_for(1).lends(&lent);
    assert_eq!(Arc::strong_count(&lent), 2);
    stage
        .fails_to_write()
        .takes(9)
        .says("open, sent l, gone 1006 reset (broken pipe)");
    assert_eq!(Arc::strong_count(&lent), 1);
}

#[test]
fn raw_tcp_has_no_pings() {
    raw().pings().says("open");
}

#[test]
fn a_paused_application_gets_nothing_and_all_of_it_later() {
    raw().pauses().receives(b"lost to the socket").says("open");
    web_socket().pauses().peer_ends().resumes().says("");
}

#[test]
fn messages_wait_for_room_and_keep_their_order() {
    let bytes = [frame(1, b"a"), frame(1, b"b"), frame(1, b"c")].concat();
    web_socket()
        .hears(1)
        .receives(&bytes)
        .hears(1)
        .hears(9)
        .says("message a, message b, message c");
}

#[test]
fn a_paused_connection_is_closed_from_here_all_the_same() {
    raw()
        .pauses()
        .closes(1000, "")
        .peer_ends()
        .says("open, fin, gone 1000 local clean");
}

#[test]
fn what_many_get_each_gets_as_if_it_were_its_own() {
    for message in [&b"ab"[..], &[b'x'; 10_000]] {
        let outgoing = Outgoing::whole(MessageKind::Binary);
        let mut shared = Shared::new(outgoing, message, None);
        for stage in [web_socket, raw, web_socket, silent] {
            let told = |stage: Stage| stage.has_room_for(3).sends(b"c").takes(99_999).told();
            let alone = told(stage().sends(message));
            assert_eq!(told(stage().shares(&mut shared)), alone);
        }
    }
    web_socket()
        .shares(&mut Shared::new(
            Outgoing::whole(MessageKind::Binary),
            b"ab",
            None,
        ))
        .has_dealt_with(2 + 10);
}

#[test]
fn what_is_lent_to_many_is_given_back_by_the_last() {
    let bytes: Arc<[u8]> = Arc::from([b'x'; 100_000]);
    let outgoing = Outgoing::whole(MessageKind::Binary);
    let loan = Loan::new(Arc::clone(&bytes));
    let mut shared = Shared::new(outgoing, &[], Some(loan));
    let slow = web_socket().has_room_for(50).shares(&mut shared);
    let quick = web_socket().shares(&mut shared);
    drop(shared);
    assert_eq!(Arc::strong_count(&bytes), 2);
    drop(quick);
    let slow = slow.takes(199_999);
    assert_eq!(Arc::strong_count(&bytes), 1);
    slow.says("sent 50 bytes, sent 99960 bytes");
}
