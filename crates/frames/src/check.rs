//! What cannot be in a configuration, and what can be sent by one that is right.
//!
//! Only where configurations are made in Rust, which is in tests: those of JavaScript are checked there, where users can be
//! told what they have written (`src/framing/`), and this stays out of the addon. Whether sequences come back as they were is
//! tried out only there (`frame-sequences.ts`).

use crate::checksum::{Checksum, Digits, OnBad, Sum};
use crate::config::{Config, Deliver, Extent, Rule, Wrong};
use crate::escape::Escape;
use crate::framing::Framing;
use crate::length::{Counts, Field, Form, Length, MAX_HEAD, Place};
use crate::marks::{MAX_MARK, Marks};
use crate::rule::{self, Size, Written, own_field};

type Check = Result<(), &'static str>;

/// What can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sendable {
    /// Framing can be written around it at all.
    pub possible: bool,
    /// Most bytes that framing adds, escapes aside.
    pub framing: usize,
    /// Shortest message.
    pub min: u64,
    /// Longest message.
    pub max: u64,
    /// What is announced is counted in so many bytes.
    pub unit: u32,
}

impl Framing {
    /// Checks a configuration.
    ///
    /// # Errors
    /// What cannot be in it.
    pub fn new(config: Config) -> Result<Self, Wrong> {
        let in_rule = |rule: usize| move |why: &'static str| Wrong { rule, why };
        check_marks(&config.start, true).map_err(in_rule(0))?;
        check_rule(&config.rule, &config.start, config.max_message_bytes).map_err(in_rule(0))?;
        check_flag(&config).map_err(in_rule(0))?;
        let mut rules = vec![&config.rule];
        if let Some(first) = &config.first {
            check_rule(first, &[], config.max_message_bytes).map_err(in_rule(1))?;
            rules.push(first);
        }
        for (number, case) in config.cases.iter().enumerate() {
            let check = check_case(case.at, &case.mask, &case.equals);
            check.map_err(in_rule(2 + number))?;
            check_rule(&case.rule, &config.start, config.max_message_bytes)
                .map_err(in_rule(2 + number))?;
            rules.push(&case.rule);
        }
        let is_found = |rule: &&Rule| matches!(rule.extent, Extent::End(_));
        if config.drop_noise && config.start.is_empty() && !rules.iter().all(is_found) {
            return Err(in_rule(0)(NOTHING_TO_FIND));
        }
        let delivers_bad = |rule: &&Rule| {
            let checksum = rule.checksum.as_ref();
            checksum.is_some_and(|it| it.on_bad == OnBad::Deliver)
        };
        if config.text && rules.iter().any(delivers_bad) {
            return Err(in_rule(0)(BAD_TEXT));
        }
        let mut framing = Self::of(config, 0);
        framing.max_framing = framing.sendable().framing;
        Ok(framing)
    }

    /// What can be sent.
    #[must_use]
    pub fn sendable(&self) -> Sendable {
        let (rule, starts) = (&self.rules[0], &self.entry.starts);
        sendable(rule, starts, self.written, self.can_send)
    }
}

fn sendable(rule: &rule::Rule, starts: &Marks, written: Written, possible: bool) -> Sendable {
    let has = |is_written: bool, len: usize| if is_written { len } else { 0 };
    let mut front = has(written.start, starts.written().len());
    let back = has(written.checksum, rule.tail())
        + has(written.checksum_first, rule.inside().0)
        + has(written.end, rule.ends.written().len());
    let mut sendable = Sendable {
        possible,
        framing: front + back,
        min: 0,
        max: rule.max,
        unit: 1,
    };
    match &rule.size {
        Size::Length(length) if written.length => {
            let form = length.fields[0].form;
            front += form.longest();
            // A number that counts itself is as long as it has to be.
            let own = match length.counts {
                Counts::Rest => 0,
                Counts::Itself => form.longest(),
                Counts::Frame => front,
            };
            let spare = if own == 0 {
                0
            } else {
                form.longest() - form.shortest()
            };
            let constant = ((back + own) as i64).saturating_sub(length.add);
            let most = i128::from(length.fields[0].most()) - i128::from(constant);
            let most = u64::try_from(most.max(0)).unwrap_or(u64::MAX);
            let least = (spare as i64).saturating_sub(constant);
            sendable.framing = front + back;
            sendable.max = rule.max.min(most);
            sendable.min = least.max(0) as u64;
            sendable.unit = length.fields[0].unit;
        }
        Size::Fixed(total) if written != Written::default() => {
            sendable.min = total.saturating_sub((front + back) as u64);
            sendable.max = sendable.min;
        }
        _ => {}
    }
    sendable
}

