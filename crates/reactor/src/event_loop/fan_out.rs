//! One message to many connections, by one command.

use gev_session::{CloseReason, Next, Pools, Shared};
use gev_wire::Outgoing;

use crate::bridge::Command;
use crate::connection::Connection;
use crate::slots::{ConnectionId, Slots};

/// What a command has come to that shares a message.
pub(super) struct Shares {
    /// Connections that it was given to.
    pub(super) sent: u64,
    /// Bytes that were given to all of them together.
    pub(super) bytes: usize,
    /// Those that have turned out to be over.
    pub(super) gone: Vec<(ConnectionId, CloseReason)>,
}

/// Queues the message that a command shares for each connection that it names and that is there.
pub(super) fn fan_out(
    command: Command<'_>,
    outgoing: Outgoing,
    connections: &mut Slots<Box<Connection>>,
    dirty: &mut Vec<ConnectionId>,
    pools: &mut Pools,
) -> Shares {
    let (ids, payload) = shared(command.payload);
    let mut message = Shared::new(outgoing, payload, command.loan);
    let mut shares = Shares {
        sent: 0,
        bytes: 0,
        gone: Vec::new(),
    };
    for id in ids {
        let id = id_of(id);
        let Some(connection) = connections.get_mut(id) else {
            continue;
        };
        shares.sent += 1;
        if let Next::Gone(reason) = connection.send_shared(&mut message, pools) {
            shares.gone.push((id, reason));
        } else if !connection.listed.dirty {
            connection.listed.dirty = true;
            dirty.push(id);
        }
    }
    shares.bytes = ids.len().saturating_mul(message.bytes().len());
    shares
}

/// The connections and the message of a command that shares it; none when it makes no sense.
fn shared(payload: &[u8]) -> (&[[u8; 8]], &[u8]) {
    payload
        .split_first_chunk()
        .and_then(|(count, rest)| {
            let bytes = (u32::from_ne_bytes(*count) as usize).checked_mul(8)?;
            rest.split_at_checked(bytes)
        })
        .map_or((&[], &[]), |(ids, message)| (ids.as_chunks().0, message))
}

fn id_of([a, b, c, d, e, f, g, h]: &[u8; 8]) -> ConnectionId {
    ConnectionId {
        slot: u32::from_ne_bytes([*a, *b, *c, *d]),
        generation: u32::from_ne_bytes([*e, *f, *g, *h]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[u32], message: &[u8]) -> Vec<u8> {
        let words = words.iter().flat_map(|word| word.to_ne_bytes());
        words.chain(message.iter().copied()).collect()
    }

    #[test]
    fn what_names_nobody_or_more_than_it_has_makes_no_sense() {
        let nothing = (&[][..], &b""[..]);
        assert_eq!(shared(b""), nothing);
        assert_eq!(shared(&[1, 0, 0]), nothing);
        assert_eq!(shared(&command(&[1], b"text")), nothing);
        assert_eq!(shared(&command(&[u32::MAX], b"text")), nothing);
        assert_eq!(shared(&command(&[0], b"text")), (&[][..], &b"text"[..]));
    }

    #[test]
    fn connections_come_before_the_message() {
        let command = command(&[2, 1, 2, 3, 256], b"text");
        let (ids, message) = shared(&command);
        let ids: Vec<_> = ids.iter().map(id_of).collect();
        let id = |slot, generation| ConnectionId { slot, generation };
        assert_eq!(ids, [id(1, 2), id(3, 256)]);
        assert_eq!(message, b"text");
    }
}
