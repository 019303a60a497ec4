//! Frames as their callers see them: configurations and bytes in, messages and errors out.

#[path = "../../../wire/tests/codecs/kit.rs"]
#[allow(dead_code, reason = "other codecs need the rest of it")]
mod kit;

mod choices;
mod places;
mod random;
mod rules;
mod sequences;
mod wrong;
