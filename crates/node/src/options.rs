//! JavaScript's options as the reactor's configuration.
//!
//! `src/options.ts` has checked the values and filled in the defaults; what is wrong here is a bug there.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use gev_reactor::{Balance, Config};
use gev_wire::websocket::{self, WebSocket};
use gev_wire::{Protocol, Raw};
use napi::{Error, Result};
use napi_derive::napi;

/// Checked options of one server. Times in milliseconds, sizes in bytes.
#[napi(object, object_to_js = false)]
pub struct NativeOptions {
    /// IP addresses to try, in order.
    pub addresses: Vec<String>,
    /// Port; 0 lets the system choose.
    pub port: u32,
    /// Connections that the kernel keeps ready for `accept`.
    pub backlog: i32,
    /// Share the port with other processes that ask for it too.
    pub reuse_port: bool,
    /// True: one loop accepts and deals out in turn. False: each loop has a listener.
    pub round_robin: bool,
    /// Time from accept to the end of the handshake.
    pub handshake_timeout_ms: u32,
    /// Time from the begin of a close to its end.
    pub close_timeout_ms: u32,
    /// Connections of each loop.
    pub max_connections: u32,
    /// Unsent bytes of a connection.
    pub max_buffered_bytes: f64,
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
    /// HTML for plain HTTP requests.
    pub page: Option<String>,
}

/// The configuration that `options` ask for.
pub(crate) fn config(options: &NativeOptions) -> Result<Config> {
    let port =
        u16::try_from(options.port).map_err(|_| Error::from_reason("Bug: port out of range"))?;
    let addresses = options.addresses.iter().map(|address| {
        let ip: IpAddr = address
            .parse()
            .map_err(|_| Error::from_reason("Bug: not an IP address"))?;
        Ok(SocketAddr::new(ip, port))
    });
    let addresses = addresses.collect::<Result<Vec<_>>>()?;
    let ms = |ms: u32| Duration::from_millis(u64::from(ms));
    Ok(Config {
        backlog: options.backlog,
        reuse_port: options.reuse_port,
        balance: if options.round_robin {
            Balance::RoundRobin
        } else {
            Balance::DEFAULT
        },
        handshake_timeout: ms(options.handshake_timeout_ms),
        close_timeout: ms(options.close_timeout_ms),
        max_connections: options.max_connections,
        max_buffered_bytes: options.max_buffered_bytes as usize,
        read_buffer_bytes: options.read_buffer_bytes as usize,
        no_delay: options.no_delay,
        keep_alive: ms(options.keep_alive_ms),
        ..Config::new(addresses, protocol(options))
    })
}

fn protocol(options: &NativeOptions) -> Arc<dyn Fn() -> Box<dyn Protocol> + Send + Sync> {
    let Some(options) = &options.web_socket else {
        return Arc::new(|| Box::new(Raw::default()));
    };
    let config = Arc::new(websocket::Config {
        max_message_bytes: options.max_message_bytes as u64,
        max_fragments: options.max_fragments,
        max_header_bytes: options.max_header_bytes as usize,
        max_headers: options.max_headers as usize,
        page: options.page.as_ref().map(|page| page.clone().into_bytes()),
    });
    Arc::new(move || Box::new(WebSocket::new(Arc::clone(&config))))
}
