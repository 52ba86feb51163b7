use alloc::vec::Vec;

use super::Json;

fn read(text: &str, window: usize) -> (Json, bool) {
    let mut json = Json::default();
    let mut rest = text;
    while !rest.is_empty() {
        let end = (window..=rest.len()).find(|end| rest.is_char_boundary(*end)).unwrap_or(rest.len());
        json.feed(&rest[..end]);
        rest = &rest[end..];
    }
    let valid = json.end();
    (json, valid)
}

#[test]
fn json_is_told_from_what_is_none() {
    let good =
        ["{}", "[1, -2.5e3, \"a\\u00e9\", null, {\"a\": [true]}]", "{\"a\":1}\n{\"a\":2}\n", "\u{feff}{}"];
    let bad = [
        "{",
        "{a: 1}",
        "[1 2",
        "{\"a\" 1}",
        "{\"a\":}",
        "[\"a\"}",
        "{\"a\"}",
        "[\"\\q\"]",
        "",
        "{'a': 1}",
        "[\"a\" \"b\"]",
    ];
    for window in [1, 2, 3, 1000] {
        for text in good {
            assert!(read(text, window).1, "{text}");
        }
        for text in bad {
            assert!(!read(text, window).1, "{text}");
        }
    }
}

#[test]
fn what_makes_a_loader_run_code_is_found_however_it_is_written() {
    for text in [
        r#"{"auto_map": {"AutoModel": "m.M"}}"#,
        r#"{"a": [{"auto\u005fmap" : "m.M"}]}"#,
        r#"{"trust_remote_code":true}"#,
        r#"{'x': 1, "_target_": "os.system"}"#,
        r#"{"class_name": "Lambda"}"#,
        r#"{"attn_implementation": {"": "org/kernel"}}"#,
        r#"{"_attn_implementation": {"text_config": ["org/kernel@main:f"]}}"#,
        r#"{"_experts_implementation_internal": {"": "evil"}}"#,
        r#"{"_class_name": ["pipeline_evil", "Evil"]}"#,
        r#"{"unet": ["evil_unet", "C"], "_class_name": "DDPMPipeline"}"#,
        r#"{"types": {"query": "os.system"}, "structure": {}}"#,
        r#"{"activation_function": "os.system"}"#,
        r#"{"class_path": "torch.hub.load"}"#,
        r#"{"megatron_config": {}, "megatron_core": "evil"}"#,
        r#"{"auto_map": [[]]}"#,
        r#"{"trust_remote_code": "false"}"#,
        r#"{"target": "my-evil.run"}"#,
        r#"{"a": {"target": "0evil.run"}}"#,
        r#"{"target": "ldm.util.get_obj_from_str"}"#,
        r#"{"run": ["$import os"]}"#,
        r#"{"run": "$os.system('id')"}"#,
        r#"[{"class_name": "TorchModuleWrapper", "config": {}}]"#,
        r#"{"class_name": "TFSMLayer"}"#,
        r#"{"module": "os", "class_name": "function", "config": "system"}"#,
        r#"{"class_name": "A", "config": {"module": "keras"}, "module": "evil"}"#,
        r#"{"custom_imports": {"imports": ["evil"]}}"#,
        r#"{"tokenizer_class": "evil_mod.Tok"}"#,
        r#"{"_component_": "os.system"}"#,
        r#"{"user_dir": "evil"}"#,
        r#"{"plugins": ["evil.X"]}"#,
        r#"{"keras_module": "evil"}"#,
        r#"{"template_format": "jinja2"}"#,
        r#"{"components": {"a": {"type": "evil.mod.X"}}}"#,
        r#"{"dataset_reader": {"type": "evil:X"}}"#,
        r#"{"unet": [null, null, {"type_hint": ["evil_mod", "C"]}]}"#,
        r#"{"activation": "__import__('os').system('id')"}"#,
        r#"[1, {"type": "collections.defaultdict", "context": {"default_factory_module": "evil", "default_factory_name": "f", "dict_context": []}}]"#,
        r#"{"default_factory_name": "breakpoint", "default_factory_module": "builtins"}"#,
        r#"{"default_factory_name": "abc", "default_factory_module": "collections"}"#,
        r#"{"in_spec": " \n[1, {\"\u0064efault_factory_name\": \"f\", \"default_factory_module\": \"evil\"}]"}"#,
        r#"{"in_spec": "[1, {\"context\": \"[{\\\"__enum__\\\": null, \\\"fqn\\\": \\\"ctypes:cdll\\\", \\\"name\\\": \\\"x\\\"}]\"}]"}"#,
        r#""[1, {\"fqn\": \"evil:X\", \"__enum__\": 0}]""#,
        r#"{"servers": [{"type": "stdio", "command": "touch", "args": ["x"]}]}"#,
        r#"{"transport": {"command": "touch", "type": "stdio"}}"#,
        r#"{"mcpServers": {"a": {"command": "touch", "args": ["x"]}}}"#,
        r#"{"mcp": {"servers": {"a": {"command": "touch"}}}}"#,
        r#"{"mcp": {"a": {"type": "local", "command": ["touch"]}}}"#,
        r#"{"vocab": {"trust_remote_code": 3}}"#,
        r#"{"vocab": {"trust_remote_code": 3, "a": "b"}}"#,
        r#"{"vocab": {"trust_remote_code": 3, "a": [1]}}"#,
        r#"{"vocab": {"trust_remote_code": 3, "a": 1"#,
        r#"{"a": {"trust_remote_code": 3, "b": 1}}"#,
    ] {
        for window in [1, 5, 1000] {
            assert_eq!(read(text, window).0.found.len(), 1, "{text}");
        }
    }
    for text in [
        r#"{"trust_remote_code": false}"#,
        r#"{"a": "auto_map", "b": ["auto_map"]}"#,
        r#"{"auto_map": null, "_attn_implementation_internal": "sdpa"}"#,
        r#"{"megatron_config": null, "megatron_core": "megatron.core"}"#,
        r#"{"auto_map": {}, "custom_pipelines": [ ], "_target_": {}}"#,
        r#"{"attn_implementation": {"": "sdpa", "vision_config": "eager"}}"#,
        r#"{"_class_name": "UNet2DModel", "down_block_types": ["DownBlock2D", "AttnDownBlock2D"]}"#,
        r#"{"_class_name": "XPipeline", "vae": ["diffusers", "A"], "safety_checker": [null, null], "a": [], "b": ["stable_diffusion", "C"], "c": {"d": ["x", "y"]}}"#,
        r#"{"activation_function": "torch.nn.modules.activation.Tanh", "target": "es2020"}"#,
        r#"{"tokenizer_class": "LlamaTokenizer", "activation": "nn.SiLU()"}"#,
        r#"{"module": "keras.layers", "class_name": "Dense", "config": {"module": "x"}}"#,
        r#"{"events": [{"type": "response.created"}], "a": "$5 or $HOME/x(y)"}"#,
        r#"{"components": {"a": {"type": "haystack.components.builders.PromptBuilder"}}}"#,
        r#"{"merges": ["$ (", "$. each("], "problem": "$f(x)$ is"}"#,
        r#"{"target": "feature.csv", "a": {"target": "www.example.com", "b": {"target": "0.5"}}}"#,
        r#"{"unet": [null, null, {"type_hint": ["diffusers", "C"]}], "template_format": "f-string"}"#,
        r#"{"in_spec": "[1, {\"type\": \"collections.defaultdict\", \"context\": {\"default_factory_module\": \"builtins\", \"default_factory_name\": \"list\", \"dict_context\": [\"a\"]}}]"}"#,
        r#"{"in_spec": "[1, {\"type\": \"builtins.dict\", \"context\": \"[\\\"a\\\"]\", \"children_spec\": []}]"}"#,
        r#"{"fqn": "a:b", "x": [{"__enum__": true}]}"#,
        r#"{"a": "{\"auto_map\": \"m.M\"}", "b": "[{\"type\": \"stdio\", \"command\": \"x\"}]"}"#,
        r#"{"servers": [{"url": "http://localhost"}], "command": "x", "mcpServers": {"a": {"url": "b", "env": {"command": ""}}}}"#,
        r#"{"services": {"a": {"command": "x", "type": "web"}}, "servers": {"a": {"check": {"command": "x"}}}}"#,
        r#"{"model": {"vocab": {"trust_remote_code": 3, "a": 1, "_attn_implementation_internal": 5}}}"#,
    ] {
        assert!(read(text, 1000).0.found.is_empty(), "{text}");
    }
}

