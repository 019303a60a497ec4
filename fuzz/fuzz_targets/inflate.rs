#![no_main]

libfuzzer_sys::fuzz_target!(|case: gev_fuzz::inflate::Case<'_>| gev_fuzz::inflate::check(&case));
