#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    if file.starts_with(&[0x80]) {
        strongroom_fuzz::read(file);
    }
});
