//! Connections on sockets of the loopback, without a loop around them. On Unix, where a socket's error can be taken.

#![cfg(unix)]

use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream as Client};
use std::time::Duration;

use gev_session::{MemoryBudget, Share};
use gev_wire::Raw;
use mio::net::TcpStream;
use socket2::SockRef;

use super::*;
use crate::admission::{Admission, AdmissionLimits};
use crate::system_clock::SystemClock;

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

    fn hand_back(&mut self) {}

    fn next_command(&mut self) -> Option<Command<'_>> {
        None
    }

    fn prepare_sleep(&mut self) -> bool {
        true
    }

    fn awake(&mut self) {}

    fn set_gauges(&mut self, _: u32, _: Gauges) {}

    fn add(&mut self, _: Counter, _: u64) {}
}

/// What a connection is tested with.
struct Stage {
    bridge: Told,
    pools: Pools,
    connection: Connection,
    client: Option<Client>,
}

impl Stage {
    /// An open connection of raw TCP.
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let local = listener.local_addr().unwrap();
        let client = Client::connect(local).unwrap();
        let (socket, remote) = listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        let now = Instant::now();
        let admission = Arc::new(Admission::new(AdmissionLimits {
            connections: 1,
            per_address: 0,
            per_address_and_second: 0,
        }));
        let admitted = admission.admit(Some(remote.ip()), now).unwrap();
        let config = Arc::<Config>::default();
        let share = Share::new(&Arc::new(MemoryBudget::new(0)));
        let socket = Socket::Tcp(TcpStream::from_std(socket));
        let connection = Connection::new(
            ConnectionId {
                slot: 0,
                generation: 0,
            },
            (
                socket,
                Addresses::new(remote.into(), local.into()),
                admitted,
            ),
            Session::new(Box::new(Raw::default()), &config, share, now),
            config,
        );
        let mut stage = Self {
            bridge: Told::default(),
            pools: Pools::new(0, Box::new(SystemClock::default())),
            connection,
            client: Some(client),
        };
        assert_eq!(stage.fill(), Next::Wait);
        assert_eq!(stage.bridge.events, [Event::Open]);
        stage
    }

    fn fill(&mut self) -> Next {
        self.connection.fill(&mut Surroundings {
            bridge: &mut self.bridge,
            read_buffer: &mut [0; 64],
            read_budget: 1024,
            pools: &mut self.pools,
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
        self.connection.ready.readable = true;
        self.connection.ready.is_broken = true;
    }

    /// The peer ends its side, and the handler is told.
    fn end(&mut self) {
        let client = self.client.as_ref().unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        self.bridge.events.clear();
        while self.bridge.events.is_empty() {
            self.connection.ready.readable = true;
            assert_eq!(self.fill(), Next::Wait);
        }
        assert_eq!(self.bridge.events, [Event::End]);
    }

    /// The application closes.
    fn close(&mut self) {
        let close = Command {
            id: self.connection.id,
            kind: CommandKind::Close,
            payload: &[],
            loan: None,
        };
        let Self {
            connection, pools, ..
        } = self;
        let next = connection.run(close, Instant::now(), &Protocols::default(), pools);
        assert_eq!((next, connection.flush(pools)), (Next::Wait, Next::Wait));
    }
}

/// What reads from a socket like this gives is 0, as after a FIN.
#[test]
fn a_reset_is_no_goodbye_even_if_its_error_is_gone() {
    type Before = fn(&mut Stage);
    let befores: [(&str, Before, CloseCause); 3] = [
        ("open", |_| {}, CloseCause::Reset),
        ("ended by the peer", Stage::end, CloseCause::Reset),
        ("closed from here", Stage::close, CloseCause::Local),
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
