//! What torch and safetensors wrote is read as they read it, and written again
//! byte for byte.

mod common;

use std::fs;

use common::cases::{Case, Failures, good};
use common::{describe, native};
use serde_json::Value;
use strongroom::store::Local;
use strongroom::{
    Engine, File, Format, Item, SafetensorsOptions, StateDict, TorchOptions, WriteFormat, WriteOptions,
    save_with,
};

/// Paths of expected.json under which the public API finds another value: case,
/// path, why.
const NOT_FOUND: &[(&str, &str, &str)] = &[
    ("strings", "", "the path of an empty key is also the root's, which is found first"),
    ("legacy_strings", "", "the same"),
    ("st_unicode", "", "the same"),
    ("names_alike", "a", "of two places that share a name, one would be found"),
    ("names_alike", "b.c", "the same"),
    ("names_alike", "d.1", "the same"),
    ("names_alike", "d.None", "the same"),
    ("names_alike", "d.nan", "the same"),
    ("odd_keys", "c.", "the path of what is under an empty key is exact"),
    ("strings_surrogates", "\u{fffd}\u{fffd}\u{fffd}", "a key that is no UTF-8 is shown in quotes"),
];

#[test]
fn each_file_holds_what_torch_says_it_holds() {
    let mut failures = Failures::default();
    for case in good() {
        let file = case.bytes();
        match native::read(&file, usize::MAX) {
            Ok(checkpoint) => {
                let (found, expected) = (describe::describe(&checkpoint, &file), case.expected());
                for list in ["tensors", "leaves", "opaque", "attributes"] {
                    compare(&case, &expected[list], &found[list], &mut failures);
                }
            }
            Err(error) => failures.add(&case.name, error),
        }
    }
    failures.check();
}

#[test]
fn the_public_api_shows_the_same() {
    let mut failures = Failures::default();
    for case in good() {
        let (expected, file) = (case.expected(), File::open(&case.file).unwrap());
        let format = match file.format() {
            Format::TorchZip => "torch-zip",
            Format::TorchLegacy => "torch-legacy",
            Format::Safetensors => "safetensors",
            Format::Pickle => "pickle",
        };
        assert_eq!(expected["format"], format, "{}", case.name);
        for state in [file.load().unwrap(), file.map().unwrap()] {
            let each = |list: &str| expected[list].as_array().unwrap().iter();
            let tensors = each("tensors").map(|entry| (entry, tensor_is(&state, entry)));
            let leaves = each("leaves").map(|entry| (entry, leaf_is(&state, entry)));
            let opaque = each("opaque").map(|entry| (entry, opaque_is(&state, entry)));
            for (entry, same) in tensors.chain(leaves).chain(opaque) {
                let known = |(name, path, _): &(_, _, _)| *name == case.name && entry["path"] == *path;
                if same != Some(true) && !NOT_FOUND.iter().any(known) {
                    failures.add(&case.name, format!("not so through the public API: {entry}"));
                }
            }
        }
    }
    failures.check();
}

#[test]
fn each_file_is_written_again_byte_for_byte() {
    let mut failures = Failures::default();
    let directory = tempfile::tempdir().unwrap();
    let mut identical = 0;
    for case in good() {
        let expected = case.expected();
        let path = directory.path().join(case.file.file_name().unwrap());
        let state = strongroom::load(&case.file).unwrap();
        let options = options(&expected);
        match save_with(Engine::shared().unwrap(), &Local, &path, &state, &options) {
            Err(error) => failures.add(&case.name, error),
            Ok(_) if expected["rewrites_identically"] == true => {
                identical += 1;
                if let Some(what) = difference(&case.bytes(), &fs::read(&path).unwrap()) {
                    failures.add(&case.name, what);
                }
            }
            // Another archive, but the same state dict: it is the same from now on.
            Ok(_) => {
                let first = fs::read(&path).unwrap();
                let state = strongroom::load(&path).unwrap();
                strongroom::save(&path, &state).unwrap();
                if let Some(what) = difference(&first, &fs::read(&path).unwrap()) {
                    failures.add(&case.name, format!("written twice: {what}"));
                }
            }
        }
    }
    assert!(identical > 70, "only {identical} cases claim to be rewritten identically");
    failures.check();
}

/// Fails for each entry that is not as expected, and for a list of another length.
fn compare(case: &Case, expected: &Value, found: &Value, failures: &mut Failures) {
    let (expected, found) = (expected.as_array().unwrap(), found.as_array().unwrap());
    if expected.len() != found.len() {
        failures.add(&case.name, format!("{} entries, expected {}", found.len(), expected.len()));
    }
    for (expected, found) in expected.iter().zip(found) {
        for (field, value) in expected.as_object().unwrap() {
            if *value != found[field] {
                let path = &expected["path"];
                failures.add(&case.name, format!("{path} {field}: {}, expected {value}", found[field]));
            }
        }
    }
}

