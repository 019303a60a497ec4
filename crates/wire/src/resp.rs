//! Values of RESP, the protocol of Redis: versions 2 and 3, and commands in plain lines.
//!
//! ```text
//!   *2\r\n $3\r\nGET\r\n $1\r\na\r\n      a request: an array of bulk strings
//!   PING\r\n                              the same as a line, for people
//!   +OK\r\n  :7\r\n  %1\r\n +a\r\n :1\r\n    values: one line, or a length and bytes, or a count and values
//! ```
//! A whole value, with all that is in it, is a message. What is in a line (the digits of a number, say) is up to whoever
//! reads it; that it is one line is seen to here.
//!
//! Invariants: `levels` has, for each aggregate that is open, how many values it lacks, and none of them is 0.

use crate::stream::{Content, Scan, Seen, Stream, Wrong};

/// What is let in.
#[derive(Debug, Clone, Copy)]
pub struct RespConfig {
    /// Most bytes of a message; 0 for no limit.
    pub max_message_bytes: u64,
    /// Most aggregates within one another, up to [`MOST_DEPTH`](Self::MOST_DEPTH).
    pub max_depth: u32,
    /// Most values in a message, all its aggregates together.
    pub max_values: u32,
    /// Messages are requests (arrays of bulk strings, and lines), and nothing else.
    pub requests: bool,
    /// Requests may be lines.
    pub inline: bool,
    /// Messages that are ASCII go as text.
    pub text: bool,
}

impl RespConfig {
    /// The highest `max_depth`.
    pub const MOST_DEPTH: usize = 32;
}

impl Stream {
    /// A codec of such values.
    #[must_use]
    pub fn resp(config: RespConfig) -> Self {
        let content = if config.text {
            Content::BytesOrAscii
        } else {
            Content::Bytes
        };
        let resp = Resp {
            config,
            state: State::Type,
            levels: [0; RespConfig::MOST_DEPTH],
            depth: 0,
            values: 0,
        };
        Self::new(Box::new(resp), config.max_message_bytes, content)
    }
}

#[derive(Debug)]
struct Resp {
    config: RespConfig,
    state: State,
    levels: [u32; RespConfig::MOST_DEPTH],
    depth: usize,
    /// Values of the message that have been announced.
    values: u32,
}

