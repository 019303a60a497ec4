//! Event loops on their threads, with a bridge in plain memory in place of JavaScript.

#![allow(clippy::unwrap_used, reason = "a test panics when it fails")]

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use gev_reactor::{
    Addresses, Balance, Bridge, CloseCause, Command, CommandKind, Config, ConnectionId, Event,
    Gauges, LoopHandle, ProtocolMaker, Reactor,
};
use gev_wire::websocket::{Shared as WebSockets, WebSocket};
use gev_wire::{MessageKind, Outgoing, Protocol, Raw};

type Commands = VecDeque<(ConnectionId, CommandKind, Vec<u8>)>;

/// Both ends of a bridge: the loop has one as its `Bridge`, the test another to look and command with.
#[derive(Clone, Default)]
struct TestBridge {
    shared: Arc<Mutex<Shared>>,
    /// The payload that was reserved last.
    reserved: Vec<u8>,
    unpublished: Vec<(ConnectionId, Event, Vec<u8>)>,
    current: Option<(ConnectionId, CommandKind, Vec<u8>)>,
}

#[derive(Default)]
struct Shared {
    events: VecDeque<(ConnectionId, Event, Vec<u8>)>,
    commands: Commands,
    /// Payload bytes that fit; what is in `events` counts.
    room: usize,
    gauges: Vec<(u32, Gauges)>,
    /// How often the loop has rung.
    rings: usize,
    /// How often the loop's poll has ended.
    turns: usize,
    panic_at_message: bool,
}

impl Bridge for TestBridge {
    fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        let used: usize = self
            .unpublished
            .iter()
            .map(|(.., payload)| payload.len())
            .sum();
        if self.lock().room < used + len {
            return None;
        }
        self.reserved = vec![0; len];
        Some(&mut self.reserved)
    }

    fn shorten(&mut self, len: usize) {
        self.reserved.truncate(len);
    }

    fn commit(&mut self, id: ConnectionId, event: Event) {
        assert!(
            !(matches!(event, Event::Message(_)) && self.lock().panic_at_message),
            "asked to panic"
        );
        self.unpublished
            .push((id, event, std::mem::take(&mut self.reserved)));
    }

    fn has_room(&mut self) -> bool {
        self.lock().room >= gev_wire::PART_BYTES
    }

    fn publish(&mut self) -> bool {
        let unpublished = std::mem::take(&mut self.unpublished);
        let mut shared = self.lock();
        shared.room -= unpublished
            .iter()
            .map(|(.., payload)| payload.len())
            .sum::<usize>();
        shared.events.extend(unpublished);
        !shared.events.is_empty()
    }

    fn ring(&mut self) {
        self.lock().rings += 1;
    }

    fn next_command(&mut self) -> Option<Command<'_>> {
        let next = self.lock().commands.pop_front();
        self.current = next;
        let (id, kind, payload) = self.current.as_ref()?;
        Some(Command {
            id: *id,
            kind: *kind,
            payload,
            framing: 0,
        })
    }

    fn prepare_sleep(&mut self) -> bool {
        self.lock().commands.is_empty()
    }

    fn awake(&mut self) {
        self.lock().turns += 1;
    }

    fn set_gauges(&mut self, slot: u32, gauges: Gauges) {
        self.lock().gauges.push((slot, gauges));
    }
}

/// More than the kernel takes for a client that does not read.
const OVERFILL: usize = 15 << 20;

impl TestBridge {
    fn with_room(room: usize) -> Self {
        let bridge = Self::default();
        bridge.lock().room = room;
        bridge
    }

