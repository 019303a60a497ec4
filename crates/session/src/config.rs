//! What a connection is configured with.

use std::time::Duration;

/// Limits and times of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Time from accept to open.
    pub handshake_timeout: Duration,
    /// Time from the start of a close to the end of the connection.
    pub close_timeout: Duration,
    /// Timeouts of open connections.
    pub timeouts: Timeouts,
    /// Most pings and pongs that a peer may send in a second; 0 for no limit.
    pub max_controls_per_second: u32,
    /// Most messages that a peer may send in a second, where the codec asks; 0 for no limit.
    pub max_messages_per_second: u32,
    /// Most bytes for the socket that it has not taken. One whose answers to the peer exceed it by more than
    /// `max_read_bytes` is closed; what the application sends is its own affair.
    pub max_buffered_bytes: usize,
    /// Most bytes that are received at a time.
    pub max_read_bytes: usize,
    /// Nothing is decoded behind the opening, and behind each message, before the application has said so: see
    /// [`Session::step`](crate::Session::step). For codecs that open before the first byte.
    pub stepwise: bool,
}

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
    /// Closed when a frame has begun and has not come to its end for this time, where the codec has such frames.
    pub frame: Duration,
    /// Closed at this age.
    pub max_lifetime: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(10),
            timeouts: Timeouts::default(),
            max_controls_per_second: 1000,
            max_messages_per_second: 0,
            max_buffered_bytes: 16 << 20,
            max_read_bytes: 128 * 1024,
            stepwise: false,
        }
    }
}
