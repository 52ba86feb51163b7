//! What an argument of an allowed call may be.
//!
//! The checks see lists and dicts as they are at the end: see `late` for those that grow after the
//! call that they were an argument of.

use super::Objects;
use super::allowed::{Made, Means, is_own};
use super::attributes;
use crate::pickle::{Object, Value};

/// A kind of argument.
#[derive(Clone, Copy)]
pub(super) struct Arg {
    /// What it is, for a message.
    pub(super) what: &'static str,
    /// Whether a value is of the kind. Names the user allows pass before.
    pub(super) fits: fn(Objects<'_>, Value) -> bool,
}

const fn arg(what: &'static str, fits: fn(Objects<'_>, Value) -> bool) -> Arg {
    Arg { what, fits }
}

pub(super) const INT: Arg = arg("an int", |_, value| matches!(value, Value::Int(_)));
pub(super) const BOOL: Arg = arg("a bool", |_, value| matches!(value, Value::Bool(_)));
pub(super) const NUMBER: Arg = arg("a number", |_, value| matches!(value, Value::Int(_) | Value::Float(_)));
pub(super) const TEXT: Arg = arg("a str", |objects, value| objects.text(value).is_some());
pub(super) const LATIN1_TEXT: Arg = arg("a str of Latin-1 characters", |objects, value| {
    objects.text(value).is_some_and(|text| text.chars().all(|c| u8::try_from(c).is_ok()))
});
pub(super) const LATIN1: Arg =
    arg("the str `latin1`", |objects, value| matches!(objects.text(value), Some("latin1" | "latin-1")));
pub(super) const TUPLE: Arg = arg("a tuple", |objects, value| objects.tuple(value).is_some());
pub(super) const LIST: Arg =
    arg("a list", |objects, value| matches!(objects.get(value), Some(Object::List(_))));
/// Counters compare each value twice: in each other, that doubles with each.
pub(super) const COUNTS: Arg = arg("a dict of numbers", |objects, value| {
    let Some(Object::Dict(pairs)) = objects.get(value) else { return false };
    pairs.iter().all(|&(_, count)| is_count(objects, count))
});
pub(super) const INTS: Arg = arg("a tuple of ints", is_ints);
pub(super) const SIZE: Arg = arg("a size", is_size);
pub(super) const BYTES: Arg = arg("bytes", |objects, value| {
    matches!(objects.get(value), Some(Object::Bytes(_))) || is_call(objects, value, "_codecs", "encode")
});
pub(super) const DTYPE: Arg =
    arg("a dtype", |objects, value| matches!(objects.means(value), Some(Means::Value)));
pub(super) const LAYOUT: Arg =
    arg("a layout", |objects, value| is_call(objects, value, "torch.serialization", "_get_layout"));
pub(super) const DEVICE: Arg = arg("a device", |objects, value| {
    objects.text(value).is_some() || is_call(objects, value, "torch", "device")
});
pub(super) const STORAGE: Arg = arg("a storage", |objects, value| {
    objects.instance(value).is_some_and(|instance| {
        // `pickle.dump` has a call here that is nobody's to allow unasked.
        let loaded = is_call(objects, value, "torch.storage", "_load_from_bytes");
        loaded || instance.construct == crate::model::Construct::Persistent
    })
});
pub(super) const TENSOR: Arg = arg("a tensor", is_tensor);
pub(super) const TENSOR_CLASS: Arg = arg("the class of a tensor", |objects, value| {
    // A name outside the table is the user's to allow, or reported as an import. Of
    // those in it, the classes by dtype are none that a tensor can be made to be.
    objects.global(value).is_some_and(|global| match objects.means(value) {
        Some(Means::TensorClass) => matches!(global.name.as_str(), "Parameter" | "Tensor"),
        means => means.is_none(),
    })
});
pub(super) const ARRAY: Arg = arg("an array of numpy, of numbers in memory of its own", is_own);
/// Hooks are functions that a tensor calls later: torch writes none.
pub(super) const HOOKS: Arg = arg("no hooks", is_empty);
pub(super) const FLAGS: Arg = arg("the flags `conj` and `neg`", is_flags);
pub(super) const REBUILD: Arg = arg("a function that rebuilds a tensor", |objects, value| {
    // A name outside the table is the user's to allow, or reported as an import.
    objects.global(value).is_some_and(|global| match objects.means(value) {
        Some(Means::Call(_)) => global.module == "torch._utils",
        means => means.is_none(),
    })
});
pub(super) const ATTRIBUTES: Arg = arg("attributes that are data", attributes::is_attributes);
pub(super) const QUANTIZER: Arg = arg("the parameters of a quantizer", is_quantizer);
pub(super) const SPARSE: Arg = arg("the parts of a sparse tensor", is_sparse);

