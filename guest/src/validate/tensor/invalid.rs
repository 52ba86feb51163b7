use alloc::format;
use alloc::string::String;

use super::view::node;
use super::{extent, kind, quantizer, size, sparse, storage};
use crate::model::{Construct, Global, Node, Object};
use crate::show;
use crate::torch::{About, Flaw, Surveyed};
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

/// Reports calls that are allowed and mean nothing: whatever is not understood
/// was not checked either.
pub(super) fn check(found: &Surveyed, part: &Part, scope: &mut Scope<'_>) {
    for (id, value) in (0u32..).zip(&found.nodes) {
        let Node::Object(object) = value else { continue };
        let offset = found.offsets.near(id);
        if object.construct == Construct::Call
            && let Some(flaw) = flaw(found, object)
            && !found.has_flaw_at(offset)
        {
            scope.find(&RULE, part, offset, flaw);
        }
    }
}

fn flaw(found: &Surveyed, object: &Object) -> Option<String> {
    let Some(Node::Global(Global { module, name })) = node(found, object.callable) else { return None };
    let args = match node(found, object.args?) {
        Some(Node::Tuple(args)) => args.as_slice(),
        _ => &[],
    };
    let strange = match (module.as_str(), name.as_str()) {
        // Only classes that PyTorch does not bring itself wrap other tensors.
        ("torch._utils", "_rebuild_wrapper_subclass") => args.first().is_some_and(|&class| {
            matches!(node(found, class), Some(Node::Global(class)) if PLAIN.contains(&class.module.as_str()))
        }),
        // Of these the tensor inside is one of its own.
        ("torch._utils", "_rebuild_device_tensor_from_cpu_tensor" | "_rebuild_device_tensor_from_numpy") => {
            false
        }
        ("torch._utils", name) => name.starts_with("_rebuild_"),
        ("torch._tensor", "_rebuild_from_type_v2") => true,
        _ => false,
    };
    let name = show::cut(&format!("{module}.{name}"));
    strange.then(|| format!("a call of {name} in a form that PyTorch does not write"))
}

/// Modules of classes that hold their elements themselves.
const PLAIN: &[&str] = &["torch", "torch.cuda", "torch.cuda.sparse", "torch.nn.parameter", "torch.sparse"];
