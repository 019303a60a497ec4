//! What becomes of a request to upgrade that is all right (RFC 6455 section 4.2.2).

use crate::protocol::Opening;
use crate::websocket::deflate::Agreed;
use crate::websocket::response;

/// An upgrade, from the verdict on the request to the response.
#[derive(Debug)]
pub(crate) struct Upgrade {
    /// Value of the response's Sec-WebSocket-Accept header.
    accept: String,
    /// The subprotocol; empty for none.
    protocol: String,
    /// Parameters of permessage-deflate.
    pub(crate) agreed: Option<Agreed>,
    /// Further lines for the head of the response, each with its CRLF.
    lines: String,
}

impl Upgrade {
    /// `key`: value of the request's Sec-WebSocket-Key header. `protocol`: empty for none.
    pub(crate) fn new(key: &[u8], protocol: &str, agreed: Option<Agreed>) -> Self {
        Self {
            accept: tungstenite::handshake::derive_accept_key(key),
            protocol: protocol.to_owned(),
            agreed,
            lines: String::new(),
        }
    }

    /// The application's word: see [`Protocol::accept`](crate::Protocol::accept).
    pub(crate) fn accept(&mut self, details: &[u8]) {
        let details = String::from_utf8_lossy(details);
        let (protocol, lines) = details.split_once('\n').unwrap_or_default();
        if !protocol.is_empty() {
            self.protocol = protocol.to_owned();
        }
        self.lines = lines.to_owned();
    }

    /// What was agreed on, for the application.
    pub(crate) fn opening(&self) -> Opening<'_> {
        let agreed = self.agreed.as_ref();
        Opening {
            protocol: &self.protocol,
            extensions: agreed.map_or("", |agreed| agreed.response.as_str()),
        }
    }

    /// The response: frames follow.
    pub(crate) fn response(&self) -> Vec<u8> {
        let mut lines = format!("Sec-WebSocket-Accept: {}\r\n", self.accept);
        let Opening {
            protocol,
            extensions,
        } = self.opening();
        for (name, value) in [
            ("Sec-WebSocket-Protocol", protocol),
            ("Sec-WebSocket-Extensions", extensions),
        ] {
            if !value.is_empty() {
                lines += &format!("{name}: {value}\r\n");
            }
        }
        lines += &self.lines;
        response::switching_protocols(&lines)
    }
}
