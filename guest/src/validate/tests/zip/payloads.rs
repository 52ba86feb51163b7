//! Payloads in every corner of an archive.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::build::{Record, Zip};
use crate::validate::tests::pickles::costly;
use crate::validate::tests::{judge, summary, summary_of};
use crate::validate::{Kind, ValidateOptions, Verdict};

const PAYLOAD: &[u8] = b"\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R.";

/// The archive is unsafe, for what it calls in this part.
fn calls(zip: &Zip, part: &str) {
    let report = judge(&zip.bytes(), ValidateOptions::default());
    assert_eq!(report.verdict, Verdict::Unsafe, "{}", summary_of(&report));
    let call = report.findings.iter().find(|finding| finding.rule.id == "SR-PICKLE-CALL");
    assert_eq!(call.map(|call| &*call.part), Some(part), "{}", summary_of(&report));
}

fn with(change: impl Fn(&mut Zip)) -> Zip {
    let mut zip = Zip::torch();
    change(&mut zip);
    zip
}

/// A look at bytes as a pickle that nobody takes them for says nothing of the pickles beside them.
#[test]
fn what_a_hidden_pickle_costs_hides_no_fault_of_another() {
    // A float, to whom it is a pickle.
    let hidden = [b"GGUF\0\0\0\0\x000ccollections\nOrderedDict\n0".as_slice(), &costly(), b"N."].concat();
    let calls = b"\x80\x02c_codecs\nencode\nX\x01\0\0\0aX\x06\0\0\0latin1\x86\x81.";
    let zip = Zip::of(vec![Record::new("a", &hidden), Record::new("b", calls)]);
    let report = judge(&zip.bytes(), ValidateOptions::default());
    let of = |part: &str| {
        report
            .findings
            .iter()
            .filter(|found| found.part == part)
            .map(|found| found.rule.id)
            .collect::<Vec<_>>()
    };
    assert!(of("a").contains(&"SR-FILE-COST"), "{}", summary_of(&report));
    assert!(of("b").contains(&"SR-PICKLE-ARGUMENTS"), "{}", summary_of(&report));
    assert!(!of("b").contains(&"SR-FILE-COST"), "{}", summary_of(&report));
}

#[test]
fn a_payload_is_found_wherever_it_is() {
    let pickle = |bytes: &[u8]| Record::new("a/data.pkl", bytes);
    calls(&with(|zip| zip.records[0] = pickle(PAYLOAD)), "a/data.pkl");
    calls(&with(|zip| zip.records[0] = Record::deflated("a/data.pkl", PAYLOAD)), "a/data.pkl");
    // Behind a good pickle, in place and compressed.
    let two = [&Zip::torch().records[0].payload[..], PAYLOAD].concat();
    calls(&with(|zip| zip.records[0] = pickle(&two)), "a/data.pkl");
    calls(&with(|zip| zip.records[0] = Record::deflated("a/data.pkl", &two)), "a/data.pkl");
    // Under names that other readers take for the pickle's.
    calls(&with(|zip| zip.records.push(pickle(PAYLOAD))), "a/data.pkl");
    calls(&with(|zip| zip.records.insert(0, pickle(PAYLOAD))), "a/data.pkl");
    calls(&with(|zip| zip.records.push(Record::new("a/DATA.pkl", PAYLOAD))), "a/DATA.pkl");
    calls(&with(|zip| zip.records.push(Record::new("b/data.pkl", PAYLOAD))), "b/data.pkl");
    // In records that are something else.
    calls(&with(|zip| zip.records.push(Record::new("a/data/1", PAYLOAD))), "a/data/1");
    calls(&with(|zip| zip.records.push(Record::deflated("a/data/1", PAYLOAD))), "a/data/1");
    calls(&with(|zip| zip.records.push(Record::new("a/more", PAYLOAD))), "a/more");
    calls(&with(|zip| zip.records.push(Record::deflated("a/more", PAYLOAD))), "a/more");
    calls(&with(|zip| zip.records[3] = Record::new("a/version", PAYLOAD)), "a/version");
    calls(&with(|zip| zip.records.push(Record::new("a/inner.zip", &inner()))), "a/inner.zip > b/data.pkl");
}

