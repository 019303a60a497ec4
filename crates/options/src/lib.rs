//! JavaScript's options as the reactor's configuration.
//!
//! Names and groups are those of `src/options.ts` and `src/protocol.ts`, which say what each option means. A crate of its
//! own, as what is read once, when a server starts, is built to be small.
#![forbid(unsafe_code)]

mod checked;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gev_frames::{Frames, Framing};
use gev_reactor::{
    Address, AdmissionLimits, Balance, CodecFactory, Config, ConnectionConfig, ListenerConfig,
    LoopConfig, NotANetwork, PoolPart, ProxyConfig,
};
use gev_session::Timeouts;
use gev_wire::websocket::{self, Budget, Deflate, DeflateMode, Shared, WebSocket};
use gev_wire::{Codec, Content, ProxyMode, Raw, RespConfig, StompConfig, Stream};
use napi::Result;

pub use checked::Checked;

/// Makes the address of a socket of an IP address, with or without a zone, and a port.
pub type ParseAddress = fn(&str, u16) -> Option<SocketAddr>;

/// The configuration that `options` ask for.
///
/// # Errors
/// When an option is missing, or is something else than it should be.
#[inline(never)]
pub fn config(options: &Checked<'_>, parse: ParseAddress) -> Result<Config> {
    let limits = options.group("limits");
    let config = Config {
        listeners: vec![listener(options, parse)],
        balance: match options.text("balance").as_str() {
            "round-robin" => Balance::RoundRobin,
            "least-connections" => Balance::LeastConnections,
            "source-hash" => Balance::SourceHash,
            "random" => Balance::Random,
            "asked" => Balance::Asked,
            _ => Balance::DEFAULT,
        },
        pool: pool(options),
        admission: AdmissionLimits {
            connections: limits.number("maxConnections"),
            per_address: limits.number("maxConnectionsPerAddress"),
            per_address_and_second: limits.number("maxConnectionRatePerAddress"),
        },
        max_memory_bytes: limits.number("maxMemoryBytes"),
        pin: None,
        event_loop: LoopConfig {
            read_buffer_bytes: options.group("eventLoop").number("readBufferBytes"),
            ..LoopConfig::default()
        },
    };
    options.verdict().map(|()| config)
}

/// What connections of a server with these `options` are configured with that speak its protocol.
///
/// # Errors
/// As [`config`].
#[inline(never)]
pub fn protocol(options: &Checked<'_>) -> Result<ConnectionConfig> {
    let config = connection(options);
    options.verdict().map(|()| config)
}

/// The codec of the protocol in a group of `options` as that of a server, for one that has no connection.
///
/// # Errors
/// As [`config`].
#[inline(never)]
pub fn codec_by_hand(protocol: &Checked<'_>) -> Result<Box<dyn Codec>> {
    let options = protocol.group("options");
    let codec = codec(&protocol.text("name"), &options, protocol);
    protocol.verdict().map(|()| codec()())
}

#[inline(never)]
fn connection(options: &Checked<'_>) -> ConnectionConfig {
    let protocol = options.group("protocol");
    let name = protocol.text("name");
    let stepwise = protocol.flag("stepwise");
    let protocol = protocol.group("options");
    let only = |of: &str| (name == of).then_some(&protocol);
    let timed = only("frames").or(only("resp")).or(only("stomp"));
    ConnectionConfig {
        codec: codec(&name, &protocol, &options.group("handler")),
        session: Arc::new(gev_session::Config {
            stepwise,
            ..session(options, only("websocket"), timed)
        }),
    }
}

fn listener(options: &Checked<'_>, parse: ParseAddress) -> ListenerConfig {
    let socket = options.group("socket");
    ListenerConfig {
        address: address(options, parse),
        mode: socket.optional_number("mode"),
        proxy: proxy(options),
        backlog: socket.number("backlog"),
        reuse_port: options.flag("reusePort"),
        send_buffer_bytes: socket.number("sendBufferBytes"),
        receive_buffer_bytes: socket.number("receiveBufferBytes"),
        no_delay: socket.flag("noDelay"),
        keep_alive: socket.ms("keepAliveMs"),
        connection: connection(options),
    }
}

/// Not among the options that users know: see `src/worker-pool.ts`.
fn pool(options: &Checked<'_>) -> Option<(u32, PoolPart)> {
    let accepting = options.optional_number("accepts");
    let joining = options.optional_number("joins");
    let accepting = accepting.map(|number| (number, PoolPart::Acceptor));
    let member = PoolPart::Member(options.optional_number("member").unwrap_or_default());
    accepting.or(joining.map(|number| (number, member)))
}

fn proxy(options: &Checked<'_>) -> ProxyConfig {
    let mut trusted = Vec::new();
    for network in options.texts("trustedProxies") {
        match network.parse() {
            Ok(network) => trusted.push(network),
            Err(NotANetwork) => options.bug("trustedProxies", "are not all networks"),
        }
    }
    ProxyConfig {
        mode: match options.text("proxyProtocol").as_str() {
            "required" => Some(ProxyMode::Required),
            "optional" => Some(ProxyMode::Optional),
            _ => None,
        },
        trusted,
    }
}

fn address(options: &Checked<'_>, parse: ParseAddress) -> Address {
    if let Some(path) = options.optional_text("path") {
        return Address::Unix(Path::new(&path).into());
    }
    let host = options.text("host");
    let address = parse(&host, options.number("port"));
    address.map_or_else(
        || {
            options.bug("host", "is not an IP address");
            Address::Unix(Path::new("").into())
        },
        Address::Ip,
    )
}

