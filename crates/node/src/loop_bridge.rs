//! The event loop's end of the bridge: [`gev_reactor::Bridge`] on shared memory.
//!
//! How nobody sleeps through news. Each side first makes its news visible, then looks whether the other side sleeps;
//! the other side first says that it is going to sleep, then looks for news. With sequentially consistent words at
//! least one of the two sees the other:
//!
//! ```text
//!   news        JavaScript                      loop
//!   commands    store CommandHead               store Sleeping = 1
//!               exchange Sleeping for 0, wake   look at CommandHead
//!   event room  store EventTail                 store LoopWantsRoom = 1
//!               if half is free, exchange       look at EventTail
//!               LoopWantsRoom for 0, wake
//!
//!               loop                            JavaScript
//!   events      store EventHead                 store pending = 0
//!               if pending is 0:                look at every EventHead
//!               exchange it for 1, ring
//!   cmd. room   store CommandTail               store ScriptWantsRoom = 1
//!               exchange ScriptWantsRoom, ring  look at CommandTail
//! ```
//! `models/` has loom try every order of these, with this file and `queue.rs` as they are.
//!
//! A ring while `pending` is 1 is swallowed, so JavaScript looks at ScriptWantsRoom too after it has stored 0 there.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use gev_reactor::{Bridge, Command, CommandKind, ConnectionId, Counter};
use gev_session::{Event, Gauges};

use crate::doorbell::Doorbell;
use crate::loans::Loans;
use crate::memory::Memory;
use crate::queue::{Consumer, Header, Producer, record_bytes};
use crate::records::{Gauge, LOAN_BYTES, PART_BYTES, Word, command_kind, kind_and_flags};
use crate::sync::AtomicU32;

/// One loop's queues, and the doorbell of the environment behind them.
#[derive(Debug)]
pub(crate) struct LoopBridge {
    memory: Memory<'static>,
    events: Producer<'static>,
    commands: Consumer<'static>,
    sleeping: &'static AtomicU32,
    loop_wants_room: &'static AtomicU32,
    script_wants_room: &'static AtomicU32,
    doorbell: Arc<Doorbell>,
    loans: Arc<Loans>,
    /// An event did not fit, and room has not been found since; `LoopWantsRoom` says so while the loop sleeps.
    wants_room: bool,
    /// Events were published that JavaScript may not see before the doorbell is rung.
    unannounced: bool,
    /// Instead of ringing notes that a drain is due: see [`set_quiet`](Self::set_quiet).
    quiet: bool,
    drain_is_due: bool,
}

impl LoopBridge {
    /// The loop's end of the queues in `memory`.
    ///
    /// # Safety
    /// There must be no other bridge on this memory, and JavaScript must keep to the rules of
    /// [`memory`](crate::memory).
    pub(crate) unsafe fn new(memory: Memory<'static>, doorbell: Arc<Doorbell>) -> Self {
        let word = |word| memory.word(word);
        // SAFETY: both rings lie in the memory, are aligned and have this capacity (`Memory::new`); that this is the
        // only end of its kind is this function's contract.
        let (events, commands) = unsafe {
            let capacity = memory.queue_bytes();
            (
                Producer::new(
                    memory.events(),
                    capacity,
                    word(Word::EventHead),
                    word(Word::EventTail),
                ),
                Consumer::new(
                    memory.commands(),
                    capacity,
                    word(Word::CommandHead),
                    word(Word::CommandTail),
                ),
            )
        };
        Self {
            memory,
            events,
            commands,
            sleeping: word(Word::Sleeping),
            loop_wants_room: word(Word::LoopWantsRoom),
            script_wants_room: word(Word::ScriptWantsRoom),
            doorbell,
            loans: Arc::default(),
            wants_room: false,
            unannounced: false,
            quiet: false,
            drain_is_due: false,
        }
    }

    /// What JavaScript may lend to the loop.
    pub(crate) fn loans(&self) -> &Arc<Loans> {
        &self.loans
    }

    /// From now on, or no longer, whoever drives the loop sees to the drains: [`take_due`](Self::take_due) tells of them.
    pub(crate) fn set_quiet(&mut self, quiet: bool) {
        self.quiet = quiet;
    }

    /// True when a drain is due, and nobody but the caller sees to it.
    pub(crate) fn take_due(&mut self) -> bool {
        std::mem::take(&mut self.drain_is_due)
    }

    fn ring_or_note(&mut self) {
        if self.quiet {
            self.drain_is_due |= self.doorbell.note();
        } else {
            self.doorbell.ring();
        }
    }
}

