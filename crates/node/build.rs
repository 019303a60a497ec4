//! Sets the link arguments that a Node-API module needs on this platform.

fn main() {
    napi_build::setup();
}
