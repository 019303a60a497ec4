//! The client's opening handshake (RFC 6455 section 4.2.1): an HTTP request that asks to upgrade.
//!
//! ```text
//!   input:  GET /chat HTTP/1.1 CRLF Host: ... CRLF ... CRLF CRLF | frames
//!           |<------- searched ------->|                   ^ end of the head
//! ```
//!
//! Invariant: the head stays in the input until it has been answered, and no byte of it is searched for its end twice
//! (but for the three that an end may have begun with).

use std::borrow::Cow;

use crate::input::Input;
use crate::protocol::Request;
use crate::websocket::Config;
use crate::websocket::deflate::Offers;
use crate::websocket::response::{self, Answer};
use crate::websocket::upgrade::Upgrade;

/// A handshake that waits for the end of the request's head.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handshake {
    /// Bytes at the beginning of the input that the end of the head does not begin in.
    searched: usize,
}

/// What is to be done about a request.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Its head is not complete.
    NeedMore,
    /// Upgrade; frames follow behind the head.
    Accept { head_len: usize, upgrade: Upgrade },
    /// Ask the application, with what `lines` say: see [`Sink::ask`](crate::Sink::ask).
    Ask {
        head_len: usize,
        request: Request,
        lines: Vec<u8>,
        /// What an upgrade would come to.
        upgrade: Option<Upgrade>,
    },
    /// Send `response` and close. No WebSocket came about, for this reason.
    Refuse {
        reason: &'static str,
        response: Vec<u8>,
    },
}

/// What the headers of a request say that matters here.
#[derive(Debug, Default)]
struct Headers<'a> {
    /// Number of `Host` headers.
    hosts: usize,
    /// `Connection` lists `upgrade`.
    connection_upgrade: bool,
    /// `Upgrade` lists `websocket`.
    upgrade_websocket: bool,
    version: Once<'a>,
    key: Once<'a>,
    origin: Once<'a>,
    /// A body follows, or cannot be ruled out.
    has_body: bool,
    /// The first subprotocol offered that the server has.
    protocol: &'a str,
    extensions: Offers,
}

/// The value of a header that must not be repeated.
#[derive(Debug, Default, Clone, Copy)]
enum Once<'a> {
    #[default]
    Absent,
    Value(&'a [u8]),
    Repeated,
}

impl Handshake {
    /// Judges the request at the beginning of `input`, of which nothing is consumed.
    pub(crate) fn examine(&mut self, input: &Input<'_>, config: &Config) -> Verdict {
        let Some(head_len) = self.find_end(input) else {
            return if input.len() < config.max_header_bytes {
                Verdict::NeedMore
            } else {
                refuse(Answer::head_too_large("head of the request too large"))
            };
        };
        if head_len > config.max_header_bytes {
            return refuse(Answer::head_too_large("head of the request too large"));
        }
        judge(&head(input, head_len), config)
    }

    /// Length of the head, which ends with an empty line.
    fn find_end(&mut self, input: &Input<'_>) -> Option<usize> {
        let (first, second) = (input.first(), input.second());
        if let Some(at) = find_end_in(first, self.searched) {
            self.searched = at;
            return Some(at + END.len());
        }
        // Where an end could lie in both runs, there are at most three bytes of it on either side.
        let seam_at = first.len().saturating_sub(END.len() - 1);
        let mut seam = [0; 2 * (END.len() - 1)];
        let mut around_seam = *input;
        around_seam.consume(seam_at);
        let seam_len = around_seam.peek_into(&mut seam);
        if let Some(at) = find_end_in(&seam[..seam_len], self.searched.saturating_sub(seam_at)) {
            self.searched = seam_at + at;
            return Some(seam_at + at + END.len());
        }
        if let Some(at) = find_end_in(second, self.searched.saturating_sub(first.len())) {
            self.searched = first.len() + at;
            return Some(first.len() + at + END.len());
        }
        self.searched = input.len().saturating_sub(END.len() - 1);
        None
    }
}

/// Judges a complete head. The order of the checks is that of RFC 6455 section 4.2.1, behind those of HTTP.
fn judge(head: &[u8], config: &Config) -> Verdict {
    let mut lines = vec![httparse::EMPTY_HEADER; config.max_headers];
    let mut request = httparse::Request::new(&mut lines);
    match request.parse(head) {
        Ok(httparse::Status::Complete(len)) if len == head.len() => {}
        // The parser takes a bare line feed for a line end, so it may see an end before the one found here.
        Ok(_) => return refuse(Answer::bad_request("not an HTTP request")),
        Err(httparse::Error::TooManyHeaders) => {
            return refuse(Answer::head_too_large("too many headers"));
        }
        Err(_) => return refuse(Answer::bad_request("not an HTTP request")),
    }
    let method = request.method.unwrap_or_default();
    let http_1_1 = request.version == Some(1);
    let headers = Headers::new(request.headers, config);
    if !matches!(method, "GET" | "HEAD") && !config.ask_requests {
        return refuse(Answer::METHOD_NOT_ALLOWED);
    }
    // RFC 9112 section 3.2: exactly one Host since HTTP/1.1.
    if headers.hosts > 1 || headers.hosts == 0 && http_1_1 {
        let answer = Answer::bad_request("not exactly one Host header");
        return refuse_plain(answer, method != "HEAD");
    }
    // RFC 9110 section 7.8: an upgrade to anything else may be ignored, and one in HTTP/1.0 must be.
    if method != "GET" || !http_1_1 || !headers.upgrade_websocket {
        return plain(&request, head.len(), config);
    }
    upgrade(&request, headers, head.len(), config)
}

