//! TCP.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use mio::event::Source;
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use super::Transport;
use crate::address::Address;
use crate::config::ListenerConfig;

pub(super) type Stream = TcpStream;

/// A listening socket.
#[derive(Debug)]
pub(crate) struct Acceptor(TcpListener);

impl Transport for Stream {
    fn shut_down(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        Self::take_error(self)
    }

    /// RST instead of FIN.
    fn reset_when_gone(&self) {
        // Fails only for a socket that is no more.
        let _ = SockRef::from(self).set_linger(Some(Duration::ZERO));
    }

    fn local(&self) -> io::Result<Address> {
        self.local_addr().map(Address::Ip)
    }

    fn configure(&self, config: &ListenerConfig) -> io::Result<()> {
        if INHERITS {
            return Ok(());
        }
        configure(&SockRef::from(self), config)
    }
}

/// Accepted sockets have what has been configured of the one that listens, which saves three system calls for each.
const INHERITS: bool = cfg!(target_os = "linux");

fn configure(socket: &Socket, config: &ListenerConfig) -> io::Result<()> {
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

impl Acceptor {
    pub(super) fn accept(&self) -> io::Result<(Stream, Address)> {
        self.0
            .accept()
            .map(|(stream, remote)| (stream, remote.into()))
    }

    /// SO_INCOMING_CPU: without effect where the kernel does not know it.
    pub(super) fn prefer_cpu(&self, cpu: usize) {
        #[cfg(target_os = "linux")]
        let _ = SockRef::from(&self.0).set_cpu_affinity(cpu);
        #[cfg(not(target_os = "linux"))]
        let _ = cpu;
    }

    pub(super) fn local(&self) -> io::Result<Address> {
        self.0.local_addr().map(Address::Ip)
    }
}

impl Source for Acceptor {
    fn register(&mut self, to: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        self.0.register(to, token, interest)
    }

    fn reregister(&mut self, to: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        self.0.reregister(to, token, interest)
    }

    fn deregister(&mut self, to: &Registry) -> io::Result<()> {
        self.0.deregister(to)
    }
}

/// Listens on an address, so many times.
///
/// # Errors
/// Those of the first step that failed.
pub(super) fn bind(
    config: &ListenerConfig,
    address: SocketAddr,
    count: usize,
) -> io::Result<Vec<Acceptor>> {
    let mut sockets = Vec::with_capacity(count);
    let first = new_socket(config, address)?;
    if config.reuse_port {
        share_port(&first)?;
    }
    // Without `reusePort` the first socket is bound alone, so that a port that somebody else shares is found to be in
    // use; it starts to share when it has the port, for the sockets of our other loops.
    first.bind(&address.into())?;
    if count > 1 {
        share_port(&first)?;
    }
    let bound = first.local_addr()?;
    sockets.push(first);
    for _ in 1..count {
        let address = bound.as_socket().ok_or(io::ErrorKind::Unsupported)?;
        let socket = new_socket(config, address)?;
        share_port(&socket)?;
        socket.bind(&address.into())?;
        sockets.push(socket);
    }
    for socket in &sockets {
        socket.listen(config.backlog)?;
    }
    let sockets = sockets.into_iter();
    let acceptors = sockets.map(|socket| Acceptor(TcpListener::from_std(socket.into())));
    Ok(acceptors.collect())
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
    if INHERITS {
        configure(&socket, config)?;
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
