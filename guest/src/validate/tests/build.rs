//! Pickles and legacy streams, put together by hand.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A pickle of protocol 2 around an object's instructions.
pub(super) fn pickle(object: &str) -> Vec<u8> {
    let mut bytes = b"\x80\x02".to_vec();
    bytes.extend(assemble(object));
    bytes.push(b'.');
    bytes
}

/// A stream of `torch.save` before torch 1.6: the object and its storages, each
/// the key, the count and the bytes.
pub(super) fn legacy(object: &str, storages: &[(&str, i64, &[u8])]) -> Vec<u8> {
    let keys: Vec<_> = storages.iter().map(|(key, ..)| text(key)).collect();
    let keys = format!("] ( {} e", keys.join(" "));
    let mut stream = [pickle(MAGIC), pickle(VERSION), pickle(SYSTEM), pickle(object), pickle(&keys)].concat();
    for (_, count, bytes) in storages {
        stream.extend_from_slice(&count.to_le_bytes());
        stream.extend_from_slice(bytes);
    }
    stream
}

/// Torch's magic number.
pub(super) const MAGIC: &str = "x8a0a6cfc9c46f9206aa85019";
/// The version of legacy streams.
pub(super) const VERSION: &str = "I1001;";
/// What a legacy stream says of its writer's machine.
pub(super) const SYSTEM: &str = "} Vlittle_endian; x88 s";

/// A call of a function: module, name, arguments.
pub(super) fn call(module: &str, name: &str, arguments: &[&str]) -> String {
    format!("c{module};{name}; ( {} t R", arguments.join(" "))
}

/// A tuple.
pub(super) fn tuple(items: &[&str]) -> String {
    format!("( {} t", items.join(" "))
}

/// A tuple of ints.
pub(super) fn ints(items: &[i64]) -> String {
    let items: Vec<_> = items.iter().map(|item| format!("I{item};")).collect();
    format!("( {} t", items.join(" "))
}

/// A `str`.
pub(super) fn text(text: &str) -> String {
    format!("V{text};")
}

/// A persistent id of a storage on the CPU.
pub(super) fn storage(class: &str, key: &str, elements: i64) -> String {
    storage_at(class, key, "cpu", elements)
}

/// A persistent id of a storage.
pub(super) fn storage_at(class: &str, key: &str, location: &str, elements: i64) -> String {
    format!("( Vstorage; ctorch;{class}Storage; V{key}; V{location}; I{elements}; t Q")
}

/// A tensor.
pub(super) fn tensor(storage: &str, offset: i64, size: &[i64], stride: &[i64]) -> String {
    let (size, stride) = (ints(size), ints(stride));
    let hooks = call("collections", "OrderedDict", &[]);
    call(
        "torch._utils",
        "_rebuild_tensor_v2",
        &[storage, &format!("I{offset};"), &size, &stride, "x89", &hooks],
    )
}

/// A one-dimensional tensor of a whole storage.
pub(super) fn vector(class: &str, key: &str, elements: i64) -> String {
    tensor(&storage(class, key, elements), 0, &[elements], &[1])
}

/// A list.
pub(super) fn list(items: &[&str]) -> String {
    format!("] ( {} e", items.join(" "))
}

/// Instructions as bytes: words between spaces, `;` for a newline, hex after `x`.
fn assemble(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        match word.strip_prefix('x') {
            Some(hex) => {
                let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
                bytes.extend((0..hex.len()).step_by(2).map(digit));
            }
            None => bytes.extend(word.bytes().map(|byte| if byte == b';' { b'\n' } else { byte })),
        }
    }
    bytes
}
