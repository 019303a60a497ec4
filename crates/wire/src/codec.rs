//! What a codec is: a state machine that turns the bytes of one connection into messages and back.
//!
//! A [`Codec`] never sees a socket, a clock or a thread. Bytes come in as an [`Input`], messages leave through a
//! [`Sink`], and both may say "not now": `NeedMore` when the input ends inside a frame, `Blocked` when the sink is full.
//!
//! ```text
//!   read buffer or RingBuffer --Input--> decode --reserve, copy, commit--> Sink (event queue)
//!                                          `-----reply------------------> Sink (output of the connection)
//! ```

use std::borrow::Cow;

use crate::close::{Close, Fault};
use crate::frame_error::FrameError;
use crate::input::Input;

/// One connection's codec: the framing rules and the state that one connection needs for them.
pub trait Codec: Send {
    /// Decodes as many messages as `input` holds and `sink` takes.
    ///
    /// What has been dealt with is consumed from `input`; what is left when this returns belongs to an unfinished
    /// frame (or waits for room in the sink) and has to be presented again, in front of the bytes that follow it.
    /// Called once with an empty input when the connection is accepted, so that a codec without a handshake can
    /// open at once.
    ///
    /// # Errors
    /// A [`Fault`] when the peer broke the rules. The connection is over then: send what
    /// [`close`](Self::close) writes for that fault's code and close.
    fn decode(&mut self, input: &mut Input<'_>, sink: &mut dyn Sink) -> Result<Decoded, Fault>;

    /// Begins a message, or a fragment of one, of `len` bytes: appends what goes on the wire in front of it.
    fn begin(&mut self, outgoing: Outgoing, len: u64, out: &mut Vec<u8>) -> Payload;

    /// The next bytes of what has begun, where [`begin`](Self::begin) has asked for them: gives `out` what goes on
    /// the wire for them. Called at least once, also for an empty payload.
    fn transform(&mut self, payload: &[u8], out: &mut dyn FnMut(&[u8])) {
        out(payload);
    }

    /// Most bytes that framing adds to a message that goes out as it is, to a fragment of one, or to a ping. The same for all
    /// connections of a codec, as the application counts with it too.
    fn max_framing(&self) -> usize;

    /// Says goodbye: appends what the codec has for that (if anything, and if it was not said yet) to `out`. Where
    /// the peer has said goodbye first this is the answer, whose code is up to the codec.
    ///
    /// Returns true when the peer is expected to answer, so that the connection stays open for reading until `decode`
    /// returns [`Decoded::Closed`] or a time-out ends the wait.
    fn close(&mut self, close: &Close, out: &mut Vec<u8>) -> bool;

    /// There is no more input, and `rest` is what [`decode`](Self::decode) has left of it. False when there is no room in the
    /// sink for what is to be told of that: it has to be asked again then.
    ///
    /// # Errors
    /// A [`Fault`] when the peer has ended in the middle of what may not be left unfinished.
    fn end_of_input(&mut self, rest: &Input<'_>, sink: &mut dyn Sink) -> Result<bool, Fault> {
        let _ = (rest, sink);
        Ok(true)
    }

    /// True when a frame has begun that has to come to its end in time, where `decode` has left so many bytes.
    fn is_mid_frame(&self, rest_len: usize) -> bool {
        let _ = rest_len;
        false
    }

    /// The frame that is half way, `rest` of which is in the input, has not come to its end in time: the next
    /// [`decode`](Self::decode) says so.
    fn frame_is_late(&mut self, rest: &Input<'_>) {
        let _ = rest;
    }

    /// True when the end of the peer's input is its goodbye, false when it should have said one before.
    fn ends_by_fin(&self) -> bool;

    /// Bytes of the message that is half way: of those, what `decode` has consumed, as it is handed over.
    fn unfinished_len(&self) -> u64;

    /// True when whoever takes the parts of a message has to keep some, as the message is half way.
    fn is_half_way(&self) -> bool {
        false
    }

    /// False when `decode` has consumed bytes that do not make a whole, so that another codec could not go on with what follows.
    fn is_between_messages(&self) -> bool {
        !self.is_half_way()
    }

    /// Bytes of memory that it has for the message that is half way, compressors aside.
    fn kept_len(&self) -> usize {
        0
    }

    /// What it makes of a whole message now is, for those that give the same number, the same bytes, or as good. `None` when that
    /// depends on what it has sent before, or on how it is configured.
    fn alike(&self) -> Option<u32> {
        None
    }

    /// How it is upgraded to, if it begins with a request.
    fn upgrade(&mut self) -> Option<&mut dyn Upgrade> {
        None
    }

    /// How it keeps connections alive, if it can.
    fn keep_alive(&mut self) -> Option<&mut dyn KeepAlive> {
        None
    }
}

/// The part of a codec that answers requests, for those that begin with one.
pub trait Upgrade {
    /// Answers [`Decoded::Asked`]: the upgrade is accepted. `details`: the subprotocol (empty for the one that the
    /// codec has chosen itself, if any), a line feed, and lines for the head of the response, each with its CRLF.
    /// What was accepted comes about with the next [`decode`](Codec::decode).
    fn accept(&mut self, details: &[u8]);

