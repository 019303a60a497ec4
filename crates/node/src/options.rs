//! JavaScript's options as the reactor's configuration.
//!
//! Names and groups are those of `src/options.ts` and `src/protocol.ts`, which say what each option means.

use std::path::Path;
use std::sync::Arc;

use gev_reactor::{
    Address, AdmissionLimits, Balance, CodecFactory, Config, ConnectionConfig, ListenerConfig,
    LoopConfig, NotANetwork, ProxyConfig,
};
use gev_session::Timeouts;
use gev_wire::websocket::{self, Budget, Deflate, DeflateMode, Shared, WebSocket};
use gev_wire::{JsonStream, ProxyMode, Raw};
use napi::{Error, Result};

use crate::checked::Checked;
use crate::zone;

/// The configuration that `options` ask for.
pub(crate) fn config(options: &Checked<'_>) -> Result<Config> {
    let limits = options.group("limits")?;
    Ok(Config {
        listeners: vec![listener(options)?],
        balance: match options.get::<String>("balance")?.as_str() {
            "round-robin" => Balance::RoundRobin,
            _ => Balance::DEFAULT,
        },
        admission: AdmissionLimits {
            connections: limits.number("maxConnections")?,
            per_address: limits.number("maxConnectionsPerAddress")?,
            per_address_and_second: limits.number("maxConnectionRatePerAddress")?,
        },
        max_memory_bytes: limits.number("maxMemoryBytes")?,
        event_loop: LoopConfig {
            read_buffer_bytes: options.group("eventLoop")?.number("readBufferBytes")?,
            ..LoopConfig::default()
        },
    })
}

fn listener(options: &Checked<'_>) -> Result<ListenerConfig> {
    let socket = options.group("socket")?;
    let protocol = options.group("protocol")?;
    let name = protocol.get::<String>("name")?;
    let protocol = protocol.group("options")?;
    let web_socket = (name == "websocket").then_some(&protocol);
    Ok(ListenerConfig {
        address: address(options)?,
        mode: socket.get("mode")?,
        proxy: proxy(options)?,
        backlog: socket.number("backlog")?,
        reuse_port: options.get("reusePort")?,
        send_buffer_bytes: socket.number("sendBufferBytes")?,
        receive_buffer_bytes: socket.number("receiveBufferBytes")?,
        no_delay: socket.get("noDelay")?,
        keep_alive: socket.ms("keepAliveMs")?,
        connection: ConnectionConfig {
            codec: codec(&name, &protocol, &options.group("handler")?)?,
            session: Arc::new(session(options, web_socket)?),
        },
    })
}

fn proxy(options: &Checked<'_>) -> Result<ProxyConfig> {
    let trusted = options.get::<Vec<String>>("trustedProxies")?;
    let trusted = trusted.iter().map(|network| network.parse());
    let trusted = trusted.collect::<std::result::Result<_, NotANetwork>>();
    Ok(ProxyConfig {
        mode: match options.get::<String>("proxyProtocol")?.as_str() {
            "required" => Some(ProxyMode::Required),
            "optional" => Some(ProxyMode::Optional),
            _ => None,
        },
        trusted: trusted.map_err(|_| Error::from_reason("Bug: not a network"))?,
    })
}

fn address(options: &Checked<'_>) -> Result<Address> {
    if let Some(path) = options.get::<Option<String>>("path")? {
        return Ok(Address::Unix(Path::new(&path).into()));
    }
    let host = options.get::<String>("host")?;
    zone::parse(&host, options.number("port")?)
        .map(Address::Ip)
        .ok_or_else(|| Error::from_reason("Bug: not an IP address"))
}

