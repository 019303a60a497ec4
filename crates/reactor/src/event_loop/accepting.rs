//! Connections come to the loop: accepted here, or dealt out by the loop that accepts.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gev_session::{Event, Next, Session, Share};
use mio::Interest;

use super::pool::{Dealt, Part, Seat};
use super::{EventLoop, LoopHandle, NOBODY, listener_token, token_of};
use crate::address::Address;
use crate::addresses::Addresses;
use crate::bridge::Bridge;
use crate::connection::{self, Connection};
use crate::counter::Counter;
use crate::listener::{Accepted, Listener};
use crate::transport::Socket;

/// Deals accepted sockets out to all loops in turn. As long as it exists, none of them ends.
pub(crate) struct Dealer {
    loops: Vec<LoopHandle>,
    /// The loop that gets the next one.
    next: usize,
    exists: Arc<AtomicBool>,
}

/// What a loop gets from another one.
pub(super) enum Arrival {
    /// An accepted socket, and which listener it has come in by.
    Socket(Box<connection::Accepted>, usize),
    /// A socket that was accepted for this loop's pool.
    Dealt(Box<Dealt>),
    /// The listeners of a loop that has failed, and what it dealt with.
    Listening(Box<(Vec<Listener>, Dealer)>),
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
                Err(back) => arrival = back,
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
    /// Gives the loop another listener.
    pub(crate) fn listen(&mut self, mut listener: Listener) -> io::Result<()> {
        let token = listener_token(&listener);
        self.poll
            .registry()
            .register(&mut listener.acceptor, token, Interest::READABLE)?;
        self.listeners.push(listener);
        Ok(())
    }

    /// Has accepted sockets dealt out, instead of staying here.
    pub(crate) fn deal(&mut self, dealer: Dealer) {
        self.dealer = Some(dealer);
    }

    /// Makes the loop a part of a pool.
    pub(crate) fn join_pool(&mut self, part: Part) {
        self.part = Some(part);
    }

    /// Says how to find out whether another loop's dealer may still send sockets to this one.
    pub(crate) fn await_sockets(&mut self, dealer_exists: Arc<AtomicBool>) {
        self.awaits_sockets = dealer_exists;
    }

    /// Accepts what the kernel has ready: it would be reset when the listener is closed.
    pub(super) fn accept_rest(&mut self) {
        for n in 0..self.listeners.len() {
            let backlog = self.roles[self.listeners[n].index].listener.backlog;
            for _ in 0..=backlog {
                let listener = &mut self.listeners[n];
                let Accepted::Connection(socket, remote) = listener.accept(self.now) else {
                    break;
                };
                let (index, local) = (listener.index, listener.local.clone());
                self.hand_over(index, socket, remote, local);
            }
        }
    }

    pub(super) fn accept(&mut self) {
        for n in 0..self.listeners.len() {
            self.accept_from(n);
        }
    }

    fn accept_from(&mut self, n: usize) {
        for _ in 0..self.config.accept_budget {
            if !self.may_deliver() || !self.may_deal() {
                return;
            }
            let listener = &mut self.listeners[n];
            if listener.paused_until.is_some_and(|until| until <= self.now) {
                listener.paused_until = None;
                listener.ready = true;
            }
            if !listener.ready || listener.paused_until.is_some() {
                return;
            }
            match listener.accept(self.now) {
                Accepted::Connection(socket, remote) => {
                    let (index, local) = (listener.index, listener.local.clone());
                    self.hand_over(index, socket, remote, local);
                }
                Accepted::Empty => return,
                Accepted::Paused(error) => {
                    self.bridge.add(Counter::AcceptErrors, 1);
                    if let Some(error) = error {
                        self.emit(NOBODY, Event::Error, format!("accept: {error}").as_bytes());
                    }
                    return;
                }
            }
        }
    }

    /// Gives an accepted socket to the pool for which the loop accepts, if there is one.
    fn hand_over(&mut self, index: usize, socket: Socket, remote: Address, listening: Address) {
        match &self.part {
            Some(part) if part.accepts() => {
                // Closed, if nobody is there any more.
                let _ = part.deal(Dealt {
                    socket,
                    remote,
                    listening,
                    seat: None,
                });
            }
            _ => self.place(index, socket, (remote, listening), None),
        }
    }

