//! Unix sockets (unix(7)).

use std::fs::{self, Permissions};
use std::io;
use std::net::Shutdown;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use mio::event::Source;
use mio::net::{UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use super::Transport;
use crate::address::Address;
use crate::config::ListenerConfig;

pub(super) type Stream = UnixStream;

/// A listening socket, with the file that goes with it.
#[derive(Debug)]
pub(crate) struct Acceptor {
    socket: UnixListener,
    path: PathBuf,
    /// Removed in the end.
    _file: Option<File>,
}

/// A socket's file in the file system, as long as nobody has put another one in its place.
#[derive(Debug)]
struct File {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Transport for Stream {
    fn shut_down(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        Self::take_error(self)
    }

    fn local(&self) -> io::Result<Address> {
        let address = self.local_addr()?;
        let path = address.as_pathname().unwrap_or(Path::new(""));
        Ok(Address::Unix(path.into()))
    }

    /// The sizes of its buffers. Those of the listener are not inherited.
    fn configure(&self, config: &ListenerConfig) -> io::Result<()> {
        let socket = SockRef::from(self);
        if config.send_buffer_bytes > 0 {
            socket.set_send_buffer_size(config.send_buffer_bytes)?;
        }
        if config.receive_buffer_bytes > 0 {
            socket.set_recv_buffer_size(config.receive_buffer_bytes)?;
        }
        Ok(())
    }
}

impl Acceptor {
    pub(super) fn accept(&self) -> io::Result<(Stream, Address)> {
        let (stream, remote) = self.socket.accept()?;
        // Clients are seldom bound to a path.
        let path = remote.as_pathname().unwrap_or(Path::new(""));
        Ok((stream, Address::Unix(path.into())))
    }

    pub(super) fn local(&self) -> io::Result<Address> {
        Ok(Address::Unix(self.path.as_path().into()))
    }
}

impl Source for Acceptor {
    fn register(&mut self, to: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        self.socket.register(to, token, interest)
    }

    fn reregister(&mut self, to: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        self.socket.reregister(to, token, interest)
    }

    fn deregister(&mut self, to: &Registry) -> io::Result<()> {
        self.socket.deregister(to)
    }
}

/// Listens on a path; one that begins with a zero byte is an abstract name (Linux). A socket's file that is there already
/// is removed if nobody listens to it.
///
/// # Errors
/// `AddrInUse` if somebody does, or the file is something else.
pub(super) fn bind(config: &ListenerConfig, path: &Path) -> io::Result<Acceptor> {
    // socket2 sets CLOEXEC (and its kin) where there is one.
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    let address = SockAddr::unix(path)?;
    let is_abstract = path.as_os_str().as_bytes().starts_with(&[0]);
    if let Err(error) = socket.bind(&address) {
        if error.kind() != io::ErrorKind::AddrInUse || is_abstract || !is_stale(path, &address) {
            return Err(error);
        }
        fs::remove_file(path)?;
        socket.bind(&address)?;
    }
    let file = if is_abstract {
        None
    } else {
        Some(File::new(path)?)
    };
    // Nobody can connect before it listens.
    if let (Some(mode), false) = (config.mode, is_abstract) {
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    socket.listen(config.backlog)?;
    Ok(Acceptor {
        socket: UnixListener::from_std(socket.into()),
        path: path.into(),
        _file: file,
    })
}

/// True for the file of a socket that nobody listens to: its owner has died without removing it. Does not wait for one who
/// listens and accepts nobody; on macOS and FreeBSD, where that one refuses as nobody does, the two look the same.
fn is_stale(path: &Path, address: &SockAddr) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket());
    let connect = || {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.connect(address)
    };
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    is_socket && connect().is_err_and(refused)
}

impl File {
    fn new(path: &Path) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(path)?;
        Ok(Self {
            path: path.into(),
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let is_same = |it: fs::Metadata| (it.dev(), it.ino()) == (self.device, self.inode);
        if fs::symlink_metadata(&self.path).is_ok_and(is_same) {
            // If it cannot be removed, whoever comes next finds it stale.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream as StdStream;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use gev_wire::Raw;

    use super::*;

    /// A path that nobody else has.
    fn path() -> PathBuf {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        std::env::temp_dir().join(format!("gev-{}-{n}.sock", std::process::id()))
    }

    fn config(path: &Path) -> ListenerConfig {
        let codec =
            Arc::new(|| -> crate::config::CodecMaker { Box::new(|| Box::new(Raw::default())) });
        ListenerConfig::new(Address::Unix(path.into()), codec)
    }

    fn in_use(path: &Path) -> bool {
        bind(&config(path), path).is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
    }

    #[test]
    fn a_path_belongs_to_one_who_listens() {
        let path = path();
        let first = bind(&config(&path), &path).unwrap();
        assert!(in_use(&path));
        drop(first);
        assert!(!path.exists());
        drop(bind(&config(&path), &path).unwrap());
    }

    /// To wait for who does not accept would be to wait for ever.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_path_whose_listener_is_full_is_in_use() {
        let path = path();
        let full = ListenerConfig {
            backlog: 0,
            ..config(&path)
        };
        let _acceptor = bind(&full, &path).unwrap();
        let address = SockAddr::unix(&path).unwrap();
        let connect = || {
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket.connect(&address).map(|()| socket)
        };
        let _clients: Vec<_> = std::iter::from_fn(|| connect().ok()).take(1000).collect();
        assert!(connect().is_err(), "there is no more room");
        assert!(in_use(&path));
    }

    #[test]
    fn a_file_that_nobody_listens_to_is_replaced() {
        let path = path();
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let acceptor = bind(&config(&path), &path).unwrap();
        StdStream::connect(&path).unwrap();
        drop(acceptor);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_is_no_socket_stays() {
        let path = path();
        fs::write(&path, "mine").unwrap();
        assert!(in_use(&path));
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn the_file_of_another_is_not_removed() {
        let path = path();
        let first = bind(&config(&path), &path).unwrap();
        fs::remove_file(&path).unwrap();
        let second = bind(&config(&path), &path).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn the_file_has_the_mode_that_was_asked_for() {
        let path = path();
        for mode in [0o600, 0o666] {
            let config = ListenerConfig {
                mode: Some(mode),
                ..config(&path)
            };
            let _acceptor = bind(&config, &path).unwrap();
            let seen = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(seen & 0o777, mode);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_abstract_name_has_no_file() {
        let name = format!("\0gev-{}", std::process::id());
        let path = Path::new(&name);
        let first = bind(&config(path), path).unwrap();
        assert!(in_use(path));
        drop(first);
        bind(&config(path), path).unwrap();
    }

    #[test]
    fn a_path_that_is_too_long_is_an_error() {
        let path = PathBuf::from("x".repeat(200));
        assert!(bind(&config(&path), &path).is_err());
    }
}
