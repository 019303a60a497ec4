//! What loom has to know of the shared memory: each of its words, and who reads and writes its bytes.

use std::cell::Cell;
use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

use loom::cell::UnsafeCell;
use loom::sync::atomic::{self, Ordering, fence};

/// A word, with the part of std's interface that is used.
///
/// loom treats sequentially consistent accesses as acquire and release, which is too little for the wake protocols, but it
/// knows such fences. So one stands between any two such accesses of a thread, unless the thread has stored something
/// with less in between: that is not part of the order, and the model must show what then goes wrong. A fence orders
/// more than the two, so a weaker access behind another that is not weaker may still go unnoticed.
#[derive(Debug)]
pub(crate) struct AtomicU32(atomic::AtomicU32);

impl AtomicU32 {
    /// # Safety
    /// None; as std's, which has to trust the pointer. Here it is the name of a word that begins with 0.
    pub(crate) unsafe fn from_ptr<'a>(word: *mut u32) -> &'a Self {
        let mut places = PLACES.words.lock().unwrap_or_else(PoisonError::into_inner);
        places
            .entry(word as usize)
            .or_insert_with(|| Box::leak(Box::new(Self(atomic::AtomicU32::new(0)))))
    }

    pub(crate) fn load(&self, order: Ordering) -> u32 {
        if order == Ordering::SeqCst {
            stand_in_order();
        }
        self.0.load(order)
    }

    pub(crate) fn store(&self, value: u32, order: Ordering) {
        before_store(order);
        if order == Ordering::SeqCst {
            // Behind all stores that are there: loom would let a swap that has read one of these come later. It is also an
            // acquire, so that one store that is too weak, right before another thread's exchange, goes unnoticed.
            self.0.swap(value, Ordering::Release);
        } else {
            self.0.store(value, order);
        }
    }

    pub(crate) fn swap(&self, value: u32, order: Ordering) -> u32 {
        before_store(order);
        self.0.swap(value, order)
    }
}

/// This thread reads `len` bytes of a ring.
pub(crate) fn reads(at: NonNull<u8>, len: usize) {
    if len > 0 {
        byte(at).with(|_| ());
    }
}

/// This thread writes, or is going to write, `len` bytes of a ring.
pub(crate) fn writes(at: NonNull<u8>, len: usize) {
    if len > 0 {
        byte(at).with_mut(|_| ());
    }
}

fn before_store(order: Ordering) {
    if order == Ordering::SeqCst {
        stand_in_order();
    } else {
        IN_ORDER.with(|in_order| in_order.set(false));
    }
}

fn stand_in_order() {
    if IN_ORDER.with(|in_order| in_order.replace(true)) {
        fence(Ordering::SeqCst);
    }
}

/// What stands for a header or a payload: its first byte, as every one begins where another may begin.
fn byte(at: NonNull<u8>) -> &'static UnsafeCell<()> {
    let mut places = PLACES.bytes.lock().unwrap_or_else(PoisonError::into_inner);
    places
        .entry(at.as_ptr() as usize)
        .or_insert_with(|| Box::leak(Box::new(UnsafeCell::new(()))))
}

/// What stands for the memory at an address, in one run of a model. The threads of a model take turns, so that the locks are
/// always free.
#[derive(Default)]
struct Places {
    words: Mutex<HashMap<usize, &'static AtomicU32>>,
    bytes: Mutex<HashMap<usize, &'static UnsafeCell<()>>>,
}

loom::lazy_static! {
    static ref PLACES: Places = Places::default();
}

loom::thread_local! {
    static IN_ORDER: Cell<bool> = Cell::new(false);
}
