//! Any bytes from the first one on: requests, and what follows them.

use arbitrary::Arbitrary;
use gev_wire::websocket::{Config, Deflate, DeflateMode};
use gev_wire::{Input, Request};

use crate::arrival::{Arrival, answer};
use crate::kit::{Collector, End, Entry, decode, web_socket};

/// What a client sends, to what server, and how it arrives.
#[derive(Debug, Arbitrary)]
pub struct Case<'a> {
    arrival: Arrival,
    settings: Settings,
    /// What the application says when it is asked to upgrade.
    accepts: bool,
    /// Place where the input wraps.
    seam: u16,
    bytes: &'a [u8],
}

#[derive(Debug, Arbitrary)]
struct Settings {
    /// 0 for the default.
    header_bytes: u16,
    /// 0 for the default.
    headers: u8,
    page: bool,
    path: bool,
    origins: bool,
    protocols: bool,
    ask_upgrades: bool,
    ask_requests: bool,
    deflate: bool,
}

/// Cut, wrapped and held up in any way, the bytes have the outcome that they have in one piece, within the limits.
///
/// # Panics
/// When they do not.
pub fn check(case: &Case<'_>) {
    let config = case.settings.config();
    let bytes = case.bytes;
    let (whole, end) = case.decode(&config, Input::from(bytes));
    check_outcome(&whole, &end, bytes, &config);

    let mut protocol = web_socket(config.clone());
    let mut sink = Collector::default();
    let mut feeder = case.arrival.feeder(&mut protocol, &mut sink);
    feeder.accepts = case.accepts;
    assert_eq!(feeder.feed(bytes), end, "in pieces");
    let rest = feeder.rest_len();
    assert_eq!(sink.log, whole.log, "in pieces");
    assert_eq!(sink.opening, whole.opening);
    assert_eq!(sink.refusals, whole.refusals);
    if !sink.log.contains(&Entry::Open) {
        // Where an empty line has begun in front of it, that one byte is held, however little the limit is.
        let limit = config.max_header_bytes.max(EMPTY_LINE.len());
        assert!(rest < limit, "{rest} bytes of a request");
    }

    let (first, second) = bytes.split_at(usize::from(case.seam).min(bytes.len()));
    let (wrapped, wrapped_end) = case.decode(&config, Input::new(first, second));
    assert_eq!(wrapped_end, end, "wrapped");
    assert_eq!(wrapped.log, whole.log, "wrapped");
}

impl Case<'_> {
    /// What comes of an input in one go, the answer of the application included.
    fn decode(&self, config: &Config, mut input: Input<'_>) -> (Collector, End) {
        let mut protocol = web_socket(config.clone());
        let mut sink = Collector::default();
        let mut end = decode(&mut protocol, &mut input, &mut sink);
        if end == End::Asked {
            answer(self.accepts, &mut protocol, &sink);
            end = decode(&mut protocol, &mut input, &mut sink);
        }
        (sink, end)
    }
}

/// What must be true of an outcome, whatever the bytes are.
fn check_outcome(sink: &Collector, end: &End, bytes: &[u8], config: &Config) {
    let log = match &sink.log[..] {
        [Entry::Ask(request, lines), rest @ ..] => {
            check_question(*request, lines, config);
            rest
        }
        log => log,
    };
    match (log, end) {
        ([Entry::Open, Entry::Reply(response), ..], _) => {
            check_accepted(response, bytes, config);
        }
        ([Entry::Reply(response)], End::Closed(close)) => {
            assert_eq!(close.code, 1006);
            check_refusal(response);
            check_told(response, &close.reason, &sink.refusals);
        }
        ([], End::NeedMore) if log.len() < sink.log.len() => {}
        ([], End::NeedMore) => assert!(head_of(bytes).is_none() && may_begin(bytes)),
        unexpected => panic!("{unexpected:?}"),
    }
    for (_, message) in sink.messages() {
        assert!(message.len() as u64 <= config.max_message_bytes);
    }
}

fn check_question(request: Request, lines: &str, config: &Config) {
    assert!(match request {
        Request::Upgrade => config.ask_upgrades && lines.starts_with("GET\n"),
        Request::Plain => config.ask_requests,
    });
    assert!(lines.ends_with('\n') && !lines.contains('\r'));
    let count = lines.matches('\n').count();
    assert!(count.is_multiple_of(2) && count <= 2 * (1 + config.max_headers));
}

