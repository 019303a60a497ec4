#![no_main]

libfuzzer_sys::fuzz_target!(
    |case: gev_fuzz::handshake::Case<'_>| gev_fuzz::handshake::check(&case)
);
