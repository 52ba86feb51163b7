#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let Some((length, rest)) = file.split_at_checked(8) else { return };
    if rest.first() != Some(&b'{') {
        return;
    }
    strongroom_fuzz::read(file);
    // The same with the length that the header has, which is hard to guess.
    let Some(end) = rest.windows(2).rposition(|pair| pair == b"}}") else { return };
    let right = (end as u64 + 2).to_le_bytes();
    if right != length {
        strongroom_fuzz::read(&[&right, rest].concat());
    }
});
