//! What becomes of a request to upgrade that is all right (RFC 6455 section 4.2.2).

use crate::codec::Opening;
use crate::websocket::deflate::Agreed;
use crate::websocket::response;

/// An upgrade, from the verdict on the request to the response.
#[derive(Debug)]
pub(crate) struct Agreement {
    /// Value of the response's Sec-WebSocket-Accept header.
    accept: String,
    /// The subprotocol; empty for none.
    subprotocol: String,
    /// Parameters of permessage-deflate.
    pub(crate) agreed: Option<Agreed>,
    /// Further lines for the head of the response, each with its CRLF.
    lines: Vec<u8>,
}

impl Agreement {
    /// `key`: value of the request's Sec-WebSocket-Key header. `subprotocol`: empty for none.
    pub(crate) fn new(key: &[u8], subprotocol: &str, agreed: Option<Agreed>) -> Self {
        Self {
            accept: tungstenite::handshake::derive_accept_key(key),
            subprotocol: subprotocol.to_owned(),
            agreed,
            lines: Vec::new(),
        }
    }

    /// The application's word: see [`Upgrade::accept`](crate::Upgrade::accept).
    pub(crate) fn accept(&mut self, details: &[u8]) {
        let end = details.iter().position(|&byte| byte == b'\n');
        let (subprotocol, lines) = details.split_at(end.unwrap_or(details.len()));
        if !subprotocol.is_empty() {
            // A token of HTTP, and so ASCII.
            self.subprotocol = String::from_utf8_lossy(subprotocol).into_owned();
        }
        self.lines = lines.get(1..).unwrap_or_default().to_vec();
    }

    /// What was agreed on, for the application.
    pub(crate) fn opening(&self) -> Opening<'_> {
        let agreed = self.agreed.as_ref();
        Opening {
            subprotocol: &self.subprotocol,
            extensions: agreed.map_or("", |agreed| agreed.response.as_str()),
        }
    }

    /// The response: frames follow. A date among the application's lines counts, and not `date`.
    pub(crate) fn response(&self, date: &str) -> Vec<u8> {
        let mut lines = format!("Sec-WebSocket-Accept: {}\r\n", self.accept);
        let Opening {
            subprotocol,
            extensions,
        } = self.opening();
        for (name, value) in [
            ("Sec-WebSocket-Protocol", subprotocol),
            ("Sec-WebSocket-Extensions", extensions),
        ] {
            if !value.is_empty() {
                lines += &format!("{name}: {value}\r\n");
            }
        }
        response::switching_protocols(&lines, &self.lines, date)
    }
}
