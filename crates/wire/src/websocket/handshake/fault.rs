//! What is wrong with the head of a request that the parser does not take. It says no more than the kind of thing that it
//! has stumbled over; those who are to mend their client want to know the line.

use std::borrow::Cow;

use crate::websocket::token::is_token;

/// The first fault of `head`, for people.
pub(super) fn fault_of(head: &[u8]) -> Cow<'static, str> {
    let lines = head.strip_suffix(b"\n\r\n").unwrap_or(head);
    let mut lines = lines.split(|&byte| byte == b'\n');
    let request_line = lines.next().unwrap_or_default();
    if std::str::from_utf8(request_line).is_err() {
        return Cow::Borrowed("bad request line: the target is not UTF-8");
    }
    let mut faults = (1..).zip(lines).filter_map(|(number, line)| {
        fault_of_line(line).map(|fault| format!("header line {number}{fault}"))
    });
    faults
        .next()
        .map_or(Cow::Borrowed("not an HTTP request"), Cow::Owned)
}

/// RFC 9112 section 5: a name, a colon, and a value; what used to be a folded line (section 5.2) is refused.
fn fault_of_line(line: &[u8]) -> Option<&'static str> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let Some(first) = line.first() else {
        return Some(" is empty: line feed without carriage return");
    };
    if matches!(first, b' ' | b'\t') {
        return Some(" is folded (obs-fold)");
    }
    let Some(colon) = line.iter().position(|&byte| byte == b':') else {
        return Some(" has no colon");
    };
    if !is_token(&line[..colon]) {
        return Some(": bad header name");
    }
    let is_control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
    let has_control = line[colon..].iter().any(is_control);
    has_control.then_some(": control character in header value")
}
