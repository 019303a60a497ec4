//! A bare TCP echo: one thread, one poll, no framing, no JavaScript. No server can cost less.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use crate::args::FloorOptions;
use crate::limits;

/// Prints `listening PORT` and echoes until the time is over.
pub(crate) fn serve(options: &FloorOptions) -> io::Result<()> {
    let deadline = Instant::now() + options.duration;
    limits::make_all_room()?;
    let mut floor = Floor::bind(options.port)?;
    println!("listening {}", floor.listener.local_addr()?.port());
    let mut events = Events::with_capacity(1024);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        match floor.poll.poll(&mut events, Some(left)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        for event in &events {
            match event.token() {
                LISTENER => floor.accept()?,
                Token(index) => floor.echo(index),
            }
        }
    }
}

struct Floor {
    poll: Poll,
    listener: TcpListener,
    /// By token; `None` is free.
    peers: Vec<Option<Peer>>,
    buffer: Box<[u8]>,
}

struct Peer {
    stream: TcpStream,
    /// What the kernel has not taken. As long as there is something nothing is read, so it is at most one buffer.
    unsent: Vec<u8>,
}

impl Floor {
    fn bind(port: u16) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            listener,
            peers: Vec::new(),
            buffer: vec![0; 128 * 1024].into_boxed_slice(),
        })
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            let index = self.free_index();
            self.poll.registry().register(
                &mut stream,
                Token(index),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            self.peers[index] = Some(Peer {
                stream,
                unsent: Vec::new(),
            });
        }
    }

    fn free_index(&mut self) -> usize {
        let free = self.peers.iter().position(Option::is_none);
        free.unwrap_or_else(|| {
            self.peers.push(None);
            self.peers.len() - 1
        })
    }

    fn echo(&mut self, index: usize) {
        if let Some(peer) = &mut self.peers[index]
            && !matches!(peer.echo(&mut self.buffer), Ok(true))
        {
            self.peers[index] = None;
        }
    }
}

impl Peer {
    /// Returns false at the end of the connection.
    fn echo(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        loop {
            let written = write_all_possible(&mut self.stream, &self.unsent)?;
            self.unsent.drain(..written);
            if !self.unsent.is_empty() {
                return Ok(true);
            }
            let count = match self.stream.read(buffer) {
                Ok(0) => return Ok(false),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            };
            let written = write_all_possible(&mut self.stream, &buffer[..count])?;
            self.unsent.extend_from_slice(&buffer[written..count]);
            if cfg!(unix) && count < buffer.len() && self.unsent.is_empty() {
                return Ok(true);
            }
        }
    }
}

fn write_all_possible(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write(&bytes[written..]) {
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(written)
}

const LISTENER: Token = Token(usize::MAX);