fn session(
    options: &Checked<'_>,
    web_socket: Option<&Checked<'_>>,
    frames: Option<&Checked<'_>>,
) -> gev_session::Config {
    let timeouts = options.group("timeouts");
    let per_second = |name| web_socket.map_or(0, |it| it.number(name));
    gev_session::Config {
        handshake_timeout: timeouts.ms("handshakeMs"),
        close_timeout: timeouts.ms("closeMs"),
        timeouts: silence(&timeouts, web_socket, frames),
        max_controls_per_second: per_second("maxControlFramesPerSecond"),
        max_messages_per_second: per_second("maxMessagesPerSecond"),
        max_buffered_bytes: options.group("flow").number("maxBufferedBytes"),
        max_read_bytes: options.group("eventLoop").number("readBufferBytes"),
        stepwise: false,
    }
}

fn silence(
    timeouts: &Checked<'_>,
    web_socket: Option<&Checked<'_>>,
    frames: Option<&Checked<'_>>,
) -> Timeouts {
    let idle = timeouts.group("idleMs");
    let of_web_socket = |name| web_socket.map_or(Duration::ZERO, |it| it.ms(name));
    Timeouts {
        idle_read: idle.ms("read"),
        idle_write: idle.ms("write"),
        idle_all: idle.ms("all"),
        ping_interval: of_web_socket("pingIntervalMs"),
        pong_timeout: of_web_socket("pongTimeoutMs"),
        write_stall: timeouts.ms("writeStallMs"),
        frame: frames.map_or(Duration::ZERO, |it| it.ms("frameTimeoutMs")),
        max_lifetime: timeouts.ms("maxLifetimeMs"),
    }
}

/// What makes the codecs of the protocol with this name.
fn codec(name: &str, options: &Checked<'_>, handler: &Checked<'_>) -> CodecFactory {
    match name {
        "websocket" => {
            let config = Arc::new(web_socket_config(options, handler));
            Arc::new(move || {
                let shared = Shared::new(Arc::clone(&config));
                Box::new(move || Box::new(WebSocket::new(Arc::clone(&shared))))
            })
        }
        "frames" => {
            let framing = Arc::new(Framing::read(&options.text("record")));
            Arc::new(move || {
                let framing = Arc::clone(&framing);
                Box::new(move || Box::new(Frames::new(Arc::clone(&framing))))
            })
        }
        "jsonStream" => {
            let max_message_bytes = options.number("maxMessageBytes");
            let content = if options.flag("asBytes") {
                Content::TextAsBytes
            } else {
                Content::Text
            };
            stream(move || Stream::json(max_message_bytes, content))
        }
        "resp" => {
            let config = RespConfig {
                max_message_bytes: options.number("maxMessageBytes"),
                max_depth: options.number("maxDepth"),
                max_values: options.number("maxValues"),
                requests: options.flag("requests"),
                inline: options.flag("inline"),
                text: options.flag("text"),
            };
            stream(move || Stream::resp(config))
        }
        "stomp" => {
            let config = StompConfig {
                max_message_bytes: options.number("maxMessageBytes"),
                max_header_bytes: options.number("maxHeaderBytes"),
                max_headers: options.number("maxHeaders"),
            };
            stream(move || Stream::stomp(config))
        }
        _ => Arc::new(|| Box::new(|| Box::new(Raw::default()))),
    }
}

fn stream(make: impl Fn() -> Stream + Clone + Send + Sync + 'static) -> CodecFactory {
    Arc::new(move || {
        let make = make.clone();
        Box::new(move || Box::new(make()))
    })
}

fn web_socket_config(options: &Checked<'_>, handler: &Checked<'_>) -> websocket::Config {
    let deflate = options.optional_group("perMessageDeflate");
    websocket::Config {
        max_message_bytes: options.number("maxMessageBytes"),
        max_fragments: options.number("maxFragments"),
        max_frame_bytes: options.number("maxFrameBytes"),
        max_header_bytes: options.number("maxHeaderBytes"),
        max_headers: options.number("maxHeaders"),
        page: options.optional_text("page").map(String::into_bytes),
        path: options.optional_text("path"),
        origins: options.optional_texts("origins"),
        subprotocols: options.texts("subprotocols"),
        ask_upgrades: handler.flag("onUpgrade"),
        ask_requests: handler.flag("onRequest"),
        eager_parts: handler.flag("onFragment"),
        tell_pings: handler.flag("onPing"),
        tell_pongs: handler.flag("onPong"),
        deflate: deflate.as_ref().map(deflate_config),
    }
}

fn deflate_config(options: &Checked<'_>) -> Deflate {
    let mode = match options.text("mode").as_str() {
        "dedicated" => DeflateMode::Dedicated,
        _ => DeflateMode::Shared,
    };
    let budget_bytes: u64 = options.number("memoryBudgetBytes");
    Deflate {
        threshold: options.number("threshold"),
        level: options.number("level"),
        mem_level: options.number("memLevel"),
        server_no_context_takeover: options.flag("serverNoContextTakeover"),
        client_no_context_takeover: options.flag("clientNoContextTakeover"),
        server_max_window_bits: options.number("serverMaxWindowBits"),
        client_max_window_bits: options.number("clientMaxWindowBits"),
        // Enough for one message, however small the budget.
        borrowed: Arc::new(Budget::new(budget_bytes.max(1 << 20))),
        ..Deflate::new(mode, budget_bytes)
    }
}
