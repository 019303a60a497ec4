//! What servers of this kind have been seen to get wrong, one test for each.
//!
//! Some can only be tested where there are sockets or handlers: in `crates/reactor/tests/event_loop` (reactor) or in
//! `__test__/handler/isolation.test.ts` (AVA).
//!
//! |     | the defect                                              | the test                                              |
//! | --- | ------------------------------------------------------- | ----------------------------------------------------- |
//! | D1  | messages mixed up when a header came without payload    | `header_and_payload_come_apart`                       |
//! | D2  | a busy loop while input is unread and output waits      | `a_loop_sleeps_while_...` (reactor)                   |
//! | D3  | no input, not even the end, seen while output waits     | `input_and_a_reset_are_seen_...` (reactor)            |
//! | D4  | no answer to a close frame                              | `a_close_frame_is_answered_before_the_end`            |
//! | D5  | pongs answered with pings                               | `pings_are_answered_with_pongs_and_...`               |
//! | D6  | fragments delivered as messages, without their kind     | `fragments_make_one_message_of_the_first_ones_kind`   |
//! | D7  | frames delivered that break the rules                   | `frames_that_break_the_rules_are_not_delivered`       |
//! | D8  | no largest frame, and lengths that got a stream stuck   | `frames_that_are_too_large_end_the_connection_at_once` |
//! | D9  | only one spelling of the Connection header accepted     | `the_connection_header_is_a_list_in_any_case`         |
//! | D10 | refused requests not answered                           | `refused_requests_are_answered_and_closed`            |
//! |     | ... and not closed                                      | `a_refused_request_is_answered_and_closed` (reactor)  |
//! | D11 | the end of the head not found across the wrap           | `the_end_of_the_head_is_found_across_the_wrap`        |
//! | D17 | messages overwritten by those of other connections      | `messages of ... that are kept never change` (AVA)    |
//! | D18 | frames behind an empty one not decoded                  | `frames_without_payload_do_not_stop_the_others`       |

use gev_wire::websocket::Config;
use gev_wire::{Close, Codec, Decoded, Input};

use crate::kit::{
    BINARY, CLOSE, Collector, End, Entry, LAST, PING, REQUEST, RESPONSE, TEXT, TEXT_MORE, binary,
    decode, decode_frames, feed, feed_whole, frame, header, open_web_socket, text, web_socket,
};

/// A header alone, and the payload later, made the mask the message and lost the next frame.
#[test]
fn header_and_payload_come_apart() {
    for len in 1..200 {
        let payload: Vec<u8> = (1..=len).collect();
        let first = frame(BINARY, &payload);
        let (head, body) = first.split_at(first.len() - payload.len());
        let next = frame(TEXT, b"next");
        for at in 0..64 {
            let (mut web_socket, mut sink) = open_web_socket(Config::default());
            feed(&mut web_socket, &[head, body, &next], at, &mut sink);
            assert_eq!(sink.messages(), [binary(&payload), text("next")]);
        }
    }
}

/// The close frame was written behind the end of the output.
#[test]
fn a_close_frame_is_answered_before_the_end() {
    let (sink, end) = decode_frames(Config::default(), &frame(CLOSE, &[0x03, 0xE8]));
    assert_eq!(end, End::Closed(Close::new(1000, "")));
    assert_eq!(sink.replies(), [0x88, 0x02, 0x03, 0xE8]);
}

/// A pong was answered with a ping.
#[test]
fn pings_are_answered_with_pongs_and_pongs_not_at_all() {
    let frames = [frame(PING, b"p"), frame(0x8A, b"p")].concat();
    let (sink, _) = decode_frames(Config::default(), &frames);
    assert_eq!(sink.replies(), [0x8A, 0x01, b'p']);
}

/// Fragments were messages of their own, and the kind of a message was not told.
#[test]
fn fragments_make_one_message_of_the_first_ones_kind() {
    let frames = [
        frame(TEXT_MORE, b"Hel"),
        frame(LAST, b"lo"),
        frame(BINARY, b"lo"),
    ]
    .concat();
    let (sink, _) = decode_frames(Config::default(), &frames);
    assert_eq!(sink.messages(), [text("Hello"), binary("lo")]);
}