/// Answers a request for a WebSocket.
fn upgrade(
    request: &httparse::Request<'_, '_>,
    headers: Headers<'_>,
    head_len: usize,
    config: &Config,
) -> Verdict {
    // RFC 9110 section 7.8: the request has to be complete before the protocol changes.
    if headers.has_body {
        return refuse(Answer::bad_request("upgrade with a body"));
    }
    if !headers.connection_upgrade {
        return refuse(Answer::bad_request("Connection header without Upgrade"));
    }
    if !matches!(headers.version, Once::Value(b"13")) {
        return refuse(Answer::WRONG_VERSION);
    }
    let key = match headers.key {
        Once::Value(key) if is_key(key) => key,
        _ => {
            return refuse(Answer::bad_request(
                "Sec-WebSocket-Key is not one of 16 bytes",
            ));
        }
    };
    let is_path = |path: &String| path == path_of(request);
    if !config.path.as_ref().is_none_or(is_path) {
        return refuse(Answer::NOT_FOUND);
    }
    if !headers.is_origin_allowed(config) {
        return refuse(Answer::FORBIDDEN);
    }
    let deflate = config.deflate.as_ref();
    let agreed = deflate.and_then(|settings| headers.extensions.agree(settings));
    let upgrade = Upgrade::new(key, headers.protocol, agreed);
    if config.ask_upgrades {
        Verdict::Ask {
            head_len,
            request: Request::Upgrade,
            lines: lines(request),
            upgrade: Some(upgrade),
        }
    } else {
        Verdict::Accept { head_len, upgrade }
    }
}

/// Answers a request that does not ask for a WebSocket.
fn plain(request: &httparse::Request<'_, '_>, head_len: usize, config: &Config) -> Verdict {
    if config.ask_requests {
        return Verdict::Ask {
            head_len,
            request: Request::Plain,
            lines: lines(request),
            upgrade: None,
        };
    }
    let with_body = request.method != Some("HEAD");
    let Some(html) = &config.page else {
        return refuse_plain(Answer::UPGRADE_REQUIRED, with_body);
    };
    if path_of(request) != "/" {
        return refuse_plain(Answer::NOT_FOUND, with_body);
    }
    Verdict::Refuse {
        reason: "plain HTTP request answered",
        response: response::page(html, with_body),
    }
}

/// The target without its query, and (RFC 9112 section 3.2.2) without what an absolute one has in front of its path.
fn path_of<'a>(request: &httparse::Request<'_, 'a>) -> &'a str {
    let target = request.path.unwrap_or_default();
    let target = target.split('?').next().unwrap_or_default();
    match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    }
}

/// The request for the application, line by line; no part of it can have a line feed in it.
fn lines(request: &httparse::Request<'_, '_>) -> Vec<u8> {
    let (method, target) = (request.method, request.path);
    let start = [method, target].map(|part| part.unwrap_or_default().as_bytes());
    let headers = request.headers.iter();
    let headers = headers.flat_map(|header| [header.name.as_bytes(), header.value]);
    let mut lines = Vec::new();
    for line in start.into_iter().chain(headers) {
        lines.extend_from_slice(line);
        lines.push(b'\n');
    }
    lines
}

fn refuse(answer: Answer) -> Verdict {
    refuse_plain(answer, true)
}

fn refuse_plain(answer: Answer, with_body: bool) -> Verdict {
    Verdict::Refuse {
        reason: answer.reason,
        response: answer.response(with_body),
    }
}

