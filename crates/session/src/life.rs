//! The states of a connection and all that leads from one to another.
//!
//! ```text
//!   Handshaking --open--> Open --close()------------------------> Closing --peer's goodbye--> Finishing
//!        |                  |                                        ^ |                          |
//!        |                  `--peer's goodbye, its fault, stop--> Parting --close(), end()--------^  output empty
//!        |                                                                                        v
//!        `--refused, answered------------------------------------------------------> Finishing  Lingering --FIN--> gone
//! ```
//! The peer's goodbye is a codec's own or, where it has none, FIN. Its answer waits for `end()`, by which the handler
//! says that it has sent what it wants to send for the messages before. So does the answer to a peer that did wrong, and
//! our own goodbye when the loop is stopped. Until `end()` a goodbye that has not been spoken, FIN or the stop, may come too
//! early: what the handler gives back, for another protocol, comes before it, and `Parting` is `Open` again.
//!
//! From every state a failed socket, an expired deadline or `destroy` leads to "gone" at once, which is no state: then there
//! is no session any more. Input is decoded in `Handshaking`, `Open` and `Closing` and thrown away later: lingering
//! with the socket open until the peer has closed too keeps the kernel from answering late input with a reset, which could
//! overtake our last bytes.

use gev_wire::{CloseCause, Request};

use crate::close_reason::CloseReason;
use crate::event::Event;

/// Where a connection is in its life.
#[derive(Debug)]
pub(crate) enum Life {
    /// No messages yet.
    Handshaking(Handshake),
    /// Messages go both ways.
    Open(Open),
    /// Nothing more comes; what is to be sent may still be sent.
    Parting(Parting),
    /// We have said goodbye, and the peer is to answer.
    Closing(CloseReason),
    /// All is said. What is left is to be sent.
    Finishing(Ending),
    /// All is sent. The peer has not ended its side.
    Lingering(Ending),
}

/// What a handshake waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handshake {
    /// The peer.
    Peer,
    /// The application, which has been asked; nothing is read meanwhile.
    Answer(Request),
    /// The rest of the application's response to a request that comes to nothing else.
    Response(Request),
}

/// A connection between its handshake and the begin of its end.
#[derive(Debug, Default)]
pub(crate) struct Open {
    /// The loop is stopping: how the connection is to end when what has arrived has been read.
    stop: Option<Box<CloseReason>>,
}

/// An end that waits for the handler's word.
#[derive(Debug)]
pub(crate) struct Parting {
    by: By,
    /// How the connection is going to end, where that is known. The peer's goodbye decides, what it did wrong, our stop.
    outcome: Option<CloseReason>,
    /// The handler has been told. Until then it has been the event queue that had no room.
    is_told: bool,
    /// See [`Open`].
    stop: Option<Box<CloseReason>>,
}

/// Who began an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// The peer, as it should.
    Peer,
    /// The peer, by what it did wrong: nothing is expected of it.
    Fault,
    /// The stop of the loop.
    Stop,
}

/// An end that is decided.
#[derive(Debug)]
pub(crate) struct Ending {
    reason: CloseReason,
    /// However the socket goes down, nothing else was to be expected.
    by_fault: bool,
}

/// What a close came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goodbye {
    /// The peer is to answer.
    pub(crate) awaits_answer: bool,
    /// The end of the peer's input is its goodbye.
    pub(crate) ends_by_fin: bool,
}

impl Life {
    /// Of one that has been accepted.
    pub(crate) fn new() -> Self {
        Self::Handshaking(Handshake::Peer)
    }

    /// The application is asked about a request.
    pub(crate) fn ask(&mut self, request: Request) {
        if let Self::Handshaking(handshake) = self {
            *handshake = Handshake::Answer(request);
        }
    }

    /// The application accepts what it was asked about; false if it was not.
    pub(crate) fn accept(&mut self) -> bool {
        let is_asked = self.asked().is_some();
        if is_asked {
            *self = Self::Handshaking(Handshake::Peer);
        }
        is_asked
    }

