//! The PROXY protocol: what a proxy says of its client before the first byte of it.
//!
//! Version 1 is a line, version 2 a header of bytes (`doc/proxy-protocol.txt` of HAProxy, sections 2.1 and 2.2):
//!
//! ```text
//!   PROXY TCP4 192.0.2.1 192.0.2.9 56324 443 CRLF          at most 107 bytes
//!
//!   0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A                     signature
//!   version and command (u8), family and transport (u8), length of what follows (u16, big-endian)
//!   source, destination, source port, destination port     12, 36 or 216 bytes, by the family
//!   type (u8), length (u16, big-endian), value             each TLV
//! ```
//! A header is read as soon as it is complete, in one go; what is not complete stays in the input.
//!
//! One file, however long: two fifths of it are the tests, which need what is private here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::close::{CloseCode, Fault};
use crate::input::Input;

/// Whether a header stands in front of the first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyMode {
    /// It may, and is recognized by its first bytes.
    Optional,
    /// It must.
    Required,
    /// It must, and whoever has connected is not trusted to say who its client is.
    Untrusted,
}

/// What the beginning of an input has come to.
#[derive(Debug, PartialEq, Eq)]
pub enum Preamble {
    /// It ends inside a header, or what may be one.
    NeedMore,
    /// There is no header.
    Nothing,
    /// A header of so many bytes.
    Header(usize, Proxied),
}

/// What a proxy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxied {
    /// Whose connection it is.
    pub client: Client,
    /// The TLVs of version 2 as they are, each of them whole; empty when there are none.
    pub tlvs: Vec<u8>,
}

/// Whose connection it is that a proxy has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Client {
    /// The proxy's own (a health check), or it does not say.
    Unknown,
    /// Of a client with this address, which has connected to that one.
    Ip {
        /// The client's.
        source: SocketAddr,
        /// Where the client has connected to.
        destination: SocketAddr,
    },
    /// Of a client of a unix socket, which has connected to that one.
    Unix {
        /// The client's path; mostly empty.
        source: Vec<u8>,
        /// Where the client has connected to.
        destination: Vec<u8>,
    },
}

impl Proxied {
    /// Where no proxy says anything.
    pub const NOTHING: Self = Self {
        client: Client::Unknown,
        tlvs: Vec::new(),
    };
}

impl Preamble {
    /// Reads the header at the beginning of `input`, and consumes nothing.
    ///
    /// # Errors
    /// What is no header, where there has to be one, or one that is malformed.
    pub fn read(input: &Input<'_>, mode: ProxyMode) -> Result<Self, Fault> {
        if mode == ProxyMode::Untrusted {
            return Err(UNTRUSTED);
        }
        let mut bytes = [0; V1_MAX];
        let len = input.peek_into(&mut bytes);
        let bytes = &bytes[..len];
        if begins(bytes, V2_SIGNATURE) {
            return read_v2(input, bytes);
        }
        if begins(bytes, V1_BEGIN) {
            return read_v1(bytes);
        }
        match mode {
            ProxyMode::Optional if len > 0 => Ok(Self::Nothing),
            _ if len == 0 => Ok(Self::NeedMore),
            _ => Err(NO_HEADER),
        }
    }
}

/// True when `bytes` begin with what `what` is, as far as they go.
fn begins(bytes: &[u8], what: &[u8]) -> bool {
    let len = bytes.len().min(what.len());
    len > 0 && bytes[..len] == what[..len]
}

/// Section 2.1.
fn read_v1(bytes: &[u8]) -> Result<Preamble, Fault> {
    let Some(end) = bytes.windows(2).position(|it| it == b"\r\n") else {
        return if bytes.len() < V1_MAX {
            Ok(Preamble::NeedMore)
        } else {
            Err(LINE_TOO_LONG)
        };
    };
    let line = std::str::from_utf8(&bytes[V1_BEGIN.len()..end]).map_err(|_| BAD_LINE)?;
    let mut words = line.split(' ');
    let client = match words.next() {
        Some("UNKNOWN") => Client::Unknown,
        Some("TCP4") => v1_client::<Ipv4Addr>(words)?,
        Some("TCP6") => v1_client::<Ipv6Addr>(words)?,
        _ => return Err(BAD_LINE),
    };
    let tlvs = Vec::new();
    Ok(Preamble::Header(end + 2, Proxied { client, tlvs }))
}

