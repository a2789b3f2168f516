//! `parsers::document` on any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| duban_fuzz::parsers::document(data));
