use alloc::format;

use super::device::index;
use crate::show;
use crate::torch::Surveyed;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A location that no backend could have.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-TENSOR-LOCATION",
    "a storage's location that names no device",
    "The location says where a storage was saved from, as `cpu` or `cuda:0`. Whoever loads the \
     file hands it to functions that look for a device.",
);

/// A location of a backend that is not PyTorch's own.
pub(super) static UNKNOWN: Rule = Rule::warning(
    "SR-TENSOR-BACKEND",
    "a storage of a backend that PyTorch does not know by itself",
    "Without the package that brings the backend, torch.load refuses the file unless it is told \
     another place with map_location.",
);

/// Reports locations of storages that torch does not know.
pub(super) fn check(found: &Surveyed, part: &Part, scope: &mut Scope<'_>) {
    for storage in &found.storages {
        let location = storage.location.as_str();
        let (name, number) = location.split_once(':').map_or((location, None), |(n, i)| (n, Some(i)));
        let word = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        let numbered = number.is_none_or(|number| index(number).is_some());
        let (rule, what) = if !word || !numbered {
            (&RULE, "names no device")
        } else if name == "meta" {
            // torch itself makes no storage of one. With another place for all, readers take the bytes.
            (&RULE, "has no bytes: some readers take those that are here")
        } else if KNOWN.contains(&name) {
            continue;
        } else {
            (&UNKNOWN, "is none that PyTorch knows")
        };
        let (key, location) = (show::name(&storage.key), show::name(location));
        scope.find(rule, part, storage.offset, format!("storage {key} was on {location}, which {what}"));
    }
}

/// What torch 2.15 restores by itself, in `torch.serialization`'s registry, or
/// with the packages `torch_xla` and `torch_npu`.
const KNOWN: &[&str] = &["cpu", "cuda", "mps", "xpu", "hpu", "mtia", "xla", "npu"];
