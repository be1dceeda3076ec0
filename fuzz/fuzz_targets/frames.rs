#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| jupyterlite_webrtc::room::decoders::frames(bytes));
