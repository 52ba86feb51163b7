use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::{judge, judge_sparse, summary, summary_of};
use crate::Limits;
use crate::validate::{Class, Level, ValidateOptions, Verdict};

/// A GGUF file, put together by hand.
#[derive(Clone)]
struct Gguf {
    version: u32,
    keys: Vec<Vec<u8>>,
    tensors: Vec<(Vec<u8>, Vec<u64>, u32, u64)>,
    data: Vec<u8>,
    alignment: usize,
}

fn text(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text].concat()
}

fn key(name: &str, kind: u32, value: &[u8]) -> Vec<u8> {
    [&text(name.as_bytes())[..], &kind.to_le_bytes(), value].concat()
}

fn list(kind: u32, count: u64, items: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &count.to_le_bytes(), items].concat()
}

impl Gguf {
    /// Two tensors: 32 numbers in one block of Q8_0, and three floats.
    fn new() -> Self {
        let keys = vec![
            key("general.architecture", 8, &text(b"llama")),
            key("general.alignment", 4, &32u32.to_le_bytes()),
            key("a.list", 9, &list(8, 2, &[text(b"x"), text(b"")].concat())),
            key("a.bools", 9, &list(7, 3, &[0, 1, 1])),
            key("a.numbers", 9, &list(6, 2, &[0; 8])),
        ];
        let tensors = vec![(b"a.weight".to_vec(), vec![32, 1], 8, 0), (b"b".to_vec(), vec![3], 0, 64)];
        let mut data = vec![7; 34];
        data.resize(64, 0);
        data.extend_from_slice(&[7; 12]);
        Self { version: 3, keys, tensors, data, alignment: 32 }
    }

