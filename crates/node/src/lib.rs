//! gev for Node.js: the reactor behind Node-API.
//!
//! Translation only. JavaScript and the event loops talk through queues in shared memory ([`memory`], [`queue`],
//! [`loop_bridge`]), by the rules in [`records`]; the functions exported here start and stop loops and ring or wake. This is the only crate with
//! `unsafe` code.

mod affinity;
mod allocator;
#[cfg(all(unix, not(debug_assertions)))]
mod backtrace;
pub mod by_hand;
mod doorbell;
mod driver;
pub mod environment;
pub mod error;
mod libuv;
mod loans;
mod loop_bridge;
mod memory;
#[cfg(all(loom, test))]
mod models;
mod queue;
mod records;
#[cfg_attr(loom, path = "models/sync.rs")]
mod sync;
pub mod text;
pub mod zone;
