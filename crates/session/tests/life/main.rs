//! The life of connections, scenario by scenario, under a clock that is moved by hand.

#![allow(clippy::unwrap_used, reason = "a test panics when it fails")]

mod around;
mod closing;
mod failures;
mod framing;
mod handshakes;
mod kit;
mod proxies;
mod sending;
mod stopping;
mod switching;
mod timeouts;
