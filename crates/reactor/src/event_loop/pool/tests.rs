//! Pools of loops that are played: each is a handle, a mailbox and a part, and looks at what it was dealt when it is told to.

use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream as Client};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Poll, Token, Waker};

use super::super::arrivals::{self, Receiver};
use super::*;

/// A loop, as far as a pool knows it.
struct Played {
    poll: Poll,
    handle: LoopHandle,
    mailbox: Receiver<Arrival>,
    part: Part,
}

impl Played {
    fn new(number: u32, part: PoolPart) -> Self {
        let poll = Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
        let (sockets, mailbox) = arrivals::channel();
        let handle = LoopHandle {
            waker,
            sockets,
            aborted: Arc::new(AtomicBool::new(false)),
            gone: Arc::new(AtomicBool::new(false)),
            load: Arc::default(),
        };
        let part = Part::take(number, part, &handle);
        Self {
            poll,
            handle,
            mailbox,
            part,
        }
    }

    /// What it was dealt, by the ports of the clients, with their counts.
    fn look(&self) -> Vec<(u16, Dealt)> {
        let arrivals = std::iter::from_fn(|| self.mailbox.try_recv());
        let dealt = arrivals.map(|arrival| match arrival {
            Arrival::Dealt(dealt) => (port(&dealt), *dealt),
            _ => panic!("nobody sends anything else"),
        });
        dealt.collect()
    }

    fn is_woken(&mut self) -> bool {
        let mut events = Events::with_capacity(1);
        self.poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        !events.is_empty()
    }
}

/// A pool of its own for each test: they run at the same time, and the numbers are the process's.
struct Table {
    number: u32,
    listener: TcpListener,
    acceptor: Played,
}

impl Table {
    fn new() -> Self {
        static NUMBERS: AtomicU32 = AtomicU32::new(1);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Self {
            number,
            listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(),
            acceptor: Played::new(number, PoolPart::Acceptor),
        }
    }

    fn seat<const COUNT: usize>(&self) -> [Played; COUNT] {
        static NUMBERS: AtomicU32 = AtomicU32::new(1);
        std::array::from_fn(|_| {
            let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
            Played::new(self.number, PoolPart::Member(number))
        })
    }

    /// A client, and its socket as it was accepted.
    fn connect(&self) -> (Client, Dealt) {
        let local = self.listener.local_addr().unwrap();
        let client = Client::connect(local).unwrap();
        let (socket, remote) = self.listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        let dealt = Dealt {
            socket: Socket::Tcp(TcpStream::from_std(socket)),
            remote: remote.into(),
            listening: local.into(),
            load: None,
        };
        (client, dealt)
    }

    /// So many clients whose sockets are dealt.
    fn deal(&self, count: usize) -> Vec<Client> {
        let deal = |_| {
            let (client, dealt) = self.connect();
            assert!(self.acceptor.part.deal(dealt).is_ok());
            client
        };
        (0..count).map(deal).collect()
    }
}

fn port(dealt: &Dealt) -> u16 {
    dealt.remote.socket_addr().unwrap().port()
}

fn ports(clients: &[Client]) -> Vec<u16> {
    let port = |client: &Client| client.local_addr().unwrap().port();
    clients.iter().map(port).collect()
}

