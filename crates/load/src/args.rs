//! The command line.

mod options;
mod parse;

use std::fmt;
use std::time::Duration;

pub(crate) use parse::parse;

use crate::content::Content;
use crate::framing::Framing;
use crate::target::Target;

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    Run(RunOptions),
    Handshake(HandshakeOptions),
    Burst(BurstOptions),
    Idle(IdleOptions),
    Floor(FloorOptions),
}

/// Options of `run`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RunOptions {
    pub(crate) target: Target,
    pub(crate) protocol: Protocol,
    /// At least 1.
    pub(crate) connections: usize,
    pub(crate) content: Content,
    /// Payload of a message, in bytes. As many as the content needs at least.
    pub(crate) size: usize,
    pub(crate) pace: Pace,
    pub(crate) window: Window,
}

/// When the next message is sent, and to whom it comes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// A closed loop: each connection keeps this many messages on their way, at least 1. They are echoed.
    InFlight(usize),
    /// A closed loop of rooms with this many members, at least 1: one of them in turns sends a message, which the server sends
    /// to all of them; the next one follows when all have it.
    Rooms(usize),
    /// An open loop: this many messages a second, over all connections in turns, whether the server keeps up or not. They are
    /// echoed.
    Rate(f64),
}

/// What is measured.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Window {
    pub(crate) duration: Duration,
    /// Load before it.
    pub(crate) warm_up: Duration,
    /// The server's process, for CPU time and memory.
    pub(crate) pid: Option<u32>,
}

/// Options of `handshake`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HandshakeOptions {
    pub(crate) target: Target,
    /// How many are opened, and closed again, at a time. At least 1.
    pub(crate) connections: usize,
    pub(crate) window: Window,
}

/// Options of `burst`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BurstOptions {
    pub(crate) target: Target,
    pub(crate) kind: Burst,
    /// At least 1.
    pub(crate) connections: usize,
    /// Bytes that the server has to keep for each connection. At least 1.
    pub(crate) size: usize,
    /// Time for the server to settle before its memory is read first, and for which it keeps what it has.
    pub(crate) hold: Duration,
    /// Time between the end of the burst and the last reading.
    pub(crate) rest: Duration,
    /// The server's process.
    pub(crate) pid: Option<u32>,
}

/// What makes a server keep bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Burst {
    /// A message whose echo is not read.
    Unread,
    /// The first half of a message.
    Half,
}

/// Options of `idle`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct IdleOptions {
    pub(crate) target: Target,
    pub(crate) protocol: Protocol,
    /// At least 1.
    pub(crate) connections: usize,
    /// Connections opened before memory is read for the first time, so that what a server allocates once is not
    /// counted. They come on top of `connections`.
    pub(crate) warm_connections: usize,
    pub(crate) content: Content,
    /// Payload of the one message that each connection has echoed before memory is read, in bytes; 0: no message.
    pub(crate) size: usize,
    /// Time for the server to settle before each reading of its memory.
    pub(crate) hold: Duration,
    /// The server's process.
    pub(crate) pid: Option<u32>,
}

/// Options of `floor`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FloorOptions {
    /// 0 lets the system choose.
    pub(crate) port: u16,
    /// The server ends by itself after this time.
    pub(crate) duration: Duration,
}

/// What is spoken over a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    WebSocket,
    /// WebSocket with permessage-deflate; every message is compressed.
    Deflate,
    /// Nothing but the messages' bytes, whatever carries them.
    Tcp,
    /// Messages on TCP that the server cuts.
    Framed(Framing),
}

/// What is wrong with the command line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ArgumentError {
    UnknownCommand(String),
    MissingCommand,
    UnknownOption(String),
    MissingOption(&'static str),
    MissingValue(String),
    /// Two options of which only one can be.
    Excluded(String, String),
    /// Smaller than such messages can be.
    TooSmall(usize),
    /// Bytes that would end a line.
    LinesAreText,
    InvalidValue {
        option: String,
        value: String,
        expected: &'static str,
    },
}

/// What is told to whoever used it wrongly.
pub(crate) const USAGE: &str = "\
usage: gev-load run --target ADDRESS:PORT|unix:PATH
                    [--protocol websocket|deflate|tcp|length-prefixed|lines|jt808|resp] [--connections 100]
                    [--in-flight 1 | --room MEMBERS | --rate MESSAGES] [--content binary|text|utf8|json] [--size 20]
                    [--seconds 3] [--warmup 1] [--pid PID]
       gev-load handshake --target ADDRESS:PORT [--connections 16] [--seconds 3] [--warmup 1] [--pid PID]
       gev-load burst --target ADDRESS:PORT --kind unread|half [--connections 1000] [--size 65536] [--hold 2]
                      [--rest 10] [--pid PID]
       gev-load idle --target ADDRESS:PORT|unix:PATH [--protocol websocket|deflate|tcp|...] [--connections 10000]
                     [--warm-connections 0] [--content binary|text|utf8|json] [--size 0] [--hold 2] [--pid PID]
       gev-load floor [--port 0] [--seconds 600]";

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCommand(command) => write!(f, "unknown command {command}"),
            Self::MissingCommand => write!(f, "a command is missing"),
            Self::UnknownOption(option) => write!(f, "unknown option {option}"),
            Self::MissingOption(option) => write!(f, "{option} is missing"),
            Self::MissingValue(option) => write!(f, "{option} needs a value"),
            Self::Excluded(one, other) => write!(f, "{one} and {other} exclude each other"),
            Self::TooSmall(size) => {
                write!(f, "such messages have at least {size} bytes")
            }
            Self::LinesAreText => write!(f, "lines need --content text, utf8 or json"),
            Self::InvalidValue {
                option,
                value,
                expected,
            } => write!(f, "{option} must be {expected}, not {value}"),
        }
    }
}

impl std::error::Error for ArgumentError {}
