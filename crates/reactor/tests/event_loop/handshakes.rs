//! Handshakes that come to something else than a connection.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use gev_reactor::{Addresses, CommandKind};
use gev_session::{Config as SessionConfig, Event};
use gev_wire::websocket::{Config as WebSocketConfig, Shared as WebSockets, WebSocket};
use gev_wire::{Codec, Request};

use crate::kit::{REQUEST, TestBridge, connect, speaking, web_sockets, with_session};
use crate::{NOBODY, start};

/// Refused requests were answered, if at all, but not closed.
#[test]
fn a_refused_request_is_answered_and_closed() {
    let bridge = TestBridge::with_room(1 << 20);
    let reactor = start(web_sockets(), std::slice::from_ref(&bridge));
    let mut client = connect(reactor.local_addr());
    client
        .write_all(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let mut response = String::new();
    client.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 405 "), "{response}");
    assert_refused(&bridge, &client, 405, "method is not GET");
    drop(client);
    // That was all: the next event is that of another connection.
    let mut client = connect(reactor.local_addr());
    client.write_all(REQUEST).unwrap();
    let (_, event, address) = bridge.next();
    assert_eq!(event, Event::Open);
    let port = client.local_addr().unwrap().port();
    assert_eq!(address[2..4], port.to_le_bytes());
}

/// The next event tells of a handshake that has failed.
fn assert_refused(bridge: &TestBridge, client: &TcpStream, status: u16, reason: &str) {
    let (_, event, payload) = bridge.next();
    assert_eq!(event, Event::Refused);
    let port = client.local_addr().unwrap().port();
    assert_eq!(payload[2..4], port.to_le_bytes());
    let (told, text) = payload[Addresses::RECORD_BYTES..].split_at(2);
    let text = str::from_utf8(text).unwrap();
    assert_eq!((told, text), (&status.to_le_bytes()[..], reason));
}

#[test]
fn handshakes_that_come_to_nothing_are_told_when_there_is_room() {
    let bridge = TestBridge::with_room(0);
    let reactor = start(
        with_session(
            web_sockets(),
            SessionConfig {
                handshake_timeout: Duration::from_millis(500),
                ..SessionConfig::default()
            },
        ),
        std::slice::from_ref(&bridge),
    );
    let mut late = connect(reactor.local_addr());
    late.write_all(&REQUEST[..20]).unwrap();
    let mut response = String::new();
    late.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
    late.shutdown(Shutdown::Write).unwrap();
    let mut silent = connect(reactor.local_addr());
    bridge.lock().room = 1 << 20;
    reactor.loops()[0].wake();
    assert_refused(&bridge, &late, 408, "request not complete in time");
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    assert_refused(&bridge, &silent, 0, "no handshake in time");
}

#[test]
fn a_client_that_leaves_during_the_handshake_is_told_of() {
    let bridge = TestBridge::with_room(1 << 20);
    let reactor = start(web_sockets(), std::slice::from_ref(&bridge));
    for begin in [&b""[..], &REQUEST[..20]] {
        let mut left = connect(reactor.local_addr());
        left.write_all(begin).unwrap();
        left.shutdown(Shutdown::Write).unwrap();
        assert_refused(&bridge, &left, 0, "connection ended during the handshake");
    }
}

/// The time for the handshake went on between the parts of a response, so that one that took longer was cut.
#[test]
fn a_response_that_has_begun_is_no_handshake() {
    let bridge = TestBridge::with_room(1 << 20);
    let protocol = || -> Box<dyn Codec> {
        let config = WebSocketConfig {
            ask_requests: true,
            ..WebSocketConfig::default()
        };
        Box::new(WebSocket::new(WebSockets::new(Arc::new(config))))
    };
    let reactor = start(
        speaking(Arc::new(move || Box::new(protocol))),
        std::slice::from_ref(&bridge),
    );
    let event_loop = &reactor.loops()[0];
    let mut client = connect(reactor.local_addr());
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let (id, event, _) = bridge.next();
    assert_eq!(event, Event::Ask(Request::Plain));
    let mut silent = connect(reactor.local_addr());
    bridge.command(
        event_loop,
        NOBODY,
        CommandKind::Stop,
        &60_000u32.to_le_bytes(),
    );
    bridge.command(
        event_loop,
        id,
        CommandKind::Respond { more: true },
        b"first",
    );
    let mut first = [0; 5];
    client.read_exact(&mut first).unwrap();
    // Who is in the handshake when the loop is stopped has a second: it is over when this one is cut.
    silent.read_to_end(&mut Vec::new()).unwrap();
    bridge.command(
        event_loop,
        id,
        CommandKind::Respond { more: false },
        b"last",
    );
    let mut last = String::new();
    client.read_to_string(&mut last).unwrap();
    assert_eq!((&first, last.as_str()), (b"first", "last"));
}
