//! Who says goodbye when, and what is not said after it.

use gev_wire::websocket::{Config, WebSocket};
use gev_wire::{Close, Codec, Decoded, Input};

use crate::kit::{
    BINARY, BINARY_MORE, CLOSE, Collector, End, Entry, LAST, MORE, PING, TEXT, TEXT_MORE, decode,
    decode_frames, feed, frame, header, open_web_socket, web_socket,
};

/// Bytes that `close` appends, and whether the peer is to answer.
fn close(protocol: &mut dyn Codec, code: u16, reason: &str) -> (Vec<u8>, bool) {
    let mut out = b"before".to_vec();
    let awaits_answer = protocol.close(&Close::new(code, reason), &mut out);
    assert!(out.starts_with(b"before"));
    (out.split_off(6), awaits_answer)
}

/// RFC 6455 section 7.4, as sent by the peer.
#[test]
fn the_code_is_echoed() {
    for code in [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 4999] {
        let [high, low] = u16::to_be_bytes(code);
        let (sink, end) = decode_frames(Config::default(), &frame(CLOSE, &[high, low, b'!']));
        assert_eq!(end, End::Closed(Close::new(code, "!")));
        assert_eq!(sink.replies(), [0x88, 0x02, high, low]);
    }
}

#[test]
fn codes_that_must_not_travel_are_refused() {
    for code in [
        0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535,
    ] {
        let (sink, end) = decode_frames(Config::default(), &frame(CLOSE, &u16::to_be_bytes(code)));
        assert!(
            matches!(end, End::Failed(error) if error.code == 1002),
            "{code}: {end:?}"
        );
        assert_eq!(sink.replies(), []);
    }
}

#[test]
fn the_longest_reason() {
    let reason = "x".repeat(123);
    let payload = [&[0x03, 0xE8], reason.as_bytes()].concat();
    let (_, end) = decode_frames(Config::default(), &frame(CLOSE, &payload));
    assert_eq!(end, End::Closed(Close::new(1000, reason)));
}

#[test]
fn ours_is_written_once_and_answered() {
    let (mut web_socket, mut sink) = open_web_socket(Config::default());
    assert_eq!(
        close(&mut web_socket, 1001, "bye"),
        (b"\x88\x05\x03\xE9bye".to_vec(), true)
    );
    assert_eq!(close(&mut web_socket, 1000, "again"), (vec![], true));
    let answer = frame(CLOSE, &[0x03, 0xE9]);
    let end = decode(&mut web_socket, &mut Input::from(&answer[..]), &mut sink);
    assert_eq!(end, End::Closed(Close::new(1001, "")));
    assert_eq!(sink.replies(), [], "a close frame is answered once");
    assert_eq!(close(&mut web_socket, 1000, ""), (vec![], false));
}

#[test]
fn codes_of_ours_that_must_not_travel() {
    for code in [1005, 1006, 1015] {
        let (mut web_socket, _) = open_web_socket(Config::default());
        assert_eq!(
            close(&mut web_socket, code, "reason"),
            (b"\x88\x00".to_vec(), true)
        );
    }
}

#[test]
fn theirs_is_the_end() {
    let (mut web_socket, mut sink) = open_web_socket(Config::default());
    let bytes = [frame(CLOSE, b""), frame(TEXT, b"late")].concat();
    let end = decode(&mut web_socket, &mut Input::from(&bytes[..]), &mut sink);
    assert_eq!(end, End::Closed(Close::new(1005, "")));
    assert_eq!(sink.replies(), [0x88, 0x00]);
    assert_eq!(close(&mut web_socket, 1000, ""), (vec![], false));
    assert_eq!(sink.messages(), []);
}

