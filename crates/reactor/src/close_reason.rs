//! Why a connection ended.

use gev_wire::Close;

/// How a connection ended, as its handler is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseReason {
    /// Code and text of the close frame that decided, or those that stand for the lack of one (1005, 1006).
    pub close: Close,
    /// What started the end.
    pub cause: CloseCause,
    /// True when the protocol's own goodbye was complete: both close frames of a WebSocket, the end of input of TCP.
    pub was_clean: bool,
}

/// What started the end of a connection. The numbers travel in close events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum CloseCause {
    /// The peer closed.
    Peer = 0,
    /// `close()` or `destroy()` was called here.
    Local = 1,
    /// The peer broke the rules of the protocol.
    Protocol = 2,
    /// A limit was exceeded, such as `maxBufferedBytes` or `maxLifetimeMs`.
    Limit = 3,
    /// The socket failed: reset by the peer, timed out in the kernel, unreachable.
    Reset = 4,
    /// The peer did not do its part in time: handshake, pong or close.
    Timeout = 5,
    /// A handler threw.
    Handler = 6,
    /// The server was stopped.
    Stop = 7,
    /// The event loop failed: a bug in gev.
    Internal = 8,
    /// Nothing was received or sent for too long.
    Idle = 9,
    /// The peer has taken nothing of what is sent to it for too long.
    Stalled = 10,
}

impl CloseReason {
    /// An end without a goodbye: 1006 (RFC 6455 section 7.1.5).
    #[must_use]
    pub fn abnormal(cause: CloseCause, text: impl Into<String>) -> Self {
        Self {
            close: Close::new(1006, text),
            cause,
            was_clean: false,
        }
    }
}
