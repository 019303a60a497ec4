#![no_main]

libfuzzer_sys::fuzz_target!(|case: gev_fuzz::proxy::Case<'_>| gev_fuzz::proxy::check(&case));