#[test]
fn a_payload_is_found_where_no_reader_of_the_archive_looks() {
    let records = with(|zip| zip.records[1].after = PAYLOAD.to_vec());
    let report = judge(&records.bytes(), ValidateOptions::default());
    assert_eq!(report.verdict, Verdict::Unsafe, "{}", summary_of(&report));
    let zips = [
        with(|zip| zip.before_directory = PAYLOAD.to_vec()),
        with(|zip| zip.before_end = PAYLOAD.to_vec()),
        with(|zip| zip.end.comment = PAYLOAD.to_vec()),
        with(|zip| zip.after = PAYLOAD.to_vec()),
        with(|zip| zip.records.push(Record { unlisted: true, ..Record::new("a/x", PAYLOAD) })),
        with(|zip| zip.records.insert(0, Record { unlisted: true, ..Record::new("a/data.pkl", PAYLOAD) })),
    ];
    for zip in zips {
        let report = judge(&zip.bytes(), ValidateOptions::default());
        assert_eq!(report.verdict, Verdict::Unsafe, "{}", summary_of(&report));
    }
}

#[test]
fn of_two_archives_both_are_judged() {
    let (good, bad) = (Zip::torch().bytes(), inner());
    for bytes in [[good.clone(), bad.clone()].concat(), [bad.clone(), good].concat()] {
        assert!(summary(&bytes).starts_with("DcpItems Unsafe"), "{}", summary(&bytes));
    }
    let inside = with(|zip| zip.end.comment = bad.clone());
    assert!(summary(&inside.bytes()).starts_with("TorchZip Unsafe"));
}

/// A whole archive with a payload.
fn inner() -> Vec<u8> {
    Zip::of(vec![Record::new("b/data.pkl", PAYLOAD), Record::new("b/version", b"3\n")]).bytes()
}

#[test]
fn programs_are_unsafe() {
    for name in ["a/constants.pkl", "a/code/__torch__.py", "a/bytecode.pkl"] {
        let report = judge(
            &with(|zip| zip.records.push(Record::new(name, b"N."))).bytes(),
            ValidateOptions::default(),
        );
        assert_eq!((report.kind, report.verdict), (Kind::TorchScript, Verdict::Unsafe));
        assert_eq!(report.findings[0].rule.id, "SR-ZIP-TORCHSCRIPT");
    }
    let package = Zip::of(vec![Record::new("a/.data/extern_modules", b""), Record::new("a/m.py", b"pass")]);
    let text = summary(&package.bytes());
    assert!(text.starts_with("Zip Unsafe\nSR-ZIP-PACKAGE"), "{text}");
}

#[test]
fn members_of_other_archives_are_judged_each() {
    let zip = Zip::of(vec![Record::new("one", b"\x80\x02N."), Record::deflated("two", b"\x80\x02K\x01.")]);
    let report = judge(&zip.bytes(), ValidateOptions::default());
    assert_eq!((report.kind, report.verdict), (Kind::Zip, Verdict::Safe), "{}", summary_of(&report));
    let zip = Zip::of(vec![Record::new("one", b"\x80\x02N."), Record::deflated("two", PAYLOAD)]);
    calls(&zip, "two");
    let zip = Zip::of(vec![Record::new("readme", b"hello there, this is a text")]);
    assert!(summary(&zip.bytes()).starts_with("Zip Unverified\nSR-FILE-UNKNOWN"));
}

#[test]
fn numbers_and_texts_are_no_pickles() {
    // Bytes of any kind, a thousand storages of them.
    let mut state = 1u64;
    let mut noise = |length: usize| {
        let next = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        (0..length).map(next).collect::<Vec<u8>>()
    };
    let mut zip = Zip::torch();
    let texts: [&[u8]; 4] =
        [b"cat\ndog\nbird\n", b"(cat\ndog\n", b"import os\nos.system\n", b"\x80\x02 is how it starts"];
    for (index, text) in texts.iter().enumerate() {
        zip.records.push(Record::new(&format!("a/data/{}", index + 1), text));
    }
    for index in 10..1000 {
        zip.records.push(Record::new(&format!("a/data/{index}"), &noise(200)));
    }
    let report = judge(&zip.bytes(), ValidateOptions::default());
    assert_eq!(report.verdict, Verdict::Malformed, "{}", summary_of(&report));
    assert!(report.findings.iter().all(|finding| finding.rule.id == "SR-ZIP-UNREFERENCED"));
}
