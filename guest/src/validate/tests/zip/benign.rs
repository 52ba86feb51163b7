//! Archives that torch, Python and Info-ZIP wrote.

extern crate std;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use std::{eprintln, fs, path::Path};

use super::build::{Record, Zip};
use crate::validate::tests::{judge, summary, summary_of};
use crate::validate::{Kind, ValidateOptions, Verdict};

/// The files that `torch.save` wrote: whatever is in them is judged elsewhere,
/// nothing may be said against their frame.
#[test]
fn what_torch_wrote_has_no_fault() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/good");
    let mut files = 0;
    let mut faults = Vec::new();
    for case in fs::read_dir(folder).unwrap() {
        let path = case.unwrap().path();
        let Ok(bytes) = fs::read(path.join("model.pt")) else { continue };
        if !bytes.starts_with(b"PK\x03\x04") {
            continue;
        }
        let report = judge(&bytes, ValidateOptions::default());
        files += 1;
        assert_eq!(report.kind, Kind::TorchZip, "{path:?}");
        let frame =
            |id: &str| id.starts_with("SR-ZIP") || id == "SR-TENSOR-STORAGE" || id.starts_with("SR-FILE");
        // Another program packed these, and their storages are not where torch would put them.
        let expected: &[&str] = match path.file_name().unwrap().to_str().unwrap() {
            "byteorder_big" => &["SR-ZIP-BYTEORDER", "SR-ZIP-OFFSETS"],
            "rezipped_stored" => &["SR-ZIP-OFFSETS"],
            _ => &[],
        };
        let found = report.findings.iter().map(|finding| finding.rule.id).filter(|id| frame(id));
        if !found.eq(expected.iter().copied()) {
            faults.push(format!("{path:?}: {}", summary_of(&report)));
        }
        if report.verdict != Verdict::Safe {
            eprintln!("{} {}", path.file_name().unwrap().to_string_lossy(), summary_of(&report));
        }
    }
    assert!(files > 60, "{files}");
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn what_other_tools_wrote_is_safe() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/zip/testdata");
    let mut files = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "pt") {
            continue;
        }
        files += 1;
        let report = judge(&fs::read(&path).unwrap(), ValidateOptions::default());
        let text = summary_of(&report);
        // One was made with a comment, and some compress.
        let worse = ["SR-ZIP-COMMENT", "SR-ZIP-DEFLATED-STORAGE"];
        let is_worse = report.findings.iter().any(|finding| worse.contains(&finding.rule.id));
        let verdict = if is_worse { Verdict::Malformed } else { Verdict::Safe };
        assert_eq!((report.kind, report.verdict), (Kind::TorchZip, verdict), "{path:?} {text}");
        for finding in &report.findings {
            let known = worse.contains(&finding.rule.id) || finding.rule.id == "SR-ZIP-DEFLATE";
            assert!(known, "{path:?} {text}");
        }
    }
    assert_eq!(files, 12);
}

/// The numbers that decide what memory is read are looked at where they are
/// compressed, too.
#[test]
fn compressed_indices_and_scales_are_looked_at() {
    let files: [(&str, &[u8]); 2] = [
        ("sparse", include_bytes!("../../../../../tests/data/good/sparse_coo/model.pt")),
        ("quantized", include_bytes!("../../../../../tests/data/good/quantized/model.pt")),
    ];
    for (name, file) in files {
        let records = contents(file);
        let deflated = |records: &[(String, Vec<u8>)]| {
            let record = |(name, bytes): &(String, Vec<u8>)| Record::deflated(name, bytes);
            summary(&Zip::of(records.iter().map(record).collect()).bytes())
        };
        let fine = deflated(&records);
        let looked_at = |found: &str| found.contains("SR-TENSOR");
        assert!(!looked_at(&fine) && fine.contains("SR-ZIP-DEFLATED-STORAGE"), "{name}: {fine}");
        // Whatever the order is.
        let reversed: Vec<_> = records.iter().rev().cloned().collect();
        assert!(!looked_at(&deflated(&reversed)), "{name}: {}", deflated(&reversed));
        let mut wrong = records;
        let storages = wrong.iter_mut().filter(|(name, _)| name.contains("/data/"));
        storages.for_each(|(_, bytes)| bytes.fill(0xff));
        let wrong = deflated(&wrong);
        assert!(wrong.starts_with("TorchZip Malformed\n"), "{name}: {wrong}");
        assert!(wrong.contains("SR-TENSOR-INDICES") || wrong.contains("SR-TENSOR-QUANTIZER"), "{wrong}");
    }
}

/// Names and contents of the records of an archive that torch wrote.
fn contents(file: &[u8]) -> Vec<(String, Vec<u8>)> {
    let u16_at = |at: usize| usize::from(u16::from_le_bytes(file[at..at + 2].try_into().unwrap()));
    let u32_at = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    let entries = (0..file.len() - 46).filter(|&at| file[at..].starts_with(b"PK\x01\x02"));
    let content = |at: usize| {
        let name = String::from_utf8(file[at + 46..at + 46 + u16_at(at + 28)].to_vec()).unwrap();
        let header = u32_at(at + 42);
        let start = header + 30 + u16_at(header + 26) + u16_at(header + 28);
        (name, file[start..start + u32_at(at + 24)].to_vec())
    };
    entries.map(content).collect()
}

#[test]
fn several_archives_in_one_file_are_each_judged() {
    let one: &[u8] = include_bytes!("../../../zip/testdata/zeros.pt");
    let note = |count: usize| {
        let last = (count - 1) * one.len();
        format!("SR-ZIP-SEVERAL {last}: {count} archives, as in PyTorch's `.distcp` files\n")
    };
    assert_eq!(summary(&[one, one].concat()), format!("DcpItems Safe\n{}", note(2)));
    assert_eq!(summary(&[one, one, one].concat()), format!("DcpItems Safe\n{}", note(3)));
    // What is wrong with the first is found; what is no archive before the last is a fault.
    let mut damaged = one.to_vec();
    damaged[70] ^= 1;
    let found = summary(&[&damaged, one].concat());
    assert!(found.contains("SR-ZIP-CRC"), "{found}");
    let cut = summary(&[&one[..one.len() - 1], one].concat());
    assert!(cut.lines().next().is_some_and(|line| line.ends_with(" Malformed")), "{cut}");
}
