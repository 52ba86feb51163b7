//! What the fuzz targets share.

use strongroom_guest::zip::{Layout, Record};
use strongroom_guest::validate::{Kind, Severity, ValidateOptions, Verdict};
use strongroom_guest::{Checkpoint, Error, Limits, Segment};

#[path = "../../tests/common/native.rs"]
pub mod native;

/// So small that no input takes long, and that each cap is met.
pub fn limits() -> Limits {
    Limits {
        entries: 1000,
        directory_bytes: 1 << 20,
        pickle_bytes: 1 << 20,
        opcodes: 100_000,
        memo: 100_000,
        string_bytes: 1 << 16,
        depth: 100,
        nodes: 100_000,
        tree: 100_000,
    }
}

/// Reads a file whole and in small pieces; both must come to the same.
pub fn read(file: &[u8]) -> Option<Checkpoint> {
    let whole = native::read_limited(file, usize::MAX, limits());
    let pieces = native::read_limited(file, 13, limits());
    assert_eq!(whole, pieces, "pieces make a difference");
    let checkpoint = whole.ok()?;
    check(&checkpoint, file.len() as u64);
    Some(checkpoint)
}

/// Judges a file whole and in small pieces; both must come to the same. What is
/// safe must also be what the strict reader takes.
pub fn judge(file: &[u8]) {
    let options = ValidateOptions { limits: limits(), ..ValidateOptions::default() };
    let (report, fetched) = native::judge(file, usize::MAX, options.clone());
    let (pieces, _) = native::judge(file, 13, options);
    assert_eq!(report, pieces, "pieces make a difference");
    // The inside of an archive is looked at again, but not without end.
    assert!(fetched <= 64 * (file.len() as u64 + 1), "{fetched} bytes of {}", file.len());
    let worst = report.findings.iter().map(|finding| finding.rule.verdict).max();
    assert_eq!(report.verdict, worst.unwrap_or(Verdict::Safe), "the verdict is that of the worst finding");
    let length = file.len() as u64;
    assert!(report.findings.iter().all(|finding| finding.offset <= length), "{:?}", report.findings);
    assert!(report.payloads.iter().all(|payload| payload.range.end().is_some_and(|end| end <= length)));
    let read = matches!(report.kind, Kind::TorchZip | Kind::TorchLegacy | Kind::Safetensors);
    let quiet = report.findings.iter().all(|finding| finding.rule.severity == Severity::Note);
    if read && quiet && report.verdict == Verdict::Safe {
        match native::read_limited(file, usize::MAX, limits()) {
            Ok(checkpoint) => check(&checkpoint, length),
            Err(Error::Unsupported(_)) => {}
            Err(error) => panic!("judged safe, and not read: {error}"),
        }
    }
}

/// What the host would not believe: storages outside the file, tensors outside
/// their storage.
fn check(checkpoint: &Checkpoint, length: u64) {
    use strongroom_guest::model::Node;
    for stored in &checkpoint.storages {
        assert!(stored.range.end().is_some_and(|end| end <= length), "{stored:?} of {length}");
    }
    for node in &checkpoint.nodes {
        if let Node::Tensor(tensor) | Node::Quantized { tensor, .. } = node {
            let extent = tensor.extent().expect("a tensor's end cannot be counted");
            if let Some(id) = tensor.storage {
                assert!(extent <= checkpoint.storages[id as usize].range.length, "{tensor:?}");
            }
        }
    }
}

/// The pickle in a seed: of an archive its first record, else all of it.
pub fn pickle(seed: &[u8]) -> &[u8] {
    let number = |at: usize| usize::from(u16::from_le_bytes([seed[at], seed[at + 1]]));
    if seed.starts_with(b"PK\x03\x04") && seed.len() > 30 {
        seed.get(30 + number(26) + number(28)..).unwrap_or_default()
    } else {
        seed
    }
}

/// Storages in an [`archive`], and the bytes of each.
const STORAGES: usize = 4;
const STORAGE_BYTES: usize = 24;

/// A torch archive of this pickle, with storages `0` to `3`.
pub fn archive(pickle: &[u8]) -> Vec<u8> {
    let mut contents: Vec<(String, Vec<u8>)> = vec![
        ("model/data.pkl".into(), pickle.to_vec()),
        ("model/byteorder".into(), b"little".to_vec()),
    ];
    contents.extend((0..STORAGES).map(|key| (format!("model/data/{key}"), vec![key as u8; STORAGE_BYTES])));
    contents.push(("model/version".into(), b"3\n".to_vec()));
    let record = |(name, bytes): &(String, Vec<u8>)| Record { name: name.clone(), length: bytes.len() as u64 };
    let layout = Layout::new(contents.iter().map(record).collect(), 64).unwrap();
    let mut file = vec![0; usize::try_from(layout.length()).unwrap()];
    let mut put = |offset: u64, bytes: &[u8]| {
        file[usize::try_from(offset).unwrap()..][..bytes.len()].copy_from_slice(bytes);
    };
    let segment = |segment: Segment| (segment.offset, segment.bytes);
    let mut checksums = Vec::new();
    for (index, (_, bytes)) in contents.iter().enumerate() {
        let crc32 = crc32fast::hash(bytes);
        let parts = [
            layout.header(index).map(segment),
            Some((layout.payload(index).unwrap(), bytes.clone())),
            layout.descriptor(index, crc32).map(segment),
        ];
        parts.iter().flatten().for_each(|(offset, bytes)| put(*offset, bytes));
        checksums.push(crc32);
    }
    for Segment { offset, bytes } in layout.directory(&checksums).unwrap() {
        put(offset, &bytes);
    }
    file
}
