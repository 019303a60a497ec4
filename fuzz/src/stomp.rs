//! Frames of STOMP.

use arbitrary::Arbitrary;
use gev_wire::{StompConfig, Stream};

use crate::twins::stomp_ends;
use crate::values::Values;

/// What comes.
#[derive(Debug, Arbitrary)]
pub struct Case<'a> {
    max_header_bytes: u8,
    values: Values<'a>,
}

/// However the bytes arrive, what is cut out of them is what a slow twin finds.
///
/// # Panics
/// When it is not.
pub fn check(case: &Case<'_>) {
    let config = StompConfig {
        max_message_bytes: 0,
        max_header_bytes: 64 + u32::from(case.max_header_bytes),
        max_headers: 4,
    };
    let bytes = case.values.bytes(&WORDS);
    let twin = stomp_ends(
        &bytes,
        config.max_header_bytes as usize,
        config.max_headers as usize,
    );
    case.values.check(&mut Stream::stomp(config), &bytes, &twin);
}

const WORDS: [&str; 12] = [
    "\n",
    "\r\n",
    "\0",
    "SEND\n",
    "SEND\r\n",
    "a:b\n",
    "content-length:",
    "content-length:1\n",
    "content-length:100000\n\n",
    "\n\n",
    "0",
    "SEND\n\nhello\0",
];
