//! One connection of a closed-loop run.
//!
//! Invariant: `next_sent - next_echo` messages are in flight, and `sent_at` has the time of each. No memory is allocated
//! per message, except that `unsent` grows to what the kernel does not take.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use mio::event::Source;
use mio::net::TcpStream;

use crate::template::Template;

/// A connection that keeps its number of messages in flight.
pub(crate) struct Connection<S = TcpStream> {
    stream: S,
    /// When each message in flight was sent, oldest first.
    sent_at: VecDeque<Instant>,
    /// Sequence number of the next message.
    next_sent: u32,
    /// Sequence number of the next echo.
    next_echo: u32,
    /// Bytes of the next echo that have arrived and were right.
    echo_offset: usize,
    /// What the kernel has not taken yet; nothing may overtake it.
    unsent: Vec<u8>,
}

/// Why a connection cannot go on.
#[derive(Debug)]
pub(crate) enum Failure {
    Io(io::Error),
    /// The server ended the connection.
    Closed,
    /// What came is not the echo of what was sent.
    WrongEcho {
        sequence: u32,
        offset: usize,
    },
    /// Something came although no echo was missing.
    Unasked,
}

impl<S: Read + Write> Connection<S> {
    /// Sequence numbers begin at `first_sequence`. Connections should begin at different ones: then an echo that went to
    /// the wrong connection is a wrong echo.
    pub(crate) fn new(stream: S, first_sequence: u32, in_flight: usize) -> Self {
        Self {
            stream,
            sent_at: VecDeque::with_capacity(in_flight),
            next_sent: first_sequence,
            next_echo: first_sequence,
            echo_offset: 0,
            unsent: Vec::new(),
        }
    }

    /// Messages that have been sent and not echoed.
    pub(crate) fn in_flight(&self) -> usize {
        self.sent_at.len()
    }

    /// Sends `count` messages at once.
    pub(crate) fn send(&mut self, count: usize, template: &mut Template) -> Result<(), Failure> {
        let frames = template.frames(self.next_sent, count);
        self.next_sent = self.next_sent.wrapping_add(count as u32);
        let now = Instant::now();
        self.sent_at.extend(std::iter::repeat_n(now, count));
        if self.unsent.is_empty() {
            let taken = write_all_possible(&mut self.stream, frames)?;
            self.unsent.extend_from_slice(&frames[taken..]);
        } else {
            self.unsent.extend_from_slice(frames);
        }
        Ok(())
    }

    /// Sends what the kernel did not take before. To be called when the socket is writable.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        if !self.unsent.is_empty() {
            let taken = write_all_possible(&mut self.stream, &self.unsent)?;
            self.unsent.drain(..taken);
        }
        Ok(())
    }

    /// Reads until there is no more, calls `on_echo` with the latency of each echo, and answers what one read brought with
    /// as many messages if `goes_on`. To be called when the socket is readable.
    pub(crate) fn receive(
        &mut self,
        template: &mut Template,
        buffer: &mut [u8],
        goes_on: bool,
        mut on_echo: impl FnMut(Duration),
    ) -> Result<(), Failure> {
        loop {
            let count = match self.stream.read(buffer) {
                Ok(0) => return Err(Failure::Closed),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::Io(error)),
            };
            let echoes = self.take_echoes(&buffer[..count], template, &mut on_echo)?;
            if goes_on && echoes > 0 {
                self.send(echoes, template)?;
            }
            if SHORT_READ_IS_LAST && count < buffer.len() {
                return Ok(());
            }
        }
    }

    /// Compares what has arrived; returns how many echoes were completed.
    fn take_echoes(
        &mut self,
        mut bytes: &[u8],
        template: &mut Template,
        on_echo: &mut impl FnMut(Duration),
    ) -> Result<usize, Failure> {
        let now = Instant::now();
        let mut echoes = 0;
        while !bytes.is_empty() {
            let Some(&sent_at) = self.sent_at.front() else {
                return Err(Failure::Unasked);
            };
            let missing = template.echo_bytes() - self.echo_offset;
            let (part, rest) = bytes.split_at(missing.min(bytes.len()));
            if !template.matches(self.next_echo, self.echo_offset, part) {
                return Err(Failure::WrongEcho {
                    sequence: self.next_echo,
                    offset: self.echo_offset,
                });
            }
            bytes = rest;
            self.echo_offset += part.len();
            if self.echo_offset == template.echo_bytes() {
                self.echo_offset = 0;
                self.next_echo = self.next_echo.wrapping_add(1);
                self.sent_at.pop_front();
                on_echo(now - sent_at);
                echoes += 1;
            }
        }
        Ok(echoes)
    }
}

