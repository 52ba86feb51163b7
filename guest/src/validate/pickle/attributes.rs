use alloc::format;
use alloc::string::String;

use super::Objects;
use super::allowed::Means;
use super::argument::{ATTRIBUTES, HOOKS};
use super::members::TENSOR;
use crate::pickle::{Instance, Object, Value};
use crate::show;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// Attributes that do more than hold data.
pub(super) static RULE: Rule = Rule::refused(
    "SR-PICKLE-ATTRIBUTE",
    "an attribute that is more than data",
    "Attributes can replace an object's class, its methods or a tensor's memory, and plant \
     functions that run later. PyTorch saves data in them and nothing else.",
);

/// An attribute that hides what an object has of its own.
pub(super) static HIDDEN: Rule = Rule::malformed(
    "SR-PICKLE-HIDDEN",
    "an attribute that hides a method",
    "The object has something of this name of its own: whoever calls it gets the attribute. \
     PyTorch saves no such attributes.",
);

/// Reports an attribute, among those in the dict `state`, that has one of the sorted `names`.
pub(super) fn check_hidden(
    objects: Objects<'_>,
    (state, names): (Value, &[&str]),
    instance: &Instance,
    part: &Part,
    scope: &mut Scope<'_>,
) {
    let Some(Object::Dict(pairs)) = objects.get(state) else { return };
    let mut found = pairs.iter().filter_map(|&(key, _)| objects.text(key));
    if let Some(name) = found.find(|name| names.binary_search(name).is_ok()) {
        let message =
            format!("the attribute {} of what {} makes", show::name(name), objects.callable(instance));
        scope.find(&HIDDEN, part, instance.offset, message);
    }
}

/// Reports attributes among the arguments of a call that are more than data.
pub(super) fn check(objects: Objects<'_>, instance: &Instance, part: &Part, scope: &mut Scope<'_>) {
    let Some(Means::Call(callable)) = objects.means(instance.callable) else { return };
    let args = instance.args.and_then(|args| objects.tuple(args)).unwrap_or_default();
    for signature in callable.signatures.iter().filter(|signature| signature.len() == args.len()) {
        for (arg, &value) in signature.iter().zip(args) {
            if *arg == ATTRIBUTES {
                let parts = objects.tuple(value).unwrap_or(core::slice::from_ref(&value));
                for &state in parts {
                    check_hidden(objects, (state, TENSOR), instance, part, scope);
                }
            }
            let flaw = if *arg == ATTRIBUTES {
                all_flaws(objects, value)
            } else if *arg == HOOKS && has_functions(objects, value) {
                Some(Flaw::Active("a hook is a function that a tensor calls".into()))
            } else {
                None
            };
            if let Some(Flaw::Active(flaw)) = flaw {
                let message = format!("calls {}: {flaw}", objects.callable(instance));
                return scope.find(&RULE, part, instance.offset, message);
            }
        }
    }
}

/// Whether hooks hold a function.
fn has_functions(objects: Objects<'_>, hooks: Value) -> bool {
    let pairs = match objects.get(hooks) {
        Some(Object::Dict(pairs)) => pairs,
        Some(Object::Instance(instance)) => &instance.pairs,
        _ => return false,
    };
    pairs.iter().any(|&(_, hook)| !objects.is_data(hook))
}

/// Whether a state is attributes of a tensor.
pub(super) fn is_attributes(objects: Objects<'_>, state: Value) -> bool {
    !matches!(all_flaws(objects, state), Some(Flaw::Odd(_)))
}

/// What is wrong with attributes.
pub(super) enum Flaw {
    /// They do something.
    Active(String),
    /// They are none.
    Odd(String),
}

/// The attributes in a tensor's `__dict__`, or a tuple of these and those in slots.
fn all_flaws(objects: Objects<'_>, state: Value) -> Option<Flaw> {
    let one = |state| flaw(objects, state).or_else(|| fixed(objects, state));
    match objects.tuple(state) {
        Some(&[dict, slots]) => one(dict).or_else(|| one(slots)),
        Some(_) => Some(Flaw::Odd("attributes are a dict".into())),
        None => one(state),
    }
}

/// An attribute that a tensor does not let anybody set: loading fails.
fn fixed(objects: Objects<'_>, state: Value) -> Option<Flaw> {
    let Some(Object::Dict(pairs)) = objects.get(state) else { return None };
    let mut names = pairs.iter().filter_map(|&(key, _)| objects.text(key));
    let name = names.find(|name| FIXED.contains(name))?;
    Some(Flaw::Odd(format!("the attribute {name} of a tensor cannot be set")))
}

/// What is wrong with attributes that are in one dict.
pub(super) fn flaw(objects: Objects<'_>, state: Value) -> Option<Flaw> {
    let pairs = match objects.get(state) {
        None if state == Value::None => return None,
        Some(Object::Dict(pairs)) => pairs,
        _ => return Some(Flaw::Odd("attributes are a dict".into())),
    };
    let active = pairs.iter().find_map(|&(key, value)| {
        let name = objects.text(key).unwrap_or_default();
        if name.starts_with("__") || ACTIVE.contains(&name) {
            return Some(Flaw::Active(format!(
                "the attribute {} does more than hold data",
                show::name(name)
            )));
        }
        let planted =
            || Flaw::Active(format!("the attribute {} is {}", show::name(name), objects.describe(value)));
        (!objects.is_data(value)).then(planted)
    });
    let named = pairs.iter().all(|&(key, _)| objects.text(key).is_some());
    active.or_else(|| (!named).then(|| Flaw::Odd("an attribute's name is a str".into())))
}

/// Attributes of a tensor that do something when they are set, or are functions
/// that it calls.
#[rustfmt::skip]
const ACTIVE: &[&str] = &[
    "_backward_hooks", "_grad", "_post_accumulate_grad_hooks", "data", "grad", "grad_dtype",
    "imag", "names", "real", "requires_grad",
];

/// Attributes of a tensor that cannot be set, in torch 2.15.
#[rustfmt::skip]
const FIXED: &[&str] = &[
    "H", "T", "_base", "_cdata", "_has_grad_dtype_override", "_has_symbolic_sizes_strides",
    "_python_dispatch", "_version", "device", "dtype", "grad_fn", "is_cpu", "is_cuda", "is_ipu",
    "is_leaf", "is_maia", "is_meta", "is_mkldnn", "is_mps", "is_mtia", "is_nested",
    "is_quantized", "is_sparse", "is_sparse_csr", "is_vulkan", "is_xla", "is_xpu", "itemsize",
    "layout", "mH", "mT", "name", "nbytes", "ndim", "output_nr", "retains_grad", "shape",
];
