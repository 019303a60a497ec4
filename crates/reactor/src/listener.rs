//! Listening sockets.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use crate::config::ListenerConfig;

/// One listening socket, owned by the loop that accepts from it.
///
/// Errors of `accept` that concern the whole process (no file descriptors, no memory) pause it with a growing delay:
/// the readiness of an edge-triggered listener is not announced again, and retrying at once would spin.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) local: SocketAddr,
    /// Which of the reactor's it is.
    pub(crate) index: usize,
    /// Connections may be waiting: set by an event, cleared by `WouldBlock`.
    pub(crate) ready: bool,
    /// No accept before this time.
    pub(crate) paused_until: Option<Instant>,
    /// The pause after the next failure.
    next_pause: Duration,
}

/// What one `accept` came to.
#[derive(Debug)]
pub(crate) enum Accepted {
    Connection(TcpStream, SocketAddr),
    /// Nothing is waiting now.
    Empty,
    /// Out of some resource; the error is given for the first failure of a row.
    Paused(Option<io::Error>),
}

impl Listener {
    fn new(socket: Socket, index: usize) -> io::Result<Self> {
        let local = socket
            .local_addr()?
            .as_socket()
            .ok_or(io::ErrorKind::Unsupported)?;
        let socket = TcpListener::from_std(socket.into());
        Ok(Self {
            socket,
            local,
            index,
            ready: true,
            paused_until: None,
            next_pause: FIRST_PAUSE,
        })
    }

    /// Accepts one connection.
    pub(crate) fn accept(&mut self, now: Instant) -> Accepted {
        loop {
            match self.socket.accept() {
                Ok((stream, remote)) => {
                    self.next_pause = FIRST_PAUSE;
                    return Accepted::Connection(stream, remote);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.ready = false;
                    return Accepted::Empty;
                }
                Err(error) if belongs_to_one_connection(&error) => {}
                Err(error) => {
                    let first = self.next_pause == FIRST_PAUSE;
                    self.paused_until = Some(now + self.next_pause);
                    self.next_pause = (self.next_pause * 2).min(LONGEST_PAUSE);
                    return Accepted::Paused(first.then_some(error));
                }
            }
        }
    }
}

/// Binds the address of the reactor's listener `index`, so many times: once for each loop that accepts.
///
/// # Errors
/// Those of the first step that failed.
pub(crate) fn bind(
    config: &ListenerConfig,
    index: usize,
    count: usize,
) -> io::Result<Vec<Listener>> {
    let mut sockets = Vec::with_capacity(count);
    let first = new_socket(config, config.address)?;
    if config.reuse_port {
        share_port(&first)?;
    }
    // Without `reusePort` the first socket is bound alone, so that a port that somebody else shares is found to be in
    // use; it starts to share when it has the port, for the sockets of our other loops.
    first.bind(&config.address.into())?;
    if count > 1 {
        share_port(&first)?;
    }
    let address = first.local_addr()?;
    sockets.push(first);
    for _ in 1..count {
        let address = address.as_socket().ok_or(io::ErrorKind::Unsupported)?;
        let socket = new_socket(config, address)?;
        share_port(&socket)?;
        socket.bind(&address.into())?;
        sockets.push(socket);
    }
    sockets
        .iter()
        .try_for_each(|socket| socket.listen(config.backlog))?;
    let listeners = sockets.into_iter();
    listeners
        .map(|socket| Listener::new(socket, index))
        .collect()
}

/// Applies the options that every accepted socket gets.
pub(crate) fn configure(stream: &TcpStream, config: &ListenerConfig) -> io::Result<()> {
    let socket = SockRef::from(stream);
    if config.no_delay {
        socket.set_tcp_nodelay(true)?;
    }
    if !config.keep_alive.is_zero() {
        // The kernel counts seconds, from 1 to 32,767.
        let seconds = config.keep_alive.as_millis().div_ceil(1000).min(32_767) as u64;
        let time = Duration::from_secs(seconds);
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(time))?;
    }
    Ok(())
}