impl<S: Source> Connection<S> {
    /// What the poll has to know.
    pub(crate) fn source(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "a connection failed: {error}"),
            Self::Closed => write!(f, "the server closed a connection"),
            Self::WrongEcho { sequence, offset } => write!(
                f,
                "a wrong echo: message {sequence:#010x}, behind byte {offset}"
            ),
            Self::Unasked => write!(f, "the server sent more than it had received"),
        }
    }
}

/// Writes until all is written or the kernel takes no more; returns how much it took.
fn write_all_possible(stream: &mut impl Write, bytes: &[u8]) -> Result<usize, Failure> {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write(&bytes[written..]) {
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::Io(error)),
        }
    }
    Ok(written)
}

/// Where epoll or kqueue tell of every arrival, a read that does not fill the buffer has emptied the socket. On Windows mio
/// has to see `WouldBlock`.
const SHORT_READ_IS_LAST: bool = cfg!(unix);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Protocol;
    use crate::websocket::FrameKind;

    /// A TCP echo server in memory: what it has taken, at most `room` bytes at a time, can be read.
    #[derive(Default)]
    struct Echo {
        bytes: VecDeque<u8>,
        room: usize,
        ended: bool,
    }

    impl Read for Echo {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.bytes.is_empty() && !self.ended {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.bytes.read(buffer)
        }
    }

    impl Write for Echo {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.room);
            if count == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.room -= count;
            self.bytes.write(&bytes[..count])
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn open(room: usize, in_flight: usize) -> (Connection<Echo>, Template) {
        let echo = Echo {
            room,
            ..Echo::default()
        };
        let template = Template::new(Protocol::Tcp, FrameKind::Binary, 10, in_flight);
        (Connection::new(echo, 7, in_flight), template)
    }

    /// Receives without answering; returns the number of echoes.
    fn receive(
        connection: &mut Connection<Echo>,
        template: &mut Template,
        step: usize,
    ) -> Result<usize, Failure> {
        let mut echoes = 0;
        connection.receive(template, &mut vec![0; step], false, |_| echoes += 1)?;
        Ok(echoes)
    }

    #[test]
    fn echoes_may_arrive_in_reads_of_any_size() {
        for step in 1..=35 {
            let (mut connection, mut template) = open(usize::MAX, 3);
            connection.send(3, &mut template).unwrap();
            let mut echoes = 0;
            while !connection.stream.bytes.is_empty() {
                echoes += receive(&mut connection, &mut template, step).unwrap();
            }
            assert_eq!((echoes, connection.in_flight()), (3, 0), "step {step}");
        }
    }

    #[test]
    fn a_batch_of_echoes_is_answered_with_as_many_messages() {
        let (mut connection, mut template) = open(30, 3);
        connection.send(3, &mut template).unwrap();
        connection.stream.room = 1000;
        let mut echoes = 0;
        connection
            .receive(&mut template, &mut [0; 31], true, |_| echoes += 1)
            .unwrap();
        assert_eq!((echoes, connection.in_flight()), (3, 3));
        assert_eq!(connection.stream.bytes.len(), 30);
    }

    #[test]
    fn what_the_kernel_does_not_take_goes_out_later_and_in_order() {
        let (mut connection, mut template) = open(3, 4);
        connection.send(1, &mut template).unwrap();
        connection.send(3, &mut template).unwrap();
        for _ in 0..8 {
            connection.stream.room = 5;
            connection.flush().unwrap();
        }
        assert!(connection.unsent.is_empty());
        assert_eq!(receive(&mut connection, &mut template, 64).unwrap(), 4);
    }

    #[test]
    fn wrong_echoes_are_found() {
        let (mut connection, mut template) = open(usize::MAX, 1);
        connection.send(1, &mut template).unwrap();
        connection.stream.bytes[9] ^= 1;
        assert!(matches!(
            receive(&mut connection, &mut template, 4),
            Err(Failure::WrongEcho {
                sequence: 7,
                offset: 8
            })
        ));
        assert_eq!(connection.in_flight(), 1);
    }

    #[test]
    fn surplus_bytes_and_the_end_are_failures() {
        let (mut connection, mut template) = open(usize::MAX, 1);
        connection.stream.bytes.push_back(0);
        assert!(matches!(
            receive(&mut connection, &mut template, 4),
            Err(Failure::Unasked)
        ));
        connection.stream.ended = true;
        assert!(matches!(
            receive(&mut connection, &mut template, 4),
            Err(Failure::Closed)
        ));
    }
}
