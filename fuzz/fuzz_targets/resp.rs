#![no_main]

libfuzzer_sys::fuzz_target!(|case: gev_fuzz::resp::Case<'_>| gev_fuzz::resp::check(&case));
