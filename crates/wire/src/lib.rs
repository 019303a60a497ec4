//! Bytes in, messages and bytes out.
//!
//! The pure part of gev: the [`RingBuffer`] that keeps the unfinished rest of a connection's input, and the framing
//! [`Codec`]s that turn bytes into messages. No sockets, no clocks, no threads, so that every test here feeds bytes.
#![forbid(unsafe_code)]

mod assembler;
mod by_hand;
mod close;
mod codec;
mod frame_error;
mod input;
mod json_stream;
mod listed;
mod proxy;
mod raw;
mod resp;
mod ring_buffer;
mod stomp;
mod stream;
mod utf8;
pub mod websocket;

pub use by_hand::{ByHand, Told};
pub use close::{Close, CloseCause, CloseCode, Fault};
pub use codec::{
    Codec, Control, Decoded, FrameCounts, FrameSink, KeepAlive, KeepAliveSink, MessageKind,
    Opening, Outgoing, PART_BYTES, Part, Payload, Refusal, Request, Sink, Upgrade, UpgradeSink,
};
pub use frame_error::{Fate, FrameError, FrameFault};
pub use input::Input;
pub use listed::Row;
pub use proxy::{Client, Preamble, Proxied, ProxyMode};
pub use raw::Raw;
pub use resp::RespConfig;
pub use ring_buffer::{Full, RingBuffer};
pub use stomp::StompConfig;
pub use stream::{Content, Stream};
pub use utf8::{InvalidUtf8, Utf8};
