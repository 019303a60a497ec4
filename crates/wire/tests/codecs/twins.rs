//! Where values of RESP and frames of STOMP end, found the slow way: from the beginning again, with all that is there.

use std::ops::Range;

/// What there is in some bytes.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) messages: Vec<Range<usize>>,
    pub(crate) verdict: Verdict,
}

/// What comes behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    NeedMore,
    Wrong,
}

type Len = Result<usize, Verdict>;

/// Values of RESP, or requests of it, without a limit for their length.
pub(crate) fn resp_ends(bytes: &[u8], requests: bool, depth: usize, most: u32) -> Ends {
    ends(bytes, requests, |rest| {
        let mut values = 0;
        if !requests {
            return value(rest, depth, most, &mut values);
        }
        match rest[0] {
            b'*' => request(rest, most),
            b' ' | b'\t' | 0x0B | 0x0C => inline(rest),
            b'!'..=b'~' if !b"$+:-".contains(&rest[0]) => inline(rest),
            _ => Err(Verdict::Wrong),
        }
    })
}

/// Frames of STOMP.
pub(crate) fn stomp_ends(bytes: &[u8], max_header_bytes: usize, max_headers: usize) -> Ends {
    ends(bytes, true, |rest| {
        stomp_frame(rest, max_header_bytes, max_headers)
    })
}

fn ends(bytes: &[u8], skips_lines: bool, len: impl Fn(&[u8]) -> Len) -> Ends {
    let mut messages = Vec::new();
    let mut at = 0;
    loop {
        while skips_lines && bytes.get(at).is_some_and(|byte| b"\r\n".contains(byte)) {
            at += 1;
        }
        if at == bytes.len() {
            let verdict = Verdict::NeedMore;
            return Ends { messages, verdict };
        }
        match len(&bytes[at..]) {
            Ok(len) => {
                messages.push(at..at + len);
                at += len;
            }
            Err(verdict) => return Ends { messages, verdict },
        }
    }
}

/// A request in a line: of 64 KiB at most, with its end.
fn inline(bytes: &[u8]) -> Len {
    let most = 1 << 16;
    match line(&bytes[..bytes.len().min(most)], b"\n") {
        Err(Verdict::NeedMore) if bytes.len() > most => Err(Verdict::Wrong),
        len => len,
    }
}

fn value(bytes: &[u8], depth: usize, most: u32, values: &mut u32) -> Len {
    let Some(kind) = bytes.first() else {
        return Err(Verdict::NeedMore);
    };
    match kind {
        b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => {
            let text = &bytes[1..];
            let end = text.iter().position(|byte| b"\r\n".contains(byte));
            let end = end.ok_or(Verdict::NeedMore)?;
            literal(&text[end..], b"\r\n").map(|len| 1 + end + len)
        }
        b'$' | b'!' | b'=' => bulk(bytes, *kind == b'$'),
        b'*' | b'~' | b'>' | b'%' | b'|' => {
            let (mut at, count) = number(bytes)?;
            let Some(count) = count else {
                return if *kind == b'*' {
                    Ok(at)
                } else {
                    Err(Verdict::Wrong)
                };
            };
            let count = match kind {
                b'%' => 2 * count,
                b'|' => 2 * count + 1,
                _ => count,
            };
            if u64::from(*values) + count > u64::from(most) || count > 0 && depth == 0 {
                return Err(Verdict::Wrong);
            }
            *values += count as u32;
            for _ in 0..count {
                at += value(&bytes[at..], depth - 1, most, values)?;
            }
            Ok(at)
        }
        _ => Err(Verdict::Wrong),
    }
}

fn request(bytes: &[u8], most: u32) -> Len {
    let (mut at, count) = number(bytes)?;
    let count = count.unwrap_or(0);
    if count > u64::from(most) {
        return Err(Verdict::Wrong);
    }
    for _ in 0..count {
        match bytes.get(at) {
            Some(b'$') => at += bulk(&bytes[at..], false)?,
            Some(_) => return Err(Verdict::Wrong),
            None => return Err(Verdict::NeedMore),
        }
    }
    Ok(at)
}

