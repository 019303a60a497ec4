//! What fuzzing begins with: the scenarios of the tests as inputs of the targets.
//!
//! An input is what `Arbitrary` makes a `Case` of: numbers in little-endian order, four bytes for the choice of a variant,
//! and the bytes of the client last.

use crate::kit::{REQUEST, frame};
use crate::scenarios;

/// A file of `corpus/`.
#[derive(Debug)]
pub struct Seed {
    /// The fuzz target that it is for.
    pub target: &'static str,
    /// The name of the file.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// All seeds.
#[must_use]
pub fn all() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for scenario in scenarios::all() {
        let (target, bytes) = match scenario.bytes.strip_prefix(REQUEST) {
            Some(frames) => ("frames", frames_case(frames)),
            None => ("handshake", handshake_case(&scenario.bytes)),
        };
        seeds.push(seed(target, scenario.name, bytes));
    }
    seeds.extend(requests());
    seeds.push(begun_empty_line());
    seeds.extend(beyond_limits());
    seeds.extend(compressed_messages());
    seeds.extend(proxy_headers());
    seeds.extend(ring_operations());
    seeds.extend(values());
    seeds
}

fn requests() -> Vec<Seed> {
    let hello = [REQUEST, b"\x81\x85\x37\xFA\x21\x3D\x7F\x9F\x4D\x51\x58"].concat();
    let browser =
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
    let head = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
    let absolute = b"\r\n\r\nGET http://a/chat?b HTTP/1.1\r\nHost: a\r\nContent-Length: 00, 0\r\n\
        Sec-WebSocket-Extensions: , a; b=\"c\\d\", e;f=\"\r\nTransfer-Encoding: chunked\r\n\r\n";
    let folded = b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n";
    [
        ("absolute", &absolute[..]),
        ("folded", folded),
        ("no request", b"SSH-2.0-OpenSSH_9.6\r\n"),
        ("request and text", &hello),
        ("browser", browser),
        ("head", head),
    ]
    .map(|(name, bytes)| seed("handshake", name, handshake_case(bytes)))
    .into()
}

/// One byte of an empty line is held, even where a head may have no byte at all.
fn begun_empty_line() -> Seed {
    let no_room = [1, 0, 0];
    seed(
        "handshake",
        "begun empty line",
        handshake_case_within(no_room, b"\r\n\r"),
    )
}

/// Whole frames that are too many, or too large together, for the limits of the scenarios.
fn beyond_limits() -> [Seed; 2] {
    let fragments = [
        frame(0x01, b"a"),
        frame(0x00, b"b").repeat(4),
        frame(0x80, b"c"),
    ];
    let bytes = [frame(0x02, &[1; 200]), frame(0x80, &[2; 200])];
    [
        seed(
            "frames",
            "too many fragments",
            frames_case(&fragments.concat()),
        ),
        seed("frames", "too many bytes", frames_case(&bytes.concat())),
    ]
}

/// RFC 7692 section 7.2.3, and a message of a mebibyte.
fn compressed_messages() -> Vec<Seed> {
    let hello = b"\xF2\x48\xCD\xC9\xC9\x07\x00";
    let fragments = [frame(0x41, &hello[..3]), frame(0x80, &hello[3..])].concat();
    let again = [frame(0xC1, hello), frame(0xC1, b"\xF2\x00\x11\x00\x00")].concat();
    let stored = frame(0xC1, b"\x00\x05\x00\xFA\xFF\x48\x65\x6C\x6C\x6F\x00");
    let last_block = frame(0xC1, b"\xF3\x48\xCD\xC9\xC9\x07\x00\x00");
    let two_blocks = frame(
        0xC1,
        b"\xF2\x48\x05\x00\x00\x00\xFF\xFF\xCA\xC9\xC9\x07\x00",
    );
    let bomb = [
        &b"\xEC\xC1\x31\x01\x00\x00\x00\xC2\xA0\xF5\x4F\x6D\x08\x5F\xA0"[..],
        &[0; 1015],
        b"\x3E\x03\x00",
    ]
    .concat();
    [
        ("hello", frame(0xC1, hello)),
        ("fragments", fragments),
        ("shared window", again),
        ("stored block", stored),
        ("last block", last_block),
        ("two blocks", two_blocks),
        ("empty", frame(0xC2, b"\x00")),
        ("bomb", frame(0xC2, &bomb)),
    ]
    .map(|(name, frames)| seed("inflate", name, inflate_case(&frames)))
    .into()
}

