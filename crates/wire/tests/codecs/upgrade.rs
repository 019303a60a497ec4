//! Who may upgrade, what is agreed on, and applications that are asked.

use gev_wire::websocket::{Config, Deflate, DeflateMode};
use gev_wire::{Codec, Control, Decoded, Input, Request, Upgrade};

use crate::kit::{
    Collector, DATE, End, Entry, PING, PONG, REQUEST, TEXT, decode, decode_frames, feed,
    feed_whole, frame, open_web_socket, text, web_socket,
};

/// The request of the RFC for another path, with more header lines.
pub(crate) fn request(target: &str, lines: &[&str]) -> Vec<u8> {
    let request = String::from_utf8_lossy(REQUEST).replace("/chat", target);
    let head = request.strip_suffix("\r\n").expect("an empty line");
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    format!("{head}{lines}\r\n").into_bytes()
}

/// The response, and what was opened with.
pub(crate) fn answer(config: &Config, request: &[u8]) -> (String, Option<(String, String)>) {
    let mut web_socket = web_socket(config.clone());
    let (sink, _) = feed_whole(&mut web_socket, request);
    let response = String::from_utf8_lossy(&sink.replies()).into_owned();
    let is_open = sink.log.contains(&Entry::Open);
    (response, is_open.then_some(sink.opening))
}