fn check_rule(rule: &Rule, start: &[Vec<u8>], max: u64) -> Check {
    let max = if max == 0 { u64::MAX } else { max };
    check_marks(&rule.end, false)?;
    let tail = match &rule.checksum {
        Some(checksum) => check_checksum(checksum)?,
        None => 0,
    };
    check_place(rule, start)?;
    if let Deliver::Strip(front, back) = rule.deliver
        && front.max(back) > MAX_HEAD
    {
        return Err("deliver: strips at most 256 bytes of each side");
    }
    match &rule.extent {
        Extent::End(escape) => check_delimited(rule, escape.as_ref(), start, max),
        Extent::Length(length) => {
            check_ends(&rule.end)?;
            check_length(length, rule.deliver, start)
        }
        Extent::Fixed(total) => {
            check_ends(&rule.end)?;
            check_fixed(
                *total,
                lens(start).1 + tail + inside(rule) + lens(&rule.end).1,
                rule.deliver,
                max,
            )
        }
    }
}

fn check_delimited(rule: &Rule, escape: Option<&Escape>, start: &[Vec<u8>], max: u64) -> Check {
    if rule.end.is_empty() {
        return Err("end: frames without a length need one");
    }
    let (start_lens, end_lens) = (lens(start), lens(&rule.end));
    let (keep_start, keep_end) = match rule.deliver {
        Deliver::Body => (false, false),
        Deliver::Strip(front, back) => {
            let is_whole = |n: usize, (min, max): (usize, usize)| n == 0 || min == max && n >= max;
            if !is_whole(front, start_lens) || !is_whole(back, end_lens) {
                return Err(PART_OF_MARK);
            }
            (front == 0, back == 0)
        }
    };
    match (escape, &rule.checksum) {
        (Some(_), _) if keep_start || keep_end => return Err(MARKED_AND_ESCAPED),
        (Some(escape), _) => check_escape(escape, start, &rule.end)?,
        (None, Some(checksum)) => check_checksum_before(checksum, &rule.end)?,
        (None, None) => {}
    }
    let kept = if keep_start { start_lens.1 } else { 0 } + if keep_end { end_lens.1 } else { 0 };
    if (kept as u64) > max {
        return Err("maxMessageBytes: is less than start and end, which are delivered");
    }
    Ok(())
}

/// Frames that begin with what they end with: one of both may be between two of them.
fn check_flag(config: &Config) -> Check {
    let is_end = matches!(config.rule.extent, Extent::End(_));
    if !is_end || !config.rule.end.iter().any(|end| config.start.contains(end)) {
        return Ok(());
    }
    let is_byte =
        config.start == config.rule.end && config.start.len() == 1 && config.start[0].len() == 1;
    let is_kept = matches!(
        config.rule.deliver,
        Deliver::Strip(0, _) | Deliver::Strip(_, 0)
    );
    if is_byte && !is_kept && config.cases.is_empty() {
        return Ok(());
    }
    Err(
        "end: frames that begin with what they end with need one byte for both, which is not delivered, and no cases",
    )
}

fn check_fixed(total: u64, own: usize, deliver: Deliver, max: u64) -> Check {
    let cut = match deliver {
        Deliver::Strip(front, back) => front + back,
        Deliver::Body => own,
    };
    if total == 0 {
        return Err("fixed: a frame has at least one byte");
    }
    if total < own.max(cut) as u64 {
        return Err("fixed: start, checksum, end, and what deliver strips, are longer than that");
    }
    if total - cut as u64 > max {
        return Err("fixed: every message would be longer than maxMessageBytes");
    }
    Ok(())
}

fn check_marks(marks: &[Vec<u8>], is_start: bool) -> Check {
    for (number, mark) in marks.iter().enumerate() {
        if mark.is_empty() || mark.len() > MAX_MARK {
            return Err(if is_start {
                "start: each has 1 to 8 bytes"
            } else {
                "end: each has 1 to 8 bytes"
            });
        }
        let begins = |(other, it): (usize, &Vec<u8>)| other != number && it.starts_with(mark);
        if marks.iter().enumerate().any(begins) {
            return Err(if is_start { START_IN_START } else { END_IN_END });
        }
    }
    Ok(())
}