#[test]
fn no_number_of_blanks_hides_a_tree() {
    let tree = r#"[{\"default_factory_module\": \"evil\", \"default_factory_name\": \"f\"}]"#;
    for blanks in [" ".repeat(2 << 20), "\\n".repeat(10_000), "\\u0020".repeat(1000)] {
        for window in [7, 1 << 20] {
            let text = alloc::format!("{{\"in_spec\": \"{blanks}{tree}\"}}");
            assert_eq!(read(&text, window).0.found.len(), 1);
            let text = alloc::format!("{{\"in_spec\": \"[{blanks}{tree}]\"}}");
            assert_eq!(read(&text, window).0.found.len(), 1);
        }
    }
}

#[test]
fn templates_are_strings_at_any_place_below_their_key() {
    let text = r#"{"chat_template": [{"name": "default", "template": "{{ a }}"}, "b"], "c": "d"}"#;
    let found: Vec<_> = read(text, 3).0.templates.into_iter().filter_map(|template| template.text).collect();
    assert_eq!(found, ["default", "{{ a }}", "b"]);
    assert_eq!(read(r#"{"chat_template":"x\n"}"#, 3).0.templates[0].text.as_deref(), Some("x\n"));
    assert!(read(r#"{"cells": [], "nbformat": 4}"#, 3).0.is_notebook());
    let templates = read(r#"{"doc_to_text": "a", "prompt_templates": {"x": "b"}}"#, 3).0.templates;
    assert_eq!(templates.len(), 2);
}

#[test]
fn what_is_beyond_a_limit_is_told() {
    let lists: alloc::string::String =
        (0..1001).map(|at| alloc::format!("\"z{at}\": [\"diffusers\", \"A\"], ")).collect();
    let text = alloc::format!("{{{lists}\"unet\": [\"evil\", \"U\"], \"_class_name\": \"XPipeline\"}}");
    assert_eq!(read(&text, 1000).0.found.len(), 1);
    let lists = lists.replace("diffusers", "evil");
    let text = alloc::format!("{{{lists}\"_class_name\": [\"pipeline_evil\", \"U\"]}}");
    assert_eq!(read(&text, 1000).0.found.len(), 1);
    let settings = "{\"auto_map\": \"m.M\"}\n".repeat(200);
    let found = read(&settings, 1000).0.found;
    assert!(found.last().is_some_and(|last| last.message.contains("more than 100")), "{}", found.len());
}

#[test]
fn an_index_stays_in_its_directory() {
    for text in [
        r#"{"weight_map": {"w": "../x.safetensors"}}"#,
        r#"{"weight_map": {"w": ["a", "/x"]}}"#,
        r#"{"weight_map": {"w": "a\\..\\x", "v": "a"}}"#,
        r#"{"weight_map": {"w": "C:x"}}"#,
    ] {
        assert!(read(text, 3).0.outside.is_some(), "{text}");
    }
    let text = r#"{"weight_map": {"..": "a/b..c"}, "a": "../x"}"#;
    assert!(read(text, 3).0.outside.is_none());
}

#[test]
fn a_model_of_onnx_has_a_graph_and_nothing_else() {
    assert!(read(r#"{"irVersion": 8, "graph": {"node": []}}"#, 3).0.is_onnx());
    assert!(!read(r#"{"irVersion": 8, "graph": {}, "x": 1}"#, 3).0.is_onnx());
    assert!(!read(r#"{"irVersion": 8}"#, 3).0.is_onnx());
}
