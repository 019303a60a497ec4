//! The command line.

use std::fmt;
use std::iter;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use crate::target::Target;

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    Run(RunOptions),
    Idle(IdleOptions),
    Floor(FloorOptions),
}

/// Options of `run`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RunOptions {
    pub(crate) target: Target,
    pub(crate) protocol: Protocol,
    /// At least 1.
    pub(crate) connections: usize,
    /// Messages that each connection keeps on their way. At least 1.
    pub(crate) in_flight: usize,
    /// Payload of a message, in bytes. At least 1.
    pub(crate) size: usize,
    /// Length of the measured window.
    pub(crate) duration: Duration,
    /// Load before the measured window.
    pub(crate) warm_up: Duration,
    /// Text frames instead of binary ones; makes no difference for TCP.
    pub(crate) text: bool,
    /// The server's process, for CPU time and memory.
    pub(crate) pid: Option<u32>,
}

/// Options of `idle`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct IdleOptions {
    pub(crate) target: Target,
    pub(crate) protocol: Protocol,
    /// At least 1.
    pub(crate) connections: usize,
    /// Connections opened before memory is read for the first time, so that what a server allocates once is not
    /// counted. They come on top of `connections`.
    pub(crate) warm_connections: usize,
    /// Payload of the one message that each connection has echoed before memory is read, in bytes; 0: no message.
    pub(crate) size: usize,
    /// A text message instead of a binary one.
    pub(crate) text: bool,
    /// Time for the server to settle before each reading of its memory.
    pub(crate) hold: Duration,
    /// The server's process.
    pub(crate) pid: Option<u32>,
}

/// Options of `floor`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FloorOptions {
    /// 0 lets the system choose.
    pub(crate) port: u16,
    /// The server ends by itself after this time.
    pub(crate) duration: Duration,
}

/// What is spoken over a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    WebSocket,
    /// WebSocket with permessage-deflate; every message is compressed.
    Deflate,
    /// Nothing but the messages' bytes, whatever carries them.
    Tcp,
}

/// What is wrong with the command line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ArgumentError {
    UnknownCommand(String),
    MissingCommand,
    UnknownOption(String),
    MissingOption(&'static str),
    MissingValue(String),
    InvalidValue {
        option: String,
        value: String,
        expected: &'static str,
    },
}

/// What is told to whoever used it wrongly.
pub(crate) const USAGE: &str = "\
usage: gev-load run --target ADDRESS:PORT|unix:PATH [--protocol websocket|deflate|tcp] [--connections 100]
                    [--in-flight 1] [--size 20] [--seconds 3] [--warmup 1] [--text] [--pid PID]
       gev-load idle --target ADDRESS:PORT|unix:PATH [--protocol websocket|deflate|tcp] [--connections 10000]
                     [--warm-connections 0] [--size 0] [--text] [--hold 2] [--pid PID]
       gev-load floor [--port 0] [--seconds 600]";

/// Reads the arguments behind the program's name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Command, ArgumentError> {
    let mut arguments = arguments.into_iter().flat_map(split_at_equals);
    match arguments.next().as_deref() {
        Some("run") => parse_run(arguments).map(Command::Run),
        Some("idle") => parse_idle(arguments).map(Command::Idle),
        Some("floor") => parse_floor(arguments).map(Command::Floor),
        Some(other) => Err(ArgumentError::UnknownCommand(other.to_owned())),
        None => Err(ArgumentError::MissingCommand),
    }
}

fn parse_run(arguments: impl Iterator<Item = String>) -> Result<RunOptions, ArgumentError> {
    let mut options = Options(arguments);
    let mut target = None;
    let mut run = RunOptions {
        target: UNSET_TARGET,
        protocol: Protocol::WebSocket,
        connections: 100,
        in_flight: 1,
        size: 20,
        duration: Duration::from_secs(3),
        warm_up: Duration::from_secs(1),
        text: false,
        pid: None,
    };
    while let Some(option) = options.0.next() {
        match option.as_str() {
            "--target" => target = Some(options.target(&option)?),
            "--protocol" => run.protocol = options.protocol(&option)?,
            "--connections" => run.connections = options.count(&option)?,
            "--in-flight" => run.in_flight = options.count(&option)?,
            "--size" => run.size = options.count(&option)?,
            "--seconds" => run.duration = options.seconds(&option)?,
            "--warmup" => run.warm_up = options.seconds(&option)?,
            "--text" => run.text = true,
            "--pid" => run.pid = Some(options.number(&option)?),
            _ => return Err(ArgumentError::UnknownOption(option)),
        }
    }
    run.target = target.ok_or(ArgumentError::MissingOption("--target"))?;
    Ok(run)
}

