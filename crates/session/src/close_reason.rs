//! Why a connection ended.

use gev_wire::{Close, CloseCause, CloseCode};

/// How a connection ended, as its handler is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseReason {
    /// Code and text of the close frame that decided, or those that stand for the lack of one (1005, 1006).
    pub close: Close,
    /// What started the end.
    pub cause: CloseCause,
    /// True when the codec's own goodbye was complete: both close frames of a WebSocket, the end of input of TCP.
    pub was_clean: bool,
}

impl CloseReason {
    /// An end without a goodbye: 1006 (RFC 6455 section 7.1.5).
    #[must_use]
    pub fn abnormal(cause: CloseCause, text: impl Into<String>) -> Self {
        Self::unclean(Close::new(CloseCode::ABNORMAL, text), cause)
    }

    /// An end that the peer has not agreed to, or not yet.
    #[must_use]
    pub fn unclean(close: Close, cause: CloseCause) -> Self {
        Self {
            close,
            cause,
            was_clean: false,
        }
    }
}