fn is_open(client: &mut Client) -> bool {
    client.set_nonblocking(true).unwrap();
    let read = client.read(&mut [0]);
    client.set_nonblocking(false).unwrap();
    read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// Waits for the end of the connection.
fn ends(client: &mut Client) -> bool {
    let patience = Duration::from_secs(10);
    client.set_read_timeout(Some(patience)).unwrap();
    match client.read(&mut [0]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn who_has_as_many_takes_turns() {
    let table = Table::new();
    let mut members = table.seat::<3>();
    let clients = ports(&table.deal(9));
    for (index, member) in members.iter_mut().enumerate() {
        assert!(member.is_woken());
        let got: Vec<_> = member.look().iter().map(|(port, _)| *port).collect();
        let turns: Vec<_> = clients.iter().copied().skip(index).step_by(3).collect();
        assert_eq!(got, turns);
    }
}

#[test]
fn who_has_the_fewest_gets_the_next() {
    let table = Table::new();
    let [first, second, third] = table.seat::<3>();
    let _clients = table.deal(12);
    let mut held = [first.look(), second.look(), third.look()];
    // Connections of the second end, and one of the third.
    held[1].truncate(1);
    held[2].truncate(3);
    let _more = table.deal(4);
    let counts = [first.look(), second.look(), third.look()].map(|got| got.len());
    assert_eq!(counts, [0, 3, 1]);
}

#[test]
fn what_a_member_has_not_looked_at_is_dealt_to_the_others() {
    let table = Table::new();
    let [first, second, third] = table.seat::<3>();
    let mut clients = table.deal(30);
    first.part.leave();
    assert!(first.look().is_empty());
    drop(first);
    let got = [second.look(), third.look()];
    assert_eq!(got.each_ref().map(Vec::len), [15, 15]);
    let mut served: Vec<_> = got.iter().flatten().map(|(port, _)| *port).collect();
    let mut expected = ports(&clients);
    served.sort_unstable();
    expected.sort_unstable();
    assert_eq!(served, expected);
    assert!(clients.iter_mut().all(is_open));
}

#[test]
fn who_dismisses_a_member_need_not_be_its_loop() {
    let table = Table::new();
    let [stuck, other] = table.seat::<2>();
    let _clients = table.deal(10);
    assert_eq!(other.look().len(), 5);
    let (pool, member) = (table.number, stuck.part.member.unwrap());
    std::thread::spawn(move || dismiss(pool, member))
        .join()
        .unwrap();
    assert!(stuck.look().is_empty());
    assert_eq!(other.look().len(), 5);
    let _more = table.deal(2);
    assert_eq!(other.look().len(), 2);
    // Who has gone cannot be dismissed, nor who never was.
    dismiss(pool, member);
    dismiss(u32::MAX, member);
}

#[test]
fn who_comes_while_there_is_no_member_waits_for_one() {
    let mut table = Table::new();
    assert!(!table.acceptor.part.has_members());
    let [last] = table.seat::<1>();
    assert!(table.acceptor.part.has_members() && table.acceptor.is_woken());
    let early = table.deal(3);
    last.part.leave();
    assert!(last.look().is_empty());
    assert!(!table.acceptor.part.has_members());
    let late = table.deal(2);
    let [next] = table.seat::<1>();
    assert!(table.acceptor.is_woken());
    let got: Vec<_> = next.look().iter().map(|(port, _)| *port).collect();
    assert_eq!(got, [ports(&early), ports(&late)].concat());
}

#[test]
fn who_waits_when_the_acceptor_leaves_is_closed() {
    let table = Table::new();
    let mut clients = table.deal(2);
    assert!(clients.iter_mut().all(is_open));
    table.acceptor.part.leave();
    assert!(clients.iter_mut().all(ends));
    // A member that leaves after it has nobody to give anything to.
    let (_client, dealt) = table.connect();
    let [last] = table.seat::<1>();
    assert!(last.part.deal(dealt).is_ok());
    last.part.leave();
    assert_eq!(last.look().len(), 1);
}

#[test]
fn a_loop_that_is_aborted_or_gone_is_dealt_nothing() {
    let table = Table::new();
    let [aborted, gone, lives] = table.seat::<3>();
    aborted.handle.abort();
    gone.handle.gone.store(true, Ordering::Release);
    let clients = table.deal(5);
    assert!(aborted.look().is_empty() && gone.look().is_empty());
    assert_eq!(lives.look().len(), clients.len());
}

#[test]
fn pools_do_not_mix_and_end_with_their_parts() {
    let [one, two] = [Table::new(), Table::new()];
    let [mine] = one.seat::<1>();
    let [theirs] = two.seat::<1>();
    let _clients = one.deal(3);
    assert_eq!((mine.look().len(), theirs.look().len()), (3, 0));
    let pool = Arc::downgrade(&one.acceptor.part.pool);
    drop(one);
    assert!(pool.upgrade().is_some());
    drop(mine);
    assert!(pool.upgrade().is_none());
}
