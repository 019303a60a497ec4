//! Which loop gets a connection.

use std::thread;

use gev_reactor::{Addresses, Balance, CommandKind, Config};
use gev_session::Event;

use super::kit::{TestBridge, config, connect};
use super::{NOBODY, start};

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

/// How many of so many clients come to each loop.
fn dealt(balance: Balance, loops: usize, clients: usize) -> Vec<usize> {
    let bridges: Vec<_> = (0..loops).map(|_| TestBridge::with_room(1 << 24)).collect();
    let reactor = start(
        Config {
            balance,
            ..config()
        },
        &bridges,
    );
    let clients: Vec<_> = (0..clients)
        .map(|_| connect(reactor.local_addr()))
        .collect();
    let counts = || -> Vec<usize> {
        let shared = bridges.iter().map(|bridge| bridge.lock());
        shared
            .map(|shared| {
                let opened = shared.events.iter().filter(|it| it.1 == Event::Open);
                opened.count()
            })
            .collect()
    };
    while counts().iter().sum::<usize>() < clients.len() {
        thread::yield_now();
    }
    counts()
}

/// No loop has to run in between.
#[test]
fn connections_are_counted_when_they_are_assigned() {
    for balance in [Balance::RoundRobin, Balance::LeastConnections] {
        assert_eq!(dealt(balance, 4, 400), [100; 4]);
        assert_eq!(dealt(balance, 2, 17), [9, 8]);
    }
}

#[test]
fn one_address_has_one_loop_and_chance_has_them_all() {
    let mut counts = dealt(Balance::SourceHash, 4, 400);
    counts.sort_unstable();
    assert_eq!(counts, [0, 0, 0, 400]);
    // That a loop has none of 400 is as likely as 2^-164.
    assert!(!dealt(Balance::Random, 4, 400).contains(&0));
}

#[test]
fn the_kernel_may_have_its_way_within_bounds() {
    let counts = dealt(Balance::DEFAULT, 4, 400);
    // At most a quarter more than the mean, eight, and the one that tells that it is enough.
    assert!(counts.iter().all(|&count| count <= 134), "{counts:?}");
}

#[test]
fn who_is_gone_does_not_count() {
    let bridges = [1 << 20; 2].map(TestBridge::with_room);
    let config = Config {
        balance: Balance::LeastConnections,
        ..config()
    };
    let reactor = start(config, &bridges);
    let first = connect(reactor.local_addr());
    let (id, _, _) = bridges[0].next();
    let _second = connect(reactor.local_addr());
    assert_eq!(bridges[1].next().1, Event::Open);
    drop(first);
    assert_eq!(bridges[0].next().1, Event::End);
    bridges[0].command(&reactor.loops()[0], id, CommandKind::End, &[]);
    assert_eq!(bridges[0].next().1, Event::Close);
    for _ in 0..2 {
        let third = connect(reactor.local_addr());
        let (id, event, _) = bridges[0].next();
        assert_eq!(event, Event::Open);
        bridges[0].command(&reactor.loops()[0], id, CommandKind::Destroy, &[1]);
        assert_eq!(bridges[0].next().1, Event::Close);
        drop(third);
    }
}

#[test]
fn the_application_says_where_connections_go() {
    let bridges = [1 << 20; 3].map(TestBridge::with_room);
    let config = Config {
        balance: Balance::Asked,
        ..config()
    };
    let reactor = start(config, &bridges);
    let acceptor = &reactor.loops()[0];
    let mut clients = Vec::new();
    // The last index is none: the one with the fewest.
    for (wish, gets) in [(2_u32, 2), (2, 2), (0, 0), (7, 1)] {
        clients.push(connect(reactor.local_addr()));
        let (_, event, payload) = bridges[0].next();
        assert_eq!(event, Event::Assign);
        let (waiting, loads) = counts(&payload);
        assert_eq!(waiting, 0);
        assert_eq!(loads.iter().sum::<u32>() as usize, clients.len() - 1);
        bridges[0].command(acceptor, NOBODY, CommandKind::Assign, &wish.to_le_bytes());
        assert_eq!(bridges[gets].next().1, Event::Open);
    }
    // Whom nobody has assigned is not lost when all stop.
    clients.push(connect(reactor.local_addr()));
    assert_eq!(bridges[0].next().1, Event::Assign);
    for (bridge, event_loop) in bridges.iter().zip(reactor.loops()) {
        let timeout = 5000_u32.to_le_bytes();
        bridge.command(event_loop, NOBODY, CommandKind::Stop, &timeout);
    }
    let mut opened = 0;
    while opened == 0 {
        let shared = bridges.iter().map(|bridge| bridge.lock());
        opened = shared
            .map(|shared| {
                let open = shared.events.iter().filter(|it| it.1 == Event::Open);
                open.count()
            })
            .sum();
        thread::yield_now();
    }
}

/// Who waits, and what loops have, by the payload of an [`Event::Assign`] that has no TLVs.
fn counts(payload: &[u8]) -> (u32, Vec<u32>) {
    let (counts, _) = payload[Addresses::RECORD_BYTES..].as_chunks();
    let counts: Vec<_> = counts.iter().map(|&it| u32::from_le_bytes(it)).collect();
    (counts[0], counts[1..].to_vec())
}

#[test]
fn an_application_that_does_not_answer_is_asked_no_more() {
    let bridges = [1 << 20; 2].map(TestBridge::with_room);
    let config = Config {
        balance: Balance::Asked,
        ..config()
    };
    let reactor = start(config, &bridges);
    let clients: Vec<_> = (0..1030).map(|_| connect(reactor.local_addr())).collect();
    let told = |wanted: Event| {
        let events = bridges.iter().map(|bridge| {
            let shared = bridge.lock();
            let found = shared.events.iter().filter(|it| it.1 == wanted);
            found.count()
        });
        events.sum::<usize>()
    };
    while told(Event::Open) < 6 {
        thread::yield_now();
    }
    assert_eq!(told(Event::Assign), 1024);
    let (waiting, loads) = bridges[0]
        .lock()
        .events
        .iter()
        .fold((0, Vec::new()), |last, it| {
            if it.1 == Event::Assign {
                counts(&it.2)
            } else {
                last
            }
        });
    assert_eq!((waiting, loads), (1023, vec![0, 0]));
    for _ in 0..1024 {
        let one = 1_u32.to_le_bytes();
        bridges[0].command(&reactor.loops()[0], NOBODY, CommandKind::Assign, &one);
    }
    while told(Event::Open) < clients.len() {
        thread::yield_now();
    }
}
