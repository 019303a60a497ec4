//! Connections come to the loop: accepted here, or dealt out by the loop that accepts.

use std::io;
use std::net::SocketAddr;

use mio::Interest;
use mio::net::TcpStream;

use super::{EventLoop, LISTENER, LoopHandle, NOBODY, Phase, token_of};
use crate::addresses::Addresses;
use crate::bridge::{Bridge, Event};
use crate::connection::{Connection, Next};
use crate::listener::{self, Accepted, Listener};

impl<B: Bridge> EventLoop<B> {
    /// Gives the loop a listener. Accepted sockets are dealt out to `peers` in turn, or stay here when it is empty.
    pub(crate) fn listen(
        &mut self,
        mut listener: Listener,
        peers: Vec<LoopHandle>,
    ) -> io::Result<()> {
        self.poll
            .registry()
            .register(&mut listener.socket, LISTENER, Interest::READABLE)?;
        self.listener = Some(listener);
        self.peers = peers;
        Ok(())
    }

    pub(super) fn accept(&mut self) {
        for _ in 0..self.config.accept_budget {
            if !self.may_deliver() {
                return;
            }
            let Some(listener) = &mut self.listener else {
                return;
            };
            if listener.paused_until.is_some_and(|until| until <= self.now) {
                listener.paused_until = None;
                listener.ready = true;
            }
            if !listener.ready || listener.paused_until.is_some() {
                return;
            }
            match listener.accept(self.now) {
                Accepted::Connection(socket, remote) => {
                    let local = listener.local;
                    self.place(socket, remote, local);
                }
                Accepted::Empty => return,
                Accepted::Paused(error) => {
                    if let Some(error) = error {
                        self.emit(NOBODY, Event::Error, format!("accept: {error}").as_bytes());
                    }
                    return;
                }
            }
        }
    }

    /// Gives an accepted socket to the loop whose turn it is.
    fn place(&mut self, socket: TcpStream, remote: SocketAddr, listening: SocketAddr) {
        // A peer that has gone already makes these fail; there is nobody to tell.
        if listener::configure(&socket, &self.config).is_err() {
            return;
        }
        let local = if listening.ip().is_unspecified() {
            socket.local_addr().unwrap_or(listening)
        } else {
            listening
        };
        let addresses = Addresses { remote, local };
        if self.peers.is_empty() {
            return self.adopt(socket, addresses);
        }
        let peer = &self.peers[self.next_peer];
        self.next_peer = (self.next_peer + 1) % self.peers.len();
        if peer.sockets.send((socket, addresses)).is_ok() {
            peer.wake();
        }
    }

    /// Makes a socket a connection of this loop. Without a free slot it is closed.
    pub(super) fn adopt(&mut self, mut socket: TcpStream, addresses: Addresses) {
        if self.phase != Phase::Running {
            return;
        }
        let Some(id) = self.connections.next_id() else {
            return;
        };
        let interest = Interest::READABLE | Interest::WRITABLE;
        if self
            .poll
            .registry()
            .register(&mut socket, token_of(id), interest)
            .is_err()
        {
            return;
        }
        let protocol = (self.make_protocol)();
        let connection = Connection::new(id, socket, addresses, protocol, &self.config, self.now);
        let inserted = self.connections.insert(Box::new(connection));
        debug_assert_eq!(inserted.map_err(drop), Ok(id));
        self.bridge.set_gauges(id.slot, Default::default());
        self.settle(id, Next::Again);
    }
}
