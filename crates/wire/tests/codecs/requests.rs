//! What is a request by the rules of HTTP, and what the others are told.

use gev_wire::websocket::Config;

use crate::handshake::{accepted, answer, refused, with_line};
use crate::kit::{End, REQUEST, RESPONSE, feed_whole, web_socket};
use crate::upgrade::{request, status};

/// What is refused: up to the byte that says so, with the beginning of the reason.
const NO_REQUESTS: [(&str, &[u8], &str); 17] = [
    ("TLS", b"\x16", "bad request line: TLS"),
    ("SOCKS", b"\x05", "bad request line: no method"),
    ("a space", b" ", "bad request line: no method"),
    ("a line feed", b"\n", "bad request line: no method"),
    ("a carriage return", b"\rG", "bad request line: no method"),
    ("a header", b"Host:", "bad request line: the method"),
    (
        "UTF-8",
        "GÉ".as_bytes().split_at(2).0,
        "bad request line: the method",
    ),
    ("Redis", b"*1\r", "bad request line: no target"),
    ("Redis inline", b"PING\r", "bad request line: no target"),
    (
        "SSH",
        b"SSH-2.0-OpenSSH_9.6\r",
        "bad request line: no target",
    ),
    ("two spaces", b"GET  ", "bad request line: no target"),
    ("HTTP/0.9", b"GET /\r", "bad request line: no version"),
    (
        "HTTP/0.9 of netcat",
        b"GET /\n",
        "bad request line: no version",
    ),
    ("a null byte", b"GET /\0", "bad request line: control"),
    ("HTTP/2", b"PRI * HTTP/2", "bad request line: not HTTP/1"),
    (
        "a later version",
        b"GET / HTTP/1.2",
        "bad request line: not HTTP/1",
    ),
    (
        "line feeds",
        b"GET / HTTP/1.1\n",
        "bad request line: line feed",
    ),
];

#[test]
fn what_cannot_begin_a_request_is_refused_at_the_byte_that_says_so() {
    let config = Config::default();
    for (name, bytes, reason) in NO_REQUESTS {
        let (before, end) = feed_whole(&mut web_socket(config.clone()), &bytes[..bytes.len() - 1]);
        assert_eq!((before.log, end), (vec![], End::NeedMore), "{name}");
        for more in [&b""[..], b"\r\n\r\n", b"x\n", &[0xFF; 100]] {
            let answer = refused(&config, &[bytes, more].concat(), 400);
            assert!(answer.contains(reason), "{name}: {answer}");
        }
    }
}

#[test]
fn a_request_line_has_to_end_within_the_limit() {
    let config = Config {
        max_header_bytes: 100,
        ..Config::default()
    };
    for begin in ["", "GET ", "GET /"] {
        let mut bytes = begin.as_bytes().to_vec();
        bytes.resize(100, b'x');
        refused(&config, &bytes, 431);
        // What is wrong behind the limit does not matter.
        bytes.extend(b"\0\0\0");
        refused(&config, &bytes, 431);
    }
}

#[test]
fn empty_lines_before_a_request_are_ignored() {
    for count in 1..=8 {
        let bytes = [&b"\r\n".repeat(count)[..], REQUEST].concat();
        accepted(&bytes);
    }
    let exact = Config {
        max_header_bytes: REQUEST.len(),
        ..Config::default()
    };
    assert_eq!(
        answer(&exact, &[b"\r\n", REQUEST].concat()).0.as_bytes(),
        RESPONSE
    );
    let (sink, end) = feed_whole(&mut web_socket(exact.clone()), b"\r\n\r\n");
    assert_eq!((sink.log, end), (vec![], End::NeedMore));
    // A peer that sends nothing else is none that will send a request.
    for behind in [REQUEST, b"", b"\r\n"] {
        refused(&exact, &[&b"\r\n".repeat(9)[..], behind].concat(), 400);
    }
}

#[test]
fn a_header_line_that_is_none_is_named() {
    let head = "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n";
    for (lines, reason) in [
        ("no colon\r\n", "header line 3 has no colon"),
        ("X-B: c\r\nnone\r\nX-D: e\r\n", "header line 4 has no colon"),
        ("colon", "header line 3 has no colon"),
        (" folded\r\n", "header line 3 is folded (obs-fold)"),
        ("\tX: y\r\n", "header line 3 is folded (obs-fold)"),
        (": a\r\n", "header line 3: bad header name"),
        ("X : y\r\n", "header line 3: bad header name"),
        ("X(y): z\r\n", "header line 3: bad header name"),
        ("\u{e4}: b\r\n", "header line 3: bad header name"),
        ("\0X: y\r\n", "header line 3: bad header name"),
        (
            "X: \0\r\n",
            "header line 3: control character in header value",
        ),
        (
            "X: y\u{7f}\r\n",
            "header line 3: control character in header value",
        ),
        (
            "X: y\rz\r\n",
            "header line 3: control character in header value",
        ),
        (
            "X: y\r\r\n",
            "header line 3: control character in header value",
        ),
        (
            "X: y\n\nZ: a\r\n",
            "header line 4 is empty: line feed without carriage return",
        ),
    ] {
        let answer = refused(
            &Config::default(),
            format!("{head}{lines}\r\n\r\n").as_bytes(),
            400,
        );
        assert!(
            answer.ends_with(&format!("\r\n\r\n{reason}\n")),
            "{lines:?}: {answer}"
        );
    }
    let answer = refused(
        &Config::default(),
        b"GET /\xE4 HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
    );
    assert!(answer.ends_with("\r\n\r\nbad request line: the target is not UTF-8\n"));
}

