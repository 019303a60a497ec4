//! What the application is told of a connection.

use gev_wire::{Control, Part, Proxied, Request};

/// Where the events of one connection go.
pub trait Events {
    /// Room for the payload of one event, at most [`PART_BYTES`](gev_wire::PART_BYTES); `None` when there is none now.
    ///
    /// All bytes of the slice must be written before [`commit`](Self::commit); without one the room is forgotten.
    fn reserve(&mut self, len: usize) -> Option<&mut [u8]>;

    /// Makes the last reserved slice end after `len` bytes.
    fn shorten(&mut self, len: usize);

    /// Appends the event whose payload was written to the last reserved slice.
    fn commit(&mut self, event: Event);

    /// A proxy says whose connection this is, or that it has nothing to say, so that events introduce it so from now on.
    /// False when such a client may not come in.
    fn proxied(&mut self, proxied: Proxied) -> bool;

    /// Appends an event that says first whose connection this is, and then `more`; false when there is no room for it.
    fn introduce(&mut self, event: Event, more: [&[u8]; 3]) -> bool;
}

/// What an event says. Those that introduce a connection begin with an address record, which is written by whoever knows
/// the addresses; the last ones are the loop's own and belong to no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A request that the application has to answer: [`Session::accept`](crate::Session::accept),
    /// [`Session::respond`](crate::Session::respond). [`Close`](Self::Close) follows when the peer has gone before, or the
    /// response has come to its end. Payload: the address record, and the lines of [`gev_wire::UpgradeSink::ask`].
    Ask(Request),
    /// A connection that the application has not been told of is refused, or has failed. Payload: the address record,
    /// the status of the response (u16, little-endian; 0 for none), and why, as text.
    Refused,
    /// A connection is ready for messages. Payload: the address record, the subprotocol, a line feed and the extensions;
    /// without any of the latter only the record.
    Open,
    /// A message begins that does not come in one part. Payload: how many bytes it will have (u64, little-endian).
    Announced,
    /// A message or a part of one. Payload: its bytes.
    Message(Part),
    /// A control frame. Payload: its payload.
    Control(Control),
    /// The output has fallen to the mark of the last [`Session::tell_drained`](crate::Session::tell_drained). No payload.
    Drained,
    /// The kernel has taken everything that was to be sent before a [`Session::tell_sent`](crate::Session::tell_sent): one
    /// for each, in order. No payload.
    Sent,
    /// The protocol of a [`Session::set_protocol`](crate::Session::set_protocol) holds: what came before was the old one's. Nothing is
    /// decoded before [`Session::step`](crate::Session::step). No payload.
    Switched,
    /// Something is wrong with a frame. Unless it is delivered all the same, what has been handed over of it is void. Payload:
    /// see [`FrameError`](gev_wire::FrameError).
    FrameError,
    /// The peer has said goodbye, yet may still read. Answered by [`Session::end`](crate::Session::end). No payload.
    End,
    /// Nothing more will come of this connection, although the peer has not said goodbye: the loop is stopping, or the peer
    /// did wrong where FIN is its goodbye. Answered by [`Session::end`](crate::Session::end). No
    /// payload.
    Stop,
    /// The connection is gone, and its id with it. Payload: [`CloseReason`](crate::CloseReason) as code (u16,
    /// little-endian), cause (u8), was-clean (u8), text.
    Close,
    /// Too much is held, or nobody gets on who waits for memory: those who hold the most have to go. Payload: how much
    /// has to be left then (KiB, u32, little-endian).
    Short,
    /// A socket has been accepted, and the application has to say which loop it is for. Payload: an address record, how many wait
    /// for such an answer that were asked about before it, and how many connections each loop has without them (u32,
    /// little-endian).
    Assign,
    /// What was lent is not needed any more. Its number takes the place of the connection's. No payload.
    Returned,
    /// Something went wrong that belongs to no connection. Payload: what, as text.
    Error,
    /// The loop has ended; nothing follows. No payload, or the panic message when it ended by one.
    Stopped,
}

/// Sizes that a connection's owner can read at any time without asking the loop. All count bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gauges {
    /// Bytes of this connection's messages that are dealt with, modulo 2^32: payload and the codec's
    /// [`max_framing`](gev_wire::Codec::max_framing), which is what the application has counted too, of those that the loop
    /// has taken from the queue, less the bytes that the loop has for the socket. One number, so that a
    /// message is counted once at any moment while it goes from the one place to the other.
    pub done: u32,
    /// Bytes that were read from the socket and wait for the rest of their message, also those already handed over.
    pub input: u32,
}