fn session(options: &Checked<'_>, web_socket: Option<&Checked<'_>>) -> Result<gev_session::Config> {
    let timeouts = options.group("timeouts")?;
    let per_second = |name| web_socket.map_or(Ok(0), |it| it.number(name));
    Ok(gev_session::Config {
        handshake_timeout: timeouts.ms("handshakeMs")?,
        close_timeout: timeouts.ms("closeMs")?,
        timeouts: silence(&timeouts, web_socket)?,
        max_controls_per_second: per_second("maxControlFramesPerSecond")?,
        max_messages_per_second: per_second("maxMessagesPerSecond")?,
        max_buffered_bytes: options.group("flow")?.number("maxBufferedBytes")?,
        max_read_bytes: options.group("eventLoop")?.number("readBufferBytes")?,
    })
}

fn silence(timeouts: &Checked<'_>, web_socket: Option<&Checked<'_>>) -> Result<Timeouts> {
    let idle = timeouts.group("idleMs")?;
    let of_web_socket = |name| web_socket.map_or(Ok(Default::default()), |it| it.ms(name));
    Ok(Timeouts {
        idle_read: idle.ms("read")?,
        idle_write: idle.ms("write")?,
        idle_all: idle.ms("all")?,
        ping_interval: of_web_socket("pingIntervalMs")?,
        pong_timeout: of_web_socket("pongTimeoutMs")?,
        write_stall: timeouts.ms("writeStallMs")?,
        max_lifetime: timeouts.ms("maxLifetimeMs")?,
    })
}

/// What makes the codecs of the protocol with this name.
fn codec(name: &str, options: &Checked<'_>, handler: &Checked<'_>) -> Result<CodecFactory> {
    Ok(match name {
        "websocket" => {
            let config = Arc::new(web_socket_config(options, handler)?);
            Arc::new(move || {
                let shared = Shared::new(Arc::clone(&config));
                Box::new(move || Box::new(WebSocket::new(Arc::clone(&shared))))
            })
        }
        "jsonStream" => {
            let max_message_bytes = options.number("maxMessageBytes")?;
            Arc::new(move || Box::new(move || Box::new(JsonStream::new(max_message_bytes))))
        }
        _ => Arc::new(|| Box::new(|| Box::new(Raw::default()))),
    })
}

fn web_socket_config(options: &Checked<'_>, handler: &Checked<'_>) -> Result<websocket::Config> {
    let deflate = options.optional_group("perMessageDeflate")?;
    Ok(websocket::Config {
        max_message_bytes: options.number("maxMessageBytes")?,
        max_fragments: options.number("maxFragments")?,
        max_frame_bytes: options.number("maxFrameBytes")?,
        max_header_bytes: options.number("maxHeaderBytes")?,
        max_headers: options.number("maxHeaders")?,
        page: options
            .get::<Option<String>>("page")?
            .map(String::into_bytes),
        path: options.get("path")?,
        origins: options.get("origins")?,
        subprotocols: options.get("subprotocols")?,
        ask_upgrades: handler.get("onUpgrade")?,
        ask_requests: handler.get("onRequest")?,
        eager_parts: handler.get("onFragment")?,
        tell_pings: handler.get("onPing")?,
        tell_pongs: handler.get("onPong")?,
        deflate: deflate.as_ref().map(deflate_config).transpose()?,
    })
}

fn deflate_config(options: &Checked<'_>) -> Result<Deflate> {
    let mode = match options.get::<String>("mode")?.as_str() {
        "dedicated" => DeflateMode::Dedicated,
        _ => DeflateMode::Shared,
    };
    let budget_bytes: u64 = options.number("memoryBudgetBytes")?;
    Ok(Deflate {
        threshold: options.number("threshold")?,
        level: options.number("level")?,
        mem_level: options.number("memLevel")?,
        server_no_context_takeover: options.get("serverNoContextTakeover")?,
        client_no_context_takeover: options.get("clientNoContextTakeover")?,
        server_max_window_bits: options.number("serverMaxWindowBits")?,
        client_max_window_bits: options.number("clientMaxWindowBits")?,
        // Enough for one message, however small the budget.
        borrowed: Arc::new(Budget::new(budget_bytes.max(1 << 20))),
        ..Deflate::new(mode, budget_bytes)
    })
}
