//! A session with everything around it made of memory: a clock that is moved by hand, a socket that takes what it is told to
//! take, and an application that writes down what it hears.
//!
//! What happens is told as one line, in the order in which it does: `open`, `message ab`, `sent xy` (to the peer), `fin`,
//! `gone 1000 local clean`. Times in it are milliseconds since accept.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gev_frames::Frames;
use gev_session::{
    Around, Config, Event, Heard, Loan, MemoryBudget, Next, Pools, Rank, Session, Share, Stopping,
    Timeouts,
};
use gev_wire::websocket::{Config as WebSocketConfig, Shared, WebSocket};
use gev_wire::{Close, CloseCause, Codec, MessageKind, Outgoing, ProxyMode, Raw};

use crate::around::{Line, StageClock, Taker, Told, gone};

/// A connection, seen from all sides.
pub(crate) struct Stage {
    /// `None` when it is gone.
    session: Option<Session>,
    pub(crate) config: Config,
    pools: Pools,
    told: Told,
    outlet: Taker,
    start: Instant,
    clock: Arc<Mutex<Instant>>,
    stopping: Option<Stopping>,
    /// The application takes what comes.
    is_heard: bool,
    arrived: Arrived,
    line: Line,
}

/// What the socket has for the session.
#[derive(Default)]
struct Arrived {
    bytes: Vec<u8>,
    fin: bool,
}

/// Raw TCP that has opened.
pub(crate) fn raw() -> Stage {
    Stage::new(Box::new(Raw::default()), Config::default()).begin()
}

/// As above, configured otherwise.
pub(crate) fn raw_with(config: Config) -> Stage {
    Stage::new(Box::new(Raw::default()), config).begin()
}

/// As above, configured with these.
pub(crate) fn raw_timed(timeouts: Timeouts) -> Stage {
    raw_with(Config {
        timeouts,
        ..Config::default()
    })
}

/// Raw TCP behind a proxy.
pub(crate) fn raw_behind(mode: ProxyMode) -> Stage {
    Stage::new(Box::new(Raw::default()), Config::default())
        .behind(mode)
        .begin()
}

/// A WebSocket behind a proxy.
pub(crate) fn web_socket_behind(mode: ProxyMode) -> Stage {
    let codec = WebSocket::new(Shared::new(Arc::default()));
    Stage::new(Box::new(codec), Config::default())
        .behind(mode)
        .begin()
}

/// Frames that are cut so.
pub(crate) fn framed(framing: gev_frames::Config, timeouts: Timeouts) -> Stage {
    let framing = gev_frames::Framing::new(framing).expect("a right configuration");
    let config = Config {
        timeouts,
        ..Config::default()
    };
    Stage::new(Box::new(Frames::new(Arc::new(framing))), config).begin()
}

/// Any of these, one message at a time, when its opening has been handled.
pub(crate) fn stepwise(codec: Box<dyn Codec>) -> Stage {
    opening_stepwise(codec).steps()
}

/// As above, before.
pub(crate) fn opening_stepwise(codec: Box<dyn Codec>) -> Stage {
    Stage::new(codec, one_by_one()).begin()
}

/// As above, behind a proxy.
pub(crate) fn opening_stepwise_behind(codec: Box<dyn Codec>) -> Stage {
    Stage::new(codec, one_by_one())
        .behind(ProxyMode::Required)
        .begin()
}

fn one_by_one() -> Config {
    Config {
        stepwise: true,
        ..Config::default()
    }
}

/// A WebSocket that has said nothing.
pub(crate) fn silent() -> Stage {
    speaking(WebSocketConfig::default(), Config::default())
}

/// A WebSocket that is open; what led there is not told.
pub(crate) fn web_socket() -> Stage {
    web_socket_with(Config::default())
}

/// As above, configured otherwise.
pub(crate) fn web_socket_with(config: Config) -> Stage {
    let stage = speaking(WebSocketConfig::default(), config).receives(REQUEST);
    stage.line.0.borrow_mut().clear();
    stage
}

/// As above, configured with these.
pub(crate) fn web_socket_timed(timeouts: Timeouts) -> Stage {
    web_socket_with(Config {
        timeouts,
        ..Config::default()
    })
}

