//! Texts behind what readers skip, and under names that promise more.

use alloc::format;
use alloc::vec::Vec;

use super::{judge, summary_of};
use crate::validate::{Class, Report, ValidateOptions, Verdict};

/// The report of a file of this name.
fn named(name: &str, bytes: &[u8]) -> Report {
    judge(bytes, ValidateOptions { name: Some(name.into()), ..ValidateOptions::default() })
}

fn rules(name: &str, bytes: &[u8]) -> Vec<&'static str> {
    named(name, bytes).findings.iter().map(|found| found.rule.id).collect()
}

#[test]
fn no_number_of_blanks_hides_what_a_text_is() {
    let template = r#"{"chat_template": "{{ cycler.__init__.__globals__ }}"}"#;
    let modules = r#"[{"idx": 0, "type": "os.getcwd"}]"#;
    let notebook = r#"{"cells": [], "nbformat": 4}"#;
    let graph = "<!-- x --><net name=\"a\"><layers><layer/></layers></net>";
    for blank in [" ", "\n", "\t\r\n", "\u{feff} "] {
        let blanks = blank.repeat(5000);
        for (name, text, rule) in [
            ("tokenizer_config.json", template, "SR-CODE-TEMPLATE"),
            ("tokenizer_config.txt", template, "SR-CODE-TEMPLATE"),
            ("0123abcd", template, "SR-CODE-TEMPLATE"),
            ("modules.json", modules, "SR-CODE-CONFIG"),
            ("Modules.JSON", modules, "SR-CODE-CONFIG"),
            ("a.json", r#"{"run": "$import os"}"#, "SR-CODE-CONFIG"),
            ("model.txt", notebook, "SR-CODE-SOURCE"),
            ("model.txt", graph, "SR-FILE-FORMAT"),
            ("index.json", r#"{"weight_map": {"w": "../w"}}"#, "SR-FILE-INDEX"),
        ] {
            let found = rules(name, format!("{blanks}{text}").as_bytes());
            assert!(found.contains(&rule), "{name}: {found:?}");
        }
        let report = named("a.json", format!("{blanks}{{}}").as_bytes());
        assert_eq!(report.verdict, Verdict::Inert, "{}", summary_of(&report));
    }
    // A file of this name is read as JSON, whatever it begins with.
    assert!(
        rules("a.json", b"// x\n{\"unet\": [\"e\", \"E\"], \"_class_name\": \"APipeline\"}")
            .contains(&"SR-CODE-CONFIG")
    );
    let long = format!("<?xml version=\"1.0\"?><!-- {} -->{graph}", "x".repeat(5000));
    assert_eq!(rules("openvino_model.xml", long.as_bytes()), ["SR-FILE-FORMAT"]);
}

#[test]
fn a_name_that_promises_a_model_is_held_to_it() {
    for name in [
        "a.nemo",
        "a.th",
        "a.jit",
        "a.pt.gz",
        "a.bin.1",
        "a.t7",
        ".metadata",
        "__0.metadata",
        "a.safetensors~",
    ] {
        for bytes in [&b""[..], b"<!DOCTYPE html><html>", b"Entry not found"] {
            assert_eq!(rules(name, bytes), ["SR-FILE-NAME"], "{name}");
        }
    }
    for bytes in [&b""[..], b"<!DOCTYPE html><html>", b"Entry not found", b"{\"error\": 1}"] {
        assert_eq!(rules("tokenizer.model", bytes), ["SR-FILE-NAME"]);
    }
    for (name, bytes) in [
        ("tokenizer.model", &b"IQ== 0\nIg== 1\n"[..]),
        ("model.safetensors.metadata", b"0123\n"),
        (".no_exist/model.safetensors", b""),
        ("model.safetensors.index.json", b"{\"weight_map\": {\"a\": \"b.safetensors\"}}"),
    ] {
        assert_eq!(rules(name, bytes), ["SR-FILE-INERT"], "{name}");
    }
    assert_eq!(rules(".no_exist/model.safetensors", b"x"), ["SR-FILE-NAME"]);
    // What is accepted as code or as a format is no model for that.
    assert_eq!(rules("model.safetensors", b"#!/bin/sh\n"), ["SR-CODE-SOURCE", "SR-FILE-NAME"]);
    assert_eq!(rules("a.bin", b"<net><layers/></net>"), ["SR-FILE-FORMAT", "SR-FILE-NAME"]);
    assert_eq!(rules("openvino_model.bin", b"\x01\x02\x03\x04\0\0\0\0"), ["SR-FILE-FORMAT"]);
    assert_eq!(rules("a.pbtxt", b"#!/bin/sh\n"), ["SR-CODE-SOURCE", "SR-FILE-FORMAT"]);
    for bytes in [&b"x^\x03\x03"[..], b"]\0\0\x80\0\xff", b"ZF0x10               \0"] {
        assert!(rules("openvino_model.bin", bytes).contains(&"SR-FILE-UNKNOWN"));
        assert!(!rules("openvino_model.bin", bytes).contains(&"SR-FILE-FORMAT"));
    }
}

#[test]
fn models_of_onnx_in_text_are_told_by_their_names() {
    for name in ["a.onnxjson", "a.textproto", "a.txtpb", "a.pbtxt", "a.prototxt", "a.onnxtxt", "a.ONNXTEXT"] {
        assert_eq!(rules(name, b"ir_version: 8\n"), ["SR-FILE-FORMAT"], "{name}");
    }
    for (name, text) in [
        (
            "config.pbtxt",
            &b"name: \"a\"\nplatform: \"onnxruntime_onnx\"\ninput [ { name: \"x\" dims: [3] } ]\n"[..],
        ),
        ("label_map.pbtxt", b"item {\n  id: 1\n  name: \"cat\"\n}\n"),
    ] {
        assert_eq!(rules(name, text), ["SR-FILE-INERT"], "{name}");
    }
    for text in [
        &b"name: \"a\"\nlayer { type: \"Python\" }"[..],
        b"name: \"a\"\nmodel_operations { op_library_filename: \"x.so\" }",
        b"saved_model_schema_version: 1",
    ] {
        assert_eq!(rules("a.prototxt", text), ["SR-FILE-FORMAT"]);
    }
    assert_eq!(rules("a.json", b"{\"irVersion\": \"8\", \"graph\": {\"node\": []}}"), ["SR-FILE-FORMAT"]);
    assert_eq!(rules("a.json", b"{\"graph\": {}, \"x\": 1}"), ["SR-FILE-INERT"]);
}

#[test]
fn what_is_no_model_and_no_setting_is_inert() {
    let cases: [(&str, &[u8]); 42] = [
        ("a.tiff", b"II*\0\x08\0\0\0\0\0\0\0"),
        ("a.tif", b"MM\0*\0\0\0\x08\0\0\0\0"),
        ("a.tif", b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0\0"),
        (".DS_Store", b"\0\0\0\x01Bud1\0\0\x10\0"),
        ("README.md", b"Files are in .git/annex/objects/, as git-annex has it.\n"),
        ("train.jsonl", b"{\"target\": \"numpy.array\"}\n{\"target\": \"self.model\"}\n"),
        ("a.js", b"var a = {\ntarget: builder.stage,\n};"),
        ("a.json", b"{\"target\": \"feature.csv\", \"b\": {\"target\": \"www.example.com\"}}"),
        (".gitignore", b"*\n!python/\n!a b\n"),
        ("a.yaml", b"# 1\na: !!str 1\nb: !ref <a>\n"),
        ("pickle_module_info.txt", b"mlflow.pytorch.pickle_module"),
        ("keras_module.txt", b"tensorflow.keras\n"),
        ("a.ppm", b"P6\n# a\n2 1\n255\n\0\x01\x02\x03\x04\xff"),
        ("a.exr", b"v/1\x01\x02\0\0\0channels\0"),
        ("a.hdr", b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n\x01\x02\x03\x04"),
        ("a.jp2", b"\0\0\0\x0cjP  \r\n\x87\n\0\0"),
        ("a.mp3", b"\xff\xfb\x90\x64\0\0\0"),
        ("movie.pt.srt", b"1\n00:00:01,000 --> 00:00:02,000\nHi\n"),
        ("usr.bin.man", b".TH x\n"),
        ("METADATA", b"Metadata-Version: 2.1\ntarget: os.system\n"),
        ("profile", b"complete -c x -a '(y)'\nrun $(x)\ntrust_remote_code: yes\n"),
        ("a.txt", b"caf\xe9 \x93a\x94\r\n"),
        ("gbk.txt", b"\xc4\xe3\xba\xc3\xa3\xac\xca\xc0\xbd\xe7\n"),
        ("a.log", b"a\x07b\x08c\x1b[0m\n"),
        ("tsconfig.json", b"{ // c\n  /* a, b */\n  \"types\": [\n \"a\", // x, y\n \"b\"],\n \"plugins\": [{\"name\": \"c\"},],\n}\n// d"),
        ("vocab.json", b"{\"_target_\": 5, \"auto_map\": 7, \"user_dir\": 1.5, \"custom_imports\": true}"),
        ("a.yaml", b"a: !If [b, !Not [c], !ImportValue d]\ne: !include_dir_list f\n"),
        ("ci.yml", b"if: ${{ !cancelled() && hashFiles('**/x (y)') != '' }}\nx: ${{ fromJSON(a)['b'] }}\n"),
        ("ci.yml", b"description: Where, and what\nrun: ${{ inputs.env }}\n"),
        ("rules.yaml", b"description: \"Instance {{ $labels.instance }} is down\"\n"),
        ("task.yaml", b"doc_to_text: \"{{q}}\"\ndoc_to_choice: [\"A\", \"B\", 'C', D]\n"),
        ("task.yaml", b"doc_to_text: Q {{q}}\n  and A\n"),
        ("action.yml", include_bytes!("../../../../action.yml")),
        ("a.jinja", b"{{ a $ b }}{{ x.__class__ }}"),
        ("a.jinja", b"{% if !a %}"),
        ("a.jinja", b"{# $ #}{{ '$' }}{% raw %}{{ $ }}{% endraw %}"),
        ("GIF89a", b"GIF89a: 1\n"),
        ("vocab.json", b"{\"trust_remote_code\": 3, \"_target_\": 0}"),
        ("added_tokens.json", b"{\"trust_remote_code\": 3, \"_attn_implementation_internal\": 4}"),
        ("a.yml", b"name: x\r\ndescription: >\r\n  a\r\nx: [{{ b }}]\r\n"),
        ("rules.yaml", b"groups:\n- description: {{ x.__class__ }}\n"),
        ("a.json", b"{\"x\": \"$5\", \"weight_map\": {\"a\": \"b/c.bin\"}}"),
    ];
    for (name, bytes) in cases {
        let report = named(name, bytes);
        assert_eq!(report.verdict, Verdict::Inert, "{name}: {}", summary_of(&report));
    }
    // The same with something else in them.
    for (name, bytes) in [
        ("a.json", &b"{ // , _target_: x\n \"a\": 1}"[..]),
        ("a.json", b"{ // , x: !new:os.getcwd\n \"a\": 1}"),
        ("a.json", b"[ // , y: &k\n \"_target_\", 1]"),
        ("a.json", b"{\"trust_remote_code\": false // x\n}"),
        ("a.json", b"{\"trust_remote_code\": // x\n false}"),
        ("a.json", b"{\"types\": [\"a.b\"] // x\n}"),
        ("vocab.json", b"{\"trust_remote_code\": true}"),
        ("vocab.json", b"{\"trust_remote_code\": 3}"),
        ("vocab.json", b"{\"trust_remote_code\": 3, \"a\": {}}"),
        ("config.json", b"{\"trust_remote_code\": 3, \"a\": 1}"),
        ("train.jsonl", b"{\"a\": \"[{\\\"fqn\\\": \\\"a:b\\\", \\\"__enum__\\\": 1}]\"}"),
        ("a.yaml", b"#?RADIANCE\n_target_: x\n"),
        ("a.yaml", b"GIF89a: 1\n_target_: x\n"),
        ("0123abcd", b"%PDF-1\n---\n_target_: x\n"),
        ("a.jinja", b"P1 1 {{ x.__class__ }}"),
        ("a.jinja", b"{{ x.__class__ }}{{ a != b }}{# $ #}{{ '$' }}"),
        ("a.jinja", b"{{ x.__class__ }}{% raw %}{{ $ }}{% endraw %}"),
        ("a.jinja", b"{{ x.__class__ }} $ {{ '\\\\' }}"),
        ("a.yaml", b"doc_to_choice: ['a', '{{ x.__class__ }}']\n"),
        ("a.yaml", b"description: a {{ x.__class__ }}\n"),
    ] {
        let report = named(name, bytes);
        let found = report.findings.iter().any(|found| found.rule.class == Some(Class::Code));
        assert!(found, "{name}: {}", summary_of(&report));
    }
    assert_ne!(named("a.tiff", b"II*\0\x08\0\0\xff").verdict, Verdict::Inert);
    for pointer in
        [&b"/annex/objects/SHA256E-s1--a.pt\n"[..], b"../.git/annex/objects/a/b/SHA256E-s1--a.pt/x\n"]
    {
        assert_eq!(rules("README", pointer), ["SR-FILE-POINTER"]);
    }
    assert_eq!(rules("pickle_module_info.txt", b"evil_module"), ["SR-FILE-INERT", "SR-CODE-CONFIG"]);
    let blanks = format!("{}evil", " ".repeat(5000));
    assert_eq!(rules("keras_module.txt", blanks.as_bytes()), ["SR-FILE-INERT", "SR-CODE-CONFIG"]);
    assert_eq!(rules("config.yaml.bak", b"_target_: x\n"), ["SR-FILE-INERT", "SR-CODE-CONFIG"]);
    assert_eq!(rules("keras_module.txt", b" evil\n"), ["SR-FILE-INERT", "SR-CODE-CONFIG"]);
}
