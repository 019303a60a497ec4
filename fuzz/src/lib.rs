//! What has to hold for every input: the fuzz targets of `crates/wire` and `crates/frames`, as functions of their inputs.
//!
//! A target in `fuzz_targets/` makes libFuzzer's bytes an input and hands it to `check` of the module of its name,
//! which panics when something does not hold. `seeds` makes the inputs that fuzzing begins with.

pub mod frames;
pub mod framing;
pub mod handshake;
pub mod inflate;
pub mod proxy;
pub mod resp;
pub mod ring_buffer;
pub mod seeds;
pub mod stomp;

mod arrival;
#[path = "../../crates/frames/tests/frames/choices.rs"]
mod choices;

// The tests of the crate have what is needed here too, and more.
#[path = "../../crates/wire/tests/codecs/kit.rs"]
#[allow(dead_code)]
mod kit;
#[path = "../../crates/wire/tests/codecs/peer.rs"]
mod peer;
#[path = "../../crates/wire/tests/codecs/scenarios.rs"]
#[allow(dead_code)]
mod scenarios;
#[path = "../../crates/wire/tests/codecs/twins.rs"]
mod twins;

mod values;