    /// Never sleeps for the lock: ThreadSanitizer does not see what std does then, and would take it for no lock at all.
    fn lock(&self) -> MutexGuard<'_, Shared> {
        loop {
            match self.shared.try_lock() {
                Ok(shared) => return shared,
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => thread::yield_now(),
            }
        }
    }

    /// Waits for the next event, and makes room for another one like it. Looks once, and then after every ring.
    fn next(&self) -> (ConnectionId, Event, Vec<u8>) {
        let end = Instant::now() + PATIENCE;
        let mut looked_at = None;
        loop {
            let mut shared = self.lock();
            if looked_at.replace(shared.rings) != Some(shared.rings)
                && let Some(event) = shared.events.pop_front()
            {
                shared.room += event.2.len();
                return event;
            }
            drop(shared);
            assert!(Instant::now() < end, "no event in time");
            thread::yield_now();
        }
    }

    fn command(
        &self,
        event_loop: &LoopHandle,
        id: ConnectionId,
        kind: CommandKind,
        payload: &[u8],
    ) {
        self.lock().commands.push_back((id, kind, payload.to_vec()));
        event_loop.wake();
    }

    /// Sends more to a client that does not read, as the first message, than the kernel takes, and waits until the rest is the loop's.
    fn overfill(&self, event_loop: &LoopHandle, id: ConnectionId) {
        let send = CommandKind::Send(Outgoing::whole(MessageKind::Binary));
        self.command(event_loop, id, send, &vec![0; OVERFILL]);
        let has_output = |shared: &Shared| {
            let some = 1..OVERFILL as u32;
            let of_this =
                |(slot, gauges): &(u32, Gauges)| *slot == id.slot && some.contains(&gauges.done);
            shared.gauges.iter().any(of_this)
        };
        while !has_output(&self.lock()) {
            thread::yield_now();
        }
    }

    /// Collects the bytes of `n` message bytes of one connection.
    fn bytes(&self, n: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < n {
            let (_, event, payload) = self.next();
            assert!(matches!(event, Event::Message(_)), "{event:?}");
            bytes.extend(payload);
        }
        bytes
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const NOBODY: ConnectionId = ConnectionId {
    slot: 0,
    generation: 0,
};

fn config() -> Config {
    Config::new(
        "127.0.0.1:0".parse().unwrap(),
        Arc::new(|| Box::new(|| Box::new(Raw::default()))),
    )
}

fn start(config: Config, bridges: &[TestBridge]) -> Reactor {
    Reactor::start(config, bridges.to_vec()).unwrap()
}

fn web_socket() -> Box<dyn Protocol> {
    Box::new(WebSocket::new(WebSockets::new(Arc::default())))
}

fn connect(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

/// Sends until the kernel's buffers are full too: as many bytes as it takes, each with a value that tells its place.
fn send_until_refused(client: &mut TcpStream) -> Vec<u8> {
    client.set_nonblocking(true).unwrap();
    let mut sent = Vec::new();
    let mut refused = 0;
    while refused < 200 {
        let chunk: Vec<u8> = (sent.len()..sent.len() + 8192)
            .map(|i| (i % 251) as u8)
            .collect();
        match client.write(&chunk) {
            Ok(n) => {
                sent.extend_from_slice(&chunk[..n]);
                refused = 0;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                refused += 1;
                thread::yield_now();
            }
            Err(error) => panic!("{error}"),
        }
    }
    client.set_nonblocking(false).unwrap();
    sent
}

fn close_cause(payload: &[u8]) -> u8 {
    payload[2]
}

#[test]
fn a_connection_opens_speaks_and_ends() {
    let bridge = TestBridge::with_room(1 << 20);
    let reactor = start(config(), std::slice::from_ref(&bridge));
    let mut client = connect(reactor.local_addr());
    let (id, event, address) = bridge.next();
    assert_eq!(event, Event::Open);
    assert_eq!(
        address[2..4],
        client.local_addr().unwrap().port().to_le_bytes()
    );

    client.write_all(b"hello").unwrap();
    assert_eq!(bridge.bytes(5), b"hello");
    let event_loop = &reactor.loops()[0];
    bridge.command(
        event_loop,
        id,
        CommandKind::Send(Outgoing::whole(MessageKind::Binary)),
        b"good ",
    );
    bridge.command(
        event_loop,
        id,
        CommandKind::Begin(Outgoing::whole(MessageKind::Binary)),
        &7u64.to_le_bytes(),
    );
    bridge.command(event_loop, id, CommandKind::Continue, b"mor");
    bridge.command(event_loop, id, CommandKind::Continue, b"ning");
    let mut reply = [0; 12];
    client.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"good morning");

    // What is sent after the client's FIN still arrives.
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(bridge.next().1, Event::End);
    bridge.command(
        event_loop,
        id,
        CommandKind::Send(Outgoing::whole(MessageKind::Binary)),
        b"bye",
    );
    bridge.command(event_loop, id, CommandKind::End, &[]);
    let mut rest = String::new();
    client.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "bye");
    let (closed, event, payload) = bridge.next();
    assert_eq!(
        (closed, event, close_cause(&payload)),
        (id, Event::Close, CloseCause::Peer as u8)
    );
    // Those of the last message may be missing: the gauges of a connection that is gone are not kept up.
    let done = bridge
        .lock()
        .gauges
        .iter()
        .map(|(_, gauges)| gauges.done)
        .max();
    assert!(matches!(done, Some(12 | 15)), "{done:?}");
}