impl Bridge for LoopBridge {
    #[inline]
    fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        // Twice the record, as a pad may come first; an empty queue has room for that.
        if !self.events.has_room_for(2 * record_bytes(len)) {
            self.wants_room = true;
            return None;
        }
        self.events.reserve(len)
    }

    fn shorten(&mut self, len: usize) {
        self.events.shorten(len);
    }

    #[inline]
    fn commit(&mut self, id: ConnectionId, event: Event) {
        self.events.commit(Header {
            kind_and_flags: kind_and_flags(event),
            slot: id.slot,
            generation: id.generation,
        });
    }

    fn has_room(&mut self) -> bool {
        // JavaScript wakes the loop when half of the queue is free; to go on with less would mean many short turns. In the
        // smallest queue that is 32 bytes less than `reserve` asks for.
        let half = self.memory.queue_bytes() as u32 / 2;
        let room = self
            .events
            .has_room_for(half.max(2 * record_bytes(PART_BYTES)));
        if room && self.wants_room {
            self.loop_wants_room.store(0, SeqCst);
        }
        self.wants_room = !room;
        room
    }

    fn publish(&mut self) -> bool {
        if self.events.publish() {
            self.unannounced = !self.doorbell.is_rung();
        }
        self.unannounced
    }

    fn ring(&mut self) {
        self.unannounced = false;
        self.ring_or_note();
    }

    #[inline]
    fn next_command(&mut self) -> Option<Command<'_>> {
        if self.commands.is_empty() {
            self.hand_back();
            return None;
        }
        let record = self.commands.next()?;
        let id = ConnectionId {
            slot: record.header.slot,
            generation: record.header.generation,
        };
        let mut kind = command_kind(record.header.kind_and_flags);
        let mut loan = None;
        let mut payload = record.payload;
        if matches!(kind, CommandKind::SendLoan(_) | CommandKind::ShareLoan(_)) {
            let lent;
            (lent, payload) = payload.split_at(payload.len().min(LOAN_BYTES));
            loan = self.loans.lend(lent);
            if loan.is_none() {
                kind = CommandKind::Impossible;
            }
        }
        Some(Command {
            id,
            kind,
            payload,
            loan,
        })
    }

    fn hand_back(&mut self) {
        self.commands.release();
        if self.script_wants_room.swap(0, SeqCst) == 1 {
            self.ring_or_note();
        }
    }

    fn next_returned(&mut self) -> Option<u32> {
        self.loans.next_returned()
    }

    fn prepare_sleep(&mut self) -> bool {
        self.sleeping.store(1, SeqCst);
        if self.wants_room {
            self.loop_wants_room.store(1, SeqCst);
        }
        let has_news = !self.commands.is_empty() || (self.wants_room && self.has_room());
        if has_news {
            self.sleeping.store(0, SeqCst);
        }
        !has_news
    }

    fn awake(&mut self) {
        if self.sleeping.load(Relaxed) == 1 {
            self.sleeping.store(0, SeqCst);
        }
    }

    fn set_gauges(&mut self, slot: u32, gauges: Gauges) {
        let words = [(Gauge::Done, gauges.done), (Gauge::Input, gauges.input)];
        for (gauge, value) in words {
            if let Some(word) = self.memory.gauge(slot, gauge) {
                word.store(value, SeqCst);
            }
        }
    }

    fn add(&mut self, counter: Counter, n: u64) {
        // Only the loop stores it, and nothing else depends on when others see that.
        let sum = self.memory.counter(counter);
        sum.store(sum.load(Relaxed).wrapping_add(n), Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use napi::{Env, Result};

    use super::*;
    use crate::doorbell::Bell;
    use crate::memory::Piece;
    use crate::records::{COMMANDS_AT, COUNTER_BYTES, COUNTERS_AT, MIN_QUEUE_BYTES};
    use crate::sync::AtomicU32;

    #[derive(Debug)]
    struct Silence;

    impl Bell for Silence {
        fn drain_now(&self) -> bool {
            true
        }
        fn ring(&self) {}

        fn hold(&self, _: Env) -> Result<()> {
            Ok(())
        }

        fn let_go(&self, _: Env) -> Result<()> {
            Ok(())
        }
    }

    fn bridge() -> LoopBridge {
        let piece = |len: usize| Piece {
            base: vec![0_u128; len / size_of::<u128>()]
                .leak()
                .as_mut_ptr()
                .cast(),
            len,
        };
        let control = piece(Memory::control_bytes(MIN_QUEUE_BYTES, 0));
        let events = piece(MIN_QUEUE_BYTES);
        // SAFETY: the memory is never freed, and nobody else has it.
        unsafe {
            let memory = Memory::new(control, events, MIN_QUEUE_BYTES, 0);
            let pending = Box::leak(Box::new(AtomicU32::new(0)));
            let doorbell = Arc::new(Doorbell::with_bell(Box::new(Silence), pending));
            LoopBridge::new(memory.expect("right sizes"), doorbell)
        }
    }

    #[test]
    fn what_is_counted_stands_where_javascript_looks_and_nowhere_else() {
        let mut bridge = bridge();
        for &counter in Counter::ALL {
            bridge.add(counter, 1 << 40);
            bridge.add(counter, 2);
        }
        let memory = bridge.memory;
        // SAFETY: all of the control memory up to the gauges, which nobody else has.
        let bytes = unsafe {
            let base = memory.commands().sub(COMMANDS_AT);
            std::slice::from_raw_parts(base.as_ptr(), COMMANDS_AT + MIN_QUEUE_BYTES)
        };
        let counters = COUNTERS_AT..COUNTERS_AT + Counter::ALL.len() * COUNTER_BYTES;
        let (sums, _) = bytes[counters.clone()].as_chunks();
        for &sum in sums {
            assert_eq!(u64::from_ne_bytes(sum), (1 << 40) + 2);
        }
        let others = [&bytes[..counters.start], &bytes[counters.end..]].concat();
        assert!(others.iter().all(|&byte| byte == 0));
    }

    /// Else a loop that is told of room finds none, and looks again at once, until JavaScript has made more.
    #[test]
    fn where_there_is_room_the_largest_event_fits() {
        let id = ConnectionId {
            slot: 0,
            generation: 0,
        };
        for small in 0..40 {
            let mut bridge = bridge();
            let sizes = std::iter::repeat_n(0, small).chain(std::iter::repeat(32 * 1024 - 96));
            for len in sizes {
                if !bridge.has_room() {
                    break;
                }
                assert!(bridge.reserve(PART_BYTES).is_some(), "{small}");
                bridge.reserve(len).expect("less than that");
                bridge.commit(id, Event::End);
            }
        }
    }
}
