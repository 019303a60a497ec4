//! How frames are cut, as plain data.

use crate::checksum::Checksum;
use crate::escape::Escape;
use crate::length::Length;

/// How the frames of a connection are cut, and what becomes of those that are wrong. Nothing has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// What frames begin with: one of these, if there are any.
    pub start: Vec<Vec<u8>>,
    /// The rule of frames that no other one is for, and of what is sent.
    pub rule: Rule,
    /// The rule of a connection's first frame, where it is another one; it begins with no `start`.
    pub first: Option<Rule>,
    /// The rules of frames that have certain bytes. The first one that fits counts.
    pub cases: Vec<Case>,
    /// Frames without a body are left out.
    pub ignore_empty: bool,
    /// Messages are text in UTF-8, and what is none is malformed.
    pub text: bool,
    /// What is sent goes out as it is.
    pub send_raw: bool,
    /// Longest message; 0 for no limit.
    pub max_message_bytes: u64,
    /// Frames that are longer are left out; otherwise the connection is closed.
    pub drop_too_long: bool,
    /// What is no frame is left out; otherwise the connection is closed.
    pub drop_noise: bool,
    /// Most bytes in a row that are left out as they begin no frame.
    pub max_skip_bytes: u64,
}

/// How one kind of frame is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// How long it is.
    pub extent: Extent,
    /// What it ends with: one of these. Where its length is known otherwise, they are checked.
    pub end: Vec<Vec<u8>>,
    /// Its checksum.
    pub checksum: Option<Checksum>,
    /// What of it is the message.
    pub deliver: Deliver,
}

/// How long a frame is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// So many bytes.
    Fixed(u64),
    /// As it says.
    Length(Length),
    /// Up to its end.
    End(Option<Escape>),
}

/// A rule for frames that have certain bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Where they have them, counted from their first byte.
    pub at: usize,
    /// The bits of these bytes that count.
    pub mask: Vec<u8>,
    /// What they are then; as long as `mask`.
    pub equals: Vec<u8>,
    /// The rule.
    pub rule: Rule,
}

/// What of a frame is the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deliver {
    /// What is between start and length, and checksum and end.
    Body,
    /// All but so many bytes of its beginning and of its end.
    Strip(usize, usize),
}

impl Deliver {
    /// All of it.
    pub const FRAME: Self = Self::Strip(0, 0);
}

/// What cannot be in a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wrong {
    /// In which rule it is: 0 for the rule of all frames, 1 for that of the first one, and then those of the cases.
    pub rule: usize,
    /// What cannot be, and why.
    pub why: &'static str,
}