#[test]
fn commands_for_a_connection_that_is_gone_reach_nobody() {
    let bridge = TestBridge::with_room(1 << 20);
    let reactor = start(config(), std::slice::from_ref(&bridge));
    let event_loop = &reactor.loops()[0];
    drop(connect(reactor.local_addr()));
    let first = bridge.next().0;
    assert_eq!(bridge.next().1, Event::End);
    bridge.command(event_loop, first, CommandKind::End, &[]);
    assert_eq!(bridge.next().1, Event::Close);

    let mut client = connect(reactor.local_addr());
    let second = bridge.next().0;
    assert_eq!(second.slot, first.slot);
    bridge.command(
        event_loop,
        first,
        CommandKind::Send(Outgoing::whole(MessageKind::Binary)),
        b"for the first",
    );
    bridge.command(
        event_loop,
        first,
        CommandKind::Destroy,
        &[CloseCause::Local as u8],
    );
    bridge.command(
        event_loop,
        second,
        CommandKind::Send(Outgoing::whole(MessageKind::Binary)),
        b"for the second",
    );
    let mut bytes = [0; 14];
    client.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"for the second");
}

#[test]
fn nothing_is_written_to_a_connection_that_ended_earlier_in_the_turn() {
    let bridge = TestBridge::with_room(1 << 20);
    let reactor = start(config(), std::slice::from_ref(&bridge));
    let mut client = connect(reactor.local_addr());
    let (id, ..) = bridge.next();
    // As much as is handed to the kernel at once.
    let send = CommandKind::Send(Outgoing::whole(MessageKind::Binary));
    bridge.lock().commands.extend([
        (id, CommandKind::Destroy, vec![CloseCause::Local as u8]),
        (id, send, vec![0; 64 * 1024]),
    ]);
    reactor.loops()[0].wake();
    assert_eq!(bridge.next().1, Event::Close);
    let mut received = Vec::new();
    client.read_to_end(&mut received).unwrap();
    assert_eq!(received.len(), 0);
}

#[test]
fn a_full_event_queue_stops_reading_and_loses_nothing() {
    const ROOM: usize = 2 * gev_wire::PART_BYTES;
    let bridge = TestBridge::with_room(ROOM);
    let reactor = start(config(), std::slice::from_ref(&bridge));
    let mut client = connect(reactor.local_addr());
    let id = bridge.next().0;
    let sent = send_until_refused(&mut client);
    let queued: usize = bridge
        .lock()
        .events
        .iter()
        .map(|(.., payload)| payload.len())
        .sum();
    assert!(queued <= ROOM);
    assert!(
        sent.len() > queued,
        "the kernel held back {} bytes",
        sent.len() - queued
    );
    // Output still flows while input is stopped.
    let event_loop = reactor.loops()[0].clone();
    bridge.command(
        &event_loop,
        id,
        CommandKind::Send(Outgoing::whole(MessageKind::Binary)),
        b"still here",
    );
    let mut reply = [0; 10];
    client.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"still here");
    // With every event taken, the loop has to be woken: as JavaScript does when it has drained.
    let mut got = Vec::new();
    while got.len() < sent.len() {
        got.extend(bridge.bytes(1));
        event_loop.wake();
    }
    assert!(got == sent);
}

