use alloc::format;

use super::{extent, key, kind, quantizer, size, sparse, storage};
use crate::torch::{About, Flaw};
use crate::validate::examine::{Part, Scope};
use crate::validate::file::limit;
use crate::validate::finding::Rule;
use crate::{Error, Fault};

/// A value that torch cannot make.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-TENSOR-INVALID",
    "a value that PyTorch cannot make",
    "The call is one that torch.save writes, with contents that it never has. Loading fails \
     here, or makes something that other readers take for something else.",
);

/// Reports why an object has no meaning.
pub(super) fn report(flaw: &Flaw, part: &Part, scope: &mut Scope<'_>) {
    let rule = match flaw.about {
        About::Storage => &storage::RULE,
        About::Size => &size::RULE,
        About::Extent => &extent::RULE,
        About::Sparse => &sparse::RULE,
        About::Quantizer => &quantizer::RULE,
        About::Kind => &kind::RULE,
        About::Key => &key::RULE,
        About::Other => &RULE,
    };
    match &flaw.error {
        Error::Malformed(fault) | Error::Unsupported(fault) | Error::Truncated(fault) => {
            let Fault { offset, part: path, expected, found } = fault;
            let path = path.trim_start_matches(": ");
            let at = if path.is_empty() { "" } else { ": " };
            scope.find(rule, part, *offset, format!("{path}{at}expected {expected}, found {found}"));
        }
        Error::Limit(excess) => limit::reached(excess, part, scope),
        Error::Unrepresentable(_) | Error::Misuse(_) => {
            scope.find(rule, part, 0, format!("{}", flaw.error));
        }
    }
}