    fn header(&self) -> Vec<u8> {
        let mut bytes = [&b"GGUF"[..], &self.version.to_le_bytes()].concat();
        bytes.extend_from_slice(&(self.tensors.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&(self.keys.len() as u64).to_le_bytes());
        bytes.extend(self.keys.concat());
        for (name, dimensions, kind, offset) in &self.tensors {
            bytes.extend(text(name));
            bytes.extend_from_slice(&u32::try_from(dimensions.len()).unwrap().to_le_bytes());
            dimensions.iter().for_each(|dimension| bytes.extend_from_slice(&dimension.to_le_bytes()));
            bytes.extend_from_slice(&kind.to_le_bytes());
            bytes.extend_from_slice(&offset.to_le_bytes());
        }
        bytes
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.header();
        bytes.resize(bytes.len().next_multiple_of(self.alignment), 0);
        bytes.extend_from_slice(&self.data);
        bytes
    }
}

fn with(change: impl Fn(&mut Gguf)) -> Vec<u8> {
    let mut gguf = Gguf::new();
    change(&mut gguf);
    gguf.bytes()
}

#[test]
fn a_file_whose_tensors_fill_it_is_safe() {
    for version in [2, 3] {
        let bytes = with(|gguf| gguf.version = version);
        let report = judge(&bytes, ValidateOptions::default());
        assert_eq!(summary_of(&report), "Gguf Safe\n");
        assert_eq!(report.reached(), Some(Level::TensorsOnly));
        let payloads: Vec<_> =
            report.payloads.iter().map(|payload| (&*payload.part, payload.range.length)).collect();
        assert_eq!(payloads, [("a.weight", 34), ("b", 12)]);
    }
    // Writers fill up the last tensor, too.
    assert_eq!(summary(&with(|gguf| gguf.data.resize(96, 0))), "Gguf Safe\n");
    // A vocabulary has no tensors.
    let none = |gguf: &mut Gguf| {
        gguf.tensors.clear();
        gguf.data.clear();
    };
    assert_eq!(summary(&with(none)), "Gguf Safe\n");
    let mut gguf = Gguf::new();
    none(&mut gguf);
    assert_eq!(summary(&gguf.header()), "Gguf Safe\n");
}

#[test]
fn each_lie_is_found() {
    let one = |tensor: (&[u8], &[u64], u32, u64)| {
        with(|gguf| gguf.tensors[0] = (tensor.0.to_vec(), tensor.1.to_vec(), tensor.2, tensor.3))
    };
    let metadata = |key: Vec<u8>| with(|gguf| gguf.keys.push(key.clone()));
    let huge = u64::MAX.to_le_bytes();
    let mut deep = list(9, 1, &list(9, 1, &list(7, 1, &[1])));
    deep.extend_from_slice(&[0; 64]);
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("version 1", with(|gguf| gguf.version = 1), "SR-GGUF-VERSION"),
        ("version 4", with(|gguf| gguf.version = 4), "SR-GGUF-VERSION"),
        ("big-endian", with(|gguf| gguf.version = 3 << 24), "SR-GGUF-VERSION"),
        ("no header", b"GGUF\x03\0\0\0".to_vec(), "SR-FILE-CUT"),
        ("counts", [&b"GGUF\x03\0\0\0"[..], &huge, &huge].concat(), "SR-GGUF-HEADER"),
        ("a long text", metadata(key("a", 8, &huge)), "SR-GGUF-HEADER"),
        ("a long list", metadata(key("a", 9, &list(0, u64::MAX / 2, &[]))), "SR-GGUF-HEADER"),
        ("a long list of texts", metadata(key("a", 9, &list(8, 1 << 61, &[]))), "SR-GGUF-HEADER"),
        ("lists in lists", metadata(key("a", 9, &deep)), "SR-GGUF-KEY"),
        ("a type", metadata(key("a", 13, &[0; 8])), "SR-GGUF-KEY"),
        ("a list's type", metadata(key("a", 9, &list(77, 1, &[0]))), "SR-GGUF-KEY"),
        ("a boolean", metadata(key("a", 7, &[2])), "SR-GGUF-KEY"),
        ("booleans", metadata(key("a", 9, &list(7, 2, &[1, 2]))), "SR-GGUF-KEY"),
        ("a key twice", metadata(key("general.architecture", 0, &[1])), "SR-GGUF-KEY"),
        ("no key", metadata(key("", 0, &[1])), "SR-GGUF-KEY"),
        ("a long key", metadata(key(&"a".repeat(70_000), 0, &[1])), "SR-GGUF-KEY"),
        ("no alignment", with(|gguf| gguf.keys[1] = key("general.alignment", 4, &[0; 4])), "SR-GGUF-KEY"),
        (
            "an alignment of 24",
            with(|gguf| gguf.keys[1] = key("general.alignment", 4, &[24, 0, 0, 0])),
            "SR-GGUF-KEY",
        ),
        (
            "alignment's type",
            with(|gguf| gguf.keys[1] = key("general.alignment", 10, &[32, 0, 0, 0, 0, 0, 0, 0])),
            "SR-GGUF-KEY",
        ),
        (
            "a huge alignment",
            with(|gguf| gguf.keys[1] = key("general.alignment", 4, &[0, 0, 0, 0x80])),
            "SR-FILE-LIMIT",
        ),
        ("a long name", one((&[b'a'; 65], &[32, 1], 8, 0)), "SR-GGUF-TENSOR"),
        ("a name twice", one((b"b", &[32, 1], 8, 0)), "SR-GGUF-TENSOR"),
        ("five dimensions", one((b"a", &[32, 1, 1, 1, 1], 8, 0)), "SR-GGUF-TENSOR"),
        ("half a block", one((b"a", &[31, 1], 8, 0)), "SR-GGUF-TENSOR"),
        ("an overflow", one((b"a", &[1 << 32, 1 << 32], 8, 0)), "SR-GGUF-TENSOR"),
        ("a removed type", one((b"a", &[32, 1], 4, 0)), "SR-GGUF-TENSOR"),
        ("a new type", one((b"a", &[32, 1], 99, 0)), "SR-GGUF-TYPE"),
        ("overlapping", with(|gguf| gguf.tensors[1].3 = 32), "SR-GGUF-DATA"),
        ("a gap", with(|gguf| gguf.tensors[1].3 = 96), "SR-GGUF-DATA"),
        ("beyond the end", with(|gguf| gguf.tensors[1].1 = vec![4]), "SR-FILE-CUT"),
        ("an offset", with(|gguf| gguf.tensors[1].3 = u64::MAX - 31), "SR-GGUF-DATA"),
        ("bytes of nobody", with(|gguf| gguf.data.resize(97, 0)), "SR-GGUF-DATA"),
        ("padding", with(|gguf| gguf.data[40] = 1), "SR-GGUF-PADDING"),
        ("padding at the end", with(|gguf| gguf.data.resize(80, 1)), "SR-GGUF-PADDING"),
    ];
    for (what, bytes, rule) in cases {
        let report = judge(&bytes, ValidateOptions::default());
        let rules: Vec<_> = report.findings.iter().map(|finding| finding.rule.id).collect();
        assert_eq!(rules, [rule], "{what}: {}", summary_of(&report));
        assert!(report.verdict > Verdict::Trusting, "{what}");
    }
}

