#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    if file.starts_with(b"PK\x03\x04") {
        strongroom_fuzz::read(file);
    }
});
