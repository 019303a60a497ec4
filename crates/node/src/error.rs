//! Errors as JavaScript sees them: an `Error` with a stable `code`.

use std::io;

use napi::Error;

/// An error whose `code` is the string given as its status.
pub type NativeError = Error<Code>;

/// The `code` property of a thrown error.
#[derive(Debug)]
pub struct Code(String);

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// An error of Node-API, or a bug of ours, with its status as its code.
pub(crate) fn native_error(error: Error) -> NativeError {
    Error::new(Code(error.status.as_ref().to_owned()), error.reason)
}

/// The error of a server that could not start, with the code that Node uses for it.
pub(crate) fn start_error(error: io::Error) -> NativeError {
    let code = match error.kind() {
        io::ErrorKind::AddrInUse => "EADDRINUSE",
        io::ErrorKind::AddrNotAvailable => "EADDRNOTAVAIL",
        io::ErrorKind::PermissionDenied => "EACCES",
        io::ErrorKind::InvalidInput => "EINVAL",
        io::ErrorKind::Unsupported => "ENOTSUP",
        io::ErrorKind::OutOfMemory => "ENOMEM",
        _ => match error.raw_os_error() {
            Some(EMFILE) if cfg!(unix) => "EMFILE",
            Some(ENFILE) if cfg!(unix) => "ENFILE",
            _ => "ERR_GEV_START",
        },
    };
    Error::new(Code(code.to_owned()), error.to_string())
}

/// The same numbers on every Unix.
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