fn bulk(bytes: &[u8], may_be_null: bool) -> Len {
    let (at, len) = number(bytes)?;
    let Some(len) = len else {
        return if may_be_null {
            Ok(at)
        } else {
            Err(Verdict::Wrong)
        };
    };
    let len = len as usize;
    match bytes.get(at + len..) {
        Some(rest) => literal(rest, b"\r\n").map(|end| at + len + end),
        None => Err(Verdict::NeedMore),
    }
}

/// The number behind the first byte, and how much it is with its CR and LF; `None` for -1.
fn number(bytes: &[u8]) -> Result<(usize, Option<u64>), Verdict> {
    let rest = &bytes[1..];
    let is_digit = |byte: &u8| byte.is_ascii_digit() || *byte == b'-';
    let len = rest
        .iter()
        .position(|byte| !is_digit(byte))
        .unwrap_or(rest.len());
    let digits = std::str::from_utf8(&rest[..len]).expect("digits");
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    let is_right = !unsigned.contains('-')
        && unsigned.len() <= 18
        && !(unsigned.len() > 1 && unsigned.starts_with('0'));
    if !is_right {
        return Err(Verdict::Wrong);
    }
    if len == rest.len() {
        return Err(Verdict::NeedMore);
    }
    let end = literal(&rest[len..], b"\r\n")?;
    let number: i64 = digits.parse().map_err(|_| Verdict::Wrong)?;
    let is_null = digits == "-1";
    if digits.starts_with('-') && !is_null {
        return Err(Verdict::Wrong);
    }
    Ok((1 + len + end, u64::try_from(number).ok()))
}

/// These bytes at the front.
fn literal(bytes: &[u8], wanted: &[u8]) -> Len {
    let len = bytes.len().min(wanted.len());
    if bytes[..len] != wanted[..len] {
        return Err(Verdict::Wrong);
    }
    if len == wanted.len() {
        Ok(len)
    } else {
        Err(Verdict::NeedMore)
    }
}

/// Up to these bytes, with them.
fn line(bytes: &[u8], end: &[u8]) -> Len {
    let at = bytes.windows(end.len()).position(|bytes| bytes == end);
    at.map(|at| at + end.len()).ok_or(Verdict::NeedMore)
}

fn stomp_frame(bytes: &[u8], max_header_bytes: usize, max_headers: usize) -> Len {
    let mut at = 0;
    let mut body = None;
    for number in 0.. {
        let len = stomp_line(&bytes[at..], number == 0, max_header_bytes - at)?;
        let line = &bytes[at..at + len];
        let line = line
            .strip_suffix(b"\r\n")
            .or(line.strip_suffix(b"\n"))
            .expect("its end");
        at += len;
        if line.is_empty() {
            break;
        }
        if number > max_headers {
            return Err(Verdict::Wrong);
        }
        let value = line.strip_prefix(b"content-length:");
        if let Some(value) = value.filter(|_| number > 0) {
            let value = std::str::from_utf8(value).map_err(|_| Verdict::Wrong)?;
            let value: u64 = value.parse().map_err(|_| Verdict::Wrong)?;
            body = body.or(Some(value));
        }
    }
    let rest = &bytes[at..];
    let Some(len) = body else {
        return line(rest, b"\0").map(|len| at + len);
    };
    match rest.get(len as usize) {
        Some(0) => Ok(at + len as usize + 1),
        Some(_) => Err(Verdict::Wrong),
        None => Err(Verdict::NeedMore),
    }
}

/// Length of a line of a head with its LF, as soon as no byte of it is wrong.
fn stomp_line(bytes: &[u8], is_command: bool, most: usize) -> Len {
    let name = b"content-length:";
    for (at, &byte) in bytes.iter().enumerate() {
        let is_behind_cr = at > 0 && bytes[at - 1] == b'\r';
        if at >= most {
            return Err(Verdict::Wrong);
        }
        let is_length = !is_command && bytes.starts_with(name) && at >= name.len();
        let is_right = match byte {
            b'\n' => return Ok(at + 1),
            _ if is_behind_cr => false,
            0 => false,
            b'\r' => true,
            _ if is_command => byte.is_ascii_uppercase(),
            _ if is_length => {
                let digits = std::str::from_utf8(&bytes[name.len()..=at]);
                digits.is_ok_and(|digits| digits.parse::<u64>().is_ok() && byte != b'+')
            }
            _ => true,
        };
        if !is_right {
            return Err(Verdict::Wrong);
        }
    }
    Err(Verdict::NeedMore)
}
