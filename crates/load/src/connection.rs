//! One connection of a run.
//!
//! Invariant: `next_sent - next_echo` messages are in flight, and `sent_at` has the time of each. No memory is allocated
//! per message, except that `unsent` grows to what the kernel does not take.
//!
//! In a room a message is sent on one connection and comes back on all; the others are told to expect it.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use mio::event::Source;

use crate::deflate::{EchoCheck, Wrong};
use crate::stream::Stream;
use crate::template::Template;

/// A connection on which messages come back as they were sent.
pub(crate) struct Connection<S = Stream> {
    stream: S,
    /// When each message in flight was sent, or should have been, oldest first.
    sent_at: VecDeque<Instant>,
    /// Sequence number of the next message.
    next_sent: u32,
    /// Sequence number of the next echo.
    next_echo: u32,
    /// Bytes of the next echo that have arrived and were right, where echoes are not compressed.
    echo_offset: usize,
    /// What checks compressed echoes.
    check: Option<Box<EchoCheck>>,
    /// What the kernel has not taken yet, from `unsent_at` on; nothing may overtake it.
    unsent: Vec<u8>,
    /// Where `unsent` begins: a long message is not moved for each part that the kernel takes.
    unsent_at: usize,
}

/// An echo that was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Echoed {
    pub(crate) latency: Duration,
    /// With all that is around its payload.
    pub(crate) bytes: usize,
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
    /// What came is not the compressed echo of what was sent.
    WrongCompressedEcho(Wrong),
    /// Something came although no echo was missing.
    Unasked,
    /// The echo did not come while the stream blocked.
    Late,
}

impl<S: Read + Write> Connection<S> {
    /// Sequence numbers begin at `first_sequence`. Connections should begin at different ones: then an echo that went to
    /// the wrong connection is a wrong echo. `check` is for echoes that are compressed.
    pub(crate) fn new(
        stream: S,
        first_sequence: u32,
        in_flight: usize,
        check: Option<EchoCheck>,
    ) -> Self {
        Self {
            stream,
            sent_at: VecDeque::with_capacity(in_flight),
            next_sent: first_sequence,
            next_echo: first_sequence,
            echo_offset: 0,
            check: check.map(Box::new),
            unsent: Vec::new(),
            unsent_at: 0,
        }
    }

    /// Messages that have been sent, or are expected, and have not come.
    pub(crate) fn in_flight(&self) -> usize {
        self.sent_at.len()
    }

    /// Sends `count` messages at once. Their latencies are counted from `since`.
    pub(crate) fn send(
        &mut self,
        count: usize,
        since: Instant,
        template: &mut Template,
    ) -> Result<(), Failure> {
        let frames = template.frames(self.next_sent, count);
        let taken = if self.unsent.is_empty() {
            write_all_possible(&mut self.stream, frames)?
        } else {
            0
        };
        self.unsent.extend_from_slice(&frames[taken..]);
        self.expect(count, since);
        Ok(())
    }

    /// Expects `count` messages that are sent on another connection. Their latencies are counted from `since`.
    pub(crate) fn expect(&mut self, count: usize, since: Instant) {
        self.next_sent = self.next_sent.wrapping_add(count as u32);
        self.sent_at.extend(std::iter::repeat_n(since, count));
    }