/// Of a frame whose length is known, all that is known of its end is what it is.
fn check_ends(ends: &[Vec<u8>]) -> Check {
    for end in ends {
        if ends
            .iter()
            .any(|other| other != end && other.ends_with(end))
        {
            return Err(
                "end: one ends with another one, so that nobody can say which of them it is",
            );
        }
    }
    Ok(())
}

fn check_case(at: usize, mask: &[u8], equals: &[u8]) -> Check {
    let is_empty = equals.is_empty() || mask.iter().all(|bits| *bits == 0);
    if is_empty || mask.len() != equals.len() || at + equals.len() > MAX_HEAD {
        return Err("a case looks at some of the first 256 bytes, with a mask of the same length");
    }
    if mask
        .iter()
        .zip(equals)
        .any(|(mask, equals)| equals & !mask != 0)
    {
        return Err("equals: has bits that mask leaves out, so that no frame is like that");
    }
    Ok(())
}

/// Returns how many bytes it has, with those in front of it.
fn check_checksum(checksum: &Checksum) -> Result<usize, &'static str> {
    let bits = checksum.sum.bits();
    if let Sum::Crc(crc) = checksum.sum
        && !(crc.bits == 16 || crc.bits == 32)
    {
        return Err("checksum: a crc has 16 or 32 bits");
    }
    if checksum.after.len() > Checksum::MAX_AFTER {
        return Err("checksum.after: has at most 8 bytes");
    }
    if checksum.from > MAX_HEAD {
        return Err("checksum.from: is at most 256");
    }
    if checksum.width < checksum.digits.width(bits) || checksum.width > Checksum::MAX_WIDTH {
        return Err("checksum.width: has to take what the checksum comes to, and is at most 10");
    }
    Ok(checksum.behind())
}

fn inside(rule: &Rule) -> usize {
    rule.checksum.as_ref().map_or(0, |it| it.inside().0)
}

/// A checksum at a place of its own.
fn check_place(rule: &Rule, start: &[Vec<u8>]) -> Check {
    let Some((checksum, at)) = rule.checksum.as_ref().and_then(|it| Some((it, it.at?))) else {
        return Ok(());
    };
    if !checksum.after.is_empty() {
        return Err("checksum.after: is for a checksum in front of the end");
    }
    let (shortest, longest) = lens(start);
    let (_, to) = checksum.inside();
    if to > MAX_HEAD || at < longest || shortest != longest {
        return Err(
            "checksum.at: is behind the start, of which all have one length, in the first 256 bytes",
        );
    }
    let head = match &rule.extent {
        Extent::Length(length) => match own_field(length, longest) {
            Some(field) if field.form.is_fixed() => Some(longest + field.form.longest()),
            _ => None,
        },
        _ => Some(longest),
    };
    if rule.deliver == Deliver::Body && head != Some(at) {
        return Err(
            "deliver: of a frame with more than start and length in front of its checksum, that would be lost: deliver \
            \"frame\" or { strip, stripEnd }",
        );
    }
    match rule.extent {
        Extent::Fixed(total) if total < (to + lens(&rule.end).1) as u64 => {
            Err("fixed: the checksum is behind that")
        }
        _ => Ok(()),
    }
}

/// Where nothing is escaped, what ends a frame must not be in its checksum.
fn check_checksum_before(checksum: &Checksum, ends: &[Vec<u8>]) -> Check {
    let is_text = matches!(checksum.digits, Digits::Hex | Digits::Decimal);
    let may_be_in = |byte: &u8| byte.is_ascii_hexdigit() || checksum.after.contains(byte);
    if is_text && !ends.iter().any(|end| may_be_in(&end[0])) {
        return Ok(());
    }
    Err(
        "checksum: nothing is escaped, so that some of it may look like the end: it has to be hex or decimal, with an end \
        that is neither",
    )
}

fn check_length(length: &Length, deliver: Deliver, start: &[Vec<u8>]) -> Check {
    if length.fields.is_empty() || length.fields.len() > MAX_FIELDS {
        return Err("length: has one to four numbers");
    }
    length.fields.iter().try_for_each(check_field)?;
    let (shortest, longest) = lens(start);
    if deliver == Deliver::Body && (shortest != longest || own_field(length, longest).is_none()) {
        return Err(LOST_HEAD);
    }
    Ok(())
}

