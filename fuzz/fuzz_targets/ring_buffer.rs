#![no_main]

libfuzzer_sys::fuzz_target!(
    |case: gev_fuzz::ring_buffer::Case| gev_fuzz::ring_buffer::check(&case)
);
