//! The server's answers to a request: complete HTTP responses.

use std::borrow::Cow;

/// A status code and its reason phrase.
pub(crate) type Status = (u16, &'static str);

/// A refusal, or the answer to a plain HTTP request. The connection ends behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: Status,
    /// Header lines that this status calls for, each with its line end.
    pub(crate) headers: &'static str,
    /// What is the matter, for people: the body, and the reason that the application is told.
    pub(crate) reason: Cow<'static, str>,
}

impl Answer {
    /// A request that does not follow the rules.
    pub(crate) fn bad_request(reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: (400, "Bad Request"),
            headers: "",
            reason: reason.into(),
        }
    }

    /// RFC 9110 section 15.5.6: says which methods are allowed.
    pub(crate) const METHOD_NOT_ALLOWED: Self = Self {
        status: (405, "Method Not Allowed"),
        headers: "Allow: GET, HEAD\r\n",
        reason: Cow::Borrowed("method is not GET"),
    };

    /// An upgrade from a page that is not among those allowed.
    pub(crate) const FORBIDDEN: Self = Self {
        status: (403, "Forbidden"),
        headers: "",
        reason: Cow::Borrowed("origin not allowed"),
    };

    /// Another path than that of the page.
    pub(crate) const NOT_FOUND: Self = Self {
        status: (404, "Not Found"),
        headers: "",
        reason: Cow::Borrowed("nothing at this path"),
    };

    /// RFC 9110 sections 7.8 and 15.5.22: names the protocol to upgrade to, as a connection option too.
    pub(crate) const UPGRADE_REQUIRED: Self = Self {
        status: (426, "Upgrade Required"),
        headers: "Upgrade: websocket\r\nConnection: Upgrade\r\n",
        reason: Cow::Borrowed("this is a WebSocket server"),
    };

    /// RFC 6455 section 4.4: names the version that would have been accepted.
    pub(crate) const WRONG_VERSION: Self = Self {
        status: (426, "Upgrade Required"),
        headers: "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n",
        reason: Cow::Borrowed("Sec-WebSocket-Version is not 13"),
    };

    /// RFC 9110 section 15.5.9: a request that has begun has not come to its end.
    pub(crate) const REQUEST_TIMEOUT: Self = Self {
        status: (408, "Request Timeout"),
        headers: "",
        reason: Cow::Borrowed("request not complete in time"),
    };

    /// RFC 9110 section 15.6.4: the application does not answer.
    pub(crate) const NOT_ANSWERED: Self = Self {
        status: (503, "Service Unavailable"),
        headers: "",
        reason: Cow::Borrowed("request not answered in time"),
    };

    /// RFC 6585 section 5.
    pub(crate) const fn head_too_large(reason: &'static str) -> Self {
        Self {
            status: (431, "Request Header Fields Too Large"),
            headers: "",
            reason: Cow::Borrowed(reason),
        }
    }

    /// The status code.
    pub(crate) fn code(&self) -> u16 {
        self.status.0
    }

    /// The response that says so.
    pub(crate) fn response(&self, with_body: bool, date: &str) -> Vec<u8> {
        let body = format!("{}\n", self.reason);
        let content = Content {
            media_type: "text/plain; charset=utf-8",
            bytes: body.as_bytes(),
            with_body,
        };
        complete(self.status, self.headers, &content, date)
    }

    /// The response without content, which fits every method, where nobody knows which it was.
    pub(crate) fn bare_response(&self, date: &str) -> Vec<u8> {
        let content = Content {
            media_type: "text/plain",
            bytes: b"",
            with_body: false,
        };
        complete(self.status, self.headers, &content, date)
    }
}

/// RFC 6455 section 4.2.2: frames follow. `lines` and `more`: the rest of the head, each line with its CRLF.
pub(crate) fn switching_protocols(lines: &str, more: &[u8], date: &str) -> Vec<u8> {
    let has_date = more.split(|&byte| byte == b'\n').any(is_date_line);
    let date = if has_date { "" } else { date };
    let start = format!(
        "HTTP/1.1 101 Switching Protocols\r\n\
         {}\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         {lines}",
        date_line(date)
    );
    [start.as_bytes(), more, b"\r\n"].concat()
}

/// The HTML page of a server for people who come with a browser.
pub(crate) fn page(html: &[u8], with_body: bool, date: &str) -> Vec<u8> {
    let content = Content {
        media_type: "text/html; charset=utf-8",
        bytes: html,
        with_body,
    };
    complete((200, "OK"), "", &content, date)
}

/// The content of a response.
struct Content<'a> {
    media_type: &'static str,
    bytes: &'a [u8],
    /// False in the answer to a HEAD request (RFC 9110 section 9.3.2).
    with_body: bool,
}

fn complete(status: Status, headers: &str, content: &Content<'_>, date: &str) -> Vec<u8> {
    let (code, phrase) = status;
    let Content {
        media_type,
        bytes,
        with_body,
    } = content;
    let mut response = format!(
        "HTTP/1.1 {code} {phrase}\r\n\
         {}\
         {headers}\
         Connection: close\r\n\
         Content-Type: {media_type}\r\n\
         Content-Length: {}\r\n\
         \r\n",
        date_line(date),
        bytes.len(),
    )
    .into_bytes();
    if *with_body {
        response.extend_from_slice(bytes);
    }
    response
}

/// RFC 9110 section 6.6.1: who has no clock leaves the date out.
fn date_line(date: &str) -> String {
    if date.is_empty() {
        String::new()
    } else {
        format!("Date: {date}\r\n")
    }
}

fn is_date_line(line: &[u8]) -> bool {
    let name = line.split(|&byte| byte == b':').next();
    name.is_some_and(|name| name.eq_ignore_ascii_case(b"date"))
}
