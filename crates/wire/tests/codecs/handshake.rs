//! Which requests become WebSockets, and what the others are told.

use gev_wire::websocket::{Config, WebSocket};
use gev_wire::{Codec, Decoded, Input, Upgrade};

use crate::kit::{
    Collector, DATE, End, Entry, REQUEST, RESPONSE, TEXT, feed_whole, frame, text, web_socket,
};
use crate::splits::check_every_cut;

/// The request of RFC 6455 with the header lines that begin like `lines` replaced by them.
fn request_with(lines: &[&str]) -> Vec<u8> {
    let name = |line: &str| {
        line.split(':')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    let mut request: Vec<String> = Vec::new();
    let old = std::str::from_utf8(REQUEST)
        .expect("text")
        .trim_end()
        .lines();
    request.extend(
        old.filter(|old| !lines.iter().any(|new| name(new) == name(old)))
            .map(str::to_owned),
    );
    // A name alone removes the header.
    let added = lines.iter().filter(|line| line.contains(": "));
    request.extend(added.map(|&line| line.to_owned()));
    format!("{}\r\n\r\n", request.join("\r\n")).into_bytes()
}

/// The request of RFC 6455 with another request line.
pub(crate) fn with_line(line: &str) -> Vec<u8> {
    let rest = &REQUEST[b"GET /chat HTTP/1.1".len()..];
    [line.as_bytes(), rest].concat()
}

pub(crate) fn answer(config: &Config, request: &[u8]) -> (String, End) {
    let mut web_socket = web_socket(config.clone());
    let (sink, end) = feed_whole(&mut web_socket, request);
    check_every_cut(config, request, &sink.log, &end);
    let accepted = sink.log.contains(&Entry::Open);
    assert_eq!(
        end == End::NeedMore,
        accepted,
        "the refused are closed, the others not"
    );
    let answer = String::from_utf8(sink.replies()).expect("text");
    if let End::Closed(close) = &end
        && !answer.starts_with("HTTP/1.1 200 ")
    {
        let status = answer[9..12].parse().expect("a status");
        assert_eq!(sink.refusals, [(status, close.reason.clone())]);
    } else {
        assert!(sink.refusals.is_empty(), "{answer}");
    }
    (answer, end)
}

pub(crate) fn accepted(request: &[u8]) {
    let (answer, _) = answer(&Config::default(), request);
    assert_eq!(answer.as_bytes(), RESPONSE, "{}", request.escape_ascii());
}

/// Answered with this status, by a response that is complete and the last.
pub(crate) fn refused(config: &Config, request: &[u8], status: u16) -> String {
    let (answer, end) = answer(config, request);
    let about = request.escape_ascii();
    assert!(
        answer.starts_with(&format!("HTTP/1.1 {status} ")),
        "{about}: {answer}"
    );
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(
        head.contains("\r\nConnection: close\r\n"),
        "{about}: {answer}"
    );
    assert_eq!(
        head.matches(&format!("\r\nDate: {DATE}")).count(),
        1,
        "{answer}"
    );
    if !request.starts_with(b"HEAD") {
        assert!(
            head.ends_with(&format!("\r\nContent-Length: {}", body.len())),
            "{answer}"
        );
    }
    let End::Closed(close) = end else {
        panic!("{about}: {end:?}")
    };
    assert_eq!(close.code, 1006);
    assert!(!close.reason.is_empty() && close.reason.len() <= 123);
    answer
}

#[test]
fn the_example_of_the_rfc() {
    accepted(REQUEST);
    assert_eq!(request_with(&[]), REQUEST);
}

#[test]
fn what_clients_really_send() {
    accepted(&request_with(&["Connection: keep-alive, Upgrade"]));
    accepted(&request_with(&["Connection: UPGRADE"]));
    accepted(&request_with(&["connection: upgrade"]));
    accepted(&request_with(&[
        "Connection: keep-alive",
        "Connection: Upgrade",
    ]));
    accepted(&request_with(&["Upgrade: WebSocket"]));
    accepted(&request_with(&["upgrade: WEBSOCKET"]));
    accepted(&request_with(&["Upgrade: h2c, websocket"]));
    accepted(&request_with(&["SEC-WEBSOCKET-VERSION: 13 "]));
    accepted(&request_with(&["Sec-WebSocket-Protocol", "Origin"]));
    let extensions = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits";
    accepted(&request_with(&[extensions, "Cookie: a=\u{e9}"]));
}

#[test]
fn requests_that_are_not_quite_right() {
    let bad_key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let cases: [(&[&str], u16); 13] = [
        (&["Host"], 400),
        (&["Host: a", "Host: b"], 400),
        (&["Connection"], 400),
        (&["Connection: keep-alive"], 400),
        (&["Sec-WebSocket-Key"], 400),
        (&["Sec-WebSocket-Key: "], 400),
        (&[bad_key], 400),
        (&[key, key], 400),
        (&["Sec-WebSocket-Version"], 426),
        (&["Sec-WebSocket-Version: 8"], 426),
        (&["Sec-WebSocket-Version: 13, 8"], 426),
        (&["Upgrade"], 426),
        (&["Upgrade: h2c"], 426),
    ];
    for (lines, status) in cases {
        let answer = refused(&Config::default(), &request_with(lines), status);
        let names_version = answer.contains("\r\nSec-WebSocket-Version: 13\r\n");
        assert_eq!(names_version, lines[0].starts_with("Sec-WebSocket-Version"));
        assert_eq!(answer.contains("\r\nUpgrade: websocket\r\n"), status == 426);
    }
}

#[test]
fn other_methods_and_versions() {
    let config = Config::default();
    for method in ["POST", "PUT", "CONNECT", "OPTIONS", "get"] {
        let answer = refused(&config, &with_line(&format!("{method} / HTTP/1.1")), 405);
        assert!(answer.contains("\r\nAllow: GET, HEAD\r\n"));
    }
    refused(&config, &with_line("HEAD / HTTP/1.1"), 426);
    refused(&config, &with_line("GET / HTTP/1.0"), 426);
    refused(&config, &with_line("GET / HTTP/2.0"), 400);
    refused(&config, &with_line("GET /"), 400);
    refused(&config, b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400);
    refused(
        &config,
        b"GET / HTTP/1.1\nHost: a\n\nGET / HTTP/1.1\r\n\r\n",
        400,
    );
    refused(
        &config,
        b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        400,
    );
}

#[test]
fn plain_requests_without_a_page_are_told_to_upgrade() {
    let config = Config::default();
    for target in ["/", "/chat"] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = refused(&config, request.as_bytes(), 426);
        assert!(answer.contains("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"));
    }
}

