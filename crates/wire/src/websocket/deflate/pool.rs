//! Where compressors come from: those that the connections of a loop share, and how many may be owned.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use zlib_rs::{DeflateConfig, Inflate, Strategy};

use super::Deflate;

/// Compressors and scratch memory of one event loop.
#[derive(Default)]
pub(crate) struct Pool {
    deflaters: Vec<Deflater>,
    inflaters: Vec<Inflate>,
    /// Unmasked input of an inflater.
    pub(crate) clear: Vec<u8>,
    /// Output of a deflater.
    pub(crate) packed: Vec<u8>,
}

/// A compressor, and the window that it was made for.
pub(crate) struct Deflater {
    pub(crate) window_bits: u8,
    pub(crate) stream: zlib_rs::Deflate,
}

/// Bytes that the dedicated compressors of a server's connections may take, all event loops together.
#[derive(Debug)]
pub struct Budget {
    left: AtomicU64,
}

/// A part of a [`Budget`], given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Pool {
    /// A deflater without history.
    pub(crate) fn take_deflater(&mut self, window_bits: u8, settings: &Deflate) -> Deflater {
        let fitting = |deflater: &Deflater| deflater.window_bits == window_bits;
        match self.deflaters.iter().position(fitting) {
            Some(at) => self.deflaters.remove(at),
            None => Deflater::new(window_bits, settings),
        }
    }

    /// An inflater without history, for every window.
    pub(crate) fn take_inflater(&mut self) -> Inflate {
        self.inflaters.pop().unwrap_or_else(|| new_inflater(15))
    }

    /// Keeps a deflater for the next message that needs one. It has forgotten its history, by a full flush.
    pub(crate) fn put_deflater(&mut self, deflater: Deflater) {
        if self.deflaters.len() == MAX_FREE {
            // The one that has waited longest.
            self.deflaters.remove(0);
        }
        self.deflaters.push(deflater);
    }

    /// Keeps an inflater for the next message that needs one.
    pub(crate) fn put_inflater(&mut self, mut inflater: Inflate) {
        if self.inflaters.len() < MAX_FREE {
            inflater.reset(false);
            self.inflaters.push(inflater);
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("deflaters", &self.deflaters.len())
            .field("inflaters", &self.inflaters.len())
            .finish_non_exhaustive()
    }
}

impl Deflater {
    pub(crate) fn new(window_bits: u8, settings: &Deflate) -> Self {
        let stream = zlib_rs::Deflate::new_with_config(DeflateConfig {
            level: i32::from(settings.level),
            // Negative for a stream without header and checksum.
            window_bits: -i32::from(window_bits),
            mem_level: i32::from(settings.mem_level),
            strategy: Strategy::Default,
            ..DeflateConfig::default()
        });
        Self {
            window_bits,
            stream,
        }
    }
}

/// An inflater for a stream without header and checksum.
pub(crate) fn new_inflater(window_bits: u8) -> Inflate {
    // Compressors that are asked for 8 really use 9 (zlib's own, for example).
    Inflate::new(false, window_bits.max(9))
}

impl Budget {
    /// A budget of this many bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self {
            left: AtomicU64::new(bytes),
        }
    }

    /// Takes `bytes` out of the budget, unless there is less in it.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: u64) -> Option<Reservation> {
        let take = |left: u64| left.checked_sub(bytes);
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .ok()?;
        Some(Reservation {
            budget: Arc::clone(self),
            bytes,
        })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// About what a deflater takes (zlib's `zconf.h`, and the larger hash table of zlib-ng and its kin).
pub(crate) fn deflater_bytes(window_bits: u8, mem_level: u8) -> u64 {
    (1 << (window_bits + 2)) + (1 << (mem_level + 9)) + 128 * 1024
}

/// About what an inflater takes, whatever its window.
pub(crate) const INFLATER_BYTES: u64 = 48 * 1024;

/// Unused compressors of a kind that a loop keeps: one is in use at a time, unless messages are half way.
const MAX_FREE: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::deflate::DeflateMode;

    #[test]
    fn a_budget_is_never_overdrawn_and_gets_everything_back() {
        let budget = Arc::new(Budget::new(10));
        let first = budget.reserve(6).expect("there are ten");
        assert!(budget.reserve(5).is_none());
        let second = budget.reserve(4).expect("there are four");
        assert!(budget.reserve(1).is_none());
        drop(first);
        drop(second);
        assert!(budget.reserve(10).is_some());
    }

    #[test]
    fn deflaters_are_used_again_for_the_same_window_only() {
        let settings = Deflate::new(DeflateMode::Shared, 0);
        let mut pool = Pool::default();
        for bits in [15, 10, 15, 9, 15, 15] {
            pool.put_deflater(Deflater::new(bits, &settings));
        }
        let bits =
            |pool: &Pool| -> Vec<u8> { pool.deflaters.iter().map(|it| it.window_bits).collect() };
        assert_eq!(bits(&pool), [15, 9, 15, 15], "the oldest have gone");
        assert_eq!(pool.take_deflater(9, &settings).window_bits, 9);
        assert_eq!(bits(&pool), [15, 15, 15]);
        assert_eq!(pool.take_deflater(12, &settings).window_bits, 12);
        assert_eq!(bits(&pool), [15, 15, 15]);
    }
}
