//! How a connection becomes a WebSocket, the client's side: as much of RFC 6455 section 4 as a load generator needs.

use std::fmt;
use std::io::{self, Read, Write};

use crate::deflate::{self, Agreed};
use crate::target::Target;

/// Why a server did not become a WebSocket peer.
#[derive(Debug)]
pub(crate) enum UpgradeError {
    Io(io::Error),
    /// The server closed before its response was complete.
    Closed,
    /// No end of the response's header within [`RESPONSE_LIMIT`].
    TooLong,
    /// The response is not the one that section 4.2.2 asks for; what was received.
    Refused(String),
    /// What the response says about compression is no answer to what was offered; what was received.
    WrongExtensions(String),
    /// Something came behind the response although nothing had been sent.
    Surplus(usize),
}

/// Turns a fresh connection into a WebSocket (RFC 6455 section 4.1), with compression if it `deflates`: then the server
/// has to agree to it. Blocks, within the stream's time-outs.
pub(crate) fn upgrade(
    stream: &mut (impl Read + Write),
    target: &Target,
    deflates: bool,
) -> Result<Option<Agreed>, UpgradeError> {
    stream
        .write_all(request(target, deflates).as_bytes())
        .map_err(UpgradeError::Io)?;
    let mut response = [0; RESPONSE_LIMIT];
    let mut len = 0;
    loop {
        if let Some((end, agreed)) = judge(&response[..len], deflates)? {
            return if end == len {
                Ok(agreed)
            } else {
                Err(UpgradeError::Surplus(len - end))
            };
        }
        match stream.read(&mut response[len..]) {
            Ok(0) => return Err(UpgradeError::Closed),
            Ok(count) => len += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(UpgradeError::Io(error)),
        }
    }
}

/// What a client asks for (RFC 6455 section 4.1), with compression if it `deflates`.
pub(crate) fn request(target: &Target, deflates: bool) -> String {
    let extensions = if deflates {
        format!("Sec-WebSocket-Extensions: {}\r\n", deflate::OFFER)
    } else {
        String::new()
    };
    format!(
        "GET / HTTP/1.1\r\nHost: {target}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{extensions}\r\n"
    )
}

/// Judges what has arrived of a response, and perhaps behind it: `None` as long as it is not complete; then its length, and
/// what was agreed on about compression.
pub(crate) fn judge(
    arrived: &[u8],
    deflates: bool,
) -> Result<Option<(usize, Option<Agreed>)>, UpgradeError> {
    match find(arrived, b"\r\n\r\n") {
        Some(at) => {
            let end = at + 4;
            Ok(Some((end, check_response(&arrived[..end], deflates)?)))
        }
        None if arrived.len() >= RESPONSE_LIMIT => Err(UpgradeError::TooLong),
        None => Ok(None),
    }
}

/// Returns what was agreed on about compression.
fn check_response(response: &[u8], deflates: bool) -> Result<Option<Agreed>, UpgradeError> {
    let text = String::from_utf8_lossy(response);
    let mut lines = text.split("\r\n");
    let switched = lines
        .next()
        .is_some_and(|status| status.starts_with("HTTP/1.1 101"));
    let header = |wanted: &str| {
        let mut fields = lines.clone().filter_map(|line| line.split_once(':'));
        let field = fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        field.map(|(_, value)| value.trim())
    };
    if !switched || header("sec-websocket-accept") != Some(ACCEPT) {
        return Err(UpgradeError::Refused(text.into_owned()));
    }
    let extensions = header("sec-websocket-extensions");
    let agreed = extensions.and_then(Agreed::parse);
    if agreed.is_some() == deflates && extensions.is_some() == deflates {
        Ok(agreed)
    } else {
        Err(UpgradeError::WrongExtensions(text.into_owned()))
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

impl fmt::Display for UpgradeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the upgrade failed: {error}"),
            Self::Closed => write!(f, "the server closed during the upgrade"),
            Self::TooLong => write!(
                f,
                "the response to the upgrade exceeds {RESPONSE_LIMIT} bytes"
            ),
            Self::Refused(response) => write!(f, "the server refused the upgrade: {response:?}"),
            Self::WrongExtensions(response) => write!(
                f,
                "the server did not answer the offer of extensions: {response:?}"
            ),
            Self::Surplus(count) => write!(f, "{count} bytes came behind the upgrade, unasked"),
        }
    }
}