#[test]
fn plain_requests_get_the_page() {
    let page = "<!doctype html>caf\u{e9}";
    let config = Config {
        page: Some(page.into()),
        ..Config::default()
    };
    for request in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /?a=/b HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
    ] {
        let answer = refused(&config, request.as_bytes(), 200);
        assert!(answer.contains("\r\nContent-Type: text/html; charset=utf-8\r\n"));
        assert!(answer.ends_with(&format!("\r\n\r\n{page}")));
    }
    let answer = refused(&config, b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 200);
    assert!(answer.ends_with(&format!("\r\nContent-Length: {}\r\n\r\n", page.len())));
    refused(
        &config,
        b"GET /favicon.ico HTTP/1.1\r\nHost: a\r\n\r\n",
        404,
    );
    refused(&config, b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", 405);
    refused(&config, b"GET / HTTP/1.1\r\n\r\n", 400);
    let mut web_socket = web_socket(config);
    let (sink, _) = feed_whole(&mut web_socket, REQUEST);
    assert_eq!(sink.replies(), RESPONSE);
}

#[test]
fn heads_have_a_largest_size() {
    let exact = Config {
        max_header_bytes: REQUEST.len(),
        ..Config::default()
    };
    assert_eq!(answer(&exact, REQUEST).0.as_bytes(), RESPONSE);
    let followed = [REQUEST, &frame(TEXT, &[b'x'; 100])].concat();
    assert_eq!(answer(&exact, &followed).0.as_bytes(), RESPONSE);
    let less = Config {
        max_header_bytes: REQUEST.len() - 1,
        ..Config::default()
    };
    refused(&less, REQUEST, 431);
    refused(&less, &REQUEST[..REQUEST.len() - 1], 431);
    // No head that is still possible ends behind the limit.
    assert_eq!(
        feed_whole(&mut web_socket(less), &REQUEST[..REQUEST.len() - 2]).1,
        End::NeedMore
    );
}

#[test]
fn heads_have_a_largest_number_of_lines() {
    let config = Config {
        max_headers: 7,
        ..Config::default()
    };
    assert_eq!(answer(&config, REQUEST).0.as_bytes(), RESPONSE);
    refused(&config, &request_with(&["X-More: 1"]), 431);
}

