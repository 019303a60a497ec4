//! JSON texts one behind the other: each object or array is a message, found by its brackets.
//!
//! ```text
//!   {"a": [1, "]"]} \n [] {"b"            two messages, and the beginning of a third
//! ```
//! White space between them does not matter, nor does RS (RFC 7464 has one in front of each). Numbers, strings and
//! literals by themselves are refused: nothing says where `12` ends. Whether the brackets match is up to whoever parses
//! the text.

use crate::stream::{Content, Scan, Seen, Stream, Wrong};

impl Stream {
    /// A codec of JSON texts that refuses those of more bytes; 0 for no limit.
    #[must_use]
    pub fn json(max_message_bytes: u64, content: Content) -> Self {
        Self::new(Box::new(Json::default()), max_message_bytes, content)
    }
}

/// The JSON text that is coming in, up to where it has been looked at.
#[derive(Debug, Default)]
struct Json {
    /// Brackets that are open; 0 between texts.
    depth: u64,
    in_string: bool,
    /// The next character of the string has a backslash before it.
    escaped: bool,
}

impl Scan for Json {
    fn between(&self, run: &[u8]) -> usize {
        let begins = run.iter().position(|byte| !BETWEEN.contains(byte));
        begins.unwrap_or(run.len())
    }

    fn read(&mut self, run: &[u8], _room: u64) -> Result<Seen, Wrong> {
        if self.depth == 0 && !matches!(run.first(), None | Some(b'{' | b'[')) {
            return Err(Wrong::Malformed);
        }
        for (at, &byte) in run.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Ok(Seen::End(at + 1));
                    }
                }
                _ => {}
            }
        }
        Ok(Seen::All)
    }
}

/// White space (RFC 8259 section 2) and RS (RFC 7464 section 2.2).
const BETWEEN: &[u8] = b" \t\n\r\x1E";
