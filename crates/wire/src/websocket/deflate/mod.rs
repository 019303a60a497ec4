//! permessage-deflate (RFC 7692), the server's side.
//!
//! ```text
//!   offers in the request --negotiation--> Agreed --> Compression (one for each connection)
//!                                                        |  `-- inflater, deflater: its own, or
//!                                                        `----- borrowed from the loop's Pool for one message
//! ```
//!
//! Invariants: a connection that has agreed on no context takeover owns no compressor while no message is half way;
//! what is inflated never exceeds the room that the caller gives; what dedicated compressors of all connections may
//! take is reserved from one [`Budget`] before they are agreed on.

mod compression;
mod negotiation;
mod pool;

pub(crate) use compression::{Compression, Piece};
pub(crate) use negotiation::{Agreed, agree};
pub use pool::Budget;
pub(crate) use pool::Pool;

use std::sync::Arc;

/// Settings of permessage-deflate.
#[derive(Debug, Clone)]
pub struct Deflate {
    /// Who has the compressors.
    pub mode: DeflateMode,
    /// Messages of fewer payload bytes are sent as they are, unless their sender wants otherwise. Default 1024.
    pub threshold: u64,
    /// How hard to compress: 0 (not at all) to 9.
    pub level: u8,
    /// Memory for compressing: 1 to 9. Default 8.
    pub mem_level: u8,
    /// Compress each message by itself also with a compressor of the connection's own. Default false.
    pub server_no_context_takeover: bool,
    /// Have clients compress each message by itself, also those of connections with a decompressor of their own. Default
    /// false.
    pub client_no_context_takeover: bool,
    /// Largest window for compressing, as a power of two: 9 to 15. Default 15.
    pub server_max_window_bits: u8,
    /// Largest window for what clients compress, as a power of two, where they let us choose: 9 to 15. Default 15.
    pub client_max_window_bits: u8,
    /// What the compressors of connections may take together; [`DeflateMode::Dedicated`] only.
    pub budget: Arc<Budget>,
    /// What the loops' decompressors may take that are lent to connections for messages that are half way in.
    pub borrowed: Arc<Budget>,
}

/// Who has the compressors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeflateMode {
    /// The event loop: each message is compressed by itself (no context takeover, in both directions), and connections
    /// own nothing.
    Shared,
    /// Each connection, as long as the budget lasts: messages may refer to those before them.
    Dedicated,
}

impl Deflate {
    /// Defaults, with two budgets of this many bytes.
    #[must_use]
    pub fn new(mode: DeflateMode, budget_bytes: u64) -> Self {
        Self {
            mode,
            threshold: 1024,
            level: 1,
            mem_level: 8,
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
            budget: Arc::new(Budget::new(budget_bytes)),
            borrowed: Arc::new(Budget::new(budget_bytes)),
        }
    }
}
