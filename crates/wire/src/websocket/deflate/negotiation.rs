//! Which parameters of permessage-deflate (RFC 7692 section 7.1) an offer is answered with.

use crate::websocket::extensions::{Extension, Extensions};

use super::pool::{INFLATER_BYTES, Reservation, deflater_bytes};
use super::{Deflate, DeflateMode};

/// The parameters of one offer.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Offer {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// `Some(None)`: the client leaves the choice to us.
    client_max_window_bits: Option<Option<u8>>,
}

/// What both sides keep to.
#[derive(Debug)]
pub(crate) struct Agreed {
    /// We compress each message by itself.
    pub(crate) server_no_context_takeover: bool,
    /// The client compresses each message by itself.
    pub(crate) client_no_context_takeover: bool,
    /// Our window.
    pub(crate) server_window_bits: u8,
    /// The client's window.
    pub(crate) client_window_bits: u8,
    /// The value of the response's Sec-WebSocket-Extensions header.
    pub(crate) response: String,
    /// Of the budget, for compressors that keep their history. Held, not read.
    _reservation: Option<Reservation>,
}

/// The answer to the first offer of permessage-deflate that can be met.
pub(crate) fn agree(extensions: &Extensions<'_>, settings: &Deflate) -> Option<Agreed> {
    let mut offers = extensions.offers();
    offers.find_map(|extension| Offer::of(&extension)?.agree(settings))
}

impl Offer {
    /// `None` when it is not of this extension, or has to be declined (RFC 7692 section 7.1): a parameter is unknown,
    /// or there twice, or has a value that it must not have.
    fn of(extension: &Extension<'_>) -> Option<Self> {
        if !extension.name.eq_ignore_ascii_case(NAME.as_bytes()) {
            return None;
        }
        let mut offer = Self::default();
        for (name, value) in extension.parameters() {
            let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
            let is_new = if is(SERVER_NO_CONTEXT) && value.is_none() {
                set(&mut offer.server_no_context_takeover)
            } else if is(CLIENT_NO_CONTEXT) && value.is_none() {
                set(&mut offer.client_no_context_takeover)
            } else if is(SERVER_BITS) {
                let bits = window_bits(&value?)?;
                offer.server_max_window_bits.replace(bits).is_none()
            } else if is(CLIENT_BITS) {
                let bits = match value {
                    Some(value) => Some(window_bits(&value)?),
                    None => None,
                };
                offer.client_max_window_bits.replace(bits).is_none()
            } else {
                false
            };
            if !is_new {
                return None;
            }
        }
        Some(offer)
    }

    fn agree(&self, settings: &Deflate) -> Option<Agreed> {
        let server_window_bits = self
            .server_max_window_bits
            .unwrap_or(MAX_BITS)
            .min(settings.server_max_window_bits);
        // The compressor cannot keep to a window of 256 bytes.
        if server_window_bits < MIN_OWN_BITS {
            return None;
        }
        // Without the client's word on it the window that it compresses with cannot be made smaller.
        let client_window_bits = self.client_max_window_bits.map_or(MAX_BITS, |bits| {
            bits.unwrap_or(MAX_BITS)
                .min(settings.client_max_window_bits)
        });
        let reservation = match settings.mode {
            DeflateMode::Shared => None,
            DeflateMode::Dedicated => settings
                .budget
                .reserve(deflater_bytes(server_window_bits, settings.mem_level) + INFLATER_BYTES),
        };
        let shared = reservation.is_none();
        let mut agreed = Agreed {
            // RFC 7692 section 7.1.1: the server may ask for either even where the client has not offered it.
            server_no_context_takeover: self.server_no_context_takeover
                || settings.server_no_context_takeover
                || shared,
            client_no_context_takeover: self.client_no_context_takeover
                || settings.client_no_context_takeover
                || shared,
            server_window_bits,
            client_window_bits,
            response: NAME.to_owned(),
            _reservation: reservation,
        };
        agreed.response = agreed.response(self);
        Some(agreed)
    }
}

impl Agreed {
    fn response(&self, offer: &Offer) -> String {
        let mut response = NAME.to_owned();
        if self.server_no_context_takeover {
            response += &format!("; {SERVER_NO_CONTEXT}");
        }
        if self.client_no_context_takeover {
            response += &format!("; {CLIENT_NO_CONTEXT}");
        }
        if offer.server_max_window_bits.is_some() || self.server_window_bits < MAX_BITS {
            response += &format!("; {SERVER_BITS}={}", self.server_window_bits);
        }
        if offer.client_max_window_bits.is_some() && self.client_window_bits < MAX_BITS {
            response += &format!("; {CLIENT_BITS}={}", self.client_window_bits);
        }
        response
    }
}

/// Sets a flag; false when it was set before.
fn set(flag: &mut bool) -> bool {
    !std::mem::replace(flag, true)
}

/// RFC 7692 section 7.1.2: 8 to 15, without leading zeros.
fn window_bits(value: &[u8]) -> Option<u8> {
    let bits = match *value {
        [digit @ b'8'..=b'9'] => digit - b'0',
        [b'1', digit @ b'0'..=b'5'] => 10 + (digit - b'0'),
        _ => return None,
    };
    Some(bits)
}

