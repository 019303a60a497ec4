//! What a reactor is told when it starts: where it listens, and what its loops and its connections are configured with.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gev_wire::{Codec, ProxyMode};

use crate::address::Address;
use crate::admission::AdmissionLimits;
use crate::network::Network;

/// Settings of a [`Reactor`](crate::Reactor).
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen, and for what. At least one.
    pub listeners: Vec<ListenerConfig>,
    /// How connections come to loops.
    pub balance: Balance,
    /// The pool of reactors that these loops are a part of, by its number, and which part.
    pub pool: Option<(u32, PoolPart)>,
    /// Who may come in; others are closed as soon as they are accepted.
    pub admission: AdmissionLimits,
    /// Most bytes that all connections hold together, in and out; 0 for no limit.
    pub max_memory_bytes: u64,
    /// Has each loop's thread run on one CPU.
    pub pin: Option<Pin>,
    /// Of each loop.
    pub event_loop: LoopConfig,
}

/// Called on the thread of the loop with this index, has it run on one CPU from then on, and says which.
pub type Pin = fn(usize) -> Option<usize>;

/// What one loop is configured with.
#[derive(Debug, Clone)]
pub struct LoopConfig {
    /// Size of the loop's read buffer, and so of one `read`.
    pub read_buffer_bytes: usize,
    /// Bytes read from one connection in one turn, after which it is the others' turn.
    pub read_budget_bytes: usize,
    /// Events taken from the kernel at a time.
    pub poll_events: usize,
    /// Connections accepted in one turn.
    pub accept_budget: usize,
    /// Payload bytes of commands taken in one turn.
    pub command_budget_bytes: usize,
    /// Unused output chunks that the loop keeps.
    pub pool_bytes: usize,
}

/// What one listener is configured with, and with it the sockets that it accepts.
#[derive(Debug, Clone)]
pub struct ListenerConfig {
    /// Where to listen.
    pub address: Address,
    /// Who may connect to a unix socket, as the mode of its file; what the process makes files with when there is none.
    pub mode: Option<u32>,
    /// Connections that the kernel keeps ready for `accept`.
    pub backlog: i32,
    /// Share the port with other sockets that want to share it; otherwise a port in use is an error.
    pub reuse_port: bool,
    /// SO_SNDBUF of every connection; 0 leaves it to the system.
    pub send_buffer_bytes: usize,
    /// SO_RCVBUF of every connection; 0 leaves it to the system.
    pub receive_buffer_bytes: usize,
    /// Send small messages at once (TCP_NODELAY).
    pub no_delay: bool,
    /// Time without traffic after which the kernel probes a peer; zero for never.
    pub keep_alive: Duration,
    /// Who may say for whom they connect.
    pub proxy: ProxyConfig,
    /// Of those who come in here.
    pub connection: ConnectionConfig,
}

/// Whether headers of the PROXY protocol are expected, and from whom. Those of a unix socket are trusted.
#[derive(Debug, Clone, Default)]
pub struct ProxyConfig {
    /// `None` where headers mean nothing.
    pub mode: Option<ProxyMode>,
    /// Where proxies are that can be trusted. From elsewhere an optional header means nothing, and where one is required
    /// nobody may come in.
    pub trusted: Vec<Network>,
}

/// What the connections of one listener are configured with.
#[derive(Clone)]
pub struct ConnectionConfig {
    /// Makes their codecs.
    pub codec: CodecFactory,
    /// Their limits and times.
    pub session: Arc<gev_session::Config>,
}

/// Called once for each loop, gives what makes the codec of each of that loop's connections.
pub type CodecFactory = Arc<dyn Fn() -> CodecMaker + Send + Sync>;

/// Makes the codec of a new connection of one loop.
pub type CodecMaker = Box<dyn Fn() -> Box<dyn Codec> + Send>;

/// How new connections are spread over the loops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balance {
    /// Each loop has a listener of its own and the kernel picks one (SO_REUSEPORT; Linux and FreeBSD). A loop with a quarter
    /// more connections than the mean, and eight, hands new ones on to the one that has the fewest.
    Kernel,
    /// The first loop accepts and deals sockets out in turn.
    RoundRobin,
    /// The first loop accepts; who has the fewest connections, those that are on their way to it included, gets the next one.
    LeastConnections,
    /// The first loop accepts; connections of one address go to the same loop.
    SourceHash,
    /// The first loop accepts; nobody knows where the next one goes.
    Random,
    /// The first loop accepts, and the application says where each goes: [`Event::Assign`](gev_session::Event::Assign),
    /// [`CommandKind::Assign`](crate::CommandKind::Assign).
    Asked,
}

/// What a reactor is to a pool of them, which serves one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolPart {
    /// It listens, with one loop, and keeps no connection.
    Acceptor,
    /// It does not listen, and gets connections of the acceptor. It has one loop, and a number that no other one has.
    Member(u32),
}

impl Balance {
    /// What this platform can do, at best.
    pub const DEFAULT: Self = if cfg!(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd"
    )) {
        Self::Kernel
    } else {
        Self::RoundRobin
    };
}

impl Config {
    /// Defaults for everything but one address and what is spoken there.
    pub fn new(address: impl Into<Address>, codec: CodecFactory) -> Self {
        Self {
            listeners: vec![ListenerConfig::new(address, codec)],
            balance: Balance::DEFAULT,
            pool: None,
            admission: AdmissionLimits {
                connections: 65_536,
                per_address: 0,
                per_address_and_second: 0,
            },
            max_memory_bytes: 0,
            pin: None,
            event_loop: LoopConfig::default(),
        }
    }
}

impl ListenerConfig {
    /// Defaults for everything but the address and what is spoken there.
    pub fn new(address: impl Into<Address>, codec: CodecFactory) -> Self {
        Self {
            address: address.into(),
            mode: None,
            backlog: 1024,
            reuse_port: false,
            send_buffer_bytes: 0,
            receive_buffer_bytes: 0,
            no_delay: true,
            keep_alive: Duration::from_secs(60),
            proxy: ProxyConfig::default(),
            connection: ConnectionConfig {
                codec,
                session: Arc::default(),
            },
        }
    }
}

impl ProxyConfig {
    /// What holds for a connection from there.
    pub(crate) fn mode_of(&self, peer: &Address) -> Option<ProxyMode> {
        let is_trusted = |ip| self.trusted.iter().any(|network| network.contains(ip));
        match self.mode? {
            mode if peer.ip().is_none_or(is_trusted) => Some(mode),
            ProxyMode::Optional => None,
            ProxyMode::Required | ProxyMode::Untrusted => Some(ProxyMode::Untrusted),
        }
    }
}

impl Default for LoopConfig {
    fn default() -> Self {
        Self {
            read_buffer_bytes: 128 * 1024,
            read_budget_bytes: 256 * 1024,
            poll_events: 1024,
            accept_budget: 64,
            command_budget_bytes: 1 << 20,
            pool_bytes: 1 << 20,
        }
    }
}

impl fmt::Debug for ConnectionConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionConfig")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}
