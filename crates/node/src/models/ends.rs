//! Both ends of the bridge, driven as `src/` and `crates/reactor` do it.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::SeqCst;

use gev_reactor::{Bridge, ConnectionId};
use gev_session::Event;
use gev_wire::{MessageKind, Part};
use loom::sync::{Arc, Condvar, Mutex};
use napi::{Env, Result};

use crate::doorbell::{Bell, Doorbell};
use crate::loop_bridge::LoopBridge;
use crate::memory::{Memory, Piece};
use crate::queue::{Consumer, Header, Producer};
use crate::records::{COMMAND_SEND, DRAIN_PASSES, MIN_QUEUE_BYTES, RELEASE_BYTES, Word};
use crate::sync::AtomicU32;

/// JavaScript's thread: `src/bridge/environment.ts`, with the `EventLoop` and the `CommandQueue` of each loop.
pub(super) struct Script<const LOOPS: usize> {
    pending: &'static AtomicU32,
    pub(super) bell: Arc<Signal>,
    pub(super) loops: [ScriptLoop; LOOPS],
}

/// `src/bridge/event-queue.ts`, `event-loop.ts` and `command-queue.ts`.
pub(super) struct ScriptLoop {
    memory: Memory<'static>,
    events: Consumer<'static>,
    commands: Producer<'static>,
    pub(super) backlog: VecDeque<(u32, usize)>,
    waker: Arc<Signal>,
    pub(super) received: Vec<u32>,
}

/// A native loop: the order of things in `EventLoop::turn`.
pub(super) struct NativeLoop {
    bridge: LoopBridge,
    waker: Arc<Signal>,
}

/// What stands for the kernel: an eventfd, or libuv's handle. Set until somebody has waited for it.
#[derive(Debug, Default)]
pub(super) struct Signal {
    set: Mutex<bool>,
    changed: Condvar,
}

/// Both ends of as many loops, which share a doorbell.
pub(super) fn ends<const LOOPS: usize>() -> (Script<LOOPS>, [NativeLoop; LOOPS]) {
    let bell = Arc::new(Signal::default());
    // SAFETY: the memory is never freed.
    let pending = unsafe { AtomicU32::from_ptr(memory(LOOPS)[0].base.cast()) };
    let doorbell = Doorbell::with_bell(Box::new(Handle(Arc::clone(&bell))), pending);
    let doorbell = std::sync::Arc::new(doorbell);
    let mut natives = Vec::new();
    let loops = std::array::from_fn(|index| {
        let waker = Arc::new(Signal::default());
        // SAFETY: the memory is never freed, and large enough. It has one bridge, one reader of its events and one writer of its
        // commands in a run of a model, and the next run's words and bytes are others.
        let (memory, bridge, events, commands) = unsafe {
            let [control, events] = memory(index);
            let memory = Memory::new(control, events, MIN_QUEUE_BYTES, 0).expect("right sizes");
            let word = |word| memory.word(word);
            let heads = [Word::EventHead, Word::CommandHead].map(word);
            let tails = [Word::EventTail, Word::CommandTail].map(word);
            (
                memory,
                LoopBridge::new(memory, std::sync::Arc::clone(&doorbell)),
                Consumer::new(memory.events(), MIN_QUEUE_BYTES, heads[0], tails[0]),
                Producer::new(memory.commands(), MIN_QUEUE_BYTES, heads[1], tails[1]),
            )
        };
        natives.push(NativeLoop {
            bridge,
            waker: Arc::clone(&waker),
        });
        ScriptLoop {
            memory,
            events,
            commands,
            backlog: VecDeque::new(),
            waker,
            received: Vec::new(),
        }
    });
    let script = Script {
        pending,
        bell,
        loops,
    };
    (script, natives.try_into().ok().expect("as many"))
}

impl<const LOOPS: usize> Script<LOOPS> {
    /// `drain()`, and again with `setImmediate` until nothing is left to do before the next ring.
    pub(super) fn drain(&mut self) {
        while !self.drain_queues() {}
    }

    fn drain_queues(&mut self) -> bool {
        for _ in 0..DRAIN_PASSES {
            let mut more = false;
            for event_loop in &mut self.loops {
                event_loop.drain();
            }
            self.pending.store(0, SeqCst);
            for event_loop in &mut self.loops {
                more = event_loop.has_news() || more;
            }
            if !more || self.pending.swap(1, SeqCst) == 1 {
                return true;
            }
        }
        false
    }

    /// How many events have come.
    pub(super) fn received(&self) -> usize {
        self.loops
            .iter()
            .map(|event_loop| event_loop.received.len())
            .sum()
    }
}

impl ScriptLoop {
    /// `EventLoop.drain()` without a budget.
    fn drain(&mut self) {
        if self.events.is_empty() {
            return self.publish();
        }
        while self.events.knows_more() {
            let record = self.events.next().expect("known");
            let n = record.header.slot;
            assert_eq!(record.payload[..4], n.to_ne_bytes(), "torn");
            let size = record.payload.len();
            self.received.push(n);
            if size >= RELEASE_BYTES {
                self.release();
            }
        }
        self.release();
        self.publish();
    }

