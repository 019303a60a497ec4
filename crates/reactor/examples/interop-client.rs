//! The checks of `conformance/interop` with tungstenite's client, `interop-client URL`: a line `CHECK OUTCOME` for each.

use std::{
    error::Error,
    fmt::Display,
    io::{Read, Write},
    net::TcpStream,
};

use tungstenite::{
    Bytes, ClientRequestBuilder, Message, WebSocket, connect,
    protocol::{
        CloseFrame,
        frame::{
            Frame,
            coding::{Data, OpCode},
        },
    },
    stream::MaybeTlsStream,
};

type Socket = WebSocket<MaybeTlsStream<TcpStream>>;
type Outcome = Result<&'static str, Box<dyn Error>>;
/// A function of the server's URL.
type Check = fn(&str) -> Outcome;

const CHECKS: [(&str, Check); 15] = [
    ("text", text),
    ("binary", binary),
    ("large", large),
    ("fragments-sent", fragments_sent),
    ("fragments-received", fragments_received),
    ("deflate", deflate),
    ("deflate-dedicated", deflate),
    ("ping", ping),
    ("pong", pong),
    ("subprotocol", subprotocol),
    ("close-1000", |url| client_closes(url, 1000, "")),
    ("close-4001", |url| client_closes(url, 4001, "so long")),
    ("closed-1001", |url| server_closes(url, 1001, "")),
    ("closed-4002", |url| server_closes(url, 4002, "bye now")),
    ("unix", unix),
];

const MIB: usize = 1024 * 1024;

fn main() {
    let url = std::env::args().nth(1).expect("the server's URL");
    for (name, check) in CHECKS {
        match check(&url) {
            Ok(word) => println!("{name} {word}"),
            Err(error) => println!("{name} {error}"),
        }
    }
}

fn text(url: &str) -> Outcome {
    let messages = ["hello", "grüße, 世界 👋", ""].map(Message::text);
    echo(url, messages.to_vec())
}

fn binary(url: &str) -> Outcome {
    echo(url, vec![pattern(256), pattern(0)])
}

fn large(url: &str) -> Outcome {
    echo(url, vec![pattern(MIB), Message::text(records(MIB))])
}

fn fragments_sent(url: &str) -> Outcome {
    let mut socket = open(url)?;
    let frames = [
        (Data::Text, "frag", false),
        (Data::Continue, "", false),
        (Data::Continue, "mented ", false),
        (Data::Continue, "👋", true),
    ];
    for (kind, piece, fin) in frames {
        let piece = Bytes::from_static(piece.as_bytes());
        let frame = Frame::message(piece, OpCode::Data(kind), fin);
        socket.send(Message::Frame(frame))?;
    }
    same(read_text(&mut socket)?, "fragmented 👋")
}

fn fragments_received(url: &str) -> Outcome {
    talk(url, "!fragments frag mented 👋", "fragmented👋")
}

/// tungstenite has no extensions.
fn deflate(_url: &str) -> Outcome {
    Ok("-")
}

fn ping(url: &str) -> Outcome {
    let mut socket = open(url)?;
    let data = Bytes::from_static(b"are you there");
    socket.send(Message::Ping(data.clone()))?;
    match socket.read()? {
        Message::Pong(answer) if answer == data => Ok("ok"),
        other => Err(format!("{} instead of a pong", shown(&other)).into()),
    }
}

fn pong(url: &str) -> Outcome {
    talk(url, "!ping you", "pong you")
}

fn subprotocol(url: &str) -> Outcome {
    let request = ["unknown", "echo.v1", "echo.v2"].into_iter().fold(
        ClientRequestBuilder::new(url.parse()?),
        ClientRequestBuilder::with_sub_protocol,
    );
    let (mut socket, response) = connect(request)?;
    let chosen = response.headers().get("Sec-WebSocket-Protocol");
    let chosen = chosen.ok_or("no subprotocol")?.to_str()?;
    same(chosen, "echo.v1")?;
    ask(&mut socket, "!protocol", "echo.v1")
}

fn client_closes(url: &str, code: u16, reason: &'static str) -> Outcome {
    let mut socket = open(url)?;
    socket.send(Message::text(format!("!tag {code}")))?;
    socket.close(Some(CloseFrame {
        code: code.into(),
        reason: reason.into(),
    }))?;
    let closed = read_close(socket)?;
    same(u16::from(closed.code), code)?;
    server_has_seen(url, code, reason)
}

