//! The protocols as their callers see them: bytes in, messages and replies out.

mod by_hand;
mod close;
mod defects;
mod deflate;
mod differential;
mod extensions;
mod frames;
mod handshake;
mod json_stream;
mod kit;
mod peer;
mod raw;
mod requests;
mod resp;
mod scenarios;
mod splits;
mod stomp;
mod twins;
mod upgrade;
