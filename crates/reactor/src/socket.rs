//! The socket of a connection.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use gev_session::Outlet;
use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::SockRef;

/// A connected socket that never blocks.
#[derive(Debug)]
pub(crate) struct Socket(TcpStream);

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self(stream)
    }

    /// It sends RST instead of FIN when it is dropped.
    pub(crate) fn reset_when_gone(&self) {
        // Fails only for a socket that is no more.
        let _ = SockRef::from(&self.0).set_linger(Some(Duration::ZERO));
    }

    /// The error that it has failed with, once.
    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.take_error()
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Outlet for Socket {
    fn shut_down(&mut self) {
        let _ = self.0.shutdown(Shutdown::Write);
    }
}

impl Source for Socket {
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
