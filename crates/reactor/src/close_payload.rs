//! How a goodbye travels between a loop and its application: code (u16, little-endian), cause (u8), was-clean (u8), text.
//!
//! In commands nobody can say yet whether it was clean, and that byte is unused.

use gev_session::CloseReason;
use gev_wire::{Close, CloseCause};

/// Where the number of the cause is, behind the code.
pub const CLOSE_CAUSE_AT: usize = 2;
/// Where 1 says that both sides have said goodbye as the codec wants it.
pub const CLOSE_CLEAN_AT: usize = 3;
/// Where the text begins.
pub const CLOSE_TEXT_AT: usize = 4;

/// What a command says.
pub(crate) fn read(payload: &[u8]) -> (Close, CloseCause) {
    let code = payload.first_chunk().copied().map_or(0, u16::from_le_bytes);
    let cause = cause_of(payload.get(CLOSE_CAUSE_AT).copied().unwrap_or_default());
    let text = String::from_utf8_lossy(payload.get(CLOSE_TEXT_AT..).unwrap_or_default());
    (Close::new(code, text), cause)
}

/// The payload of an event; returns its length.
pub(crate) fn write(reason: &CloseReason, out: &mut [u8; MAX_BYTES]) -> usize {
    out[..CLOSE_CAUSE_AT].copy_from_slice(&reason.close.code.get().to_le_bytes());
    out[CLOSE_CAUSE_AT] = reason.cause as u8;
    out[CLOSE_CLEAN_AT] = u8::from(reason.was_clean);
    let text = reason.close.reason.as_bytes();
    let len = text.len().min(MAX_BYTES - CLOSE_TEXT_AT);
    out[CLOSE_TEXT_AT..][..len].copy_from_slice(&text[..len]);
    CLOSE_TEXT_AT + len
}

/// The cause with this number, among those that the application has.
pub(crate) fn cause_of(number: u8) -> CloseCause {
    let cause = CloseCause::from_number(number).unwrap_or(CloseCause::Local);
    match cause {
        CloseCause::Limit
        | CloseCause::Handler
        | CloseCause::Protocol
        | CloseCause::Stop
        | CloseCause::Internal => cause,
        _ => CloseCause::Local,
    }
}

/// Length of the largest event: numbers and a text, which on the wire has at most 123 bytes.
pub(crate) const MAX_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_command_is_read_alike_on_machines_of_either_byte_order() {
        let (close, cause) = read(b"\xE1\x10\x06\x00bye");
        assert_eq!(
            (close, cause),
            (Close::new(4321, "bye"), CloseCause::Handler)
        );
    }

    #[test]
    fn a_close_event_has_the_same_bytes_on_machines_of_either_byte_order() {
        let reason = CloseReason::abnormal(CloseCause::Stalled, "why");
        let mut payload = [0; MAX_BYTES];
        let len = write(&reason, &mut payload);
        assert_eq!(payload[..len], *b"\xEE\x03\x0A\x00why");
    }
}