fn parse_idle(arguments: impl Iterator<Item = String>) -> Result<IdleOptions, ArgumentError> {
    let mut options = Options(arguments);
    let mut target = None;
    let mut idle = IdleOptions {
        target: UNSET_TARGET,
        protocol: Protocol::WebSocket,
        connections: 10_000,
        warm_connections: 0,
        size: 0,
        text: false,
        hold: Duration::from_secs(2),
        pid: None,
    };
    while let Some(option) = options.0.next() {
        match option.as_str() {
            "--target" => target = Some(options.target(&option)?),
            "--protocol" => idle.protocol = options.protocol(&option)?,
            "--connections" => idle.connections = options.count(&option)?,
            "--warm-connections" => idle.warm_connections = options.number(&option)?,
            "--size" => idle.size = options.number(&option)?,
            "--text" => idle.text = true,
            "--hold" => idle.hold = options.seconds(&option)?,
            "--pid" => idle.pid = Some(options.number(&option)?),
            _ => return Err(ArgumentError::UnknownOption(option)),
        }
    }
    idle.target = target.ok_or(ArgumentError::MissingOption("--target"))?;
    Ok(idle)
}

fn parse_floor(arguments: impl Iterator<Item = String>) -> Result<FloorOptions, ArgumentError> {
    let mut options = Options(arguments);
    let mut floor = FloorOptions {
        port: 0,
        duration: Duration::from_secs(600),
    };
    while let Some(option) = options.0.next() {
        match option.as_str() {
            "--port" => floor.port = options.number(&option)?,
            "--seconds" => floor.duration = options.seconds(&option)?,
            _ => return Err(ArgumentError::UnknownOption(option)),
        }
    }
    Ok(floor)
}

/// `--option=value` becomes `--option value`.
fn split_at_equals(argument: String) -> impl Iterator<Item = String> {
    let (option, value) = match argument.split_once('=') {
        Some((option, value)) if option.starts_with("--") => {
            (option.to_owned(), Some(value.to_owned()))
        }
        _ => (argument, None),
    };
    iter::once(option).chain(value)
}

/// Arguments of which each option takes its value.
struct Options<I>(I);

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

    fn target(&mut self, option: &str) -> Result<Target, ArgumentError> {
        self.value(
            option,
            "an IP address and a port, or unix: and a path",
            |value| value.parse().ok(),
        )
    }

    fn protocol(&mut self, option: &str) -> Result<Protocol, ArgumentError> {
        self.value(option, "websocket, deflate or tcp", |value| match value {
            "websocket" => Some(Protocol::WebSocket),
            "deflate" => Some(Protocol::Deflate),
            "tcp" => Some(Protocol::Tcp),
            _ => None,
        })
    }

    fn number<T: FromStr>(&mut self, option: &str) -> Result<T, ArgumentError> {
        self.value(option, "a whole number in its range", |value| {
            value.parse().ok()
        })
    }

    fn count(&mut self, option: &str) -> Result<usize, ArgumentError> {
        self.value(option, "a whole number from 1 on", |value| {
            value.parse().ok().filter(|&count| count > 0)
        })
    }

    fn seconds(&mut self, option: &str) -> Result<Duration, ArgumentError> {
        self.value(option, "seconds from 0 to 86400", |value| {
            let seconds: f64 = value.parse().ok()?;
            (0.0..=86_400.0)
                .contains(&seconds)
                .then(|| Duration::from_secs_f64(seconds))
        })
    }
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCommand(command) => write!(f, "unknown command {command}"),
            Self::MissingCommand => write!(f, "a command is missing"),
            Self::UnknownOption(option) => write!(f, "unknown option {option}"),
            Self::MissingOption(option) => write!(f, "{option} is missing"),
            Self::MissingValue(option) => write!(f, "{option} needs a value"),
            Self::InvalidValue {
                option,
                value,
                expected,
            } => write!(f, "{option} must be {expected}, not {value}"),
        }
    }
}

impl std::error::Error for ArgumentError {}

