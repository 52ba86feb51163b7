use serde_json::Value;

use crate::validate::dcp::matching;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// Tensors that are parts of larger ones.
pub(super) static RULE: Rule = Rule::unverified(
    "SR-SAFETENSORS-SHARD",
    "tensors that are parts of larger ones",
    "torch.distributed.checkpoint makes tensors of the parts that all files of a directory have, at \
     the offsets that each says. Of one file by itself it makes larger tensors than other readers, \
     and what no part fills is memory as it was.",
);

/// The metadata that says where the parts belong.
pub(super) const KEY: &str = "DCP_SHARDING_INFO";

/// Reports offsets that are not those of whole tensors: `{"name": {"saved_offsets": [0, 0]}}`.
pub(super) fn check(text: &str, at: usize, header: &Part, scope: &mut Scope<'_>) {
    let is_zero = |offset: &Value| offset.as_u64() == Some(0);
    let is_whole = |tensor: &Value| {
        let offsets = tensor.get("saved_offsets").and_then(Value::as_array);
        offsets.is_some_and(|offsets| offsets.iter().all(is_zero))
    };
    let tensors = serde_json::from_str::<Value>(text);
    let tensors = tensors.as_ref().ok().and_then(Value::as_object);
    // The metadata of their checkpoint says what they are parts of, and that all parts are there.
    let is_expected = scope.is_file() && scope.options.expected.as_deref().is_some_and(matching::are_parts);
    if !is_expected && !tensors.is_some_and(|tensors| tensors.values().all(is_whole)) {
        scope.find(&RULE, header, at as u64, "the metadata say that its tensors are parts of larger ones");
    }
}