    /// `EventLoop.release()`
    fn release(&mut self) {
        self.events.release();
        let wants_room = self.memory.word(Word::LoopWantsRoom);
        if wants_room.load(SeqCst) == 0 {
            return;
        }
        if self.events.published_bytes() > MIN_QUEUE_BYTES as u32 / 2 {
            return;
        }
        if wants_room.swap(0, SeqCst) == 1 {
            self.wake_loop();
        }
    }

    /// `EventLoop.hasNews()`
    fn has_news(&mut self) -> bool {
        let has_new_room =
            |memory: &Memory<'_>| memory.word(Word::ScriptWantsRoom).load(SeqCst) == 0;
        !self.events.is_empty() || (!self.backlog.is_empty() && has_new_room(&self.memory))
    }

    /// `CommandQueue.write()`
    pub(super) fn send(&mut self, n: u32, len: usize) {
        if !self.backlog.is_empty() || !self.try_write(n, len) {
            self.backlog.push_back((n, len));
        }
    }

    fn try_write(&mut self, n: u32, len: usize) -> bool {
        let Some(payload) = self.commands.reserve(len) else {
            return false;
        };
        payload[..4].copy_from_slice(&n.to_ne_bytes());
        self.commands.commit(Header {
            kind_and_flags: COMMAND_SEND,
            slot: n,
            generation: 0,
        });
        true
    }

    /// `CommandQueue.publish()`
    pub(super) fn publish(&mut self) {
        if !self.write_backlog() {
            self.memory.word(Word::ScriptWantsRoom).store(1, SeqCst);
            self.write_backlog();
        }
        if self.commands.publish() {
            self.wake_loop();
        }
    }

    /// True when nothing is left.
    fn write_backlog(&mut self) -> bool {
        while let Some((n, len)) = self.backlog.pop_front() {
            if !self.try_write(n, len) {
                self.backlog.push_front((n, len));
                return false;
            }
        }
        true
    }

    /// `CommandQueue.wakeLoop()`
    fn wake_loop(&self) {
        if self.memory.word(Word::Sleeping).swap(0, SeqCst) == 1 {
            self.waker.set();
        }
    }
}

impl NativeLoop {
    /// Turns until it has taken `commands` commands, which it answers with events if `echo`, and delivered `events` and
    /// these answers. Events have payloads of `len` bytes. Returns the commands.
    pub(super) fn run(
        mut self,
        commands: usize,
        echo: bool,
        events: &[u32],
        len: usize,
    ) -> Vec<u32> {
        let mut received = Vec::new();
        let mut events = VecDeque::from_iter(events.iter().copied());
        let mut blocked = false;
        loop {
            while let Some(command) = self.bridge.next_command() {
                let n = command.id.slot;
                assert_eq!(command.payload[..4], n.to_ne_bytes(), "torn");
                received.push(n);
                events.extend(echo.then_some(n));
            }
            while let Some(&n) = events.front() {
                blocked = (blocked && !self.bridge.has_room()) || !self.emit(n, len);
                if blocked {
                    break;
                }
                events.pop_front();
            }
            // A real loop may look for more input before it rings; that changes when, but not whether.
            if self.bridge.publish() {
                self.bridge.ring();
            }
            if received.len() == commands && events.is_empty() {
                return received;
            }
            if blocked {
                blocked = !self.bridge.has_room();
            }
            let has_work = !events.is_empty() && !blocked;
            if !has_work && self.bridge.prepare_sleep() {
                self.waker.wait();
            }
            self.bridge.awake();
        }
    }

    fn emit(&mut self, n: u32, len: usize) -> bool {
        let Some(payload) = self.bridge.reserve(len) else {
            return false;
        };
        payload[..4].copy_from_slice(&n.to_ne_bytes());
        let id = ConnectionId {
            slot: n,
            generation: 0,
        };
        let part = Part {
            kind: MessageKind::Binary,
            last: true,
            ascii: false,
        };
        self.bridge.commit(id, Event::Message(part));
        true
    }
}

impl Signal {
    pub(super) fn set(&self) {
        *self.set.lock().expect("no panic") = true;
        self.changed.notify_one();
    }

    pub(super) fn wait(&self) {
        let mut set = self.set.lock().expect("no panic");
        while !*set {
            set = self.changed.wait(set).expect("no panic");
        }
        *set = false;
    }
}

/// The doorbell's end of a signal.
#[derive(Debug)]
struct Handle(Arc<Signal>);

impl Bell for Handle {
    fn drain_now(&self) -> bool {
        true
    }

    fn ring(&self) {
        self.0.set();
    }

    fn hold(&self, _: Env) -> Result<()> {
        Ok(())
    }

    fn let_go(&self, _: Env) -> Result<()> {
        Ok(())
    }
}

/// Memory for one loop, control and events, the same in every run of every model of a thread.
fn memory(index: usize) -> [Piece; 2] {
    thread_local! {
        static MEMORY: [[Piece; 2]; 3] = std::array::from_fn(|_| {
            [Memory::control_bytes(MIN_QUEUE_BYTES, 0), MIN_QUEUE_BYTES].map(|len| {
                let units = vec![0_u128; len / size_of::<u128>()].leak();
                Piece { base: units.as_mut_ptr().cast(), len }
            })
        });
    }
    MEMORY.with(|memory| memory[index])
}
