//! Streams of `torch.save` before torch 1.6.

extern crate std;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::build::{MAGIC, SYSTEM, VERSION, legacy, list, pickle, storage, vector};
use super::{judge, summary};
use crate::validate::{Kind, Severity, ValidateOptions, Verdict};

/// The ids of what is found, beside the instructions that only the tests write.
fn found(stream: &[u8]) -> Vec<&'static str> {
    let report = judge(stream, ValidateOptions::default());
    assert_eq!(report.kind, Kind::TorchLegacy);
    let mut ids: Vec<_> = report.findings.iter().map(|finding| finding.rule.id).collect();
    ids.retain(|&id| !matches!(id, "SR-PICKLE-OPCODE" | "SR-PICKLE-PROTOCOL" | "SR-LEVEL-WEIGHTS-ONLY"));
    ids
}

fn stream(pickles: &[&str], rest: &[u8]) -> Vec<u8> {
    let mut stream: Vec<u8> = pickles.iter().flat_map(|object| pickle(object)).collect();
    stream.extend_from_slice(rest);
    stream
}

const EMPTY: [&str; 5] = [MAGIC, VERSION, SYSTEM, "N", "]"];

fn empty_but(index: usize, object: &str) -> Vec<u8> {
    let mut pickles = EMPTY;
    pickles[index] = object;
    stream(&pickles, &[])
}

#[test]
fn what_python_2_wrote_is_no_fault_of_the_file() {
    let stream = empty_but(3, "x5501ff");
    assert_eq!(found(&stream), ["SR-LEGACY-ENCODING"]);
    assert_eq!(judge(&stream, ValidateOptions::default()).verdict, Verdict::Safe);
    assert_eq!(found(&empty_but(3, "x5502c3a4")), [""; 0]);
}

#[test]
fn what_torch_wrote_is_safe() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/good");
    let mut judged = 0;
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let expected = std::fs::read_to_string(path.join("expected.json")).unwrap();
        if !name.starts_with("legacy_") || !expected.contains("\"weights_only\": \"loads\"") {
            continue;
        }
        let bytes = std::fs::read(path.join("model.pt")).unwrap();
        let report = judge(&bytes, ValidateOptions::default());
        let errors =
            report.findings.iter().filter(|finding| finding.rule.severity == Severity::Error).count();
        assert_eq!((report.kind, report.verdict, errors), (Kind::TorchLegacy, Verdict::Safe, 0), "{name}");
        judged += 1;
    }
    assert!(judged >= 20, "{judged}");
}

#[test]
fn storages_are_listed_as_payloads() {
    let bytes = legacy(&vector("Float", "7", 2), &[("7", 2, &[1, 2, 3, 4, 5, 6, 7, 8])]);
    let report = judge(&bytes, ValidateOptions::default());
    let payload = &report.payloads[0];
    assert_eq!((payload.part.as_str(), payload.range.length, payload.crc32), ("storage 7", 8, None));
    assert_eq!(payload.range.end(), Some(bytes.len() as u64));
}

#[test]
fn the_header_is_what_torch_writes() {
    assert!(found(&stream(&EMPTY, &[])).is_empty());
    assert_eq!(found(&empty_but(1, "I1002;")), ["SR-LEGACY-HEADER"]);
    assert_eq!(found(&empty_but(2, "}")), ["SR-LEGACY-HEADER"]);
    assert_eq!(found(&empty_but(2, "N")), ["SR-LEGACY-HEADER"]);
    assert_eq!(found(&empty_but(2, "} Vlittle_endian; I1; s")), ["SR-LEGACY-HEADER"]);
    let id = storage("Float", "0", 4);
    assert_eq!(found(&empty_but(2, &format!("{SYSTEM} Vx; {id} s"))), ["SR-LEGACY-HEADER"]);
}