    /// The application answers a request otherwise; false if it was not asked.
    pub(crate) fn respond(&mut self) -> bool {
        let Some(request) = self.asked() else {
            return false;
        };
        *self = Self::Handshaking(Handshake::Response(request));
        true
    }

    /// The handshake, if there is one, is done.
    pub(crate) fn open(&mut self) {
        if matches!(self, Self::Handshaking(_)) {
            *self = Self::Open(Open::default());
        }
    }

    /// The loop is stopping: what has arrived is read, and then this is the end.
    pub(crate) fn stop(&mut self, reason: impl FnOnce() -> CloseReason) -> bool {
        match self {
            Self::Open(open) if open.stop.is_none() => {
                open.stop = Some(Box::new(reason()));
                true
            }
            _ => false,
        }
    }

    /// Nothing more comes of the peer, which has begun the end. `outcome`: how it is going to end, if that is known.
    pub(crate) fn part(&mut self, by: By, outcome: Option<CloseReason>) {
        let stop = match self {
            Self::Open(open) => open.stop.take(),
            _ => None,
        };
        *self = Self::Parting(Parting {
            by,
            outcome,
            is_told: false,
            stop,
        });
    }

    /// The application has given something back, and is told of the end once more: behind what is decoded of that, if the end
    /// has come of nothing that the peer has said; at once, if nothing is.
    pub(crate) fn reopen(&mut self) {
        let Self::Parting(parting) = self else {
            return;
        };
        if !parting.is_told {
            return;
        }
        match parting.by {
            By::Peer if parting.outcome.is_some() => {}
            By::Fault => parting.is_told = false,
            By::Stop | By::Peer => {
                let stop = parting.stop.take().or(parting.outcome.take().map(Box::new));
                *self = Self::Open(Open { stop });
            }
        }
    }

    /// What has arrived has been read, and the loop is stopping; false if it is not.
    pub(crate) fn part_for_stop(&mut self) -> bool {
        let Self::Open(Open { stop }) = self else {
            return false;
        };
        let Some(reason) = stop.take() else {
            return false;
        };
        self.part(By::Stop, Some(*reason));
        true
    }

    /// The handler knows that nothing more comes.
    pub(crate) fn told(&mut self) {
        if let Self::Parting(parting) = self {
            parting.is_told = true;
        }
    }

    /// The time for a stop is over, for whatever it waits. True if the peer is still to be told of an end that it has not
    /// begun, or not as it should.
    pub(crate) fn overdue(&mut self) -> bool {
        match self {
            Self::Open(_) => {
                let parts = self.part_for_stop();
                if parts {
                    self.told();
                }
                parts
            }
            Self::Parting(parting) => {
                if let Some(reason) = parting.stop.take() {
                    parting.outcome.get_or_insert(*reason);
                    parting.by = By::Stop;
                    parting.is_told = true;
                }
                parting.by != By::Peer && parting.is_told
            }
            _ => false,
        }
    }

    /// We say goodbye for this reason, or answer the peer's.
    pub(crate) fn close(&mut self, reason: CloseReason, goodbye: Goodbye) {
        let Goodbye {
            awaits_answer,
            ends_by_fin,
        } = goodbye;
        let (outcome, answers, by_fault) = match self {
            Self::Parting(parting) => (
                parting.outcome.take(),
                parting.is_told && parting.by != By::Stop,
                parting.by == By::Fault,
            ),
            _ => (None, false, false),
        };
        // What the peer has said before decides.
        let mut reason = outcome.unwrap_or(reason);
        let is_done = answers || !(awaits_answer || ends_by_fin);
        reason.was_clean = is_done && !by_fault;
        *self = if awaits_answer {
            Self::Closing(reason)
        } else {
            Self::Finishing(Ending { reason, by_fault })
        };
    }

    /// Nothing more is to be decoded, nor said.
    pub(crate) fn finish(&mut self, reason: CloseReason, by_fault: bool) {
        *self = Self::Finishing(Ending { reason, by_fault });
    }

