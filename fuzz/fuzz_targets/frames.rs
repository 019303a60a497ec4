#![no_main]

libfuzzer_sys::fuzz_target!(|case: gev_fuzz::frames::Case<'_>| gev_fuzz::frames::check(&case));
