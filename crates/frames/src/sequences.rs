//! Sequences of bytes that stand for others, as two dots do for one at the beginning of a line.
//!
//! Content is read from left to right: what is a sequence stands for another one, what is an end ends it, and any other byte is
//! itself. So one pass that replaces serves both ways. It holds back what may be the beginning of a sequence:
//!
//! ```text
//!   bytes --no sequence begins with it----------------------------------> out
//!         `-held: ready (decided, to be given next) | may begin a sequence--^
//! ```

use crate::bytes::{Bytes, Likeness};
use crate::marks::{Found, MAX_MARK, Marks};

/// Pairs of sequences, and where they are found.
#[derive(Debug, Default)]
pub(crate) struct Sequences {
    list: Vec<Sequence>,
    /// What is replaced when it is written.
    raw: Marks,
    /// What is more than a byte when it is read: sequences and ends.
    tokens: Marks,
    /// The same at the beginning of content, and which of these are ends.
    first_tokens: Marks,
    first_ends: Marks,
}

#[derive(Debug)]
struct Sequence {
    raw: Vec<u8>,
    escaped: Vec<u8>,
    /// It counts at the beginning of content only.
    is_first: bool,
}

/// How far the bytes of one frame have been replaced.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Replacing {
    /// What was read and not given.
    held: [u8; 2 * MAX_MARK],
    len: u8,
    /// How many of these have been decided about.
    ready: u8,
    /// It is no longer the beginning of content.
    has_begun: bool,
}

impl Replacing {
    /// Bytes that were read and have not been given.
    pub(crate) fn held(&self) -> usize {
        self.len.into()
    }

    /// Decides about the front of what is held; false when more of it has to come for that.
    fn settle(&mut self, sequences: &Sequences, is_last: bool, is_writing: bool) -> bool {
        let len = usize::from(self.len);
        let mut may_be_more = false;
        for sequence in &sequences.list {
            if sequence.is_first && self.has_begun {
                continue;
            }
            let (from, to) = sequence.way(is_writing);
            let held = &self.held[..len];
            if held.starts_with(from) {
                self.held.copy_within(from.len()..len, to.len());
                self.held[..to.len()].copy_from_slice(to);
                self.len = (len - from.len() + to.len()) as u8;
                self.ready = to.len() as u8;
                self.has_begun = true;
                return true;
            }
            may_be_more |= from.starts_with(held);
        }
        if may_be_more && !is_last {
            return false;
        }
        self.ready = 1;
        self.has_begun = true;
        true
    }

    /// Gives as much of what is ready as there is room for.
    fn give(&mut self, out: &mut [u8]) -> usize {
        let n = usize::from(self.ready).min(out.len());
        out[..n].copy_from_slice(&self.held[..n]);
        self.held.copy_within(n.., 0);
        self.ready -= n as u8;
        self.len -= n as u8;
        n
    }
}

impl Sequence {
    /// What is replaced, and by what.
    fn way(&self, is_writing: bool) -> (&[u8], &[u8]) {
        if is_writing {
            (&self.raw, &self.escaped)
        } else {
            (&self.escaped, &self.raw)
        }
    }
}

impl Sequences {
    /// Pairs of what is meant and what is written for it, in content that is read as if it were `behind` these bytes.
    pub(crate) fn new(pairs: &[(Vec<u8>, Vec<u8>)], behind: &[u8], ends: &Marks) -> Self {
        let mut all = Self::default();
        for (raw, escaped) in pairs {
            all.add(raw, escaped, false);
            all.add(rest(raw, behind), rest(escaped, behind), true);
        }
        for end in ends.list() {
            let rest = rest(end, behind).to_vec();
            all.tokens.push(end.clone());
            all.first_tokens.push(rest.clone());
            all.first_ends.push(rest);
        }
        all
    }

