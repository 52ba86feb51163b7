//! What no reader of models opens, and what looks like it.

use alloc::string::String;
use alloc::vec::Vec;

use super::{judge, summary_of};
use crate::validate::{Class, Report, ValidateOptions, Verdict};

/// The report of a file of this name.
fn named(name: &str, bytes: &[u8]) -> Report {
    judge(bytes, ValidateOptions { name: Some(name.into()), ..ValidateOptions::default() })
}

fn utf16(text: &str) -> Vec<u8> {
    "\u{feff}"
        .chars()
        .chain(text.chars())
        .collect::<String>()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect()
}

#[test]
fn what_no_reader_opens_is_inert() {
    let bmp = [&b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"[..], &[0; 52]].concat();
    let long = alloc::format!("a{}", "ö".repeat(70_000));
    let cases: [(&str, &[u8], &str); 17] = [
        ("README.md", b"# A model\n", "Text"),
        ("LICENSE", long.as_bytes(), "Text"),
        ("merges.txt", b"#version: 0.2\n\xc4\xa0 t\n", "Text"),
        ("config.json", b" {\"model_type\": \"gpt\", \"n\": [1, 2.5e-3, null]}\n", "Json"),
        ("model.safetensors.index.json", b"{\"weight_map\": {}}", "Json"),
        ("a.json", &utf16("{\"data\": \u{1f600}1}"), "Text"),
        ("a.yaml", b"a: 1\nb: [2, 'x']\n", "Text"),
        ("a.toml", b"[a]\nb = 1\n", "Text"),
        ("a.csv", b"cat,dog\n1,2\n", "Text"),
        ("index.html", b"<!DOCTYPE html><html>", "Html"),
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "Image"),
        ("a.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF\0", "Image"),
        ("a.bmp", &bmp, "Image"),
        ("a.pdf", b"%PDF-1.7\n", "Pdf"),
        ("a.woff2", b"wOF2\0\x01\0\0\0\0", "Font"),
        ("a.mp4", b"\0\0\0\x18ftypisom\0\0\0\0", "Video"),
        ("__init__.py", b"", "Empty"),
    ];
    for (name, bytes, kind) in cases {
        let report = named(name, bytes);
        let summary = summary_of(&report);
        assert!(summary.starts_with(&alloc::format!("{kind} Inert\nSR-FILE-INERT 0: ")), "{name}: {summary}");
        assert_eq!((report.findings.len(), report.reached()), (1, None), "{name}: {summary}");
    }
}

