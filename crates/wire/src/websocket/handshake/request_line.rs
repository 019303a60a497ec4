//! The first line of a request (RFC 9112 section 3), while it comes in: what speaks another protocol is told from HTTP by the
//! first byte that HTTP cannot have there, and need not be waited for.
//!
//! ```text
//!   Method --SP--> Target --SP--> Version --CR LF--> Complete
//! ```

use crate::input::Input;
use crate::websocket::token::is_token_byte;

/// A request line of which some bytes have come.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct RequestLine {
    /// Bytes that have been looked at, none of them twice.
    seen: u32,
    expected: Expected,
}

/// What the next byte belongs to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// A method, with its first byte.
    #[default]
    Begin,
    Method,
    /// A target, with its first byte.
    Space,
    Target,
    /// The version, of which so many bytes have come, or the end of the line.
    Version(u8),
    Nothing,
}

impl RequestLine {
    /// Looks at what has come since the last call; at no byte behind the first `most` of `input`.
    ///
    /// # Errors
    /// What is wrong, as soon as no request can begin like this any more.
    pub(super) fn examine(&mut self, input: &Input<'_>, most: usize) -> Result<(), &'static str> {
        let mut unseen = *input;
        unseen.consume(self.seen as usize);
        let bytes = unseen.first().iter().chain(unseen.second());
        for &byte in bytes.take(most.saturating_sub(self.seen as usize)) {
            if self.expected == Expected::Nothing {
                break;
            }
            self.expected = self.expected.after(byte)?;
            self.seen += 1;
        }
        Ok(())
    }

    /// True when a byte of it has come.
    pub(super) fn has_begun(&self) -> bool {
        self.seen > 0
    }
}

impl Expected {
    fn after(self, byte: u8) -> Result<Self, &'static str> {
        match (self, byte) {
            (Self::Begin | Self::Method, byte) if is_token_byte(byte) => Ok(Self::Method),
            (Self::Begin, TLS_HANDSHAKE) => Err(TLS),
            (Self::Begin, _) => Err(NO_METHOD),
            (Self::Method, b' ') => Ok(Self::Space),
            (Self::Method | Self::Space, b'\r' | b'\n') | (Self::Space, b' ') => Err(NO_TARGET),
            (Self::Method, _) => Err(BAD_METHOD),
            (Self::Target, b' ') => Ok(Self::Version(0)),
            (Self::Target, b'\r' | b'\n') => Err(NO_VERSION),
            (Self::Space | Self::Target, byte) if byte.is_ascii_control() => Err(BAD_TARGET),
            (Self::Space | Self::Target, _) => Ok(Self::Target),
            (Self::Version(at), byte) => Self::after_version(at, byte),
            (Self::Nothing, _) => Ok(Self::Nothing),
        }
    }

    fn after_version(at: u8, byte: u8) -> Result<Self, &'static str> {
        let (at, next) = (usize::from(at), at + 1);
        if VERSION[at].contains(&byte) {
            let is_last = usize::from(next) == VERSION.len();
            return Ok(if is_last {
                Self::Nothing
            } else {
                Self::Version(next)
            });
        }
        let is_line_end = VERSION[at] == b"\r" && byte == b'\n';
        Err(if is_line_end {
            NO_CARRIAGE_RETURN
        } else {
            BAD_VERSION
        })
    }
}

/// The bytes that may stand in each place of a version, and of the end of the line. RFC 9112 section 2.2 lets a line feed
/// alone pass for a line end. Not here: who writes one would wait in vain for the end of his head, which has two.
const VERSION: [&[u8]; 10] = [
    b"H", b"T", b"T", b"P", b"/", b"1", b".", b"01", b"\r", b"\n",
];

/// RFC 8446 section 5.1: the first byte of a client that speaks TLS.
const TLS_HANDSHAKE: u8 = 0x16;

const TLS: &str = "bad request line: TLS, which is not spoken here";
const NO_METHOD: &str = "bad request line: no method";
const BAD_METHOD: &str = "bad request line: the method is not a token";
const NO_TARGET: &str = "bad request line: no target";
const BAD_TARGET: &str = "bad request line: control character in the target";
const NO_VERSION: &str = "bad request line: no version";
const BAD_VERSION: &str = "bad request line: not HTTP/1.0 or HTTP/1.1";
const NO_CARRIAGE_RETURN: &str = "bad request line: line feed without carriage return";