/// What the caller has to send for the messages before it comes first.
#[test]
fn theirs_is_answered_when_the_caller_says_so() {
    let (mut web_socket, mut sink) = open_web_socket(Config::default());
    let bytes = frame(CLOSE, &[0x0F, 0xA0, b'!']);
    let decoded = web_socket.decode(&mut Input::from(&bytes[..]), &mut sink);
    assert_eq!(decoded, Ok(Decoded::Closed(Close::new(4000, "!"))));
    assert_eq!(sink.replies(), []);
    let echo = b"\x88\x02\x0F\xA0".to_vec();
    assert_eq!(close(&mut web_socket, 1001, "ours"), (echo, false));
    assert_eq!(close(&mut web_socket, 1001, "again"), (vec![], false));
}

#[test]
fn nothing_is_said_before_the_handshake_is_done() {
    let mut web_socket = web_socket(Config::default());
    assert_eq!(close(&mut web_socket, 1001, ""), (vec![], false));
    let mut sink = Collector::default();
    let refused = b"POST / HTTP/1.1\r\n\r\n";
    let end = decode(&mut web_socket, &mut Input::from(&refused[..]), &mut sink);
    assert!(matches!(end, End::Closed(close) if close.code == 1006));
    assert_eq!(close(&mut web_socket, 1001, ""), (vec![], false));
}

#[test]
fn an_error_is_told_to_the_peer_and_nothing_is_awaited() {
    let (mut web_socket, mut sink) = open_web_socket(Config::default());
    let frames = [frame(TEXT_MORE, b"half"), frame(TEXT, b"\xFF")].concat();
    let End::Failed(error) = decode(&mut web_socket, &mut Input::from(&frames[..]), &mut sink)
    else {
        panic!("accepted");
    };
    let Close { code, reason } = error.into();
    let frame = [
        &[0x88, 2 + reason.len() as u8, 0x03, 0xEA],
        reason.as_bytes(),
    ]
    .concat();
    assert_eq!(close(&mut web_socket, code.get(), &reason), (frame, false));
    assert_eq!(close(&mut web_socket, code.get(), &reason), (vec![], false));
}

/// Behind our close frame messages are decoded, but dropped; pings are not answered.
#[test]
fn what_comes_between_ours_and_theirs_is_dropped() {
    let before = [
        frame(BINARY_MORE, b"part"),
        header(LAST, 8),
        b"\x37\xFA".to_vec(),
    ]
    .concat();
    let mut behind = b"\x21\x3D\x37\xFA\x21\x3D".to_vec();
    behind.extend(frame(TEXT, b"bad \xFF text"));
    behind.extend([frame(PING, b"ping"), frame(BINARY_MORE, &[0; 70_000])].concat());
    behind.extend([frame(MORE, b"x"), frame(LAST, b""), frame(BINARY, b"")].concat());
    behind.extend(frame(CLOSE, &[0x03, 0xE8]));
    for piece in [1, 1000, 100_000] {
        let (mut web_socket, mut sink) = open_web_socket(Config::default());
        let mut input = Input::from(&before[..]);
        assert_eq!(
            decode(&mut web_socket, &mut input, &mut sink),
            End::NeedMore
        );
        close(&mut web_socket, 1000, "");
        let pieces: Vec<&[u8]> = behind.chunks(piece).collect();
        let end = feed(&mut web_socket, &pieces, 0, &mut sink);
        assert_eq!(end, End::Closed(Close::new(1000, "")));
        assert_eq!(sink.log, [Entry::Open]);
    }
}

#[test]
fn the_rules_hold_between_ours_and_theirs() {
    let (mut web_socket, mut sink) = open_web_socket(Config::default());
    close(&mut web_socket, 1000, "");
    let end = decode(
        &mut web_socket,
        &mut Input::from(&b"\x81\x05Hello"[..]),
        &mut sink,
    );
    assert!(matches!(end, End::Failed(error) if error.code == 1002));
    assert_eq!(
        close(&mut web_socket, 1002, ""),
        (vec![], false),
        "sent before"
    );
}

#[test]
fn a_connection_is_small() {
    assert!(
        size_of::<WebSocket>() <= 128,
        "{} bytes",
        size_of::<WebSocket>()
    );
}
