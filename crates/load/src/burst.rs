//! Connections that make a server keep bytes, and then go: whether its memory goes with them.

use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use socket2::Socket;

use crate::args::{Burst, BurstOptions, Protocol};
use crate::connect::{self, Buffers};
use crate::content::Content;
use crate::process::Process;
use crate::template::Template;

/// What was found out.
#[derive(Debug)]
pub(crate) struct Report {
    connections: usize,
    /// Connections that the server ended before they went.
    errors: usize,
    /// The server's memory, if its process is known.
    memory: Option<Memory>,
}

/// Resident memory, in KiB.
#[derive(Debug, Clone, Copy)]
struct Memory {
    before: u64,
    /// The most while the connections were there.
    during: u64,
    after: u64,
}

/// Opens the connections, has the server keep what they bring, lets them go all at once, and reads the server's memory.
pub(crate) fn burst(options: &BurstOptions) -> Result<Report, Box<dyn std::error::Error>> {
    let server = options.pid.map(Process::new);
    let memory = || server.as_ref().map(Process::rss_kib).transpose();

    thread::sleep(options.hold);
    let before = memory()?;
    let mut during = before;
    let mut note = || -> io::Result<()> {
        during = during.max(memory()?);
        Ok(())
    };
    let sockets = open(options, &mut note)?;
    let end = Instant::now() + options.hold;
    while Instant::now() < end {
        note()?;
        thread::sleep(BETWEEN_READINGS.min(options.hold));
    }
    let errors = sockets.iter().filter(|socket| !is_open(socket)).count();
    drop(sockets);
    thread::sleep(options.rest);
    let after = memory()?;

    Ok(Report {
        connections: options.connections,
        errors,
        memory: before
            .zip(during)
            .zip(after)
            .map(|((before, during), after)| Memory {
                before,
                during,
                after,
            }),
    })
}

impl Report {
    /// Whether all connections were there until they went.
    pub(crate) fn is_healthy(&self) -> bool {
        self.errors == 0
    }

    /// All figures in one line; null what is not known.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "connections": self.connections,
            "errors": self.errors,
            "firstError": (self.errors > 0).then_some("the server closed a connection"),
            "rssKiBBefore": self.memory.map(|memory| memory.before),
            "rssKiBDuring": self.memory.map(|memory| memory.during),
            "rssKiBAfter": self.memory.map(|memory| memory.after),
        })
    }
}

/// Opens all connections and sends on each what the server has to keep.
fn open(
    options: &BurstOptions,
    note: &mut impl FnMut() -> io::Result<()>,
) -> Result<Vec<Socket>, Box<dyn std::error::Error>> {
    let opened = connect::open(
        &options.target,
        Protocol::WebSocket,
        options.connections,
        Buffers::Small,
    )?;
    let bytes = bytes(options.kind, options.size);
    let mut sockets = Vec::with_capacity(opened.len());
    let mut last_note = Instant::now();
    for opened in opened {
        let mut socket = opened.socket;
        socket.set_nonblocking(false)?;
        socket.write_all(&bytes)?;
        socket.set_nonblocking(true)?;
        sockets.push(socket);
        if last_note.elapsed() > BETWEEN_READINGS {
            note()?;
            last_note = Instant::now();
        }
    }
    Ok(sockets)
}

/// What one connection sends for the server to keep `size` bytes.
fn bytes(kind: Burst, size: usize) -> Vec<u8> {
    let message = |size| {
        let mut template = Template::new(Protocol::WebSocket, Content::Binary, size, 1);
        template.frames(0, 1).to_vec()
    };
    match kind {
        Burst::Unread => message(size),
        Burst::Half => {
            let mut half = message(2 * size);
            half.truncate(half.len() - size);
            half
        }
    }
}

/// Whether the server has neither ended nor broken the connection; what it has sent does not matter.
fn is_open(socket: &Socket) -> bool {
    match socket.peek(&mut [MaybeUninit::uninit()]) {
        Ok(count) => count > 0,
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

const BETWEEN_READINGS: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_message_is_half_of_its_payload() {
        let half = bytes(Burst::Half, 65_536);
        assert_eq!(half[..10], [0x82, 0x80 | 127, 0, 0, 0, 0, 0, 2, 0, 0]);
        assert_eq!(half.len(), 10 + 4 + 65_536);
        let whole = bytes(Burst::Unread, 65_536);
        assert_eq!(whole[..10], [0x82, 0x80 | 127, 0, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(whole.len(), 10 + 4 + 65_536);
    }
}