#[test]
fn no_cut_file_is_safe() {
    let bytes = Gguf::new().bytes();
    for length in 5..bytes.len() {
        let verdict = judge(&bytes[..length], ValidateOptions::default()).verdict;
        assert!(verdict >= Verdict::Unverified, "{length}");
    }
}

#[test]
fn a_template_in_the_metadata_is_judged() {
    for name in ["tokenizer.chat_template", "tokenizer.chat_template.tool_use"] {
        let template = |template: &str| with(|gguf| gguf.keys.push(key(name, 8, &text(template.as_bytes()))));
        assert_eq!(summary(&template("{{ messages[0]['content'] }}")), "Gguf Safe\n");
        let report = judge(&template("{{ ''.__class__ }}"), ValidateOptions::default());
        let rule = report.findings[0].rule;
        assert_eq!(
            (rule.id, rule.class, report.verdict),
            ("SR-CODE-TEMPLATE", Some(Class::Code), Verdict::Unverified)
        );
    }
}

#[test]
fn little_of_a_large_file_is_read() {
    let mut gguf = Gguf::new();
    gguf.tensors[1].1 = vec![1 << 32];
    let mut head = gguf.header();
    head.resize(head.len().next_multiple_of(32), 0);
    let length = head.len() as u64 + 64 + (4 << 32);
    assert_eq!(summary_of(&judge_sparse(&head, length)), "Gguf Safe\n");
}

#[test]
fn what_is_kept_is_bounded() {
    let keys: Vec<String> = (0..100).map(|index| format!("key.{index:0100}")).collect();
    let bytes = with(|gguf| gguf.keys.extend(keys.iter().map(|name| key(name, 0, &[1]))));
    let under = |limits| judge(&bytes, ValidateOptions { limits, ..ValidateOptions::default() });
    assert_eq!(under(Limits::default()).verdict, Verdict::Safe);
    for limits in
        [Limits { entries: 50, ..Limits::default() }, Limits { directory_bytes: 5000, ..Limits::default() }]
    {
        let summary = summary_of(&under(limits));
        assert!(summary.starts_with("Gguf Unverified\nSR-FILE-LIMIT "), "{summary}");
    }
}

/// A vocabulary as large models have it costs a reader seconds, and a list of small numbers more
/// than its bytes are good for.
#[test]
fn lists_cost_their_readers() {
    let tokens: Vec<u8> = (0..262_144).flat_map(|at| text(format!("t{at}").as_bytes())).collect();
    let merges: Vec<u8> = (0..500_000).flat_map(|at| text(format!("a b{at}").as_bytes())).collect();
    let large = with(|gguf| {
        gguf.keys.push(key("tokenizer.ggml.tokens", 9, &list(8, 262_144, &tokens)));
        gguf.keys.push(key("tokenizer.ggml.scores", 9, &list(6, 262_144, &[0; 4 * 262_144])));
        gguf.keys.push(key("tokenizer.ggml.token_type", 9, &list(5, 262_144, &[0; 4 * 262_144])));
        gguf.keys.push(key("tokenizer.ggml.merges", 9, &list(8, 500_000, &merges)));
    });
    assert_eq!(judge(&large, ValidateOptions::default()).verdict, Verdict::Safe);
    let bomb = with(|gguf| gguf.keys.push(key("a.bytes", 9, &list(0, 1 << 20, &[0; 1 << 20]))));
    assert!(summary(&bomb).contains("SR-FILE-COST"), "{}", summary(&bomb));
}