    /// Answers [`Decoded::Asked`]: the peer has got another response, and nothing more is to be decoded.
    fn refuse(&mut self);

    /// The time for the handshake is over. Gives what the peer is to be told, if anything; nothing more is decoded then.
    fn time_out(&mut self, date: &str) -> Option<Refusal>;
}

/// The part of a codec that asks for signs of life, for those that can.
pub trait KeepAlive {
    /// Appends a ping with this payload (at most 125 bytes).
    fn ping(&mut self, payload: &[u8], out: &mut Vec<u8>);
}

/// Where decoded messages go.
pub trait Sink: UpgradeSink + KeepAliveSink + FrameSink {
    /// The handshake, if there is one, is done and messages may follow. Returns false when there is no room to say
    /// so: `decode` then returns [`Decoded::Blocked`] and asks again at its next call.
    fn open(&mut self, opening: Opening<'_>) -> bool;

    /// A message begins that has so many bytes and does not come in one part, unless the peer breaks off: for who gets memory
    /// ready for it. False when there is no room to say so.
    fn announce(&mut self, len: u64) -> bool {
        let _ = len;
        true
    }

    /// Room for the payload of one part of a message, `len` <= [`PART_BYTES`]; `None` when there is none now.
    ///
    /// The bytes of the slice are unspecified and must all be written before [`commit`](Self::commit). Without a
    /// `commit` the reservation is forgotten.
    fn reserve(&mut self, len: usize) -> Option<&mut [u8]>;

    /// Most bytes that may be handed over now without completing their message, where nobody knows how many more will
    /// come. 0 when they have to wait: `decode` then returns [`Decoded::Blocked`].
    fn room_for_more(&mut self) -> usize {
        usize::MAX
    }

    /// Makes the slice of the last [`reserve`](Self::reserve) end after `len` bytes.
    fn shorten(&mut self, len: usize);

    /// Hands over the part that was written into the slice of the last [`reserve`](Self::reserve). False when the application
    /// has to say first what comes next, as its message may change that: a codec that can stand still between two messages
    /// looks at no byte behind this one then, and `decode` returns [`Decoded::Asked`].
    #[must_use = "it may say that nothing is to follow for now"]
    fn commit(&mut self, part: Part) -> bool;

    /// False when the next message is one too many for now: the peer sends faster than it may.
    fn may_take_message(&self) -> bool;

    /// Bytes for the peer, in order with everything else that is sent to it: handshake response, close.
    fn reply(&mut self, bytes: &[u8]);
}

/// What a [`Sink`] is told of requests.
pub trait UpgradeSink {
    /// A request that the application has to answer: `decode` returns [`Decoded::Asked`] then. False when there is
    /// no room to say so.
    ///
    /// `lines`: method, target, and name and value of each header in their order, each with a line feed behind it.
    fn ask(&mut self, request: Request, lines: &[u8]) -> bool;

