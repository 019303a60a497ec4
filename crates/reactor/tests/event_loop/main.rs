//! Event loops on their threads, with a bridge in plain memory in place of JavaScript.

#![allow(clippy::unwrap_used, reason = "a test panics when it fails")]

mod dealing;
mod handshakes;
mod kit;
mod memory;
mod standstill;

use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use gev_reactor::{
    Balance, CodecMaker, Command, CommandKind, Config, ConnectionId, Counter, Reactor,
};
use gev_session::{Config as SessionConfig, Event, Gauges};
use gev_wire::{CloseCause, MessageKind, Outgoing, Raw};

use kit::{
    Driven, OVERFILL, REQUEST, TestBridge, config, connect, speaking, web_socket, web_sockets,
    with_session,
};

const NOBODY: ConnectionId = ConnectionId {
    slot: 0,
    generation: 0,
};

fn ip(reactor: &Reactor) -> SocketAddr {
    reactor.local_addr().socket_addr().unwrap()
}

fn start(config: Config, bridges: &[TestBridge]) -> Reactor {
    Reactor::start(config, bridges.to_vec()).unwrap()
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
fn a_connection_too_many_is_counted_and_closed() {
    let bridge = TestBridge::with_room(1 << 20);
    let mut config = config();
    config.admission.connections = 1;
    let reactor = start(config, std::slice::from_ref(&bridge));
    let _first = connect(reactor.local_addr());
    assert_eq!(bridge.next().1, Event::Open);
    let mut second = connect(reactor.local_addr());
    assert!(matches!(second.read(&mut [0]), Ok(0) | Err(_)));
    assert_eq!(bridge.counted(Counter::Accepted), 2);
    assert_eq!(bridge.counted(Counter::RefusedOfAll), 1);
}

#[test]
fn what_is_done_at_once_comes_behind_the_queue() {
    let mut driven = Driven::new(config(), 1 << 20);
    let (mut client, id) = driven.enter();
    let at_once = |driven: &mut Driven, id, payload| {
        driven.event_loop.run_now(Command {
            id,
            kind: CommandKind::Send(Outgoing::whole(MessageKind::Binary)),
            payload,
            loan: None,
        })
    };
    driven.send(id, b"one, ".to_vec());
    assert!(at_once(&mut driven, id, b"two"));
    driven.turn();
    let mut read = [0; 8];
    client.read_exact(&mut read).unwrap();
    assert_eq!(&read, b"one, two");

    // More than the loop takes at a time.
    driven.send(id, vec![1; OVERFILL]);
    driven.send(id, b"three".to_vec());
    assert!(!at_once(&mut driven, id, b"four"));

    driven.command(id, CommandKind::Destroy, vec![0]);
    while !at_once(&mut driven, id, b"five") {}
    driven.turn();
    assert_eq!(driven.next().1, Event::Close);
}

#[test]
fn much_is_read_only_where_there_is_room_for_it() {
    let room = gev_wire::PART_BYTES + 16 * 1024;
    let mut config = config();
    config.event_loop.read_buffer_bytes = gev_wire::PART_BYTES;
    let mut driven = Driven::new(config, room);
    let (mut client, _) = driven.enter();
    let sent = thread::spawn(move || {
        client.write_all(&[7; 3 * gev_wire::PART_BYTES]).unwrap();
        client
    });
    let mut got = 0;
    while got < 3 * gev_wire::PART_BYTES {
        driven.turn();
        let input = |gauges: &(u32, Gauges)| gauges.1.input as usize;
        let kept: usize = driven.bridge.lock().gauges.iter().map(input).sum();
        assert_eq!(kept, 0);
        while let Some((_, event, payload)) = driven.taken() {
            assert!(matches!(event, Event::Message(_)), "{event:?}");
            got += payload.len();
        }
    }
    drop(sent.join());
}

#[test]
fn a_message_for_many_goes_to_those_who_are_there_and_counts_for_each() {
    let bridge = TestBridge::with_room(1 << 20);
    let reactor = start(config(), std::slice::from_ref(&bridge));
    let event_loop = &reactor.loops()[0];
    let mut clients = Vec::new();
    let mut command = 4_u32.to_ne_bytes().to_vec();
    let mut ids = Vec::new();
    for _ in 0..3 {
        clients.push(connect(reactor.local_addr()));
        ids.push(bridge.next().0);
    }
    let stale = ConnectionId {
        generation: ids[0].generation + 1,
        ..ids[0]
    };
    for id in [ids[0], stale, ids[1], ids[2]] {
        command.extend([id.slot.to_ne_bytes(), id.generation.to_ne_bytes()].concat());
    }
    command.extend(b"for all");
    let whole = Outgoing::whole(MessageKind::Binary);
    bridge.command(event_loop, NOBODY, CommandKind::Share(whole), &command);
    for id in &ids {
        bridge.command(event_loop, *id, CommandKind::Send(whole), b", and one");
    }
    for client in &mut clients {
        let mut reply = [0; 16];
        client.read_exact(&mut reply).unwrap();
        assert_eq!(&reply, b"for all, and one");
    }
    assert_eq!(bridge.counted(Counter::SentMessages), 6);
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
        CommandKind::SendLoan(Outgoing::whole(MessageKind::Binary)),
        b"morning",
    );
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
    let protocol = || -> CodecMaker {
        let first = Cell::new(true);
        Box::new(move || match first.replace(false) {
            true => web_socket(),
            false => Box::new(Raw::default()),
        })
    };
    let reactor = start(
        with_session(
            speaking(Arc::new(protocol)),
            SessionConfig {
                close_timeout: Duration::from_millis(200),
                ..SessionConfig::default()
            },
        ),
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

#[test]
fn a_deadline_ends_what_is_busy_too() {
    let bridge = TestBridge::with_room(1 << 20);
    let reactor = start(config(), std::slice::from_ref(&bridge));
    let mut client = connect(reactor.local_addr());
    let (id, _, _) = bridge.next();
    let event_loop = &reactor.loops()[0];
    let set = |ms: u32| {
        bridge.command(event_loop, id, CommandKind::SetDeadline, &ms.to_le_bytes());
    };
    client.write_all(b"still here").unwrap();
    assert_eq!(bridge.bytes(10), b"still here");
    set(60_000);
    set(5);
    drop(client.read_to_end(&mut Vec::new()));
    drop(client);
    let (closed, event, payload) = bridge.next();
    assert_eq!(
        (closed, event, close_cause(&payload)),
        (id, Event::Close, CloseCause::Deadline as u8)
    );
}

/// What is spoken at each is up to it, and so are its limits.
#[test]
fn a_reactor_may_have_several_listeners() {
    for (balance, loops) in [
        (Balance::DEFAULT, 1),
        (Balance::DEFAULT, 2),
        (Balance::RoundRobin, 2),
    ] {
        let bridges: Vec<_> = (0..loops).map(|_| TestBridge::with_room(1 << 20)).collect();
        let mut config = Config {
            balance,
            ..config()
        };
        config.listeners.push(web_sockets().listeners.remove(0));
        let reactor = start(config, &bridges);
        let [raw, web_socket] = reactor.local_addrs() else {
            panic!("two of them");
        };
        assert_ne!(raw, web_socket);
        let mut client = connect(web_socket);
        client.write_all(REQUEST).unwrap();
        let mut response = [0; 12];
        client.read_exact(&mut response).unwrap();
        assert_eq!(&response, b"HTTP/1.1 101");
        let mut client = connect(raw);
        client.write_all(b"as it is").unwrap();
        let heard = || {
            let events = bridges.iter().map(|bridge| bridge.lock());
            let mut all = events.flat_map(|mut shared| std::mem::take(&mut shared.events));
            all.any(|(_, event, payload)| {
                matches!(event, Event::Message(_)) && payload == b"as it is"
            })
        };
        while !heard() {
            thread::yield_now();
        }
    }
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
        TcpStream::connect(ip(&reactor)).unwrap_err().kind(),
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
                // Who is in the queue of the listener that goes is reset.
                if let Ok(mut client) = TcpStream::connect(ip(&reactor)) {
                    let _ = client.write_all(b"boom");
                    clients.push(client);
                }
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
