//! Files that end before they should.

use alloc::format;
use alloc::vec::Vec;

use super::build::{legacy, list, storage, vector};
use super::{judge, summary_of};
use crate::validate::{Report, ValidateOptions, Verdict};

fn named(bytes: &[u8], name: &str) -> Report {
    judge(bytes, ValidateOptions { name: Some(name.into()), ..ValidateOptions::default() })
}

fn safetensors(header: &str, data: usize) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    file.resize(file.len() + data, 0);
    file
}

#[test]
fn no_start_of_a_good_file_is_malformed() {
    let header = r#"{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}"#;
    let whole = safetensors(header, 8);
    for length in 9..whole.len() {
        let report = named(&whole[..length], "model.safetensors");
        assert_eq!(report.verdict, Verdict::Unverified, "{length}: {}", summary_of(&report));
    }
    let floats = vector("Float", "1", 4);
    let stream = legacy(&list(&[&floats]), &[("1", 4, &[0; 16])]);
    for length in 20..stream.len() {
        let verdict = named(&stream[..length], "model.pt").verdict;
        // It is a pickle by itself after its first ones.
        assert!(matches!(verdict, Verdict::Unverified | Verdict::Safe), "{length}: {verdict:?}");
    }
}

#[test]
fn what_is_wrong_besides_counts() {
    let gap = safetensors(r#"{"a":{"dtype":"U8","shape":[8],"data_offsets":[1,9]}}"#, 7);
    assert_eq!(named(&gap, "model.safetensors").verdict, Verdict::Malformed);
    let huge = safetensors(
        &format!(r#"{{"a":{{"dtype":"U8","shape":[{0}],"data_offsets":[0,{0}]}}}}"#, 1u64 << 50),
        7,
    );
    assert_eq!(named(&huge, "model.safetensors").verdict, Verdict::Malformed);
    for name in ["0a1b.incomplete", "model.safetensors.part", "model.crdownload"] {
        let report = named(&gap, name);
        assert_eq!(report.verdict, Verdict::Unverified, "{name}");
        assert!(report.findings.iter().all(|found| found.rule.verdict != Verdict::Malformed));
    }
    let code = b"\x80\x02cos\nsystem\nX\x01\0\0\0a\x85R";
    assert_eq!(named(code, "0a1b.incomplete").verdict, Verdict::Unsafe);
    assert_eq!(
        named(&legacy(&storage("Float", "1", 4), &[("1", 4, &[0; 16])]), "x.tmp").verdict,
        Verdict::Safe
    );
}
