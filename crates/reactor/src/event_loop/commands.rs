//! What the other end asks for: the commands of a turn, and the stop.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gev_wire::Close;

use super::{EventLoop, NOBODY, Stopping};
use crate::bridge::{Bridge, Command, CommandKind, Event};
use crate::close_reason::{CloseCause, CloseReason};
use crate::connection::{Connection, Next, Pools};

impl<B: Bridge> EventLoop<B> {
    pub(super) fn run_commands(&mut self) {
        let deadline = self.now + self.config.close_timeout;
        let mut budget = self.config.command_budget_bytes;
        let mut stop = None;
        while budget > 0 {
            let Some(command) = self.bridge.next_command() else {
                break;
            };
            budget = budget.saturating_sub(command.payload.len() + COMMAND_COST);
            if command.kind == CommandKind::Stop {
                stop = command.payload.split_first_chunk().map(|(timeout, close)| {
                    let timeout = Duration::from_millis(u64::from(u32::from_le_bytes(*timeout)));
                    (timeout, read_close(close).0)
                });
                continue;
            }
            let id = command.id;
            let Some(connection) = self.connections.get_mut(id) else {
                continue;
            };
            if let Next::Gone(reason) = run_command(connection, &command, deadline, &mut self.pools)
            {
                // At once: a socket that has failed may take what the next command sends, behind a part that is missing.
                self.remove(id, reason);
            } else if !connection.in_dirty {
                // What else a command has changed is seen to when the connection is settled after its flush.
                connection.in_dirty = true;
                self.dirty.push(id);
            }
        }
        if let Some((timeout, close)) = stop {
            self.stop(timeout, close);
        }
    }

    /// Stops listening and says goodbye to everybody, those included who have connected and were not accepted yet.
    fn stop(&mut self, timeout: Duration, close: Close) {
        if self.stopping.is_some() {
            return;
        }
        self.dealer = None;
        if !timeout.is_zero() {
            self.accept_rest();
        }
        self.listener = None;
        let deadline = self.now + timeout;
        self.stopping = Some(Stopping {
            close,
            deadline,
            handshakes: deadline.min(self.now + HANDSHAKE_GRACE),
        });
        for id in self.connections.ids() {
            self.settle(id, Next::Wait);
        }
    }

    /// Ends a stopping loop whose last connection is gone.
    pub(super) fn finish_stop(&mut self) {
        if self.stopping.is_none() || self.awaits_sockets.load(Ordering::Acquire) {
            return;
        }
        // What was sent before the dealer was gone.
        self.adopt_arrivals();
        let all_gone = self.connections.is_empty() && self.may_deliver();
        if all_gone && !self.ended {
            self.ended = self.emit(NOBODY, Event::Stopped, &[]);
        }
    }
}

fn run_command(
    connection: &mut Connection,
    command: &Command<'_>,
    deadline: Instant,
    pools: &mut Pools,
) -> Next {
    let payload = command.payload;
    let framing = command.framing as usize;
    match command.kind {
        CommandKind::Send(outgoing) => {
            connection.count_taken(payload.len() + framing);
            return connection.send(outgoing, payload, pools);
        }
        CommandKind::Begin(outgoing) => {
            connection.count_taken(framing);
            let len = payload.try_into().map_or(0, u64::from_le_bytes);
            connection.begin(outgoing, len, pools);
        }
        CommandKind::Ping => {
            connection.count_taken(payload.len() + framing);
            connection.ping(payload, pools);
        }
        CommandKind::Pause => connection.pause(),
        CommandKind::Resume => connection.resume(),
        CommandKind::TellDrained => {
            connection.tell_drained(payload.try_into().map_or(0, u32::from_le_bytes));
        }
        CommandKind::TellSent => connection.tell_sent(),
        CommandKind::Accept => connection.accept(payload),
        CommandKind::Respond { more } => connection.respond(payload, more, deadline, pools),
        CommandKind::Continue => {
            connection.count_taken(payload.len());
            return connection.continue_message(payload, deadline, pools);
        }
        CommandKind::Close => {
            let (close, cause) = read_close(payload);
            connection.close(close, cause, deadline, pools);
        }
        CommandKind::Expel => {
            let (close, cause) = read_close(payload);
            return connection.expel(close, cause, deadline, pools);
        }
        CommandKind::ShutdownWrite => connection.shutdown_write(),
        CommandKind::End => connection.end(deadline, pools),
        CommandKind::Destroy => {
            let cause = CloseCause::from_number(payload.first().copied().unwrap_or_default());
            if payload.get(1) == Some(&1) {
                connection.reset_when_gone();
            }
            return Next::Gone(CloseReason::abnormal(cause, ""));
        }
        CommandKind::Stop => {}
        CommandKind::Impossible => {
            let text = "Bug: a command that makes no sense";
            return Next::Gone(CloseReason::abnormal(CloseCause::Internal, text));
        }
    }
    Next::Wait
}

/// The payload of [`CommandKind::Close`] and [`CommandKind::Expel`], and what follows the time in that of [`CommandKind::Stop`].
fn read_close(payload: &[u8]) -> (Close, CloseCause) {
    let code = payload.first_chunk().copied().map_or(0, u16::from_le_bytes);
    let cause = CloseCause::from_number(payload.get(2).copied().unwrap_or_default());
    let text = String::from_utf8_lossy(payload.get(4..).unwrap_or_default());
    (Close::new(code, text), cause)
}

/// How long those may take who are in their handshake when the loop is stopped.
const HANDSHAKE_GRACE: Duration = Duration::from_secs(1);

/// What a command counts against the budget besides its payload.
const COMMAND_COST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_command_is_read_alike_on_machines_of_either_byte_order() {
        let (close, cause) = read_close(b"\xE1\x10\x06\x00bye");
        assert_eq!(
            (close, cause),
            (Close::new(4321, "bye"), CloseCause::Handler)
        );
    }
}
