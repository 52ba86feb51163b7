#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_fuzz::{archive, native, pickle, read};

fuzz_target!(|seed: &[u8]| {
    let file = archive(pickle(seed));
    // What is not written again as what it is, the host refuses to write.
    let Some(checkpoint) = read(&file).filter(|read| read.irreproducible.is_none()) else { return };
    let options = native::same_options(&checkpoint);
    // Some of what can be read torch itself could not have written.
    let Ok(first) = native::rewrite(&checkpoint, &file, options.clone()) else { return };
    let again = native::read(&first, usize::MAX).expect("what was written cannot be read");
    let second = native::rewrite(&again, &first, options).expect("what was written cannot be written");
    assert!(first == second, "written again it is another file");
});
