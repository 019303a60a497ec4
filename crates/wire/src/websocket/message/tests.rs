//! Without a codec around it.

use super::*;
use crate::codec::{Control, FrameSink, KeepAliveSink, Opening, Request, UpgradeSink};
use crate::frame_error::FrameError;

/// Room for one part at a time, which nobody looks at.
struct Void([u8; 16]);

impl Sink for Void {
    fn open(&mut self, _opening: Opening<'_>) -> bool {
        true
    }

    fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        self.0.get_mut(..len)
    }

    fn shorten(&mut self, _len: usize) {}

    fn commit(&mut self, _part: Part) -> bool {
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

fn half_a_message() -> Message {
    let mut message = Message::default();
    let header = FrameHeader {
        fin: true,
        compressed: false,
        opcode: OpCode::Binary,
        len: 4,
        key: [0; 4],
    };
    message.begin_frame(&header);
    let progress = message.take_in(&mut Input::from(&b"ab"[..]), &mut Void([0; 16]), false);
    assert_eq!(
        (progress, message.parts.is_empty()),
        (Ok(Progress::NeedMore), false)
    );
    message
}

#[test]
fn memory_is_held_only_while_a_message_is_half_way() {
    let mut message = half_a_message();
    let progress = message.take_in(&mut Input::from(&b"cd"[..]), &mut Void([0; 16]), false);
    assert_eq!(
        (progress, message.parts.memory()),
        (Ok(Progress::FrameDone), 0)
    );
    let mut message = half_a_message();
    message.abandon();
    assert_eq!(message.parts.memory(), 0);
}
