//! What the header lines of a request say.

use crate::websocket::Config;
use crate::websocket::extensions::Extensions;

use super::body::Body;

/// What the headers of a request say that matters here.
#[derive(Debug, Default)]
pub(super) struct Headers<'a> {
    /// Number of `Host` headers.
    pub(super) hosts: usize,
    /// `Connection` lists `upgrade`.
    pub(super) connection_upgrade: bool,
    /// `Upgrade` lists `websocket`.
    pub(super) upgrade_websocket: bool,
    pub(super) version: Once<'a>,
    pub(super) key: Once<'a>,
    origin: Once<'a>,
    pub(super) body: Body<'a>,
    /// The first subprotocol offered that the server has.
    pub(super) subprotocol: &'a str,
    pub(super) extensions: Extensions<'a>,
}

/// The value of a header that must not be repeated.
#[derive(Debug, Default, Clone, Copy)]
pub(super) enum Once<'a> {
    #[default]
    Absent,
    Value(&'a [u8]),
    Repeated,
}

impl<'a> Headers<'a> {
    pub(super) fn new(lines: &[httparse::Header<'a>], config: &Config) -> Self {
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
                headers.body.add_length(value);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                headers.body.add_coding(value);
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
        } else if name.eq_ignore_ascii_case("extensions") {
            self.extensions.add(value);
        } else if name.eq_ignore_ascii_case("protocol") && self.subprotocol.is_empty() {
            let offers = value.split(|&byte| byte == b',');
            let offers = offers.filter_map(|offer| std::str::from_utf8(offer.trim_ascii()).ok());
            let mut known = offers.filter(|offer| config.subprotocols.iter().any(|it| it == offer));
            self.subprotocol = known.next().unwrap_or_default();
        }
    }

    pub(super) fn is_origin_allowed(&self, config: &Config) -> bool {
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
pub(super) fn is_key(key: &[u8]) -> bool {
    key.len() == 24
        && key.ends_with(b"==")
        && key[..22]
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

const SEC_WEBSOCKET: &str = "Sec-WebSocket-";

#[cfg(test)]
mod tests {
    use super::*;

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
