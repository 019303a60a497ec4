//! Connections that are opened, become a WebSocket, say goodbye, and are closed, one after the other: what each costs.
//!
//! ```text
//! Asking ──response──> Leaving ──close frame──> (the server closes) ──> done, and the next one
//! ```
//!
//! The request goes out as soon as the socket is connected, the goodbye as soon as the response is there. The server closes
//! first, as RFC 6455 section 7.1.1 wants, so that no port of ours has to wait for the rest of its time.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Registry, Token};

use crate::args::HandshakeOptions;
use crate::frame;
use crate::limits;
use crate::report::{self, DRAIN_LIMIT, Load, Problems, Report, Tally};
use crate::target::Target;
use crate::upgrade;

/// Runs to the end.
pub(crate) fn run(options: &HandshakeOptions) -> Result<Report, Box<dyn std::error::Error>> {
    #[cfg_attr(not(unix), expect(irrefutable_let_patterns))]
    let Target::Tcp(address) = options.target else {
        return Err("handshakes need an address of TCP".into());
    };
    limits::make_room_for(options.connections)?;
    report::measure(&options.window, || {
        let mut visitors = Visitors::new(address, options)?;
        for index in 0..options.connections {
            visitors.open(index);
        }
        Ok(visitors)
    })
}

/// Those who come and go.
struct Visitors {
    poll: Poll,
    events: Events,
    address: SocketAddr,
    request: Vec<u8>,
    /// By token; `None` when it has ended and no next one has come.
    visits: Vec<Option<Visit>>,
    /// Whether a next one comes for each that has gone.
    goes_on: bool,
    tally: Tally,
    problems: Problems,
}

/// One connection from its beginning to its end.
struct Visit {
    stream: TcpStream,
    began: Instant,
    state: State,
    /// All that has come from the server.
    arrived: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The request is not sent: the socket was not connected yet.
    Connecting,
    /// The response is not complete.
    Asking,
    /// Goodbye is said; it began so far into what arrives.
    Leaving { response: usize },
}

impl Visitors {
    fn new(address: SocketAddr, options: &HandshakeOptions) -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS),
            address,
            request: upgrade::request(&options.target, false).into_bytes(),
            visits: (0..options.connections).map(|_| None).collect(),
            goes_on: true,
            tally: Tally::new(),
            problems: Problems::default(),
        })
    }

    fn open(&mut self, index: usize) {
        match Visit::begin(self.address, self.poll.registry(), Token(index)) {
            Ok(visit) => self.visits[index] = Some(visit),
            Err(error) => self.problems.add(1, || format!("cannot connect: {error}")),
        }
    }

    fn serve(&mut self, index: usize) {
        let Some(visit) = &mut self.visits[index] else {
            return;
        };
        match visit.go_on(&self.request) {
            Ok(false) => return,
            Ok(true) => self.tally.add(visit.began.elapsed(), visit.arrived.len()),
            Err(problem) => self.problems.add(1, || problem),
        }
        self.visits[index] = None;
        if self.goes_on {
            self.open(index);
        }
    }

    fn turn(&mut self, timeout: Duration) -> io::Result<()> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        }
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            self.serve(event.token().0);
        }
        self.events = events;
        Ok(())
    }
}

impl Load for Visitors {
    /// Ends early when something has gone wrong: what goes wrong once goes wrong a thousand times a second.
    fn work_until(&mut self, deadline: Instant) -> io::Result<()> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || !self.problems.is_empty() {
                return Ok(());
            }
            self.turn(left)?;
        }
    }

    fn drain(&mut self) -> io::Result<()> {
        self.goes_on = false;
        let deadline = Instant::now() + DRAIN_LIMIT;
        loop {
            let missing = self.visits.iter().flatten().count();
            let left = deadline.saturating_duration_since(Instant::now());
            if missing > 0 && left.is_zero() {
                self.problems
                    .add(missing, || format!("{missing} connections did not end"));
            }
            if missing == 0 || left.is_zero() {
                return Ok(());
            }
            self.turn(left)?;
        }
    }

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn problems(&mut self) -> &mut Problems {
        &mut self.problems
    }
}