fn v1_client<'a, Ip: std::str::FromStr + Into<IpAddr>>(
    mut words: impl Iterator<Item = &'a str>,
) -> Result<Client, Fault> {
    let mut next = || words.next().ok_or(BAD_LINE);
    let ip = |word: &str| word.parse::<Ip>().map(Into::into).map_err(|_| BAD_LINE);
    let (source, destination) = (ip(next()?)?, ip(next()?)?);
    let (source_port, destination_port) = (port(next()?)?, port(next()?)?);
    if next().is_ok() {
        return Err(BAD_LINE);
    }
    Ok(Client::Ip {
        source: SocketAddr::new(source, source_port),
        destination: SocketAddr::new(destination, destination_port),
    })
}

/// Without leading zeros and signs.
fn port(word: &str) -> Result<u16, Fault> {
    let is_canonical = word == "0" || word.starts_with(|first: char| matches!(first, '1'..='9'));
    let port = word.parse().map_err(|_| BAD_LINE)?;
    if is_canonical {
        Ok(port)
    } else {
        Err(BAD_LINE)
    }
}

/// Section 2.2. `bytes`: the first ones of the input.
fn read_v2(input: &Input<'_>, bytes: &[u8]) -> Result<Preamble, Fault> {
    // What cannot be is said as soon as it is there.
    if bytes.get(12).is_some_and(|it| !matches!(it, 0x20 | 0x21)) {
        return Err(BAD_VERSION);
    }
    if bytes.get(13).is_some_and(|it| it >> 4 > 3 || it & 0xF > 2) {
        return Err(BAD_FAMILY);
    }
    let Some(&[high, low]) = bytes.get(14..V2_FIXED).and_then(|it| it.first_chunk()) else {
        return Ok(Preamble::NeedMore);
    };
    let len = usize::from(u16::from_be_bytes([high, low]));
    let (command, family) = (bytes[12] & 0xF, bytes[13]);
    let addresses_len = match family >> 4 {
        1 => 12,
        2 => 36,
        3 => 216,
        _ => 0,
    };
    if len < addresses_len && command == 1 {
        return Err(CUT);
    }
    if len > V2_MAX {
        return Err(HEADER_TOO_LONG);
    }
    if input.len() < V2_FIXED + len {
        return Ok(Preamble::NeedMore);
    }
    let mut header = vec![0; V2_FIXED + len];
    input.peek_into(&mut header);
    let (addresses, tlvs) = header[V2_FIXED..].split_at(addresses_len.min(len));
    check_tlvs(&header, tlvs)?;
    // Of a connection of the proxy's own the addresses mean nothing, nor do those of datagrams here.
    let is_stream = command == 1 && family & 0xF == 1;
    let client = if is_stream {
        v2_client(family >> 4, addresses)
    } else {
        Client::Unknown
    };
    let tlvs = if command == 1 {
        tlvs.to_vec()
    } else {
        Vec::new()
    };
    Ok(Preamble::Header(header.len(), Proxied { client, tlvs }))
}