/// What the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first one of a value.
    Type,
    /// One of a command in a line, with nothing in front of it but so many bytes of the line.
    Inline(usize),
    /// One of a line that is a value.
    Line,
    /// The LF that ends such a line.
    LineEnd,
    /// One of a length or a count, in a value of this type.
    Number(u8, Number),
    /// The LF behind it.
    NumberEnd(u8, Number),
    /// One of so many of a bulk string, with the two that end it.
    Bulk(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Number {
    negative: bool,
    digits: u8,
    value: u64,
}

impl Scan for Resp {
    fn between(&self, run: &[u8]) -> usize {
        if !self.config.requests || !self.config.inline {
            return 0;
        }
        let begins = run.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
        begins.unwrap_or(run.len())
    }

    fn read(&mut self, run: &[u8], room: u64) -> Result<Seen, Wrong> {
        let mut at = 0;
        while let Some(&byte) = run.get(at) {
            match self.state {
                State::Type => {
                    self.state = self.value(byte)?;
                    // A line begins with this byte.
                    at += usize::from(self.state != State::Inline(0));
                    continue;
                }
                State::Number(kind, number) => {
                    self.state = if byte == b'\r' {
                        State::NumberEnd(kind, number)
                    } else {
                        State::Number(kind, number.with(byte)?)
                    };
                    at += 1;
                    continue;
                }
                State::NumberEnd(kind, number) => {
                    expect(byte, b'\n')?;
                    at += 1;
                    let len = at as u64;
                    if !self.announced(kind, number, len, room)? {
                        continue;
                    }
                }
                State::Bulk(left) => {
                    let here = left.min((run.len() - at) as u64);
                    self.bulk(&run[at..at + here as usize], left)?;
                    at += here as usize;
                    if left > here {
                        self.state = State::Bulk(left - here);
                        break;
                    }
                }
                State::Line => {
                    let rest = &run[at..];
                    let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
                    let Some(end) = end else {
                        break;
                    };
                    expect(rest[end], b'\r')?;
                    at += end + 1;
                    self.state = State::LineEnd;
                    continue;
                }
                State::LineEnd => {
                    expect(byte, b'\n')?;
                    at += 1;
                }
                State::Inline(before) => {
                    let rest = &run[at..];
                    let end = rest.iter().position(|&byte| byte == b'\n');
                    let here = end.map_or(rest.len(), |end| end + 1);
                    if before + here > MOST_INLINE_BYTES {
                        return Err(Wrong::TooLong(None));
                    }
                    at += here;
                    if end.is_none() {
                        self.state = State::Inline(before + here);
                        break;
                    }
                }
            }
            self.state = State::Type;
            if self.value_ended() {
                self.values = 0;
                return Ok(Seen::End(at));
            }
        }
        Ok(Seen::All)
    }
}

impl Resp {
    /// A value begins with this byte.
    fn value(&self, byte: u8) -> Result<State, Wrong> {
        let RespConfig {
            requests, inline, ..
        } = self.config;
        match byte {
            _ if requests && self.depth > 0 => {
                expect(byte, b'$')?;
                Ok(State::Number(byte, Number::default()))
            }
            b'*' => Ok(State::Number(byte, Number::default())),
            _ if requests && !inline => Err(Wrong::Malformed),
            // White space of ASCII comes before the words of a line, too.
            b' ' | b'\t' | 0x0B | 0x0C if requests => Ok(State::Inline(0)),
            // What begins like another value is none of a client's words.
            0..=0x20 | 0x7F.. | b'$' | b'+' | b':' | b'-' if requests => Err(Wrong::Malformed),
            _ if requests => Ok(State::Inline(0)),
            b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => Ok(State::Line),
            b'$' | b'!' | b'=' | b'%' | b'~' | b'>' | b'|' => {
                Ok(State::Number(byte, Number::default()))
            }
            _ => Err(Wrong::Malformed),
        }
    }

    /// A value of this type says how long it is, or how many values it has, by the first `at` bytes of a run that may have
    /// `room` in all. True when that is all there is to it.
    fn announced(&mut self, kind: u8, number: Number, at: u64, room: u64) -> Result<bool, Wrong> {
        if number.digits == 0 {
            return Err(Wrong::Malformed);
        }
        if number.negative {
            // Null, as version 2 has it; of a request there is no null but its own.
            let is_null = number.value == 1 && matches!(kind, b'$' | b'*');
            let in_request = self.config.requests && self.depth > 0;
            return if is_null && !in_request {
                Ok(true)
            } else {
                Err(Wrong::Malformed)
            };
        }
        let n = number.value;
        if matches!(kind, b'$' | b'!' | b'=') {
            Wrong::check(at.saturating_add(n).saturating_add(2), room)?;
            self.state = State::Bulk(n + 2);
            return Ok(false);
        }
        let count = match kind {
            b'%' => n.saturating_mul(2),
            // What it is an attribute of comes behind it, in its place.
            b'|' => n.saturating_mul(2).saturating_add(1),
            _ => n,
        };
        Wrong::check(at.saturating_add(count.saturating_mul(LEAST_BYTES)), room)?;
        let values = u64::from(self.values) + count;
        if values > u64::from(self.config.max_values) {
            return Err(Wrong::TooLong(None));
        }
        self.values = values as u32;
        if count == 0 {
            return Ok(true);
        }
        if self.depth >= (self.config.max_depth as usize).min(self.levels.len()) {
            return Err(Wrong::Malformed);
        }
        self.levels[self.depth] = count as u32;
        self.depth += 1;
        self.state = State::Type;
        Ok(false)
    }

    /// Looks at the next bytes of a bulk string, of which there are `left`: CR and LF are the last ones.
    fn bulk(&self, bytes: &[u8], left: u64) -> Result<(), Wrong> {
        let len = bytes.len() as u64;
        for (place, wanted) in [(2, b'\r'), (1, b'\n')] {
            if left >= place && left - len < place {
                expect(bytes[(left - place) as usize], wanted)?;
            }
        }
        Ok(())
    }

    /// A value has come to its end. True when the message has.
    fn value_ended(&mut self) -> bool {
        while self.depth > 0 {
            let level = &mut self.levels[self.depth - 1];
            *level -= 1;
            if *level > 0 {
                return false;
            }
            self.depth -= 1;
        }
        true
    }
}

impl Number {
    /// With one more of its bytes.
    fn with(self, byte: u8) -> Result<Self, Wrong> {
        match byte {
            b'-' if self.digits == 0 && !self.negative => Ok(Self {
                negative: true,
                ..self
            }),
            // No number has a zero in front of it, and none more digits than these.
            b'0'..=b'9' if self.digits < 18 && (self.digits == 0 || self.value > 0) => Ok(Self {
                digits: self.digits + 1,
                value: self.value * 10 + u64::from(byte - b'0'),
                ..self
            }),
            _ => Err(Wrong::Malformed),
        }
    }
}

fn expect(byte: u8, wanted: u8) -> Result<(), Wrong> {
    if byte == wanted {
        Ok(())
    } else {
        Err(Wrong::Malformed)
    }
}

/// Of a request in a line with its end, as with Redis (`PROTO_INLINE_MAX_SIZE`): people type no longer ones.
const MOST_INLINE_BYTES: usize = 64 * 1024;

/// No value has fewer: null is `_`, CR, LF.
const LEAST_BYTES: u64 = 3;
