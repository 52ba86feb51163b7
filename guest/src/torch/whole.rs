//! Whole files through [`Reading`], from the first byte to the last.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use crate::torch::tests::zipped;
use crate::{Checkpoint, Chunk, Error, Limits, Reading, Step};

/// Reads a file and counts the rounds; chunks come in pieces of this size.
fn read(bytes: &[u8], piece: usize) -> Result<(Checkpoint, usize), Error> {
    let mut reading = Reading::open(bytes.len() as u64, Limits::default());
    let mut chunks = Vec::new();
    let mut rounds = 0;
    while let Step::Fetch(ranges) = reading.advance(core::mem::take(&mut chunks))? {
        rounds += 1;
        for range in ranges {
            let start = usize::try_from(range.offset).unwrap();
            let end = start + usize::try_from(range.length).unwrap();
            let end = end.min(start + piece);
            chunks.push(Chunk { offset: range.offset, bytes: bytes[start..end].to_vec() });
        }
    }
    Ok((reading.into_checkpoint().unwrap(), rounds))
}

fn refusal(bytes: &[u8]) -> String {
    read(bytes, usize::MAX / 2).unwrap_err().to_string()
}

#[test]
fn a_file_is_read_in_three_rounds_and_the_same_in_any_pieces() {
    let files = [
        (include_bytes!("../zip/testdata/none.pt").as_slice(), 0),
        (include_bytes!("../zip/testdata/zeros.pt"), 1),
        (include_bytes!("../zip/testdata/model.pt"), 1),
        (include_bytes!("../zip/testdata/python.pt"), 1),
        (include_bytes!("../zip/testdata/infozip.pt"), 1),
        (include_bytes!("../zip/testdata/infozip-streamed.pt"), 1),
    ];
    for (bytes, storages) in files {
        let (whole, rounds) = read(bytes, usize::MAX / 2).unwrap();
        assert_eq!((whole.storages.len(), rounds), (storages, 3));
        assert_eq!(read(bytes, 1).unwrap().0, whole);
    }
}

#[test]
fn a_pickle_of_many_windows_is_read() {
    // A list of three million Nones, and a window boundary between any two.
    let mut pickle = String::from("](");
    pickle.push_str(&"N".repeat(3 << 20));
    pickle.push_str("e.");
    let bytes = zipped(&[("a/data.pkl", &pickle), ("a/version", "3")], 0);
    let (_, rounds) = read(&bytes, usize::MAX / 2).unwrap();
    assert_eq!(rounds, 7);
}

#[test]
fn a_damaged_pickle_is_refused() {
    let mut bytes = include_bytes!("../zip/testdata/zeros.pt").to_vec();
    let name = bytes.windows(5).position(|bytes| bytes == b"Float").unwrap();
    bytes[name + 4] = b's';
    assert!(refusal(&bytes).starts_with(
        "malformed: archive/data.pkl, offset 64: expected bytes with the CRC-32 b4401400, found "
    ));
}

#[test]
fn the_pickle_must_fill_its_record() {
    let refused = |pickle| refusal(&zipped(&[("a/data.pkl", pickle), ("a/version", "3")], 0));
    assert_eq!(
        refused("N.N."),
        "malformed: a/data.pkl, offset 46: expected the record to end after STOP, found 2 more bytes"
    );
    assert!(refused("N").starts_with("truncated: a/data.pkl, offset 45: "));
    assert!(refused("").starts_with("truncated: a/data.pkl, offset 44: "));
}

#[test]
fn no_cut_and_no_changed_byte_makes_it_panic() {
    let bytes = include_bytes!("../zip/testdata/zeros.pt");
    for at in 0..bytes.len() {
        assert!(read(&bytes[..at], usize::MAX / 2).is_err(), "cut at {at}");
        let mut changed = vec![0; bytes.len()];
        changed.copy_from_slice(bytes);
        changed[at] ^= 0xff;
        if let Ok((checkpoint, _)) = read(&changed, usize::MAX / 2) {
            assert_eq!(checkpoint.storages.len(), 1, "changed at {at}");
        }
    }
}