    /// All that was to be sent is sent; false if there was more to say.
    pub(crate) fn linger(&mut self) -> bool {
        let Self::Finishing(ending) = self else {
            return false;
        };
        let (reason, by_fault) = (take(&mut ending.reason), ending.by_fault);
        *self = Self::Lingering(Ending { reason, by_fault });
        true
    }

    /// The peer has ended its side where that is its goodbye, and we have said ours.
    pub(crate) fn both_said(&mut self) {
        if let Self::Finishing(ending) | Self::Lingering(ending) = self {
            ending.reason.was_clean = !ending.by_fault;
        }
    }

    /// How the connection is going to end, if that is known. It ends.
    pub(crate) fn take_outcome(&mut self) -> Option<CloseReason> {
        match self {
            Self::Handshaking(_) | Self::Open(_) => None,
            Self::Parting(parting) => parting.outcome.take(),
            Self::Closing(reason) => Some(take(reason)),
            Self::Finishing(ending) | Self::Lingering(ending) => Some(take(&mut ending.reason)),
        }
    }

    /// As above, where the socket has failed: how a connection goes down does not matter any more when the peer has said
    /// goodbye, or need not.
    pub(crate) fn outcome_of_failure(&mut self, ends_by_fin: bool) -> Option<CloseReason> {
        let may_fail = match self {
            Self::Parting(parting) => parting.is_told,
            Self::Lingering(ending) => ending.by_fault,
            _ => false,
        };
        let outcome = self.take_outcome();
        outcome.filter(|it| it.was_clean || may_fail || ends_by_fin)
    }

    /// What the handler has to be told of the end that has begun, if it has not been told. Where FIN is the peer's goodbye,
    /// what it did wrong is none.
    pub(crate) fn untold(&self, ends_by_fin: bool) -> Option<Event> {
        match self {
            Self::Parting(parting) if !parting.is_told => Some(match parting.by {
                By::Stop => Event::Stop,
                By::Fault if ends_by_fin => Event::Stop,
                By::Peer | By::Fault => Event::End,
            }),
            _ => None,
        }
    }

    /// What the application is asked, or is answering.
    pub(crate) fn asked(&self) -> Option<Request> {
        match self {
            Self::Handshaking(Handshake::Answer(request) | Handshake::Response(request)) => {
                Some(*request)
            }
            _ => None,
        }
    }

    /// The application's response has begun.
    pub(crate) fn is_answering(&self) -> bool {
        matches!(self, Self::Handshaking(Handshake::Response(_)))
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        matches!(self, Self::Handshaking(_))
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }

    /// Messages can be sent, or could as far as this is concerned.
    pub(crate) fn may_send(&self) -> bool {
        matches!(self, Self::Open(_) | Self::Parting(_))
    }

    /// The handler has been told that nothing more comes, and has not said that it has sent what it wants to send.
    pub(crate) fn awaits_handler(&self) -> bool {
        matches!(self, Self::Parting(parting) if parting.is_told)
    }

    /// The end was begun by what the peer did wrong.
    pub(crate) fn is_by_fault(&self) -> bool {
        matches!(self, Self::Parting(Parting { by: By::Fault, .. }))
    }

    /// What is to be answered, or said to a peer that did wrong or is told of a stop.
    pub(crate) fn close_to_say(&self) -> Option<gev_wire::Close> {
        match self {
            Self::Parting(parting) => parting.outcome.as_ref().map(|it| it.close.clone()),
            _ => None,
        }
    }

    /// The loop's stop waits for what has arrived to be read.
    pub(crate) fn is_stopping(&self) -> bool {
        matches!(self, Self::Open(Open { stop: Some(_) }))
    }

    /// Nothing is decoded any more.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self, Self::Finishing(_) | Self::Lingering(_))
    }

    pub(crate) fn is_finishing(&self) -> bool {
        matches!(self, Self::Finishing(_))
    }

    pub(crate) fn is_lingering(&self) -> bool {
        matches!(self, Self::Lingering(_))
    }
}

fn take(reason: &mut CloseReason) -> CloseReason {
    std::mem::replace(reason, CloseReason::abnormal(CloseCause::Peer, ""))
}
