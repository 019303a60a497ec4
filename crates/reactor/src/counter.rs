//! What loops count.

use std::time::Duration;

gev_wire::listed! {
    /// What a loop counts from its start on, for those who look from outside. A new one is a row here, and an
    /// [`add`](crate::Bridge::add) where it happens.
    pub enum Counter {
        /// Connections that this loop has accepted, whatever became of them.
        Accepted,
        /// Of these, such as were closed at once, as there were too many of all addresses.
        RefusedOfAll,
        /// As above, too many of one address.
        RefusedOfAddress,
        /// As above, too many of one address in a second.
        RefusedByRate,
        /// How often the system would not let the loop accept.
        AcceptErrors,
        /// Bytes that sockets have given.
        ReceivedBytes,
        /// Whole messages that were handed over.
        ReceivedMessages,
        /// Bytes that sockets have taken.
        SentBytes,
        /// Whole messages that were taken from the other end, for connections that were there.
        SentMessages,
        /// Nanoseconds in which nothing could be delivered, as the event queue was full.
        BlockedNanoseconds,
        /// Frames of WebSocket that continue a message. These six stand as in [`FrameCounts`](gev_wire::FrameCounts).
        FramesContinuation,
        /// Frames that begin a message of text.
        FramesText,
        /// Frames that begin a message of bytes.
        FramesBinary,
        /// Close frames.
        FramesClose,
        /// Pings.
        FramesPing,
        /// Pongs.
        FramesPong,
        /// Nanoseconds by which the loop came too late for its timers.
        LateNanoseconds,
        /// Times that it came to timers that were due, at most 256 microseconds late. Those of the rows that follow were at most
        /// four times as late as those of the row before.
        LateTo256Us,
        /// At most 1,024 microseconds.
        LateTo1Ms,
        /// At most 4,096 microseconds.
        LateTo4Ms,
        /// At most 16,384 microseconds.
        LateTo16Ms,
        /// At most 65,536 microseconds.
        LateTo65Ms,
        /// At most 262,144 microseconds.
        LateTo262Ms,
        /// At most 1,048,576 microseconds.
        LateTo1S,
        /// At most 4,194,304 microseconds.
        LateTo4S,
        /// Later than that.
        LateLonger,
        /// Turns that the loop has taken; the first of every eight is timed.
        Turns,
        /// Nanoseconds that the timed turns took.
        TimedNanoseconds,
        /// Timed turns that took at most 4 microseconds. Those of the rows that follow took at most four times as long as those
        /// of the row before.
        TimedTo4Us,
        /// At most 16 microseconds.
        TimedTo16Us,
        /// At most 64 microseconds.
        TimedTo64Us,
        /// At most 256 microseconds.
        TimedTo256Us,
        /// At most 1,024 microseconds.
        TimedTo1Ms,
        /// At most 4,096 microseconds.
        TimedTo4Ms,
        /// At most 16,384 microseconds.
        TimedTo16Ms,
        /// At most 65,536 microseconds.
        TimedTo65Ms,
        /// Longer than that.
        TimedLonger,
    }
}

impl Counter {
    /// What counts a timed turn that took so long.
    pub(crate) fn of_turn(took: Duration) -> Self {
        Self::holding(took, 4, Self::TimedTo4Us, Self::TimedLonger)
    }

    /// What counts timers that the loop came so late for.
    pub(crate) fn of_lateness(late: Duration) -> Self {
        Self::holding(late, 256, Self::LateTo256Us, Self::LateLonger)
    }

    /// The first row from `first` on, whose bound is so many microseconds, that holds a time; `last` holds them all.
    fn holding(time: Duration, micros: u64, first: Self, last: Self) -> Self {
        let mut bound = Duration::from_micros(micros);
        let mut row = first as usize;
        while time > bound && row < last as usize {
            bound *= 4;
            row += 1;
        }
        Self::ALL[row]
    }
}

/// One turn in so many is timed.
pub const TURNS_PER_TIMED: u64 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_counted_by_the_first_bound_that_holds_them() {
        let of_micros = |micros| Counter::of_turn(Duration::from_micros(micros));
        assert_eq!(of_micros(0), Counter::TimedTo4Us);
        assert_eq!(of_micros(4), Counter::TimedTo4Us);
        assert_eq!(of_micros(5), Counter::TimedTo16Us);
        assert_eq!(of_micros(65_536), Counter::TimedTo65Ms);
        assert_eq!(of_micros(65_537), Counter::TimedLonger);
        assert_eq!(Counter::of_turn(Duration::MAX), Counter::TimedLonger);
    }

    #[test]
    fn lateness_is_counted_by_the_first_bound_that_holds_it() {
        let of_micros = |micros| Counter::of_lateness(Duration::from_micros(micros));
        assert_eq!(of_micros(0), Counter::LateTo256Us);
        assert_eq!(of_micros(256), Counter::LateTo256Us);
        assert_eq!(of_micros(257), Counter::LateTo1Ms);
        assert_eq!(of_micros(4_194_304), Counter::LateTo4S);
        assert_eq!(of_micros(4_194_305), Counter::LateLonger);
    }
}
