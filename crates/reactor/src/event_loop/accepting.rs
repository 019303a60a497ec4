//! Connections come to the loop: accepted here, or dealt out by the loop that accepts.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gev_session::{Event, Next, Session, Share};
use mio::Interest;

use super::dealer::{Counted, Dealer};
use super::pool::{Dealt, Part};
use super::{EventLoop, NOBODY, listener_token, token_of};
use crate::address::Address;
use crate::addresses::Addresses;
use crate::bridge::Bridge;
use crate::config::Pin;
use crate::connection::{self, Connection};
use crate::counter::Counter;
use crate::listener::{Accepted, Listener};
use crate::transport::Socket;

/// What a loop gets from another one.
pub(super) enum Arrival {
    /// An accepted socket, and which listener it has come in by.
    Socket(Box<connection::Accepted>, usize),
    /// A socket that was accepted for this loop's pool.
    Dealt(Box<Dealt>),
    /// The listeners of a loop that has failed, and what it dealt with.
    Listening(Box<(Vec<Listener>, Dealer)>),
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

    /// Has this thread run on one CPU, and where each loop accepts for itself, gets what that CPU has of the network.
    pub(crate) fn pin(&mut self, pin: Option<Pin>) {
        let cpu = pin.and_then(|pin| pin(self.index));
        let dealer = self.dealer.as_ref();
        if let Some(cpu) = cpu.filter(|_| dealer.is_some_and(Dealer::is_everywhere)) {
            let listeners = self.listeners.iter();
            listeners.for_each(|it| it.acceptor.prefer_cpu(cpu));
        }
    }

    /// Makes the loop a part of a pool.
    pub(crate) fn join_pool(&mut self, part: Part) {
        self.part = Some(part);
    }

    /// Says how many dealers may still send sockets to this loop.
    pub(crate) fn await_sockets(&mut self, dealers: Arc<AtomicUsize>) {
        self.dealers = dealers;
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
                    load: None,
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
        load: Option<Counted>,
    ) {
        self.bridge.add(Counter::Accepted, 1);
        // A proxy connects for many: each counts by what its header says.
        let is_proxy = self.roles[index].listener.proxy.mode_of(&remote).is_some();
        let counted = if is_proxy { None } else { remote.ip() };
        let mut admitted = match self.shared.admission.admit(counted, self.now) {
            Ok(admitted) => admitted,
            Err(why) => return self.bridge.add(why, 1),
        };
        admitted.load = load;
        // A peer that has gone already makes these fail; there is nobody to tell.
        if socket.configure(&self.roles[index].listener).is_err() {
            return;
        }
        let is_any = listening.ip().is_some_and(|ip| ip.is_unspecified());
        let own = is_any.then(|| socket.local().ok()).flatten();
        let local = own.unwrap_or(listening);
        let addresses = Addresses::new(remote, local);
        let accepted = Box::new((socket, addresses, admitted));
        if self.asks(&accepted.1) {
            self.unassigned.push_back((accepted, index));
        } else {
            self.deal_out(accepted, index, None);
        }
    }

    /// Asks the application which loop a connection of these addresses is for: see [`Event::Assign`]. False where it has no say,
    /// no room, or too many to say already.
    fn asks(&mut self, addresses: &Addresses) -> bool {
        let waiting = self.unassigned.len();
        let Some(dealer) = self.dealer.as_ref().filter(|it| it.asks()) else {
            return false;
        };
        if waiting == MOST_UNASSIGNED {
            return false;
        }
        let mut payload = vec![0; addresses.record_len()];
        addresses.write(&mut payload);
        for count in std::iter::once(waiting).chain(dealer.loads()) {
            payload.extend((count as u32).to_le_bytes());
        }
        self.emit(NOBODY, Event::Assign, &payload)
    }

    /// The connection that the application was asked about first belongs to the loop with this index; if there is none, to the
    /// one that has the fewest.
    pub(super) fn assign(&mut self, wish: Option<usize>) {
        if let Some((accepted, index)) = self.unassigned.pop_front() {
            self.deal_out(accepted, index, wish);
        }
    }

    fn deal_out(&mut self, accepted: Box<connection::Accepted>, index: usize, wish: Option<usize>) {
        let own = match &mut self.dealer {
            Some(dealer) => dealer.deal(accepted, index, wish).err(),
            None => Some(accepted),
        };
        if let Some(accepted) = own {
            self.adopt_socket(*accepted, index);
        }
    }

    /// Deals no more, but whom nobody has assigned yet.
    pub(super) fn stop_dealing(&mut self) {
        while !self.unassigned.is_empty() {
            self.assign(None);
        }
        self.dealer = None;
    }

    /// Takes what has been accepted, or who accepts, to this loop.
    pub(super) fn adopt(&mut self, arrival: Arrival) {
        match arrival {
            _ if self.ended => {}
            Arrival::Socket(accepted, index) => self.adopt_socket(*accepted, index),
            Arrival::Dealt(dealt) => {
                let ends = (dealt.remote, dealt.listening);
                self.place(0, dealt.socket, ends, dealt.load);
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
                self.deal(dealer.of(self.index));
            }
        }
    }

    /// The loop is no more, before its time: gets no more sockets, and if it was the one that accepts for all, another one
    /// does that.
    pub(super) fn leave(&mut self) {
        self.mailbox.gone.store(true, Ordering::Release);
        self.leave_pool();
        while !self.unassigned.is_empty() {
            self.assign(None);
        }
        let mut listeners = std::mem::take(&mut self.listeners);
        if let Some(dealer) = self.dealer.take().filter(|it| !it.is_everywhere()) {
            for listener in &mut listeners {
                // Fails for a socket that is not registered, which is what is wanted.
                let _ = self.poll.registry().deregister(&mut listener.acceptor);
            }
            if let Some(successor) = dealer.successor() {
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

/// So many wait at most for the application to say whose they are. Who comes then goes where the fewest are.
const MOST_UNASSIGNED: usize = 1024;
