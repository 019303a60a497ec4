//! Headers of the PROXY protocol, built of parts that are true or lie.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use arbitrary::Arbitrary;
use gev_wire::{Client, Proxied};

/// Of a line of version 1.
#[derive(Debug, Arbitrary)]
pub(super) enum Word<'a> {
    Family(u8),
    V4([u8; 4]),
    V6([u8; 16]),
    Number(u32),
    Bytes(&'a [u8]),
    /// With another line behind it.
    End,
}

/// Of version 2.
#[derive(Debug, Arbitrary)]
pub(super) struct Header<'a> {
    command: u8,
    family: u8,
    /// Instead of the length of what follows.
    len: Option<u16>,
    addresses: &'a [u8],
    tlvs: Vec<LyingTlv<'a>>,
}

#[derive(Debug, Arbitrary)]
struct LyingTlv<'a> {
    kind: u8,
    /// Instead of the length of the value.
    len: Option<u16>,
    value: &'a [u8],
}

/// What a proxy says that keeps to the rules, and what its client sends.
#[derive(Debug, Arbitrary)]
pub(super) struct Truth<'a> {
    is_v1: bool,
    is_local: bool,
    is_datagram: bool,
    has_checksum: bool,
    ends: Ends<'a>,
    tlvs: Vec<(u8, &'a [u8])>,
    behind: &'a [u8],
}

/// Source and destination, and their ports.
#[derive(Debug, Arbitrary)]
enum Ends<'a> {
    Unknown,
    V4([[u8; 4]; 2], [u16; 2]),
    V6([[u8; 16]; 2], [u16; 2]),
    Unix([&'a [u8]; 2]),
}

/// A line that begins and ends as it should, of words that need not be where they should.
pub(super) fn line(words: &[Word<'_>]) -> Vec<u8> {
    let texts: Vec<Vec<u8>> = words.iter().map(Word::to_bytes).collect();
    [V1_BEGIN, &texts.join(&b' '), b"\r\n"].concat()
}

impl Word<'_> {
    fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Family(at) => {
                let families = ["TCP4", "TCP6", "UNKNOWN", "UDP4"];
                families[usize::from(at % 4)].into()
            }
            Self::V4(ip) => Ipv4Addr::from(*ip).to_string().into(),
            Self::V6(ip) => Ipv6Addr::from(*ip).to_string().into(),
            Self::Number(number) => number.to_string().into(),
            Self::Bytes(bytes) => bytes.to_vec(),
            Self::End => b"\r\nPROXY".into(),
        }
    }
}

impl Header<'_> {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Half of the numbers are good ones.
        let command = match self.command {
            number @ 0..128 => 0x20 | (number & 1),
            number => number,
        };
        let family = match self.family {
            number @ 0..128 => ((number & 0x3) << 4) | ((number >> 2) % 3),
            number => number,
        };
        let mut rest = self.addresses.to_vec();
        for LyingTlv { kind, len, value } in &self.tlvs {
            push_tlv(&mut rest, *kind, len.unwrap_or(value.len() as u16), value);
        }
        v2(
            command,
            family,
            self.len.unwrap_or(rest.len() as u16),
            &rest,
        )
    }
}

impl Truth<'_> {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        [&self.header().0, self.behind].concat()
    }

    /// The header, and what it has to be taken for.
    pub(super) fn header(&self) -> (Vec<u8>, Proxied) {
        if self.is_v1 {
            self.header_v1()
        } else {
            self.header_v2()
        }
    }

    fn header_v1(&self) -> (Vec<u8>, Proxied) {
        let tlvs = Vec::new();
        let ends = self.ends.of_tcp().filter(|_| !self.is_local);
        let Some([source, destination]) = ends else {
            let client = Client::Unknown;
            return (b"PROXY UNKNOWN\r\n".into(), Proxied { client, tlvs });
        };
        let family = match source.ip() {
            IpAddr::V4(_) => "TCP4",
            IpAddr::V6(_) => "TCP6",
        };
        let [from, to] = [source, destination].map(|end| end.ip());
        let [from_port, to_port] = [source, destination].map(|end| end.port());
        let line = format!("PROXY {family} {from} {to} {from_port} {to_port}\r\n");
        let client = Client::Ip {
            source,
            destination,
        };
        (line.into(), Proxied { client, tlvs })
    }

    fn header_v2(&self) -> (Vec<u8>, Proxied) {
        let (family, addresses, client) = self.ends.of_v2();
        let transport = if self.is_datagram { 2 } else { 1 };
        let command = if self.is_local { 0x20 } else { 0x21 };
        let mut tlvs = Vec::new();
        for (kind, value) in &self.tlvs {
            // The checksum is none of them.
            let kind = if *kind == CRC32C { 0xE0 } else { *kind };
            push_tlv(&mut tlvs, kind, value.len() as u16, value);
        }
        if self.has_checksum {
            push_tlv(&mut tlvs, CRC32C, 4, &[0; 4]);
        }
        let first_tlv = V2_FIXED + addresses.len();
        let rest = [addresses, tlvs].concat();
        let mut header = v2(command, (family << 4) | transport, rest.len() as u16, &rest);
        if self.has_checksum {
            let sum = crc32c(&header).to_be_bytes();
            let at = header.len() - sum.len();
            header[at..].copy_from_slice(&sum);
        }
        let proxied = Proxied {
            client: if self.is_local || self.is_datagram {
                Client::Unknown
            } else {
                client
            },
            tlvs: if self.is_local {
                Vec::new()
            } else {
                header[first_tlv..].to_vec()
            },
        };
        (header, proxied)
    }
}

