//! The numbers that both ends of the bridge have to agree on, defined once and told to JavaScript.

use napi_derive::napi;

use crate::loop_bridge as bridge;
use crate::memory::{self, Gauge, Memory, Word};

/// Where things are in a loop's memory, and the kinds and flags of records. Positions of words count in units of four
/// bytes from the begin of the memory that has them.
#[napi(object, object_from_js = false)]
pub struct Layout {
    /// Position of the words.
    pub event_head: u32,
    /// Position of the word.
    pub event_tail: u32,
    /// Position of the word.
    pub command_head: u32,
    /// Position of the word.
    pub command_tail: u32,
    /// Position of the word.
    pub sleeping: u32,
    /// Position of the word.
    pub loop_wants_room: u32,
    /// Position of the word.
    pub script_wants_room: u32,
    /// First byte of the command queue, behind the words; the gauges follow it. The event queue has memory of its own.
    pub commands_at: u32,
    /// Bytes of one slot's gauges.
    pub gauge_bytes: u32,
    /// Position of the word in a slot's gauges.
    pub gauge_done: u32,
    /// Position of the word in a slot's gauges.
    pub gauge_input: u32,
    /// Bytes of a record's header.
    pub header_bytes: u32,
    /// Records begin at multiples of this.
    pub record_align: u32,
    /// Largest payload of an event, and what JavaScript keeps to for commands.
    pub part_bytes: u32,
    /// Smallest queue.
    pub min_queue_bytes: u32,
    /// Largest queue.
    pub max_queue_bytes: u32,
    /// Kind of a record that fills the end of the ring.
    pub pad: u32,
    /// Kind of an event.
    pub event_open: u32,
    /// Kind of an event.
    pub event_message: u32,
    /// Kind of an event.
    pub event_end: u32,
    /// Kind of an event.
    pub event_stop: u32,
    /// Kind of an event.
    pub event_close: u32,
    /// Kind of an event.
    pub event_short: u32,
    /// Kind of an event.
    pub event_error: u32,
    /// Kind of an event.
    pub event_stopped: u32,
    /// Kind of an event.
    pub event_upgrade: u32,
    /// Kind of an event.
    pub event_request: u32,
    /// Kind of an event.
    pub event_refused: u32,
    /// Kind of an event.
    pub event_drained: u32,
    /// Kind of an event.
    pub event_sent: u32,
    /// Kind of an event.
    pub event_ping: u32,
    /// Kind of an event.
    pub event_pong: u32,
    /// Kind of a command.
    pub command_send: u32,
    /// Kind of a command.
    pub command_begin: u32,
    /// Kind of a command.
    pub command_continue: u32,
    /// Kind of a command.
    pub command_close: u32,
    /// Kind of a command.
    pub command_expel: u32,
    /// Kind of a command.
    pub command_shutdown_write: u32,
    /// Kind of a command.
    pub command_end: u32,
    /// Kind of a command.
    pub command_destroy: u32,
    /// Kind of a command.
    pub command_stop: u32,
    /// Kind of a command.
    pub command_ping: u32,
    /// Kind of a command.
    pub command_tell_drained: u32,
    /// Kind of a command.
    pub command_tell_sent: u32,
    /// Kind of a command.
    pub command_pause: u32,
    /// Kind of a command.
    pub command_resume: u32,
    /// Kind of a command.
    pub command_accept: u32,
    /// Kind of a command.
    pub command_respond: u32,
    /// Flag of a record.
    pub flag_text: u32,
    /// Flag of a record.
    pub flag_ascii: u32,
    /// Flag of a record.
    pub flag_more: u32,
    /// Flag of a record.
    pub flag_continued: u32,
    /// Flag of a record.
    pub flag_compress: u32,
    /// Flag of a record.
    pub flag_plain: u32,
}

/// The layout that this build uses.
#[napi(catch_unwind)]
pub fn layout() -> Layout {
    let word = |word: Word| (word as usize * memory::WORD_SPACING / 4) as u32;
    Layout {
        event_head: word(Word::EventHead),
        event_tail: word(Word::EventTail),
        command_head: word(Word::CommandHead),
        command_tail: word(Word::CommandTail),
        sleeping: word(Word::Sleeping),
        loop_wants_room: word(Word::LoopWantsRoom),
        script_wants_room: word(Word::ScriptWantsRoom),
        commands_at: memory::COMMANDS_AT as u32,
        gauge_bytes: memory::GAUGE_BYTES as u32,
        gauge_done: Gauge::Done as u32,
        gauge_input: Gauge::Input as u32,
        header_bytes: memory::HEADER_BYTES as u32,
        record_align: memory::RECORD_ALIGN as u32,
        part_bytes: gev_wire::PART_BYTES as u32,
        min_queue_bytes: memory::MIN_QUEUE_BYTES as u32,
        max_queue_bytes: memory::MAX_QUEUE_BYTES as u32,
        pad: memory::PAD,
        event_open: bridge::EVENT_OPEN,
        event_message: bridge::EVENT_MESSAGE,
        event_end: bridge::EVENT_END,
        event_stop: bridge::EVENT_STOP,
        event_close: bridge::EVENT_CLOSE,
        event_short: bridge::EVENT_SHORT,
        event_error: bridge::EVENT_ERROR,
        event_stopped: bridge::EVENT_STOPPED,
        event_upgrade: bridge::EVENT_UPGRADE,
        event_request: bridge::EVENT_REQUEST,
        event_refused: bridge::EVENT_REFUSED,
        event_drained: bridge::EVENT_DRAINED,
        event_sent: bridge::EVENT_SENT,
        event_ping: bridge::EVENT_PING,
        event_pong: bridge::EVENT_PONG,
        command_send: bridge::COMMAND_SEND,
        command_begin: bridge::COMMAND_BEGIN,
        command_continue: bridge::COMMAND_CONTINUE,
        command_close: bridge::COMMAND_CLOSE,
        command_expel: bridge::COMMAND_EXPEL,
        command_shutdown_write: bridge::COMMAND_SHUTDOWN_WRITE,
        command_end: bridge::COMMAND_END,
        command_destroy: bridge::COMMAND_DESTROY,
        command_stop: bridge::COMMAND_STOP,
        command_ping: bridge::COMMAND_PING,
        command_tell_drained: bridge::COMMAND_TELL_DRAINED,
        command_tell_sent: bridge::COMMAND_TELL_SENT,
        command_pause: bridge::COMMAND_PAUSE,
        command_resume: bridge::COMMAND_RESUME,
        command_accept: bridge::COMMAND_ACCEPT,
        command_respond: bridge::COMMAND_RESPOND,
        flag_text: bridge::FLAG_TEXT,
        flag_ascii: bridge::FLAG_ASCII,
        flag_more: bridge::FLAG_MORE,
        flag_continued: bridge::FLAG_CONTINUED,
        flag_compress: bridge::FLAG_COMPRESS,
        flag_plain: bridge::FLAG_PLAIN,
    }
}

/// Bytes of memory for a loop with queues of `queueBytes` and slots for `maxConnections`, besides its event queue.
#[napi(catch_unwind)]
pub fn control_bytes(queue_bytes: u32, max_connections: u32) -> f64 {
    Memory::control_bytes(queue_bytes as usize, max_connections as usize) as f64
}
