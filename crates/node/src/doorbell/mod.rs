//! The one call from event loops into an environment: "there is something in the queues".
//!
//! One bell for each environment, whose calls carry nothing. A flag shared with JavaScript, `pending`, is 1 from the first
//! ring to the end of the drain that answers it, so that any number of rings costs one call.

mod threadsafe_function;
mod uv_async;

use std::fmt::Debug;
use std::sync::atomic::Ordering::SeqCst;

use napi::bindgen_prelude::Function;
use napi::{Env, Result};

use crate::sync::AtomicU32;
use threadsafe_function::ThreadsafeFunction;
use uv_async::UvAsync;

/// Rings from any thread; everything else is for the environment's thread.
#[derive(Debug)]
pub(crate) struct Doorbell {
    bell: Box<dyn Bell>,
    /// In memory that JavaScript shares; valid as long as the environment.
    pending: &'static AtomicU32,
}

/// What makes the environment's thread call `drain`.
pub(crate) trait Bell: Debug + Send + Sync {
    /// Calls `drain` soon. Any thread.
    fn ring(&self);
    /// Calls `drain` at once, outside of any call of JavaScript; false when none will be called any more. The environment's
    /// thread.
    fn drain_now(&self) -> bool;
    /// Keeps the process alive.
    fn hold(&self, env: Env) -> Result<()>;
    /// Does not keep the process alive any longer.
    fn let_go(&self, env: Env) -> Result<()>;
}

impl Doorbell {
    /// A doorbell that calls `drain`. It does not keep the process alive until [`hold`](Self::hold) is called.
    ///
    /// `libuv` says that the runtime's event loop is libuv's, that is, that the runtime is Node itself: others have
    /// functions of these names that do not work.
    ///
    /// # Safety
    /// `pending` must be valid as long as the environment lives, and no thread may ring after the environment's
    /// cleanup hooks that are registered later than this call have run.
    pub(crate) unsafe fn new(
        env: Env,
        drain: &Function<'_, (), ()>,
        pending: &'static AtomicU32,
        libuv: bool,
    ) -> Result<Self> {
        let uv_async = if libuv {
            UvAsync::new(env, drain)?
        } else {
            None
        };
        let bell: Box<dyn Bell> = match uv_async {
            Some(bell) => Box::new(bell),
            None => Box::new(ThreadsafeFunction::new(env, drain)?),
        };
        bell.let_go(env)?;
        Ok(Self { bell, pending })
    }

    /// A doorbell with a bell that has no environment.
    #[cfg(test)]
    pub(crate) fn with_bell(bell: Box<dyn Bell>, pending: &'static AtomicU32) -> Self {
        Self { bell, pending }
    }

    /// True when JavaScript is going to drain, and will see everything that was published before this call. Any thread.
    pub(crate) fn is_rung(&self) -> bool {
        self.pending.load(SeqCst) == 1
    }

    /// Makes JavaScript drain the queues soon. Any thread.
    pub(crate) fn ring(&self) {
        if self.pending.swap(1, SeqCst) == 0 {
            self.bell.ring();
        }
    }

    /// Notes that the environment's thread is going to [`drain`](Self::drain_now); false when it is rung already.
    pub(crate) fn note(&self) -> bool {
        self.pending.swap(1, SeqCst) == 0
    }

    /// Makes JavaScript drain at once, outside of any call of it; false when it has been ended for good. The environment's thread.
    pub(crate) fn drain_now(&self) -> bool {
        self.bell.drain_now()
    }

    /// Makes JavaScript drain soon, in answer to a [`note`](Self::note) that was not answered otherwise.
    pub(crate) fn drain_soon(&self) {
        self.bell.ring();
    }

    /// Keeps the process alive.
    pub(crate) fn hold(&self, env: Env) -> Result<()> {
        self.bell.hold(env)
    }

    /// Does not keep the process alive any longer.
    pub(crate) fn let_go(&self, env: Env) -> Result<()> {
        self.bell.let_go(env)
    }
}

/// What tools like `async_hooks` show.
const NAME: &str = "gev doorbell";
