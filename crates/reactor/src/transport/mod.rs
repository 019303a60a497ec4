//! What connections are made of: each transport is a file here and a row of [`transports`].
//!
//! A transport has a `Stream`, which is a [`Transport`], an `Acceptor`, which gives them, and `bind`, which makes
//! acceptors. Who uses a [`Socket`] does not see which it is.

use std::io::{self, IoSlice, Read, Write};

use gev_session::Outlet;
use mio::event::Source;
use mio::{Interest, Registry, Token};

use crate::address::Address;
use crate::config::ListenerConfig;

mod tcp;
#[cfg(unix)]
mod unix;

/// A connected socket that never blocks.
pub(crate) trait Transport: Read + Write + Source {
    /// Ends this side.
    fn shut_down(&mut self) -> io::Result<()>;

    /// The error that it has failed with, once.
    fn take_error(&self) -> io::Result<Option<io::Error>>;

    /// From now on the peer is told by a reset that it is gone, if the transport has such a thing.
    fn reset_when_gone(&self) {}

    /// It has something of its own to write, whether or not there is output: an answer to what was read, say. Writing, of
    /// nothing too, gets it out.
    fn wants_write(&self) -> bool {
        false
    }

    /// Its own address.
    fn local(&self) -> io::Result<Address>;

    /// Applies the options of its listener.
    fn configure(&self, config: &ListenerConfig) -> io::Result<()>;
}

/// Defines [`Socket`] and [`Acceptor`] of one row for each transport: name, and module with `Stream` and `Acceptor`.
macro_rules! transports {
    ($($(#[$attribute:meta])* $name:ident($module:ident),)*) => {
        /// A connected socket of any transport.
        #[derive(Debug)]
        pub(crate) enum Socket {
            $($(#[$attribute])* $name($module::Stream),)*
        }

        /// A listening socket of any transport.
        #[derive(Debug)]
        pub(crate) enum Acceptor {
            $($(#[$attribute])* $name($module::Acceptor),)*
        }

        impl Socket {
            fn transport(&self) -> &dyn Transport {
                match self {
                    $($(#[$attribute])* Self::$name(stream) => stream,)*
                }
            }

            #[inline]
            fn with<R>(&mut self, what: impl FnOnce(&mut dyn Transport) -> R) -> R {
                match self {
                    $($(#[$attribute])* Self::$name(stream) => what(stream),)*
                }
            }
        }

        impl Acceptor {
            /// The next connection, and its peer's address. Says `WouldBlock` when none waits.
            pub(crate) fn accept(&self) -> io::Result<(Socket, Address)> {
                match self {
                    $($(#[$attribute])* Self::$name(acceptor) => acceptor
                        .accept()
                        .map(|(stream, remote)| (Socket::$name(stream), remote)),)*
                }
            }

            /// Its own address.
            pub(crate) fn local(&self) -> io::Result<Address> {
                match self {
                    $($(#[$attribute])* Self::$name(acceptor) => acceptor.local(),)*
                }
            }

            /// Gets connections that this CPU has of the network, rather than others.
            pub(crate) fn prefer_cpu(&self, cpu: usize) {
                match self {
                    Self::Tcp(acceptor) => acceptor.prefer_cpu(cpu),
                    #[cfg(unix)]
                    Self::Unix(_) => {}
                }
            }

            fn source(&mut self) -> &mut dyn Source {
                match self {
                    $($(#[$attribute])* Self::$name(acceptor) => acceptor,)*
                }
            }
        }
    };
}

transports! {
    Tcp(tcp),
    #[cfg(unix)]
    Unix(unix),
}

/// Listens where `config` says, so many times: once for each loop that accepts.
///
/// # Errors
/// Those of the first step that failed.
pub(crate) fn bind(config: &ListenerConfig, count: usize) -> io::Result<Vec<Acceptor>> {
    match &config.address {
        Address::Ip(address) => {
            let acceptors = tcp::bind(config, *address, count)?.into_iter();
            Ok(acceptors.map(Acceptor::Tcp).collect())
        }
        #[cfg(unix)]
        Address::Unix(path) => Ok(vec![Acceptor::Unix(unix::bind(config, path)?)]),
        #[cfg(not(unix))]
        Address::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

impl Socket {
    /// See [`Transport::reset_when_gone`].
    pub(crate) fn reset_when_gone(&self) {
        self.transport().reset_when_gone();
    }

    /// See [`Transport::take_error`].
    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.transport().take_error()
    }

    /// See [`Transport::wants_write`].
    pub(crate) fn wants_write(&self) -> bool {
        self.transport().wants_write()
    }

    /// See [`Transport::local`].
    pub(crate) fn local(&self) -> io::Result<Address> {
        self.transport().local()
    }

    /// See [`Transport::configure`].
    pub(crate) fn configure(&self, config: &ListenerConfig) -> io::Result<()> {
        self.transport().configure(config)
    }
}

impl Read for Socket {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.with(|it| it.read(buffer))
    }
}

impl Write for Socket {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|it| it.write(bytes))
    }

    #[inline]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.with(|it| it.write_vectored(slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Outlet for Socket {
    fn shut_down(&mut self) {
        let _ = self.with(|it| it.shut_down());
    }
}

impl Source for Socket {
    fn register(&mut self, to: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        self.with(|it| it.register(to, token, interest))
    }

    fn reregister(&mut self, to: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        self.with(|it| it.reregister(to, token, interest))
    }

    fn deregister(&mut self, to: &Registry) -> io::Result<()> {
        self.with(|it| it.deregister(to))
    }
}

impl Source for Acceptor {
    fn register(&mut self, to: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        self.source().register(to, token, interest)
    }

    fn reregister(&mut self, to: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        self.source().reregister(to, token, interest)
    }

    fn deregister(&mut self, to: &Registry) -> io::Result<()> {
        self.source().deregister(to)
    }
}
