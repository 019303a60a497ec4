//! Listening sockets.

use std::io;
use std::time::{Duration, Instant};

use crate::address::Address;
use crate::config::ListenerConfig;
use crate::transport::{self, Acceptor, Socket};

/// One listening socket, owned by the loop that accepts from it.
///
/// Errors of `accept` that concern the whole process (no file descriptors, no memory) pause it with a growing delay:
/// the readiness of an edge-triggered listener is not announced again, and retrying at once would spin.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) acceptor: Acceptor,
    pub(crate) local: Address,
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
    Connection(Socket, Address),
    /// Nothing is waiting now.
    Empty,
    /// Out of some resource; the error is given for the first failure of a row.
    Paused(Option<io::Error>),
}

impl Listener {
    fn new(acceptor: Acceptor, index: usize) -> io::Result<Self> {
        let local = acceptor.local()?;
        Ok(Self {
            acceptor,
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
            match self.acceptor.accept() {
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

/// Listens where the reactor's listener `index` says, so many times: once for each loop that accepts.
///
/// # Errors
/// Those of the first step that failed.
pub(crate) fn bind(
    config: &ListenerConfig,
    index: usize,
    count: usize,
) -> io::Result<Vec<Listener>> {
    let acceptors = transport::bind(config, count)?.into_iter();
    acceptors
        .map(|acceptor| Listener::new(acceptor, index))
        .collect()
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
    use std::net::{SocketAddr, TcpStream as Client};
    use std::sync::Arc;

    use gev_wire::Raw;
    use mio::net::TcpStream;
    use socket2::SockRef;

    use super::*;

    fn config(address: &str) -> ListenerConfig {
        let address: SocketAddr = address.parse().unwrap();
        ListenerConfig::new(address, Arc::new(|| Box::new(|| Box::new(Raw::default()))))
    }

    fn ip(listener: &Listener) -> SocketAddr {
        listener.local.socket_addr().unwrap()
    }

    #[test]
    fn port_in_use_is_an_error_unless_both_share_it() {
        for loops in [1, 2] {
            let first = bind(&config("127.0.0.1:0"), 0, loops).unwrap();
            let mut again = config(&ip(&first[0]).to_string());
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
            .map(|_| Client::connect(ip(&listeners[0])).unwrap())
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

    /// A socket that has been accepted and is configured.
    fn accepted(config: &ListenerConfig) -> (Client, TcpStream) {
        let mut listeners = bind(config, 0, 1).unwrap();
        let client = Client::connect(ip(&listeners[0])).unwrap();
        loop {
            if let Accepted::Connection(socket, _) = listeners[0].accept(Instant::now()) {
                socket.configure(config).unwrap();
                if let Socket::Tcp(stream) = socket {
                    return (client, stream);
                }
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn accepted_sockets_are_configured() {
        let mut config = config("127.0.0.1:0");
        for (no_delay, seconds) in [(true, 77), (false, 0), (true, 0), (false, 1)] {
            config.no_delay = no_delay;
            config.keep_alive = Duration::from_secs(seconds);
            let (_client, stream) = accepted(&config);
            let socket = SockRef::from(&stream);
            assert_eq!(socket.tcp_nodelay().unwrap(), no_delay);
            assert_eq!(socket.keepalive().unwrap(), seconds > 0);
            if seconds > 0 {
                assert_eq!(socket.tcp_keepalive_time().unwrap().as_secs(), seconds);
            }
        }
    }

    #[test]
    fn accepted_sockets_have_the_buffers_that_were_asked_for() {
        let sizes = |config: &ListenerConfig| {
            let (_client, stream) = accepted(config);
            let socket = SockRef::from(&stream);
            let send = socket.send_buffer_size().unwrap();
            (send, socket.recv_buffer_size().unwrap())
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