impl Ends<'_> {
    fn of_tcp(&self) -> Option<[SocketAddr; 2]> {
        match self {
            Self::V4(ips, ports) => Some(tcp_ends(ips.map(Ipv4Addr::from), *ports)),
            Self::V6(ips, ports) => Some(tcp_ends(ips.map(Ipv6Addr::from), *ports)),
            Self::Unknown | Self::Unix(_) => None,
        }
    }

    /// The number of the family, the addresses as they travel, and what they say.
    fn of_v2(&self) -> (u8, Vec<u8>, Client) {
        let of_ports = |ports: &[u16; 2]| ports.map(u16::to_be_bytes).concat();
        let (family, addresses) = match self {
            Self::Unknown => (0, Vec::new()),
            Self::V4(ips, ports) => (1, [ips.concat(), of_ports(ports)].concat()),
            Self::V6(ips, ports) => (2, [ips.concat(), of_ports(ports)].concat()),
            Self::Unix(paths) => (3, paths.map(|path| padded(path).to_vec()).concat()),
        };
        let client = match (self, self.of_tcp()) {
            (_, Some([source, destination])) => Client::Ip {
                source,
                destination,
            },
            (Self::Unix(paths), None) => {
                let [source, destination] = paths.map(path);
                Client::Unix {
                    source,
                    destination,
                }
            }
            _ => Client::Unknown,
        };
        (family, addresses, client)
    }
}

fn tcp_ends<Ip: Into<IpAddr>>(ips: [Ip; 2], ports: [u16; 2]) -> [SocketAddr; 2] {
    let [source, destination] = ips.map(Into::into);
    [
        SocketAddr::new(source, ports[0]),
        SocketAddr::new(destination, ports[1]),
    ]
}

/// A path as it travels.
fn padded(path: &[u8]) -> [u8; PATH_BYTES] {
    std::array::from_fn(|at| path.get(at).copied().unwrap_or(0))
}

/// A path as it is read: zeros at its end are none of it.
fn path(path: &[u8]) -> Vec<u8> {
    let mut path = path[..path.len().min(PATH_BYTES)].to_vec();
    while path.last() == Some(&0) {
        path.pop();
    }
    path
}

fn v2(command: u8, family: u8, len: u16, rest: &[u8]) -> Vec<u8> {
    [V2_SIGNATURE, &[command, family], &len.to_be_bytes(), rest].concat()
}

fn push_tlv(out: &mut Vec<u8>, kind: u8, len: u16, value: &[u8]) {
    out.push(kind);
    out.extend(len.to_be_bytes());
    out.extend(value);
}

/// A division of polynomials, the lowest bit of each byte first, as RFC 3720 section 12.1 describes it; `crates/wire` shifts
/// the other way.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut rest = u32::MAX;
    for byte in bytes {
        for at in 0..8 {
            let bit = u32::from((byte >> at) & 1) ^ (rest >> 31);
            rest = (rest << 1) ^ if bit == 1 { 0x1EDC_6F41 } else { 0 };
        }
    }
    (!rest).reverse_bits()
}

pub(super) const V1_BEGIN: &[u8] = b"PROXY ";
pub(super) const V1_MAX: usize = 107;
pub(super) const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// What every header of version 2 has.
pub(super) const V2_FIXED: usize = 16;
/// What may follow.
pub(super) const V2_MAX: usize = 16 * 1024;
const CRC32C: u8 = 0x03;
const PATH_BYTES: usize = 108;
