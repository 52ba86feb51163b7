#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|seed: &[u8]| {
    strongroom_fuzz::judge(seed);
    // The same bytes as the pickle of an archive that is sound otherwise.
    if !seed.starts_with(b"PK\x03\x04") {
        strongroom_fuzz::judge(&strongroom_fuzz::archive(seed));
    }
});
