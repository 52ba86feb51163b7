//! Archives of many records, limits, and damage of every kind.

extern crate std;

use alloc::format;
use std::time::{Duration, Instant};

use super::build::{Record, Zip};
use crate::validate::tests::{judge, summary_of};
use crate::validate::{ValidateOptions, Verdict};

#[test]
fn many_records_take_no_time() {
    let mut zip = Zip::torch();
    zip.records.extend((1..20_000).map(|index| Record::new(&format!("a/data/{index}"), b"12345678")));
    let start = Instant::now();
    let report = judge(&zip.bytes(), ValidateOptions::default());
    assert_eq!(report.payloads.len(), 20_000);
    assert_eq!(report.verdict, Verdict::Malformed);
    assert_eq!(report.findings.len() as u64 + report.unlisted, 19_999);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn limits_end_as_unverified() {
    let mut options = ValidateOptions::default();
    options.limits.entries = 3;
    let report = judge(&Zip::torch().bytes(), options);
    assert!(
        report.findings.iter().any(|finding| finding.rule.id == "SR-FILE-LIMIT"),
        "{}",
        summary_of(&report)
    );
    let mut options = ValidateOptions::default();
    options.limits.directory_bytes = 10;
    let report = judge(&Zip::torch().bytes(), options);
    assert_eq!(report.verdict, Verdict::Unverified, "{}", summary_of(&report));
    // What all records inflate to counts together.
    let mut zip = Zip::torch();
    zip.records[0] = Record::deflated("a/data.pkl", &zip.records[0].payload);
    zip.records[2] = Record::deflated("a/data/0", &[0; 8]);
    let mut options = ValidateOptions::default();
    let limited = |options: &ValidateOptions| {
        let report = judge(&zip.bytes(), options.clone());
        report.findings.iter().any(|finding| finding.rule.id == "SR-FILE-LIMIT")
    };
    options.limits.pickle_bytes = 157;
    assert!(limited(&options));
    options.limits.pickle_bytes = 158;
    assert!(!limited(&options));
}

#[test]
fn no_cut_and_no_changed_byte_goes_unnoticed() {
    let files: [&[u8]; 2] = [
        include_bytes!("../../../zip/testdata/zeros.pt"),
        include_bytes!("../../../zip/testdata/python-streamed-zip64.pt"),
    ];
    for bytes in files {
        for at in 4..bytes.len() {
            let report = judge(&bytes[..at], ValidateOptions::default());
            assert_ne!(report.verdict, Verdict::Safe, "cut at {at}: {}", summary_of(&report));
        }
        let good = judge(bytes, ValidateOptions::default());
        for at in 4..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[at] ^= 0xff;
            let safe = judge(&changed, ValidateOptions::default()).verdict == Verdict::Safe;
            let offset = at as u64;
            let mut data = good.payloads.iter().map(|payload| payload.range);
            let data = data.any(|range| range.offset <= offset && offset < range.end().unwrap());
            // The kind of file, where the system that made the record has such.
            if at >= 41 && bytes[at - 41..].starts_with(b"PK\x01\x02") {
                continue;
            }
            assert_eq!(safe, data || says_nothing(bytes, at), "changed at {at}");
        }
    }
}

/// Whether a byte is of a version, a time or an attribute, of which nothing
/// that is loaded depends. One bit of the attributes makes a folder of a record.
fn says_nothing(bytes: &[u8], at: usize) -> bool {
    let headers: [(&[u8], &[usize]); 3] = [
        (b"PK\x03\x04", &[4, 5, 10, 11, 12, 13]),
        (b"PK\x01\x02", &[4, 5, 6, 7, 12, 13, 14, 15, 36, 37, 39, 40]),
        (b"PK\x06\x06", &[12, 13, 14, 15]),
    ];
    headers.iter().any(|(signature, fields)| {
        let mut fields = fields.iter().filter(|&&field| field <= at);
        fields.any(|&field| bytes[at - field..].starts_with(signature))
    })
}
