//! Codecs without connections, for who encodes and decodes by hand.
//!
//! JavaScript gives and gets copies: what is pushed is nobody else's, and nothing of what is returned stays here.

use gev_options::{Checked, codec_by_hand};
use gev_wire::ByHand;
use napi::bindgen_prelude::{BufferSlice, Object, Unknown};
use napi::{Env, Result};
use napi_derive::napi;

use crate::environment::view;

/// The codec of a protocol.
#[napi]
pub struct HandCodec {
    by_hand: ByHand,
}

#[napi]
impl HandCodec {
    /// Of the protocol with the name and the options that the group has.
    #[napi(constructor, catch_unwind)]
    pub fn new(protocol: Object<'_>) -> Result<Self> {
        let codec = codec_by_hand(&Checked::new(protocol))?;
        let by_hand = ByHand::new(codec);
        Ok(Self { by_hand })
    }

    /// A message as it goes on the wire, made of bytes that nobody else has.
    #[napi(catch_unwind)]
    pub fn encode<'env>(
        &mut self,
        env: &'env Env,
        payload: Unknown<'_>,
    ) -> Result<BufferSlice<'env>> {
        let frame = self.by_hand.encode(bytes(env, &payload)?);
        BufferSlice::copy_from(env, frame)
    }

    /// What comes of bytes that nobody else has: see [`ByHand::report`].
    #[napi(catch_unwind)]
    pub fn push<'env>(&mut self, env: &'env Env, pushed: Unknown<'_>) -> Result<BufferSlice<'env>> {
        self.by_hand.push(bytes(env, &pushed)?);
        BufferSlice::copy_from(env, self.by_hand.report())
    }

    /// What comes of the end of the bytes, in the same way.
    #[napi(catch_unwind)]
    pub fn end<'env>(&mut self, env: &'env Env) -> Result<BufferSlice<'env>> {
        self.by_hand.end();
        BufferSlice::copy_from(env, self.by_hand.report())
    }
}

/// The bytes of a Uint8Array that JavaScript has made for the call, and does not touch before its end.
fn bytes<'value>(env: &Env, value: &'value Unknown<'_>) -> Result<&'value [u8]> {
    let piece = view(env, value)?;
    if piece.len == 0 {
        return Ok(&[]);
    }
    // SAFETY: a live array of this length, which nobody writes to or detaches while no JavaScript runs: it is nobody else's.
    Ok(unsafe { std::slice::from_raw_parts(piece.base, piece.len) })
}
