//! Frames of STOMP 1.2: a command, header lines, an empty line, a body.
//!
//! ```text
//!   SEND\n  destination:/queue/a\n  content-length:5\n  \n  hello \0  \n
//!   command header                 header                body      what comes between: heart-beats
//! ```
//! A frame, from its command up to the NUL behind its body, is a message. A body is as long as `content-length` says, or ends
//! with the first NUL. What headers mean, and their escapes, is up to whoever reads them.

use crate::stream::{Content, Scan, Seen, Stream, Wrong};

/// What is let in.
#[derive(Debug, Clone, Copy)]
pub struct StompConfig {
    /// Most bytes of a frame; 0 for no limit.
    pub max_message_bytes: u64,
    /// Most bytes of command and headers.
    pub max_header_bytes: u32,
    /// Most header lines.
    pub max_headers: u32,
}

impl Stream {
    /// A codec of such frames.
    #[must_use]
    pub fn stomp(config: StompConfig) -> Self {
        let stomp = Stomp {
            config,
            state: State::Line,
            head: Head::default(),
            body: None,
        };
        Self::new(Box::new(stomp), config.max_message_bytes, Content::Bytes)
    }
}

#[derive(Debug)]
struct Stomp {
    config: StompConfig,
    state: State,
    head: Head,
    /// Length of the body, where the head has said it.
    body: Option<u64>,
}

/// What the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// One of a line of the head.
    Line,
    /// The LF behind its CR.
    LineEnd,
    /// One of so many of the body, or the NUL behind it.
    Body(u64),
    /// One of the body, which the NUL is that ends it.
    BodyToNul,
}

/// What has come of a head.
#[derive(Debug, Clone, Copy, Default)]
struct Head {
    bytes: u32,
    /// Lines that have come to their end.
    lines: u32,
    /// Bytes of the line.
    line: u32,
    /// The line is `content-length` so far, with this value.
    value: Option<u64>,
}

impl Scan for Stomp {
    fn between(&self, run: &[u8]) -> usize {
        let begins = run.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
        begins.unwrap_or(run.len())
    }

    fn read(&mut self, run: &[u8], room: u64) -> Result<Seen, Wrong> {
        let mut at = 0;
        while let Some(&byte) = run.get(at) {
            match self.state {
                State::Line | State::LineEnd => {
                    at += 1;
                    self.head_byte(byte)?;
                    if let State::Body(len) = self.state {
                        let all = (at as u64).saturating_add(len).saturating_add(1);
                        Wrong::check(all, room)?;
                    }
                }
                State::Body(0) => {
                    if byte != 0 {
                        return Err(Wrong::Malformed);
                    }
                    return Ok(self.ended(at + 1));
                }
                State::Body(left) => {
                    let here = left.min((run.len() - at) as u64);
                    at += here as usize;
                    self.state = State::Body(left - here);
                }
                State::BodyToNul => {
                    let Some(end) = run[at..].iter().position(|&byte| byte == 0) else {
                        break;
                    };
                    return Ok(self.ended(at + end + 1));
                }
            }
        }
        Ok(Seen::All)
    }
}

impl Stomp {
    fn ended(&mut self, at: usize) -> Seen {
        self.state = State::Line;
        self.head = Head::default();
        self.body = None;
        Seen::End(at)
    }

    fn head_byte(&mut self, byte: u8) -> Result<(), Wrong> {
        self.head.bytes += 1;
        if self.head.bytes > self.config.max_header_bytes {
            return Err(Wrong::TooLong(None));
        }
        match byte {
            b'\n' => return self.line_ended(),
            _ if self.state == State::LineEnd => return Err(Wrong::Malformed),
            0 => return Err(Wrong::Malformed),
            b'\r' => self.state = State::LineEnd,
            // STOMP 1.2, augmented BNF: a command is a word in capitals.
            _ if self.head.lines == 0 => {
                if !byte.is_ascii_uppercase() {
                    return Err(Wrong::Malformed);
                }
                self.head.line += 1;
            }
            _ => self.head.header_byte(byte)?,
        }
        Ok(())
    }

    fn line_ended(&mut self) -> Result<(), Wrong> {
        self.state = State::Line;
        let head = &mut self.head;
        if head.line == 0 {
            self.state = match self.body {
                Some(len) => State::Body(len),
                None => State::BodyToNul,
            };
            return Ok(());
        }
        let name = CONTENT_LENGTH.len() as u32;
        if head.lines > 0 && head.value.is_some() && head.line >= name {
            if head.line == name {
                return Err(Wrong::Malformed);
            }
            // Of headers with one name the first one counts.
            self.body = self.body.or(head.value);
        }
        if head.lines > self.config.max_headers {
            return Err(Wrong::TooLong(None));
        }
        head.lines += 1;
        head.line = 0;
        head.value = Some(0);
        Ok(())
    }
}

impl Head {
    /// One more byte of a header line: those of the length are read.
    fn header_byte(&mut self, byte: u8) -> Result<(), Wrong> {
        let at = self.line as usize;
        self.line += 1;
        let Some(value) = self.value else {
            return Ok(());
        };
        if let Some(&wanted) = CONTENT_LENGTH.get(at) {
            if byte != wanted {
                self.value = None;
            }
            return Ok(());
        }
        if !byte.is_ascii_digit() {
            return Err(Wrong::Malformed);
        }
        let more = value.checked_mul(10);
        let more = more.and_then(|value| value.checked_add(u64::from(byte - b'0')));
        self.value = Some(more.ok_or(Wrong::TooLong(None))?);
        Ok(())
    }
}

/// STOMP 1.2, "Header content-length".
const CONTENT_LENGTH: &[u8] = b"content-length:";