/// A WebSocket whose application answers all requests itself.
pub(crate) fn asking() -> Stage {
    let config = WebSocketConfig {
        ask_upgrades: true,
        ask_requests: true,
        ..WebSocketConfig::default()
    };
    speaking(config, Config::default())
}

/// A WebSocket, before the first byte.
pub(crate) fn speaking(web_socket: WebSocketConfig, config: Config) -> Stage {
    let codec = WebSocket::new(Shared::new(Arc::new(web_socket)));
    Stage::new(Box::new(codec), config).begin()
}

impl Stage {
    fn new(codec: Box<dyn Codec>, config: Config) -> Self {
        let start = Instant::now();
        let clock = Arc::new(Mutex::new(start));
        let line = Line::default();
        let share = Share::new(&Arc::new(MemoryBudget::new(0)));
        Self {
            session: Some(Session::new(codec, &config, share, start)),
            pools: Pools::new(1 << 20, Box::new(StageClock(Arc::clone(&clock)))),
            config,
            told: Told {
                line: line.clone(),
                payload: Vec::new(),
                room: usize::MAX,
            },
            outlet: Taker {
                line: line.clone(),
                room: usize::MAX,
                error: None,
                taken: Vec::new(),
            },
            start,
            clock,
            stopping: None,
            is_heard: true,
            arrived: Arrived::default(),
            line,
        }
    }

    fn behind(mut self, mode: ProxyMode) -> Self {
        self.session = self.session.map(|it| it.behind_proxy(mode));
        self
    }

    fn begin(self) -> Self {
        self.turn()
    }

    /// Fails unless this is what has happened.
    pub(crate) fn says(self, expected: &str) {
        assert_eq!(*self.line.0.borrow(), expected);
    }

    /// All that has happened.
    pub(crate) fn told(self) -> String {
        self.line.0.borrow().clone()
    }

    /// How many messages the application has been given.
    pub(crate) fn messages(&self) -> usize {
        self.line.0.borrow().matches("message ").count()
    }

    /// Fails unless so many bytes are dealt with, other than when it was asked last.
    pub(crate) fn has_dealt_with(mut self, bytes: u32) -> Self {
        let gauges = self.session.as_mut().and_then(Session::changed_gauges);
        assert_eq!(gauges.map(|it| it.done), Some(bytes));
        self
    }

    fn now(&self) -> Instant {
        *self.clock.lock().expect("one thread")
    }

    fn deadline_of_close(&self) -> Instant {
        self.now() + self.config.close_timeout
    }

