//! Zones of IPv6 addresses (RFC 4007): the interfaces in `fe80::1%eth0`. Addresses of one link alone need them, as every
//! interface has a link of its own.

use std::net::{SocketAddr, SocketAddrV6};

use napi_derive::napi;

/// The address of a socket, from an IP address with or without a zone; `None` when it is none.
pub(crate) fn parse(ip: &str, port: u16) -> Option<SocketAddr> {
    let Some((ip, zone)) = ip.split_once('%') else {
        return Some(SocketAddr::new(ip.parse().ok()?, port));
    };
    let address = SocketAddrV6::new(ip.parse().ok()?, port, 0, number_of(zone));
    Some(address.into())
}

/// The IP address of a socket, with the zone that it needs.
pub(crate) fn format(address: &SocketAddr) -> String {
    match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => {
            format!("{}%{}", v6.ip(), zone_name(v6.scope_id()))
        }
        _ => address.ip().to_string(),
    }
}

/// How a zone is written: the name of its interface, as in `node:net`. By its number where there is no such interface,
/// and on Windows.
#[napi]
pub fn zone_name(number: u32) -> String {
    interface::name(number).unwrap_or_else(|| number.to_string())
}

/// The number of the interface with this name, or else the number that the name is; 0, which is no zone, when it is
/// neither. The system refuses that where an address needs a zone.
fn number_of(zone: &str) -> u32 {
    let interface = interface::number(zone);
    interface.unwrap_or_else(|| zone.parse().unwrap_or(0))
}

#[cfg(unix)]
mod interface {
    use std::ffi::{CStr, CString, c_char};

    /// The number of an interface with this name.
    pub(super) fn number(name: &str) -> Option<u32> {
        let name = CString::new(name).ok()?;
        // SAFETY: reads a string that ends with a zero.
        let number = unsafe { libc::if_nametoindex(name.as_ptr()) };
        (number != 0).then_some(number)
    }

    /// The name of the interface with this number.
    pub(super) fn name(number: u32) -> Option<String> {
        let mut name = [0; libc::IF_NAMESIZE];
        // SAFETY: writes at most `IF_NAMESIZE` bytes, the zero at the end among them.
        let found = unsafe { libc::if_indextoname(number, name.as_mut_ptr().cast::<c_char>()) };
        let name = CStr::from_bytes_until_nul(&name).ok()?;
        (!found.is_null()).then(|| name.to_string_lossy().into_owned())
    }
}

/// Windows has numbers for zones, and no names.
#[cfg(not(unix))]
mod interface {
    pub(super) fn number(_: &str) -> Option<u32> {
        None
    }

    pub(super) fn name(_: u32) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_have_numbers() {
        let text = |ip: &str| parse(ip, 80).map(|address| address.to_string());
        assert_eq!(text("127.0.0.1").as_deref(), Some("127.0.0.1:80"));
        assert_eq!(text("::1").as_deref(), Some("[::1]:80"));
        assert_eq!(
            text("fe80::1%4000000000").as_deref(),
            Some("[fe80::1%4000000000]:80")
        );
        for nowhere in [
            "fe80::1%",
            "fe80::1%no where",
            "fe80::1%4000000000000",
            "fe80::1%a\0",
        ] {
            assert_eq!(text(nowhere).as_deref(), Some("[fe80::1]:80"), "{nowhere}");
        }
        for wrong in ["", "%", "%lo", "127.0.0.1%lo", "localhost", "[::1]"] {
            assert_eq!(text(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn addresses_are_shown_as_they_were_given() {
        for ip in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "fe80::1%4000000000"] {
            assert_eq!(format(&parse(ip, 80).unwrap()), ip);
        }
    }

    #[cfg(unix)]
    #[test]
    fn an_interface_has_a_name_and_a_number() {
        let found = (1..1000).find_map(|number| Some((number, interface::name(number)?)));
        let (number, name) = found.expect("the loopback's, at least");
        assert_eq!(number_of(&name), number);
        let ip = format!("fe80::1%{name}");
        assert_eq!(format(&parse(&format!("fe80::1%{number}"), 0).unwrap()), ip);
    }
}