fn check_field(field: &Field) -> Check {
    let most = match field.form {
        Form::BigEndian(n) | Form::LittleEndian(n) => (n, 8),
        Form::Varint(n) | Form::Bcd(n) => (n, 10),
        Form::Decimal(n) => (n, 20),
        Form::Hex(n) => (n, 16),
        Form::Ber | Form::DecimalUntil(_) => (1, 1),
    };
    if most.0 == 0 || most.0 > most.1 {
        return Err(
            "length.as: such a number has more bytes or digits than there are for it, or none",
        );
    }
    if matches!(field.form, Form::DecimalUntil(b'0'..=b'9')) {
        return Err("length.as: a digit cannot end a number");
    }
    let ends = match &field.at {
        Place::At(at) => at.saturating_add(field.form.longest()),
        Place::Behind(mark) if mark.is_empty() || mark.len() > MAX_MARK => {
            return Err("length.at: what comes before has 1 to 8 bytes");
        }
        Place::Behind(_) => 0,
    };
    if ends > MAX_HEAD {
        return Err("length.at: it ends within the first 256 bytes");
    }
    if field.unit == 0 || field.shift > 63 || field.most() == 0 {
        return Err("length: mask, shift and unit leave nothing of the number");
    }
    Ok(())
}

fn check_escape(escape: &Escape, start: &[Vec<u8>], ends: &[Vec<u8>]) -> Check {
    let marked = || ends.iter().chain(start).map(|mark| mark[0]);
    let (byte, pairs) = match escape {
        Escape::Cobs if ends == [[0]] => return Ok(()),
        Escape::Cobs => {
            return Err(
                "escape: what is left free by cobs is 0: end has to be that, and nothing else",
            );
        }
        Escape::Sequences { list, .. } => {
            let is_shorter = |(raw, escaped): &(Vec<u8>, Vec<u8>)| escaped.len() < raw.len();
            return if list.iter().any(is_shorter) {
                Err("escape: what is written for a sequence is not shorter than that")
            } else {
                Ok(())
            };
        }
        Escape::Pairs { byte, pairs } => (*byte, pairs.clone()),
        Escape::Xor { byte, xor, also } => {
            let values = also.iter().copied().chain(marked()).chain([*byte]);
            (*byte, values.map(|value| (value ^ xor, value)).collect())
        }
    };
    let has_code = |value: u8| pairs.iter().any(|pair| pair.1 == value);
    let is_code = |code: u8| pairs.iter().any(|pair| pair.0 == code);
    let is_twice = |(at, pair): (usize, &(u8, u8))| {
        pairs[..at]
            .iter()
            .any(|other| other.0 == pair.0 && other.1 != pair.1)
    };
    if pairs.iter().enumerate().any(is_twice) {
        return Err("escape: a code stands for two bytes");
    }
    if !has_code(byte) {
        return Err("escape: has no code for its own byte");
    }
    for end in ends {
        let is_stuffed = end[0] == byte;
        if is_stuffed != (ends[0][0] == byte) || is_stuffed && end.len() == 1 {
            return Err(
                "escape: an end that begins with its byte has to have another one, as all ends then",
            );
        }
        if !has_code(end[0]) {
            return Err("escape: has no code for a byte that an end begins with");
        }
        if is_code(end[usize::from(is_stuffed)]) {
            return Err(
                "escape: a code is what makes an end, so that an escape would look like one",
            );
        }
    }
    Ok(())
}

/// Shortest and longest.
fn lens(marks: &[Vec<u8>]) -> (usize, usize) {
    let lens = || marks.iter().map(Vec::len);
    (lens().min().unwrap_or(0), lens().max().unwrap_or(0))
}

const MAX_FIELDS: usize = 4;

const START_IN_START: &str =
    "start: one begins with another one, so that nobody can say which of them it is";
const END_IN_END: &str =
    "end: one begins with another one, so that only the next frame could say which of them it is";
const LOST_HEAD: &str = "deliver: of a frame that has more than start and length in front of its body, that would be \
    lost, and could not be sent: deliver \"frame\" or { strip, stripEnd }";
const PART_OF_MARK: &str = "deliver: a start or an end cannot be stripped in part, nor if there are several that are not \
    of the same length";
const MARKED_AND_ESCAPED: &str = "deliver: where bytes are escaped, start and end cannot be delivered with what is between \
    them: deliver \"body\"";
const NOTHING_TO_FIND: &str =
    "onNoise: to find the next frame, frames need a start, or an end instead of a length";
const BAD_TEXT: &str =
    "text: what a wrong checksum is of may be no text, and cannot be delivered as that";