    /// Does something with the session, if there still is one, and what follows from it.
    fn act(
        mut self,
        what: impl FnOnce(&mut Session, &mut Around<'_, Told, Taker>) -> Next,
    ) -> Self {
        let Some(mut session) = self.session.take() else {
            return self;
        };
        let mut around = Around {
            now: *self.clock.lock().expect("one thread"),
            events: &mut self.told,
            outlet: &mut self.outlet,
            pools: &mut self.pools,
            config: &self.config,
            rank: Rank::Any,
        };
        let mut next = what(&mut session, &mut around);
        while !matches!(next, Next::Gone(_)) && session.wants_flush() {
            next = session.flush(around.outlet, around.pools);
        }
        around.outlet.tell();
        if let Next::Gone(reason) = next {
            let last = session.last_word(reason);
            session.release(&mut self.pools);
            self.line.say(&gone(last));
            return self;
        }
        session.stamp(&self.config, &self.pools);
        while let Some(news) = session.next_news() {
            self.line.say(match news {
                Event::Sent => "was sent",
                Event::Switched => "switched",
                _ => "drained",
            });
        }
        if let Some(stopping) = &self.stopping {
            session.stop(stopping);
        }
        self.session = Some(session);
        self
    }

    /// Its turn: what is left is decoded, and then what has arrived.
    pub(crate) fn turn(mut self) -> Self {
        let mut arrived = std::mem::take(&mut self.arrived);
        let stage = self.act(|session, around| {
            let mut next = session.go_on(around);
            loop {
                if next != Next::Wait || session.is_paused() {
                    return next;
                }
                if session.wants_input() && !arrived.bytes.is_empty() {
                    let bytes = std::mem::take(&mut arrived.bytes);
                    next = session.receive(&bytes, around);
                } else if session.wants_input() && std::mem::take(&mut arrived.fin) {
                    return session.receive_end(around);
                } else {
                    return session.look_last(around);
                }
            }
        });
        Self { arrived, ..stage }
    }

    /// This comes to the socket, which keeps it until the session takes it.
    pub(crate) fn gets(mut self, bytes: &[u8]) -> Self {
        self.arrived.bytes.extend(bytes);
        self.turn()
    }

    /// As above, FIN.
    pub(crate) fn gets_fin(mut self) -> Self {
        self.arrived.fin = true;
        self.turn()
    }

    pub(crate) fn receives(self, bytes: &[u8]) -> Self {
        self.act(|session, around| match session.go_on(around) {
            Next::Wait if session.wants_input() && !session.is_paused() => {
                session.receive(bytes, around)
            }
            next => next,
        })
    }

    /// The peer sends FIN.
    pub(crate) fn peer_ends(self) -> Self {
        self.act(|session, around| {
            if session.wants_input() && !session.is_paused() {
                return session.receive_end(around);
            }
            Next::Wait
        })
    }

    /// The socket fails.
    pub(crate) fn breaks(self) -> Self {
        self.act(|session, _| session.failed(&ErrorKind::ConnectionReset.into()))
    }

    /// Writing to the socket fails from now on.
    pub(crate) fn fails_to_write(mut self) -> Self {
        self.outlet.error = Some(ErrorKind::BrokenPipe);
        self
    }

    /// The socket takes no more than so many bytes.
    pub(crate) fn has_room_for(mut self, bytes: usize) -> Self {
        self.outlet.room = bytes;
        self
    }

    /// The socket takes so many bytes more, and says so.
    pub(crate) fn takes(mut self, bytes: usize) -> Self {
        self.outlet.room = bytes;
        self.act(|session, around| {
            session.note_writable();
            session.flush(around.outlet, around.pools)
        })
    }

    /// There is room for so many events only.
    pub(crate) fn hears(mut self, events: usize) -> Self {
        self.told.room = events;
        self.turn()
    }

    /// The application is busy: nothing is received.
    pub(crate) fn gets_busy(mut self) -> Self {
        self.is_heard = false;
        self
    }

    /// Time passes, up to so many milliseconds after accept; deadlines are seen to when they come.
    pub(crate) fn at(mut self, ms: u64) -> Self {
        let until = self.start + Duration::from_millis(ms);
        loop {
            let deadline = self
                .session
                .as_ref()
                .and_then(|it| it.deadline(&self.config));
            let Some(deadline) = deadline.filter(|&at| at <= until) else {
                *self.clock.lock().expect("one thread") = until;
                return self;
            };
            let now = deadline.max(self.now());
            *self.clock.lock().expect("one thread") = now;
            let heard = Heard {
                has_unread: !self.is_heard,
                is_heard: self.is_heard,
            };
            self = self.act(|session, around| {
                match session.expire(now, heard, around.config, around.outlet, around.pools) {
                    Next::Again => session.go_on(around),
                    next => next,
                }
            });
            let ms = now.duration_since(self.start).as_millis();
            if self.session.is_none() {
                self.line.say(&format!("at {ms}"));
            }
        }
    }

    pub(crate) fn sends(self, message: &[u8]) -> Self {
        self.act(|session, around| {
            let outgoing = Outgoing::whole(MessageKind::Binary);
            session.send(outgoing, message, around.outlet, around.pools)
        })
    }

    /// Sends what it is lent.
    pub(crate) fn lends(self, bytes: &Arc<[u8]>) -> Self {
        let loan = Loan::new(Arc::clone(bytes));
        self.act(|session, around| {
            let outgoing = Outgoing::whole(MessageKind::Binary);
            session.send_loan(outgoing, loan, around.outlet, around.pools)
        })
    }

    /// Sends what others get too.
    pub(crate) fn shares(self, message: &mut gev_session::Shared<'_>) -> Self {
        self.act(|session, around| session.send_shared(message, around.outlet, around.pools))
    }

    pub(crate) fn pings(self) -> Self {
        self.act(|session, around| {
            session.ping(b"here", around.pools);
            Next::Wait
        })
    }

    pub(crate) fn closes(self, code: u16, reason: &str) -> Self {
        let deadline = self.deadline_of_close();
        let close = Close::new(code, reason);
        self.act(|session, around| {
            session.close(close, CloseCause::Local, deadline, around.pools);
            Next::Wait
        })
    }

    /// The handler has sent what it wants to send.
    pub(crate) fn ends(self) -> Self {
        let deadline = self.deadline_of_close();
        self.act(|session, around| {
            session.end(deadline, around.pools);
            Next::Wait
        })
    }

    pub(crate) fn expels(self) -> Self {
        let deadline = self.deadline_of_close();
        let close = Close::new(1013, "short of memory");
        self.act(|session, around| {
            let (outlet, pools) = (&mut *around.outlet, &mut *around.pools);
            session.expel(close, CloseCause::Limit, deadline, outlet, pools)
        })
    }

    /// The loop stops, and takes so many milliseconds at most for it.
    pub(crate) fn stops(mut self, ms: u64) -> Self {
        let deadline = self.now() + Duration::from_millis(ms);
        self.stopping = Some(Stopping {
            close: Close::new(1001, "stopped"),
            deadline,
            handshakes: deadline.min(self.now() + Duration::from_secs(1)),
        });
        self.act(|_, _| Next::Wait).turn()
    }

    pub(crate) fn shuts_down(self) -> Self {
        self.act(|session, around| {
            session.shut_down_write();
            session.flush(around.outlet, around.pools)
        })
    }

    pub(crate) fn pauses(self) -> Self {
        self.act(|session, _| {
            session.pause();
            Next::Wait
        })
    }

    pub(crate) fn resumes(self) -> Self {
        self.act(|session, _| {
            session.resume();
            Next::Wait
        })
        .turn()
    }

    /// The handler is done with what it was given.
    pub(crate) fn steps(self) -> Self {
        self.act(|session, _| {
            session.step();
            Next::Wait
        })
        .turn()
    }

    /// The application gives back what it was given.
    pub(crate) fn unreads(self, bytes: &[u8]) -> Self {
        self.act(|session, around| {
            session.unread(bytes, around.config, around.pools);
            Next::Wait
        })
    }

    /// From now on something else is spoken, stepwise or not.
    pub(crate) fn switches_to(mut self, codec: Box<dyn Codec>, stepwise: bool) -> Self {
        let deadline = self.deadline_of_close();
        self.config.stepwise = stepwise;
        self.act(|session, around| {
            session.set_protocol(codec, deadline, around.pools);
            Next::Wait
        })
        .turn()
    }

    pub(crate) fn accepts(self) -> Self {
        self.act(|session, _| {
            session.accept(b"\n");
            Next::Wait
        })
        .turn()
    }

    pub(crate) fn responds(self, bytes: &[u8], more: bool) -> Self {
        let deadline = self.deadline_of_close();
        self.act(|session, around| {
            session.respond(bytes, more, deadline, around.pools);
            Next::Wait
        })
    }

    /// The client who has asked is gone.
    pub(crate) fn leaves(self) -> Self {
        self.act(|session, _| session.left())
    }

    pub(crate) fn asks_for_sent(self) -> Self {
        self.act(|session, _| {
            session.tell_sent();
            Next::Wait
        })
    }

    pub(crate) fn asks_for_drained(self, mark: u32) -> Self {
        self.act(|session, _| {
            session.tell_drained(mark);
            Next::Wait
        })
    }
}

/// A frame of a client, masked with zeros.
pub(crate) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126);
    let mut frame = vec![0x80 | opcode, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    frame.extend(payload);
    frame
}

pub(crate) fn close_frame(code: u16) -> Vec<u8> {
    frame(8, &code.to_be_bytes())
}

pub(crate) const TEXT: u8 = 1;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// Of RFC 6455 section 1.3.
pub(crate) const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

pub(crate) const PLAIN: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