fn check_accepted(response: &[u8], bytes: &[u8], config: &Config) {
    assert!(response.starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
    let head = head_of(bytes).expect("an accepted request");
    assert!(head.len() <= config.max_header_bytes);
    let head = String::from_utf8_lossy(head);
    // The request line and the empty line at the end are no headers.
    assert!(head.matches('\n').count() - 2 <= config.max_headers);
    let target = head.split(' ').nth(1).expect("a target");
    let path = if target.starts_with('/') {
        target
    } else {
        let (_, rest) = target.split_once("://").expect("an absolute target");
        &rest[rest.find('/').unwrap_or(rest.len())..]
    };
    let path = path.split('?').next();
    assert!(config.path.is_none() || path == config.path.as_deref());
}

/// False when the first line, or what has come of it, is none of HTTP.
fn may_begin(bytes: &[u8]) -> bool {
    let bytes = without_empty_lines(bytes);
    let line = bytes
        .split(|&byte| byte == b'\n')
        .next()
        .unwrap_or_default();
    let parts: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
    let is_whole = line.len() < bytes.len();
    match parts[..] {
        [method] => !is_whole && is_token(method),
        [method, target] => !is_whole && is_token(method) && !target.contains(&b'\r'),
        [method, target, version] => {
            let versions = [&b"HTTP/1.0\r"[..], b"HTTP/1.1\r"];
            let is_version = |it: &[u8]| it == version || !is_whole && it.starts_with(version);
            is_token(method) && !target.is_empty() && versions.into_iter().any(is_version)
        }
        _ => false,
    }
}

fn is_token(bytes: &[u8]) -> bool {
    let separators = b"\"(),/:;<=>?@[\\]{}";
    let is_in_token = |byte: &u8| byte.is_ascii_graphic() && !separators.contains(byte);
    bytes.iter().all(is_in_token)
}

/// A refusal is a complete response, behind which the connection is closed.
fn check_refusal(response: &[u8]) {
    let response = std::str::from_utf8(response).expect("text");
    let (head, body) = response.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 "));
    assert!(head.contains("\r\nConnection: close\r\n"));
    let len = head
        .rsplit_once("\r\nContent-Length: ")
        .expect("a length")
        .1;
    assert!(
        len.parse() == Ok(body.len()) || body.is_empty(),
        "{response}"
    );
}

/// The application is told of every refusal, and of nothing else.
fn check_told(response: &[u8], reason: &str, refusals: &[(u16, String)]) {
    let status = String::from_utf8_lossy(&response[9..12]).into_owned();
    let told = refusals
        .iter()
        .map(|(status, reason)| (status.to_string(), reason.as_str()));
    let expected = (status != "200").then_some((status, reason));
    assert!(told.eq(expected), "{refusals:?}");
}

const EMPTY_LINE: &[u8] = b"\r\n";

/// What follows the empty lines that a request may have in front of it; an unfinished one is left out too.
fn without_empty_lines(mut bytes: &[u8]) -> &[u8] {
    for _ in 0..8 {
        bytes = bytes.strip_prefix(EMPTY_LINE).unwrap_or(bytes);
    }
    if bytes == b"\r" { b"" } else { bytes }
}

/// The bytes of a request up to the first empty line behind it, and that.
fn head_of(bytes: &[u8]) -> Option<&[u8]> {
    let bytes = without_empty_lines(bytes);
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(&bytes[..end + 4])
}

impl Settings {
    fn config(&self) -> Config {
        let mut config = Config {
            page: self.page.then(|| b"<!doctype html>".to_vec()),
            path: self.path.then(|| "/chat".to_owned()),
            origins: self.origins.then(|| vec!["http://example.com".to_owned()]),
            ask_upgrades: self.ask_upgrades,
            ask_requests: self.ask_requests,
            deflate: self
                .deflate
                .then(|| Deflate::new(DeflateMode::Shared, u64::MAX)),
            ..Config::default()
        };
        if self.protocols {
            config.subprotocols = vec!["superchat".to_owned(), "chat".to_owned()];
        }
        if self.header_bytes != 0 {
            config.max_header_bytes = usize::from(self.header_bytes);
        }
        if self.headers != 0 {
            config.max_headers = usize::from(self.headers);
        }
        config
    }
}