    /// Gives an accepted socket to the loop whose turn it is, or closes it if it may not come in.
    fn place(
        &mut self,
        index: usize,
        socket: Socket,
        (remote, listening): (Address, Address),
        seat: Option<Seat>,
    ) {
        self.bridge.add(Counter::Accepted, 1);
        // A proxy connects for many: each counts by what its header says.
        let is_proxy = self.roles[index].listener.proxy.mode_of(&remote).is_some();
        let counted = if is_proxy { None } else { remote.ip() };
        let mut admitted = match self.shared.admission.admit(counted, self.now) {
            Ok(admitted) => admitted,
            Err(why) => return self.bridge.add(why, 1),
        };
        admitted.seat = seat;
        // A peer that has gone already makes these fail; there is nobody to tell.
        if socket.configure(&self.roles[index].listener).is_err() {
            return;
        }
        let is_any = listening.ip().is_some_and(|ip| ip.is_unspecified());
        let own = is_any.then(|| socket.local().ok()).flatten();
        let local = own.unwrap_or(listening);
        let addresses = Addresses::new(remote, local);
        let accepted = (socket, addresses, admitted);
        let arrival = Arrival::Socket(Box::new(accepted), index);
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
            Arrival::Socket(accepted, index) => self.adopt_socket(*accepted, index),
            Arrival::Dealt(dealt) => {
                let ends = (dealt.remote, dealt.listening);
                self.place(0, dealt.socket, ends, dealt.seat);
            }
            // Without the listeners of the stopping loop nothing of it is left.
            Arrival::Listening(_) if self.stopping.is_some() => {}
            Arrival::Listening(listening) => {
                let (listeners, dealer) = *listening;
                for mut listener in listeners {
                    listener.ready = true;
                    if let Err(error) = self.listen(listener) {
                        let text = format!("listener: {error}");
                        self.emit(NOBODY, Event::Error, text.as_bytes());
                    }
                }
                self.deal(dealer);
            }
        }
    }

    /// The loop is no more, before its time: gets no more sockets, and if it was the one that accepts for all, another one
    /// does that.
    pub(super) fn leave(&mut self) {
        self.mailbox.gone.store(true, Ordering::Release);
        self.leave_pool();
        let mut listeners = std::mem::take(&mut self.listeners);
        if let Some(dealer) = self.dealer.take() {
            for listener in &mut listeners {
                // Fails for a socket that is not registered, which is what is wanted.
                let _ = self.poll.registry().deregister(&mut listener.acceptor);
            }
            let successor = dealer.loops.iter().find(|it| !it.is_gone()).cloned();
            if let Some(successor) = successor {
                let listening = Arrival::Listening(Box::new((listeners, dealer)));
                // A loop that ends at this moment needs no connections.
                let _ = successor.sockets.send(listening);
                successor.wake();
            }
        }
    }

    /// Makes a socket a connection of this loop. Without a free slot it is closed.
    fn adopt_socket(&mut self, mut accepted: connection::Accepted, index: usize) {
        let Some(id) = self.connections.next_id() else {
            return;
        };
        let interest = Interest::READABLE | Interest::WRITABLE;
        if self
            .poll
            .registry()
            .register(&mut accepted.0, token_of(id), interest)
            .is_err()
        {
            return;
        }
        let role = &self.roles[index];
        let config = Arc::clone(&role.listener.connection.session);
        let (codec, share) = ((role.make_codec)(), Share::new(&self.shared.memory));
        let mut session = Session::new(codec, &config, share, self.now);
        if let Some(mode) = role.listener.proxy.mode_of(&accepted.1.remote) {
            session = session.behind_proxy(mode);
        }
        let connection = Connection::new(id, accepted, session, config);
        let inserted = self.connections.insert(Box::new(connection));
        debug_assert_eq!(inserted.map_err(drop), Ok(id));
        self.bridge.set_gauges(id.slot, Default::default());
        self.settle(id, Next::Again);
    }
}
