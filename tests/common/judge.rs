//! The guest's validator linked natively, fed from bytes in memory.

use strongroom_guest::validate::{Judging, Report, ValidateOptions, Validating};
use strongroom_guest::{Chunk, Range};

/// Judges a file that is brought in pieces of at most `piece` bytes, one of each
/// missing range in a call, the last range first. Says how many bytes it asked for, too.
pub fn judge(file: &[u8], piece: usize, options: ValidateOptions) -> (Report, u64) {
    let mut validating = Validating::open(file.len() as u64, options);
    let (mut chunks, mut fetched) = (Vec::new(), 0);
    loop {
        match validating.advance(chunks).expect("no file makes it fail") {
            Judging::Ready => return (validating.report().clone(), fetched),
            Judging::Fetch(ranges) => {
                assert!(!ranges.is_empty(), "asks for nothing and is not ready");
                chunks = ranges.iter().rev().map(|range| first(file, *range, piece)).collect();
                fetched += chunks.iter().map(|chunk| chunk.bytes.len() as u64).sum::<u64>();
            }
        }
    }
}

fn first(file: &[u8], range: Range, piece: usize) -> Chunk {
    let end = range.end().filter(|&end| end <= file.len() as u64);
    assert!(end.is_some() && range.length > 0, "asks for {range:?} of {} bytes", file.len());
    let start = usize::try_from(range.offset).unwrap();
    let length = usize::try_from(range.length).unwrap().min(piece);
    Chunk { offset: range.offset, bytes: file[start..start + length].to_vec() }
}
