//! What the other end asks for: the commands of a turn, and the stop.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gev_session::{Event, Next, Stopping};
use gev_wire::Close;

use super::fan_out::fan_out;
use super::{EventLoop, NOBODY};
use crate::bridge::{Bridge, Command, CommandKind};
use crate::close_payload;
use crate::counter::Counter;

impl<B: Bridge> EventLoop<B> {
    /// Runs what is in the queue, within a budget; true when that was all.
    pub(super) fn run_commands(&mut self) -> bool {
        let mut budget = self.config.command_budget_bytes;
        let mut stop = None;
        let mut sent = 0;
        while budget > 0 {
            let Some(command) = self.bridge.next_command() else {
                break;
            };
            let lent = command.loan.as_ref().map_or(0, |loan| loan.bytes().len());
            budget = budget.saturating_sub(command.payload.len() + lent + COMMAND_COST);
            if command.kind == CommandKind::Stop {
                stop = command.payload.split_first_chunk().map(|(timeout, close)| {
                    let timeout = Duration::from_millis(u64::from(u32::from_le_bytes(*timeout)));
                    (timeout, close_payload::read(close).0)
                });
                continue;
            }
            if let CommandKind::Share(outgoing) | CommandKind::ShareLoan(outgoing) = command.kind {
                let Self {
                    connections,
                    dirty,
                    pools,
                    ..
                } = self;
                let shares = fan_out(command, outgoing, connections, dirty, pools);
                sent += shares.sent;
                budget = budget.saturating_sub(shares.bytes);
                for (id, reason) in shares.gone {
                    self.remove(id, reason);
                }
                continue;
            }
            if command.kind == CommandKind::Assign {
                let index = command.payload.try_into().map(u32::from_le_bytes);
                self.assign(index.ok().map(|index| index as usize));
                continue;
            }
            let id = command.id;
            let completes = command.kind.completes_message();
            let Some(connection) = self.connections.get_mut(id) else {
                continue;
            };
            sent += u64::from(completes);
            let next = connection.run(command, self.now, &self.shared.protocols, &mut self.pools);
            if let Next::Gone(reason) = next {
                // At once: a socket that has failed may take what the next command sends, behind a part that is missing.
                self.remove(id, reason);
            } else if !connection.listed.dirty {
                // What else a command has changed is seen to when the connection is settled after its flush.
                connection.listed.dirty = true;
                self.dirty.push(id);
            }
        }
        self.bridge.add(Counter::SentMessages, sent);
        if budget == 0 {
            // That may have been all, and nobody has seen it.
            self.bridge.hand_back();
        }
        if let Some((timeout, close)) = stop {
            self.stop(timeout, close);
        }
        budget > 0
    }

    /// Does at once, behind all that are in the queue, what a command says that is not. False when it has to wait its turn, as
    /// more is in the queue than the loop takes at a time.
    pub fn run_now(&mut self, command: Command<'_>) -> bool {
        self.now = Instant::now();
        if !self.run_commands() {
            return false;
        }
        let id = command.id;
        if let Some(connection) = self.connections.get_mut(id) {
            let next = connection.run(command, self.now, &self.shared.protocols, &mut self.pools);
            self.settle(id, next);
        }
        true
    }

    /// Stops listening and says goodbye to everybody, those included who have connected and were not accepted yet.
    fn stop(&mut self, timeout: Duration, close: Close) {
        if self.stopping.is_some() {
            return;
        }
        self.stop_dealing();
        if !timeout.is_zero() {
            self.accept_rest();
        }
        self.leave_pool();
        self.listeners.clear();
        let deadline = self.now + timeout;
        self.stopping = Some(Stopping {
            close,
            deadline,
            handshakes: deadline.min(self.now + HANDSHAKE_GRACE),
        });
        // What nobody else can take. It begins to stop at once; of a loop that has failed meanwhile, nothing is taken over.
        self.adopt_arrivals();
        for id in self.connections.ids() {
            self.settle(id, Next::Wait);
        }
    }

    /// Ends a stopping loop whose last connection is gone.
    pub(super) fn finish_stop(&mut self) {
        if self.stopping.is_none() || self.dealers.load(Ordering::Acquire) > 0 {
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

/// How long those may take who are in their handshake when the loop is stopped.
const HANDSHAKE_GRACE: Duration = Duration::from_secs(1);

/// What a command counts against the budget besides its payload.
const COMMAND_COST: usize = 64;