    /// Sends what the kernel did not take before. To be called when the socket is writable.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        let unsent = &self.unsent[self.unsent_at..];
        if !unsent.is_empty() {
            self.unsent_at += write_all_possible(&mut self.stream, unsent)?;
            if self.unsent_at == self.unsent.len() {
                self.unsent.clear();
                self.unsent_at = 0;
            }
        }
        Ok(())
    }

    /// Reads until there is no more, calls `on_echo` for each echo, and answers what one read brought with as many
    /// messages if `goes_on`. To be called when the socket is readable.
    pub(crate) fn receive(
        &mut self,
        template: &mut Template,
        buffer: &mut [u8],
        goes_on: bool,
        mut on_echo: impl FnMut(Echoed),
    ) -> Result<(), Failure> {
        while let Some(count) = self.read(buffer)? {
            let echoes = self.take_echoes(&buffer[..count], template, &mut on_echo)?;
            if goes_on && echoes > 0 {
                self.send(echoes, Instant::now(), template)?;
            }
            if SHORT_READ_IS_LAST && count < buffer.len() {
                break;
            }
        }
        Ok(())
    }

    /// Sends one message and waits for its echo. The stream has to block, with a time-out.
    pub(crate) fn exchange(
        &mut self,
        template: &mut Template,
        buffer: &mut [u8],
    ) -> Result<(), Failure> {
        self.send(1, Instant::now(), template)?;
        while self.in_flight() > 0 {
            let count = self.read(buffer)?.ok_or(Failure::Late)?;
            self.take_echoes(&buffer[..count], template, &mut |_| {})?;
        }
        Ok(())
    }

    /// Reads once; `None`: there is nothing.
    fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Failure> {
        loop {
            return match self.stream.read(buffer) {
                Ok(0) => Err(Failure::Closed),
                Ok(count) => Ok(Some(count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(Failure::Io(error)),
            };
        }
    }

    /// Compares what has arrived; returns how many echoes were completed.
    fn take_echoes(
        &mut self,
        mut bytes: &[u8],
        template: &mut Template,
        on_echo: &mut impl FnMut(Echoed),
    ) -> Result<usize, Failure> {
        let now = Instant::now();
        let mut echoes = 0;
        while !bytes.is_empty() {
            let Some(&sent_at) = self.sent_at.front() else {
                return Err(Failure::Unasked);
            };
            let complete = match &mut self.check {
                Some(check) => template.check(check, &mut bytes)?,
                None => self.compare(&mut bytes, template)?,
            };
            if let Some(bytes) = complete {
                let latency = now - sent_at;
                self.next_echo = self.next_echo.wrapping_add(1);
                self.sent_at.pop_front();
                on_echo(Echoed { latency, bytes });
                echoes += 1;
            }
        }
        Ok(echoes)
    }

    /// Takes from the beginning of `bytes` what belongs to the next echo; returns the echo's length when that was its end.
    fn compare(
        &mut self,
        bytes: &mut &[u8],
        template: &mut Template,
    ) -> Result<Option<usize>, Failure> {
        let missing = template.echo_bytes() - self.echo_offset;
        let (part, rest) = bytes.split_at(missing.min(bytes.len()));
        if !template.matches(self.next_echo, self.echo_offset, part) {
            return Err(Failure::WrongEcho {
                sequence: self.next_echo,
                offset: self.echo_offset,
            });
        }
        *bytes = rest;
        self.echo_offset += part.len();
        if self.echo_offset < template.echo_bytes() {
            return Ok(None);
        }
        self.echo_offset = 0;
        Ok(Some(template.echo_bytes()))
    }
}

impl<S: Source> Connection<S> {
    /// What the poll has to know.
    pub(crate) fn source(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl std::error::Error for Failure {}

impl From<Wrong> for Failure {
    fn from(wrong: Wrong) -> Self {
        Self::WrongCompressedEcho(wrong)
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
            Self::WrongCompressedEcho(wrong) => wrong.fmt(f),
            Self::Unasked => write!(f, "the server sent more than it had received"),
            Self::Late => write!(f, "the server did not echo a message in time"),
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
    use crate::content::Content;
    use crate::deflate::Agreed;
    use crate::frame::FrameKind;

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
        let template = Template::new(Protocol::Tcp, Content::Binary, 10, in_flight);
        (Connection::new(echo, 7, in_flight, None), template)
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
            connection.send(3, Instant::now(), &mut template).unwrap();
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
        connection.send(3, Instant::now(), &mut template).unwrap();
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
        connection.send(1, Instant::now(), &mut template).unwrap();
        connection.send(3, Instant::now(), &mut template).unwrap();
        for _ in 0..8 {
            connection.stream.room = 5;
            connection.flush().unwrap();
        }
        assert!(connection.unsent.is_empty());
        assert_eq!(receive(&mut connection, &mut template, 64).unwrap(), 4);
    }

    #[test]
    fn what_is_sent_elsewhere_can_be_expected() {
        let (mut sender, mut template) = open(10, 1);
        let (mut member, _) = open(0, 1);
        sender.send(1, Instant::now(), &mut template).unwrap();
        member.expect(1, Instant::now());
        member.stream.bytes = sender.stream.bytes.clone();
        for connection in [&mut sender, &mut member] {
            assert_eq!(receive(connection, &mut template, 64).unwrap(), 1);
            assert_eq!(connection.in_flight(), 0);
        }
    }

    #[test]
    fn latency_counts_from_when_a_message_should_have_been_sent() {
        let (mut connection, mut template) = open(10, 1);
        let due = Instant::now() - Duration::from_secs(3);
        connection.send(1, due, &mut template).unwrap();
        let mut latency = Duration::ZERO;
        connection
            .receive(&mut template, &mut [0; 64], false, |echo| {
                latency = echo.latency
            })
            .unwrap();
        assert!(latency >= Duration::from_secs(3));
    }

    #[test]
    fn one_message_can_be_waited_for() {
        let (mut connection, mut template) = open(10, 1);
        connection.exchange(&mut template, &mut [0; 4]).unwrap();
        assert_eq!(connection.in_flight(), 0);
        assert!(matches!(
            connection.exchange(&mut template, &mut [0; 4]),
            Err(Failure::Late)
        ));
    }

    #[test]
    fn wrong_echoes_are_found() {
        let (mut connection, mut template) = open(usize::MAX, 1);
        connection.send(1, Instant::now(), &mut template).unwrap();
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

    /// A connection whose only message is on its way, and a server that has echoed it as it was compressed.
    fn open_deflate() -> (Connection<Echo>, Template) {
        let mut template = Template::new(Protocol::Deflate, Content::Text, 100, 1);
        let frame = template.frames(7, 1).to_vec();
        let payload = &frame[6..];
        let mut server = Echo {
            room: usize::MAX,
            ..Echo::default()
        };
        server.bytes.extend([frame[0], frame[1] & 0x7f]);
        let masks = frame[2..6].iter().cycle();
        server
            .bytes
            .extend(payload.iter().zip(masks).map(|(byte, mask)| byte ^ mask));
        let agreed = Agreed::parse("permessage-deflate").unwrap();
        let check = EchoCheck::new(agreed, FrameKind::Text);
        let mut connection = Connection::new(server, 7, 1, Some(check));
        connection.sent_at.push_back(Instant::now());
        (connection, template)
    }

    #[test]
    fn compressed_echoes_are_measured_in_the_bytes_that_arrive() {
        for step in [1, 5, 4096] {
            let (mut connection, mut template) = open_deflate();
            let len = connection.stream.bytes.len();
            let mut lengths = Vec::new();
            while connection.in_flight() > 0 {
                connection
                    .receive(&mut template, &mut vec![0; step], false, |echo| {
                        lengths.push(echo.bytes);
                    })
                    .unwrap();
            }
            assert_eq!(lengths, [len], "step {step}");
        }
    }

    #[test]
    fn wrong_compressed_echoes_are_found() {
        let (mut connection, mut template) = open_deflate();
        connection.stream.bytes[0] ^= 0x40;
        assert!(matches!(
            receive(&mut connection, &mut template, 4096),
            Err(Failure::WrongCompressedEcho(Wrong::Frame { byte0: 0x81 }))
        ));
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