/// Stands where the target goes until the required option has been read.
const UNSET_TARGET: Target = Target::Tcp(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0));

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str) -> Result<Command, ArgumentError> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn run_takes_all_its_options() {
        let line = "run --target 127.0.0.1:9 --protocol tcp --connections 2 --in-flight 3 --size 4 \
                    --seconds 0.5 --warmup 0 --text --pid 7";
        assert_eq!(
            parse_line(line),
            Ok(Command::Run(RunOptions {
                target: "127.0.0.1:9".parse().unwrap(),
                protocol: Protocol::Tcp,
                connections: 2,
                in_flight: 3,
                size: 4,
                duration: Duration::from_millis(500),
                warm_up: Duration::ZERO,
                text: true,
                pid: Some(7),
            }))
        );
    }

    #[test]
    fn idle_takes_all_its_options() {
        let line = "idle --target 127.0.0.1:9 --protocol deflate --connections 2 --warm-connections 3 --size 4 \
                    --text --hold 0.5 --pid 7";
        assert_eq!(
            parse_line(line),
            Ok(Command::Idle(IdleOptions {
                target: "127.0.0.1:9".parse().unwrap(),
                protocol: Protocol::Deflate,
                connections: 2,
                warm_connections: 3,
                size: 4,
                text: true,
                hold: Duration::from_millis(500),
                pid: Some(7),
            }))
        );
    }

    #[test]
    fn defaults_need_a_target_only() {
        assert!(matches!(
            parse_line("run --target [::1]:9"),
            Ok(Command::Run(RunOptions {
                connections: 100,
                in_flight: 1,
                size: 20,
                ..
            }))
        ));
        assert!(matches!(
            parse_line("idle --target 127.0.0.1:9"),
            Ok(Command::Idle(IdleOptions {
                connections: 10_000,
                warm_connections: 0,
                size: 0,
                text: false,
                ..
            }))
        ));
        assert!(matches!(
            parse_line("floor"),
            Ok(Command::Floor(FloorOptions { port: 0, .. }))
        ));
    }

    #[cfg(unix)]
    #[test]
    fn a_target_may_be_a_path() {
        for line in ["run --target unix:/tmp/a", "run --target=unix:/tmp/a"] {
            match parse_line(line) {
                Ok(Command::Run(RunOptions { target, .. })) => {
                    assert_eq!(target, Target::Unix("/tmp/a".into()));
                }
                other => panic!("{line}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_value_may_follow_an_equals_sign() {
        assert_eq!(
            parse_line("floor --port=9 --seconds=2"),
            parse_line("floor --port 9 --seconds 2")
        );
        assert_eq!(
            parse_line("floor --port="),
            Err(ArgumentError::InvalidValue {
                option: "--port".to_owned(),
                value: String::new(),
                expected: "a whole number in its range",
            })
        );
    }

    #[test]
    fn a_wrong_command_line_is_named() {
        let missing = |option: &str| Err(ArgumentError::MissingValue(option.to_owned()));
        assert_eq!(parse_line(""), Err(ArgumentError::MissingCommand));
        assert_eq!(
            parse_line("walk"),
            Err(ArgumentError::UnknownCommand("walk".to_owned()))
        );
        assert_eq!(
            parse_line("run --speed 3"),
            Err(ArgumentError::UnknownOption("--speed".to_owned()))
        );
        assert_eq!(
            parse_line("run"),
            Err(ArgumentError::MissingOption("--target"))
        );
        assert_eq!(parse_line("run --target"), missing("--target"));
        assert_eq!(parse_line("floor --port"), missing("--port"));
    }

    #[test]
    fn a_value_out_of_range_is_named() {
        for (line, option, value) in [
            ("run --target localhost:9", "--target", "localhost:9"),
            ("run --target unix:", "--target", "unix:"),
            ("run --protocol http", "--protocol", "http"),
            ("run --connections 0", "--connections", "0"),
            ("run --in-flight -1", "--in-flight", "-1"),
            ("run --size many", "--size", "many"),
            ("run --seconds NaN", "--seconds", "NaN"),
            ("run --warmup -1", "--warmup", "-1"),
            ("idle --hold 1e9", "--hold", "1e9"),
            ("floor --port 65536", "--port", "65536"),
        ] {
            match parse_line(line) {
                Err(ArgumentError::InvalidValue {
                    option: found_option,
                    value: found_value,
                    ..
                }) => assert_eq!(
                    (found_option.as_str(), found_value.as_str()),
                    (option, value)
                ),
                other => panic!("{line}: {other:?}"),
            }
        }
    }
}
