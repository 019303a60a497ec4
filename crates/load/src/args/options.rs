//! Options and their values.

use std::str::FromStr;
use std::time::Duration;

use super::{ArgumentError, Burst, Pace, Protocol, Window};
use crate::content::Content;
use crate::framing::Framing;
use crate::target::Target;

/// Arguments of which each option takes its value.
pub(super) struct Options<I>(pub(super) I);

impl<I: Iterator<Item = String>> Options<I> {
    fn value<T>(
        &mut self,
        option: &str,
        expected: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ArgumentError> {
        let Some(value) = self.0.next() else {
            return Err(ArgumentError::MissingValue(option.to_owned()));
        };
        read(&value).ok_or_else(|| ArgumentError::InvalidValue {
            option: option.to_owned(),
            value,
            expected,
        })
    }

    pub(super) fn target(&mut self, option: &str) -> Result<Target, ArgumentError> {
        self.value(
            option,
            "an IP address and a port, or unix: and a path",
            |value| value.parse().ok(),
        )
    }

    pub(super) fn protocol(&mut self, option: &str) -> Result<Protocol, ArgumentError> {
        self.value(
            option,
            "websocket, deflate, tcp, length-prefixed, lines, jt808 or resp",
            |value| match value {
                "websocket" => Some(Protocol::WebSocket),
                "deflate" => Some(Protocol::Deflate),
                "tcp" => Some(Protocol::Tcp),
                "length-prefixed" => Some(Protocol::Framed(Framing::LengthPrefixed)),
                "lines" => Some(Protocol::Framed(Framing::Lines)),
                "jt808" => Some(Protocol::Framed(Framing::Jt808)),
                "resp" => Some(Protocol::Framed(Framing::Resp)),
                _ => None,
            },
        )
    }

    pub(super) fn content(&mut self, option: &str) -> Result<Content, ArgumentError> {
        self.value(option, "binary, text, utf8 or json", |value| match value {
            "binary" => Some(Content::Binary),
            "text" => Some(Content::Text),
            "utf8" => Some(Content::Utf8),
            "json" => Some(Content::Json),
            _ => None,
        })
    }

    pub(super) fn burst(&mut self, option: &str) -> Result<Burst, ArgumentError> {
        self.value(option, "unread or half", |value| match value {
            "unread" => Some(Burst::Unread),
            "half" => Some(Burst::Half),
            _ => None,
        })
    }

    pub(super) fn pace(&mut self, option: &str) -> Result<Pace, ArgumentError> {
        match option {
            "--in-flight" => self.count(option).map(Pace::InFlight),
            "--room" => self.count(option).map(Pace::Rooms),
            _ => self.rate(option).map(Pace::Rate),
        }
    }

    /// Takes one of the options that the commands with a measured window have in common.
    pub(super) fn window(
        &mut self,
        option: String,
        window: &mut Window,
    ) -> Result<(), ArgumentError> {
        match option.as_str() {
            "--seconds" => window.duration = self.seconds(&option)?,
            "--warmup" => window.warm_up = self.seconds(&option)?,
            "--pid" => window.pid = Some(self.number(&option)?),
            _ => return Err(ArgumentError::UnknownOption(option)),
        }
        Ok(())
    }

    fn rate(&mut self, option: &str) -> Result<f64, ArgumentError> {
        self.value(option, "messages a second from 1 to 10000000", |value| {
            let rate: f64 = value.parse().ok()?;
            (1.0..=1e7).contains(&rate).then_some(rate)
        })
    }

    pub(super) fn number<T: FromStr>(&mut self, option: &str) -> Result<T, ArgumentError> {
        self.value(option, "a whole number in its range", |value| {
            value.parse().ok()
        })
    }

    pub(super) fn count(&mut self, option: &str) -> Result<usize, ArgumentError> {
        self.value(option, "a whole number from 1 on", |value| {
            value.parse().ok().filter(|&count| count > 0)
        })
    }

    pub(super) fn seconds(&mut self, option: &str) -> Result<Duration, ArgumentError> {
        self.value(option, "seconds from 0 to 86400", |value| {
            let seconds: f64 = value.parse().ok()?;
            (0.0..=86_400.0)
                .contains(&seconds)
                .then(|| Duration::from_secs_f64(seconds))
        })
    }
}
