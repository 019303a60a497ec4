//! Sec-WebSocket-Extensions in a request (RFC 6455 section 9.1).
//!
//! ```text
//!   line       = extension, extension, ...      at least one in all lines together; elements of a list may be empty
//!   extension  = token; parameter; parameter ...
//!   parameter  = token | token=token | token="token"
//! ```
//! There may be spaces around each of these. A value without its second quote reaches to the end of the line; who
//! reads it declines the offer.

use std::borrow::Cow;

use crate::websocket::token::{is_token, split_token};

/// The offers of a request, as they stand in its header lines.
#[derive(Debug, Default)]
pub(crate) struct Extensions<'a> {
    lines: Vec<&'a [u8]>,
    has_offers: bool,
    is_malformed: bool,
}

/// What a client offers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extension<'a> {
    pub(crate) name: &'a [u8],
    /// What follows it.
    behind: Scanner<'a>,
}

/// A parameter of an offer: its name, and its value without quotes.
pub(crate) type Parameter<'a> = (&'a [u8], Option<Cow<'a, [u8]>>);

/// The rest of a line. Invariant: it does not begin with a space.
#[derive(Debug, Clone, Copy)]
struct Scanner<'a>(&'a [u8]);

/// It does not follow the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Malformed;

impl<'a> Extensions<'a> {
    /// Adds a header line.
    pub(crate) fn add(&mut self, line: &'a [u8]) {
        let mut scanner = Scanner::new(line);
        loop {
            match scanner.extension() {
                Ok(Some(_)) => self.has_offers = true,
                Ok(None) => break,
                Err(Malformed) => {
                    self.is_malformed = true;
                    break;
                }
            }
        }
        self.lines.push(line);
    }

    /// False when the connection has to be failed.
    pub(crate) fn are_well_formed(&self) -> bool {
        !self.is_malformed && (self.has_offers || self.lines.is_empty())
    }

    /// The offers in their order.
    pub(crate) fn offers(&self) -> impl Iterator<Item = Extension<'a>> {
        self.lines.iter().flat_map(|line| {
            let mut scanner = Scanner::new(line);
            std::iter::from_fn(move || scanner.extension().ok().flatten())
        })
    }
}

impl<'a> Extension<'a> {
    /// The parameters in their order.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = Parameter<'a>> {
        let mut scanner = self.behind;
        std::iter::from_fn(move || scanner.parameter().ok().flatten())
    }
}

impl<'a> Scanner<'a> {
    fn new(line: &'a [u8]) -> Self {
        Self(line.trim_ascii_start())
    }

    fn extension(&mut self) -> Result<Option<Extension<'a>>, Malformed> {
        // RFC 9110 section 5.6.1.2.
        while self.takes(b',') {}
        if self.0.is_empty() {
            return Ok(None);
        }
        let name = self.token()?;
        let behind = *self;
        while self.parameter()?.is_some() {}
        if self.0.is_empty() || self.takes(b',') {
            Ok(Some(Extension { name, behind }))
        } else {
            Err(Malformed)
        }
    }

    fn parameter(&mut self) -> Result<Option<Parameter<'a>>, Malformed> {
        if !self.takes(b';') {
            return Ok(None);
        }
        let name = self.token()?;
        let value = self.takes(b'=').then(|| self.value()).transpose()?;
        Ok(Some((name, value)))
    }

    fn value(&mut self) -> Result<Cow<'a, [u8]>, Malformed> {
        let Some(mut quoted) = self.0.strip_prefix(b"\"") else {
            return self.token().map(Cow::Borrowed);
        };
        let mut value = Vec::new();
        loop {
            quoted = match *quoted {
                [b'"', ref rest @ ..] => {
                    *self = Self::new(rest);
                    let is_token = is_token(&value);
                    return is_token.then_some(Cow::Owned(value)).ok_or(Malformed);
                }
                [b'\\', byte, ref rest @ ..] | [byte, ref rest @ ..] => {
                    value.push(byte);
                    rest
                }
                [] => return Ok(Cow::Borrowed(std::mem::take(&mut self.0))),
            };
        }
    }

    fn token(&mut self) -> Result<&'a [u8], Malformed> {
        let (token, rest) = split_token(self.0);
        *self = Self::new(rest);
        (!token.is_empty()).then_some(token).ok_or(Malformed)
    }

    /// Takes this byte, if it is the next one.
    fn takes(&mut self, byte: u8) -> bool {
        let rest = self.0.strip_prefix(&[byte]);
        rest.map(|rest| *self = Self::new(rest)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The offers, written in one way; `None` when they are malformed.
    fn offers(lines: &[&str]) -> Option<String> {
        let mut extensions = Extensions::default();
        for line in lines {
            extensions.add(line.as_bytes());
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let offer = |offer: Extension<'_>| {
            let parameters = offer.parameters().map(|(name, value)| match value {
                Some(value) => format!(";{}={}", text(name), text(&value)),
                None => format!(";{}", text(name)),
            });
            text(offer.name) + &parameters.collect::<String>()
        };
        let offers: Vec<String> = extensions.offers().map(offer).collect();
        extensions.are_well_formed().then(|| offers.join(","))
    }

    #[test]
    fn lists_of_offers() {
        for (lines, expected) in [
            (&[] as &[&str], ""),
            (&["a"], "a"),
            (&["a, b;c;d=e , f"], "a,b;c;d=e,f"),
            (&["a;b=\"c\";d"], "a;b=c;d"),
            (&[r#"a;b="\c\d""#], "a;b=cd"),
            (&["  a\t; b = c ;\td= \"e\" "], "a;b=c;d=e"),
            (&[", ,a,, b ,"], "a,b"),
            (&["a", "b"], "a,b"),
            (&["", "a", ","], "a"),
            (&["a;b=\"c"], "a;b=\"c"),
            (&["a;b=\"c, d", "e"], "a;b=\"c, d,e"),
            (&["a, b;c=\""], "a,b;c=\""),
            (&[r#"a;b="\"#], r#"a;b="\"#),
        ] {
            assert_eq!(offers(lines).as_deref(), Some(expected), "{lines:?}");
        }
    }

    #[test]
    fn what_is_no_list_of_offers() {
        for lines in [
            &[""] as &[&str],
            &[","],
            &["", " "],
            &[",,;;=="],
            &[";"],
            &["="],
            &["a;"],
            &["a;;b"],
            &["a;=b"],
            &["a;b="],
            &["a;b=;c"],
            &["a;b=c=d"],
            &["a=b"],
            &["a b"],
            &["a;b c"],
            &["a;b=c d"],
            &["a;b=\"\""],
            &["a;b=\" c\""],
            &["a;b=\"c d\""],
            &["a;b=\"c, d\""],
            &["a;b=\"c\"d"],
            &[r#"a;b="\"""#],
            &["a;\"b\""],
            &["\"a\""],
            &["a/b"],
            &["a;b=(c)"],
            &["\u{e4}"],
            &["a, b;"],
            &["a", ";"],
        ] {
            assert_eq!(offers(lines), None, "{lines:?}");
        }
    }
}
