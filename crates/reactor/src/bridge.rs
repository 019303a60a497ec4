//! The way between an event loop and whoever handles its messages.
//!
//! Two queues of records, events up and commands down, and the signals that go with them. The loop owns its `Bridge`
//! and calls it from its own thread only; the other end lives in another thread, behind shared memory (`crates/node`)
//! or, in tests, behind a mutex.

use std::time::Instant;

use gev_session::{Event, Events, Gauges, Loan};
use gev_wire::{Outgoing, Proxied};

use crate::addresses::Addresses;
use crate::admission::Admitted;
use crate::counter::Counter;
use crate::slots::ConnectionId;

/// The loop's end of the two queues.
pub trait Bridge: Send {
    /// Room for the payload of one event, at most [`PART_BYTES`](gev_wire::PART_BYTES); `None` when the event queue is full. The other end
    /// is then asked to wake the loop when it has drained.
    ///
    /// All bytes of the slice must be written before [`commit`](Self::commit); without one the room is forgotten.
    fn reserve(&mut self, len: usize) -> Option<&mut [u8]>;

    /// Makes the last reserved slice end after `len` bytes.
    fn shorten(&mut self, len: usize);

    /// Appends the event whose payload was written to the last reserved slice. Not visible before
    /// [`publish`](Self::publish).
    fn commit(&mut self, id: ConnectionId, event: Event);

    /// True when the largest event would find room. If not, the other end is to tell when it has made some, as after a
    /// [`reserve`](Self::reserve) in vain.
    fn has_room(&mut self) -> bool;

    /// Makes the committed events visible to the other end. Returns true as long as that may be asleep, so that
    /// [`ring`](Self::ring) has to follow; a little later is soon enough, and saves rings.
    fn publish(&mut self) -> bool;

    /// Wakes the other end: there are events.
    fn ring(&mut self);

    /// The next command, with its payload in place; the command before it is released. Without one,
    /// [`hand_back`](Self::hand_back) has been done.
    fn next_command(&mut self) -> Option<Command<'_>>;

    /// Gives back the room of all commands that were read, and tells the other end if it waits for that.
    fn hand_back(&mut self);

    /// The number of a loan that has been given back, one at a time: the other end is told with
    /// [`Event::Returned`].
    fn next_returned(&mut self) -> Option<u32> {
        None
    }

    /// Says that the loop is about to sleep, so that whoever adds a command wakes it. Returns false when there is
    /// something to do already: a command, or room that the loop had asked for.
    fn prepare_sleep(&mut self) -> bool;

    /// Says that the loop is awake: adding commands needs no wake-up now.
    fn awake(&mut self);

    /// Shows the state of a connection's buffers to the other end.
    fn set_gauges(&mut self, slot: u32, gauges: Gauges);

    /// Counts `n` more of something. The other end can see the sum at any time.
    fn add(&mut self, counter: Counter, n: u64);
}

/// A command as the loop sees it.
#[derive(Debug)]
pub struct Command<'a> {
    /// The connection that it is for; commands for a connection that is gone are dropped.
    pub id: ConnectionId,
    /// What to do.
    pub kind: CommandKind,
    /// What to do it with.
    pub payload: &'a [u8],
    /// What is lent for it.
    pub loan: Option<Loan>,
}

