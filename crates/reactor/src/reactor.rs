//! All loops of one server: start them on threads of their own, reach them, join them.

use std::any::Any;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread::{self, JoinHandle};

use gev_session::MemoryBudget;

use crate::address::Address;
use crate::admission::Admission;
use crate::bridge::Bridge;
use crate::config::{Balance, Config, ConnectionConfig, ListenerConfig, Pin, PoolPart};
use crate::event_loop::{Dealer, EventLoop, LoopHandle, Part, Shared};
use crate::listener;
use crate::protocols::Protocols;

/// Running event loops. Dropping it aborts and joins them.
#[derive(Debug)]
pub struct Reactor {
    /// Of each listener.
    local: Vec<Address>,
    memory: Arc<MemoryBudget>,
    protocols: Arc<Protocols>,
    loops: Vec<LoopHandle>,
    threads: Vec<JoinHandle<()>>,
}

impl Reactor {
    /// Binds the port and starts one loop for each of `bridges`, on a thread of its own. Connections are accepted when this
    /// returns.
    ///
    /// # Errors
    /// Those of binding (the address is in use, or not ours, or forbidden), and of creating polls and threads.
    pub fn start<B: Bridge + 'static>(config: Config, bridges: Vec<B>) -> io::Result<Self> {
        let pin = config.pin;
        let (mut reactor, event_loops) = Self::assemble(config, bridges)?;
        for (index, mut event_loop) in event_loops.into_iter().enumerate() {
            let thread = thread::Builder::new().name(format!("gev-loop-{index}"));
            reactor
                .threads
                .push(thread.spawn(move || run(&mut event_loop, pin))?);
        }
        Ok(reactor)
    }

    /// Binds the port and makes one loop, which the caller drives.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_driven<B: Bridge>(config: Config, bridge: B) -> io::Result<(Self, EventLoop<B>)> {
        let (reactor, mut event_loops) = Self::assemble(config, vec![bridge])?;
        Ok((reactor, event_loops.remove(0)))
    }

    fn assemble<B: Bridge>(
        config: Config,
        bridges: Vec<B>,
    ) -> io::Result<(Self, Vec<EventLoop<B>>)> {
        let admission = Arc::new(Admission::new(config.admission));
        let memory = Arc::new(MemoryBudget::new(config.max_memory_bytes));
        let shares = |it: &ListenerConfig| it.address.socket_addr().is_some();
        let is_shared = config.balance == Balance::Kernel && config.listeners.iter().all(shares);
        let is_member = matches!(config.pool, Some((_, PoolPart::Member(_))));
        let deals = !is_member && bridges.len() > 1;
        let how = match config.balance {
            Balance::Kernel if !is_shared => Balance::RoundRobin,
            how => how,
        };
        let accepting = if is_shared { bridges.len() } else { 1 };
        let configs = config.listeners.iter().enumerate();
        let configs = configs.filter(|_| !is_member);
        let listeners = configs
            .map(|(index, config)| listener::bind(config, index, accepting))
            .collect::<io::Result<Vec<_>>>()?;
        let local = if is_member {
            config
                .listeners
                .iter()
                .map(|it| it.address.clone())
                .collect()
        } else {
            listeners.iter().map(|them| them[0].local.clone()).collect()
        };
        let protocols = Arc::<Protocols>::default();
        let made = bridges.into_iter().enumerate().map(|(index, bridge)| {
            let shared = Shared {
                admission: Arc::clone(&admission),
                memory: Arc::clone(&memory),
                protocols: Arc::clone(&protocols),
            };
            EventLoop::new(&config, index, shared, bridge)
        });
        let (mut event_loops, loops): (Vec<_>, Vec<_>) =
            made.collect::<io::Result<Vec<_>>>()?.into_iter().unzip();
        let sleepers = loops.clone();
        memory.on_room(move || sleepers.iter().for_each(LoopHandle::wake));
        if deals {
            let dealers = Arc::<AtomicUsize>::default();
            for (index, event_loop) in event_loops.iter_mut().enumerate() {
                event_loop.await_sockets(Arc::clone(&dealers));
                if is_shared || index == 0 {
                    let dealers = Arc::clone(&dealers);
                    event_loop.deal(Dealer::new(loops.clone(), how, index, dealers));
                }
            }
        }
        for of_one in listeners {
            for (event_loop, listener) in event_loops.iter_mut().zip(of_one) {
                event_loop.listen(listener)?;
            }
        }
        if let Some((number, part)) = config.pool {
            for (event_loop, handle) in event_loops.iter_mut().zip(&loops) {
                event_loop.join_pool(Part::take(number, part, handle));
            }
        }
        let reactor = Self {
            local,
            memory,
            protocols,
            loops,
            threads: Vec::new(),
        };
        Ok((reactor, event_loops))
    }

    /// The address that the reactor's first listener has, with the port that was chosen when 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> &Address {
        &self.local[0]
    }

    /// The addresses of all its listeners, in their order.
    #[must_use]
    pub fn local_addrs(&self) -> &[Address] {
        &self.local
    }

    /// The loops, in the order of their bridges.
    #[must_use]
    pub fn loops(&self) -> &[LoopHandle] {
        &self.loops
    }

    /// True when this loop's thread has ended.
    #[must_use]
    pub fn is_ended(&self, event_loop: usize) -> bool {
        let thread = self.threads.get(event_loop);
        thread.is_none_or(JoinHandle::is_finished)
    }

    /// Makes a protocol known that connections may change to, by the number that this returns. The one that had the number
    /// `instead`, if any had, is forgotten: no change to it may be under way.
    #[must_use]
    pub fn add_protocol(&self, config: ConnectionConfig, instead: u32) -> u32 {
        self.protocols.add(config, instead)
    }

    /// Bytes that all connections hold, in and out.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.memory.held()
    }

    /// The other end keeps so many bytes for connections now, of messages that are not complete or wait, and of what
    /// the loops have not taken. Returns how many more may be held by all; `None` without a limit. For one thread.
    pub fn tell_kept(&self, bytes: u64) -> Option<i64> {
        self.memory.tell(bytes);
        self.memory.left()
    }

    /// Waits for the threads of all loops to end. They do after a `Stop` command in each, or after an abort.
    pub fn join(&mut self) {
        for thread in self.threads.drain(..) {
            // The thread's top has caught and reported any panic.
            let _ = thread.join();
        }
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        self.loops.iter().for_each(LoopHandle::abort);
        self.join();
    }
}

/// Runs a part of a loop. A panic is a bug; it ends this loop with a report, and nothing else.
///
/// # Errors
/// What the report has to say.
pub fn guard<T>(part: impl FnOnce() -> io::Result<T>) -> Result<T, String> {
    match panic::catch_unwind(AssertUnwindSafe(part)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(format!("poll: {error}")),
        Err(payload) => Err(format!("panic: {}", panic_text(payload.as_ref()))),
    }
}

/// The top of a loop's thread.
fn run<B: Bridge>(event_loop: &mut EventLoop<B>, pin: Option<Pin>) {
    event_loop.pin(pin);
    let Err(message) = guard(|| event_loop.run()) else {
        return;
    };
    // The bridge may be what panicked; then there is nobody left to tell.
    let _ = panic::catch_unwind(AssertUnwindSafe(|| event_loop.report_end(&message)));
}

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("unknown")
}