const NAME: &str = "permessage-deflate";
const SERVER_NO_CONTEXT: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT: &str = "client_no_context_takeover";
const SERVER_BITS: &str = "server_max_window_bits";
const CLIENT_BITS: &str = "client_max_window_bits";
const MAX_BITS: u8 = 15;
/// The smallest window that zlib compresses with (it takes 9 when it is asked for 8).
const MIN_OWN_BITS: u8 = 9;

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(mode: DeflateMode) -> Deflate {
        Deflate::new(mode, 1 << 20)
    }

    fn answer(offers: &str, settings: &Deflate) -> Option<String> {
        let mut extensions = Extensions::default();
        extensions.add(offers.as_bytes());
        agree(&extensions, settings).map(|agreed| agreed.response)
    }

    #[test]
    fn shared_compressors_never_take_over_context() {
        let settings = settings(DeflateMode::Shared);
        let both = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        for offer in [
            "permessage-deflate",
            "permessage-deflate; client_max_window_bits",
            "Permessage-Deflate ; CLIENT_MAX_WINDOW_BITS = 15",
            "x-webkit-deflate-frame, permessage-deflate",
            "permessage-deflate; unknown, permessage-deflate; client_no_context_takeover",
        ] {
            assert_eq!(answer(offer, &settings).as_deref(), Some(both), "{offer}");
        }
    }

    #[test]
    fn dedicated_compressors_do_what_the_client_asks() {
        let settings = settings(DeflateMode::Dedicated);
        for (offer, expected) in [
            ("permessage-deflate", "permessage-deflate"),
            (
                "permessage-deflate; server_no_context_takeover",
                "permessage-deflate; server_no_context_takeover",
            ),
            (
                "permessage-deflate; client_max_window_bits; server_max_window_bits=10",
                "permessage-deflate; server_max_window_bits=10",
            ),
            (
                "permessage-deflate; client_max_window_bits=\"8\"",
                "permessage-deflate; client_max_window_bits=8",
            ),
        ] {
            assert_eq!(answer(offer, &settings).as_deref(), Some(expected));
        }
    }

    #[test]
    fn our_own_limits_are_told_where_the_client_allows() {
        let settings = Deflate {
            server_max_window_bits: 11,
            client_max_window_bits: 12,
            ..settings(DeflateMode::Dedicated)
        };
        for (offer, expected) in [
            (
                "permessage-deflate",
                "permessage-deflate; server_max_window_bits=11",
            ),
            (
                "permessage-deflate; client_max_window_bits",
                "permessage-deflate; server_max_window_bits=11; client_max_window_bits=12",
            ),
            (
                "permessage-deflate; client_max_window_bits=9; server_max_window_bits=9",
                "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9",
            ),
        ] {
            assert_eq!(answer(offer, &settings).as_deref(), Some(expected));
        }
    }

    #[test]
    fn takeover_can_be_ruled_out_for_each_side() {
        for (server, client, expected) in [
            (
                true,
                false,
                "permessage-deflate; server_no_context_takeover",
            ),
            (
                false,
                true,
                "permessage-deflate; client_no_context_takeover",
            ),
        ] {
            let settings = Deflate {
                server_no_context_takeover: server,
                client_no_context_takeover: client,
                ..settings(DeflateMode::Dedicated)
            };
            let answer = answer("permessage-deflate", &settings);
            assert_eq!(answer.as_deref(), Some(expected));
        }
    }

    #[test]
    fn offers_that_must_be_declined() {
        let settings = settings(DeflateMode::Dedicated);
        for offer in [
            "deflate",
            "permessage-deflate; what",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=7",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=09",
            "permessage-deflate; server_max_window_bits=+9",
            "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
            "permessage-deflate; server_max_window_bits=100",
            "permessage-deflate; client_max_window_bits=\"10",
            "permessage-deflate; server_no_context_takeover=\"",
            "x; y=\"z, permessage-deflate",
            "permessage-deflate; client_max_window_bits=15; client_max_window_bits",
            // A window of 256 bytes is more than zlib can promise.
            "permessage-deflate; server_max_window_bits=8",
        ] {
            assert_eq!(answer(offer, &settings), None, "{offer}");
        }
        let fallback = "permessage-deflate; server_max_window_bits=8, permessage-deflate";
        assert_eq!(
            answer(fallback, &settings).as_deref(),
            Some("permessage-deflate")
        );
    }

    #[test]
    fn beyond_the_budget_compressors_are_shared() {
        let bytes = deflater_bytes(15, 8) + INFLATER_BYTES;
        let settings = Deflate::new(DeflateMode::Dedicated, bytes);
        let mut extensions = Extensions::default();
        extensions.add(b"permessage-deflate");
        let first = agree(&extensions, &settings).expect("an answer");
        assert!(!first.server_no_context_takeover && !first.client_no_context_takeover);
        let second = agree(&extensions, &settings).expect("an answer");
        assert!(second.server_no_context_takeover && second.client_no_context_takeover);
        drop(first);
        let third = agree(&extensions, &settings).expect("an answer");
        assert!(!third.server_no_context_takeover);
    }
}
