//! From one protocol to another between two messages.
//!
//! ```text
//!   message --stepwise--> held --step()--> the next one
//!                          ^ |
//!   set_protocol() --------' `--unread(), step()--> what was given back, then what is left, by the new codec
//! ```
//! What is sent before a change goes out by the old codec, and what is sent after it by the new one. What came in and was not
//! decoded is the new one's; whether that is to begin with something that the old one has handed over, the application says
//! when it has been told that everything before it has arrived.

use std::time::Instant;

use gev_wire::{Close, CloseCause, CloseCode, Codec};

use crate::config::Config;
use crate::pools::Pools;
use crate::session::{MAX_UNFINISHED_BYTES, Session};

impl Session {
    /// From now on the connection speaks another protocol, where FIN is the peer's goodbye as in the one before. Nothing is
    /// decoded before the [`step`](Self::step) that answers the [`Event::Switched`](crate::Event::Switched) of this.
    ///
    /// A connection that is in the middle of a message, some of which has left the input, is closed: nobody can say what the
    /// next byte is.
    pub fn set_protocol(&mut self, codec: Box<dyn Codec>, deadline: Instant, pools: &mut Pools) {
        if !self.life.may_send() {
            return;
        }
        if self.life.is_open() && !self.codec.is_between_messages() {
            let text = "the protocol has changed in the middle of a message";
            let close = Close::new(CloseCode::PROTOCOL_ERROR, text);
            return self.close(close, CloseCause::Protocol, deadline, pools);
        }
        self.codec = codec;
        self.awaits_step = true;
        // A frame that is half way is another one now.
        self.has_ended_frame = true;
        self.switches += 1;
    }

    /// The application has handled what was handed over: decoding goes on.
    pub fn step(&mut self) {
        // Where nothing more is decoded, there is nothing to go on with.
        self.undecoded |= self.is_held();
        self.awaits_step = false;
    }

    /// While nothing is decoded: these bytes, which were handed over, come before all that is left, and before an end of which
    /// the application has been told.
    pub fn unread(&mut self, bytes: &[u8], config: &Config, pools: &mut Pools) {
        if self.awaits_step {
            self.life.reopen();
        }
        if !self.is_held() {
            return;
        }
        pools.lend(&mut self.rest);
        self.rest
            .unread(bytes, config.max_read_bytes + MAX_UNFINISHED_BYTES);
    }
}
