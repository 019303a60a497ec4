//! What is to be done about a request whose head is complete.

use crate::codec::Request;
use crate::websocket::Config;
use crate::websocket::deflate::agree;
use crate::websocket::response::Answer;
use crate::websocket::upgrade::Agreement;

use super::fault::fault_of;
use super::headers::{Headers, Once, is_key};
use super::target::{is_target, path_of};

/// What is to be done about a request.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Its head is not complete.
    NeedMore,
    /// Upgrade; frames follow behind the head.
    Accept { head_len: usize, upgrade: Agreement },
    /// Ask the application, with what `lines` say: see [`UpgradeSink::ask`](crate::UpgradeSink::ask).
    Ask {
        head_len: usize,
        request: Request,
        lines: Vec<u8>,
        /// What an upgrade would come to.
        upgrade: Option<Agreement>,
    },
    /// Answer so, and close.
    Refuse {
        answer: Answer,
        /// False for a HEAD request.
        with_body: bool,
    },
    /// Answer with the page, and close.
    Page {
        /// False for a HEAD request.
        with_body: bool,
    },
}

/// Judges a complete head. The order of the checks is that of RFC 6455 section 4.2.1, behind those of HTTP.
pub(super) fn judge(head: &[u8], config: &Config) -> Verdict {
    let mut lines = vec![httparse::EMPTY_HEADER; config.max_headers];
    let mut request = httparse::Request::new(&mut lines);
    match request.parse(head) {
        Ok(httparse::Status::Complete(len)) if len == head.len() => {}
        // The parser takes a bare line feed for a line end, so it may see an end before the one found here.
        Ok(_) => return refuse(Answer::bad_request(fault_of(head))),
        Err(httparse::Error::TooManyHeaders) => {
            return refuse(Answer::head_too_large("too many headers"));
        }
        Err(_) => return refuse(Answer::bad_request(fault_of(head))),
    }
    let method = request.method.unwrap_or_default();
    let http_1_1 = request.version == Some(1);
    let headers = Headers::new(request.headers, config);
    if !matches!(method, "GET" | "HEAD") && !config.ask_requests {
        return refuse(Answer::METHOD_NOT_ALLOWED);
    }
    let with_body = method != "HEAD";
    if !is_target(method, target_of(&request)) {
        return refuse_plain(
            Answer::bad_request("bad request line: the target"),
            with_body,
        );
    }
    // RFC 9112 section 3.2: exactly one Host since HTTP/1.1.
    if headers.hosts > 1 || headers.hosts == 0 && http_1_1 {
        let answer = Answer::bad_request("not exactly one Host header");
        return refuse_plain(answer, with_body);
    }
    let has_body = match headers.body.follows() {
        Ok(has_body) => has_body,
        Err(reason) => return refuse_plain(Answer::bad_request(reason), with_body),
    };
    // RFC 9110 section 7.8: an upgrade to anything else may be ignored, and one in HTTP/1.0 must be.
    if method != "GET" || !http_1_1 || !headers.upgrade_websocket {
        return plain(&request, head.len(), config);
    }
    // RFC 9110 section 7.8: the request has to be complete before the protocol changes.
    if has_body {
        return refuse(Answer::bad_request("upgrade with a body"));
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
    // RFC 6455 section 9.1, whether or not there is an extension that could be agreed on.
    if !headers.extensions.are_well_formed() {
        return refuse(Answer::bad_request("Sec-WebSocket-Extensions is malformed"));
    }
    let is_path = |path: &String| path == path_of(target_of(request));
    if !config.path.as_ref().is_none_or(is_path) {
        return refuse(Answer::NOT_FOUND);
    }
    if !headers.is_origin_allowed(config) {
        return refuse(Answer::FORBIDDEN);
    }
    let deflate = config.deflate.as_ref();
    let agreed = deflate.and_then(|settings| agree(&headers.extensions, settings));
    let upgrade = Agreement::new(key, headers.subprotocol, agreed);
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
    if config.page.is_none() {
        return refuse_plain(Answer::UPGRADE_REQUIRED, with_body);
    }
    if path_of(target_of(request)) != "/" {
        return refuse_plain(Answer::NOT_FOUND, with_body);
    }
    Verdict::Page { with_body }
}

fn target_of<'a>(request: &httparse::Request<'_, 'a>) -> &'a str {
    request.path.unwrap_or_default()
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

pub(super) fn refuse(answer: Answer) -> Verdict {
    refuse_plain(answer, true)
}

fn refuse_plain(answer: Answer, with_body: bool) -> Verdict {
    Verdict::Refuse { answer, with_body }
}
