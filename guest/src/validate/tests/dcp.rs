//! Checkpoints of `torch.distributed.checkpoint`: the metadata, and files of items held against it.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::build::{call, ints, pickle};
use super::{judge, summary_of};
use crate::Range;
use crate::dcp::Form;
use crate::validate::{Expectation, Expected, Kind, Report, Root, ValidateOptions, Verdict};
use crate::{DType, Limits};

const METADATA: &[u8] = include_bytes!("../../../../tests/data/dcp/good/2.15_small/.metadata");
const FIRST: &[u8] = include_bytes!("../../../../tests/data/dcp/good/2.15_small/__0_0.distcp");
const SECOND: &[u8] = include_bytes!("../../../../tests/data/dcp/good/2.15_small/__1_0.distcp");

fn named(name: &str) -> ValidateOptions {
    ValidateOptions { name: Some(name.into()), ..ValidateOptions::default() }
}

/// What the metadata says of a file.
fn expected(file: &str) -> Vec<Expected> {
    let metadata = judge(METADATA, named(".metadata")).metadata.unwrap();
    let items = metadata.items.iter().filter(|item| metadata.file(item) == file);
    items
        .map(|item| Expected {
            name: metadata.name(item).into(),
            range: item.range,
            content: match metadata.part(item) {
                Some((dtype, shape)) => Expectation::Tensor(dtype, shape.to_vec()),
                None => Expectation::Object,
            },
        })
        .collect()
}

fn judged(bytes: &[u8], expected: Vec<Expected>) -> Report {
    judge(bytes, ValidateOptions { expected: Some(expected), ..named("__1_0.distcp") })
}

/// The ids of what keeps a file from being safe.
fn errors(report: &Report) -> Vec<&'static str> {
    let findings = report.findings.iter().filter(|finding| finding.rule.verdict > Verdict::Trusting);
    findings.map(|finding| finding.rule.id).collect()
}

#[test]
fn metadata_says_what_lies_where() {
    let report = judge(METADATA, named(".metadata"));
    assert_eq!((report.kind, report.verdict), (Kind::DcpMetadata, Verdict::Safe), "{}", summary_of(&report));
    let metadata = report.metadata.unwrap();
    let mut items: Vec<(&str, &str, Range)> =
        metadata.items.iter().map(|item| (metadata.name(item), metadata.file(item), item.range)).collect();
    items.sort_by_key(|item| (item.1, item.2.offset));
    let (one, all) = (FIRST.len() as u64, SECOND.len() as u64);
    assert_eq!(items[0], ("w", "__0_0.distcp", Range::new(0, one)));
    assert_eq!(items.len(), 3);
    assert_eq!(items[1].2.length + items[2].2.length, all);
    assert!(metadata.items.iter().all(|item| item.form == Form::Archive));
    let w = metadata.entries.iter().find(|entry| entry.name == "w").unwrap().tensor.as_ref().unwrap();
    assert_eq!((w.dtype, &w.size[..], w.chunks.len()), (DType::Float32, &[4, 2][..], 2));
}

#[test]
fn items_are_found_and_judged_one_by_one() {
    let report = judge(SECOND, named("__1_0.distcp"));
    assert_eq!((report.kind, report.verdict), (Kind::DcpItems, Verdict::Safe), "{}", summary_of(&report));
    let roots: Vec<Option<Root>> = report.items.iter().map(|item| item.root.clone()).collect();
    let tensor = Root::Tensor(DType::Float32, vec![2, 2]);
    assert_eq!(roots, [Some(Root::Object), Some(tensor)]);
    assert_eq!(report.items[1].range.end(), Some(SECOND.len() as u64));
    // With the metadata nothing is left to be said.
    let report = judged(SECOND, expected("__1_0.distcp"));
    assert_eq!(summary_of(&report), "DcpItems Safe\n");
    let report = judged(FIRST, expected("__0_0.distcp"));
    assert_eq!(summary_of(&report), "TorchZip Safe\n");
}

#[test]
fn what_the_metadata_says_otherwise_is_found() {
    let change = |change: fn(&mut Vec<Expected>)| {
        let mut items = expected("__1_0.distcp");
        items.sort_by_key(|item| item.range.offset);
        change(&mut items);
        judged(SECOND, items)
    };
    let dtype = change(|items| items[1].content = Expectation::Tensor(DType::Float16, vec![2, 2]));
    assert_eq!(errors(&dtype), ["SR-DCP-OTHER"], "{}", summary_of(&dtype));
    let shape = change(|items| items[1].content = Expectation::Tensor(DType::Float32, vec![4]));
    assert_eq!(errors(&shape), ["SR-DCP-OTHER"]);
    let object = change(|items| items[0].content = Expectation::Tensor(DType::Float32, vec![2, 2]));
    assert_eq!(errors(&object), ["SR-DCP-OTHER"]);
    let unnamed = change(|items| drop(items.remove(0)));
    assert_eq!(errors(&unnamed), ["SR-DCP-UNNAMED"]);
    let nothing = change(Vec::clear);
    assert_eq!(errors(&nothing), ["SR-DCP-UNNAMED"; 2]);
    let transformed = change(|items| items[0].content = Expectation::Transformed);
    assert_eq!(errors(&transformed), ["SR-DCP-OTHER"]);
    let beyond = change(|items| items[1].range.length += 1);
    assert!(errors(&beyond).contains(&"SR-DCP-ELSEWHERE"), "{}", summary_of(&beyond));
    let far = change(|items| items[1].range = Range::new(u64::MAX, u64::MAX));
    assert!(errors(&far).contains(&"SR-DCP-ELSEWHERE"), "{}", summary_of(&far));
}

