//! Values of RESP, and requests of it.

use arbitrary::Arbitrary;
use gev_wire::{RespConfig, Stream};

use crate::twins::resp_ends;
use crate::values::Values;

/// What comes, and whether it has to be requests.
#[derive(Debug, Arbitrary)]
pub struct Case<'a> {
    requests: bool,
    text: bool,
    values: Values<'a>,
}

/// However the bytes arrive, what is cut out of them is what a slow twin finds.
///
/// # Panics
/// When it is not.
pub fn check(case: &Case<'_>) {
    let config = RespConfig {
        max_message_bytes: 0,
        max_depth: 4,
        max_values: 50,
        requests: case.requests,
        inline: true,
        text: case.text,
    };
    let bytes = case.values.bytes(&WORDS);
    let twin = resp_ends(
        &bytes,
        config.requests,
        config.max_depth as usize,
        config.max_values,
    );
    case.values.check(&mut Stream::resp(config), &bytes, &twin);
}

const WORDS: [&str; 20] = [
    "\r\n",
    "*",
    "$",
    "%",
    "~",
    ">",
    "|",
    "+",
    "-",
    ":",
    "!",
    "=",
    "0",
    "1",
    "-1",
    "*2\r\n",
    "$1\r\na\r\n",
    "+OK\r\n",
    "100000\r\n",
    "PING \"",
];
