//! Settings that make a loader run code of the repository, or of anyone.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::show;
use crate::validate::finding::{Class, Rule};

/// A setting that makes a loader run code.
pub(super) static RULE: Rule = Rule::unverified(
    "SR-CODE-CONFIG",
    "a setting that makes a loader run code",
    "A library that reads it imports modules of the repository, or calls what it names: transformers \
     with trust_remote_code, Hydra, PyYAML, Keras, PEFT. Read that code, or do without it.",
)
.about(Class::Code);

/// Such a setting, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) at: u64,
    pub(super) message: String,
}

/// What a key is set to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'v> {
    Text(&'v str),
    Word(&'v str),
    /// A list or an object.
    Open,
}

/// Keeps a setting that makes a loader run code.
pub(super) fn check(key: &str, value: Value<'_>, at: u64, found: &mut Vec<Setting>) {
    let nothing = matches!(value, Value::Word("null" | "false") | Value::Text(""));
    let is_code = match key {
        "auto_map" | "custom_pipelines" | "_target_" => !nothing,
        "trust_remote_code" => {
            !nothing && !matches!(value, Value::Word("0") | Value::Text("false" | "False"))
        }
        "_attn_implementation_internal" | "_experts_implementation_internal" => {
            !nothing && !matches!(value, Value::Text(text) if is_kernel(text))
        }
        "_attn_implementation" | "attn_implementation" => {
            matches!(value, Value::Text(text) if text.contains('/'))
        }
        "parent_library" => {
            !nothing
                && !matches!(value, Value::Text(text) if LIBRARIES.iter().any(|library| is_within(text, library)))
        }
        "class_name" => matches!(value, Value::Text("Lambda" | "__lambda__")),
        _ => false,
    };
    if is_code && found.len() < MOST {
        found.push(Setting { at, message: describe(key, value) });
    }
}

fn describe(key: &str, value: Value<'_>) -> String {
    let why = match key {
        "_target_" => "Hydra calls what it names",
        "parent_library" => "PEFT imports what it names",
        "class_name" => "Keras unmarshals a program from it",
        "custom_pipelines" | "auto_map" | "trust_remote_code" => "transformers runs code of the repository",
        _ => "transformers loads a kernel, which is a program, by it",
    };
    match value {
        Value::Text(text) => format!("`{key}` is {}: {why}", show::name(text)),
        Value::Word(word) => format!("`{key}` is {}: {why}", show::cut(word)),
        Value::Open => format!("`{key}`: {why}"),
    }
}

/// Whether an implementation is one of transformers' own.
fn is_kernel(name: &str) -> bool {
    let name = name.strip_prefix("paged|").or_else(|| name.strip_prefix("paged_")).unwrap_or(name);
    matches!(
        name,
        "eager"
            | "sdpa"
            | "flash_attention_2"
            | "flash_attention_3"
            | "flex_attention"
            | "attention"
            | "batched_mm"
            | "grouped_mm"
    )
}

fn is_within(module: &str, library: &str) -> bool {
    module.strip_prefix(library).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Libraries whose models adapters are made for: what they import is their own.
const LIBRARIES: &[&str] = &["transformers", "diffusers", "sentence_transformers", "timm"];

/// Settings that are kept: those beyond a hundred would not be listed.
const MOST: usize = 100;
