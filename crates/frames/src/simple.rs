//! Simple frames, of which there are most: all that there is to one is found in one look.

use gev_wire::{Input, PART_BYTES, Sink};
use memchr::memchr;

use crate::bytes::Bytes;
use crate::cutter::{Cutter, Step};
use crate::framing::{Framing, Simple};

impl Cutter {
    /// As many simple frames as there are, or up to one that is wrong.
    pub(crate) fn simple(
        &mut self,
        framing: &Framing,
        simple: Simple,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
    ) -> Step {
        let max = usize::try_from(framing.rules[0].max).unwrap_or(usize::MAX);
        let max = max.min(PART_BYTES);
        let bytes = input.first();
        let mut searched = std::mem::take(&mut self.searched);
        let mut at = 0;
        let step = loop {
            let rest = &bytes[at..];
            let (strip, len, total) = match simple {
                Simple::Byte { end, keep } => {
                    let before = searched.min(rest.len());
                    let found = memchr(end, &rest[before..]);
                    let body = before + found.unwrap_or(rest.len() - before);
                    #[cfg(test)]
                    {
                        self.looked_at += body - before;
                    }
                    searched = searched.max(body);
                    if found.is_none() {
                        break Step::Next;
                    }
                    (0, body + keep, body + 1)
                }
                Simple::Pair { end, before } => {
                    let from = searched.min(rest.len());
                    let found = memchr(end, &rest[from..]);
                    let there = from + found.unwrap_or(rest.len() - from);
                    let body = there - usize::from(rest[..there].last() == Some(&before));
                    #[cfg(test)]
                    {
                        self.looked_at += there - from;
                    }
                    searched = searched.max(body);
                    if found.is_none() {
                        break Step::Next;
                    }
                    (0, body, there + 1)
                }
                Simple::Length {
                    bytes,
                    little,
                    add,
                    strip,
                } => {
                    let Some(value) = read_int(rest, usize::from(bytes), little) else {
                        break Step::Next;
                    };
                    let total = i64::try_from(value).unwrap_or(i64::MAX).saturating_add(add);
                    match usize::try_from(total) {
                        Ok(total) if total >= usize::from(bytes) && total <= rest.len() => {
                            (strip, total - strip, total)
                        }
                        _ => break Step::Next,
                    }
                }
            };
            if len > max {
                break Step::Next;
            }
            let Some(room) = sink.reserve(len) else {
                break Step::Blocked;
            };
            room.copy_from_slice(&rest[strip..strip + len]);
            let Ok(part) = framing.part_of(room) else {
                input.consume(at);
                return self.malformed_content(framing, &Bytes::of(input), total, input);
            };
            let goes_on = sink.commit(part);
            at += total;
            searched = 0;
            if !goes_on {
                break Step::Asked;
            }
        };
        self.searched = searched;
        input.consume(at);
        step
    }
}

/// A number at the front of some bytes.
#[inline]
fn read_int(bytes: &[u8], len: usize, little: bool) -> Option<u64> {
    let own = bytes.get(..len)?;
    let more = |value: u64, byte: &u8| (value << 8) | u64::from(*byte);
    Some(if little {
        own.iter().rev().fold(0, more)
    } else {
        own.iter().fold(0, more)
    })
}
