//! The tokens by which a poll names what it tells of: connections, listeners, the waker.

use mio::Token;

use crate::listener::Listener;
use crate::slots::ConnectionId;

pub(super) fn token_of(id: ConnectionId) -> Token {
    Token((id.generation as usize) << 32 | id.slot as usize)
}

pub(super) fn id_of(token: Token) -> ConnectionId {
    ConnectionId {
        slot: token.0 as u32,
        generation: (token.0 >> 32) as u32,
    }
}

pub(super) fn listener_token(listener: &Listener) -> Token {
    Token(WAKER.0 - 1 - listener.index)
}

pub(super) fn is_listener(token: Token) -> bool {
    token.0 >> 63 == 1
}

/// Generations stay below 2^30, so no connection has this token, nor those of listeners.
pub(super) const WAKER: Token = Token(usize::MAX);

const _: () = assert!(
    usize::BITS == 64,
    "a token holds a slot and a generation, 32 bits each"
);
