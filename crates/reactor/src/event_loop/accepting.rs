//! Connections come to the loop: accepted here, or dealt out by the loop that accepts.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::Interest;
use mio::net::TcpStream;

use super::{EventLoop, LISTENER, LoopHandle, NOBODY, token_of};
use crate::addresses::Addresses;
use crate::admission::Admitted;
use crate::bridge::{Bridge, Event};
use crate::connection::{Connection, Next};
use crate::listener::{self, Accepted, Listener};
use crate::memory_budget::Share;

/// Deals accepted sockets out to all loops in turn. As long as it exists, none of them ends.
pub(crate) struct Dealer {
    loops: Vec<LoopHandle>,
    /// The loop that gets the next one.
    next: usize,
    exists: Arc<AtomicBool>,
}

/// What a loop gets from another one.
pub(super) enum Arrival {
    /// An accepted socket.
    Socket(TcpStream, Addresses, Admitted),
    /// The listener of a loop that has failed, and what it dealt with.
    Listening(Box<(Listener, Dealer)>),
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

    /// Gives something to the loop whose turn it is, of those that have not failed; or back if there is none.
    fn deal(&mut self, mut arrival: Arrival) -> Result<(), Arrival> {
        for _ in 0..self.loops.len() {
            let to = &self.loops[self.next];
            self.next = (self.next + 1) % self.loops.len();
            if to.is_gone() {
                continue;
            }
            match to.sockets.send(arrival) {
                Ok(()) => {
                    to.wake();
                    return Ok(());
                }
                Err(back) => arrival = back.0,
            }
        }
        Err(arrival)
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
        let arrival = Arrival::Socket(socket, addresses, admitted);
        match &mut self.dealer {
            Some(dealer) => {
                if let Err(back) = dealer.deal(arrival) {
                    self.adopt(back);
                }
            }
            None => self.adopt(arrival),
        }
    }

    /// Takes what has been accepted, or who accepts, to this loop.
    pub(super) fn adopt(&mut self, arrival: Arrival) {
        match arrival {
            _ if self.ended => {}
            Arrival::Socket(socket, addresses, admitted) => {
                self.adopt_socket(socket, addresses, admitted);
            }
            // Without the stopping loop's listener nothing of it is left.
            Arrival::Listening(_) if self.stopping.is_some() => {}
            Arrival::Listening(listening) => {
                let (mut listener, dealer) = *listening;
                listener.ready = true;
                if let Err(error) = self.listen(listener, Some(dealer)) {
                    self.emit(
                        NOBODY,
                        Event::Error,
                        format!("listener: {error}").as_bytes(),
                    );
                }
            }
        }
    }

    /// The loop is no more, before its time: gets no more sockets, and if it was the one that accepts for all, another one
    /// does that.
    pub(super) fn leave(&mut self) {
        self.mailbox.gone.store(true, Ordering::Release);
        let (listener, dealer) = (self.listener.take(), self.dealer.take());
        if let (Some(mut listener), Some(dealer)) = (listener, dealer) {
            // Fails for a socket that is not registered, which is what is wanted.
            let _ = self.poll.registry().deregister(&mut listener.socket);
            let successor = dealer.loops.iter().find(|it| !it.is_gone()).cloned();
            if let Some(successor) = successor {
                let listening = Arrival::Listening(Box::new((listener, dealer)));
                // A loop that ends at this moment needs no connections.
                let _ = successor.sockets.send(listening);
                successor.wake();
            }
        }
    }

    /// Makes a socket a connection of this loop. Without a free slot it is closed.
    fn adopt_socket(&mut self, mut socket: TcpStream, addresses: Addresses, admitted: Admitted) {
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
            (socket, addresses, admitted),
            protocol,
            &self.config,
            Share::new(&self.memory),
            self.now,
        );
        let inserted = self.connections.insert(Box::new(connection));
        debug_assert_eq!(inserted.map_err(drop), Ok(id));
        self.bridge.set_gauges(id.slot, Default::default());
        self.settle(id, Next::Again);
    }
}