/// `addresses` are as long as the family asks for.
fn v2_client(family: u8, addresses: &[u8]) -> Client {
    let port = |at: usize| u16::from_be_bytes([addresses[at], addresses[at + 1]]);
    match family {
        1 => {
            let ip = |at: usize| -> [u8; 4] { std::array::from_fn(|n| addresses[at + n]) };
            Client::Ip {
                source: SocketAddr::new(ip(0).into(), port(8)),
                destination: SocketAddr::new(ip(4).into(), port(10)),
            }
        }
        2 => {
            let ip = |at: usize| -> [u8; 16] { std::array::from_fn(|n| addresses[at + n]) };
            Client::Ip {
                source: SocketAddr::new(ip(0).into(), port(32)),
                destination: SocketAddr::new(ip(16).into(), port(34)),
            }
        }
        3 => {
            let (source, destination) = addresses.split_at(108);
            // The bytes behind a path are zeros; an abstract name begins with one.
            let path = |bytes: &[u8]| {
                let end = bytes.iter().rposition(|&byte| byte != 0);
                bytes[..end.map_or(0, |at| at + 1)].to_vec()
            };
            Client::Unix {
                source: path(source),
                destination: path(destination),
            }
        }
        _ => Client::Unknown,
    }
}

/// All are whole, and so is the header if one of them is its checksum (section 2.2.3).
fn check_tlvs(header: &[u8], tlvs: &[u8]) -> Result<(), Fault> {
    let mut rest = tlvs;
    let mut is_checked = false;
    while let Some((&kind, behind)) = rest.split_first() {
        let len = behind.first_chunk().ok_or(CUT)?;
        let len = usize::from(u16::from_be_bytes(*len));
        let value = behind.get(2..2 + len).ok_or(CUT)?;
        rest = &behind[2 + len..];
        if kind == CRC32C {
            // Each is work.
            if std::mem::replace(&mut is_checked, true) {
                return Err(BAD_CHECKSUM);
            }
            let told = value.try_into().map_err(|_| CUT)?;
            let at = header.len() - rest.len() - len;
            let mut zeroed = header.to_vec();
            zeroed[at..at + len].fill(0);
            if crc32c(&zeroed) != u32::from_be_bytes(told) {
                return Err(BAD_CHECKSUM);
            }
        }
    }
    Ok(())
}

/// RFC 3720 appendix B.4.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ (0x82F6_3B78 & (crc & 1).wrapping_neg());
    let next = |crc: u32, &byte: &u8| (0..8).fold(crc ^ u32::from(byte), step);
    !bytes.iter().fold(!0, next)
}

const V1_BEGIN: &[u8] = b"PROXY ";
/// Of the longest line, with its end.
const V1_MAX: usize = 107;

const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// What every header has.
const V2_FIXED: usize = 16;
/// Nobody has a reason to say more.
const V2_MAX: usize = 16 * 1024;

/// Type of the TLV with the header's checksum.
const CRC32C: u8 = 0x03;

const fn malformed(reason: &'static str) -> Fault {
    Fault::protocol(CloseCode::PROTOCOL_ERROR, reason)
}

