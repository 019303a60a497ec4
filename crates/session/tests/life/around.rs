//! What is around a session: an application that writes down what it hears, a socket that takes what it is told to take, a
//! clock; and the words for what has happened.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use gev_session::{Clock, CloseReason, Event, Events, LastWord, Outlet};
use gev_wire::{Client, Control, Proxied, Request};

/// What has happened.
#[derive(Clone, Default)]
pub(crate) struct Line(pub(crate) Rc<RefCell<String>>);

impl Line {
    pub(crate) fn say(&self, what: &str) {
        let mut line = self.0.borrow_mut();
        let comma = if line.is_empty() { "" } else { ", " };
        write!(line, "{comma}{what}").expect("a string");
    }
}

pub(crate) struct Told {
    pub(crate) line: Line,
    pub(crate) payload: Vec<u8>,
    /// Events that there is room for.
    pub(crate) room: usize,
}

impl Events for Told {
    fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        if self.room == 0 {
            return None;
        }
        self.payload = vec![0; len];
        Some(&mut self.payload)
    }

    fn shorten(&mut self, len: usize) {
        self.payload.truncate(len);
    }

    fn commit(&mut self, event: Event) {
        self.room -= 1;
        let payload = shown(&self.payload);
        self.line.say(&match event {
            Event::Message(part) => {
                let more = if part.last { "" } else { " ..." };
                format!("message {payload}{more}")
            }
            Event::Control(Control::Ping) => format!("ping {payload}"),
            Event::Control(Control::Pong) => format!("pong {payload}"),
            Event::End => "end".to_owned(),
            Event::Stop => "stop".to_owned(),
            other => format!("{other:?}"),
        });
    }

    fn proxied(&mut self, proxied: Proxied) -> bool {
        let Client::Ip { source, .. } = proxied.client else {
            return true;
        };
        self.line.say(&format!("for {source}"));
        // Somebody who may not come in.
        source.port() != 666
    }

    fn introduce(&mut self, event: Event, more: [&[u8]; 3]) -> bool {
        if self.room == 0 {
            return false;
        }
        self.room -= 1;
        self.line.say(&match event {
            Event::Open => "open".to_owned(),
            Event::Ask(Request::Upgrade) => "asked to upgrade".to_owned(),
            Event::Ask(Request::Plain) => "asked".to_owned(),
            Event::Refused => format!("refused with {}", shown(more[1])),
            other => format!("{other:?}"),
        });
        true
    }
}

/// A socket.
pub(crate) struct Taker {
    pub(crate) line: Line,
    /// Bytes that it takes.
    pub(crate) room: usize,
    pub(crate) error: Option<ErrorKind>,
    /// What it has taken and has not been told.
    pub(crate) taken: Vec<u8>,
}

impl Write for Taker {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if let Some(error) = self.error {
            return Err(error.into());
        }
        let bytes = slices.iter().flat_map(|slice| slice.iter().copied());
        let before = self.taken.len();
        self.taken.extend(bytes.take(self.room));
        match self.taken.len() - before {
            0 => Err(ErrorKind::WouldBlock.into()),
            n => {
                self.room -= n;
                Ok(n)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Outlet for Taker {
    fn shut_down(&mut self) {
        self.tell();
        self.line.say("fin");
    }
}

impl Taker {
    /// Tells what it has taken, as far as those are whole.
    pub(crate) fn tell(&mut self) {
        let taken = std::mem::take(&mut self.taken);
        for said in said(&taken) {
            self.line.say(&said);
        }
    }
}

/// The time that the stage has.
pub(crate) struct StageClock(pub(crate) Arc<Mutex<Instant>>);

impl Clock for StageClock {
    fn now(&self) -> Instant {
        *self.0.lock().expect("one thread")
    }

    fn date(&mut self) -> &str {
        "a date"
    }
}

pub(crate) fn gone(last: Option<LastWord>) -> String {
    match last {
        None => "gone".to_owned(),
        Some(LastWord::Refused { status, reason }) => format!("failed {status} {reason}"),
        Some(LastWord::Close(CloseReason {
            close,
            cause,
            was_clean,
        })) => {
            let cause = format!("{cause:?}").to_lowercase();
            let clean = if was_clean { " clean" } else { "" };
            let text = match close.reason.as_str() {
                "" => String::new(),
                text => format!(" ({text})"),
            };
            format!("gone {} {cause}{clean}{text}", close.code)
        }
    }
}

pub(crate) fn shown(bytes: &[u8]) -> String {
    match bytes {
        long if long.len() > 40 => format!("{} bytes", long.len()),
        short => String::from_utf8_lossy(short).into_owned(),
    }
}

/// What bytes say to a peer: responses, frames of a server, or as they are.
pub(crate) fn said(mut bytes: &[u8]) -> Vec<String> {
    let mut said = Vec::new();
    while let Some((&first, rest)) = bytes.split_first() {
        if let Some(response) = bytes.strip_prefix(b"HTTP/1.1 ") {
            let end = response.windows(4).position(|it| it == b"\r\n\r\n");
            said.push(shown(&response[..3]));
            let Some(end) = end else { return said };
            let behind = &response[end + 4..];
            let is_upgrade = response.starts_with(b"101");
            bytes = if is_upgrade { behind } else { &[] };
            continue;
        }
        let len = usize::from(rest.first().copied().unwrap_or(0));
        let is_frame = first & 0xF0 == 0x80 && len < 126 && rest.len() > len;
        if !is_frame {
            said.push(format!("sent {}", shown(bytes)));
            return said;
        }
        let payload = &rest[1..=len];
        said.push(match first & 0xF {
            8 if payload.is_empty() => "sent close".to_owned(),
            8 => {
                let code = u16::from_be_bytes([payload[0], payload[1]]);
                format!("sent close {code}")
            }
            9 => format!("sent ping {}", shown(payload))
                .trim_end()
                .to_owned(),
            10 => format!("sent pong {}", shown(payload)),
            _ => format!("sent {}", shown(payload)),
        });
        bytes = &rest[len + 1..];
    }
    said
}
