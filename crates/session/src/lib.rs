//! The life of a connection, from the first byte to the last, without sockets, clocks and threads.
//!
//! ```text
//!   bytes, now ---> Session ---> events (what the application is told)
//!   commands  --->    |     ---> output (what goes to the peer), to an Outlet
//!                     `--------> the next deadline
//! ```
//! Whoever has the socket brings what it has read, writes what there is to write, and comes back when the deadline has
//! passed. Time comes in as `now`, or from a [`Clock`] where it matters what time it is after the work.
#![forbid(unsafe_code)]

mod close_reason;
mod config;
mod ending;
mod event;
mod http_date;
mod life;
mod loan;
mod memory_budget;
mod output;
mod pools;
mod receiving;
mod sending;
mod session;
mod sharing;
mod sink;
mod switching;
mod watch;

pub use close_reason::CloseReason;
pub use config::{Config, Timeouts};
pub use ending::{Heard, Stopping};
pub use event::{Event, Events, Gauges};
pub use http_date::HttpDate;
pub use loan::Loan;
pub use memory_budget::{MemoryBudget, Rank, Share};
pub use output::{CHUNK_BYTES, Outlet};
pub use pools::{Clock, Pools};
pub use receiving::Around;
pub use session::{LastWord, Next, Session};
pub use sharing::Shared;
