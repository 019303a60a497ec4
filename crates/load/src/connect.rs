//! Opens connections, one after the other, and does the WebSocket upgrade.
//!
//! Blocking and sequential on purpose: no backlog can overflow, and the time it takes is not measured.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
#[cfg(unix)]
use std::path::Path;
use std::time::Duration;

#[cfg(unix)]
use socket2::SockAddr;
use socket2::{Domain, Socket, Type};

use crate::args::Protocol;
use crate::deflate::Agreed;
use crate::limits;
use crate::target::Target;
use crate::upgrade::{self, UpgradeError};

/// A connection that is ready for messages, and does not block.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) socket: Socket,
    /// What was agreed on, if messages are compressed.
    pub(crate) deflate: Option<Agreed>,
}

/// A connection that could not be opened.
#[derive(Debug)]
pub(crate) struct ConnectError {
    /// Connections that were opened before it.
    opened: usize,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Io(io::Error),
    Upgrade(UpgradeError),
}

/// How much the kernel keeps for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Buffers {
    Usual,
    /// As little as a peer far away would have it keep: few bytes that this side has not read, and, since segments are small,
    /// few that the server's side has not sent. The server has to keep the rest itself.
    Small,
}

/// Opens `count` connections.
pub(crate) fn open(
    target: &Target,
    protocol: Protocol,
    count: usize,
    buffers: Buffers,
) -> Result<Vec<Opened>, ConnectError> {
    limits::make_room_for(count).map_err(|error| ConnectError {
        opened: 0,
        cause: error.into(),
    })?;
    let mut all = Vec::with_capacity(count);
    for index in 0..count {
        let opened = open_one(target, protocol, index, buffers).map_err(|cause| ConnectError {
            opened: index,
            cause,
        })?;
        all.push(opened);
    }
    Ok(all)
}

fn open_one(
    target: &Target,
    protocol: Protocol,
    index: usize,
    buffers: Buffers,
) -> Result<Opened, Cause> {
    let mut socket = match target {
        Target::Tcp(address) => connect_tcp(*address, source(*address, index), buffers)?,
        #[cfg(unix)]
        Target::Unix(path) => connect_unix(path)?,
    };
    let deflate = match protocol {
        Protocol::Tcp | Protocol::Framed(_) => None,
        Protocol::WebSocket | Protocol::Deflate => {
            upgrade::upgrade(&mut socket, target, protocol == Protocol::Deflate)
                .map_err(Cause::Upgrade)?
        }
    };
    socket.set_nonblocking(true)?;
    Ok(Opened { socket, deflate })
}

fn connect_tcp(
    target: SocketAddr,
    source: Option<SocketAddr>,
    buffers: Buffers,
) -> io::Result<Socket> {
    let socket = blocking(Domain::for_address(target))?;
    if buffers == Buffers::Small {
        socket.set_recv_buffer_size(SMALL_BUFFER)?;
        #[cfg(unix)]
        socket.set_tcp_mss(SMALL_SEGMENT)?;
    }
    if let Some(source) = source {
        socket.bind(&source.into())?;
    }
    socket.set_tcp_nodelay(true)?;
    socket.connect_timeout(&target.into(), TIMEOUT)?;
    Ok(socket)
}

/// Waits as long as writing may when the backlog is full.
#[cfg(unix)]
fn connect_unix(path: &Path) -> io::Result<Socket> {
    let socket = blocking(Domain::UNIX)?;
    socket.connect(&SockAddr::unix(path)?)?;
    Ok(socket)
}

fn blocking(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::STREAM, None)?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    socket.set_write_timeout(Some(TIMEOUT))?;
    Ok(socket)
}

/// From where the connection number `index` comes: for a target on this machine another address of 127.0.0.0/8 for every
/// [`PER_SOURCE`] connections, because an address has not enough ports for all. `None`: the system chooses.
fn source(target: SocketAddr, index: usize) -> Option<SocketAddr> {
    let addresses_used = index / PER_SOURCE;
    if addresses_used == 0 || !matches!(target.ip(), IpAddr::V4(ip) if ip.is_loopback()) {
        return None;
    }
    let host = u32::from(Ipv4Addr::LOCALHOST) + u32::try_from(addresses_used).ok()?;
    Some(SocketAddr::new(Ipv4Addr::from(host).into(), 0))
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot open connection {}: ", self.opened + 1)?;
        match &self.cause {
            Cause::Io(error) => error.fmt(f),
            Cause::Upgrade(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ConnectError {}

/// For each step of opening a connection, and as long as it blocks.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What [`Buffers::Small`] leaves unread in the kernel, in bytes.
const SMALL_BUFFER: usize = 4096;

/// A segment as on an Ethernet, in bytes.
#[cfg(unix)]
const SMALL_SEGMENT: u32 = 1460;

/// Connections from one address. Linux has 28,232 ports for them by default, and other processes use some.
const PER_SOURCE: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_change_before_the_ports_run_out() {
        let here: SocketAddr = "127.0.0.1:80".parse().unwrap();
        let elsewhere: SocketAddr = "192.0.2.1:80".parse().unwrap();
        assert_eq!(source(here, 19_999), None);
        assert_eq!(source(here, 20_000), "127.0.0.2:0".parse().ok());
        assert_eq!(source(here, 59_999), "127.0.0.3:0".parse().ok());
        assert_eq!(source(elsewhere, 59_999), None);
    }

    #[test]
    fn a_refused_connection_is_an_error() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let target = Target::Tcp(listener.local_addr().unwrap());
        drop(listener);
        let error = open(&target, Protocol::Tcp, 2, Buffers::Usual).unwrap_err();
        assert_eq!(error.opened, 0);
    }

    #[cfg(unix)]
    #[test]
    fn a_path_is_connected_to() {
        let path = std::env::temp_dir().join(format!("gev-load-{}.sock", std::process::id()));
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let target = Target::Unix(path.clone());
        let opened = open(&target, Protocol::Tcp, 2, Buffers::Usual);
        std::fs::remove_file(path).unwrap();
        assert_eq!(opened.unwrap().len(), 2);
        assert!(open(&target, Protocol::Tcp, 1, Buffers::Usual).is_err());
    }
}
