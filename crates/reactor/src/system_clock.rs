//! The clocks of the system.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use gev_session::{Clock, HttpDate};

/// The time as it is, for the connections of one loop.
#[derive(Debug, Default)]
pub(crate) struct SystemClock {
    date: HttpDate,
}

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn date(&mut self) -> &str {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        self.date.at(since_1970.map_or(0, |time| time.as_secs()))
    }
}
