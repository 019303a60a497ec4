//! Event loops: sockets, timers and limits around the sessions of [`gev_session`].
//!
//! One [`EventLoop`] is one thread with one `mio::Poll`; a [`Reactor`] is all loops of a server. What the loops decode
//! they hand to a [`Bridge`] each, which is also where their commands come from; they know nothing of what is behind it.
//!
//! ```text
//!   Listener --accept--> Connection --read, Session::receive--> Bridge ==> (other thread)
//!                             ^-----write, Session::send------ commands <==
//! ```
#![forbid(unsafe_code)]

mod address;
mod addresses;
mod admission;
mod bridge;
mod close_payload;
mod config;
mod connection;
mod counter;
mod event_loop;
mod listener;
mod network;
mod protocols;
mod reactor;
mod slots;
mod system_clock;
mod timer_wheel;
mod transport;

pub use address::Address;
pub use addresses::Addresses;
pub use admission::AdmissionLimits;
pub use bridge::{Bridge, Command, CommandKind};
pub use close_payload::{CLOSE_CAUSE_AT, CLOSE_CLEAN_AT, CLOSE_TEXT_AT};
pub use config::{
    Balance, CodecFactory, CodecMaker, Config, ConnectionConfig, ListenerConfig, LoopConfig, Pin,
    PoolPart, ProxyConfig,
};
pub use counter::{Counter, TURNS_PER_TIMED};
pub use event_loop::{EventLoop, LoopHandle, Turn, dismiss};
pub use network::{Network, NotANetwork};
pub use reactor::{Reactor, guard};
pub use slots::ConnectionId;