/// Headers of both versions, with what clients send behind them.
fn proxy_headers() -> Vec<Seed> {
    let v2 = |command_and_family: &[u8; 2], rest: &[u8]| {
        let len = (rest.len() as u16).to_be_bytes();
        [b"\r\n\r\n\0\r\nQUIT\n", &command_and_family[..], &len, rest].concat()
    };
    let v4 = b"\xC0\x00\x02\x01\xC0\x00\x02\x09\xDC\x04\x01\xBB";
    let alpn_and_id = b"\x01\x00\x02h2\x05\x00\x04\x00\x01\x02\x03";
    [
        (
            "tcp4",
            b"PROXY TCP4 192.0.2.1 192.0.2.9 56324 443\r\nGET /".to_vec(),
        ),
        ("tcp6", b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n".to_vec()),
        ("unknown", b"PROXY UNKNOWN a b c\r\n".to_vec()),
        ("bad line", b"PROXY TCP4 1.2.3.4\r\n".to_vec()),
        ("no header", b"GET / HTTP/1.1\r\n".to_vec()),
        ("binary tcp4", v2(b"\x21\x11", v4)),
        ("binary tcp6", v2(b"\x21\x21", &[1; 36])),
        ("binary unix", v2(b"\x21\x31", &[b'/'; 216])),
        ("health check", v2(b"\x20\x00", b"")),
        ("tlvs", v2(b"\x21\x11", &[v4, &alpn_and_id[..]].concat())),
        (
            "bad checksum",
            v2(b"\x21\x11", &[v4, &b"\x03\x00\x04abcd"[..]].concat()),
        ),
    ]
    .map(|(name, bytes)| seed("proxy", name, proxy_case(&bytes)))
    .into()
}

fn ring_operations() -> Vec<Seed> {
    const WRITE: u8 = 0;
    const READ: u8 = 1;
    const VIRTUAL_READ: u8 = 3;
    const VIRTUAL_REVERT: u8 = 5;
    let case = |max_capacity: u16, operations: &[(u8, u16)]| {
        let mut bytes = max_capacity.to_le_bytes().to_vec();
        for &(operation, len) in operations {
            bytes.extend(variant(operation, 11));
            if operation == WRITE {
                bytes.push(1);
            }
            if operation != VIRTUAL_REVERT {
                bytes.extend(len.to_le_bytes());
            }
        }
        bytes
    };
    let wraps = case(64, &[(WRITE, 40), (READ, 30), (WRITE, 50), (READ, 60)]);
    let grows = case(
        1024,
        &[
            (WRITE, 60),
            (READ, 30),
            (WRITE, 90),
            (WRITE, 904),
            (WRITE, 1),
        ],
    );
    let ahead = [
        (WRITE, 100),
        (VIRTUAL_READ, 60),
        (VIRTUAL_REVERT, 0),
        (VIRTUAL_READ, 200),
    ];
    [
        ("wraps", wraps),
        ("grows", grows),
        ("reads ahead", case(256, &ahead)),
    ]
    .map(|(name, bytes)| seed("ring_buffer", name, bytes))
    .into()
}

/// Values of RESP and frames of STOMP, as clients and servers send them.
fn values() -> Vec<Seed> {
    let resp = |name, requests: u8, bytes: &[u8]| {
        let case = [&[requests, 0], &ARRIVAL[..], &one_item(bytes)].concat();
        seed("resp", name, case)
    };
    let stomp = |name, bytes: &[u8]| {
        let case = [&[200], &ARRIVAL[..], &one_item(bytes)].concat();
        seed("stomp", name, case)
    };
    vec![
        resp("request", 1, b"*2\r\n$3\r\nGET\r\n$1\r\na\r\nPING\r\n"),
        resp(
            "attribute",
            0,
            b"|1\r\n+ttl\r\n:1\r\n*2\r\n$-1\r\n%1\r\n#t\r\n,1.5\r\n",
        ),
        stomp("send", b"SEND\ndestination:/a\n\nhello\0\n"),
        stomp("length", b"SEND\r\ncontent-length:3\r\n\r\na\0b\0\r\n"),
    ]
}

/// A list of these bytes only: a byte that says that there is one more, and the choice of its variant.
fn one_item(bytes: &[u8]) -> Vec<u8> {
    [&[1], &variant(0, 3)[..], bytes].concat()
}

fn handshake_case(bytes: &[u8]) -> Vec<u8> {
    handshake_case_within([0, 0, 0], bytes)
}

/// The first two bytes of `limits` are the most bytes that a head may have, the last one the most headers.
fn handshake_case_within(limits: [u8; 3], bytes: &[u8]) -> Vec<u8> {
    let switches = [1, 0, 0, 1, 0, 0, 1];
    let accepts = [1];
    let seam = 20_u16.to_le_bytes();
    [&ARRIVAL[..], &limits, &switches, &accepts, &seam, bytes].concat()
}

fn frames_case(bytes: &[u8]) -> Vec<u8> {
    let limits = [75, 0, 4, 9, 1, 0];
    let no_goodbye = [0];
    [&ARRIVAL[..], &limits, &no_goodbye, &variant(0, 2), bytes].concat()
}

fn inflate_case(frames: &[u8]) -> Vec<u8> {
    let settings = [0xFF, 0x01, 0, 1, 6, 6, 7];
    [&ARRIVAL[..], &settings, &variant(0, 3), frames].concat()
}

fn proxy_case(bytes: &[u8]) -> Vec<u8> {
    let is_required = variant(1, 3);
    [&ARRIVAL[..], &is_required, &variant(0, 4), bytes].concat()
}

/// What `Arbitrary` takes for the variant with this index, of so many.
fn variant(index: u8, count: u8) -> [u8; 4] {
    let number = (u64::from(index) << 32).div_ceil(u64::from(count));
    (number as u32).to_le_bytes()
}

fn seed(target: &'static str, name: &str, bytes: Vec<u8>) -> Seed {
    let name = name.replace(|character: char| !character.is_ascii_alphanumeric(), "-");
    Seed {
        target,
        name,
        bytes,
    }
}

/// Pieces of different lengths, a sink that is full now and then, and a ring that wraps.
const ARRIVAL: [u8; 13] = [1, 40, 199, 0, 99, 206, 0, 130, 0, 0, 129, 0, 50];
