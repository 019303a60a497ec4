//! JavaScript's options as the reactor's configuration.
//!
//! `src/options.ts` has checked the values and filled in the defaults; what is wrong here is a bug there.

use std::sync::Arc;
use std::time::Duration;

use gev_reactor::{
    AdmissionLimits, Balance, CodecFactory, Config, ConnectionConfig, ListenerConfig, LoopConfig,
    ProxyConfig,
};
use gev_session::Timeouts;
use gev_wire::Raw;
use gev_wire::websocket::{self, Budget, Deflate, DeflateMode, Shared, WebSocket};
use napi::{Error, Result};
use napi_derive::napi;

use crate::zone;

/// Checked options of one server. Times in milliseconds, sizes in bytes.
#[napi(object, object_to_js = false)]
pub struct NativeOptions {
    /// IP address to listen on, with its zone if it needs one.
    pub address: String,
    /// Port; 0 lets the system choose.
    pub port: u32,
    /// Connections that the kernel keeps ready for `accept`.
    pub backlog: i32,
    /// Share the port with other processes that ask for it too.
    pub reuse_port: bool,
    /// A thread for each loop. False, for one loop only: it is driven by Node's own.
    pub threads: bool,
    /// True: one loop accepts and deals out in turn. False: each loop has a listener.
    pub round_robin: bool,
    /// Time from accept to the end of the handshake.
    pub handshake_timeout_ms: u32,
    /// Time from the begin of a close to its end.
    pub close_timeout_ms: u32,
    /// Time without anything received; 0 for no limit.
    pub idle_read_ms: u32,
    /// Time without anything sent; 0 for no limit.
    pub idle_write_ms: u32,
    /// Time without either; 0 for no limit.
    pub idle_all_ms: u32,
    /// Time without anything taken by the kernel while there is something to send; 0 for no limit.
    pub write_stall_ms: u32,
    /// Age of a connection; 0 for no limit.
    pub max_lifetime_ms: u32,
    /// Connections of all loops together.
    pub max_connections: u32,
    /// Connections of one address; 0 for no limit.
    pub max_connections_per_address: u32,
    /// Connections that one address may open in a second; 0 for no limit.
    pub max_connection_rate_per_address: u32,
    /// Unsent bytes of a connection.
    pub max_buffered_bytes: f64,
    /// Bytes that all connections hold together; 0 for no limit.
    pub max_memory_bytes: f64,
    /// SO_SNDBUF; 0 for the system's own.
    pub send_buffer_bytes: u32,
    /// SO_RCVBUF; 0 for the system's own.
    pub receive_buffer_bytes: u32,
    /// Bytes of each queue; a power of two.
    pub queue_bytes: u32,
    /// Read size of each loop.
    pub read_buffer_bytes: u32,
    /// TCP_NODELAY.
    pub no_delay: bool,
    /// Idle time before keep-alive probes; 0 for none.
    pub keep_alive_ms: u32,
    /// WebSocket, or raw TCP when absent.
    pub web_socket: Option<NativeWebSocketOptions>,
}

/// Checked options of the WebSocket protocol.
#[napi(object, object_to_js = false)]
pub struct NativeWebSocketOptions {
    /// Largest message, in bytes; 0 for no limit.
    pub max_message_bytes: f64,
    /// Most frames that one message may consist of; 0 for no limit.
    pub max_fragments: u32,
    /// Largest head of a request, in bytes.
    pub max_header_bytes: u32,
    /// Most header lines of a request.
    pub max_headers: u32,
    /// Largest frame, in bytes; 0 for no limit of its own.
    pub max_frame_bytes: f64,
    /// Messages of a peer in a second; 0 for no limit.
    pub max_messages_per_second: u32,
    /// Pings and pongs of a peer in a second; 0 for no limit.
    pub max_controls_per_second: u32,
    /// HTML for plain HTTP requests.
    pub page: Option<String>,
    /// The only path that upgrades.
    pub path: Option<String>,
    /// The only origins that upgrade.
    pub origins: Option<Vec<String>>,
    /// Subprotocols to choose from.
    pub protocols: Vec<String>,
    /// The handler decides about upgrades.
    pub ask_upgrades: bool,
    /// The handler answers plain requests.
    pub ask_requests: bool,
    /// The handler takes messages in pieces.
    pub eager_parts: bool,
    /// The handler hears of pings.
    pub tell_pings: bool,
    /// The handler hears of pongs.
    pub tell_pongs: bool,
    /// Time without anything received before a ping; 0 for none.
    pub ping_interval_ms: u32,
    /// Time after a ping without anything received.
    pub pong_timeout_ms: u32,
    /// Compression, or none when absent.
    pub deflate: Option<NativeDeflateOptions>,
}

/// Checked options of permessage-deflate.
#[napi(object, object_to_js = false)]
pub struct NativeDeflateOptions {
    /// A compressor for each connection, not for each loop.
    pub dedicated: bool,
    /// Smallest message that is compressed, in bytes.
    pub threshold: f64,
    /// 0 to 9.
    pub level: u8,
    /// 1 to 9.
    pub mem_level: u8,
    /// Our messages do not refer to those before.
    pub server_no_context_takeover: bool,
    /// Nor do those of clients.
    pub client_no_context_takeover: bool,
    /// 9 to 15.
    pub server_max_window_bits: u8,
    /// 9 to 15.
    pub client_max_window_bits: u8,
    /// What dedicated compressors may take together.
    pub memory_budget_bytes: f64,
}

