//! What stands in front of the first byte of a client: headers of the PROXY protocol, and what is taken for some.

use arbitrary::Arbitrary;
use gev_wire::{CloseCause, Fault, Input, Preamble, Proxied, ProxyMode};

use crate::arrival::Arrival;

mod headers;

use headers::{Header, Truth, Word};

/// What comes, what is expected, and how it arrives.
#[derive(Debug, Arbitrary)]
pub struct Case<'a> {
    arrival: Arrival,
    mode: Mode,
    stream: Stream<'a>,
}

#[derive(Debug, Arbitrary)]
enum Mode {
    Optional,
    Required,
    Untrusted,
}

/// What comes.
#[derive(Debug, Arbitrary)]
enum Stream<'a> {
    Bytes(&'a [u8]),
    /// The words of a line of version 1.
    Line(Vec<Word<'a>>),
    /// A header of version 2, parts of which may lie.
    Header(Header<'a>),
    /// What a proxy that keeps to the rules sends.
    Truth(Truth<'a>),
}

/// Cut in any way, the bytes come to what they come to at once, and never to something else before; a header is as long as it
/// has to be, and what was built by the rules is read back.
///
/// # Panics
/// When that is not so.
pub fn check(case: &Case<'_>) {
    let mode = case.mode.mode();
    let bytes = case.stream.to_bytes();
    let read = |input: &[u8]| Preamble::read(&Input::from(input), mode);
    let whole = read(&bytes);
    check_verdict(&whole, &bytes, mode);
    check_prefixes(&whole, &bytes, read);
    assert_eq!(case.read_in_pieces(&bytes, mode), whole, "in pieces");
    if let Stream::Truth(truth) = &case.stream
        && mode != ProxyMode::Untrusted
    {
        check_truth(truth, &whole);
    }
}

impl Case<'_> {
    /// What a connection comes to that asks again after each piece, up to the first answer.
    fn read_in_pieces(&self, bytes: &[u8], mode: ProxyMode) -> Result<Preamble, Fault> {
        let mut ring = self.arrival.ring();
        let mut rest = bytes;
        for len in self.arrival.piece_lens() {
            let (piece, behind) = rest.split_at(len.min(rest.len()));
            rest = behind;
            ring.write(piece).expect("room for a piece");
            let before = ring.len();
            let verdict = Preamble::read(&ring.input(), mode);
            assert_eq!(ring.len(), before, "nothing is consumed");
            if verdict != Ok(Preamble::NeedMore) || rest.is_empty() {
                return verdict;
            }
        }
        unreachable!("pieces have no end")
    }
}

/// What must be true of a verdict, whatever the bytes are.
fn check_verdict(verdict: &Result<Preamble, Fault>, bytes: &[u8], mode: ProxyMode) {
    let is_begun = |what: &[u8]| {
        let len = bytes.len().min(what.len());
        bytes[..len] == what[..len]
    };
    let may_be_header = is_begun(headers::V1_BEGIN) || is_begun(headers::V2_SIGNATURE);
    match verdict {
        Ok(Preamble::NeedMore) => {
            assert!(may_be_header && mode != ProxyMode::Untrusted);
            assert!(bytes.len() < headers::V2_FIXED + headers::V2_MAX);
        }
        Ok(Preamble::Nothing) => assert!(mode == ProxyMode::Optional && !may_be_header),
        Ok(Preamble::Header(len, proxied)) => {
            assert!(may_be_header && mode != ProxyMode::Untrusted);
            check_header(&bytes[..*len], proxied);
        }
        Err(fault) => {
            let is_ours = matches!(fault.cause, CloseCause::Protocol | CloseCause::Limit);
            assert!(is_ours && fault.code.may_travel(), "{fault:?}");
            assert!(mode != ProxyMode::Optional || may_be_header);
        }
    }
}

/// Of a header of version 1 there is one line; of version 2 what it says that it has, and the TLVs are its end.
fn check_header(header: &[u8], proxied: &Proxied) {
    if header.starts_with(headers::V1_BEGIN) {
        assert!(header.len() <= headers::V1_MAX && proxied.tlvs.is_empty());
        let end = header.windows(2).position(|bytes| bytes == b"\r\n");
        assert_eq!(end, Some(header.len() - 2));
        return;
    }
    let len = usize::from(u16::from_be_bytes([header[14], header[15]]));
    assert_eq!(header.len(), headers::V2_FIXED + len);
    assert!(header.ends_with(&proxied.tlvs));
    let mut rest = &proxied.tlvs[..];
    while let [_, high, low, behind @ ..] = rest {
        rest = &behind[usize::from(u16::from_be_bytes([*high, *low]))..];
    }
    assert!(rest.is_empty(), "half a TLV");
}

/// What comes of a prefix is what comes of all, or that more is needed, and that up to one length only. A header needs all of
/// its bytes and no other ones.
fn check_prefixes(
    whole: &Result<Preamble, Fault>,
    bytes: &[u8],
    read: impl Fn(&[u8]) -> Result<Preamble, Fault>,
) {
    let needs_more = |len: usize| {
        let verdict = read(&bytes[..len]);
        let is_open = verdict == Ok(Preamble::NeedMore);
        assert!(is_open || verdict == *whole, "{len}: {verdict:?}");
        is_open
    };
    if let Ok(Preamble::Header(len, _)) = *whole {
        assert!(!needs_more(len) && needs_more(len - 1));
    }
    let most = bytes.len().min(MOST_PREFIXES);
    let decided = (0..=most).find(|&len| !needs_more(len)).unwrap_or(most);
    assert!((decided..most).all(|len| !needs_more(len)));
}

fn check_truth(truth: &Truth<'_>, verdict: &Result<Preamble, Fault>) {
    let (header, proxied) = truth.header();
    if header.len() > headers::V2_FIXED + headers::V2_MAX {
        assert!(matches!(verdict, Err(fault) if fault.code == 1009));
    } else {
        assert_eq!(*verdict, Ok(Preamble::Header(header.len(), proxied)));
    }
}

impl Mode {
    fn mode(&self) -> ProxyMode {
        match self {
            Self::Optional => ProxyMode::Optional,
            Self::Required => ProxyMode::Required,
            Self::Untrusted => ProxyMode::Untrusted,
        }
    }
}

impl Stream<'_> {
    fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.to_vec(),
            Self::Line(words) => headers::line(words),
            Self::Header(header) => header.to_bytes(),
            Self::Truth(truth) => truth.to_bytes(),
        }
    }
}

/// All that there are of a header with addresses of any family, and few enough for a case to be quick.
const MOST_PREFIXES: usize = 300;
