//! A socket that knows how much it has taken.

use std::io::{self, IoSlice, Read, Write};
use std::ops::Deref;

use gev_session::Outlet;

use super::Socket;

/// A socket with a count of what is written to it, which whoever adds such counts up takes now and then.
#[derive(Debug)]
pub(crate) struct Metered {
    socket: Socket,
    written: u64,
}

impl Metered {
    pub(crate) fn new(socket: Socket) -> Self {
        Self { socket, written: 0 }
    }

    /// Bytes that it has taken since this was asked last.
    pub(crate) fn take_written(&mut self) -> u64 {
        std::mem::take(&mut self.written)
    }

    fn count(&mut self, written: io::Result<usize>) -> io::Result<usize> {
        if let Ok(len) = written {
            self.written += len as u64;
        }
        written
    }
}

impl Deref for Metered {
    type Target = Socket;

    fn deref(&self) -> &Socket {
        &self.socket
    }
}

impl Read for Metered {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.read(buffer)
    }
}

impl Write for Metered {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.socket.write(bytes);
        self.count(written)
    }

    #[inline]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let written = self.socket.write_vectored(slices);
        self.count(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Outlet for Metered {
    fn shut_down(&mut self) {
        self.socket.shut_down();
    }
}