/// The configuration that `options` ask for.
pub(crate) fn config(options: &NativeOptions) -> Result<Config> {
    let port =
        u16::try_from(options.port).map_err(|_| Error::from_reason("Bug: port out of range"))?;
    let address = zone::parse(&options.address, port)
        .ok_or_else(|| Error::from_reason("Bug: not an IP address"))?;
    let web_socket = options.web_socket.as_ref();
    let session = gev_session::Config {
        handshake_timeout: ms(options.handshake_timeout_ms),
        close_timeout: ms(options.close_timeout_ms),
        timeouts: timeouts(options),
        max_controls_per_second: web_socket.map_or(0, |it| it.max_controls_per_second),
        max_messages_per_second: web_socket.map_or(0, |it| it.max_messages_per_second),
        max_buffered_bytes: options.max_buffered_bytes as usize,
        max_read_bytes: options.read_buffer_bytes as usize,
    };
    let listener = ListenerConfig {
        address: address.into(),
        mode: None,
        backlog: options.backlog,
        reuse_port: options.reuse_port,
        send_buffer_bytes: options.send_buffer_bytes as usize,
        receive_buffer_bytes: options.receive_buffer_bytes as usize,
        no_delay: options.no_delay,
        keep_alive: ms(options.keep_alive_ms),
        proxy: ProxyConfig::default(),
        connection: ConnectionConfig {
            codec: codec(options),
            session: Arc::new(session),
        },
    };
    Ok(Config {
        listeners: vec![listener],
        balance: if options.round_robin {
            Balance::RoundRobin
        } else {
            Balance::DEFAULT
        },
        admission: AdmissionLimits {
            connections: options.max_connections,
            per_address: options.max_connections_per_address,
            per_address_and_second: options.max_connection_rate_per_address,
        },
        max_memory_bytes: options.max_memory_bytes as u64,
        event_loop: LoopConfig {
            read_buffer_bytes: options.read_buffer_bytes as usize,
            ..LoopConfig::default()
        },
    })
}

fn timeouts(options: &NativeOptions) -> Timeouts {
    let web_socket = options.web_socket.as_ref();
    let ping_interval = web_socket.map_or(0, |options| options.ping_interval_ms);
    let pong_timeout = web_socket.map_or(0, |options| options.pong_timeout_ms);
    Timeouts {
        idle_read: ms(options.idle_read_ms),
        idle_write: ms(options.idle_write_ms),
        idle_all: ms(options.idle_all_ms),
        ping_interval: ms(ping_interval),
        pong_timeout: ms(pong_timeout),
        write_stall: ms(options.write_stall_ms),
        max_lifetime: ms(options.max_lifetime_ms),
    }
}

fn ms(ms: u32) -> Duration {
    Duration::from_millis(u64::from(ms))
}

fn codec(options: &NativeOptions) -> CodecFactory {
    let Some(options) = &options.web_socket else {
        return Arc::new(|| Box::new(|| Box::new(Raw::default())));
    };
    let config = Arc::new(web_socket(options));
    Arc::new(move || {
        let shared = Shared::new(Arc::clone(&config));
        Box::new(move || Box::new(WebSocket::new(Arc::clone(&shared))))
    })
}

fn web_socket(options: &NativeWebSocketOptions) -> websocket::Config {
    websocket::Config {
        max_message_bytes: options.max_message_bytes as u64,
        max_fragments: options.max_fragments,
        max_frame_bytes: options.max_frame_bytes as u64,
        max_header_bytes: options.max_header_bytes as usize,
        max_headers: options.max_headers as usize,
        page: options.page.clone().map(String::into_bytes),
        path: options.path.clone(),
        origins: options.origins.clone(),
        protocols: options.protocols.clone(),
        ask_upgrades: options.ask_upgrades,
        ask_requests: options.ask_requests,
        eager_parts: options.eager_parts,
        tell_pings: options.tell_pings,
        tell_pongs: options.tell_pongs,
        deflate: options.deflate.as_ref().map(deflate),
    }
}

fn deflate(options: &NativeDeflateOptions) -> Deflate {
    Deflate {
        mode: if options.dedicated {
            DeflateMode::Dedicated
        } else {
            DeflateMode::Shared
        },
        threshold: options.threshold as u64,
        level: options.level,
        mem_level: options.mem_level,
        server_no_context_takeover: options.server_no_context_takeover,
        client_no_context_takeover: options.client_no_context_takeover,
        server_max_window_bits: options.server_max_window_bits,
        client_max_window_bits: options.client_max_window_bits,
        budget: Arc::new(Budget::new(options.memory_budget_bytes as u64)),
        // Enough for one message, however small the budget.
        borrowed: Arc::new(Budget::new(
            (options.memory_budget_bytes as u64).max(1 << 20),
        )),
    }
}
