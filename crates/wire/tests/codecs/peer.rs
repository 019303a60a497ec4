//! What a server makes of the frames of a client: by this codec, and by tungstenite's, an independent one.
//!
//! Where tungstenite is known to be laxer, and ours follows RFC 6455; such frames must not be compared:
//! - It takes lengths that are not minimally encoded, and waits for the whole of a length of 2^63 or more.
//! - It looks at the bits of a header, and at text, when the frame is complete, ours at each byte.
//! - It takes the close code 1014, which has been registered, for invalid.
//! - It has no limit for the number of fragments.
//!
//! It also echoes the reason of a close frame, ours only the code; the echo is not compared.

use std::io::{self, Read, Write};

use gev_wire::{Close, MessageKind};
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

use crate::kit::{Collector, End};

/// What a server made of the bytes of a client.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) messages: Vec<(MessageKind, Vec<u8>)>,
    /// Payloads of the pongs sent.
    pub(crate) pongs: Vec<Vec<u8>>,
    /// Payload of the peer's close frame.
    pub(crate) closed: Option<Close>,
    pub(crate) failed: bool,
}

impl Outcome {
    /// What this codec did, as its sink has it.
    pub(crate) fn of_ours(sink: &Collector, end: End) -> Self {
        Self {
            messages: sink.messages(),
            pongs: pongs(&sink.replies()),
            failed: matches!(end, End::Failed(_)),
            closed: match end {
                End::Closed(close) => Some(close),
                _ => None,
            },
        }
    }

    /// What tungstenite does with the frames in `bytes`, whose messages may have `max_message` bytes.
    pub(crate) fn of_tungstenite(bytes: &[u8], max_message: usize) -> Self {
        let config = WebSocketConfig::default()
            .max_message_size(Some(max_message))
            .max_frame_size(Some(max_message.max(MAX_CONTROL_PAYLOAD)));
        let mut context = WebSocketContext::new(Role::Server, Some(config));
        let mut stream = Stream {
            input: bytes,
            output: Vec::new(),
        };
        let mut outcome = Self::default();
        while outcome.add(context.read(&mut stream)) {}
        outcome.pongs = pongs(&stream.output);
        outcome
    }

    /// Adds what tungstenite has read. False when that was the last.
    fn add(&mut self, read: Result<Message, Error>) -> bool {
        match read {
            Ok(Message::Text(text)) => {
                let message = (MessageKind::Text, text.as_bytes().to_vec());
                self.messages.push(message);
            }
            Ok(Message::Binary(bytes)) => {
                self.messages.push((MessageKind::Binary, bytes.to_vec()));
            }
            Ok(Message::Close(close)) => {
                let close =
                    close.map(|close| Close::new(u16::from(close.code), close.reason.as_str()));
                let close = close.unwrap_or(Close::new(1005, ""));
                // An invalid close code is answered as if all was well, with this in place of the peer's.
                self.failed = close == Close::new(1002, "Protocol violation");
                self.closed = (!self.failed).then_some(close);
            }
            Ok(_) => {}
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return false,
            Err(Error::ConnectionClosed) => return false,
            Err(_) => {
                self.failed = true;
                return false;
            }
        }
        true
    }
}

/// The far end of a connection: gives `input` and then nothing more, and keeps what is written.
struct Stream<'a> {
    input: &'a [u8],
    output: Vec<u8>,
}

impl Read for Stream<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.input.is_empty() {
            Err(io::ErrorKind::WouldBlock.into())
        } else {
            self.input.read(out)
        }
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The payloads of the pongs among the frames of a server, which are control frames all.
fn pongs(mut output: &[u8]) -> Vec<Vec<u8>> {
    let mut pongs = Vec::new();
    while let [byte0, len, rest @ ..] = output {
        let (payload, rest) = rest.split_at(usize::from(*len));
        if *byte0 == 0x8A {
            pongs.push(payload.to_vec());
        }
        output = rest;
    }
    pongs
}

/// RFC 6455 section 5.5.
const MAX_CONTROL_PAYLOAD: usize = 125;