/// What a command asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandKind {
    /// Send the payload as one message, or as a fragment of one.
    Send(Outgoing),
    /// Send what is lent as one message, or as a fragment of one.
    SendLoan(Outgoing),
    /// Send one message to many: how many connections, the slot and generation of each (u32 as the machine has it), then the
    /// message. The id means nothing.
    Share(Outgoing),
    /// As above, of what is lent.
    ShareLoan(Outgoing),
    /// Send a ping with this payload.
    Ping,
    /// Read and decode no more until [`Resume`](Self::Resume), or until the connection is being closed from this side.
    Pause,
    /// Go on after [`Pause`](Self::Pause).
    Resume,
    /// Tell, once, when no more bytes wait for the socket than the payload says (u32, little-endian).
    TellDrained,
    /// Tell when everything before this command has been taken by the kernel.
    TellSent,
    /// Accept an upgrade. Payload: see [`gev_wire::Upgrade::accept`].
    Accept,
    /// Send the payload as the next bytes of the response to a request; close behind the last ones.
    Respond {
        /// More follows.
        more: bool,
    },
    /// Close as the codec does. Payload: see `close_payload.rs`.
    Close,
    /// Flush, then close the sending side; go on reading.
    ShutdownWrite,
    /// The answer to [`Event::End`] and [`Event::Stop`]: say goodbye (too), flush, then close.
    End,
    /// Close at once; what is not sent is lost. Payload: cause (u8), whether to reset the connection instead of ending it
    /// (u8, 0 or 1; 0 if it is not there).
    Destroy,
    /// Close, and keep nothing: with a goodbye if it can be said at once, else as [`Destroy`](Self::Destroy) does. Payload
    /// as that of [`Close`](Self::Close).
    Expel,
    /// End the loop: accept whom the kernel has ready, close the listener, then all connections as their codecs do when
    /// what has arrived is dealt with (see [`Event::Stop`]), those that take too long by force. The id means nothing. Payload: how long they may take (milliseconds, u32, little-endian), then what
    /// [`Close`](Self::Close) has.
    Stop,
    /// The answer to an [`Event::Assign`], in their order: the connection belongs to the loop with this index (u32, little-endian); to
    /// the one with the fewest if there is no such. The id means nothing.
    Assign,
    /// Close when so much time has passed (milliseconds, u32, little-endian; 0 for never).
    SetDeadline,
    /// Speak another protocol from here on. Payload: its number (u32, little-endian), which
    /// [`Reactor::add_protocol`](crate::Reactor::add_protocol) has given it. [`Event::Switched`] follows.
    SetProtocol,
    /// The payload comes before all that has not been decoded.
    Unread,
    /// What was handed over has been handled: decode on.
    Step,
    /// What the other end has written makes no sense, but for the id: what else it has to say of this connection cannot be
    /// trusted.
    Impossible,
}

impl CommandKind {
    /// True for what sends a message, or the last fragment of one.
    pub(crate) fn completes_message(self) -> bool {
        matches!(self, Self::Send(it) | Self::SendLoan(it) if it.last)
    }
}

/// The events of one connection on its loop's bridge.
#[derive(Debug)]
pub(crate) struct Addressed<'a, B> {
    pub(crate) bridge: &'a mut B,
    pub(crate) id: ConnectionId,
    /// As long as the other end has to be told.
    pub(crate) addresses: &'a mut Option<Box<Addresses>>,
    pub(crate) admitted: &'a mut Admitted,
    pub(crate) now: Instant,
}

impl<B: Bridge> Events for Addressed<'_, B> {
    #[inline]
    fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        self.bridge.reserve(len)
    }

    fn shorten(&mut self, len: usize) {
        self.bridge.shorten(len);
    }

    #[inline]
    fn commit(&mut self, event: Event) {
        if let Event::Message(part) = event {
            self.bridge
                .add(Counter::ReceivedMessages, u64::from(part.last));
        }
        self.bridge.commit(self.id, event);
    }

    fn proxied(&mut self, proxied: Proxied) -> bool {
        let Some(addresses) = self.addresses else {
            return true;
        };
        addresses.proxied(proxied);
        let admitted = self.admitted.counts_as(addresses.remote.ip(), self.now);
        admitted.map_err(|why| self.bridge.add(why, 1)).is_ok()
    }

    fn introduce(&mut self, event: Event, more: [&[u8]; 3]) -> bool {
        let Some(addresses) = self.addresses else {
            debug_assert!(false, "Bug: introduced twice");
            return true;
        };
        let len = more.iter().map(|bytes| bytes.len()).sum::<usize>();
        let record_len = addresses.record_len();
        let Some(room) = self.bridge.reserve(record_len + len) else {
            return false;
        };
        let (record, mut room) = room.split_at_mut(record_len);
        addresses.write(record);
        for bytes in more {
            let (now, later) = room.split_at_mut(bytes.len());
            now.copy_from_slice(bytes);
            room = later;
        }
        self.bridge.commit(self.id, event);
        if event == Event::Open {
            *self.addresses = None;
        }
        true
    }
}
