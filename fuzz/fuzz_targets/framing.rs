#![no_main]

libfuzzer_sys::fuzz_target!(|case: gev_fuzz::framing::Case<'_>| gev_fuzz::framing::check(&case));