fn tensor_is(state: &StateDict<'_>, expected: &Value) -> Option<bool> {
    let path = expected["path"].as_str()?;
    let item = state.get(path)?;
    if expected["stride"].is_null() {
        // A sparse tensor: its parts follow it.
        return Some(item.kind() == format!("{} Tensor", expected["kind"].as_str()?));
    }
    let tensor = item.as_tensor().or_else(|| item.as_quantized())?;
    let plain = expected["dtype"] == tensor.dtype().name()
        && numbers(&expected["shape"]) == tensor.shape()
        && numbers(&expected["stride"]) == tensor.stride()
        && expected["requires_grad"] == tensor.requires_grad();
    let crc32 = expected.get("raw_crc32").unwrap_or(&expected["crc32"]);
    let bytes = match crc32 {
        Value::Null => tensor.storage().is_none(),
        crc32 => *crc32 == crc32fast::hash(&tensor.bytes().ok()?),
    };
    // A view of a storage inside another, in legacy files, is only tied in torch's eyes.
    let tied = match expected["tied_to"].as_str() {
        Some(first) if path != "part" => tensor.storage()?.is(state.tensor(first)?.storage()?),
        _ => true,
    };
    Some(plain && bytes && tied)
}

fn leaf_is(state: &StateDict<'_>, expected: &Value) -> Option<bool> {
    let item = state.get(expected["path"].as_str()?)?;
    let value = &expected["value"];
    Some(match expected["type"].as_str()? {
        "None" => item.is_none(),
        "bool" => *value == item.as_bool()?,
        "int" => {
            item.as_i64().is_none_or(|int| value.as_str().and_then(|text| text.parse().ok()) == Some(int))
                && item.kind() == "int"
        }
        "float" => *value == format!("{:016x}", item.as_f64()?.to_bits()),
        "str" => *value == item.as_str()?,
        kind @ ("bytes" | "bytearray") => item.kind() == kind && value.as_str()? == hex(item.as_bytes()?),
        kind @ ("list" | "tuple") => item.kind() == kind && *value == item.items()?.len(),
        kind @ ("dict" | "OrderedDict" | "Counter") => item.kind() == kind && *value == item.entries()?.len(),
        kind @ ("set" | "frozenset") => {
            let length = value.as_array().map_or_else(|| value.as_u64(), |items| Some(items.len() as u64));
            item.kind() == kind && item.items()?.len() as u64 == length?
        }
        "cycle" => item.id() == state.get(value.as_str()?)?.id(),
        "storage" => {
            let bytes = item.as_storage()?.bytes().ok()?;
            value["bytes"] == bytes.len() && value["crc32"] == crc32fast::hash(bytes)
        }
        kind @ ("dtype" | "layout" | "qscheme") => {
            item.kind() == format!("torch.{kind}") && item.repr() == format!("torch.{}", value.as_str()?)
        }
        "device" => item.kind() == "torch.device" && item.repr() == value.as_str()?,
        "size" => item.repr() == format!("torch.Size({:?})", numbers(value)),
        "global" => item.kind() == "global" && item.repr() == value.as_str()?,
        "numpy" => item.kind() == format!("numpy {}", value["dtype"].as_str()?),
        "surrogate_str" => item.kind() == "str",
        "complex" => item.kind() == "complex",
        other => panic!("no such type: {other}"),
    })
}

fn opaque_is(state: &StateDict<'_>, expected: &Value) -> Option<bool> {
    let item: Item<'_, '_> = state.get(expected["path"].as_str()?)?;
    Some(item.is_opaque() && class_of(expected["class"].as_str()?) == item.kind())
}

/// The class of what the fixtures have a call of.
fn class_of(callable: &str) -> &str {
    match callable {
        "numpy._core.multiarray._reconstruct" => "numpy.ndarray",
        "torch._utils._rebuild_nested_tensor" => "torch.Tensor",
        "torch._tensor._rebuild_from_type_v2" => "torch.testing._internal.two_tensor.TwoTensor",
        class => class,
    }
}

fn options(expected: &Value) -> WriteOptions {
    let format = if expected["format"] == "safetensors" {
        WriteFormat::Safetensors(SafetensorsOptions::default())
    } else {
        let options = &expected["options"];
        WriteFormat::Torch(TorchOptions {
            alignment: options["alignment"].as_u64().map_or(64, |alignment| alignment.try_into().unwrap()),
            checksums: options["checksums"].as_bool().unwrap_or(true),
            file_name: options["archive"].as_str().map(Into::into),
        })
    };
    WriteOptions { format, durable: false }
}

/// Where two files differ first.
fn difference(expected: &[u8], found: &[u8]) -> Option<String> {
    let at = expected.iter().zip(found).position(|(a, b)| a != b);
    match at {
        Some(at) => {
            let around = |bytes: &[u8]| {
                bytes[at.saturating_sub(8)..bytes.len().min(at + 24)].escape_ascii().to_string()
            };
            Some(format!("differs at {at}: `{}`, expected `{}`", around(found), around(expected)))
        }
        None if expected.len() != found.len() => {
            Some(format!("{} bytes, expected {}", found.len(), expected.len()))
        }
        None => None,
    }
}

fn numbers(list: &Value) -> Vec<u64> {
    list.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
