//! What is around a message on TCP, where servers cut messages.

use crate::content::Content;

/// How messages are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Four bytes of length, the highest first, and so many bytes.
    LengthPrefixed,
    /// Text up to a line feed.
    Lines,
    /// JT/T 808: between two flags a report of a vehicle, with escapes, and a check byte behind it.
    Jt808,
    /// Redis' protocol: the command PING, which is answered with PONG.
    Resp,
}

/// A message with what is around it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Framed {
    /// As it is sent.
    pub(crate) request: Vec<u8>,
    /// What has to come back.
    pub(crate) reply: Vec<u8>,
    /// Where in both the sequence number stands.
    pub(crate) sequence_at: usize,
    /// How many letters it has; none where another number would need other escapes, or another check byte.
    pub(crate) sequence_bytes: usize,
}

impl Framing {
    /// The smallest message, in bytes.
    pub(crate) fn min_size(self) -> usize {
        match self {
            Self::LengthPrefixed | Self::Lines | Self::Resp => 1,
            Self::Jt808 => JT808_HEADER.len() + 1,
        }
    }

    /// Whether messages of this content can be sent: no byte of a line ends it.
    pub(crate) fn takes(self, content: Content) -> bool {
        self != Self::Lines || content != Content::Binary
    }

    /// A message of `size` bytes, at least [`min_size`](Self::min_size); a PING is as long as it is.
    pub(crate) fn framed(self, content: Content, size: usize) -> Framed {
        let (offset, sequence_bytes) = content.sequence(size);
        let echo = |request: Vec<u8>, sequence_at, sequence_bytes| Framed {
            reply: request.clone(),
            request,
            sequence_at,
            sequence_bytes,
        };
        match self {
            Self::LengthPrefixed => {
                let length = u32::try_from(size).expect("Bug: no message has 4 GiB");
                let mut frame = length.to_be_bytes().to_vec();
                frame.extend(content.payload(size));
                echo(frame, 4 + offset, sequence_bytes)
            }
            Self::Lines => {
                let mut line = content.payload(size);
                line.push(b'\n');
                echo(line, offset, sequence_bytes)
            }
            Self::Jt808 => echo(jt808(size), 0, 0),
            Self::Resp => Framed {
                request: b"*1\r\n$4\r\nPING\r\n".to_vec(),
                reply: b"+PONG\r\n".to_vec(),
                sequence_at: 0,
                sequence_bytes: 0,
            },
        }
    }
}

/// A report of `size` bytes, two of which are escaped: the header's last one, and the body's.
fn jt808(size: usize) -> Vec<u8> {
    let mut message = JT808_HEADER.to_vec();
    message.extend((0..size - JT808_HEADER.len()).map(|index| (index % 0x30) as u8));
    // The attributes, which say how long the body is: ten bits.
    let body = (size - JT808_HEADER.len()) as u16 & 0x3ff;
    message[2..4].copy_from_slice(&body.to_be_bytes());
    message[size - 1] = 0x7d;
    let check = message.iter().fold(0, |check, byte| check ^ byte);
    message.push(check);
    let escaped = message.iter().flat_map(|&byte| match byte {
        0x7e => vec![0x7d, 2],
        0x7d => vec![0x7d, 1],
        _ => vec![byte],
    });
    let flag = [0x7e];
    flag.into_iter().chain(escaped).chain(flag).collect()
}

/// Of the report of a place: its id, the attributes, a phone number, a serial number that has to be escaped.
const JT808_HEADER: [u8; 12] = [
    0x02, 0x00, 0, 0, 0x01, 0x39, 0x12, 0x34, 0x56, 0x78, 0x00, 0x7e,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_in_front_of_a_message() {
        let framed = Framing::LengthPrefixed.framed(Content::Binary, 300);
        assert_eq!(framed.request[..4], [0, 0, 1, 44]);
        assert_eq!(framed.request[4..], Content::Binary.payload(300));
        assert_eq!(framed.request, framed.reply);
        assert_eq!((framed.sequence_at, framed.sequence_bytes), (4, 8));
    }

    #[test]
    fn a_line_ends_once() {
        for content in [Content::Text, Content::Utf8, Content::Json] {
            let framed = Framing::Lines.framed(content, 100);
            assert_eq!(framed.request.len(), 101);
            let ends = framed.request.iter().filter(|&&byte| byte == b'\n');
            assert_eq!(ends.count(), 1);
            assert_eq!(framed.request.last(), Some(&b'\n'));
            assert_eq!(framed.sequence_at, content.sequence(100).0);
        }
        assert!(Framing::Lines.takes(Content::Text));
        assert!(!Framing::Lines.takes(Content::Binary));
        assert!(Framing::Jt808.takes(Content::Binary));
    }

    #[test]
    fn a_report_is_between_flags_and_has_no_other_one() {
        for size in Framing::Jt808.min_size()..200 {
            let Framed { request, .. } = Framing::Jt808.framed(Content::Binary, size);
            let (&[first], rest) = request.split_first_chunk::<1>().unwrap();
            let (&last, escaped) = rest.split_last().unwrap();
            assert_eq!((first, last), (0x7e, 0x7e));
            assert!(!escaped.contains(&0x7e));
            let mut message = Vec::new();
            let mut bytes = escaped.iter();
            while let Some(&byte) = bytes.next() {
                message.push(match byte {
                    0x7d if *bytes.next().unwrap() == 1 => 0x7d,
                    0x7d => 0x7e,
                    _ => byte,
                });
            }
            assert_eq!(message.len(), size + 1);
            assert!(message.contains(&0x7e) && message.contains(&0x7d));
            assert_eq!(usize::from(message[3]), size - 12);
            assert_eq!(message.iter().fold(0, |check, byte| check ^ byte), 0);
        }
    }

    #[test]
    fn ping_is_answered_with_pong() {
        let framed = Framing::Resp.framed(Content::Binary, 1);
        assert_eq!(framed.request, b"*1\r\n$4\r\nPING\r\n");
        assert_eq!(framed.reply, b"+PONG\r\n");
        assert_eq!(framed.sequence_bytes, 0);
    }
}
