//! A bridge in plain memory in place of JavaScript, and what else the tests of loops begin with.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use gev_reactor::{
    Address, Bridge, CodecFactory, Command, CommandKind, Config, ConnectionId, Counter, EventLoop,
    LoopHandle, Reactor, Turn,
};
use gev_session::{Config as SessionConfig, Event, Gauges, Loan};
use gev_wire::websocket::{Shared as WebSockets, WebSocket};
use gev_wire::{Codec, MessageKind, Outgoing, Raw};

pub(crate) type Commands = VecDeque<(ConnectionId, CommandKind, Vec<u8>)>;

/// Both ends of a bridge: the loop has one as its `Bridge`, the test another to look and command with.
#[derive(Clone, Default)]
pub(crate) struct TestBridge {
    pub(crate) shared: Arc<Mutex<Shared>>,
    /// The payload that was reserved last.
    reserved: Vec<u8>,
    unpublished: Vec<(ConnectionId, Event, Vec<u8>)>,
    current: Option<(ConnectionId, CommandKind, Vec<u8>)>,
}

#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) events: VecDeque<(ConnectionId, Event, Vec<u8>)>,
    pub(crate) commands: Commands,
    /// Payload bytes that fit; what is in `events` counts.
    pub(crate) room: usize,
    pub(crate) gauges: Vec<(u32, Gauges)>,
    /// By the numbers of what is counted, as far as something was.
    counted: Vec<u64>,
    /// How often the loop has rung.
    rings: usize,
    /// How often the loop's poll has ended.
    pub(crate) turns: usize,
    pub(crate) panic_at_message: bool,
}

impl Bridge for TestBridge {
    fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        if self.lock().room < self.unpublished_bytes() + len {
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
        self.lock().room >= self.unpublished_bytes() + gev_wire::PART_BYTES
    }

    fn publish(&mut self) -> bool {
        let bytes = self.unpublished_bytes();
        let unpublished = std::mem::take(&mut self.unpublished);
        let mut shared = self.lock();
        shared.room -= bytes;
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
        let is_loan = matches!(kind, CommandKind::SendLoan(_));
        Some(Command {
            id: *id,
            kind: *kind,
            payload,
            loan: is_loan.then(|| Loan::new(payload.clone())),
        })
    }

    fn hand_back(&mut self) {}

    fn prepare_sleep(&mut self) -> bool {
        self.lock().commands.is_empty()
    }

    fn awake(&mut self) {
        self.lock().turns += 1;
    }

    fn set_gauges(&mut self, slot: u32, gauges: Gauges) {
        self.lock().gauges.push((slot, gauges));
    }

    fn add(&mut self, counter: Counter, n: u64) {
        let counted = &mut self.lock().counted;
        counted.resize(Counter::ALL.len(), 0);
        counted[counter as usize] += n;
    }
}

/// More than the kernel takes for a client that does not read.
pub(crate) const OVERFILL: usize = 15 << 20;

impl TestBridge {
    pub(crate) fn with_room(room: usize) -> Self {
        let bridge = Self::default();
        bridge.lock().room = room;
        bridge
    }

    fn unpublished_bytes(&self) -> usize {
        let unpublished = self.unpublished.iter();
        unpublished.map(|(.., payload)| payload.len()).sum()
    }

    pub(crate) fn counted(&self, counter: Counter) -> u64 {
        let shared = self.lock();
        shared.counted.get(counter as usize).copied().unwrap_or(0)
    }

    /// Never sleeps for the lock: ThreadSanitizer does not see what std does then, and would take it for no lock at all.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Shared> {
        loop {
            match self.shared.try_lock() {
                Ok(shared) => return shared,
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => std::thread::yield_now(),
            }
        }
    }

    /// Waits for the next event, and makes room for another one like it. Looks once, and then after every ring.
    pub(crate) fn next(&self) -> (ConnectionId, Event, Vec<u8>) {
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
            std::thread::yield_now();
        }
    }

    pub(crate) fn command(
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
    pub(crate) fn overfill(&self, event_loop: &LoopHandle, id: ConnectionId) {
        let send = CommandKind::Send(Outgoing::whole(MessageKind::Binary));
        self.command(event_loop, id, send, &vec![0; OVERFILL]);
        let has_output = |shared: &Shared| {
            let some = 1..OVERFILL as u32;
            let of_this =
                |(slot, gauges): &(u32, Gauges)| *slot == id.slot && some.contains(&gauges.done);
            shared.gauges.iter().any(of_this)
        };
        while !has_output(&self.lock()) {
            std::thread::yield_now();
        }
    }

    /// Collects the bytes of `n` message bytes of one connection.
    pub(crate) fn bytes(&self, n: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < n {
            let (_, event, payload) = self.next();
            if event == Event::Announced {
                continue;
            }
            assert!(matches!(event, Event::Message(_)), "{event:?}");
            bytes.extend(payload);
        }
        bytes
    }
}

/// A loop without a thread, and its clients.
pub(crate) struct Driven {
    pub(crate) bridge: TestBridge,
    pub(crate) reactor: Reactor,
    pub(crate) event_loop: EventLoop<TestBridge>,
}

impl Driven {
    pub(crate) fn new(config: Config, room: usize) -> Self {
        let bridge = TestBridge::with_room(room);
        let (reactor, event_loop) = Reactor::start_driven(config, bridge.clone()).unwrap();
        Self {
            bridge,
            reactor,
            event_loop,
        }
    }

    pub(crate) fn turn(&mut self) {
        let turn = self.event_loop.turn(Some(Duration::ZERO)).unwrap();
        assert_eq!(turn, Turn::Running);
    }

    /// Turns until the next event.
    pub(crate) fn next(&mut self) -> (ConnectionId, Event) {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some((id, event, _)) = self.taken() {
                return (id, event);
            }
            assert!(Instant::now() < end, "no event in time");
            self.turn();
        }
    }

    /// An event that is there.
    pub(crate) fn taken(&self) -> Option<(ConnectionId, Event, Vec<u8>)> {
        let mut shared = self.bridge.lock();
        let event = shared.events.pop_front()?;
        shared.room += event.2.len();
        Some(event)
    }

    pub(crate) fn enter(&mut self) -> (TcpStream, ConnectionId) {
        let client = connect(self.reactor.local_addr());
        let (id, event) = self.next();
        assert_eq!(event, Event::Open);
        (client, id)
    }

    /// Gives the loop a message to send.
    pub(crate) fn send(&self, id: ConnectionId, message: Vec<u8>) {
        let send = CommandKind::Send(Outgoing::whole(MessageKind::Binary));
        self.command(id, send, message);
    }

    pub(crate) fn command(&self, id: ConnectionId, kind: CommandKind, payload: Vec<u8>) {
        self.bridge.lock().commands.push_back((id, kind, payload));
    }
}

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// Raw TCP.
pub(crate) fn config() -> Config {
    speaking(Arc::new(|| Box::new(|| Box::new(Raw::default()))))
}

pub(crate) fn web_sockets() -> Config {
    speaking(Arc::new(|| Box::new(web_socket)))
}

pub(crate) fn speaking(codec: CodecFactory) -> Config {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    Config::new(any, codec)
}

/// With these limits and times of connections.
pub(crate) fn with_session(mut config: Config, session: SessionConfig) -> Config {
    config.listeners[0].connection.session = Arc::new(session);
    config
}

pub(crate) fn web_socket() -> Box<dyn Codec> {
    Box::new(WebSocket::new(WebSockets::new(Arc::default())))
}

pub(crate) fn connect(address: &Address) -> TcpStream {
    let client = TcpStream::connect(address.socket_addr().unwrap()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}
