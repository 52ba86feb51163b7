use alloc::format;
use alloc::string::String;

use super::view::node;
use super::{extent, kind, quantizer, size, sparse, storage};
use crate::model::{Construct, Global, Node, NodeId, Object};
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
    let strange = match (module.as_str(), name.as_str(), args) {
        ("torch._tensor", "_rebuild_from_type_v2", &[function, _, inner, _]) => match node(found, function) {
            Some(Node::Global(function)) if function.module == "torch._utils" => {
                strange(found, &function.name, items(found, inner))
            }
            // Another library's, which is not known and not allowed unasked.
            function => !matches!(function, Some(Node::Global(_))),
        },
        ("torch._tensor", "_rebuild_from_type_v2", _) => true,
        ("torch._utils", name, args) => strange(found, name, args),
        _ => false,
    };
    let name = show::cut(&format!("{module}.{name}"));
    strange.then(|| format!("a call of {name} in a form that PyTorch does not write"))
}

/// Whether PyTorch would not write a call of this function of `torch._utils`, which
/// means nothing.
fn strange(found: &Surveyed, name: &str, args: &[NodeId]) -> bool {
    match name {
        // Only classes that PyTorch does not bring itself wrap other tensors.
        "_rebuild_wrapper_subclass" => args.first().is_some_and(|&class| {
            matches!(node(found, class), Some(Node::Global(class)) if PLAIN.contains(&class.module.as_str()))
        }),
        "_rebuild_tensor"
        | "_rebuild_tensor_v2"
        | "_rebuild_tensor_v3"
        | "_rebuild_parameter"
        | "_rebuild_parameter_with_state"
        | "_rebuild_qtensor"
        | "_rebuild_sparse_tensor"
        | "_rebuild_meta_tensor_no_storage" => !args.first().is_some_and(|&storage| is_loaded(found, storage)),
        // Of others the tensor inside is one of its own.
        _ => false,
    }
}

/// Whether a storage is a file of its own, as `pickle.dump` has it.
fn is_loaded(found: &Surveyed, storage: NodeId) -> bool {
    let Some(Node::Object(object)) = node(found, storage) else { return false };
    let callable = node(found, object.callable);
    matches!(callable, Some(Node::Global(Global { module, name }))
        if module == "torch.storage" && name == "_load_from_bytes")
}

fn items(found: &Surveyed, tuple: NodeId) -> &[NodeId] {
    match node(found, tuple) {
        Some(Node::Tuple(items)) => items,
        _ => &[],
    }
}

/// Modules of classes that hold their elements themselves.
const PLAIN: &[&str] = &["torch", "torch.cuda", "torch.cuda.sparse", "torch.nn.parameter", "torch.sparse"];