pub(crate) fn status(config: &Config, request: &[u8]) -> String {
    let (response, _) = answer(config, request);
    response.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[test]
fn other_paths_are_not_found() {
    let config = Config {
        path: Some("/live".to_owned()),
        ..Config::default()
    };
    for (target, expected) in [
        ("/live", "101"),
        ("/live?token=1", "101"),
        ("/", "404"),
        ("/live/", "404"),
        ("/LIVE", "404"),
        ("/other://a/live", "404"),
        ("http://a/live", "101"),
    ] {
        assert_eq!(status(&config, &request(target, &[])), expected, "{target}");
    }
}

#[test]
fn only_pages_of_the_origins_allowed_may_connect() {
    let without = String::from_utf8_lossy(REQUEST).replace("Origin: http://example.com\r\n", "");
    for (origins, bytes, expected) in [
        (vec!["http://example.com"], REQUEST.to_vec(), "101"),
        (
            vec!["https://a.example", "HTTP://Example.com"],
            REQUEST.to_vec(),
            "101",
        ),
        (vec!["https://example.com"], REQUEST.to_vec(), "403"),
        (vec![], REQUEST.to_vec(), "403"),
        (vec!["null"], without.into_bytes(), "101"),
        (
            vec!["http://example.com"],
            request("/", &["Origin: http://example.com"]),
            "403",
        ),
    ] {
        let origins: Vec<String> = origins.into_iter().map(str::to_owned).collect();
        let config = Config {
            origins: Some(origins.clone()),
            ..Config::default()
        };
        assert_eq!(status(&config, &bytes), expected, "{origins:?}");
    }
}

#[test]
fn the_clients_first_subprotocol_that_the_server_has_is_chosen() {
    for (protocols, expected) in [
        (vec!["superchat", "chat"], "chat"),
        (vec!["superchat"], "superchat"),
        (vec!["Chat"], ""),
        (vec![], ""),
    ] {
        let config = Config {
            subprotocols: protocols.into_iter().map(str::to_owned).collect(),
            ..Config::default()
        };
        let (response, opening) = answer(&config, REQUEST);
        assert_eq!(opening, Some((expected.to_owned(), String::new())));
        let line = format!("Sec-WebSocket-Protocol: {expected}\r\n");
        assert_eq!(response.contains(&line), !expected.is_empty());
        assert_eq!(
            response.contains("Sec-WebSocket-Protocol"),
            !expected.is_empty()
        );
    }
}

#[test]
fn compression_is_agreed_on_where_both_want_it() {
    let offer = request("/", &["Sec-WebSocket-Extensions: foo, permessage-deflate"]);
    let (response, opening) = answer(&Config::default(), &offer);
    assert_eq!(opening, Some(Default::default()));
    assert!(!response.contains("Extensions"));
    let config = Config {
        deflate: Some(Deflate::new(DeflateMode::Dedicated, 1 << 20)),
        ..Config::default()
    };
    let (response, opening) = answer(&config, &offer);
    let agreed = "permessage-deflate".to_owned();
    assert_eq!(opening, Some((String::new(), agreed)));
    assert!(response.contains("\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"));
    let (response, opening) = answer(&config, REQUEST);
    assert_eq!(opening, Some(Default::default()));
    assert!(!response.contains("Extensions"));
}

fn asking() -> Config {
    Config {
        ask_upgrades: true,
        ask_requests: true,
        subprotocols: vec!["superchat".to_owned()],
        ..Config::default()
    }
}

const LINES: &str = "GET\n/chat\nHost\nserver.example.com\nUpgrade\nwebsocket\nConnection\nUpgrade\n\
    Sec-WebSocket-Key\ndGhlIHNhbXBsZSBub25jZQ==\nOrigin\nhttp://example.com\n\
    Sec-WebSocket-Protocol\nchat, superchat\nSec-WebSocket-Version\n13\n";

#[test]
fn an_application_accepts() {
    for (details, protocol, line) in [
        ("\n", "superchat", ""),
        ("chat\nSet-Cookie: a=b\r\n", "chat", "Set-Cookie: a=b\r\n"),
    ] {
        for piece in [1, 7, 1000] {
            let bytes = [REQUEST, &frame(TEXT, b"early")].concat();
            let (asked, early) = bytes.split_at(REQUEST.len());
            let mut web_socket = web_socket(asking());
            let mut sink = Collector::blocking(2);
            let pieces: Vec<&[u8]> = asked.chunks(piece).collect();
            assert_eq!(feed(&mut web_socket, &pieces, 0, &mut sink), End::Asked);
            assert_eq!(sink.log, [Entry::Ask(Request::Upgrade, LINES.to_owned())]);
            // Nothing happens before the answer.
            let mut input = Input::from(early);
            assert_eq!(web_socket.decode(&mut input, &mut sink), Ok(Decoded::Asked));
            assert_eq!(input.len(), early.len());
            web_socket.accept(details.as_bytes());
            assert_eq!(
                decode(&mut web_socket, &mut input, &mut sink),
                End::NeedMore
            );
            assert_eq!(sink.opening.0, protocol);
            assert_eq!(sink.messages(), [text("early")]);
            let response = String::from_utf8_lossy(&sink.replies()).into_owned();
            let end = format!(
                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
                 Sec-WebSocket-Protocol: {protocol}\r\n{line}\r\n"
            );
            assert!(response.ends_with(&end), "{response}");
        }
    }
}

#[test]
fn an_application_refuses() {
    let mut web_socket = web_socket(asking());
    let mut sink = Collector::default();
    let mut input = Input::from(REQUEST);
    assert_eq!(decode(&mut web_socket, &mut input, &mut sink), End::Asked);
    web_socket.refuse();
    // An answer that comes too late changes nothing.
    web_socket.accept(b"\n");
    let mut more = Input::from(&b"what follows"[..]);
    assert_eq!(decode(&mut web_socket, &mut more, &mut sink), End::NeedMore);
    let is_open = sink.log.contains(&Entry::Open);
    assert!(!is_open && more.is_empty() && sink.replies().is_empty());
}

#[test]
fn an_application_answers_plain_requests() {
    for (head, expected) in [
        (
            "GET /health?x HTTP/1.1\r\nHost: a\r\n",
            "GET\n/health?x\nHost\na\n",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nX: y  \r\n",
            "POST\n/\nHost\na\nX\ny\n",
        ),
        ("HEAD / HTTP/1.0\r\n", "HEAD\n/\n"),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n", "OPTIONS\n*\nHost\na\n"),
        (
            "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n",
            "CONNECT\na:80\nHost\na\n",
        ),
    ] {
        let mut web_socket = web_socket(asking());
        let bytes = format!("{head}\r\n");
        let mut sink = Collector::default();
        let end = decode(
            &mut web_socket,
            &mut Input::from(bytes.as_bytes()),
            &mut sink,
        );
        assert_eq!(end, End::Asked);
        assert_eq!(sink.log, [Entry::Ask(Request::Plain, expected.to_owned())]);
        // It cannot be upgraded.
        web_socket.accept(b"\n");
        decode(&mut web_socket, &mut Input::default(), &mut sink);
        assert!(!sink.log.contains(&Entry::Open));
    }
}

#[test]
fn an_application_is_not_asked_about_what_is_wrong() {
    let wrong = [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        String::from_utf8_lossy(REQUEST)
            .replace("Version: 13", "Version: 8")
            .into_bytes(),
        b"\x16\x03\x01\r\n\r\n".to_vec(),
        b"GET chat HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        b"CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
    ];
    for bytes in wrong {
        let (sink, end) = feed_whole(&mut web_socket(asking()), &bytes);
        assert!(matches!(end, End::Closed(_)), "{end:?}");
        assert!(
            sink.log
                .iter()
                .all(|entry| matches!(entry, Entry::Reply(_)))
        );
    }
}

#[test]
fn pings_and_pongs_are_told_to_those_who_want_to_know() {
    let frames = [frame(PING, b"a"), frame(PONG, b"b"), frame(TEXT, b"c")].concat();
    let (sink, _) = decode_frames(Config::default(), &frames);
    assert_eq!(sink.controls, 2);
    assert_eq!(sink.log.len(), 3, "{:?}", sink.log);
    let config = Config {
        tell_pings: true,
        tell_pongs: true,
        ..Config::default()
    };
    let (sink, _) = decode_frames(config.clone(), &frames);
    let told = [
        Entry::Open,
        Entry::Control(Control::Ping, b"a".to_vec()),
        Entry::Reply(b"\x8A\x01a".to_vec()),
        Entry::Control(Control::Pong, b"b".to_vec()),
    ];
    assert_eq!(sink.log[..4], told);
}

#[test]
fn frames_have_a_largest_size() {
    let config = Config {
        max_frame_bytes: 10,
        ..Config::default()
    };
    let (sink, end) = decode_frames(config.clone(), &frame(TEXT, b"0123456789"));
    assert_eq!(
        (end, sink.messages()),
        (End::NeedMore, vec![text("0123456789")])
    );
    let (_, end) = decode_frames(config, &frame(TEXT, b"01234567890"));
    assert!(matches!(end, End::Failed(error) if error.code == 1009));
}

#[test]
fn pings_that_have_to_wait_count_once_and_too_many_end_the_connection() {
    let config = Config {
        tell_pings: true,
        ..Config::default()
    };
    let (mut web_socket, mut sink) = open_web_socket(config);
    sink.block_every = 1;
    let bytes = frame(PING, b"x").repeat(3);
    let mut input = Input::from(&bytes[..]);
    for _ in 0..5 {
        assert_eq!(
            web_socket.decode(&mut input, &mut sink),
            Ok(Decoded::Blocked)
        );
    }
    assert_eq!(sink.controls, 0);
    sink.block_every = 0;
    sink.max_controls = Some(2);
    let end = decode(&mut web_socket, &mut input, &mut sink);
    assert!(
        matches!(end, End::Failed(error) if error.code == 1008),
        "{end:?}"
    );
    let pongs = sink.replies();
    assert_eq!(pongs, b"\x8A\x01x\x8A\x01x");
}

#[test]
fn absolute_targets_have_a_path_too() {
    let config = Config {
        path: Some("/live".to_owned()),
        ..Config::default()
    };
    for (target, expected) in [
        ("http://server.example.com/live", "101"),
        ("http://server.example.com/live?x=/", "101"),
        ("http://server.example.com", "404"),
        ("http://server.example.com/", "404"),
    ] {
        assert_eq!(status(&config, &request(target, &[])), expected, "{target}");
    }
}

#[test]
fn the_end_of_a_response_to_head_is_that_of_its_head() {
    for head in [
        "HEAD / HTTP/1.1\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    ] {
        let (response, _) = answer(&Config::default(), head.as_bytes());
        assert!(response.ends_with("\r\n\r\n"), "{head}: {response}");
    }
}

#[test]
fn header_lines_of_an_application_keep_their_bytes() {
    let mut web_socket = web_socket(asking());
    let mut sink = Collector::default();
    decode(&mut web_socket, &mut Input::from(REQUEST), &mut sink);
    web_socket.accept(b"\nX-Name: caf\xE9\r\n");
    decode(&mut web_socket, &mut Input::default(), &mut sink);
    assert!(sink.replies().ends_with(b"\r\nX-Name: caf\xE9\r\n\r\n"));
}

#[test]
fn a_date_of_the_application_stands_alone() {
    for (lines, expected) in [
        ("", DATE),
        ("X-Date: x\r\nUpdate: y\r\n", DATE),
        ("date: now\r\n", "now"),
        ("X: y\r\nDATE:then\r\nZ: a\r\n", "then"),
    ] {
        let mut web_socket = web_socket(asking());
        let mut sink = Collector::default();
        decode(&mut web_socket, &mut Input::from(REQUEST), &mut sink);
        web_socket.accept(format!("\n{lines}").as_bytes());
        decode(&mut web_socket, &mut Input::default(), &mut sink);
        let response = String::from_utf8_lossy(&sink.replies()).into_owned();
        let names = response.lines().filter_map(|line| line.split_once(':'));
        let dates: Vec<&str> = names
            .filter(|(name, _)| name.eq_ignore_ascii_case("date"))
            .map(|(_, value)| value.trim())
            .collect();
        assert_eq!(dates, [expected], "{response}");
    }
}

#[test]
fn messages_can_be_handed_over_as_they_come() {
    let config = Config {
        eager_parts: true,
        ..Config::default()
    };
    let (mut web_socket, mut sink) = open_web_socket(config);
    let whole = frame(TEXT, b"whole");
    let first = frame(TEXT & 0x7F, b"fir");
    let last = frame(0x80, b"last");
    for (bytes, parts) in [
        (&whole[..], 1),
        (&first, 2),
        (&last[..8], 3),
        (&last[8..], 4),
    ] {
        decode(&mut web_socket, &mut Input::from(bytes), &mut sink);
        assert_eq!(sink.parts.len(), parts);
    }
    assert_eq!(sink.messages(), [text("whole"), text("firlast")]);
}