const UNTRUSTED: Fault = Fault::limit(
    CloseCode::POLICY_VIOLATION,
    "a PROXY header is required, and this peer is not trusted to send one",
);
const NO_HEADER: Fault = malformed("a PROXY header is required, and there is none");
const BAD_LINE: Fault = malformed("malformed PROXY line");
const LINE_TOO_LONG: Fault = malformed("PROXY line longer than 107 bytes");
const BAD_VERSION: Fault = malformed("unknown version or command of the PROXY protocol");
const BAD_FAMILY: Fault = malformed("unknown address family in a PROXY header");
const CUT: Fault = malformed("PROXY header shorter than what it says that it has");
const HEADER_TOO_LONG: Fault = Fault::limit(CloseCode::TOO_BIG, "PROXY header longer than 16 KiB");
const BAD_CHECKSUM: Fault = malformed("PROXY header with a wrong checksum");

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], mode: ProxyMode) -> Result<Preamble, Fault> {
        let whole = Preamble::read(&Input::from(bytes), mode);
        for cut in 0..=bytes.len().min(300) {
            let (first, second) = bytes.split_at(cut);
            assert_eq!(Preamble::read(&Input::new(first, second), mode), whole);
        }
        whole
    }

    /// A header that is read alike whatever follows, and is waited for at every byte before.
    fn header(bytes: &[u8]) -> Proxied {
        let (whole, _) = (read(bytes, ProxyMode::Required), ());
        let Ok(Preamble::Header(len, proxied)) = whole else {
            panic!("{whole:?}");
        };
        assert_eq!(len, bytes.len());
        for mode in [ProxyMode::Optional, ProxyMode::Required] {
            for cut in 1..bytes.len() {
                assert_eq!(read(&bytes[..cut], mode), Ok(Preamble::NeedMore), "{cut}");
            }
            let more = [bytes, b"GET / HTTP/1.1"].concat();
            assert_eq!(
                read(&more, mode),
                Ok(Preamble::Header(len, proxied.clone()))
            );
        }
        proxied
    }

    fn v2(command: u8, family: u8, len: u16, rest: &[u8]) -> Vec<u8> {
        let mut bytes = [V2_SIGNATURE, &[command, family]].concat();
        bytes.extend(len.to_be_bytes());
        bytes.extend(rest);
        bytes
    }

    fn whole_v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        v2(command, family, rest.len() as u16, rest)
    }

    fn ip(source: &str, destination: &str) -> Client {
        Client::Ip {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
        }
    }

    fn fails(bytes: &[u8], fault: Fault) {
        assert_eq!(read(bytes, ProxyMode::Required), Err(fault));
        assert_eq!(read(bytes, ProxyMode::Optional), Err(fault));
    }

    #[test]
    fn lines_of_version_1() {
        let tcp4 = header(b"PROXY TCP4 192.0.2.1 192.0.2.9 56324 443\r\n");
        assert_eq!(tcp4.client, ip("192.0.2.1:56324", "192.0.2.9:443"));
        let tcp6 = header(b"PROXY TCP6 2001:db8::1 ::1 0 65535\r\n");
        assert_eq!(tcp6.client, ip("[2001:db8::1]:0", "[::1]:65535"));
        let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        let line = format!("PROXY UNKNOWN {longest} {longest} 65535 65535\r\n");
        assert_eq!(line.len(), V1_MAX);
        for line in ["PROXY UNKNOWN\r\n", &line, "PROXY UNKNOWN what ever\r\n"] {
            assert_eq!(header(line.as_bytes()).client, Client::Unknown);
        }
    }

    #[test]
    fn lines_that_are_none() {
        for line in [
            "PROXY \r\n",
            "PROXY TCP4\r\n",
            "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
            "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
            "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n",
            "PROXY TCP4 ::1 ::1 1 2\r\n",
            "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
            "PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n\r\n",
        ] {
            fails(line.as_bytes(), BAD_LINE);
        }
        fails(b"PROXY \xFF\r\n", BAD_LINE);
        fails(&[b"PROXY ", &[b'x'; 101][..]].concat(), LINE_TOO_LONG);
    }

    #[test]
    fn headers_of_version_2() {
        let addresses = [192, 0, 2, 1, 192, 0, 2, 9, 0xDC, 0x04, 0x01, 0xBB];
        let tcp4 = header(&whole_v2(0x21, 0x11, &addresses));
        assert_eq!(tcp4.client, ip("192.0.2.1:56324", "192.0.2.9:443"));
        let mut addresses = [0; 36];
        (addresses[15], addresses[31], addresses[33], addresses[35]) = (1, 2, 3, 4);
        let tcp6 = header(&whole_v2(0x21, 0x21, &addresses));
        assert_eq!(tcp6.client, ip("[::1]:3", "[::2]:4"));
        let mut addresses = [0; 216];
        addresses[..2].copy_from_slice(b"/a");
        addresses[108..111].copy_from_slice(b"\0b/");
        let unix = header(&whole_v2(0x21, 0x31, &addresses));
        let (source, destination) = (b"/a".to_vec(), b"\0b/".to_vec());
        assert_eq!(
            unix.client,
            Client::Unix {
                source,
                destination
            }
        );
    }

    #[test]
    fn what_is_not_said_is_unknown() {
        for bytes in [
            whole_v2(0x20, 0x00, b""),
            whole_v2(0x20, 0x11, b"short"),
            whole_v2(0x20, 0x11, &[1; 12]),
            whole_v2(0x21, 0x00, b""),
            whole_v2(0x21, 0x12, &[1; 12]),
            whole_v2(0x21, 0x10, &[1; 12]),
        ] {
            let ok = header(&bytes);
            assert_eq!((ok.client, ok.tlvs), (Client::Unknown, vec![]));
        }
    }

    #[test]
    fn tlvs_are_kept() {
        let tlvs = b"\x01\x00\x02h2\x02\x00\x01a\xEA\x00\x00";
        let bytes = [&[7; 12][..], tlvs].concat();
        assert_eq!(header(&whole_v2(0x21, 0x11, &bytes)).tlvs, tlvs);
    }

    #[test]
    fn a_checksum_is_looked_at() {
        // Of RFC 3720 appendix B.4.
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        let mut bytes = whole_v2(
            0x21,
            0x11,
            &[&[7; 12][..], b"\x03\x00\x04\0\0\0\0"].concat(),
        );
        fails(&bytes, BAD_CHECKSUM);
        let sum = crc32c(&bytes).to_be_bytes();
        let at = bytes.len() - 4;
        bytes[at..].copy_from_slice(&sum);
        header(&bytes);
    }

    /// Whoever sends many that are right, each over all of the others, has us compute for long.
    #[test]
    fn a_second_checksum_is_not_computed() {
        let twice = b"\x03\x00\x04\0\0\0\0\x03\x00\x04\0\0\0\0";
        let mut bytes = whole_v2(0x21, 0x11, &[&[7; 12][..], twice].concat());
        let first = bytes.len() - 11;
        let sum = crc32c(&bytes).to_be_bytes();
        bytes[first..first + 4].copy_from_slice(&sum);
        fails(&bytes, BAD_CHECKSUM);
    }

    #[test]
    fn headers_that_lie() {
        fails(&v2(0x11, 0x11, 0, b""), BAD_VERSION);
        fails(&v2(0x22, 0x11, 0, b""), BAD_VERSION);
        fails(&v2(0x21, 0x41, 0, b""), BAD_FAMILY);
        fails(&v2(0x21, 0x13, 0, b""), BAD_FAMILY);
        fails(&v2(0x21, 0x11, 11, b""), CUT);
        fails(&v2(0x21, 0x21, 35, b""), CUT);
        fails(&v2(0x21, 0x31, 215, b""), CUT);
        fails(&v2(0x21, 0x11, 16 * 1024 + 1, b""), HEADER_TOO_LONG);
        for tlvs in [&b"\x01"[..], b"\x01\x00", b"\x01\x00\x01", b"\x03\x00\x01a"] {
            fails(&whole_v2(0x21, 0x11, &[&[7; 12][..], tlvs].concat()), CUT);
        }
    }

    #[test]
    fn where_there_is_no_header() {
        let optional = |bytes: &[u8]| read(bytes, ProxyMode::Optional);
        let required = |bytes: &[u8]| read(bytes, ProxyMode::Required);
        for bytes in [&b"GET / HTTP/1.1"[..], b"PROXIED", b"\r\n\r\nGET", b"\0"] {
            assert_eq!(optional(bytes), Ok(Preamble::Nothing));
            assert_eq!(required(bytes), Err(NO_HEADER));
        }
        assert_eq!(optional(b""), Ok(Preamble::NeedMore));
        assert_eq!(required(b""), Ok(Preamble::NeedMore));
        for bytes in [&b""[..], b"PROXY UNKNOWN\r\n"] {
            assert_eq!(read(bytes, ProxyMode::Untrusted), Err(UNTRUSTED));
        }
    }
}
