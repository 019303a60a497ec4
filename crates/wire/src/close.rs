//! How connections end: codes, causes, and what a peer does wrong.

use std::fmt;

/// Code of a close, in the numbers that WebSocket has given them (RFC 6455 section 7.4, and the IANA registry for those
/// behind 1011). Codecs without codes of their own use them too: an application should not have to tell apart how it is
/// told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CloseCode(u16);

/// How a connection ends, as told to the peer or by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// [`CloseCode::NO_STATUS`] when the peer's goodbye carried none, [`CloseCode::ABNORMAL`] without one.
    pub code: CloseCode,
    /// Text for people, at most 123 bytes of UTF-8; often empty.
    pub reason: String,
}

crate::listed! {
    /// What started the end of a connection. The numbers travel in close events and commands; JavaScript has names and
    /// documentation from here.
    pub enum CloseCause {
        /// The peer closed, or went away.
        Peer,
        /// `close()` or `destroy()` was called.
        Local,
        /// The peer broke the rules of the protocol.
        Protocol,
        /// A limit was exceeded, such as `maxMessageBytes` or `timeouts.maxLifetimeMs`, or that for all connections:
        /// `limits.maxMemoryBytes`.
        Limit,
        /// The socket failed.
        Reset,
        /// The peer did not finish the handshake, the close or a frame, or did not answer a ping, in time.
        Timeout,
        /// A handler threw.
        Handler,
        /// The server was stopped.
        Stop,
        /// The event loop failed: a bug in gev.
        Internal,
        /// Nothing was received or sent for longer than `timeouts.idleMs`.
        Idle,
        /// The peer has taken nothing of what was sent to it for `timeouts.writeStallMs`.
        Stalled,
        /// The time has passed that `connection.setDeadline()` gave it.
        Deadline,
    }
}

/// The peer has sent what the codec does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// What the application is told.
    pub cause: CloseCause,
    /// What the peer is told.
    pub code: CloseCode,
    /// What was wrong, for people.
    pub reason: &'static str,
}

impl CloseCode {
    /// The purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// A server goes down, or a connection has been there for long enough.
    pub const GOING_AWAY: Self = Self(1001);
    /// The peer broke the rules.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// Stands for a goodbye without a code; never on the wire.
    pub const NO_STATUS: Self = Self(1005);
    /// Stands for an end without a goodbye; never on the wire.
    pub const ABNORMAL: Self = Self(1006);
    /// Payload that is not what it says it is.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// The peer does what it may not.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// A message or a frame that is too long.
    pub const TOO_BIG: Self = Self(1009);
    /// The server is short of something.
    pub const TRY_LATER: Self = Self(1013);

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// True for the codes that may be in a close frame.
    ///
    /// Not among them are 1004 (reserved), 1005, 1006 and 1015 (they stand for the lack of a close frame or of a code in
    /// it), and what is not registered below 3000.
    #[must_use]
    pub const fn may_travel(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

impl From<u16> for CloseCode {
    fn from(code: u16) -> Self {
        Self(code)
    }
}

impl PartialEq<u16> for CloseCode {
    fn eq(&self, other: &u16) -> bool {
        self.0 == *other
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Close {
    /// A close with this code and text.
    #[must_use]
    pub fn new(code: impl Into<CloseCode>, reason: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            reason: reason.into(),
        }
    }
}

impl CloseCause {
    /// The cause with this number, if there is one.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl Fault {
    /// The peer broke the rules.
    #[must_use]
    pub const fn protocol(code: CloseCode, reason: &'static str) -> Self {
        Self {
            cause: CloseCause::Protocol,
            code,
            reason,
        }
    }

    /// The peer wants more than there is for it.
    #[must_use]
    pub const fn limit(code: CloseCode, reason: &'static str) -> Self {
        Self {
            cause: CloseCause::Limit,
            code,
            reason,
        }
    }
}

impl From<Fault> for Close {
    fn from(fault: Fault) -> Self {
        Self::new(fault.code, fault.reason)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.code)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_found_by_their_numbers() {
        for (number, &cause) in CloseCause::ALL.iter().enumerate() {
            assert_eq!(cause as usize, number);
            assert_eq!(CloseCause::from_number(number as u8), Some(cause));
        }
        assert_eq!(CloseCause::from_number(CloseCause::ALL.len() as u8), None);
    }

    #[test]
    fn codes_that_may_travel() {
        let travels = |code: &u16| CloseCode(*code).may_travel();
        let codes: Vec<u16> = (0..=u16::MAX).filter(travels).collect();
        let low: Vec<u16> = codes.iter().copied().filter(|&code| code < 3000).collect();
        assert_eq!(
            low,
            [
                1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014
            ]
        );
        assert_eq!(codes.len() - low.len(), 2000);
        assert!(travels(&3000) && travels(&4999) && !travels(&5000));
    }
}
