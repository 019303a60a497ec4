//! `gev-load`: puts load on a server and says what it cost the server.
//!
//! ```text
//! run         messages on connections that stay: each keeps a number of them in flight, or the clock says when one is sent,
//!             or what a member of a room sends comes to all of them
//! handshake   connections that are opened, become a WebSocket, and are closed again
//! burst       connections that make a server keep bytes, and then go: its memory before, meanwhile, and after
//! idle        many connections that do nothing, or nothing any more: what each costs the server in memory
//! floor       a bare echo server, the least that any server can cost
//! ```
//!
//! Everything runs on one thread and ends by itself. Results are one line of JSON on stdout; problems go to stderr.
//! Exit code 0: all is well; 1: the server or the machine failed; 2: wrong arguments.

mod args;
mod burst;
mod connect;
mod connection;
mod content;
mod deflate;
mod floor;
mod frame;
mod framing;
mod handshake;
mod idle;
mod limits;
mod process;
mod records;
mod report;
mod rooms;
mod run;
mod schedule;
mod stream;
mod target;
mod template;
mod upgrade;

use std::error::Error;
use std::process::ExitCode;

use args::Command;

fn main() -> ExitCode {
    let command = match args::parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("gev-load: {error}\n\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    match execute(&command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("gev-load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: &Command) -> Result<ExitCode, Box<dyn Error>> {
    let healthy = match command {
        Command::Run(options) => {
            let report = run::run(options)?;
            println!("{}", report.to_json());
            report.is_healthy()
        }
        Command::Handshake(options) => {
            let report = handshake::run(options)?;
            println!("{}", report.to_json());
            report.is_healthy()
        }
        Command::Burst(options) => {
            let report = burst::burst(options)?;
            println!("{}", report.to_json());
            report.is_healthy()
        }
        Command::Idle(options) => {
            let report = idle::idle(options)?;
            println!("{}", report.to_json());
            report.is_healthy()
        }
        Command::Floor(options) => {
            floor::serve(options)?;
            true
        }
    };
    Ok(if healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
