//! What frames cost in memory: none of them is allocated.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use gev_frames::{
    Checksum, Config, Counts, Crc, Deliver, Digits, Escape, Extent, Field, Form, Frames, Framing,
    Length, OnBad, Place, RuleConfig, Sum,
};
use gev_wire::{
    Codec, Content, Control, Decoded, FrameError, FrameSink, Input, KeepAliveSink, MessageKind,
    Opening, Outgoing, Part, Payload, Request, RespConfig, Sink, StompConfig, Stream, UpgradeSink,
};

/// The system's memory, which counts how often each thread asks for some: that of the harness does when it likes.
struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

fn count() -> usize {
    COUNT.get()
}

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: as for this function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as for this function.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static MEMORY: Counting = Counting;

/// A sink that has memory of its own, and counts messages.
struct Counter(Box<[u8; 65_536]>, usize);

impl Sink for Counter {
    fn open(&mut self, _opening: Opening<'_>) -> bool {
        true
    }

    fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        self.0.get_mut(..len)
    }

    fn shorten(&mut self, _len: usize) {}

    fn commit(&mut self, _part: Part) -> bool {
        self.1 += 1;
        true
    }

    fn may_take_message(&self) -> bool {
        true
    }

    fn reply(&mut self, _bytes: &[u8]) {}
}

impl FrameSink for Counter {
    fn frame_failed(&mut self, _error: &FrameError) -> bool {
        true
    }
}

impl UpgradeSink for Counter {
    fn ask(&mut self, _request: Request, _lines: &[u8]) -> bool {
        true
    }

    fn refused(&mut self, _status: u16, _reason: &str) -> bool {
        true
    }

    fn date(&mut self) -> &str {
        ""
    }
}

impl KeepAliveSink for Counter {
    fn count_control(&mut self) -> bool {
        true
    }

    fn control(&mut self, _control: Control, _payload: &[u8]) -> bool {
        true
    }

    fn pong(&mut self, _frame: &[u8]) {}
}

/// Frames of each kind: by an end, by a length, escaped with a checksum.
fn rules() -> Vec<(Vec<Vec<u8>>, RuleConfig)> {
    let lines = RuleConfig {
        extent: Extent::End(None),
        end: vec![b"\n".to_vec(), b"\r\n".to_vec()],
        checksum: None,
        deliver: Deliver::Body,
    };
    let field = Field {
        at: Place::At(0),
        form: Form::Varint(3),
        mask: u64::MAX,
        shift: 0,
        unit: 1,
    };
    let (bits, poly, init) = (16, 0x1021, 0xFFFF);
    let crc = Crc {
        bits,
        poly,
        init,
        reflected: true,
        xor_out: 0xFFFF,
    };
    let checksum = Checksum {
        sum: Sum::Crc(crc),
        from: 0,
        after: Vec::new(),
        digits: Digits::LittleEndian,
        width: 2,
        on_bad: OnBad::Discard,
        at: None,
        is_zeros: false,
    };
    let escape = Escape::Xor {
        byte: 0x7D,
        xor: 0x20,
        also: Vec::new(),
    };
    vec![
        (Vec::new(), lines.clone()),
        (
            Vec::new(),
            RuleConfig {
                extent: Extent::Length(Length {
                    fields: vec![field],
                    counts: Counts::Rest,
                    add: 0,
                }),
                end: Vec::new(),
                ..lines.clone()
            },
        ),
        (
            vec![b"~".to_vec()],
            RuleConfig {
                extent: Extent::End(Some(escape)),
                end: vec![b"~".to_vec()],
                checksum: Some(checksum),
                ..lines
            },
        ),
    ]
}

/// Frames of `message`, a hundred of them, are written and then cut, each in two pieces; how many allocations that takes.
fn allocations(start: Vec<Vec<u8>>, rule: RuleConfig, message: &[u8]) -> usize {
    let framing = Framing::new(Config {
        start,
        rule,
        first: None,
        cases: Vec::new(),
        ignore_empty: false,
        send_raw: false,
        max_message_bytes: 0,
        drop_too_long: false,
        drop_noise: false,
        text: false,
        max_skip_bytes: 0,
    });
    let mut frames = Frames::new(Arc::new(framing.expect("a right one")));
    let mut sink = Counter(Box::new([0; 65_536]), 0);
    let mut out = Vec::with_capacity(1 << 20);
    let before = count();
    for _ in 0..100 {
        out.clear();
        let outgoing = Outgoing::whole(MessageKind::Binary);
        let payload = frames.begin(outgoing, message.len() as u64, &mut out);
        if payload == Payload::Plain {
            out.extend_from_slice(message);
        } else {
            frames.transform(message, &mut |bytes| out.extend_from_slice(bytes));
        }
        cut(&mut frames, &out, &mut sink);
    }
    assert_eq!(sink.1, 100);
    count() - before
}

/// Cuts a frame that comes in two pieces.
fn cut(codec: &mut dyn Codec, bytes: &[u8], sink: &mut Counter) {
    let half = bytes.len() / 2;
    let mut input = Input::from(&bytes[..half]);
    assert_eq!(codec.decode(&mut input, sink), Ok(Decoded::NeedMore));
    let used = half - input.len();
    let mut input = Input::new(&bytes[used..half], &bytes[half..]);
    assert_eq!(codec.decode(&mut input, sink), Ok(Decoded::NeedMore));
    assert!(input.is_empty());
}

/// Codecs of messages that a look at each byte cuts, with a message of each.
fn streams() -> [(Stream, &'static [u8]); 3] {
    let resp = RespConfig {
        max_message_bytes: 0,
        max_depth: 16,
        max_values: 100,
        requests: false,
        inline: false,
        text: true,
    };
    let stomp = StompConfig {
        max_message_bytes: 0,
        max_header_bytes: 1000,
        max_headers: 10,
    };
    [
        (Stream::json(0, Content::Text), b"{\"a\":[\"\xC3\xA4\"]}"),
        (
            Stream::resp(resp),
            b"*2\r\n*1\r\n$1\r\na\r\n%1\r\n:1\r\n#t\r\n",
        ),
        (Stream::stomp(stomp), b"SEND\ncontent-length:2\n\nab\0"),
    ]
}

#[test]
fn a_frame_is_not_allocated() {
    for message in [&b""[..], b"short~}", &[7; 20_000]] {
        for (start, rule) in rules() {
            if message.is_empty() && !start.is_empty() {
                continue;
            }
            assert_eq!(allocations(start, rule, message), 0);
        }
    }
    for (mut codec, message) in streams() {
        let mut sink = Counter(Box::new([0; 65_536]), 0);
        let before = count();
        for _ in 0..100 {
            cut(&mut codec, message, &mut sink);
        }
        assert_eq!((sink.1, count() - before), (100, 0));
    }
}
