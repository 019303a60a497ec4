//! A slab whose keys carry a generation, so that a stale key never reaches the value that came after.

/// Names one connection of one event loop for ever: a slot is used again, a (slot, generation) pair is not (before
/// 2^30 connections have used the same slot).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectionId {
    /// Index into the loop's [`Slots`], below `limits.maxConnections`.
    pub slot: u32,
    /// How often the slot has been used before, modulo 2^30 (so that it is a small integer for JavaScript).
    pub generation: u32,
}

/// Values in numbered slots. A freed slot is the first to be used again.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    entries: Vec<Entry<T>>,
    /// Slots without a value, most recently freed last.
    free: Vec<u32>,
    capacity: u32,
}

#[derive(Debug)]
struct Entry<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Slots<T> {
    /// No slots yet, and never more than `capacity`.
    pub(crate) fn new(capacity: u32) -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            capacity,
        }
    }

    /// Number of values.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The id that the next [`insert`](Self::insert) gives out; `None` when every slot is taken.
    pub(crate) fn next_id(&self) -> Option<ConnectionId> {
        if let Some(&slot) = self.free.last() {
            return Some(ConnectionId {
                slot,
                generation: self.entries[slot as usize].generation,
            });
        }
        let slot = u32::try_from(self.entries.len())
            .ok()
            .filter(|&slot| slot < self.capacity)?;
        Some(ConnectionId {
            slot,
            generation: 0,
        })
    }

    /// Stores `value` under [`next_id`](Self::next_id); gives it back when every slot is taken.
    pub(crate) fn insert(&mut self, value: T) -> Result<ConnectionId, T> {
        let Some(id) = self.next_id() else {
            return Err(value);
        };
        if self.free.pop().is_some() {
            self.entries[id.slot as usize].value = Some(value);
        } else {
            self.entries.push(Entry {
                generation: 0,
                value: Some(value),
            });
        }
        Ok(id)
    }

    /// The value under `id`, unless it has been removed.
    pub(crate) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut T> {
        let entry = self.entries.get_mut(id.slot as usize)?;
        if entry.generation == id.generation {
            entry.value.as_mut()
        } else {
            None
        }
    }

    /// Takes the value under `id` out; its slot gets a new generation.
    pub(crate) fn remove(&mut self, id: ConnectionId) -> Option<T> {
        let entry = self.entries.get_mut(id.slot as usize)?;
        if entry.generation != id.generation {
            return None;
        }
        let value = entry.value.take()?;
        entry.generation = (entry.generation + 1) & GENERATION_MASK;
        self.free.push(id.slot);
        Some(value)
    }

    /// The ids of all values, in slot order.
    pub(crate) fn ids(&self) -> Vec<ConnectionId> {
        let used = self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.value.is_some());
        used.map(|(slot, entry)| ConnectionId {
            slot: slot as u32,
            generation: entry.generation,
        })
        .collect()
    }
}

/// Generations wrap at 2^30: the largest power of two that V8 keeps as a small integer on every platform.
const GENERATION_MASK: u32 = (1 << 30) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_id_does_not_reach_the_next_value() {
        let mut slots = Slots::new(4);
        let first = slots.insert("first").unwrap();
        assert_eq!(slots.remove(first), Some("first"));
        let second = slots.insert("second").unwrap();
        assert_eq!(second.slot, first.slot);
        assert_eq!(slots.get_mut(first), None);
        assert_eq!(slots.remove(first), None);
        assert_eq!(slots.get_mut(second), Some(&mut "second"));
    }

    #[test]
    fn full_slab_gives_the_value_back() {
        let mut slots = Slots::new(2);
        let first = slots.insert(1).unwrap();
        slots.insert(2).unwrap();
        assert_eq!(slots.next_id(), None);
        assert_eq!(slots.insert(3), Err(3));
        slots.remove(first);
        assert_eq!(slots.insert(3).map(|id| id.slot), Ok(first.slot));
        assert_eq!(slots.len(), 2);
    }

    #[test]
    fn next_id_is_what_insert_returns() {
        let mut slots = Slots::new(8);
        for round in 0..3 {
            let expected = slots.next_id();
            let id = slots.insert(round).unwrap();
            assert_eq!(Some(id), expected);
            if round != 1 {
                slots.remove(id);
            }
        }
        assert_eq!(slots.ids().len(), 1);
    }
}
