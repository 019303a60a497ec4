//! Frames of WebSocket, those with a whole message in them (RFC 6455 section 5.2).

/// What a frame's payload is; the first byte of a frame that is not fragmented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    Text,
    Binary,
}

impl FrameKind {
    /// First byte of a message's only frame.
    fn byte0(self) -> u8 {
        match self {
            Self::Text => 0x81,
            Self::Binary => 0x82,
        }
    }

    /// The same with RSV1: a compressed message (RFC 7692 section 6).
    pub(crate) fn compressed_byte0(self) -> u8 {
        self.byte0() | 0x40
    }
}

/// Appends the header of a client's frame: FIN, masked with [`MASK`] (RFC 6455 section 5.2).
pub(crate) fn push_client_header(frame: &mut Vec<u8>, kind: FrameKind, payload: usize) {
    push_header(frame, kind, payload, 0x80);
    frame.extend_from_slice(&MASK);
}

/// Appends the header of a server's frame: FIN, not masked.
pub(crate) fn push_server_header(frame: &mut Vec<u8>, kind: FrameKind, payload: usize) {
    push_header(frame, kind, payload, 0);
}

/// A client's frame that says goodbye with code 1000 (RFC 6455 sections 5.5.1 and 7.4.1).
pub(crate) fn client_close() -> [u8; 8] {
    let [one, two, three, four] = MASK;
    let [high, low] = NORMAL_CLOSURE.to_be_bytes();
    [0x88, 0x82, one, two, three, four, high ^ one, low ^ two]
}

/// Whether these bytes are a server's answer to [`client_close`]: one close frame with the same code, or with none.
pub(crate) fn is_server_close(bytes: &[u8]) -> bool {
    let [high, low] = NORMAL_CLOSURE.to_be_bytes();
    bytes == [0x88, 2, high, low] || bytes == [0x88, 0]
}

fn push_header(frame: &mut Vec<u8>, kind: FrameKind, payload: usize, mask_bit: u8) {
    frame.push(kind.byte0());
    // "The minimal number of bytes MUST be used to encode the length."
    if let Ok(short) = u8::try_from(payload)
        && short < 126
    {
        frame.push(mask_bit | short);
    } else if let Ok(medium) = u16::try_from(payload) {
        frame.push(mask_bit | 126);
        frame.extend_from_slice(&medium.to_be_bytes());
    } else {
        frame.push(mask_bit | 127);
        frame.extend_from_slice(&(payload as u64).to_be_bytes());
    }
}

const NORMAL_CLOSURE: u16 = 1000;

/// All frames carry the same mask. It is none of the values (zero, one repeated byte) for which a server might know a
/// short cut.
pub(crate) const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goodbye_has_one_answer() {
        let sent = client_close();
        let code = [sent[6] ^ MASK[0], sent[7] ^ MASK[1]];
        assert_eq!(code, [3, 232]);
        assert!(is_server_close(&[0x88, 2, 3, 232]));
        assert!(is_server_close(&[0x88, 0]));
        assert!(!is_server_close(&[0x88, 2, 3, 233]));
        assert!(!is_server_close(&[0x88, 0, 0]));
    }

    #[test]
    fn headers_use_the_shortest_length() {
        let client = |payload| {
            let mut frame = Vec::new();
            push_client_header(&mut frame, FrameKind::Binary, payload);
            frame
        };
        let server = |payload| {
            let mut frame = Vec::new();
            push_server_header(&mut frame, FrameKind::Text, payload);
            frame
        };
        assert_eq!(client(125), [&[0x82, 0x80 | 125], &MASK[..]].concat());
        assert_eq!(
            client(126),
            [&[0x82, 0x80 | 126, 0, 126], &MASK[..]].concat()
        );
        assert_eq!(server(125), [0x81, 125]);
        assert_eq!(server(65_535), [0x81, 126, 0xff, 0xff]);
        assert_eq!(server(65_536), [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }
}
