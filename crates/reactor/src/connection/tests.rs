//! Connections on sockets of the loopback, without a loop around them. On Unix, where a socket's error can be taken.

#![cfg(unix)]

use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream as Client};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gev_wire::Raw;
use socket2::SockRef;

use super::*;
use crate::admission::Admission;
use crate::bridge::{Bridge, Command};
use crate::close_reason::CloseCause;
use crate::http_date::HttpDate;
use crate::memory_budget::MemoryBudget;

/// Keeps the events of the connection.
#[derive(Default)]
struct Told {
    payload: Vec<u8>,
    events: Vec<Event>,
}

impl Bridge for Told {
    fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        self.payload = vec![0; len];
        Some(&mut self.payload)
    }

    fn shorten(&mut self, len: usize) {
        self.payload.truncate(len);
    }

    fn commit(&mut self, _: ConnectionId, event: Event) {
        self.events.push(event);
    }

    fn has_room(&mut self) -> bool {
        true
    }

    fn publish(&mut self) -> bool {
        false
    }

    fn ring(&mut self) {}

    fn next_command(&mut self) -> Option<Command<'_>> {
        None
    }

    fn prepare_sleep(&mut self) -> bool {
        true
    }

    fn awake(&mut self) {}

    fn set_gauges(&mut self, _: u32, _: Gauges) {}
}

/// What a connection is tested with.
struct Stage {
    config: Config,
    bridge: Told,
    pools: Pools,
    connection: Connection,
    client: Option<Client>,
}

impl Stage {
    /// An open connection of the raw protocol.
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let local = listener.local_addr().unwrap();
        let client = Client::connect(local).unwrap();
        let (socket, remote) = listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        let maker = || -> Box<dyn Protocol> { Box::new(Raw::default()) };
        let config = Config::new(local, Arc::new(move || Box::new(maker)));
        let now = Instant::now();
        let admission = Arc::new(Admission::new(config.admission));
        let admitted = admission.admit(remote.ip(), now).unwrap();
        let connection = Connection::new(
            ConnectionId {
                slot: 0,
                generation: 0,
            },
            (
                TcpStream::from_std(socket),
                Addresses { remote, local },
                admitted,
            ),
            maker(),
            &config,
            Share::new(&Arc::new(MemoryBudget::new(0))),
            now,
        );
        let pools = Pools {
            chunks: ChunkPool::new(0),
            rings: Vec::new(),
            date: HttpDate::default(),
        };
        let mut stage = Self {
            config,
            bridge: Told::default(),
            pools,
            connection,
            client: Some(client),
        };
        assert_eq!(stage.fill(), Next::Wait);
        assert_eq!(stage.bridge.events, [Event::Open]);
        stage
    }

    fn fill(&mut self) -> Next {
        let mut read_buffer = [0; 64];
        self.connection.fill(&mut Surroundings {
            bridge: &mut self.bridge,
            read_buffer: &mut read_buffer,
            pools: &mut self.pools,
            config: &self.config,
            now: Instant::now(),
            rank: Rank::Any,
        })
    }

    /// The peer resets the connection and an event says so, yet the socket's error has been taken by somebody else.
    fn reset(&mut self) {
        let client = self.client.take().unwrap();
        SockRef::from(&client)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(client);
        while self.connection.socket.take_error().unwrap().is_none() {
            std::thread::yield_now();
        }
        self.connection.readable = true;
        self.connection.is_broken = true;
    }

    /// The peer ends its side, and the handler is told.
    fn end(&mut self) {
        let client = self.client.as_ref().unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        self.bridge.events.clear();
        while self.bridge.events.is_empty() {
            self.connection.readable = true;
            assert_eq!(self.fill(), Next::Wait);
        }
        assert_eq!(self.bridge.events, [Event::End]);
    }
}

/// What reads from a socket like this gives is 0, as after a FIN.
#[test]
fn a_reset_is_no_goodbye_even_if_its_error_is_gone() {
    let close = |stage: &mut Stage| {
        let deadline = Instant::now() + Duration::from_secs(10);
        let Stage {
            connection, pools, ..
        } = stage;
        connection.close(Close::new(1000, ""), CloseCause::Local, deadline, pools);
        assert_eq!(connection.flush(pools), Next::Wait);
    };
    type Before<'a> = &'a dyn Fn(&mut Stage);
    let befores: [(&str, Before<'_>, CloseCause); 3] = [
        ("open", &|_| {}, CloseCause::Reset),
        ("ended by the peer", &Stage::end, CloseCause::Reset),
        ("closed from here", &close, CloseCause::Local),
    ];
    for (name, before, cause) in befores {
        let mut stage = Stage::new();
        before(&mut stage);
        stage.reset();
        let Next::Gone(reason) = stage.fill() else {
            panic!("{name}: not gone");
        };
        assert_eq!((reason.cause, reason.was_clean), (cause, false), "{name}");
    }
}
