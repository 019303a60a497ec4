//! Errors as JavaScript gets them: an `Error` with a `code`, which `src/bridge/start-error.ts` has the name of.

use std::ffi::c_int;
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

/// The error of a server that could not start. Its code is the system's number for it, if it is the system's.
pub(crate) fn start_error(error: io::Error) -> NativeError {
    let code = match (error.raw_os_error(), error.kind()) {
        (Some(number), _) => number.to_string(),
        (None, io::ErrorKind::Unsupported) => "ENOTSUP".to_owned(),
        (None, kind) => kind.to_string(),
    };
    Error::new(Code(code), error.to_string())
}

/// The error of a function of libuv, which on Unix returns the system's number with its sign turned.
pub(crate) fn libuv_error(returned: c_int) -> NativeError {
    start_error(io::Error::from_raw_os_error(-returned))
}