impl std::error::Error for UpgradeError {}

/// Most bytes of a response to an upgrade.
const RESPONSE_LIMIT: usize = 4096;

/// Key and answer of the example in RFC 6455 section 1.3; it need not be random, for nobody caches here.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that sends its response in pieces of `step` bytes.
    struct Peer<'a> {
        response: &'a [u8],
        step: usize,
        request: Vec<u8>,
    }

    impl Read for Peer<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.step.min(self.response.len()).min(buffer.len());
            let (now, later) = self.response.split_at(count);
            buffer[..count].copy_from_slice(now);
            self.response = later;
            Ok(count)
        }
    }

    impl Write for Peer<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.request.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn upgrade_with(response: &str, step: usize) -> Result<(), UpgradeError> {
        offer_with(response, step, false).map(|agreed| assert_eq!(agreed, None))
    }

    fn offer_with(
        response: &str,
        step: usize,
        deflates: bool,
    ) -> Result<Option<Agreed>, UpgradeError> {
        let mut peer = Peer {
            response: response.as_bytes(),
            step,
            request: Vec::new(),
        };
        let outcome = upgrade(&mut peer, &"127.0.0.1:80".parse().unwrap(), deflates);
        assert!(
            peer.request
                .starts_with(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\n")
        );
        assert!(peer.request.ends_with(b"\r\n\r\n"));
        let offer = b"\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
        assert_eq!(find(&peer.request, offer).is_some(), deflates);
        outcome
    }

    const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                          sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    #[test]
    fn upgrade_takes_a_response_in_any_pieces() {
        for step in 1..=SWITCH.len() {
            assert!(upgrade_with(SWITCH, step).is_ok(), "step {step}");
        }
    }

    #[test]
    fn upgrade_refuses_everything_else() {
        let refused = "HTTP/1.1 400 Bad Request\r\n\r\n";
        let wrong_accept = SWITCH.replace("s3pP", "s3pp");
        let early = format!("{SWITCH}x");
        assert!(matches!(
            upgrade_with(refused, 7),
            Err(UpgradeError::Refused(_))
        ));
        assert!(matches!(
            upgrade_with(&wrong_accept, 7),
            Err(UpgradeError::Refused(_))
        ));
        assert!(matches!(
            upgrade_with(&early, 4096),
            Err(UpgradeError::Surplus(1))
        ));
        assert!(matches!(
            upgrade_with("HTTP/1.1 101", 4),
            Err(UpgradeError::Closed)
        ));
        assert!(matches!(
            upgrade_with(&"a".repeat(RESPONSE_LIMIT + 1), 1000),
            Err(UpgradeError::TooLong)
        ));
    }

    #[test]
    fn compression_is_agreed_on_when_it_was_offered_and_only_then() {
        let with = |extensions: &str| SWITCH.replace("\r\n\r\n", extensions) + "\r\n\r\n";
        let agrees = with(
            "\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; \
             client_no_context_takeover",
        );
        let agreed = offer_with(&agrees, 9, true).unwrap();
        assert!(agreed.is_some_and(|agreed| agreed.server_no_context_takeover));
        for (response, deflates) in [
            (&agrees, false),
            (&SWITCH.to_owned(), true),
            (&with("\r\nsec-websocket-extensions: x-other"), true),
            (&with("\r\nsec-websocket-extensions: x-other"), false),
        ] {
            assert!(matches!(
                offer_with(response, 4096, deflates),
                Err(UpgradeError::WrongExtensions(_))
            ));
        }
    }
}