/// A peer that neither reads nor stops sending kept its loop busy, and so a whole core.
#[test]
fn a_loop_sleeps_while_input_is_unread_and_output_waits() {
    let bridge = TestBridge::with_room(2 * gev_wire::PART_BYTES);
    let protocol = || -> ProtocolMaker {
        let first = Cell::new(true);
        Box::new(move || match first.replace(false) {
            true => web_socket(),
            false => Box::new(Raw::default()),
        })
    };
    let reactor = start(
        Config {
            protocol: Arc::new(protocol),
            close_timeout: Duration::from_millis(200),
            ..config()
        },
        std::slice::from_ref(&bridge),
    );
    let event_loop = &reactor.loops()[0];
    let mut silent = connect(reactor.local_addr());
    silent.write_all(REQUEST).unwrap();
    let silent_id = bridge.next().0;
    let mut client = connect(reactor.local_addr());
    let id = bridge.next().0;
    send_until_refused(&mut client);
    bridge.overfill(event_loop, id);

    // The loop has one thing to do: to wait in vain for the answer to a close, and to end that connection.
    let before = bridge.lock().turns;
    bridge.command(
        event_loop,
        silent_id,
        CommandKind::Close,
        &[0xE8, 0x03, 0, 0],
    );
    silent.read_to_end(&mut Vec::new()).unwrap();
    let turns = bridge.lock().turns - before;
    assert!(turns < 50, "{turns} turns");
}

/// Nothing was read while output waited, so that even the end of the connection was not seen.
#[test]
fn input_and_a_reset_are_seen_while_output_waits() {
    let bridge = TestBridge::with_room(1 << 20);
    let reactor = start(config(), std::slice::from_ref(&bridge));
    let mut client = connect(reactor.local_addr());
    let id = bridge.next().0;
    bridge.overfill(&reactor.loops()[0], id);
    client.write_all(b"still here").unwrap();
    assert_eq!(bridge.bytes(10), b"still here");
    // With bytes that nobody has read, the kernel resets the connection.
    drop(client);
    let (closed, event, payload) = bridge.next();
    assert_eq!(
        (closed, event, close_cause(&payload)),
        (id, Event::Close, CloseCause::Reset as u8)
    );
}

/// Refused requests were answered, if at all, but not closed.
#[test]
fn a_refused_request_is_answered_and_closed() {
    let bridge = TestBridge::with_room(1 << 20);
    let reactor = start(
        Config {
            protocol: Arc::new(|| Box::new(web_socket)),
            ..config()
        },
        std::slice::from_ref(&bridge),
    );
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
        Config {
            protocol: Arc::new(|| Box::new(web_socket)),
            handshake_timeout: Duration::from_millis(500),
            ..config()
        },
        std::slice::from_ref(&bridge),
    );
    let mut late = connect(reactor.local_addr());
    late.write_all(&REQUEST[..20]).unwrap();
    let mut response = String::new();
    late.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
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
    let reactor = start(
        Config {
            protocol: Arc::new(|| Box::new(web_socket)),
            ..config()
        },
        std::slice::from_ref(&bridge),
    );
    for begin in [&b""[..], &REQUEST[..20]] {
        let mut left = connect(reactor.local_addr());
        left.write_all(begin).unwrap();
        left.shutdown(Shutdown::Write).unwrap();
        assert_refused(&bridge, &left, 0, "connection ended during the handshake");
    }
}

#[test]
fn one_loop_deals_out_in_turn() {
    let bridges = [
        TestBridge::with_room(1 << 20),
        TestBridge::with_room(1 << 20),
        TestBridge::with_room(1 << 20),
    ];
    let reactor = start(
        Config {
            balance: Balance::RoundRobin,
            ..config()
        },
        &bridges,
    );
    let clients: Vec<_> = (0..9).map(|_| connect(reactor.local_addr())).collect();
    for bridge in &bridges {
        for _ in 0..3 {
            assert_eq!(bridge.next().1, Event::Open);
        }
    }
    drop(clients);
}

