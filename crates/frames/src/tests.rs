//! What only the inside can show: how often bytes are looked at, and how much memory is kept.

use super::*;
use gev_wire::{
    Control, FrameError, FrameSink, KeepAliveSink, MessageKind, PART_BYTES, Part, Request,
    UpgradeSink,
};

/// A sink that has room for everything, and forgets it.
struct Void(Vec<u8>, usize);

impl Sink for Void {
    fn open(&mut self, _opening: Opening<'_>) -> bool {
        true
    }

    fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        self.0.resize(len, 0);
        Some(&mut self.0)
    }

    fn shorten(&mut self, _len: usize) {}

    fn commit(&mut self, part: Part) -> bool {
        assert_eq!(part.kind, MessageKind::Binary);
        self.1 += usize::from(part.last);
        true
    }

    fn may_take_message(&self) -> bool {
        true
    }

    fn reply(&mut self, _bytes: &[u8]) {}
}

impl FrameSink for Void {
    fn frame_failed(&mut self, _error: &FrameError) -> bool {
        true
    }
}

impl UpgradeSink for Void {
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

impl KeepAliveSink for Void {
    fn count_control(&mut self) -> bool {
        true
    }

    fn control(&mut self, _control: Control, _payload: &[u8]) -> bool {
        true
    }

    fn pong(&mut self, _frame: &[u8]) {}
}

fn frames(rule: RuleConfig, max_message_bytes: u64) -> Frames {
    let config = Config {
        start: Vec::new(),
        rule,
        first: None,
        cases: Vec::new(),
        ignore_empty: false,
        send_raw: false,
        max_message_bytes,
        drop_too_long: false,
        drop_noise: false,
        text: false,
        max_skip_bytes: 0,
    };
    Frames::new(Arc::new(Framing::new(config).expect("a right one")))
}

fn ending(end: &[&str], escape: Option<Escape>) -> RuleConfig {
    RuleConfig {
        extent: Extent::End(escape),
        end: end.iter().map(|end| end.as_bytes().to_vec()).collect(),
        checksum: None,
        deliver: Deliver::Body,
    }
}

/// Feeds `bytes` one by one, as a session does: what is left is there again with the next one.
fn feed(frames: &mut Frames, bytes: &[u8]) -> usize {
    let mut sink = Void(Vec::new(), 0);
    let mut rest = Vec::new();
    for byte in bytes {
        rest.push(*byte);
        let mut input = Input::from(&rest[..]);
        assert_eq!(frames.decode(&mut input, &mut sink), Ok(Decoded::NeedMore));
        let left = input.len();
        rest.drain(..rest.len() - left);
    }
    sink.1
}

#[test]
fn a_search_goes_on_where_it_stopped() {
    let slip = Escape::Xor {
        byte: 0x7D,
        xor: 0x20,
        also: Vec::new(),
    };
    for (rule, end) in [
        (ending(&["\n"], None), "\n"),
        (ending(&["\r\n", "\n"], None), "\r\n"),
        (ending(&["--end--"], None), "--end--"),
        (ending(&["~"], Some(slip)), "~"),
    ] {
        let mut frames = frames(rule, 0);
        let mut line = vec![b'a'; 20_000];
        line.extend_from_slice(end.as_bytes());
        assert_eq!(feed(&mut frames, &[line.clone(), line].concat()), 2);
        let looked_at = frames.cutter.looked_at;
        assert!((40_000..40_100).contains(&looked_at), "{end}: {looked_at}");
    }
}

#[test]
fn nothing_is_allocated_for_a_length_that_is_announced() {
    for (bytes, announced) in [
        (4, vec![0xFF; 4]),
        (8, (1_u64 << 40).to_be_bytes().to_vec()),
    ] {
        let field = Field {
            at: Place::At(0),
            form: Form::BigEndian(bytes),
            mask: u64::MAX,
            shift: 0,
            unit: 1,
        };
        let rule = RuleConfig {
            extent: Extent::Length(Length {
                fields: vec![field],
                counts: Counts::Rest,
                add: 0,
            }),
            end: Vec::new(),
            checksum: None,
            deliver: Deliver::Body,
        };
        let mut frames = frames(rule, 0);
        let frame = [announced, vec![7; 5000]].concat();
        assert_eq!(feed(&mut frames, &frame), 0);
        assert_eq!(frames.unfinished_len(), 5000);
        assert!(frames.kept_len() <= 8192, "{}", frames.kept_len());
        let rest = vec![7; 10 * PART_BYTES];
        let mut sink = Void(Vec::new(), 0);
        let decoded = frames.decode(&mut Input::from(&rest[..]), &mut sink);
        assert_eq!(decoded, Ok(Decoded::NeedMore));
        assert!(frames.kept_len() <= PART_BYTES, "{}", frames.kept_len());
    }
}

#[test]
fn between_frames_nothing_is_kept() {
    let mut frames = frames(ending(&["\n"], None), 0);
    let mut line = vec![b'a'; 3 * PART_BYTES];
    line.push(b'\n');
    assert_eq!(feed(&mut frames, &line[..PART_BYTES + 5]), 0);
    assert!(frames.is_half_way() && frames.kept_len() > 0);
    assert_eq!(feed(&mut frames, &line[PART_BYTES + 5..]), 1);
    assert_eq!((frames.kept_len(), frames.unfinished_len()), (0, 0));
    assert!(!frames.is_mid_frame(0));
}