impl core::fmt::Debug for Arg {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.what)
    }
}

impl PartialEq for Arg {
    fn eq(&self, other: &Self) -> bool {
        self.what == other.what
    }
}

/// Whether a value is a number, or a text: nothing that has parts.
pub(super) fn is_count(objects: Objects<'_>, value: Value) -> bool {
    match (value, objects.get(value)) {
        (Value::Object(_), Some(Object::BigInt(_) | Object::Text(_))) => true,
        (Value::Object(_), _) => {
            let is_number = |name: &str| matches!(name, "scalar" | "complex" | "Decimal" | "Fraction");
            objects.called(value).is_some_and(|(global, _)| is_number(&global.name))
        }
        _ => true,
    }
}

fn is_ints(objects: Objects<'_>, value: Value) -> bool {
    objects.tuple(value).is_some_and(|items| items.iter().all(|item| matches!(item, Value::Int(_))))
}

fn is_size(objects: Objects<'_>, value: Value) -> bool {
    is_ints(objects, value) || is_call(objects, value, "torch", "Size")
}

fn is_call(objects: Objects<'_>, value: Value, module: &str, name: &str) -> bool {
    objects.called(value).is_some_and(|(global, _)| global.module == module && global.name == name)
}

fn is_tensor(objects: Objects<'_>, value: Value) -> bool {
    let Some(instance) = objects.instance(value) else { return false };
    match objects.means(instance.callable) {
        Some(Means::Call(callable)) => callable.result == Made::Tensor,
        Some(_) => false,
        // A class the user allows may be one of tensors.
        None => objects.global(instance.callable).is_some(),
    }
}

/// An `OrderedDict` that is empty, or None.
fn is_empty(objects: Objects<'_>, value: Value) -> bool {
    let Some((global, instance)) = objects.called(value) else { return value == Value::None };
    let class = global.module == "collections" && global.name == "OrderedDict";
    let nothing = match instance.args.and_then(|args| objects.tuple(args)) {
        Some([]) => true,
        Some(&[list]) => matches!(objects.get(list), Some(Object::List(items)) if items.is_empty()),
        _ => false,
    };
    class && nothing && instance.pairs.is_empty() && instance.items.is_empty() && instance.state.is_none()
}

fn is_flags(objects: Objects<'_>, value: Value) -> bool {
    let Some(Object::Dict(pairs)) = objects.get(value) else { return false };
    pairs.iter().all(|&(key, value)| {
        matches!(objects.text(key), Some("conj" | "neg")) && matches!(value, Value::Bool(_))
    })
}

fn is_quantizer(objects: Objects<'_>, value: Value) -> bool {
    let list = |value| matches!(objects.get(value), Some(Object::List(_)));
    let scheme = |value| matches!(objects.means(value), Some(Means::Value));
    match objects.tuple(value) {
        Some(&[kind, Value::Float(_), Value::Int(_)]) => scheme(kind),
        Some(&[kind, scales, zeros, Value::Int(_)]) => {
            let tensors = is_tensor(objects, scales) && is_tensor(objects, zeros);
            scheme(kind) && (tensors || (list(scales) && list(zeros)))
        }
        _ => false,
    }
}

fn is_sparse(objects: Objects<'_>, value: Value) -> bool {
    let Some(parts) = objects.tuple(value) else { return false };
    let parts = match parts {
        [parts @ .., Value::Bool(_)] if parts.len() == 3 => parts,
        parts => parts,
    };
    match parts {
        [tensors @ .., size] if matches!(tensors.len(), 2 | 3) => {
            tensors.iter().all(|&tensor| is_tensor(objects, tensor)) && is_size(objects, *size)
        }
        _ => false,
    }
}