#[test]
fn every_fault_of_one_byte_has_a_name() {
    for at in 0..REQUEST.len() {
        for byte in *b"\0\t\n\r \"/:;x\x7F\x80\xC3\xFF" {
            let mut request = REQUEST.to_vec();
            request[at] = byte;
            request.extend(b"\r\n\r\n");
            let (sink, _) = feed_whole(&mut web_socket(Config::default()), &request);
            let answer = sink.replies();
            let is_named = !String::from_utf8_lossy(&answer).contains("not an HTTP request");
            assert!(is_named, "{}", request.escape_ascii());
        }
    }
}

#[test]
fn targets_have_one_of_the_forms_of_http() {
    let config = Config::default();
    for (line, status) in [
        ("GET chat HTTP/1.1", 400),
        ("GET ?a HTTP/1.1", 400),
        ("GET * HTTP/1.1", 400),
        ("GET #a HTTP/1.1", 400),
        ("GET http:///chat HTTP/1.1", 400),
        ("GET urn:chat HTTP/1.1", 400),
        ("HEAD chat HTTP/1.1", 400),
        ("HEAD http://server.example.com HTTP/1.1", 426),
        ("OPTIONS * HTTP/1.1", 405),
    ] {
        refused(&config, &with_line(line), status);
        let plain = format!("{line}\r\nHost: a\r\n\r\n");
        refused(&config, plain.as_bytes(), status);
    }
    for target in ["//", "/a://b", "ws://a", "http://a?b", "/\u{fc}"] {
        accepted(&with_line(&format!("GET {target} HTTP/1.1")));
    }
}

/// What header lines say of a body: an upgrade gets this status, and so does another request unless it has a body that
/// it may have.
const BODIES: [(&[&str], &str); 32] = [
    (&["Content-Length: 0"], "101"),
    (&["Content-Length: 00"], "101"),
    (&["Content-Length:0"], "101"),
    (&["Content-Length: \t0 "], "101"),
    (&["content-length: 0000000000000000000000000"], "101"),
    (&["Content-Length: 0, 0"], "101"),
    (&["Content-Length: 0,00"], "101"),
    (&["Content-Length: 0", "Content-Length: 0"], "101"),
    (&["Content-Length: 5"], "body"),
    (&["Content-Length: 05"], "body"),
    (&["Content-Length: 5", "Content-Length: 5, 05"], "body"),
    (&["Content-Length: 36893488147419103232"], "body"),
    (&["Transfer-Encoding: chunked"], "body"),
    (&["Transfer-Encoding: gzip, Chunked"], "body"),
    (
        &["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"],
        "body",
    ),
    (&["Transfer-Encoding: chunked", "Content-Length: 0"], "body"),
    (&["Content-Length: +0"], "400"),
    (&["Content-Length: -0"], "400"),
    (&["Content-Length:"], "400"),
    (&["Content-Length: ,"], "400"),
    (&["Content-Length: 0,"], "400"),
    (&["Content-Length: 0x0"], "400"),
    (&["Content-Length: 0 0"], "400"),
    (&["Content-Length: 0.0"], "400"),
    (&["Content-Length: 0;a"], "400"),
    (&["Content-Length: \u{660}"], "400"),
    (&["Content-Length: 0, 1"], "400"),
    (&["Content-Length: 0", "Content-Length: 1"], "400"),
    (&["Content-Length: 0", "Content-Length: x"], "400"),
    (&["Transfer-Encoding: identity"], "400"),
    (&["Transfer-Encoding: chunked, gzip"], "400"),
    (&["Transfer-Encoding: chunked", "Content-Length: -1"], "400"),
];

#[test]
fn an_upgrade_has_no_body() {
    for (lines, expected) in BODIES {
        let expected = expected.replace("body", "400");
        let request = request("/", lines);
        assert_eq!(status(&Config::default(), &request), expected, "{lines:?}");
    }
}

#[test]
fn the_end_of_a_body_is_clear() {
    for (lines, expected) in BODIES {
        let request = format!(
            "GET / HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n",
            lines.join("\r\n")
        );
        let expected = expected.replace("body", "426").replace("101", "426");
        let status = status(&Config::default(), request.as_bytes());
        assert_eq!(status, expected, "{lines:?}");
    }
}
