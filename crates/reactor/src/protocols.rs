//! Protocols that connections of a running reactor may change to.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::config::ConnectionConfig;

/// What they are, by their numbers. One for all loops; a protocol that has been added stays until there is another one instead.
#[derive(Default)]
pub(crate) struct Protocols(Mutex<Vec<ConnectionConfig>>);

impl Protocols {
    /// Adds one, instead of the one with that number if there is such a one; returns its number.
    pub(crate) fn add(&self, config: ConnectionConfig, instead: u32) -> u32 {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = all.get_mut(instead as usize) {
            *other = config;
            return instead;
        }
        all.push(config);
        all.len() as u32 - 1
    }

    /// The one with the number that a command has as its payload.
    pub(crate) fn get(&self, number: &[u8]) -> Option<ConnectionConfig> {
        let number = u32::from_le_bytes(number.try_into().ok()?);
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(number as usize).cloned()
    }
}

impl fmt::Debug for Protocols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protocols").finish_non_exhaustive()
    }
}