#[test]
fn a_payload_anywhere_is_unsafe_whatever_is_broken() {
    let payload = "cos;system; ( Vtrue; t R";
    for index in 1..5 {
        let bytes = empty_but(index, payload);
        for bytes in [bytes.clone(), [bytes.as_slice(), b"rest"].concat()] {
            let report = judge(&bytes, ValidateOptions::default());
            assert_eq!((report.kind, report.verdict), (Kind::TorchLegacy, Verdict::Unsafe), "{index}");
        }
    }
    let hidden = empty_but(0, &format!("{payload} 0 {MAGIC}"));
    assert_eq!(judge(&hidden, ValidateOptions::default()).verdict, Verdict::Unsafe);
    let cut = stream(&[MAGIC, VERSION, SYSTEM, payload], b"\xff");
    assert_eq!(judge(&cut, ValidateOptions::default()).verdict, Verdict::Unsafe);
}

#[test]
fn a_module_with_its_source_is_refused() {
    let id = "( Vmodule; ccollections;OrderedDict; Vmodel.py; Vpass; t Q";
    let ids = found(&empty_but(3, id));
    assert!(ids.contains(&"SR-LEGACY-SOURCE"), "{ids:?}");
}

#[test]
fn an_id_has_a_view_or_none() {
    let object = vector("Float", "0", 4);
    let ids = found(&legacy(&object.replace(" N t Q", " t Q"), &[("0", 4, &[0; 16])]));
    assert_eq!(ids, ["SR-PICKLE-PERSISTENT"]);
    let view = |first: i64, count: i64| {
        let view = format!(" ( V9; I{first}; I{count}; t t Q");
        let tensor = vector("Float", "0", 4).replace(" N t Q", &view).replace("( I4; t", "( I2; t");
        found(&legacy(&tensor, &[("0", 4, &[0; 16])]))
    };
    assert!(view(1, 2).is_empty());
    assert_eq!(view(3, 2), ["SR-TENSOR-EXTENT"]);
    assert_eq!(view(1, 1), ["SR-TENSOR-EXTENT"]);
    assert_eq!(view(-1, 2), ["SR-TENSOR-STORAGE"]);
}

#[test]
fn every_storage_is_listed_once() {
    let four: &[u8] = &[0; 16];
    let one = vector("Float", "0", 4);
    let two = list(&[&one, &vector("Float", "1", 4)]);
    assert!(found(&legacy(&two, &[("1", 4, four), ("0", 4, four)])).is_empty());
    for (object, storages) in [
        (&two, &[("0", 4, four)][..]),
        (&one, &[("0", 4, four), ("0", 4, four)]),
        (&one, &[("0", 4, four), ("9", 4, four)]),
    ] {
        assert_eq!(found(&legacy(object, storages)), ["SR-LEGACY-KEYS"]);
    }
    for keys in ["N", "] K\u{1} a"] {
        let bytes = stream(&[MAGIC, VERSION, SYSTEM, "N", keys], &[]);
        assert_eq!(found(&bytes), ["SR-LEGACY-KEYS"]);
    }
}

#[test]
fn counts_agree_with_the_state_dict() {
    let one = vector("Float", "0", 4);
    for count in [3, 5, -1, i64::MIN, i64::MAX] {
        assert_eq!(found(&legacy(&one, &[("0", count, &[0; 16])])), ["SR-LEGACY-COUNT"], "{count}");
    }
}

#[test]
fn every_byte_is_accounted_for() {
    let one = vector("Float", "0", 4);
    let whole = legacy(&one, &[("0", 4, &[0; 16])]);
    assert!(found(&whole).is_empty());
    let mut longer = whole.clone();
    longer.push(0);
    assert_eq!(found(&longer), ["SR-LEGACY-TRAILING"]);
    assert_eq!(found(&whole[..whole.len() - 1]), ["SR-FILE-CUT"]);
    let pickles = whole.len() - 24;
    for end in 20..pickles {
        let summary: String = summary(&whole[..end]);
        assert!(summary.starts_with("TorchLegacy Unverified\n"), "{end}: {summary}");
    }
}

#[test]
fn bare_pickles_are_no_legacy_streams() {
    let report = judge(&pickle("I1001;"), ValidateOptions::default());
    assert_eq!((report.kind, report.verdict), (Kind::Pickle, Verdict::Safe));
}