#[test]
fn stop_says_goodbye_closes_the_port_and_reports_the_end() {
    let bridge = TestBridge::with_room(1 << 20);
    let mut reactor = start(config(), std::slice::from_ref(&bridge));
    let mut client = connect(reactor.local_addr());
    let id = bridge.next().0;
    let event_loop = &reactor.loops()[0].clone();
    client.write_all(b"question").unwrap();
    bridge.command(
        event_loop,
        NOBODY,
        CommandKind::Stop,
        &5000u32.to_le_bytes(),
    );
    assert_eq!(bridge.bytes(8), b"question");
    assert_eq!(bridge.next(), (id, Event::Stop, Vec::new()));
    let send = CommandKind::Send(Outgoing::whole(MessageKind::Binary));
    bridge.command(event_loop, id, send, b"answer");
    bridge.command(event_loop, id, CommandKind::End, &[]);
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "answer");
    drop(client);
    let (closed, event, payload) = bridge.next();
    assert_eq!(
        (closed, event, close_cause(&payload)),
        (id, Event::Close, CloseCause::Stop as u8)
    );
    assert_eq!(bridge.next(), (NOBODY, Event::Stopped, Vec::new()));
    reactor.join();
    assert_eq!(
        TcpStream::connect(reactor.local_addr()).unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
}

#[test]
fn a_peer_that_does_not_answer_is_cut_when_the_stop_times_out() {
    let bridge = TestBridge::with_room(1 << 20);
    let reactor = start(config(), std::slice::from_ref(&bridge));
    let _silent = connect(reactor.local_addr());
    bridge.next();
    bridge.command(
        &reactor.loops()[0],
        NOBODY,
        CommandKind::Stop,
        &20u32.to_le_bytes(),
    );
    assert_eq!(bridge.next().1, Event::Stop);
    assert_eq!(bridge.next().1, Event::Close);
    assert_eq!(bridge.next().1, Event::Stopped);
}

#[test]
fn a_panic_ends_its_loop_with_a_report() {
    let bridge = TestBridge::with_room(1 << 20);
    let mut reactor = start(config(), std::slice::from_ref(&bridge));
    let mut client = connect(reactor.local_addr());
    bridge.next();
    bridge.lock().panic_at_message = true;
    client.write_all(b"boom").unwrap();
    let (_, event, payload) = bridge.next();
    assert_eq!(
        (event, payload.as_slice()),
        (Event::Stopped, &b"panic: asked to panic"[..])
    );
    reactor.join();
}

/// Whichever loop fails, and whether the loops have listeners of their own or one of them deals out.
#[test]
fn the_connections_of_a_loop_that_has_failed_go_to_the_others() {
    for balance in [Balance::DEFAULT, Balance::RoundRobin] {
        for failing in 0..3 {
            let bridges = [1 << 20; 3].map(TestBridge::with_room);
            let reactor = start(
                Config {
                    balance,
                    ..config()
                },
                &bridges,
            );
            bridges[failing].lock().panic_at_message = true;
            let mut clients = Vec::new();
            while bridges[failing].lock().events.iter().all(is_not_the_end) {
                let mut client = connect(reactor.local_addr());
                client.write_all(b"boom").unwrap();
                clients.push(client);
                thread::yield_now();
            }
            // The socket of the failed loop is closed by its thread, a little later than this is told.
            while !reactor.is_ended(failing) {
                thread::yield_now();
            }
            for _ in 0..20 {
                let mut client = connect(reactor.local_addr());
                client.write_all(b"x").unwrap();
                clients.push(client);
            }
            let served = || {
                let events = bridges.iter().map(|bridge| {
                    let is_x = |event: &&(ConnectionId, Event, Vec<u8>)| event.2 == b"x";
                    bridge.lock().events.iter().filter(is_x).count()
                });
                events.sum::<usize>()
            };
            while served() < 20 {
                thread::yield_now();
            }
        }
    }
}

fn is_not_the_end((_, event, _): &(ConnectionId, Event, Vec<u8>)) -> bool {
    *event != Event::Stopped
}

#[test]
fn dropping_a_reactor_joins_its_threads() {
    let bridge = TestBridge::with_room(0);
    let reactor = start(config(), std::slice::from_ref(&bridge));
    let _client = connect(reactor.local_addr());
    drop(reactor);
    assert_eq!(Arc::strong_count(&bridge.shared), 1);
}
