//! Connections come to the loop: accepted here, or dealt out by the loop that accepts.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::Interest;
use mio::net::TcpStream;

use super::{Arrival, EventLoop, LISTENER, LoopHandle, NOBODY, token_of};
use crate::addresses::Addresses;
use crate::bridge::{Bridge, Event};
use crate::connection::{Connection, Next};
use crate::listener::{self, Accepted, Listener};

/// Deals accepted sockets out to all loops in turn. As long as it exists, none of them ends.
pub(crate) struct Dealer {
    loops: Vec<LoopHandle>,
    /// The loop that gets the next one.
    next: usize,
    exists: Arc<AtomicBool>,
}

impl Dealer {
    pub(crate) fn new(loops: Vec<LoopHandle>) -> Self {
        Self {
            loops,
            next: 0,
            exists: Arc::new(AtomicBool::new(true)),
        }
    }

    /// True as long as it exists.
    pub(crate) fn existence(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.exists)
    }

    /// Gives a socket away, or back if the loop whose turn it is has ended.
    fn deal(&mut self, arrival: Arrival) -> Result<(), Arrival> {
        let to = &self.loops[self.next];
        self.next = (self.next + 1) % self.loops.len();
        to.sockets.send(arrival).map_err(|back| back.0)?;
        to.wake();
        Ok(())
    }
}

impl Drop for Dealer {
    fn drop(&mut self) {
        self.exists.store(false, Ordering::Release);
        self.loops.iter().for_each(LoopHandle::wake);
    }
}

impl<B: Bridge> EventLoop<B> {
    /// Gives the loop a listener. Accepted sockets are the dealer's, or stay here when there is none.
    pub(crate) fn listen(
        &mut self,
        mut listener: Listener,
        dealer: Option<Dealer>,
    ) -> io::Result<()> {
        self.poll
            .registry()
            .register(&mut listener.socket, LISTENER, Interest::READABLE)?;
        self.listener = Some(listener);
        self.dealer = dealer;
        Ok(())
    }

    /// Says how to find out whether another loop's dealer may still send sockets to this one.
    pub(crate) fn await_sockets(&mut self, dealer_exists: Arc<AtomicBool>) {
        self.awaits_sockets = dealer_exists;
    }

    /// Accepts what the kernel has ready: it would be reset when the listener is closed.
    pub(super) fn accept_rest(&mut self) {
        for _ in 0..=self.config.backlog {
            let Some(listener) = &mut self.listener else {
                return;
            };
            let Accepted::Connection(socket, remote) = listener.accept(self.now) else {
                return;
            };
            let local = listener.local;
            self.place(socket, remote, local);
        }
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

    /// Gives an accepted socket to the loop whose turn it is, or closes it if it may not come in.
    fn place(&mut self, socket: TcpStream, remote: SocketAddr, listening: SocketAddr) {
        let Some(admitted) = self.admission.admit(remote.ip(), self.now) else {
            return;
        };
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
        let mut arrival = (socket, addresses, admitted);
        if let Some(dealer) = &mut self.dealer {
            match dealer.deal(arrival) {
                Ok(()) => return,
                Err(back) => arrival = back,
            }
        }
        self.adopt(arrival);
    }

    /// Makes a socket a connection of this loop. Without a free slot it is closed.
    pub(super) fn adopt(&mut self, (mut socket, addresses, admitted): Arrival) {
        if self.ended {
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
        let connection = Connection::new(
            id,
            socket,
            addresses,
            admitted,
            protocol,
            &self.config,
            self.now,
        );
        let inserted = self.connections.insert(Box::new(connection));
        debug_assert_eq!(inserted.map_err(drop), Ok(id));
        self.bridge.set_gauges(id.slot, Default::default());
        self.settle(id, Next::Again);
    }
}