    fn add(&mut self, raw: &[u8], escaped: &[u8], is_first: bool) {
        let len = raw.len().max(escaped.len());
        if raw.is_empty() || escaped.is_empty() || len > MAX_MARK {
            return;
        }
        let (raw, escaped) = (raw.to_vec(), escaped.to_vec());
        if is_first {
            self.first_tokens.push(escaped.clone());
        } else {
            self.tokens.push(escaped.clone());
            self.raw.push(raw.clone());
        }
        self.list.push(Sequence {
            raw,
            escaped,
            is_first,
        });
    }

    /// The first of the ends at or behind `from`, which is no place inside of a sequence.
    pub(crate) fn find(&self, ends: &Marks, bytes: &Bytes<'_>, mut from: usize) -> Found {
        while let Some(at) = self.tokens.candidate(bytes, from) {
            match self.tokens.at(bytes, at) {
                (Likeness::Full, len) if ends.at(bytes, at).0 == Likeness::Full => {
                    return Found::Mark { at, len };
                }
                (Likeness::Full, len) => from = at + len,
                (Likeness::Partial, _) => return Found::NotBefore(at),
                (Likeness::None, _) => from = at + 1,
            }
        }
        Found::NotBefore(bytes.len())
    }

    /// What content begins with: its end, or what comes to be searched further than its beginning, if that is known.
    pub(crate) fn find_first(&self, bytes: &Bytes<'_>, start: usize) -> Result<usize, Found> {
        match self.first_tokens.at(bytes, start) {
            (Likeness::Full, len) if self.first_ends.at(bytes, start).0 == Likeness::Full => {
                Err(Found::Mark { at: start, len })
            }
            (Likeness::Full, len) => Ok(start + len),
            (Likeness::Partial, _) => Err(Found::NotBefore(start)),
            (Likeness::None, _) => Ok(start),
        }
    }

    /// Replaces as much of `bytes` as `out` has room for: bytes read, and bytes written. `is_last`: nothing that follows them
    /// belongs to a sequence that begins in them.
    pub(crate) fn replace(
        &self,
        state: &mut Replacing,
        (bytes, is_last): (&[u8], bool),
        out: &mut [u8],
        is_writing: bool,
    ) -> (usize, usize) {
        let firsts = if is_writing { &self.raw } else { &self.tokens };
        let (mut read, mut written) = (0, 0);
        loop {
            let (rest, room) = (&bytes[read..], &mut out[written..]);
            let most = rest.len().min(room.len());
            if state.ready > 0 {
                let given = state.give(room);
                if given == 0 {
                    break;
                }
                written += given;
            } else if state.len > 0 && state.settle(self, is_last && rest.is_empty(), is_writing) {
                continue;
            } else if state.len == 0 && state.has_begun && most == 0 {
                break;
            } else if state.len == 0
                && state.has_begun
                && let plain = firsts.first_in(&rest[..most]).unwrap_or(most)
                && plain > 0
            {
                room[..plain].copy_from_slice(&rest[..plain]);
                read += plain;
                written += plain;
            } else if let Some(byte) = rest.first() {
                state.held[usize::from(state.len)] = *byte;
                state.len += 1;
                read += 1;
            } else {
                break;
            }
        }
        (read, written)
    }

    /// Gives `out` what stands for `bytes`.
    pub(crate) fn write(
        &self,
        state: &mut Replacing,
        mut bytes: &[u8],
        is_last: bool,
        out: &mut dyn FnMut(&[u8]),
    ) {
        let mut buffer = [0; 1024];
        loop {
            let (read, written) = self.replace(state, (bytes, is_last), &mut buffer, true);
            bytes = &bytes[read..];
            if written > 0 {
                out(&buffer[..written]);
            }
            if written < buffer.len() {
                return;
            }
        }
    }
}

/// What is left of `bytes` behind what comes before content; nothing if they do not begin with that.
fn rest<'a>(bytes: &'a [u8], behind: &[u8]) -> &'a [u8] {
    match bytes.strip_prefix(behind) {
        Some(rest) if !behind.is_empty() => rest,
        _ => &[],
    }
}
