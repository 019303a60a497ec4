//! UTF-8 as strings, for runtimes whose own decoder goes byte by byte.

use encoding_rs::mem;
use napi::bindgen_prelude::Unknown;
use napi::{Env, Error, JsString, Result};
use napi_derive::napi;

use crate::environment::view;

/// The text in the bytes of a Uint8Array from `start` to `end`; what is no UTF-8 there becomes U+FFFD.
#[napi(catch_unwind)]
pub fn decode_utf8<'env>(
    env: &'env Env,
    bytes: Unknown<'_>,
    start: u32,
    end: u32,
) -> Result<JsString<'env>> {
    let whole = view(env, &bytes)?;
    let (start, end) = (start as usize, end as usize);
    if start > end || end > whole.len {
        return Err(Error::from_reason("Bug: text outside of its memory"));
    }
    // SAFETY: a live value of this call, within its length. JavaScript stands still meanwhile, and the loop that has written
    // here does not write again before this has been read. If somebody else does all the same (a worker, to memory that
    // was borrowed), any bytes are as good as others.
    let bytes = unsafe { std::slice::from_raw_parts(whole.base.add(start), end - start) };
    // One more than there are bytes is what the conversion wants.
    let mut text = vec![0; bytes.len() + 1];
    let len = mem::convert_utf8_to_utf16(bytes, &mut text);
    env.create_string_utf16(&text[..len])
}
