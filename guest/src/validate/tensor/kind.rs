use crate::validate::finding::Rule;

/// What wraps tensors wraps something else.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-TENSOR-KIND",
    "something else where a tensor belongs",
    "Parameters, sparse and quantized tensors are made of tensors. Of anything else PyTorch makes \
     no sense, or something that breaks when it is used.",
);
