//! The same frames, good and bad ones, through this codec and through tungstenite's: they have to agree.
//!
//! Where tungstenite is known to be laxer, and ours follows RFC 6455:
//! - It takes lengths that are not minimally encoded and lengths of 2^63 or more. Such are not generated here.
//! - It validates text when the message is complete, ours at each byte. So when ours fails with 1007, the other may
//!   not have come to the end of the message yet.
//! - It looks at the bits of a header when the frame is complete. Only complete frames are generated.
//! - It answers an invalid close code with 1002 as if all was well, ours fails with 1002. It takes 1014, which has been
//!   registered, for invalid: not generated.
//! - It echoes the reason of a close frame, ours only the code.
//! - It has no limit for the number of fragments.

use std::io::{self, Read, Write};

use gev_wire::websocket::Config;
use gev_wire::{Close, MessageKind};
use proptest::prelude::*;
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

use crate::kit::{End, feed, frame, open_web_socket};

const MAX_MESSAGE: usize = 2000;

/// What a server made of the bytes of a client.
#[derive(Debug, Default)]
struct Outcome {
    messages: Vec<(MessageKind, Vec<u8>)>,
    /// Payloads of the pongs sent.
    pongs: Vec<Vec<u8>>,
    /// Payload of the peer's close frame.
    closed: Option<Close>,
    failed: bool,
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

fn theirs(bytes: &[u8]) -> Outcome {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    let mut context = WebSocketContext::new(Role::Server, Some(config));
    let mut stream = Stream {
        input: bytes,
        output: Vec::new(),
    };
    let mut outcome = Outcome::default();
    loop {
        match context.read(&mut stream) {
            Ok(Message::Text(text)) => {
                outcome
                    .messages
                    .push((MessageKind::Text, text.as_bytes().to_vec()));
            }
            Ok(Message::Binary(bytes)) => {
                outcome.messages.push((MessageKind::Binary, bytes.to_vec()));
            }
            Ok(Message::Close(close)) => {
                let close = close.map(|close| Close::new(close.code.into(), close.reason.as_str()));
                outcome.closed = Some(close.unwrap_or(Close::new(1005, "")));
            }
            Ok(_) => {}
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(Error::ConnectionClosed) => break,
            Err(_) => {
                outcome.failed = true;
                break;
            }
        }
    }
    outcome.pongs = pongs(&stream.output);
    if outcome.closed == Some(Close::new(1002, "Protocol violation")) {
        outcome.closed = None;
        outcome.failed = true;
    }
    outcome
}

/// Ours, and the code it failed with.
fn ours(bytes: &[u8], piece: usize, at: usize, block_every: usize) -> (Outcome, u16) {
    let config = Config {
        max_message_bytes: MAX_MESSAGE as u64,
        ..Config::default()
    };
    let (mut web_socket, mut sink) = open_web_socket(config);
    sink.block_every = block_every;
    let pieces: Vec<&[u8]> = bytes.chunks(piece).collect();
    let end = feed(&mut web_socket, &pieces, at, &mut sink);
    let mut outcome = Outcome {
        messages: sink.messages(),
        ..Outcome::default()
    };
    outcome.pongs = pongs(&sink.replies());
    let mut code = 0;
    match end {
        End::NeedMore => {}
        End::Asked => panic!("nothing is asked here"),
        End::Closed(close) => outcome.closed = Some(close),
        End::Failed(error) => {
            code = error.code;
            outcome.failed = true;
        }
    }
    (outcome, code)
}

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

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[a-z]{0,30}".prop_map(String::into_bytes),
        3 => "\\PC{0,20}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..140),
        1 => prop_oneof![0..MAX_MESSAGE, MAX_MESSAGE - 1..MAX_MESSAGE + 3]
            .prop_map(|len| vec![b'x'; len]),
    ]
}

/// A message of a client in a number of frames, with pings between them.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let cuts = prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..4);
    (any::<bool>(), payload(), cuts).prop_map(|(is_text, payload, cuts)| {
        let mut places: Vec<(usize, bool)> = cuts
            .iter()
            .map(|(at, ping)| (at.index(payload.len() + 1), *ping))
            .collect();
        places.sort_unstable();
        let mut frames = Vec::new();
        let mut opcode = if is_text { 0x1 } else { 0x2 };
        let mut from = 0;
        for (at, ping) in places {
            frames.extend(frame(opcode, &payload[from..at]));
            if ping {
                frames.extend(frame(0x89, &[at as u8]));
            }
            (opcode, from) = (0x0, at);
        }
        frames.extend(frame(0x80 | opcode, &payload[from..]));
        frames
    })
}

/// Any frame, which may well break a rule here.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let close = (any::<u16>(), "\\PC{0,9}")
        .prop_filter("registered by now", |(code, _)| *code != 1014)
        .prop_map(|(code, reason)| [&code.to_be_bytes(), reason.as_bytes()].concat());
    let valid_close = (1000u16..1004).prop_map(|code| code.to_be_bytes().to_vec());
    prop_oneof![
        3 => (any::<u8>(), payload()).prop_filter("not a close frame", |(byte0, _)| byte0 & 0xF != 8)
            .prop_map(|(byte0, payload)| frame(byte0, &payload)),
        3 => (prop::sample::select(vec![0x00, 0x80, 0x01, 0x81, 0x89, 0x8A]), payload())
            .prop_map(|(byte0, payload)| frame(byte0, &payload)),
        1 => prop_oneof![close, valid_close].prop_map(|payload| frame(0x88, &payload)),
        1 => prop::collection::vec(any::<u8>(), 0..2).prop_map(|payload| frame(0x88, &payload)),
        1 => "[a-z]{0,9}".prop_map(|text| [&[0x81, text.len() as u8], text.as_bytes()].concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]
    #[test]
    fn agrees_with_tungstenite(
        frames in prop::collection::vec(prop_oneof![8 => message(), 1 => any_frame()], 0..12),
        piece in 1usize..3000,
        at in 0usize..128,
        block_every in prop::sample::select(vec![0usize, 2, 3]),
    ) {
        let bytes = frames.concat();
        let theirs = theirs(&bytes);
        let (ours, code) = ours(&bytes, piece, at, block_every);
        prop_assert_eq!(&ours.messages, &theirs.messages);
        if code == 1007 && !theirs.failed {
            // Ours stopped where the other goes on to read the rest of a message that cannot become valid.
            prop_assert!(theirs.pongs.starts_with(&ours.pongs));
        } else {
            prop_assert_eq!(ours.failed, theirs.failed);
            prop_assert_eq!(&ours.closed, &theirs.closed);
            prop_assert_eq!(&ours.pongs, &theirs.pongs);
        }
    }
}