#[test]
fn who_is_refused_gets_the_answer_when_the_application_can_be_told() {
    let mut web_socket = web_socket(Config::default());
    let mut sink = Collector::blocking(1);
    let mut input = Input::from(&b"\r\n\x16"[..]);
    for _ in 0..3 {
        let decoded = web_socket.decode(&mut input, &mut sink);
        assert_eq!(decoded, Ok(Decoded::Blocked));
        assert!(sink.log.is_empty());
    }
    sink.block_every = 0;
    let decoded = web_socket.decode(&mut input, &mut sink);
    assert!(matches!(decoded, Ok(Decoded::Closed(_))), "{decoded:?}");
    assert!(sink.replies().starts_with(b"HTTP/1.1 400 "));
    assert_eq!(sink.refusals.len(), 1);
}

/// What the protocol says when the time for the handshake is over and nothing more comes.
fn timed_out(web_socket: &mut WebSocket) -> Option<(u16, String)> {
    let refusal = web_socket.time_out(DATE)?;
    let response = String::from_utf8(refusal.response).expect("text");
    assert!(response.starts_with(&format!("HTTP/1.1 {} ", refusal.status)));
    assert!(response.contains(&format!("\r\nDate: {DATE}\r\n")));
    assert!(response.contains("\r\nConnection: close\r\n"));
    // Perhaps it was a HEAD.
    assert!(response.ends_with("\r\nContent-Length: 0\r\n\r\n"));
    let mut sink = Collector::default();
    let mut input = Input::from(REQUEST);
    assert_eq!(
        web_socket.decode(&mut input, &mut sink),
        Ok(Decoded::NeedMore)
    );
    assert!(
        sink.log.is_empty() && input.is_empty(),
        "something came behind the end"
    );
    assert_eq!(web_socket.time_out(DATE), None);
    Some((refusal.status, refusal.reason.into_owned()))
}

#[test]
fn who_does_not_finish_a_request_in_time_is_told_so() {
    for cut in 1..REQUEST.len() {
        let mut web_socket = web_socket(Config::default());
        let (sink, end) = feed_whole(&mut web_socket, &[b"\r\n", &REQUEST[..cut]].concat());
        assert_eq!((sink.log, end), (vec![], End::NeedMore));
        let (status, _) = timed_out(&mut web_socket).expect("a response");
        assert_eq!(status, 408);
    }
}

#[test]
fn who_has_not_begun_a_request_is_told_nothing() {
    for bytes in [&b""[..], b"\r", b"\r\n", b"\r\n\r\n\r"] {
        let mut web_socket = web_socket(Config::default());
        feed_whole(&mut web_socket, bytes);
        assert_eq!(web_socket.time_out(DATE), None);
    }
}

#[test]
fn who_waits_for_the_application_is_told_that_it_does_not_answer() {
    let asking = Config {
        ask_upgrades: true,
        ask_requests: true,
        ..Config::default()
    };
    let plain = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (config, request) in [
        (&asking, REQUEST),
        (&asking, plain),
        (&Config::default(), REQUEST),
        (&Config::default(), plain),
    ] {
        for block_every in [0, 1] {
            let mut web_socket = web_socket(config.clone());
            let mut sink = Collector::blocking(block_every);
            let decoded = web_socket.decode(&mut Input::from(request), &mut sink);
            let waits = matches!(decoded, Ok(Decoded::Asked | Decoded::Blocked));
            let status = timed_out(&mut web_socket).map(|(status, _)| status);
            assert_eq!(status, waits.then_some(503), "{decoded:?}");
        }
    }
}

#[test]
fn frames_may_come_right_behind_the_request() {
    let bytes = [REQUEST, &frame(TEXT, b"early")].concat();
    let (sink, end) = feed_whole(&mut web_socket(Config::default()), &bytes);
    assert_eq!(end, End::NeedMore);
    assert_eq!(sink.messages(), [text("early")]);
}

#[test]
fn nothing_is_answered_before_the_opening_is_accepted() {
    let bytes = [REQUEST, &frame(TEXT, b"early")].concat();
    let mut web_socket = web_socket(Config::default());
    let mut sink = Collector::blocking(1);
    let mut input = Input::from(&bytes[..]);
    for _ in 0..3 {
        assert_eq!(
            web_socket.decode(&mut input, &mut sink),
            Ok(Decoded::Blocked)
        );
        assert!(sink.log.is_empty());
        assert_eq!(input.len(), bytes.len() - REQUEST.len());
    }
    sink.block_every = 0;
    assert_eq!(
        web_socket.decode(&mut input, &mut sink),
        Ok(Decoded::NeedMore)
    );
    let (kind, message) = text("early");
    let log = [
        Entry::Open,
        Entry::Reply(RESPONSE.to_vec()),
        Entry::Message(kind, message),
    ];
    assert_eq!(sink.log, log);
}
