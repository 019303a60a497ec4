#![no_main]

libfuzzer_sys::fuzz_target!(|case: gev_fuzz::stomp::Case<'_>| gev_fuzz::stomp::check(&case));
