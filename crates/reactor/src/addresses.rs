//! The two ends of a connection.

use std::net::{IpAddr, SocketAddr};

/// Remote and local address of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The peer's address.
    pub remote: SocketAddr,
    /// Our address.
    pub local: SocketAddr,
}

impl Addresses {
    /// Length of [`write`](Self::write)'s record.
    pub const RECORD_BYTES: usize = 2 * Self::END_BYTES;

    /// Length of one end's half of it.
    pub const END_BYTES: usize = 24;

    /// Writes both ends into the first [`RECORD_BYTES`](Self::RECORD_BYTES) of `out`, the remote one first. Each end:
    /// family (4 or 6, u16), port (u16), both little-endian, then the address in network byte order: 4 bytes
    /// and 12 unused ones, or 16; then the number of its zone (u32, little-endian), or 0.
    ///
    /// An IPv4 address that came in through an IPv6 socket (`::ffff:a.b.c.d`) is written as IPv4.
    pub fn write(&self, out: &mut [u8]) {
        for (end, out) in [self.remote, self.local]
            .iter()
            .zip(out.chunks_exact_mut(Self::END_BYTES))
        {
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_holds_both_ends() {
        let addresses = Addresses {
            remote: "[::ffff:127.0.0.2]:258".parse().unwrap(),
            local: "[fe80::1%7]:1833".parse().unwrap(),
        };
        let mut record = [0; Addresses::RECORD_BYTES];
        addresses.write(&mut record);
        // The same bytes on machines of either byte order.
        assert_eq!(record[..4], [4, 0, 2, 1]);
        assert_eq!(record[4..8], [127, 0, 0, 2]);
        assert_eq!(record[20..24], [0; 4]);
        let local = &record[24..];
        assert_eq!(local[..4], [6, 0, 0x29, 0x07]);
        assert_eq!((local[4], local[19]), (0xfe, 1));
        assert_eq!(local[20..24], [7, 0, 0, 0]);
    }
}