impl<'a> Headers<'a> {
    fn new(lines: &[httparse::Header<'a>], config: &Config) -> Self {
        let mut headers = Self::default();
        for line in lines {
            let (name, value) = (line.name, line.value);
            if name.eq_ignore_ascii_case("host") {
                headers.hosts += 1;
            } else if name.eq_ignore_ascii_case("connection") {
                headers.connection_upgrade |= lists(value, "upgrade");
            } else if name.eq_ignore_ascii_case("upgrade") {
                headers.upgrade_websocket |= lists(value, "websocket");
            } else if name.eq_ignore_ascii_case("content-length") {
                headers.has_body |= value.trim_ascii() != b"0";
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                headers.has_body = true;
            } else if name.eq_ignore_ascii_case("origin") {
                headers.origin.add(value);
            } else if name
                .get(..SEC_WEBSOCKET.len())
                .is_some_and(|prefix| prefix.eq_ignore_ascii_case(SEC_WEBSOCKET))
            {
                headers.add_web_socket(&name[SEC_WEBSOCKET.len()..], value, config);
            }
        }
        headers
    }

    /// A header whose name begins with `Sec-WebSocket-` and goes on with `name`.
    fn add_web_socket(&mut self, name: &str, value: &'a [u8], config: &Config) {
        if name.eq_ignore_ascii_case("version") {
            self.version.add(value);
        } else if name.eq_ignore_ascii_case("key") {
            self.key.add(value);
        } else if name.eq_ignore_ascii_case("extensions") && config.deflate.is_some() {
            self.extensions.add(value);
        } else if name.eq_ignore_ascii_case("protocol") && self.protocol.is_empty() {
            let offers = value.split(|&byte| byte == b',');
            let offers = offers.filter_map(|offer| std::str::from_utf8(offer.trim_ascii()).ok());
            let mut known = offers.filter(|offer| config.protocols.iter().any(|it| it == offer));
            self.protocol = known.next().unwrap_or_default();
        }
    }

    fn is_origin_allowed(&self, config: &Config) -> bool {
        let Some(allowed) = &config.origins else {
            return true;
        };
        match self.origin {
            Once::Absent => true,
            Once::Value(origin) => allowed
                .iter()
                .any(|it| origin.eq_ignore_ascii_case(it.as_bytes())),
            Once::Repeated => false,
        }
    }
}

impl<'a> Once<'a> {
    fn add(&mut self, value: &'a [u8]) {
        *self = match self {
            Self::Absent => Self::Value(value.trim_ascii()),
            Self::Value(_) | Self::Repeated => Self::Repeated,
        };
    }
}

/// True when `token` is in a list separated by commas, in whatever case.
fn lists(value: &[u8], token: &str) -> bool {
    value
        .split(|&byte| byte == b',')
        .any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// True for the base64 encoding of 16 bytes (RFC 6455 section 4.2.1): 22 characters and the padding.
fn is_key(key: &[u8]) -> bool {
    key.len() == 24
        && key.ends_with(b"==")
        && key[..22]
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

/// The head in one piece.
fn head<'a>(input: &Input<'a>, head_len: usize) -> Cow<'a, [u8]> {
    if let Some(head) = input.first().get(..head_len) {
        return Cow::Borrowed(head);
    }
    let mut head = vec![0; head_len];
    input.peek_into(&mut head);
    Cow::Owned(head)
}

/// Place of the first end of a head at or behind `from`.
fn find_end_in(bytes: &[u8], from: usize) -> Option<usize> {
    let found = bytes
        .get(from..)?
        .windows(END.len())
        .position(|window| window == END);
    found.map(|at| from + at)
}

const SEC_WEBSOCKET: &str = "Sec-WebSocket-";

/// RFC 9112 section 2.1: an empty line ends the head.
const END: &[u8] = b"\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    #[test]
    fn the_end_is_found_wherever_the_input_is_cut_and_wraps() {
        for wrap in 0..=REQUEST.len() {
            let mut handshake = Handshake::default();
            for len in 0..REQUEST.len() {
                let (first, second) = REQUEST[..len].split_at(wrap.min(len));
                assert_eq!(handshake.find_end(&Input::new(first, second)), None);
                assert_eq!(
                    handshake.searched,
                    len.saturating_sub(3),
                    "searched again next time"
                );
            }
            let (first, second) = REQUEST.split_at(wrap);
            for _ in 0..2 {
                let found = handshake.find_end(&Input::new(first, second));
                assert_eq!(found, Some(REQUEST.len()));
            }
        }
    }

    #[test]
    fn only_the_first_end_counts() {
        let twice = [REQUEST, REQUEST].concat();
        for wrap in 0..=twice.len() {
            let (first, second) = twice.split_at(wrap);
            let found = Handshake::default().find_end(&Input::new(first, second));
            assert_eq!(found, Some(REQUEST.len()));
        }
    }

    #[test]
    fn lists_are_searched_for_whole_tokens() {
        for value in [
            "upgrade",
            "Upgrade",
            "keep-alive, Upgrade",
            "UPGRADE\t,close",
            ",,upgrade,",
        ] {
            assert!(lists(value.as_bytes(), "upgrade"), "{value}");
        }
        for value in ["", "upgrades", "keep-alive", "up grade", "upgrade;q=1"] {
            assert!(!lists(value.as_bytes(), "upgrade"), "{value}");
        }
    }

    #[test]
    fn keys_are_16_bytes_in_base64() {
        assert!(is_key(b"dGhlIHNhbXBsZSBub25jZQ=="));
        assert!(is_key(b"++++////0000AAAAzzzzaw=="));
        for key in [
            "",
            "dGhlIHNhbXBsZSBub25jZQ=",
            "dGhlIHNhbXBsZSBub25jZQa=",
            "dGhlIHNhbXBsZSBub25j",
        ] {
            assert!(!is_key(key.as_bytes()), "{key}");
        }
        assert!(!is_key(b"dGhlIHNhbXBsZSBub25jZQ==="));
        assert!(
            !is_key(b"dGhlIHNhbXBsZSBub25j-Q=="),
            "the alphabet for URLs is another"
        );
    }
}
