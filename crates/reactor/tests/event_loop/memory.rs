//! What all connections hold together, and who has to wait or to go for it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use gev_reactor::{CommandKind, Config, ConnectionId};
use gev_session::Event;
use gev_wire::CloseCause;

use crate::kit::{Driven, OVERFILL, PATIENCE, REQUEST, config, connect, web_sockets};

const MIB: u64 = 1 << 20;

/// A server whose connections may hold so much.
fn with_budget(bytes: u64) -> Driven {
    let config = Config {
        max_memory_bytes: bytes,
        ..config()
    };
    Driven::new(config, 64 << 20)
}

fn web_sockets_with_budget(bytes: u64) -> Driven {
    let config = Config {
        max_memory_bytes: bytes,
        ..web_sockets()
    };
    Driven::new(config, 64 << 20)
}

/// A client whose handshake is done.
fn enter(driven: &mut Driven) -> (TcpStream, ConnectionId) {
    let mut client = connect(driven.reactor.local_addr());
    client.write_all(REQUEST).unwrap();
    let (id, event) = driven.next();
    assert_eq!(event, Event::Open);
    driven.turn();
    let mut head = vec![0; 166];
    client.read_exact(&mut head).unwrap();
    assert!(head.ends_with(b"\r\n\r\n"));
    (client, id)
}

/// The header of a binary message of so many bytes, masked with zeros.
fn header(len: usize) -> Vec<u8> {
    let mut header = match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ ..=125), _) => vec![0x82, 0x80 | len],
        (_, Ok(len)) => [&[0x82, 0xFE][..], &len.to_be_bytes()].concat(),
        _ => [&[0x82, 0xFF][..], &(len as u64).to_be_bytes()].concat(),
    };
    header.extend([0; 4]);
    header
}

/// The next event that the application has been told, but for the announcements of long messages.
fn next_of(driven: &mut Driven) -> Option<(ConnectionId, Event, Vec<u8>)> {
    std::iter::from_fn(|| driven.taken()).find(|(_, event, _)| *event != Event::Announced)
}

/// Takes turns until so many bytes of messages have come; returns how many messages were complete.
fn take_in(driven: &mut Driven, bytes: usize) -> usize {
    let (mut taken, mut complete) = (0, 0);
    let end = Instant::now() + PATIENCE;
    while taken < bytes || complete == 0 {
        assert!(Instant::now() < end, "{taken} of {bytes} bytes");
        driven.turn();
        while let Some((_, event, payload)) = next_of(driven) {
            let Event::Message(part) = event else {
                panic!("{event:?}");
            };
            taken += payload.len();
            complete += usize::from(part.last);
        }
    }
    assert_eq!(taken, bytes);
    complete
}

/// Takes turns until something is held that is not told.
fn await_holding(driven: &mut Driven, told: u64) -> u64 {
    let end = Instant::now() + PATIENCE;
    while driven.reactor.held() == told {
        assert!(Instant::now() < end, "nothing is held");
        driven.turn();
    }
    // And as long as what has come takes.
    for _ in 0..20 {
        sleep(Duration::from_millis(1));
        driven.turn();
    }
    driven.reactor.held() - told
}

/// Waits for an event, however late the loop's timers are.
fn wait_for(driven: &mut Driven) -> (ConnectionId, Event, Vec<u8>) {
    let end = Instant::now() + PATIENCE;
    loop {
        driven.turn();
        if let Some(event) = next_of(driven) {
            return event;
        }
        assert!(Instant::now() < end, "no event in time");
        sleep(Duration::from_millis(20));
    }
}

fn expel(driven: &Driven, id: ConnectionId) {
    let mut payload = 1013u16.to_le_bytes().to_vec();
    payload.extend([CloseCause::Limit as u8, 0]);
    payload.extend(b"short");
    driven.command(id, CommandKind::Expel, payload);
}

/// Code, cause and text.
fn read_close(payload: &[u8]) -> (u16, u8, &[u8]) {
    let code = u16::from_le_bytes([payload[0], payload[1]]);
    (code, payload[2], &payload[4..])
}

const CLOSED: (u16, u8, &[u8]) = (1013, CloseCause::Limit as u8, b"short");

#[test]
fn what_is_sent_beyond_the_budget_is_told_at_once_and_ends_with_whom_it_is_for() {
    let mut driven = with_budget(MIB);
    let (mut client, id) = driven.enter();
    assert_eq!(driven.reactor.held(), 0);
    driven.send(id, vec![0; OVERFILL]);
    let (_, event, payload) = wait_for(&mut driven);
    assert_eq!(
        (event, payload),
        (Event::Short, 128u32.to_le_bytes().to_vec())
    );
    let held = driven.reactor.held();
    assert!((MIB..=OVERFILL as u64).contains(&held), "{held}");
    expel(&driven, id);
    let (closed, event, payload) = wait_for(&mut driven);
    assert_eq!(
        (closed, event, read_close(&payload)),
        (id, Event::Close, CLOSED)
    );
    assert_eq!(driven.reactor.held(), 0);
    // What the kernel has already, and not all.
    let mut received = Vec::new();
    let _ = client.read_to_end(&mut received);
    assert!(received.len() < OVERFILL);
}

