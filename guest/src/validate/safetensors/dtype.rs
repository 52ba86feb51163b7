use alloc::format;

use crate::DType;
use crate::show;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A dtype that the format does not have.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-SAFETENSORS-DTYPE",
    "a dtype that the format does not have",
    "safetensors 0.8 refuses the file. Without the dtype nothing says how large the tensor is, so \
     its place in the file is not checked either.",
);

/// The dtype of this name.
pub(super) fn check(
    name: &str,
    dtype: &str,
    at: usize,
    header: &Part,
    scope: &mut Scope<'_>,
) -> Option<DType> {
    let known = DType::from_safetensors(dtype);
    if known.is_none() {
        let message = format!("tensor {}: unknown dtype {}", show::name(name), show::name(dtype));
        scope.find(&RULE, header, at as u64, message);
    }
    known
}
