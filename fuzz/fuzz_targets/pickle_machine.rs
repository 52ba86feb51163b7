#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_guest::Error;
use strongroom_guest::pickle::{Graph, Machine, Progress};

fuzz_target!(|seed: &[u8]| {
    let pickle = strongroom_fuzz::pickle(seed);
    let whole = execute(pickle, usize::MAX);
    for piece in [1, 13] {
        assert_eq!(whole, execute(pickle, piece), "in pieces of {piece}");
    }
});

/// What the pickle evaluates to, and where it ends.
fn execute(pickle: &[u8], piece: usize) -> Result<(Graph, Option<u64>), Error> {
    let mut machine = Machine::new(0, "pickle", &strongroom_fuzz::limits());
    for piece in pickle.chunks(piece.min(pickle.len().max(1))) {
        if let Progress::Done(length) = machine.feed(piece)? {
            return Ok((machine.finish()?, Some(length)));
        }
    }
    Ok((machine.finish()?, None))
}