#[test]
fn who_can_be_told_is_told_and_nothing_more_is_taken() {
    let mut driven = web_sockets_with_budget(4 * MIB);
    let (mut client, id) = enter(&mut driven);
    client.write_all(&header(1 << 20)).unwrap();
    client.write_all(&[1; 5000]).unwrap();
    await_holding(&mut driven, 0);
    expel(&driven, id);
    driven.turn();
    assert_eq!(driven.reactor.held(), 0);
    let mut goodbye = [0; 9];
    client.read_exact(&mut goodbye).unwrap();
    assert_eq!(
        goodbye[2..],
        [&1013u16.to_be_bytes()[..], b"short"].concat()
    );
    assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
    // Thrown away, until the peer has closed as well.
    client.write_all(&[1; 100_000]).unwrap();
    for _ in 0..20 {
        driven.turn();
    }
    assert_eq!(driven.reactor.held(), 0);
    drop(client);
    let (closed, event, payload) = wait_for(&mut driven);
    assert_eq!(
        (closed, event, read_close(&payload)),
        (id, Event::Close, CLOSED)
    );
}

#[test]
fn without_memory_short_messages_pass_and_longer_ones_wait() {
    const KEPT: u64 = 4 * MIB - 100_000;
    let mut driven = web_sockets_with_budget(4 * MIB);
    let (mut long, _) = enter(&mut driven);
    let (mut short, _) = enter(&mut driven);
    driven.reactor.tell_kept(KEPT);
    long.write_all(&header(100_000)).unwrap();
    long.write_all(&[1; 100_000]).unwrap();
    let held = await_holding(&mut driven, KEPT);
    assert!(held <= 8192, "{held}");
    assert!(next_of(&mut driven).is_none());
    for len in [0, 125, 4000] {
        short.write_all(&header(len)).unwrap();
        // In two pieces, the first of which has to be held.
        let bytes = vec![1; len];
        let (first, second) = bytes.split_at(bytes.len() / 2);
        short.write_all(first).unwrap();
        driven.turn();
        short.write_all(second).unwrap();
        assert_eq!(take_in(&mut driven, len), 1);
    }
    driven.reactor.tell_kept(0);
    assert_eq!(take_in(&mut driven, 100_000), 1);
    assert_eq!(driven.reactor.held(), 0);
}

/// As when all of them grow together, and none comes to its end.
#[test]
fn of_those_who_wait_one_goes_on_alone() {
    let mut driven = web_sockets_with_budget(8 * MIB);
    let mut clients: Vec<_> = (0..4).map(|_| enter(&mut driven).0).collect();
    for client in &mut clients {
        client.write_all(&header(1 << 20)).unwrap();
        client.set_nonblocking(true).unwrap();
    }
    driven.reactor.tell_kept(5 * MIB);
    let mut sent = [0; 4];
    let mut complete = Vec::new();
    let mut taken = [0; 4];
    let chunk = vec![1; 16 * 1024];
    while complete.len() < 4 {
        for (sent, client) in sent.iter_mut().zip(&mut clients) {
            let rest = &chunk[..chunk.len().min(MIB as usize - *sent)];
            match client.write(rest) {
                Ok(n) => *sent += n,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        driven.turn();
        while let Some((id, event, payload)) = next_of(&mut driven) {
            let Event::Message(part) = event else {
                panic!("{event:?}");
            };
            taken[id.slot as usize] += payload.len();
            if part.last {
                complete.push(id.slot);
            }
        }
        let half_way = |len: &&usize| (128 * 1024..MIB as usize).contains(*len);
        assert!(taken.iter().filter(half_way).count() <= 1, "{taken:?}");
    }
}

#[test]
fn when_nobody_gets_on_that_is_told_and_whose_peers_have_gone_go_first() {
    let mut driven = web_sockets_with_budget(8 * MIB);
    let (mut gone, gone_id) = enter(&mut driven);
    gone.write_all(&header(1 << 20)).unwrap();
    gone.write_all(&[1; 50_000]).unwrap();
    driven.reactor.tell_kept(7 * MIB);
    gone.shutdown(Shutdown::Write).unwrap();
    let (id, event, payload) = wait_for(&mut driven);
    assert_eq!((id, event), (gone_id, Event::Close));
    assert_eq!(read_close(&payload).0, 1013);
    let (mut waiting, _) = enter(&mut driven);
    waiting.write_all(&header(1 << 20)).unwrap();
    waiting.write_all(&[1; 50_000]).unwrap();
    let (_, event, payload) = wait_for(&mut driven);
    // A sixteenth is to be free beyond what only what is sent may use.
    let kib = (8 * 1024 / 8 + 8 * 1024 / 16) as u32;
    assert_eq!((event, payload), (Event::Short, kib.to_le_bytes().to_vec()));
    // Who waits is not cut.
    assert!(next_of(&mut driven).is_none());
}
