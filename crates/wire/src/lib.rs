//! Bytes in, messages and bytes out.
//!
//! The pure part of gev: the [`RingBuffer`] that keeps the unfinished rest of a connection's input, and the framing
//! [`Protocol`]s that turn bytes into messages. No sockets, no clocks, no threads, so that every test here feeds bytes.
#![forbid(unsafe_code)]

mod input;
mod protocol;
mod raw;
mod ring_buffer;
pub mod websocket;

pub use input::Input;
pub use protocol::{
    Close, Control, Decoded, MessageKind, Opening, Outgoing, PART_BYTES, Part, Payload, Protocol,
    ProtocolError, Refusal, Request, Sink,
};
pub use raw::Raw;
pub use ring_buffer::{Full, RingBuffer};
