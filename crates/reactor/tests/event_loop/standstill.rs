//! Loops that are left alone for too long, by a process that stands still or a thread that is busy: driven by hand, here.

use std::io::{Read, Write};
use std::thread::sleep;
use std::time::Duration;

use gev_reactor::{Config, Counter};
use gev_session::{Config as SessionConfig, Event, Timeouts};
use socket2::SockRef;

use crate::kit::{Driven, OVERFILL, REQUEST, config, connect, web_sockets, with_session};

/// What every timer is set to.
const TIME: Duration = Duration::from_millis(50);

/// Longer than any timer, and late.
const STANDSTILL: Duration = Duration::from_millis(100);

fn with_timeouts(timeouts: Timeouts) -> Config {
    let session = SessionConfig {
        timeouts,
        ..SessionConfig::default()
    };
    with_session(config(), session)
}

#[test]
fn what_the_kernel_has_is_read_before_a_timer_judges() {
    let idle = Timeouts {
        idle_all: TIME,
        ..Timeouts::default()
    };
    let mut config = with_timeouts(idle);
    config.event_loop.poll_events = 4;
    let mut driven = Driven::new(config, 1 << 20);
    let mut clients: Vec<_> = (0..20).map(|_| driven.enter().0).collect();
    for client in &mut clients {
        client.write_all(b"still here").unwrap();
    }
    sleep(STANDSTILL);
    // Does not poll for events: whatever is read, is read because a timer is due.
    driven.event_loop.attend().unwrap();
    for _ in &clients {
        let (_, event, message) = driven.taken().expect("one of each client");
        assert!(matches!(event, Event::Message(_)), "{event:?}");
        assert_eq!(message, b"still here");
    }
    assert!(driven.taken().is_none());
}

#[test]
fn how_late_a_loop_comes_to_its_timers_is_counted_once() {
    let idle = Timeouts {
        idle_all: TIME,
        ..Timeouts::default()
    };
    let mut driven = Driven::new(with_timeouts(idle), 1 << 20);
    let _client = driven.enter();
    let times = |driven: &Driven| {
        let rows = Counter::LateTo256Us as usize..=Counter::LateLonger as usize;
        let counters = Counter::ALL[rows].iter();
        counters.map(|&it| driven.bridge.counted(it)).sum::<u64>()
    };
    assert_eq!(times(&driven), 0);
    sleep(STANDSTILL);
    driven.event_loop.attend().unwrap();
    assert_eq!(times(&driven), 1);
    let late = Duration::from_nanos(driven.bridge.counted(Counter::LateNanoseconds));
    assert!(late >= (STANDSTILL - TIME) / 2, "{late:?}");
    assert_eq!(driven.bridge.counted(Counter::LateTo16Ms), 0);
    // What it has put off has been counted.
    driven.event_loop.attend().unwrap();
    assert_eq!(times(&driven), 1);
}

/// Messages only note their time; an entry of the wheel that comes too early is replaced when it fires.
#[test]
fn timers_are_not_armed_again_for_messages() {
    let every = Timeouts {
        idle_read: Duration::from_secs(50),
        idle_write: Duration::from_secs(50),
        idle_all: Duration::from_secs(40),
        max_lifetime: Duration::from_secs(90),
        write_stall: Duration::from_secs(50),
        ..Timeouts::default()
    };
    let mut driven = Driven::new(with_timeouts(every), 1 << 20);
    let mut clients: Vec<_> = (0..20).map(|_| driven.enter()).collect();
    let entries = driven.event_loop.timer_entries();
    assert!(entries <= 2 * clients.len(), "{entries}");
    for _ in 0..50 {
        for (client, id) in &mut clients {
            client.write_all(b"ping").unwrap();
            driven.send(*id, b"pong".to_vec());
        }
        for _ in &clients {
            let (_, event) = driven.next();
            assert!(matches!(event, Event::Message(_)), "{event:?}");
        }
        driven.turn();
        assert_eq!(driven.event_loop.timer_entries(), entries);
    }
}

#[test]
fn whoever_is_silent_is_judged_although_every_turn_is_late() {
    let idle = Timeouts {
        idle_all: TIME,
        ..Timeouts::default()
    };
    let mut driven = Driven::new(with_timeouts(idle), 1 << 20);
    let (mut client, _) = driven.enter();
    client.set_nonblocking(true).unwrap();
    let mut turns = 0;
    while client.read(&mut [0; 1]).is_err() {
        turns += 1;
        assert!(turns < 10, "put off for ever");
        sleep(STANDSTILL);
        driven.turn();
    }
    assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
}

/// The event queue was full, so that sockets were not read, and handshakes timed out.
#[test]
fn a_request_that_waits_for_a_busy_application_is_in_time() {
    let mut driven = Driven::new(
        with_session(
            web_sockets(),
            SessionConfig {
                handshake_timeout: TIME,
                ..SessionConfig::default()
            },
        ),
        0,
    );
    let address = driven.reactor.local_addr();
    let mut clients: Vec<_> = (0..3).map(|_| connect(address)).collect();
    for client in &mut clients {
        client.write_all(REQUEST).unwrap();
    }
    let mut silent = connect(address);
    driven.turn();
    driven.bridge.lock().room = 0;
    for _ in 0..5 {
        sleep(STANDSTILL);
        driven.turn();
    }
    assert!(driven.taken().is_none());
    assert_eq!(silent.read(&mut [0; 1]).unwrap(), 0, "nothing waits for it");
    driven.bridge.lock().room = 1 << 20;
    assert_eq!(driven.next().1, Event::Refused);
    for client in &mut clients {
        assert_eq!(driven.next().1, Event::Open);
        driven.turn();
        let mut head = [0; 12];
        client.read_exact(&mut head).unwrap();
        assert_eq!(&head, b"HTTP/1.1 101");
    }
}

/// The kernel tells of room when a third of its buffer is free.
#[test]
fn whoever_takes_a_little_is_not_stalled() {
    let stall = Timeouts {
        write_stall: TIME,
        ..Timeouts::default()
    };
    let mut config = with_timeouts(stall);
    config.listeners[0].send_buffer_bytes = 1 << 20;
    let mut driven = Driven::new(config, 1 << 20);
    let (mut client, id) = driven.enter();
    // With a large one the kernel does not tell the other side at once what has been read.
    let small = SockRef::from(&client).set_recv_buffer_size(256 * 1024);
    small.unwrap();
    driven.send(id, vec![0; OVERFILL]);
    for _ in 0..OVERFILL >> 20 {
        driven.turn();
    }
    for _ in 0..5 {
        client.read_exact(&mut vec![0; 256 * 1024]).unwrap();
        sleep(STANDSTILL);
        driven.turn();
        assert!(driven.taken().is_none());
    }
    // Twice as long, as the first turn is late.
    sleep(STANDSTILL);
    driven.turn();
    assert_eq!(driven.next(), (id, Event::Close));
}
