//! Memory of JavaScript's that a loop sends long messages from.
//!
//! JavaScript registers a piece of memory, which gets a number, and says with a command that its first bytes are to be
//! sent. From then until the loop has given it back ([`Loans::next_returned`]) nobody touches it. What the number stands for
//! is known here, so that no command can make the loop read what was never lent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gev_session::Loan;

use crate::memory::Piece;

/// What one loop may be lent.
#[derive(Debug, Default)]
pub(crate) struct Loans {
    /// By number. What is `None` is the next that is given out.
    pieces: Mutex<Vec<Option<Piece>>>,
    returned: Mutex<Vec<u32>>,
    has_returned: AtomicBool,
}

/// Bytes that are on loan.
struct Lent {
    piece: Piece,
    number: u32,
    loans: Arc<Loans>,
}

// SAFETY: a piece belongs to no thread; nobody writes to it while it is lent (contract of `Loans::register`).
unsafe impl Send for Piece {}
// SAFETY: as above; while it is lent it is only read.
unsafe impl Sync for Piece {}

impl Loans {
    /// Makes a piece known that may be lent; returns its number.
    ///
    /// # Safety
    /// The piece has to stay where it is until it is [forgotten](Self::forget) or the loop has ended. From the command that
    /// lends it until it is returned nobody may write to it, nor forget it.
    pub(crate) unsafe fn register(&self, piece: Piece) -> u32 {
        let mut pieces = lock(&self.pieces);
        let free = pieces.iter().position(Option::is_none);
        let number = free.unwrap_or(pieces.len());
        if free.is_none() {
            pieces.push(None);
        }
        pieces[number] = Some(piece);
        number as u32
    }

    /// Forgets a piece, which is not lent.
    pub(crate) fn forget(&self, number: u32) {
        if let Some(piece) = lock(&self.pieces).get_mut(number as usize) {
            *piece = None;
        }
    }

    /// What a command lends: number and length (u32 each, little-endian). `None` for what cannot be.
    pub(crate) fn lend(self: &Arc<Self>, payload: &[u8]) -> Option<Loan> {
        let (number, len) = payload.split_at_checked(size_of::<u32>())?;
        let number = u32::from_le_bytes(number.try_into().ok()?);
        let len = u32::from_le_bytes(len.try_into().ok()?) as usize;
        let piece = lock(&self.pieces).get(number as usize).copied().flatten()?;
        let lent = || Lent {
            piece: Piece { len, ..piece },
            number,
            loans: Arc::clone(self),
        };
        (len <= piece.len).then(|| Loan::new(lent()))
    }

    /// The number of a loan that has been given back, one at a time.
    pub(crate) fn next_returned(&self) -> Option<u32> {
        if !self.has_returned.load(Ordering::Acquire) {
            return None;
        }
        let mut returned = lock(&self.returned);
        let number = returned.pop();
        self.has_returned
            .store(!returned.is_empty(), Ordering::Release);
        number
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: a part of a piece that stays, and that nobody writes to while it is lent (contract of `register`).
        unsafe { std::slice::from_raw_parts(self.piece.base, self.piece.len) }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        lock(&self.loans.returned).push(self.number);
        self.loans.has_returned.store(true, Ordering::Release);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn lend(loans: &Arc<Loans>, number: u32, len: u32) -> Option<Loan> {
        loans.lend(&[number.to_le_bytes(), len.to_le_bytes()].concat())
    }

    #[test]
    fn what_is_registered_is_lent_and_returned() {
        let loans = Arc::new(Loans::default());
        let mut memory = *b"memory";
        let piece = Piece {
            base: memory.as_mut_ptr(),
            len: memory.len(),
        };
        // SAFETY: the memory outlives all that is lent of it.
        let number = unsafe { loans.register(piece) };
        let loan = lend(&loans, number, 3).expect("registered");
        assert_eq!(loan.bytes(), b"mem");
        assert_eq!(loans.next_returned(), None);
        drop(loan);
        assert_eq!(loans.next_returned(), Some(number));
        assert_eq!(loans.next_returned(), None);
        loans.forget(number);
        assert!(lend(&loans, number, 3).is_none());
    }

    #[test]
    fn what_cannot_be_is_not_lent_and_not_returned() {
        let loans = Arc::new(Loans::default());
        let mut memory = [0; 8];
        let piece = Piece {
            base: memory.as_mut_ptr(),
            len: memory.len(),
        };
        // SAFETY: as above.
        let number = unsafe { loans.register(piece) };
        assert!(lend(&loans, number, 9).is_none());
        assert!(lend(&loans, number + 1, 1).is_none());
        assert!(lend(&loans, u32::MAX, 1).is_none());
        for len in [0, 3, 4, 7] {
            assert!(loans.lend(&[0; 9][..len]).is_none());
        }
        assert!(loans.lend(&[0; 9]).is_none());
        assert_eq!(loans.next_returned(), None);
    }
}
