//! What other threads send to a loop. As short as it can be: the channels of std would add a dozen KiB to the addon.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The end that others have.
pub(super) struct Sender<T>(Arc<Shared<T>>);

/// The loop's end. When it goes, so does what nobody has taken.
pub(super) struct Receiver<T>(Arc<Shared<T>>);

struct Shared<T> {
    /// Nothing once the loop's end is gone.
    waiting: Mutex<Option<VecDeque<T>>>,
    /// Something may wait: a loop looks at every turn, and nearly always in vain.
    any: AtomicBool,
}

/// Both ends.
pub(super) fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        waiting: Mutex::new(Some(VecDeque::new())),
        any: AtomicBool::new(false),
    });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

impl<T> Sender<T> {
    /// Sends something, or gives it back if nobody will ever take it.
    pub(super) fn send(&self, item: T) -> Result<(), T> {
        let mut waiting = self.0.lock();
        let Some(waiting) = &mut *waiting else {
            return Err(item);
        };
        waiting.push_back(item);
        self.0.any.store(true, Ordering::Release);
        Ok(())
    }

    /// Takes what was sent and nobody has taken, in its order.
    pub(super) fn take_back(&self) -> VecDeque<T> {
        self.0
            .lock()
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }
}

impl<T> Receiver<T> {
    /// What was sent first of all that waits.
    pub(super) fn try_recv(&self) -> Option<T> {
        if !self.0.any.load(Ordering::Acquire) {
            return None;
        }
        let mut waiting = self.0.lock();
        let item = waiting.as_mut().and_then(VecDeque::pop_front);
        if item.is_none() {
            self.0.any.store(false, Ordering::Release);
        }
        item
    }
}

impl<T> Shared<T> {
    /// Whoever panicked has left the list as it was.
    fn lock(&self) -> MutexGuard<'_, Option<VecDeque<T>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // Dropped when nobody has the lock: what waits may hold a sender.
        let left = self.0.lock().take();
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::channel;

    #[test]
    fn what_is_sent_comes_in_its_order() {
        let (sender, receiver) = channel();
        assert_eq!(receiver.try_recv(), None);
        sender.send(1).expect("a receiver");
        sender.clone().send(2).expect("a receiver");
        assert_eq!(receiver.try_recv(), Some(1));
        sender.send(3).expect("a receiver");
        assert_eq!(receiver.try_recv(), Some(2));
        assert_eq!(receiver.try_recv(), Some(3));
        assert_eq!(receiver.try_recv(), None);
        sender.send(4).expect("a receiver");
        assert_eq!(receiver.try_recv(), Some(4));
    }

    #[test]
    fn who_sends_to_nobody_has_it_back() {
        let (sender, receiver) = channel();
        sender.send("lost").expect("a receiver");
        drop(receiver);
        assert_eq!(sender.send("kept"), Err("kept"));
    }

    #[test]
    fn what_waits_may_hold_the_way_to_its_own_loop() {
        struct Holds(#[allow(dead_code, reason = "held only")] super::Sender<Self>);
        let (sender, receiver) = channel();
        assert!(sender.send(Holds(sender.clone())).is_ok());
        let shared = std::sync::Arc::downgrade(&sender.0);
        drop(receiver);
        drop(sender);
        assert!(shared.upgrade().is_none());
    }

    #[test]
    fn nothing_is_lost_between_threads() {
        let (sender, receiver) = channel();
        let senders: Vec<_> = (0..4)
            .map(|_| {
                let sender = sender.clone();
                thread::spawn(move || (0..1000).for_each(|n| sender.send(n).expect("a receiver")))
            })
            .collect();
        let mut sum = 0;
        let mut count = 0;
        while count < 4000 {
            if let Some(n) = receiver.try_recv() {
                sum += n;
                count += 1;
            } else {
                thread::yield_now();
            }
        }
        for sender in senders {
            sender.join().expect("no panic");
        }
        assert_eq!(sum, 4 * 999 * 1000 / 2);
        assert_eq!(receiver.try_recv(), None);
    }
}
