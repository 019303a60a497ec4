//! Where a socket is.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

/// The address of a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// IP address and port.
    Ip(SocketAddr),
    /// A path in the file system; one that begins with a zero byte is an abstract name (Linux), an empty one none.
    Unix(Arc<Path>),
}

impl Address {
    /// IP address and port, if it has those.
    #[must_use]
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// The IP address, if it has one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.socket_addr().map(|address| address.ip())
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Ip(address)
    }
}
