//! A configuration, made into what decoding needs.

use gev_wire::{InvalidUtf8, MessageKind, Part, Utf8};

use crate::checksum::Summing;
use crate::config::{Config, Deliver, Extent, Rule};
use crate::escape::Escaping;
use crate::length::{Counts, Form};
use crate::marks::Marks;
use crate::rule::{self, CheckedCase, Cut, Delimited, Entry, Size, Written, own_field};

/// How frames are cut.
#[derive(Debug)]
pub struct Framing {
    pub(crate) rules: Vec<rule::Rule>,
    pub(crate) entry: Entry,
    pub(crate) first: Option<Entry>,
    /// All frames are of one simple kind.
    pub(crate) simple: Option<Simple>,
    pub(crate) written: Written,
    pub(crate) max_framing: usize,
    /// What is cut off messages is known, so that it can be written around others.
    #[cfg(feature = "check")]
    pub(crate) can_send: bool,
    pub(crate) text: bool,
    pub(crate) ignore_empty: bool,
    pub(crate) drop_too_long: bool,
    pub(crate) drop_noise: bool,
    pub(crate) max_skip: u64,
}

/// Frames whose whole decoding is one step.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Simple {
    /// They end with this byte. `keep` of it is part of the message: none or all.
    Byte { end: u8, keep: usize },
    /// They end with this byte, which may have the other one before it: neither is part of the message.
    Pair { end: u8, before: u8 },
    /// They begin with a length of so many bytes, to which this is added: together that is all of the frame. So many bytes
    /// of its front are no part of the message.
    Length {
        bytes: u8,
        little: bool,
        add: i64,
        strip: usize,
    },
}

impl Framing {
    /// What a configuration comes to that somebody has checked: one that is wrong may cut nonsense, but does no harm.
    /// `max_framing`: what [`Codec::max_framing`](gev_wire::Codec::max_framing) says.
    #[must_use]
    pub fn of(config: Config, max_framing: usize) -> Self {
        let max = match config.max_message_bytes {
            0 => u64::MAX,
            max => max,
        };
        let starts = Marks::new(config.start);
        let mut rules = vec![compiled(config.rule, &starts, max)];
        let first = config.first.map(|rule| {
            rules.push(compiled(rule, &Marks::default(), max));
            Entry {
                rule: 1,
                ..Entry::default()
            }
        });
        let mut cases = Vec::new();
        for case in config.cases {
            cases.push(CheckedCase {
                at: case.at,
                mask: case.mask,
                equals: case.equals,
                rule: rules.len(),
            });
            rules.push(compiled(case.rule, &starts, max));
        }
        let main = &rules[0];
        let flag = starts.single_byte().filter(|byte| {
            matches!(main.size, Size::End(_)) && main.ends.single_byte() == Some(*byte)
        });
        let is_plain = first.is_none() && cases.is_empty() && starts.is_empty();
        Self {
            simple: simple(main).filter(|_| is_plain && !config.ignore_empty),
            written: if config.send_raw {
                Written::default()
            } else {
                main.written(&starts).unwrap_or_default()
            },
            max_framing,
            #[cfg(feature = "check")]
            can_send: config.send_raw || main.written(&starts).is_some(),
            entry: Entry {
                starts,
                flag,
                rule: 0,
                cases,
            },
            first,
            rules,
            text: config.text,
            ignore_empty: config.ignore_empty,
            drop_too_long: config.drop_too_long,
            drop_noise: config.drop_noise,
            max_skip: config.max_skip_bytes,
        }
    }
}

