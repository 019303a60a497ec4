//! From words to a [`Command`].

use std::iter;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::options::Options;
use super::{
    ArgumentError, Burst, BurstOptions, Command, FloorOptions, HandshakeOptions, IdleOptions, Pace,
    Protocol, RunOptions, Window,
};
use crate::content::Content;
use crate::target::Target;

/// Reads the arguments behind the program's name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Command, ArgumentError> {
    let mut arguments = arguments.into_iter().flat_map(split_at_equals);
    match arguments.next().as_deref() {
        Some("run") => parse_run(arguments).map(Command::Run),
        Some("handshake") => parse_handshake(arguments).map(Command::Handshake),
        Some("burst") => parse_burst(arguments).map(Command::Burst),
        Some("idle") => parse_idle(arguments).map(Command::Idle),
        Some("floor") => parse_floor(arguments).map(Command::Floor),
        Some(other) => Err(ArgumentError::UnknownCommand(other.to_owned())),
        None => Err(ArgumentError::MissingCommand),
    }
}

fn parse_run(arguments: impl Iterator<Item = String>) -> Result<RunOptions, ArgumentError> {
    let mut options = Options(arguments);
    let mut target = None;
    let mut pace = None;
    let mut run = RunOptions {
        target: UNSET_TARGET,
        protocol: Protocol::WebSocket,
        connections: 100,
        content: Content::Binary,
        size: 20,
        pace: Pace::InFlight(1),
        window: USUAL_WINDOW,
    };
    while let Some(option) = options.0.next() {
        match option.as_str() {
            "--target" => target = Some(options.target(&option)?),
            "--protocol" => run.protocol = options.protocol(&option)?,
            "--connections" => run.connections = options.count(&option)?,
            "--content" => run.content = options.content(&option)?,
            "--size" => run.size = options.count(&option)?,
            "--in-flight" | "--room" | "--rate" => {
                let chosen = options.pace(&option)?;
                if let Some((other, _)) = pace.replace((option.clone(), chosen)) {
                    return Err(ArgumentError::Excluded(other, option));
                }
            }
            _ => options.window(option, &mut run.window)?,
        }
    }
    if let Some((_, pace)) = pace {
        run.pace = pace;
    }
    can_be_sent(run.protocol, run.content, run.size)?;
    run.target = target.ok_or(ArgumentError::MissingOption("--target"))?;
    Ok(run)
}

fn parse_handshake(
    arguments: impl Iterator<Item = String>,
) -> Result<HandshakeOptions, ArgumentError> {
    let mut options = Options(arguments);
    let mut target = None;
    let mut handshake = HandshakeOptions {
        target: UNSET_TARGET,
        connections: 16,
        window: USUAL_WINDOW,
    };
    while let Some(option) = options.0.next() {
        match option.as_str() {
            "--target" => target = Some(options.target(&option)?),
            "--connections" => handshake.connections = options.count(&option)?,
            _ => options.window(option, &mut handshake.window)?,
        }
    }
    handshake.target = target.ok_or(ArgumentError::MissingOption("--target"))?;
    Ok(handshake)
}

fn parse_burst(arguments: impl Iterator<Item = String>) -> Result<BurstOptions, ArgumentError> {
    let mut options = Options(arguments);
    let mut target = None;
    let mut kind = None;
    let mut burst = BurstOptions {
        target: UNSET_TARGET,
        kind: Burst::Unread,
        connections: 1000,
        size: 65_536,
        hold: Duration::from_secs(2),
        rest: Duration::from_secs(10),
        pid: None,
    };
    while let Some(option) = options.0.next() {
        match option.as_str() {
            "--target" => target = Some(options.target(&option)?),
            "--kind" => kind = Some(options.burst(&option)?),
            "--connections" => burst.connections = options.count(&option)?,
            "--size" => burst.size = options.count(&option)?,
            "--hold" => burst.hold = options.seconds(&option)?,
            "--rest" => burst.rest = options.seconds(&option)?,
            "--pid" => burst.pid = Some(options.number(&option)?),
            _ => return Err(ArgumentError::UnknownOption(option)),
        }
    }
    burst.target = target.ok_or(ArgumentError::MissingOption("--target"))?;
    burst.kind = kind.ok_or(ArgumentError::MissingOption("--kind"))?;
    Ok(burst)
}

