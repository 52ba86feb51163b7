//! The stream that `torch.save` wrote before torch 1.6: five pickles, then the
//! storages. See `torch::legacy` for its format.

mod count;
mod header;
mod keys;
mod sole;
mod source;
mod stream;
mod trailing;
mod untyped;

pub(super) use header::is_magic;
pub(super) use sole::Sole;
pub(super) use stream::child;

use super::finding::Rule;

/// The rules on legacy streams.
pub(super) const RULES: &[&Rule] = &[
    &header::RULE,
    &source::RULE,
    &keys::RULE,
    &keys::TRUNCATED,
    &count::RULE,
    &trailing::RULE,
    &untyped::RULE,
];