fn compiled(rule: Rule, starts: &Marks, max: u64) -> rule::Rule {
    let ends = Marks::new(rule.end);
    let summing = rule.checksum.map(Summing::new);
    let (front, back) = match rule.deliver {
        Deliver::Body => (Cut::Own, Cut::Own),
        Deliver::Strip(front, back) => (Cut::Bytes(front), Cut::Bytes(back)),
    };
    let size = match rule.extent {
        Extent::Fixed(total) => Size::Fixed(total.max(1)),
        Extent::Length(length) => Size::Length(length),
        Extent::End(escape) => {
            let tail = summing.as_ref().map_or(0, |it| it.checksum.behind());
            let inside = summing.as_ref().map(|it| it.checksum.inside());
            let (inside, inside_to) = inside.unwrap_or_default();
            let (keep_start, strip) = beyond(front, starts, inside);
            let (keep_end, cut) = beyond(back, &ends, tail);
            let kept = |is_kept: bool, marks: &Marks| if is_kept { marks.longest() } else { 0 };
            let kept = kept(keep_start, starts) + kept(keep_end, &ends);
            let most = max.saturating_sub(kept as u64);
            let escaping = escape.map(|escape| Escaping::new(&escape, starts, &ends));
            let byte = escaping.as_ref().and_then(Escaping::byte);
            Size::End(Delimited {
                stuffing: byte.filter(|byte| ends.written().first() == Some(byte)),
                escaping,
                strip,
                cut,
                least: (strip + cut)
                    .max(tail)
                    .max(inside_to.saturating_sub(starts.longest())),
                most: most.saturating_add((strip + cut) as u64),
                keep_start,
                keep_end,
            })
        }
    };
    rule::Rule {
        size,
        ends,
        summing,
        front,
        back,
        max,
    }
}

/// Whether a start or an end is part of the message, and how many bytes are cut off besides.
fn beyond(cut: Cut, marks: &Marks, own: usize) -> (bool, usize) {
    match cut {
        Cut::Own => (false, own),
        Cut::Bytes(0) => (!marks.is_empty(), 0),
        Cut::Bytes(n) => (false, n.saturating_sub(marks.longest())),
    }
}

/// The kind of frames that this rule cuts, if it is a simple one.
fn simple(rule: &rule::Rule) -> Option<Simple> {
    if rule.summing.is_some() {
        return None;
    }
    match &rule.size {
        Size::End(content) if content.escaping.is_none() && content.strip + content.cut == 0 => {
            let keep = usize::from(content.keep_end);
            match (rule.ends.single_byte(), rule.ends.byte_and_pair()) {
                (Some(end), _) => Some(Simple::Byte { end, keep }),
                (_, Some((end, before))) if keep == 0 => Some(Simple::Pair { end, before }),
                _ => None,
            }
        }
        Size::Length(length) if rule.ends.is_empty() => {
            let field = own_field(length, 0)?;
            let (bytes, little) = match field.form {
                Form::BigEndian(bytes) => (bytes, false),
                Form::LittleEndian(bytes) => (bytes, true),
                _ => return None,
            };
            let is_whole = field.most() == field.form.most() && field.shift == 0 && field.unit == 1;
            let own = usize::from(bytes);
            let strip = match (rule.front, rule.back) {
                (Cut::Own, Cut::Own) => own,
                (Cut::Bytes(strip), Cut::Bytes(0)) if strip <= own => strip,
                _ => return None,
            };
            // What counts is the distance from the number's value to the frame's length.
            let add = length.add.checked_add(match length.counts {
                Counts::Rest => bytes.into(),
                _ => 0,
            })?;
            is_whole.then_some(Simple::Length {
                bytes,
                little,
                add,
                strip,
            })
        }
        _ => None,
    }
}

/// A message that is handed over in one piece.
pub(crate) const WHOLE: Part = Part {
    kind: MessageKind::Binary,
    last: true,
    ascii: false,
};

impl Framing {
    /// True for the rule of frames whose start may have been the end of the one before: no other rule is there then, but for
    /// that of the first frame, which has no start.
    pub(crate) fn shares_marks(&self, rule: &rule::Rule) -> bool {
        self.entry.flag.is_some() && std::ptr::eq(rule, &self.rules[self.entry.rule])
    }

    /// What is said of a message that is handed over in one piece.
    ///
    /// # Errors
    /// When it has to be text, and is none.
    #[inline]
    pub(crate) fn part_of(&self, message: &[u8]) -> Result<Part, InvalidUtf8> {
        if !self.text {
            return Ok(WHOLE);
        }
        Ok(Part {
            kind: MessageKind::Text,
            last: true,
            ascii: Utf8::check_whole(message)?,
        })
    }
}