#[test]
fn where_the_metadata_leads_is_judged_as_readers_take_it() {
    let payload = b"cos\nsystem\n(S'true'\ntR.";
    let mut file = SECOND.to_vec();
    // In the numbers of the tensor, which nobody reads as anything else.
    let at = SECOND.len() - 800;
    file[at..at + payload.len()].copy_from_slice(payload);
    let mut items = expected("__1_0.distcp");
    let range = Range::new(at as u64, payload.len() as u64);
    items.push(Expected { name: "x".into(), range, content: Expectation::Object });
    let report = judged(&file, items);
    let found = report.findings.iter().find(|finding| finding.rule.id == "SR-PICKLE-CALL").unwrap();
    assert!(report.verdict == Verdict::Unsafe && found.offset >= at as u64, "{}", summary_of(&report));
    assert_eq!(found.part, alloc::format!("bytes from {at} on (x)"));
}

#[test]
fn many_small_items_take_little_reading() {
    let count = 500;
    let file = FIRST.repeat(count);
    let mut validating = crate::validate::Validating::open(file.len() as u64, named("__0_0.distcp"));
    let (mut chunks, mut read) = (Vec::new(), 0);
    while let crate::validate::Judging::Fetch(ranges) =
        validating.advance(core::mem::take(&mut chunks)).unwrap()
    {
        for Range { offset, length } in ranges {
            read += length;
            let start = usize::try_from(offset).unwrap();
            let bytes = file[start..start + usize::try_from(length).unwrap()].to_vec();
            chunks.push(crate::Chunk { offset, bytes });
        }
    }
    assert_eq!(validating.report().items.len(), count);
    assert_eq!(validating.report().verdict, Verdict::Safe);
    // A host brings each byte eight times, and no more.
    assert!(read < 6 * file.len() as u64, "{read} of {}", file.len());
}

#[test]
fn a_file_is_cut_at_the_limit_of_items() {
    let file = FIRST.repeat(20);
    let limits = Limits { entries: 10, ..Limits::default() };
    let report = judge(&file, ValidateOptions { limits, ..named("__0_0.distcp") });
    assert!(report.verdict > Verdict::Trusting, "{}", summary_of(&report));
}

#[test]
fn no_changed_byte_of_metadata_makes_it_panic() {
    for at in 0..METADATA.len() {
        for bit in [0x01, 0x80, 0xff] {
            let mut changed = METADATA.to_vec();
            changed[at] ^= bit;
            let _: String = judge(&changed, named(".metadata")).verdict_text();
        }
        judge(&METADATA[..at], named(".metadata"));
    }
}

impl Report {
    fn verdict_text(&self) -> String {
        summary_of(self).lines().next().unwrap_or_default().to_string()
    }
}

/// Numbers that are equal modulo 2^61 - 1 hash alike in CPython, and so do the keys that have them.
#[test]
fn keys_of_one_hash_cost_too_much() {
    let pickle_of = |count: u32, prime: i64| {
        let mut pairs = String::new();
        for key in 0..count {
            let numbers: Vec<i64> = (0..7).map(|digit| i64::from((key >> (2 * digit)) & 3) * prime).collect();
            let size = call("torch", "Size", &[&ints(&numbers)]);
            let class = "ctorch.distributed.checkpoint.metadata;MetadataIndex;";
            pairs.push_str(&alloc::format!("{class} ) x81 }} ( Vfqn; Vw; Voffset; {size} u b N "));
        }
        pickle(&alloc::format!("}} ( {pairs} u"))
    };
    let found = |bytes: &[u8]| errors(&judge(bytes, ValidateOptions::default()));
    assert_eq!(found(&pickle_of(6000, (1 << 61) - 1)), ["SR-FILE-COST"]);
    assert_eq!(found(&pickle_of(6000, 1 << 40)), [""; 0]);
}

#[test]
fn the_metadata_of_one_rank_need_not_fill_its_tensors() {
    let rank: &[u8] = include_bytes!("../../../../tests/data/dcp/good/2.15_rank_local/__0.metadata");
    assert_eq!(errors(&judge(rank, named("__0.metadata"))), [""; 0]);
    let errors = errors(&judge(rank, named(".metadata")));
    assert!(errors.contains(&"SR-DCP-BOX"), "{errors:?}");
}
