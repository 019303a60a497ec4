//! The other threads' way to a loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::Waker;

use super::Arrival;
use super::arrivals::Sender;
use super::dealer::Load;

/// The other threads' way to a loop.
#[derive(Debug, Clone)]
pub struct LoopHandle {
    pub(super) waker: Arc<Waker>,
    pub(super) sockets: Sender<Arrival>,
    pub(super) aborted: Arc<AtomicBool>,
    pub(super) gone: Arc<AtomicBool>,
    pub(super) load: Load,
}

impl LoopHandle {
    /// Ends the loop's sleep. Any thread.
    pub fn wake(&self) {
        // Fails only when the loop's poll is gone, and then there is nobody to wake.
        let _ = self.waker.wake();
    }

    /// Makes the loop end at its next turn, without goodbyes and without events. Any thread.
    pub fn abort(&self) {
        self.aborted.store(true, Ordering::Release);
        self.wake();
    }

    /// True when it is no use to send the loop anything.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire) || self.aborted.load(Ordering::Acquire)
    }
}