    /// A request is refused, for this reason, with a response of this status, which follows as a [`reply`](Sink::reply).
    /// False when there is no room to say so.
    fn refused(&mut self, status: u16, reason: &str) -> bool;

    /// What a response that is written now has in its Date header (RFC 9110 section 6.6.1); empty where the time is unknown.
    fn date(&mut self) -> &str;
}

/// What a [`Sink`] is told of signs of life.
pub trait KeepAliveSink {
    /// A ping or a pong has come; false when that is one too many. Such frames are cheap to send and make work.
    fn count_control(&mut self) -> bool;

    /// A control frame that the application wants to hear of; false when there is no room for it.
    fn control(&mut self, control: Control, payload: &[u8]) -> bool;

    /// A pong for the peer. Where earlier ones have not been sent yet, this one may take their place.
    fn pong(&mut self, frame: &[u8]);
}

/// What a [`Sink`] is told of frames.
pub trait FrameSink {
    /// Something is wrong with a frame. If that is left out, or the connection is going to be closed, what has been handed over
    /// of it is void. False when there is no room to say so.
    fn frame_failed(&mut self, error: &FrameError) -> bool;

    /// So many frames of WebSocket have come since it was told last.
    fn count_frames(&mut self, frames: &FrameCounts) {
        let _ = frames;
    }
}

/// Frames of WebSocket, by the opcodes in ascending order: continuation, text, binary, close, ping, pong.
pub type FrameCounts = [u32; 6];

/// What `decode` has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// Everything complete has been decoded. The rest of the input is an unfinished frame.
    NeedMore,
    /// The sink is full. Present the rest again when it has room.
    Blocked,
    /// The application has to answer before anything more is decoded: a request, by [`Upgrade::accept`] or
    /// [`Upgrade::refuse`], or a message behind which it has to say how to go on (see [`Sink::commit`]).
    Asked,
    /// The peer has said goodbye, or has answered ours, or was refused with what was replied. Bytes that follow are
    /// not looked at. What is left to do: answer with [`Codec::close`], flush, close.
    Closed(Close),
}

/// What a message consists of, with the value that it has in the records of the event and command queues (and, for
/// WebSocket, as the opcode: RFC 6455 section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum MessageKind {
    /// UTF-8 text.
    Text = 0x1,
    /// Bytes.
    Binary = 0x2,
}

/// What is about to be sent: a message, or a fragment of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outgoing {
    /// Kind of the message.
    pub kind: MessageKind,
    /// The message begins here.
    pub first: bool,
    /// The message ends here.
    pub last: bool,
    /// Whether to compress the message, if that can be done; `None` leaves it to the codec's settings. Matters
    /// where the message begins.
    pub compress: Option<bool>,
}

/// What becomes of a payload whose header has been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// It goes out as it is.
    Plain,
    /// It has to be given to [`Codec::transform`].
    Transformed,
}

/// What an opened connection has agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Opening<'a> {
    /// The subprotocol; empty for none.
    pub subprotocol: &'a str,
    /// The extensions, as in the head of the response; empty for none.
    pub extensions: &'a str,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// A connection of this codec.
    Upgrade,
    /// An ordinary response.
    Plain,
}

/// The answer to a client that gets no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Of the response.
    pub status: u16,
    /// Why, for people.
    pub reason: Cow<'static, str>,
    /// All of it.
    pub response: Vec<u8>,
}

/// Kinds of control frames that an application may want to hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// It has been answered already.
    Ping,
    /// The answer to a ping of ours, or a sign of life.
    Pong,
}

/// A message, or a part of one that is too large to travel in one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Kind of the message that this is a part of.
    pub kind: MessageKind,
    /// True for the part that completes its message.
    pub last: bool,
    /// True when every byte of this part is below 0x80 (known for text only, false otherwise).
    pub ascii: bool,
}

/// The largest part that is reserved in a [`Sink`], in bytes. Larger messages travel in several parts.
pub const PART_BYTES: usize = 64 * 1024;

impl Outgoing {
    /// A whole message.
    #[must_use]
    pub fn whole(kind: MessageKind) -> Self {
        Self {
            kind,
            first: true,
            last: true,
            compress: None,
        }
    }
}
