//! What is wrong with a frame, as the application is told.

use crate::close::{CloseCause, CloseCode, Fault};

use crate::input::Input;

crate::listed! {
    /// What is wrong with a frame. The numbers travel in events; JavaScript has names and documentation from here.
    pub enum FrameFault {
        /// It is longer than `maxMessageBytes`, by what it announces or by what has come of it.
        TooLong,
        /// Its checksum is wrong.
        Checksum,
        /// Bytes have come that begin no frame.
        Noise,
        /// It has begun, and has not come to its end within `frameTimeoutMs`.
        Timeout,
        /// The connection has ended in the middle of it.
        Truncated,
        /// It is not built as it should be: a length that is none, an escape that means nothing, another end, text that is
        /// not UTF-8.
        Malformed,
    }
}

/// What becomes of a frame that something is wrong with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Fate {
    /// The connection is going to be closed for it.
    Closed = 0,
    /// It is left out, with what has been handed over of it.
    Discarded = 1,
    /// It is a message all the same.
    Delivered = 2,
}

/// Something is wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameError {
    /// What it is.
    pub reason: FrameFault,
    /// What becomes of the frame.
    pub fate: Fate,
    /// The limit that has been exceeded.
    pub limit: Option<u64>,
    /// How long the message would be, as far as that is known; of noise, the bytes that have been passed over.
    pub len: Option<u64>,
    head: [u8; Self::HEAD_BYTES],
    head_len: u8,
}

impl FrameError {
    /// The same, of so many bytes.
    #[must_use]
    pub fn of_len(self, len: u64) -> Self {
        let len = Some(len);
        Self { len, ..self }
    }

    /// The same with another fate.
    #[must_use]
    pub fn with_fate(self, fate: Fate) -> Self {
        Self { fate, ..self }
    }

    /// Most bytes that are told of the frame.
    pub const HEAD_BYTES: usize = 16;
    /// Where an event says what becomes of the frame, behind the number of the reason.
    pub const FATE_AT: usize = 1;
    /// Where it says which limit was exceeded (u64, little-endian; all bits set for none).
    pub const LIMIT_AT: usize = 8;
    /// Where it says how long the message would be, in the same way.
    pub const LEN_AT: usize = 16;
    /// Where the frame's first bytes are.
    pub const HEAD_AT: usize = 24;

    /// What is wrong with the frame that `input` begins with.
    #[must_use]
    pub fn new(reason: FrameFault, fate: Fate, input: &Input<'_>) -> Self {
        let mut head = [0; Self::HEAD_BYTES];
        let head_len = input.peek_into(&mut head) as u8;
        Self {
            reason,
            fate,
            limit: None,
            len: None,
            head,
            head_len,
        }
    }

    /// The same, beyond this limit.
    #[must_use]
    pub fn beyond(self, limit: u64, len: Option<u64>) -> Self {
        let limit = Some(limit);
        Self { limit, len, ..self }
    }

    /// The first bytes of the frame.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head[..usize::from(self.head_len)]
    }

    /// Bytes of an event that tells of it.
    #[must_use]
    pub fn record_len(&self) -> usize {
        Self::HEAD_AT + self.head().len()
    }

    /// Writes an event of that length.
    pub fn write(&self, out: &mut [u8]) {
        let number = |number: Option<u64>| number.unwrap_or(u64::MAX).to_le_bytes();
        out[..Self::LIMIT_AT].fill(0);
        out[0] = self.reason as u8;
        out[Self::FATE_AT] = self.fate as u8;
        out[Self::LIMIT_AT..Self::LEN_AT].copy_from_slice(&number(self.limit));
        out[Self::LEN_AT..Self::HEAD_AT].copy_from_slice(&number(self.len));
        out[Self::HEAD_AT..].copy_from_slice(self.head());
    }

    /// How the connection ends that is closed for it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self.reason {
            FrameFault::TooLong => Fault::limit(CloseCode::TOO_BIG, "frame too long"),
            FrameFault::Checksum => {
                Fault::protocol(CloseCode::INVALID_PAYLOAD, "frame with a wrong checksum")
            }
            FrameFault::Noise if self.limit.is_some() => {
                Fault::limit(CloseCode::POLICY_VIOLATION, "too many bytes between frames")
            }
            FrameFault::Noise => {
                Fault::protocol(CloseCode::PROTOCOL_ERROR, "bytes that begin no frame")
            }
            FrameFault::Timeout => Fault {
                cause: CloseCause::Timeout,
                code: CloseCode::POLICY_VIOLATION,
                reason: "frame not complete in time",
            },
            FrameFault::Truncated => {
                Fault::protocol(CloseCode::PROTOCOL_ERROR, "ended in the middle of a frame")
            }
            FrameFault::Malformed => Fault::protocol(CloseCode::PROTOCOL_ERROR, "malformed frame"),
        }
    }
}
