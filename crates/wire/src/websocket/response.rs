//! The server's answers to a request: complete HTTP responses.

use std::borrow::Cow;

/// A refusal, or the answer to a plain HTTP request. The connection ends behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Status line behind the version.
    pub(crate) status: &'static str,
    /// Header lines that this status calls for, each with its line end.
    pub(crate) headers: &'static str,
    /// What is the matter, for people: the body, and the reason that the application is told.
    pub(crate) reason: Cow<'static, str>,
}

impl Answer {
    /// A request that does not follow the rules.
    pub(crate) fn bad_request(reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: "400 Bad Request",
            headers: "",
            reason: reason.into(),
        }
    }

    /// RFC 9110 section 15.5.6: says which methods are allowed.
    pub(crate) const METHOD_NOT_ALLOWED: Self = Self {
        status: "405 Method Not Allowed",
        headers: "Allow: GET, HEAD\r\n",
        reason: Cow::Borrowed("method is not GET"),
    };

    /// An upgrade from a page that is not among those allowed.
    pub(crate) const FORBIDDEN: Self = Self {
        status: "403 Forbidden",
        headers: "",
        reason: Cow::Borrowed("origin not allowed"),
    };

    /// Another path than that of the page.
    pub(crate) const NOT_FOUND: Self = Self {
        status: "404 Not Found",
        headers: "",
        reason: Cow::Borrowed("nothing at this path"),
    };

    /// RFC 9110 sections 7.8 and 15.5.22: names the protocol to upgrade to, as a connection option too.
    pub(crate) const UPGRADE_REQUIRED: Self = Self {
        status: "426 Upgrade Required",
        headers: "Upgrade: websocket\r\nConnection: Upgrade\r\n",
        reason: Cow::Borrowed("this is a WebSocket server"),
    };

    /// RFC 6455 section 4.4: names the version that would have been accepted.
    pub(crate) const WRONG_VERSION: Self = Self {
        status: "426 Upgrade Required",
        headers: "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n",
        reason: Cow::Borrowed("Sec-WebSocket-Version is not 13"),
    };

    /// RFC 6585 section 5.
    pub(crate) const fn head_too_large(reason: &'static str) -> Self {
        Self {
            status: "431 Request Header Fields Too Large",
            headers: "",
            reason: Cow::Borrowed(reason),
        }
    }

    /// The response that says so.
    pub(crate) fn response(&self, with_body: bool) -> Vec<u8> {
        let body = format!("{}\n", self.reason);
        let body_type = "text/plain; charset=utf-8";
        complete(
            self.status,
            self.headers,
            body_type,
            body.as_bytes(),
            with_body,
        )
    }
}

/// RFC 6455 section 4.2.2: frames follow. `lines` and `more`: the rest of the head, each line with its CRLF.
pub(crate) fn switching_protocols(lines: &[u8], more: &[u8]) -> Vec<u8> {
    let start =
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    [start, lines, more, b"\r\n"].concat()
}

/// The HTML page of a server for people who come with a browser.
pub(crate) fn page(html: &[u8], with_body: bool) -> Vec<u8> {
    complete("200 OK", "", "text/html; charset=utf-8", html, with_body)
}

/// A response with `body`, which itself is left out of the answer to a HEAD request (RFC 9110 section 9.3.2).
fn complete(status: &str, headers: &str, body_type: &str, body: &[u8], with_body: bool) -> Vec<u8> {
    let body_len = body.len();
    let mut response = format!(
        "HTTP/1.1 {status}\r\n\
         {headers}\
         Connection: close\r\n\
         Content-Type: {body_type}\r\n\
         Content-Length: {body_len}\r\n\
         \r\n"
    )
    .into_bytes();
    if with_body {
        response.extend_from_slice(body);
    }
    response
}