#[test]
fn nothing_is_inert_under_a_models_name() {
    let cases: [(&str, &[u8]); 8] = [
        ("model.safetensors", b"Entry not found"),
        ("pytorch_model.bin", b"<!DOCTYPE html><html>"),
        ("model.PT", b"{\"error\": \"Repository not found\"}"),
        ("a.onnx", b""),
        ("a.npy", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        ("0123.incomplete", b"{}"),
        ("a.gguf", b"hello"),
        ("a.h5", b"%PDF-1.7\n"),
    ];
    for (name, bytes) in cases {
        let summary = summary_of(&named(name, bytes));
        assert!(summary.contains(" Unverified\nSR-FILE-NAME 0: its name is "), "{name}: {summary}");
    }
    // These stand for a file whatever they are called.
    let pointer =
        summary_of(&named("README", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n"));
    assert!(pointer.starts_with("LfsPointer Unverified\nSR-FILE-POINTER 0: a Git LFS pointer"), "{pointer}");
}

#[test]
fn a_text_is_one_to_its_end() {
    let mut text = alloc::vec![b'a'; 300_000];
    text[200_000] = 1;
    let summary = summary_of(&named("a.txt", &text));
    assert!(
        summary.starts_with("Unknown Unverified\nSR-FILE-UNKNOWN 200000: it begins as a plain text"),
        "{summary}"
    );
    // In another encoding it is a text to who reads it, and no settings are.
    text[200_000] = 0xff;
    assert_eq!(named("a.txt", &text).verdict, Verdict::Inert);
    for name in ["a.yaml", "a.json", "0123abcd", "chat_template.jinja"] {
        let summary = summary_of(&named(name, &text));
        let message = "SR-FILE-UNKNOWN 200000: it begins as a plain text, and is none: no UTF-8 is";
        assert!(summary.contains(message), "{name}: {summary}");
    }
    text[200_000] = 0;
    text[100] = 1;
    let summary = summary_of(&named("a.txt", &text));
    assert!(
        summary.contains("SR-FILE-UNKNOWN 100: it begins as a plain text, and is none: a control"),
        "{summary}"
    );
    let long = super::judge_sparse(&[b'a'; 9000], 300 << 20);
    assert!(
        summary_of(&long).contains("the limit `bytes of a text` of 268,435,456 was reached, which no option")
    );
}

#[test]
fn a_text_that_another_reader_takes_for_more_is_not_inert() {
    let cases: [(&[u8], Verdict); 25] = [
        (b"cos\nsystem\n(S'true'\ntR.", Verdict::Unsafe),
        // JSON to those who read no further than its list.
        (b"(lp0\ncos\nsystem\n(S'true'\ntRa.", Verdict::Unsafe),
        (b"I1\n0cos\nsystem\n(S'true'\ntR# a comment: yaml", Verdict::Unsafe),
        // It fails after it has imported.
        (b"cantigravity\nfly\n# a poem", Verdict::Unverified),
        (b"cthis\ns\n# a poem", Verdict::Unverified),
        // An import of this looks for a file called `this` alone.
        (b"c.this\ns\n# a poem", Verdict::Unverified),
        (b"cunittest.__main__\nmain\n# a poem", Verdict::Unverified),
        (b"cwebbrowser\nopen\n# a poem", Verdict::Inert),
        // A call happens before it fails.
        (b"(ios\ngetcwd\n# a poem", Verdict::Unsafe),
        // What joblib decompresses first.
        (b"x^abc", Verdict::Unverified),
        (b"ZF0x10               x", Verdict::Unverified),
        (b":\x0b\x12\ta graph..", Verdict::Unverified),
        (b"abcdPTMF", Verdict::Unverified),
        (b"BZh91AY&SYabc", Verdict::Unverified),
        (b"a\0b", Verdict::Unverified),
        // No reader of GGUF takes letters for a version.
        (b"GGUF is a format", Verdict::Inert),
        // Every reader fails at a persistent id.
        (b"PREFIX := /usr/local\n.PHONY: all\n", Verdict::Inert),
        (b"Pods/\n.DS_Store\n", Verdict::Inert),
        (b"(Pillow\n.[dev]\n", Verdict::Inert),
        (b"(Pillow\nios\nsystem\n.", Verdict::Inert),
        (b"(S'id'\nios\nsystem\nPillow\n.", Verdict::Unsafe),
        (b"cthis\ns\nPillow\n.", Verdict::Unverified),
        (b"Qods/\n.", Verdict::Inert),
        (b"catalogue\nof things\n", Verdict::Inert),
        (b"import os\nprint(1)\n", Verdict::Inert),
    ];
    for (bytes, verdict) in cases {
        let report = named("README.md", bytes);
        assert_eq!(report.verdict, verdict, "{}: {}", bytes.escape_ascii(), summary_of(&report));
    }
    // An HDF5 file in a text of UTF-16, and behind a picture.
    let mut text = utf16(&"a".repeat(5000));
    text[8192..8200].copy_from_slice(b"\x89HDF\r\n\x1a\n");
    assert_eq!(named("a.txt", &text).verdict, Verdict::Malformed);
    let mut png = alloc::vec![b'x'; 9000];
    png[..8].copy_from_slice(b"\x89PNG\r\n\x1a\n");
    assert_eq!(named("a.png", &png).verdict, Verdict::Inert);
    png[8192..8200].copy_from_slice(b"\x89HDF\r\n\x1a\n");
    assert_eq!(named("a.png", &png).verdict, Verdict::Malformed);
    // A picture that is a pickle: its size is behind a number of eight bytes.
    let gif = [&b"GIF89a\x01\0\x01"[..], b"cos\nsystem\n(S'true'\ntR."].concat();
    assert_eq!(named("a.gif", &gif).verdict, Verdict::Unsafe);
}

/// Each two bytes are a field of a message, and the message has no end before the text has.
#[test]
fn a_text_of_small_fields_is_inert() {
    for text in [b"0, ".repeat(1_400_000), b" ".repeat(4 << 20), b"0,".repeat(1_100_000)] {
        assert_eq!(named("a.csv", &text).verdict, Verdict::Inert);
    }
    // One that is a graph to the end is none.
    let graph = [b"0,".repeat(1_100_000).as_slice(), b":\x20", &b"0,".repeat(16)].concat();
    assert_eq!(named("a.csv", &graph).verdict, Verdict::Unverified);
}

#[test]
fn source_code_is_named() {
    let cases: [(&str, &[u8], &str); 10] = [
        ("modeling.py", b"import os\n", "SR-CODE-SOURCE"),
        ("run.sh", b"true\n", "SR-CODE-SOURCE"),
        ("run", b"#!/bin/sh\ntrue\n", "SR-CODE-SOURCE"),
        ("a.json", b"{\"cells\": [], \"nbformat\": 4}", "SR-CODE-SOURCE"),
        ("a.ipynb", b"{}", "SR-CODE-SOURCE"),
        ("config.json", b"{\"auto_map\": {\"AutoModel\": \"m.M\"}}", "SR-CODE-CONFIG"),
        ("a.yaml", b"a:\n  _target_: os.system\n", "SR-CODE-CONFIG"),
        ("a.yml", b"!!python/object/apply:os.system [x]", "SR-CODE-CONFIG"),
        ("config.json", &utf16("{\"auto_map\": \"m.M\"}"), "SR-CODE-CONFIG"),
        ("config.json", b"{auto_map: m.M}", "SR-CODE-CONFIG"),
    ];
    for (name, bytes, rule) in cases {
        let report = named(name, bytes);
        let found: Vec<_> =
            report.findings.iter().filter(|found| found.rule.verdict > Verdict::Inert).collect();
        assert_eq!(report.verdict, Verdict::Unverified, "{name}");
        assert_eq!(found.len(), 1, "{name}: {}", summary_of(&report));
        assert_eq!((found[0].rule.id, found[0].rule.class), (rule, Some(Class::Code)), "{name}");
    }
    // An example in prose is none.
    assert_eq!(named("README.md", b"```yaml\n_target_: a\n```").verdict, Verdict::Inert);
}
