//! The time as heads of HTTP have it (RFC 9110 section 5.6.7), formatted once a second.

/// The time of one loop's responses.
#[derive(Debug, Default)]
pub struct HttpDate {
    /// Since 1970.
    second: u64,
    /// Of that second; empty until somebody has asked.
    text: String,
}

impl HttpDate {
    /// The time so many seconds after the begin of 1970, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
    pub fn at(&mut self, second: u64) -> &str {
        if self.second != second || self.text.is_empty() {
            self.second = second;
            self.text = format(second);
        }
        &self.text
    }
}

fn format(second: u64) -> String {
    let (days, second) = (second / SECONDS_OF_DAY, second % SECONDS_OF_DAY);
    // It was a Thursday.
    let weekday = WEEKDAYS[(days as usize + 4) % 7];
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let month = MONTHS[month];
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Year, month (from 0 on) and day of the Gregorian calendar, so many days after the first of January 1970.
fn civil(days: u64) -> (u64, usize, u64) {
    // Years that begin in March end with the day that some of them lack; 400 of them have always as many days.
    let days = days + DAYS_BEFORE_1970;
    let (eras, day_of_era) = (days / DAYS_OF_ERA, days % DAYS_OF_ERA);
    let leap_days = day_of_era / 1460 + day_of_era / 146_096 - day_of_era / 36_524;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march as usize + 2) % 12;
    let year = 400 * eras + year_of_era + u64::from(month < 2);
    (year, month, day)
}

const SECONDS_OF_DAY: u64 = 24 * 60 * 60;
const DAYS_OF_ERA: u64 = 146_097;
/// From the first of March of the year 0 on.
const DAYS_BEFORE_1970: u64 = 719_468;

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_that_are_known() {
        for (second, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
            (1_704_067_199, "Sun, 31 Dec 2023 23:59:59 GMT"),
            (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(format(second), expected);
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut before = civil(0);
        for days in 1..400 * 366 {
            let (year, month, day) = civil(days);
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let february = if leap { 29 } else { 28 };
            let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            assert!((1..=lengths[month]).contains(&day), "{year}-{month}-{day}");
            let follows = match (month, day) {
                (0, 1) => before == (year - 1, 11, 31),
                (_, 1) => before == (year, month - 1, lengths[month - 1]),
                _ => before == (year, month, day - 1),
            };
            assert!(follows, "{year}-{month}-{day} behind {before:?}");
            before = (year, month, day);
        }
    }

    #[test]
    fn a_second_is_formatted_once() {
        let mut date = HttpDate::default();
        let first = date.at(0).as_ptr();
        assert_eq!(date.at(0).as_ptr(), first);
        assert_eq!(date.at(1), "Thu, 01 Jan 1970 00:00:01 GMT");
    }
}