/// Frames that break the rules were delivered.
#[test]
fn frames_that_break_the_rules_are_not_delivered() {
    let cases: [(&[u8], u16); 8] = [
        (b"\x81\x05Hello", 1002),
        (&frame(0xC1, b"Hello"), 1002),
        (&frame(0xA1, b"Hello"), 1002),
        (&frame(0x91, b"Hello"), 1002),
        (&frame(0x83, b"Hello"), 1002),
        (&frame(TEXT, b"\xC0\x80"), 1007),
        (&frame(PING, &[0; 126]), 1002),
        (&frame(0x09, b"Hello"), 1002),
    ];
    for (bytes, code) in cases {
        let (sink, end) = decode_frames(Config::default(), bytes);
        assert!(
            matches!(end, End::Failed(error) if error.code == code),
            "{bytes:x?}: {end:?}"
        );
        assert_eq!(sink.log, [Entry::Open]);
    }
}

/// A frame of a terabyte was waited for, and kept; a length of more than 63 bits left the connection stuck.
#[test]
fn frames_that_are_too_large_end_the_connection_at_once() {
    for (len, code) in [
        (1 << 40, 1009),
        ((16 << 20) + 1, 1009),
        (1 << 63, 1002),
        (u64::MAX, 1002),
    ] {
        let (_, end) = decode_frames(Config::default(), &header(BINARY, len));
        assert!(
            matches!(end, End::Failed(error) if error.code == code),
            "{len}: {end:?}"
        );
    }
    let (_, end) = decode_frames(Config::default(), &header(BINARY, 16 << 20));
    assert_eq!(end, End::NeedMore);
}

/// Only "Upgrade" and "upgrade" alone were accepted, so that Firefox was refused.
#[test]
fn the_connection_header_is_a_list_in_any_case() {
    let request = String::from_utf8(REQUEST.to_vec()).expect("text");
    for connection in ["keep-alive, Upgrade", "UPGRADE", "keep-alive,upgrade"] {
        for upgrade in ["websocket", "WebSocket", "WEBSOCKET"] {
            let request = request
                .replace("Upgrade: websocket", &format!("Upgrade: {upgrade}"))
                .replace("Connection: Upgrade", &format!("Connection: {connection}"));
            let (sink, _) = feed_whole(&mut web_socket(Config::default()), request.as_bytes());
            assert_eq!(sink.replies(), RESPONSE);
        }
    }
}

/// Refused requests were not closed, or not even answered; a head without an end was read for ever; subprotocols that
/// the server does not know were refused.
#[test]
fn refused_requests_are_answered_and_closed() {
    let request = String::from_utf8(REQUEST.to_vec()).expect("text");
    let wrong_version = request.replace("Version: 13", "Version: 12");
    let wrong_method = request.replace("GET", "POST");
    let endless = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(16 * 1024));
    for (request, status) in [
        (wrong_version, "426"),
        (wrong_method, "405"),
        (endless, "431"),
    ] {
        let mut sink = Collector::default();
        let pieces: Vec<&[u8]> = request.as_bytes().chunks(1000).collect();
        let end = feed(&mut web_socket(Config::default()), &pieces, 0, &mut sink);
        assert!(matches!(end, End::Closed(_)));
        assert!(
            sink.replies()
                .starts_with(format!("HTTP/1.1 {status}").as_bytes())
        );
    }
    assert!(request.contains("Sec-WebSocket-Protocol: chat"));
    let (sink, _) = feed_whole(&mut web_socket(Config::default()), request.as_bytes());
    assert_eq!(sink.replies(), RESPONSE);
}

/// The end of a head was not found where the ring wraps, and misplaced behind that.
#[test]
fn the_end_of_the_head_is_found_across_the_wrap() {
    let bytes = [REQUEST, &frame(TEXT, b"first")].concat();
    for seam in 0..bytes.len() {
        let (first, second) = bytes.split_at(seam);
        let mut sink = Collector::default();
        let mut input = Input::new(first, second);
        decode(&mut web_socket(Config::default()), &mut input, &mut sink);
        assert_eq!(
            (sink.replies(), sink.messages()),
            (RESPONSE.to_vec(), vec![text("first")])
        );
    }
}

/// A frame without payload ended the loop, and what was behind it waited for the next read.
#[test]
fn frames_without_payload_do_not_stop_the_others() {
    let frames = [
        frame(TEXT, b""),
        frame(PING, b""),
        frame(BINARY, b""),
        frame(TEXT, b"end"),
    ];
    let frames = frames.concat();
    let (mut web_socket, mut sink) = open_web_socket(Config::default());
    let decoded = web_socket.decode(&mut Input::from(&frames[..]), &mut sink);
    assert_eq!(decoded, Ok(Decoded::NeedMore));
    assert_eq!(sink.messages(), [text(""), binary(""), text("end")]);
    assert_eq!(sink.replies(), [0x8A, 0x00]);
}
