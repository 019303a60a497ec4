//! Whole connections: what a client sends, and what has to come of it.

use gev_wire::websocket::Config;
use gev_wire::{Close, Fault, MessageKind};

use crate::kit::{
    BINARY, BINARY_MORE, CLOSE, End, Entry, LAST, MORE, PING, PONG, REQUEST, RESPONSE, TEXT,
    TEXT_MORE, frame, header,
};

/// Bytes of a client, and their meaning.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) log: Vec<Entry>,
    pub(crate) end: End,
}

/// The limits that the scenarios are made for.
pub(crate) fn config() -> Config {
    Config {
        max_message_bytes: 300,
        max_fragments: 4,
        max_header_bytes: REQUEST.len() + 10,
        max_headers: 8,
        page: Some(b"<p>".to_vec()),
        ..Config::default()
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    let mut all = conversations();
    all.extend(violations());
    all.extend(refusals());
    all
}

/// Connections on which nobody does anything wrong.
fn conversations() -> Vec<Scenario> {
    let need_more = || End::NeedMore;
    vec![
        // RFC 6455 section 5.7.
        opened("examples of the RFC", need_more())
            .sends(b"\x81\x85\x37\xFA\x21\x3D\x7F\x9F\x4D\x51\x58")
            .message(MessageKind::Text, b"Hello")
            .sends(b"\x89\x85\x37\xFA\x21\x3D\x7F\x9F\x4D\x51\x58")
            .replies(b"\x8A\x05Hello")
            .sends(b"\x8A\x85\x37\xFA\x21\x3D\x7F\x9F\x4D\x51\x58"),
        opened("short messages", need_more())
            .sends(&frame(TEXT, b"Hello"))
            .message(MessageKind::Text, b"Hello")
            .sends(&frame(BINARY, &[0xFF]))
            .message(MessageKind::Binary, &[0xFF])
            .sends(&frame(TEXT, "caf\u{e9} \u{1F600}".as_bytes()))
            .message(MessageKind::Text, "caf\u{e9} \u{1F600}".as_bytes()),
        opened("empty messages", need_more())
            .sends(&frame(TEXT, b""))
            .message(MessageKind::Text, b"")
            .sends(&frame(BINARY, b""))
            .message(MessageKind::Binary, b"")
            .sends(&[frame(TEXT_MORE, b""), frame(LAST, b"")].concat())
            .message(MessageKind::Text, b""),
        opened("length of two bytes", need_more())
            .sends(&frame(BINARY, &[7; 126]))
            .message(MessageKind::Binary, &[7; 126])
            .sends(&frame(TEXT, &[b'x'; 300]))
            .message(MessageKind::Text, &[b'x'; 300]),
        opened("fragments", need_more())
            .sends(&[frame(TEXT_MORE, b"Hel"), frame(LAST, b"lo")].concat())
            .message(MessageKind::Text, b"Hello")
            .sends(
                &[
                    frame(BINARY_MORE, b"a"),
                    frame(MORE, b""),
                    frame(MORE, b"b"),
                ]
                .concat(),
            )
            .sends(&frame(LAST, b""))
            .message(MessageKind::Binary, b"ab"),
        opened("character cut by fragments", need_more())
            .sends(&[frame(TEXT_MORE, b"\xF0\x9F"), frame(MORE, b"\x98")].concat())
            .sends(&frame(LAST, b"\x80!"))
            .message(MessageKind::Text, "\u{1F600}!".as_bytes()),
        opened("control frames between fragments", need_more())
            .sends(&[frame(TEXT_MORE, b"Hel"), frame(PING, b"still there?")].concat())
            .replies(b"\x8A\x0Cstill there?")
            .sends(&[frame(PONG, b"unasked"), frame(LAST, b"lo")].concat())
            .message(MessageKind::Text, b"Hello"),
        opened("pings", need_more())
            .sends(&[frame(PING, b""), frame(PONG, b""), frame(PING, &[1; 125])].concat())
            .replies(&[&b"\x8A\x00\x8A\x7D"[..], &[1; 125]].concat()),
        opened("close", closed(1000, "bye"))
            .sends(&frame(TEXT, b"last words"))
            .message(MessageKind::Text, b"last words")
            .sends(&frame(CLOSE, b"\x03\xE8bye"))
            .replies(b"\x88\x02\x03\xE8")
            .sends(&frame(TEXT, b"too late")),
        opened("close without code", closed(1005, ""))
            .sends(&[frame(BINARY_MORE, b"never finished"), frame(CLOSE, b"")].concat())
            .replies(b"\x88\x00"),
    ]
}

/// Connections on which the client breaks the rules of WebSocket.
fn violations() -> Vec<Scenario> {
    let cut_text = [frame(TEXT_MORE, b"\xE2\x82"), frame(LAST, b"")].concat();
    let inside = [frame(TEXT_MORE, b"a"), frame(BINARY, b"b")].concat();
    let too_many = frame(MORE, b"").repeat(4);
    let too_big = [frame(BINARY_MORE, &[1; 200]), header(MORE, 101)].concat();
    let bad_later = [frame(TEXT_MORE, b"caf\xC3"), frame(LAST, b"\xA9\xFF later")].concat();
    vec![
        broken(
            "reserved bit",
            1002,
            "reserved bit set",
            &frame(0xC1, b"Hello"),
        ),
        broken(
            "reserved opcode",
            1002,
            "reserved opcode",
            &frame(0x83, b"Hello"),
        ),
        broken("not masked", 1002, "frame not masked", b"\x81\x05Hello"),
        broken(
            "long ping",
            1002,
            "control frame longer than 125 bytes",
            &frame(PING, &[0; 126]),
        ),
        broken(
            "ping in parts",
            1002,
            "fragmented control frame",
            &frame(0x09, b"x"),
        ),
        broken(
            "continuation",
            1002,
            "continuation without a message",
            &frame(LAST, b"x"),
        ),
        broken(
            "message inside",
            1002,
            "new message inside a fragmented one",
            &inside,
        ),
        broken(
            "length form",
            1002,
            "frame length not minimally encoded",
            b"\x82\xFE\0\x01\0\0\0\0a",
        ),
        broken(
            "2^63",
            1002,
            "frame length of 2^63 or more",
            &header(BINARY, 1 << 63),
        ),
        broken("too big", 1009, "message too big", &header(BINARY, 301)),
        broken("too big in parts", 1009, "message too big", &too_big),
        broken(
            "too big by far",
            1009,
            "message too big",
            &header(BINARY, (1 << 63) - 1),
        ),
        broken(
            "too many",
            1009,
            "too many fragments",
            &[frame(TEXT_MORE, b""), too_many].concat(),
        ),
        broken(
            "bad text",
            1007,
            "text is not UTF-8",
            &frame(TEXT, b"ok \xFF not ok"),
        ),
        broken("bad text later", 1007, "text is not UTF-8", &bad_later),
        broken(
            "cut text",
            1007,
            "text is not UTF-8",
            &frame(TEXT, b"caf\xC3"),
        ),
        broken("cut text in parts", 1007, "text is not UTF-8", &cut_text),
        broken(
            "half a code",
            1002,
            "close frame of one byte",
            &frame(CLOSE, b"\x03"),
        ),
        broken(
            "code",
            1002,
            "invalid close code",
            &frame(CLOSE, b"\x03\xED"),
        ),
        broken(
            "reason",
            1007,
            "close reason is not UTF-8",
            &frame(CLOSE, b"\x03\xE8\xFF"),
        ),
    ]
}

/// Requests that do not become a WebSocket.
fn refusals() -> Vec<Scenario> {
    let long = [&REQUEST[..REQUEST.len() - 2], b"X: 23456789\r\n\r\n"].concat();
    vec![
        refused(
            "page",
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "plain HTTP request answered",
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
             Connection: close\r\nContent-Type: text/html; charset=utf-8\r\n\
             Content-Length: 3\r\n\r\n<p>",
        ),
        refused(
            "method",
            b"POST / HTTP/1.1\r\nHost: a\r\n\r\n",
            "method is not GET",
            "HTTP/1.1 405 Method Not Allowed\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
             Allow: GET, HEAD\r\nConnection: close\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Length: 18\r\n\r\n\
             method is not GET\n",
        ),
        refused(
            "long head",
            &long,
            "head of the request too large",
            "HTTP/1.1 431 Request Header Fields Too Large\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
             Connection: close\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Length: 30\r\n\r\n\
             head of the request too large\n",
        ),
    ]
}

fn opened(name: &'static str, end: End) -> Scenario {
    let log = vec![Entry::Open, Entry::Reply(RESPONSE.to_vec())];
    Scenario {
        name,
        bytes: REQUEST.to_vec(),
        log,
        end,
    }
}

/// A good message, and then `frames`, which fail.
fn broken(name: &'static str, code: u16, reason: &'static str, frames: &[u8]) -> Scenario {
    let fault = match code {
        1009 => Fault::limit(code.into(), reason),
        _ => Fault::protocol(code.into(), reason),
    };
    opened(name, End::Failed(fault))
        .sends(&frame(TEXT, b"good"))
        .message(MessageKind::Text, b"good")
        .sends(frames)
}

fn refused(name: &'static str, request: &[u8], reason: &str, response: &str) -> Scenario {
    let log = vec![Entry::Reply(response.as_bytes().to_vec())];
    Scenario {
        name,
        bytes: request.to_vec(),
        log,
        end: closed(1006, reason),
    }
}

fn closed(code: u16, reason: &str) -> End {
    End::Closed(Close::new(code, reason))
}

impl Scenario {
    fn sends(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    fn message(mut self, kind: MessageKind, bytes: &[u8]) -> Self {
        self.log.push(Entry::Message(kind, bytes.to_vec()));
        self
    }

    fn replies(mut self, bytes: &[u8]) -> Self {
        match self.log.last_mut() {
            Some(Entry::Reply(reply)) => reply.extend_from_slice(bytes),
            _ => self.log.push(Entry::Reply(bytes.to_vec())),
        }
        self
    }
}
