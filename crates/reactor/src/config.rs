//! What a reactor is told when it starts.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gev_wire::Protocol;

use crate::admission::AdmissionLimits;

/// Settings of a [`Reactor`](crate::Reactor). All limits are per connection unless they say otherwise.
#[derive(Clone)]
pub struct Config {
    /// Where to listen.
    pub address: SocketAddr,
    /// Connections that the kernel keeps ready for `accept`.
    pub backlog: i32,
    /// Share the port with other sockets that want to share it; otherwise a port in use is an error.
    pub reuse_port: bool,
    /// How connections come to loops.
    pub balance: Balance,
    /// Makes the codecs of a loop's connections.
    pub protocol: ProtocolFactory,
    /// Time from accept to open.
    pub handshake_timeout: Duration,
    /// Time from the start of a close to the end of the connection.
    pub close_timeout: Duration,
    /// Timeouts of open connections.
    pub timeouts: Timeouts,
    /// Most pings and pongs that a peer may send in a second; 0 for no limit.
    pub max_controls_per_second: u32,
    /// Most messages that a peer may send in a second, where the protocol asks; 0 for no limit.
    pub max_messages_per_second: u32,
    /// Who may come in; others are closed as soon as they are accepted.
    pub admission: AdmissionLimits,
    /// Most bytes for the socket that the kernel has not taken. One whose answers to the peer exceed it by more than
    /// `read_buffer_bytes` is closed; what the application sends is its own affair.
    pub max_buffered_bytes: usize,
    /// Most bytes that all connections hold together, in and out; 0 for no limit.
    pub max_memory_bytes: u64,
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
    /// SO_SNDBUF of every connection; 0 leaves it to the system.
    pub send_buffer_bytes: usize,
    /// SO_RCVBUF of every connection; 0 leaves it to the system.
    pub receive_buffer_bytes: usize,
    /// Send small messages at once (TCP_NODELAY).
    pub no_delay: bool,
    /// Time without traffic after which the kernel probes a peer; zero for never.
    pub keep_alive: Duration,
}

/// Called once for each loop, gives what makes the codec of each of that loop's connections.
pub type ProtocolFactory = Arc<dyn Fn() -> ProtocolMaker + Send + Sync>;

/// Makes the codec of a new connection of one loop.
pub type ProtocolMaker = Box<dyn Fn() -> Box<dyn Protocol> + Send>;

/// How long an open connection may be silent, and how old it may get. Zero means for ever.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// Closed when nothing was received for this time.
    pub idle_read: Duration,
    /// Closed when the kernel has taken nothing to send for this time.
    pub idle_write: Duration,
    /// Closed when neither happened for this time.
    pub idle_all: Duration,
    /// Pinged when nothing was received for this time.
    pub ping_interval: Duration,
    /// Cut when nothing was received for this time after a ping.
    pub pong_timeout: Duration,
    /// Cut when there is something to send and the kernel has taken nothing of it for this time.
    pub write_stall: Duration,
    /// Closed at this age.
    pub max_lifetime: Duration,
}

/// How new connections are spread over the loops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balance {
    /// Each loop has a listener of its own and the kernel picks one (SO_REUSEPORT; Linux and FreeBSD).
    Kernel,
    /// The first loop accepts and deals sockets out in turn.
    RoundRobin,
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
    /// Defaults for everything but the protocol.
    pub fn new(address: SocketAddr, protocol: ProtocolFactory) -> Self {
        Self {
            address,
            backlog: 1024,
            reuse_port: false,
            balance: Balance::DEFAULT,
            protocol,
            handshake_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(10),
            timeouts: Timeouts::default(),
            max_controls_per_second: 1000,
            max_messages_per_second: 0,
            admission: AdmissionLimits {
                connections: 65_536,
                per_address: 0,
                per_address_and_second: 0,
            },
            max_buffered_bytes: 16 << 20,
            max_memory_bytes: 0,
            read_buffer_bytes: 128 * 1024,
            read_budget_bytes: 256 * 1024,
            poll_events: 1024,
            accept_budget: 64,
            command_budget_bytes: 1 << 20,
            pool_bytes: 1 << 20,
            send_buffer_bytes: 0,
            receive_buffer_bytes: 0,
            no_delay: true,
            keep_alive: Duration::from_secs(60),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("address", &self.address)
            .field("balance", &self.balance)
            .finish_non_exhaustive()
    }
}