fn new_socket(config: &ListenerConfig, address: SocketAddr) -> io::Result<Socket> {
    // socket2 sets CLOEXEC (and its kin) where there is one.
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    // On Windows SO_REUSEADDR would let others take over a port in use.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // `::` takes IPv4 too, as in Node, whatever the system's default.
        socket.set_only_v6(false)?;
    }
    // Accepted sockets inherit these; one for receiving decides about the window that a connection begins with.
    if config.send_buffer_bytes > 0 {
        socket.set_send_buffer_size(config.send_buffer_bytes)?;
    }
    if config.receive_buffer_bytes > 0 {
        socket.set_recv_buffer_size(config.receive_buffer_bytes)?;
    }
    Ok(socket)
}

#[cfg(target_os = "freebsd")]
fn share_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port_lb(true)
}

#[cfg(all(
    unix,
    not(any(target_os = "freebsd", target_os = "solaris", target_os = "illumos"))
))]
fn share_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

#[cfg(not(all(unix, not(any(target_os = "solaris", target_os = "illumos")))))]
fn share_port(_socket: &Socket) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Errors of a connection that was gone before it was accepted, and of a call that a signal interrupted. Linux hands
/// errors of the network on through `accept` too (accept(2), "Error handling").
fn belongs_to_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionAborted
            | Kind::ConnectionReset
            | Kind::Interrupted
            | Kind::NetworkDown
            | Kind::NetworkUnreachable
            | Kind::HostUnreachable
            | Kind::TimedOut
    )
}

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::net::TcpStream as Client;
    use std::sync::Arc;

    use gev_wire::Raw;

    use super::*;

    fn config(address: &str) -> ListenerConfig {
        ListenerConfig::new(
            address.parse().unwrap(),
            Arc::new(|| Box::new(|| Box::new(Raw::default()))),
        )
    }

    #[test]
    fn port_in_use_is_an_error_unless_both_share_it() {
        for loops in [1, 2] {
            let first = bind(&config("127.0.0.1:0"), 0, loops).unwrap();
            let mut again = config(&first[0].local.to_string());
            assert_eq!(
                bind(&again, 0, loops).unwrap_err().kind(),
                io::ErrorKind::AddrInUse
            );
            again.reuse_port = true;
            // The first reactor did not offer to share. (With several loops its sockets share among themselves,
            // which the kernel cannot tell from sharing with us.)
            if loops == 1 {
                let kind = if cfg!(unix) {
                    io::ErrorKind::AddrInUse
                } else {
                    io::ErrorKind::Unsupported
                };
                assert_eq!(bind(&again, 0, loops).unwrap_err().kind(), kind);
            }
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn sharing_listeners_all_get_connections() {
        let mut listeners = bind(&config("127.0.0.1:0"), 0, 2).unwrap();
        assert_eq!(listeners.len(), 2);
        assert_eq!(listeners[0].local, listeners[1].local);
        let _clients: Vec<_> = (0..64)
            .map(|_| Client::connect(listeners[0].local).unwrap())
            .collect();
        let mut counts = [0, 0];
        for (listener, count) in listeners.iter_mut().zip(&mut counts) {
            while let Accepted::Connection(..) = listener.accept(Instant::now()) {
                *count += 1;
            }
            assert!(!listener.ready);
        }
        assert_eq!(counts[0] + counts[1], 64);
        assert!(counts[0] > 0 && counts[1] > 0, "{counts:?}");
    }

    #[test]
    fn accepted_sockets_have_the_buffers_that_were_asked_for() {
        let sizes = |config: &ListenerConfig| {
            let mut listeners = bind(config, 0, 1).unwrap();
            let _client = Client::connect(listeners[0].local).unwrap();
            loop {
                if let Accepted::Connection(stream, _) = listeners[0].accept(Instant::now()) {
                    let socket = SockRef::from(&stream);
                    let send = socket.send_buffer_size().unwrap();
                    return (send, socket.recv_buffer_size().unwrap());
                }
            }
        };
        let ordinary = config("127.0.0.1:0");
        let mut small = ordinary.clone();
        (small.send_buffer_bytes, small.receive_buffer_bytes) = (8192, 16 * 1024);
        let (send, receive) = sizes(&small);
        // Linux gives twice as much.
        assert!((8192..=2 * 8192).contains(&send), "{send}");
        assert!((16 * 1024..=32 * 1024).contains(&receive), "{receive}");
        let (send, receive) = sizes(&ordinary);
        assert!(send > 2 * 8192 && receive > 32 * 1024, "{send} {receive}");
    }
}
