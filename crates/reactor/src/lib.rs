//! Event loops: sockets, timers and limits around the protocols of [`gev_wire`].
//!
//! One [`EventLoop`] is one thread with one `mio::Poll`; a [`Reactor`] is all loops of a server. What the loops decode
//! they hand to a [`Bridge`] each, which is also where their commands come from; they know nothing of what is behind it.
//!
//! ```text
//!   Listener --accept--> Connection --read, Protocol::decode--> Bridge ==> (other thread)
//!                             ^------write, Protocol::encode--- commands <==
//! ```
#![forbid(unsafe_code)]

mod addresses;
mod admission;
mod bridge;
mod close_reason;
mod config;
mod connection;
mod event_loop;
mod http_date;
mod listener;
mod memory_budget;
mod output;
mod reactor;
mod sink;
mod slots;
mod timer_wheel;
mod watch;

pub use addresses::Addresses;
pub use admission::AdmissionLimits;
pub use bridge::{Bridge, Command, CommandKind, Event, Gauges};
pub use close_reason::{CloseCause, CloseReason};
pub use config::{Balance, Config, ProtocolFactory, ProtocolMaker, Timeouts};
pub use event_loop::{EventLoop, LoopHandle, Turn};
pub use reactor::{Reactor, guard};
pub use slots::ConnectionId;
