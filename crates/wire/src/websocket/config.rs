//! Settings of the WebSocket protocol, and what connections share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::websocket::deflate::{Deflate, Pool};

/// What the connections of one event loop share.
#[derive(Debug)]
pub struct Shared {
    pub(crate) config: Arc<Config>,
    /// Used by one thread, the loop's.
    pool: Mutex<Pool>,
}

/// Limits and settings that the connections of a server share.
#[derive(Debug, Clone)]
pub struct Config {
    /// Largest message in bytes of payload, all fragments together. Default 16 MiB; 0 for no limit.
    pub max_message_bytes: u64,
    /// Most frames that one message may consist of, empty ones included. Default 16384; 0 for no limit.
    pub max_fragments: u32,
    /// Largest payload of one frame, in bytes. Default 0: no limit but that for the message.
    pub max_frame_bytes: u64,
    /// Largest head of a request, from the method to the empty line. Default 16 KiB. There has to be room for as
    /// many bytes wherever the caller keeps what `decode` leaves in the input.
    pub max_header_bytes: usize,
    /// Most header lines of a request. Default 100.
    pub max_headers: usize,
    /// HTML that answers plain HTTP requests for `/`. Default `None`: they are told to upgrade.
    pub page: Option<Vec<u8>>,
    /// The only path that can be upgraded; a query behind it does not matter. Default `None`: every path.
    pub path: Option<String>,
    /// Values of the `Origin` header (RFC 6454) that may upgrade, in whatever case. Requests without one come from no
    /// browser and may always. Default `None`: every origin.
    pub origins: Option<Vec<String>>,
    /// Subprotocols: the first one offered by the client that is among them is chosen. Default: none.
    pub subprotocols: Vec<String>,
    /// Ask the application about every request to upgrade that is all right. Default false: it is accepted.
    pub ask_upgrades: bool,
    /// Ask the application about every other request. Default false: it is answered with the page or a refusal.
    pub ask_requests: bool,
    /// Hand over what has come of a message at the end of every frame and of every input, instead of collecting parts of a
    /// decent size. Default false.
    pub eager_parts: bool,
    /// Tell the application of pings. Default false.
    pub tell_pings: bool,
    /// Tell the application of pongs. Default false.
    pub tell_pongs: bool,
    /// Compression, where the client wants it. Default `None`.
    pub deflate: Option<Deflate>,
}

impl Shared {
    /// What the connections of one more loop share.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Arc<Self> {
        Arc::new(Self {
            config,
            pool: Mutex::default(),
        })
    }

    pub(crate) fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Settings of permessage-deflate, where it was agreed on.
    pub(crate) fn deflate(&self) -> &Deflate {
        let deflate = self.config.deflate.as_ref();
        deflate.expect("Bug: compression that was not configured")
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_message_bytes: 16 * 1024 * 1024,
            max_fragments: 16 * 1024,
            max_frame_bytes: 0,
            max_header_bytes: 16 * 1024,
            max_headers: 100,
            page: None,
            path: None,
            origins: None,
            subprotocols: Vec::new(),
            ask_upgrades: false,
            ask_requests: false,
            eager_parts: false,
            tell_pings: false,
            tell_pongs: false,
            deflate: None,
        }
    }
}