fn server_closes(url: &str, code: u16, reason: &str) -> Outcome {
    let mut socket = open(url)?;
    socket.send(Message::text(format!("!tag {code}")))?;
    socket.send(Message::text(format!("!close {code} {reason}")))?;
    let closed = read_close(socket)?;
    same(u16::from(closed.code), code)?;
    same(closed.reason.as_str(), reason)?;
    server_has_seen(url, code, reason)
}

#[cfg(unix)]
fn unix(url: &str) -> Outcome {
    let mut socket = open(url)?;
    socket.send(Message::text("!path"))?;
    let stream = std::os::unix::net::UnixStream::connect(read_text(&mut socket)?)?;
    let (socket, _) = tungstenite::client("ws://localhost/", stream)?;
    echo_over(socket, vec![Message::text("hello"), pattern(MIB)])
}

#[cfg(not(unix))]
fn unix(_url: &str) -> Outcome {
    Ok("-")
}

/// Asks over another connection what the server's `onClose` was told.
fn server_has_seen(url: &str, code: u16, reason: &str) -> Outcome {
    let seen = format!("{code} clean {reason}");
    talk(url, &format!("!closed {code}"), &seen)
}

/// Asks over a connection of its own.
fn talk(url: &str, question: &str, answer: &str) -> Outcome {
    ask(&mut open(url)?, question, answer)
}

fn ask(socket: &mut Socket, question: &str, answer: &str) -> Outcome {
    socket.send(Message::text(question))?;
    same(read_text(socket)?, answer)
}

fn echo(url: &str, messages: Vec<Message>) -> Outcome {
    echo_over(open(url)?, messages)
}

/// Sends messages, awaiting each before the next.
fn echo_over(mut socket: WebSocket<impl Read + Write>, messages: Vec<Message>) -> Outcome {
    for message in messages {
        socket.send(message.clone())?;
        let answer = socket.read()?;
        if answer != message {
            return Err(format!("{} instead of {}", shown(&answer), shown(&message)).into());
        }
    }
    Ok("ok")
}

fn open(url: &str) -> Result<Socket, tungstenite::Error> {
    connect(url).map(|(socket, _)| socket)
}

/// The next message, which has to be text. Pings are answered on the way.
fn read_text(socket: &mut Socket) -> Result<String, Box<dyn Error>> {
    loop {
        match socket.read()? {
            Message::Text(text) => return Ok(text.to_string()),
            Message::Ping(_) => {}
            other => return Err(format!("{} instead of text", shown(&other)).into()),
        }
    }
}

/// The close frame, before which no message may come, and then the end of the connection, from both sides.
fn read_close(mut socket: Socket) -> Result<CloseFrame, Box<dyn Error>> {
    let closed = match socket.read()? {
        Message::Close(Some(frame)) => frame,
        other => return Err(format!("{} instead of a close", shown(&other)).into()),
    };
    match socket.read() {
        Err(tungstenite::Error::ConnectionClosed) => Ok(closed),
        Err(error) => Err(error.into()),
        Ok(more) => Err(format!("{} after the close", shown(&more)).into()),
    }
}

fn same<Actual, Expected>(actual: Actual, expected: Expected) -> Outcome
where
    Actual: PartialEq<Expected> + Display,
    Expected: Display,
{
    if actual == expected {
        Ok("ok")
    } else {
        Err(format!("{actual:.60} instead of {expected:.60}").into())
    }
}

fn shown(message: &Message) -> String {
    match message {
        Message::Text(text) => format!("text {text:.60} ({})", text.len()),
        other => format!("{} bytes that are not text", other.len()),
    }
}

fn pattern(length: usize) -> Message {
    Message::binary((0..length).map(|at| (at * 31) as u8).collect::<Vec<u8>>())
}

/// JSON of at least so many bytes.
fn records(length: usize) -> String {
    let mut text = String::from("[");
    let mut id = 0;
    while text.len() < length {
        text += &format!("{{\"id\":{id},\"name\":\"größe {id}\"}},");
        id += 1;
    }
    text + "{}]"
}