fn parse_idle(arguments: impl Iterator<Item = String>) -> Result<IdleOptions, ArgumentError> {
    let mut options = Options(arguments);
    let mut target = None;
    let mut idle = IdleOptions {
        target: UNSET_TARGET,
        protocol: Protocol::WebSocket,
        connections: 10_000,
        warm_connections: 0,
        content: Content::Binary,
        size: 0,
        hold: Duration::from_secs(2),
        pid: None,
    };
    while let Some(option) = options.0.next() {
        match option.as_str() {
            "--target" => target = Some(options.target(&option)?),
            "--protocol" => idle.protocol = options.protocol(&option)?,
            "--connections" => idle.connections = options.count(&option)?,
            "--warm-connections" => idle.warm_connections = options.number(&option)?,
            "--content" => idle.content = options.content(&option)?,
            "--size" => idle.size = options.number(&option)?,
            "--hold" => idle.hold = options.seconds(&option)?,
            "--pid" => idle.pid = Some(options.number(&option)?),
            _ => return Err(ArgumentError::UnknownOption(option)),
        }
    }
    if idle.size > 0 {
        can_be_sent(idle.protocol, idle.content, idle.size)?;
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

/// Compressed messages are of any size, whatever their frames are called.
fn can_be_sent(protocol: Protocol, content: Content, size: usize) -> Result<(), ArgumentError> {
    let least = match protocol {
        Protocol::Deflate => 0,
        Protocol::Framed(framing) if !framing.takes(content) => {
            return Err(ArgumentError::LinesAreText);
        }
        Protocol::Framed(framing) => framing.min_size().max(content.min_size()),
        Protocol::WebSocket | Protocol::Tcp => content.min_size(),
    };
    if size < least {
        return Err(ArgumentError::TooSmall(least));
    }
    Ok(())
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

/// Stands where the target goes until the required option has been read.
const UNSET_TARGET: Target = Target::Tcp(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0));

const USUAL_WINDOW: Window = Window {
    duration: Duration::from_secs(3),
    warm_up: Duration::from_secs(1),
    pid: None,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::Framing;

    fn parse_line(line: &str) -> Result<Command, ArgumentError> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    const WINDOW: Window = Window {
        duration: Duration::from_millis(500),
        warm_up: Duration::ZERO,
        pid: Some(7),
    };

    #[test]
    fn run_takes_all_its_options() {
        for (pace_words, pace) in [
            ("--in-flight 3", Pace::InFlight(3)),
            ("--room 50", Pace::Rooms(50)),
            ("--rate 1e3", Pace::Rate(1000.0)),
        ] {
            let line = format!(
                "run --target 127.0.0.1:9 --protocol tcp --connections 2 {pace_words} --size 4 \
                 --content utf8 --seconds 0.5 --warmup 0 --pid 7"
            );
            assert_eq!(
                parse_line(&line),
                Ok(Command::Run(RunOptions {
                    target: "127.0.0.1:9".parse().unwrap(),
                    protocol: Protocol::Tcp,
                    connections: 2,
                    content: Content::Utf8,
                    size: 4,
                    pace,
                    window: WINDOW,
                }))
            );
        }
    }

    #[test]
    fn handshake_takes_all_its_options() {
        assert_eq!(
            parse_line(
                "handshake --target 127.0.0.1:9 --connections 2 --seconds 0.5 --warmup 0 --pid 7"
            ),
            Ok(Command::Handshake(HandshakeOptions {
                target: "127.0.0.1:9".parse().unwrap(),
                connections: 2,
                window: WINDOW,
            }))
        );
    }

    #[test]
    fn burst_takes_all_its_options() {
        let line = "burst --target 127.0.0.1:9 --kind half --connections 2 --size 4 --hold 0.5 --rest 0 --pid 7";
        assert_eq!(
            parse_line(line),
            Ok(Command::Burst(BurstOptions {
                target: "127.0.0.1:9".parse().unwrap(),
                kind: Burst::Half,
                connections: 2,
                size: 4,
                hold: Duration::from_millis(500),
                rest: Duration::ZERO,
                pid: Some(7),
            }))
        );
    }

    #[test]
    fn idle_takes_all_its_options() {
        let line = "idle --target 127.0.0.1:9 --protocol deflate --connections 2 --warm-connections 3 --size 4 \
                    --content text --hold 0.5 --pid 7";
        assert_eq!(
            parse_line(line),
            Ok(Command::Idle(IdleOptions {
                target: "127.0.0.1:9".parse().unwrap(),
                protocol: Protocol::Deflate,
                connections: 2,
                warm_connections: 3,
                content: Content::Text,
                size: 4,
                hold: Duration::from_millis(500),
                pid: Some(7),
            }))
        );
    }

    #[test]
    fn json_needs_room() {
        let line = |size| format!("run --target 127.0.0.1:9 --content json --size {size}");
        let least = Content::Json.min_size();
        assert!(parse_line(&line(least)).is_ok());
        assert_eq!(
            parse_line(&line(least - 1)),
            Err(ArgumentError::TooSmall(least))
        );
        assert!(parse_line(&format!("{} --protocol deflate", line(2))).is_ok());
    }

    #[test]
    fn lines_are_text_and_reports_have_a_header() {
        let line = |rest| parse_line(&format!("run --target 127.0.0.1:9 --protocol {rest}"));
        assert!(matches!(
            line("lines --content text"),
            Ok(Command::Run(RunOptions {
                protocol: Protocol::Framed(Framing::Lines),
                ..
            }))
        ));
        assert_eq!(line("lines"), Err(ArgumentError::LinesAreText));
        assert_eq!(line("jt808 --size 12"), Err(ArgumentError::TooSmall(13)));
        for rest in ["jt808 --size 13", "length-prefixed --size 1", "resp"] {
            assert!(line(rest).is_ok(), "{rest}");
        }
    }

    #[test]
    fn defaults_need_a_target_only() {
        assert!(matches!(
            parse_line("run --target [::1]:9"),
            Ok(Command::Run(RunOptions {
                connections: 100,
                pace: Pace::InFlight(1),
                content: Content::Binary,
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
        assert_eq!(
            parse_line("burst --target 127.0.0.1:9"),
            Err(ArgumentError::MissingOption("--kind"))
        );
        assert_eq!(
            parse_line("run --room 3 --rate=4"),
            Err(ArgumentError::Excluded(
                "--room".to_owned(),
                "--rate".to_owned()
            ))
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
            ("run --room 0", "--room", "0"),
            ("run --rate 0.5", "--rate", "0.5"),
            ("run --content html", "--content", "html"),
            ("burst --kind whole", "--kind", "whole"),
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
