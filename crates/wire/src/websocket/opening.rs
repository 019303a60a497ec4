//! From the client's request to the response: the first half of a connection's life.

use std::sync::Arc;

use crate::close::{Close, CloseCode};
use crate::codec::{Decoded, Refusal, Sink};
use crate::input::Input;

use super::deflate::Compression;
use super::handshake::{Handshake, Verdict};
use super::response::{self, Answer};
use super::{Stage, WebSocket};

impl WebSocket {
    /// RFC 6455 section 4.2: answers the client's request. `None` when the next stage may go on.
    pub(super) fn shake_hands(
        &mut self,
        mut handshake: Handshake,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
    ) -> Option<Decoded> {
        let verdict = handshake.examine(input, &self.shared.config);
        self.stage = Stage::Handshake(handshake);
        match verdict {
            Verdict::NeedMore => Some(Decoded::NeedMore),
            Verdict::Accept { head_len, upgrade } => {
                self.upgrade = Some(Box::new(upgrade));
                self.stage = Stage::Accepted;
                input.consume(head_len);
                None
            }
            Verdict::Ask {
                head_len,
                request,
                lines,
                upgrade,
            } => {
                if !sink.ask(request, &lines) {
                    return Some(Decoded::Blocked);
                }
                self.upgrade = upgrade.map(Box::new);
                self.stage = Stage::Asked;
                input.consume(head_len);
                Some(Decoded::Asked)
            }
            Verdict::Refuse { answer, with_body } => {
                if !sink.refused(answer.code(), &answer.reason) {
                    return Some(Decoded::Blocked);
                }
                let response = answer.response(with_body, sink.date());
                Some(self.answered(&response, answer.reason, input, sink))
            }
            Verdict::Page { with_body } => {
                let html = self.shared.config.page.as_deref().unwrap_or_default();
                let response = response::page(html, with_body, sink.date());
                Some(self.answered(&response, "plain HTTP request answered", input, sink))
            }
        }
    }

    /// What a client is told whose handshake takes too long.
    pub(super) fn end_handshake(&mut self, date: &str) -> Option<Refusal> {
        let answer = match self.stage {
            Stage::Handshake(handshake) => handshake.time_out()?,
            Stage::Asked | Stage::Accepted => Answer::NOT_ANSWERED,
            _ => return None,
        };
        self.stage = Stage::Ended;
        Some(Refusal {
            status: answer.code(),
            response: answer.bare_response(date),
            reason: answer.reason,
        })
    }

    /// Sends the last that there is to say to the peer.
    fn answered(
        &mut self,
        response: &[u8],
        reason: impl Into<String>,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
    ) -> Decoded {
        sink.reply(response);
        input.consume(input.len());
        self.stage = Stage::Ended;
        Decoded::Closed(Close::new(CloseCode::ABNORMAL, reason))
    }

    /// Writes the response to an upgrade that was accepted. `None` when frames may follow.
    pub(super) fn open(&mut self, sink: &mut dyn Sink) -> Option<Decoded> {
        let upgrade = self.upgrade.as_mut().expect("Bug: nothing was accepted");
        if !sink.open(upgrade.opening()) {
            return Some(Decoded::Blocked);
        }
        let response = upgrade.response(sink.date());
        sink.reply(&response);
        if let Some(agreed) = upgrade.agreed.take() {
            let compression = Compression::new(Arc::clone(&self.shared), agreed);
            self.compression = Some(Box::new(compression));
        }
        self.upgrade = None;
        self.open = true;
        self.stage = Stage::Header;
        None
    }
}
