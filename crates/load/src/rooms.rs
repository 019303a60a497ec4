//! Rooms whose members all get what one of them sends.
//!
//! Members are neighbours in the order in which connections were opened: a server that counts them knows their rooms.

use std::ops::Range;

/// The rooms of a run.
pub(crate) struct Rooms {
    connections: usize,
    members: usize,
    rooms: Vec<Room>,
}

#[derive(Debug, Clone, Default)]
struct Room {
    /// Who sends next, counted from the first member.
    turn: usize,
    /// Members that have not got the message that is on its way.
    missing: usize,
}

impl Rooms {
    /// Both at least 1. The last room has what is left.
    pub(crate) fn new(connections: usize, members: usize) -> Self {
        Self {
            connections,
            members,
            rooms: vec![Room::default(); connections.div_ceil(members)],
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.rooms.len()
    }

    pub(crate) fn room_of(&self, connection: usize) -> usize {
        connection / self.members
    }

    /// A new message for a room: who is to get it, and who sends it.
    pub(crate) fn begin(&mut self, room: usize) -> (Range<usize>, usize) {
        let first = room * self.members;
        let members = first..(first + self.members).min(self.connections);
        let state = &mut self.rooms[room];
        let sender = first + state.turn;
        state.turn = (state.turn + 1) % members.len();
        state.missing = members.len();
        (members, sender)
    }

    /// A connection has got so many messages; returns its room if that was what was missing there.
    pub(crate) fn arrived(&mut self, connection: usize, count: usize) -> Option<usize> {
        let room = self.room_of(connection);
        let state = &mut self.rooms[room];
        if count == 0 || state.missing == 0 {
            return None;
        }
        state.missing = state.missing.saturating_sub(count);
        (state.missing == 0).then_some(room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_send_in_turns() {
        let mut rooms = Rooms::new(5, 3);
        assert_eq!(rooms.count(), 2);
        let senders: Vec<_> = (0..4).map(|_| rooms.begin(0).1).collect();
        assert_eq!(senders, [0, 1, 2, 0]);
        let senders: Vec<_> = (0..3).map(|_| rooms.begin(1)).collect();
        assert_eq!(senders, [(3..5, 3), (3..5, 4), (3..5, 3)]);
    }

    #[test]
    fn a_room_goes_on_when_all_have_the_message() {
        let mut rooms = Rooms::new(4, 2);
        rooms.begin(0);
        rooms.begin(1);
        assert_eq!(rooms.arrived(2, 1), None);
        assert_eq!(rooms.arrived(0, 1), None);
        assert_eq!(rooms.arrived(2, 0), None);
        assert_eq!(rooms.arrived(3, 1), Some(1));
        assert_eq!(rooms.arrived(3, 0), None);
        assert_eq!(rooms.arrived(1, 1), Some(0));
    }
}
