//! Connections that do nothing, from the beginning or after one message: what each of them costs the server in memory.

use std::io;
use std::mem::MaybeUninit;
use std::thread;

use serde_json::{Value, json};
use socket2::Socket;

use crate::args::IdleOptions;
use crate::connect::{self, Buffers, Opened};
use crate::connection::Connection;
use crate::deflate::EchoCheck;
use crate::process::Process;
use crate::template::Template;

/// What was found out.
#[derive(Debug)]
pub(crate) struct Report {
    connections: usize,
    /// Connections that the server had ended, or on which it had sent something, at the end.
    errors: usize,
    /// The server's memory before and after, if its process is known.
    rss_kib: Option<(u64, u64)>,
}

/// Opens the connections, has a message echoed on each if there shall be one, lets the server settle, reads its memory,
/// and closes them.
pub(crate) fn idle(options: &IdleOptions) -> Result<Report, Box<dyn std::error::Error>> {
    let server = options.pid.map(Process::new);
    let open = |count| open(options, count);
    let memory = || server.as_ref().map(Process::rss_kib).transpose();

    let warm = open(options.warm_connections)?;
    thread::sleep(options.hold);
    let before = memory()?;
    let cold = open(options.connections)?;
    thread::sleep(options.hold);
    let after = memory()?;

    let errors = warm
        .iter()
        .chain(&cold)
        .filter(|socket| !is_idle(socket))
        .count();
    Ok(Report {
        connections: options.connections,
        errors,
        rss_kib: before.zip(after),
    })
}

impl Report {
    /// Whether all connections are still there.
    pub(crate) fn is_healthy(&self) -> bool {
        self.errors == 0
    }

    /// All figures in one line; null what is not known.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "connections": self.connections,
            "errors": self.errors,
            "rssKiBBefore": self.rss_kib.map(|(before, _)| before),
            "rssKiBAfter": self.rss_kib.map(|(_, after)| after),
            "bytesPerConnection": self.bytes_per_connection(),
        })
    }

    fn bytes_per_connection(&self) -> Option<i64> {
        let (before, after) = self.rss_kib?;
        let growth = after as f64 - before as f64;
        Some((growth * 1024.0 / self.connections as f64).round() as i64)
    }
}

fn open(options: &IdleOptions, count: usize) -> Result<Vec<Socket>, Box<dyn std::error::Error>> {
    let opened = connect::open(&options.target, options.protocol, count, Buffers::Usual)?;
    if options.size == 0 {
        return Ok(opened.into_iter().map(|opened| opened.socket).collect());
    }
    let kind = options.content.frame_kind();
    let mut template = Template::new(options.protocol, options.content, options.size, 1);
    let mut buffer = vec![0; READ_BYTES];
    let mut sockets = Vec::with_capacity(count);
    for (index, Opened { socket, deflate }) in opened.into_iter().enumerate() {
        let check = EchoCheck::wanted(deflate, kind, options.size)?;
        socket.set_nonblocking(false)?;
        let mut connection = Connection::new(&socket, index as u32, 1, check);
        connection.exchange(&mut template, &mut buffer)?;
        socket.set_nonblocking(true)?;
        sockets.push(socket);
    }
    Ok(sockets)
}

/// Whether the connection is open and has nothing to read.
fn is_idle(socket: &Socket) -> bool {
    matches!(socket.peek(&mut [MaybeUninit::uninit()]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// Bytes that one read takes at most.
const READ_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_per_connection_is_the_growth_shared_out() {
        let report = |before, after| Report {
            connections: 1000,
            errors: 0,
            rss_kib: Some((before, after)),
        };
        assert_eq!(report(1000, 2000).bytes_per_connection(), Some(1024));
        assert_eq!(report(2000, 1000).bytes_per_connection(), Some(-1024));
    }
}
