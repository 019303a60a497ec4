//! The two ends of a connection.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use gev_wire::{Client, Proxied};

use crate::address::Address;

/// Remote and local address of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// The peer's address.
    pub remote: Address,
    /// Our address.
    pub local: Address,
    /// What a proxy says besides, as it is: TLVs of the PROXY protocol. Mostly nothing.
    pub tlvs: Box<[u8]>,
}

impl Addresses {
    /// Length of one end in a record.
    pub const END_BYTES: usize = 24;

    /// Length of a record without TLVs.
    pub const RECORD_BYTES: usize = 2 * Self::END_BYTES + 2;

    /// Nothing else than these.
    #[must_use]
    pub fn new(remote: Address, local: Address) -> Self {
        Self {
            remote,
            local,
            tlvs: Box::default(),
        }
    }

    /// A proxy says whose connection it is.
    pub(crate) fn proxied(&mut self, proxied: Proxied) {
        let path = |bytes: Vec<u8>| Address::Unix(path_of(&bytes));
        match proxied.client {
            Client::Unknown => {}
            Client::Ip {
                source,
                destination,
            } => (self.remote, self.local) = (source.into(), destination.into()),
            Client::Unix {
                source,
                destination,
            } => (self.remote, self.local) = (path(source), path(destination)),
        }
        self.tlvs = proxied.tlvs.into_boxed_slice();
    }

    /// Length of [`write`](Self::write)'s record.
    #[must_use]
    pub fn record_len(&self) -> usize {
        Self::RECORD_BYTES + self.tlvs.len()
    }

    /// Writes both ends into `out`, the remote one first, then the length of the TLVs (u16, little-endian) and those. Each end:
    /// family (4 or 6, u16; 0 for that of a unix socket, whose other bytes mean nothing), port (u16), both little-endian, then the address in network byte order: 4 bytes
    /// and 12 unused ones, or 16; then the number of its zone (u32, little-endian), or 0.
    ///
    /// An IPv4 address that came in through an IPv6 socket (`::ffff:a.b.c.d`) is written as IPv4.
    pub fn write(&self, out: &mut [u8]) {
        for (end, out) in [&self.remote, &self.local]
            .into_iter()
            .zip(out.chunks_exact_mut(Self::END_BYTES))
        {
            out.fill(0);
            let Address::Ip(end) = end else {
                continue;
            };
            let ip = end.ip().to_canonical();
            let family: u16 = if ip.is_ipv4() { 4 } else { 6 };
            out[0..2].copy_from_slice(&family.to_le_bytes());
            out[2..4].copy_from_slice(&end.port().to_le_bytes());
            match ip {
                IpAddr::V4(ip) => out[4..8].copy_from_slice(&ip.octets()),
                IpAddr::V6(ip) => out[4..20].copy_from_slice(&ip.octets()),
            }
            let zone = match end {
                SocketAddr::V4(_) => 0,
                SocketAddr::V6(v6) => v6.scope_id(),
            };
            out[20..24].copy_from_slice(&zone.to_le_bytes());
        }
        let (len, tlvs) = out[2 * Self::END_BYTES..].split_at_mut(2);
        len.copy_from_slice(&(self.tlvs.len() as u16).to_le_bytes());
        tlvs.copy_from_slice(&self.tlvs);
    }
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> Arc<Path> {
    use std::os::unix::ffi::OsStrExt;
    Path::new(std::ffi::OsStr::from_bytes(bytes)).into()
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> Arc<Path> {
    Path::new(&*String::from_utf8_lossy(bytes)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_holds_both_ends() {
        let ip = |text: &str| Address::Ip(text.parse().unwrap());
        let mut addresses = Addresses::new(ip("[::ffff:127.0.0.2]:258"), ip("[fe80::1%7]:1833"));
        addresses.tlvs = b"\x01\0\x01a".as_slice().into();
        let mut record = vec![0xFF; addresses.record_len()];
        addresses.write(&mut record);
        // The same bytes on machines of either byte order.
        assert_eq!(record[..4], [4, 0, 2, 1]);
        assert_eq!(record[4..8], [127, 0, 0, 2]);
        assert_eq!(record[20..24], [0; 4]);
        let local = &record[24..];
        assert_eq!(local[..4], [6, 0, 0x29, 0x07]);
        assert_eq!((local[4], local[19]), (0xfe, 1));
        assert_eq!(local[20..24], [7, 0, 0, 0]);
        assert_eq!(local[24..], *b"\x04\0\x01\0\x01a");
    }
}