impl Visit {
    fn begin(address: SocketAddr, registry: &Registry, token: Token) -> io::Result<Self> {
        let began = Instant::now();
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self {
            stream,
            began,
            state: State::Connecting,
            arrived: Vec::with_capacity(USUAL_RESPONSE),
        })
    }

    /// Does what can be done now. True: the server has closed, and all that it said was right.
    fn go_on(&mut self, request: &[u8]) -> Result<bool, String> {
        if self.state == State::Connecting && !self.ask(request)? {
            return Ok(false);
        }
        let ended = self.read()?;
        if self.state == State::Asking
            && let Some((response, _)) =
                upgrade::judge(&self.arrived, false).map_err(|error| error.to_string())?
        {
            self.state = State::Leaving { response };
            self.write(&frame::client_close())?;
        }
        match self.state {
            _ if !ended => Ok(false),
            State::Leaving { response } if frame::is_server_close(&self.arrived[response..]) => {
                Ok(true)
            }
            State::Leaving { response } => Err(format!(
                "a wrong goodbye: {:02x?}",
                &self.arrived[response..]
            )),
            State::Connecting | State::Asking => Err("the server closed a connection".to_owned()),
        }
    }

    /// Sends the request, if the socket is connected.
    fn ask(&mut self, request: &[u8]) -> Result<bool, String> {
        if let Ok(Some(error)) | Err(error) = self.stream.take_error() {
            return Err(format!("cannot connect: {error}"));
        }
        match self.stream.peer_addr() {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(false),
            Err(error) => return Err(format!("cannot connect: {error}")),
        }
        self.write(request)?;
        self.state = State::Asking;
        Ok(true)
    }

    /// Few bytes, for which the kernel has room.
    fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        match self.stream.write(bytes) {
            Ok(count) if count == bytes.len() => Ok(()),
            Ok(_) => Err("the kernel has no room for a handshake".to_owned()),
            Err(error) => Err(format!("a connection failed: {error}")),
        }
    }

    /// Reads what there is; true at the end.
    fn read(&mut self) -> Result<bool, String> {
        let mut buffer = [0; USUAL_RESPONSE];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(true),
                Ok(count) => self.arrived.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(format!("a connection failed: {error}")),
            }
        }
    }
}

/// Events of one poll.
const EVENTS: usize = 1024;

/// More bytes than a response has, as a rule.
const USUAL_RESPONSE: usize = 1024;

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use crate::args::Window;

    const SWITCH: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                            sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    /// Runs against a server that answers the request and then says `goodbye`, to each of `count` visitors, and refuses
    /// others.
    fn visit(goodbye: &'static [u8]) -> Result<Report, Box<dyn std::error::Error>> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            while let Ok((mut socket, _)) = listener.accept() {
                let mut bytes = [0; 1024];
                let count = socket.read(&mut bytes).unwrap();
                if !bytes[..count].ends_with(b"\r\n\r\n") {
                    return;
                }
                socket.write_all(SWITCH).unwrap();
                let count = socket.read(&mut bytes).unwrap();
                assert_eq!(bytes[..count], frame::client_close());
                socket.write_all(goodbye).unwrap();
            }
        });
        let report = run(&HandshakeOptions {
            target: Target::Tcp(address),
            connections: 2,
            window: Window {
                duration: Duration::from_millis(50),
                warm_up: Duration::ZERO,
                pid: None,
            },
        });
        drop(std::net::TcpStream::connect(address).unwrap());
        server.join().unwrap();
        report
    }

    #[test]
    fn visitors_come_and_go() {
        let report = visit(&[0x88, 2, 3, 232]).unwrap();
        assert!(report.is_healthy(), "{report:?}");
        let expected = SWITCH.len() + 4;
        assert_eq!(report.to_json()["echoBytes"], expected as f64);
    }

    #[test]
    fn a_wrong_goodbye_is_an_error() {
        let report = visit(&[0x88, 2, 3, 233]).unwrap();
        assert!(!report.is_healthy());
        assert_eq!(
            report.to_json()["firstError"],
            "a wrong goodbye: [88, 02, 03, e9]"
        );
    }
}
