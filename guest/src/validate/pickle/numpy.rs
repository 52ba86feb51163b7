//! numpy's types, where a user trusts their names: what no name is trusted with.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::objects::Objects;
use crate::pickle::{Instance, Object, Value};
use crate::show;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A dtype that numpy itself would not write.
pub(super) static RULE: Rule = Rule::refused(
    "SR-PICKLE-NUMPY",
    "a numpy type that lies about its elements",
    "numpy believes what a pickled dtype says of itself: one whose elements are objects and which \
     says that they are not takes bytes of the file for addresses, and one with fields beyond its \
     end reads other memory. That is harmful whoever is trusted.",
);

/// Reports what numpy would believe and should not, among calls of names that are allowed.
pub(super) fn check(objects: Objects<'_>, instance: &Instance, part: &Part, scope: &mut Scope<'_>) {
    let Some(global) = objects.global(instance.callable) else { return };
    let flaw = match (global.module.as_str(), global.name.as_str()) {
        ("numpy", "dtype") => dtype(objects, instance, 0).err(),
        ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => {
            array(objects, instance).err()
        }
        ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => scalar(objects, instance).err(),
        _ => None,
    };
    if let Some(flaw) = flaw {
        scope.find(&RULE, part, instance.offset, format!("numpy would make {flaw}"));
    }
}

/// What an element is.
#[derive(Clone, Copy)]
struct Element {
    /// Bytes.
    size: u64,
    /// Whether there are references to objects in it.
    objects: bool,
}

/// The element of a dtype, or what is wrong with it. Fields of fields are as deep as `depth`.
fn dtype(objects: Objects<'_>, instance: &Instance, depth: u32) -> Result<Element, String> {
    let args = instance.args.and_then(|args| objects.tuple(args)).unwrap_or_default();
    let first = args.first().copied().unwrap_or(Value::None);
    // A class of structures, as `numpy.record`: its size is in the state.
    let is_class = matches!(objects.get(first), Some(Object::Global(_)));
    let text = if is_class { "V" } else { objects.text(first).ok_or("a dtype without a name")? };
    let wrong = |what: &str| Err(format!("the dtype {} {what}", show::name(text)));
    if depth > DEPTH || !instance.items.is_empty() || !instance.pairs.is_empty() {
        return wrong("of dtypes in dtypes");
    }
    let mut symbols = text.trim_start_matches(['<', '>', '|', '=']).chars();
    let kind = symbols.next().unwrap_or(' ');
    let digits = symbols.as_str();
    let Some(count) = (if digits.is_empty() { Some(0) } else { digits.parse::<u64>().ok() }) else {
        return wrong("of an unknown kind");
    };
    let size = match kind {
        '?' => 1,
        'O' => 8,
        'b' | 'i' | 'u' | 'f' | 'c' | 'm' | 'M' if (1..=32).contains(&count) => count,
        'S' | 'V' => count,
        'U' => count.saturating_mul(4),
        _ => return wrong("of an unknown kind"),
    };
    let Some(state) = instance.state else { return Ok(Element { size, objects: kind == 'O' }) };
    let Some([_, order, base, names, fields, length, _, flags, ..]) = objects.tuple(state) else {
        return wrong("with another state than numpy's");
    };
    let (&Value::Int(length), &Value::Int(flags)) = (length, flags) else {
        return wrong("whose size or flags are no numbers");
    };
    if !matches!(objects.text(*order), Some("<" | ">" | "|" | "=")) {
        return wrong("of an unknown byte order");
    }
    let size = if is_class { u64::try_from(length).unwrap_or(u64::MAX) } else { size };
    let element = match (kind, base, fields) {
        ('V', Value::None, Value::None) => Element { size, objects: false },
        ('V', base, Value::None) => repeated(objects, *base, depth)?,
        ('V', Value::None, fields) => structure(objects, *names, *fields, size, depth)?,
        (_, Value::None, Value::None) if *names == Value::None => Element { size, objects: kind == 'O' },
        _ => return wrong("with fields"),
    };
    let flexible = matches!(kind, 'S' | 'U' | 'V');
    if element.size != size || !(length == -1 && !flexible || u64::try_from(length) == Ok(size)) {
        return wrong("whose size is another than its name's");
    }
    let fits = if element.objects { flags & OBJECTS == OBJECTS } else { flags & POINTERS == 0 };
    if !fits {
        return wrong("whose flags are another type's");
    }
    Ok(element)
}

/// `(dtype, shape)`
fn repeated(objects: Objects<'_>, base: Value, depth: u32) -> Result<Element, String> {
    let wrong = "a dtype of other items than numpy's";
    let Some(&[inner, shape]) = objects.tuple(base) else { return Err(wrong.into()) };
    let element = inner_dtype(objects, inner, depth)?;
    let one = [shape];
    let shape = objects.tuple(shape).unwrap_or(&one);
    let count = shape.iter().try_fold(1u64, |count, size| match size {
        Value::Int(size) => count.checked_mul(u64::try_from(*size).ok()?),
        _ => None,
    });
    let size = count.and_then(|count| count.checked_mul(element.size)).ok_or(wrong)?;
    Ok(Element { size, ..element })
}

/// `{name: (dtype, offset)}` or with a title as a third; and `names`, the order.
fn structure(
    objects: Objects<'_>,
    names: Value,
    fields: Value,
    size: u64,
    depth: u32,
) -> Result<Element, String> {
    let wrong = |what: &str| format!("a dtype {what}");
    let (Some(names), Some(Object::Dict(fields))) = (objects.tuple(names), objects.get(fields)) else {
        return Err(wrong("with other fields than numpy's"));
    };
    if let Some(name) = names.iter().find(|&&name| objects.text(name).is_none()) {
        return Err(wrong(&format!("with {} for a field's name", objects.describe(*name))));
    }
    let mut parts: Vec<(u64, u64, bool)> = Vec::new();
    for &(name, field) in fields {
        // A title is another name of a field.
        if !names.iter().any(|&known| objects.text(known) == objects.text(name)) {
            continue;
        }
        let Some(&[inner, Value::Int(offset), ..]) = objects.tuple(field) else {
            return Err(wrong("with another field than numpy's"));
        };
        let element = inner_dtype(objects, inner, depth)?;
        let end = u64::try_from(offset).ok().and_then(|offset| offset.checked_add(element.size));
        let Some(end) = end.filter(|&end| end <= size) else {
            return Err(wrong("with a field beyond its end"));
        };
        parts.push((end.saturating_sub(element.size), end, element.objects));
    }
    parts.sort_unstable();
    let is_shared = |pair: &[(u64, u64, bool)]| match pair {
        &[(_, end, one), (start, _, other)] => start < end && (one || other),
        _ => false,
    };
    if parts.windows(2).any(is_shared) {
        return Err(wrong("with objects where another field is"));
    }
    Ok(Element { size, objects: parts.iter().any(|&(_, _, objects)| objects) })
}

fn inner_dtype(objects: Objects<'_>, inner: Value, depth: u32) -> Result<Element, String> {
    match objects.called(inner) {
        Some((global, instance)) if global.module == "numpy" && global.name == "dtype" => {
            dtype(objects, instance, depth.saturating_add(1))
        }
        _ => Err("a dtype of what is none".into()),
    }
}

/// An array is made empty, and takes its elements as bytes or, if they are objects, in a list.
fn array(objects: Objects<'_>, instance: &Instance) -> Result<(), String> {
    let empty = |shape| matches!(objects.tuple(shape), Some([Value::Int(0)]));
    let byte = |kind| match objects.get(kind) {
        Some(Object::Text(text)) => text == "b",
        Some(Object::Bytes(bytes)) => bytes == b"b",
        // `_codecs.encode`, as Python 3 writes bytes at protocol 2.
        Some(Object::Instance(_)) => true,
        _ => false,
    };
    match instance.args.and_then(|args| objects.tuple(args)) {
        Some(&[_, shape, kind]) if empty(shape) && byte(kind) => {}
        _ => return Err("an array of memory that nobody wrote".into()),
    }
    let Some(state) = instance.state else { return Ok(()) };
    let (shape, kind, data) = match objects.tuple(state) {
        Some(&[_, shape, kind, _, data] | &[shape, kind, _, data]) => (shape, kind, data),
        _ => return Err("an array with another state than numpy's".into()),
    };
    let element = inner_dtype(objects, kind, 0)?;
    let sizes = objects.tuple(shape).ok_or("an array without a shape")?;
    let count = sizes.iter().try_fold(1u64, |count, size| match size {
        Value::Int(size) => count.checked_mul(u64::try_from(*size).ok()?),
        _ => None,
    });
    let count = count.ok_or("an array of a shape that cannot be")?;
    let fits = match objects.get(data) {
        Some(Object::List(items)) => element.objects && items.len() as u64 == count,
        _ if element.objects => false,
        _ => is_of(objects, data, count.checked_mul(element.size)),
    };
    if fits { Ok(()) } else { Err("an array whose elements are others than its dtype's".into()) }
}

/// A scalar is the bytes of one element, of a type that has no objects.
fn scalar(objects: Objects<'_>, instance: &Instance) -> Result<(), String> {
    let Some(&[kind, data]) = instance.args.and_then(|args| objects.tuple(args)) else {
        return Err("a scalar of other arguments than numpy's".into());
    };
    let element = inner_dtype(objects, kind, 0)?;
    if element.objects || !is_of(objects, data, Some(element.size)) {
        return Err("a scalar whose bytes are others than its dtype's".into());
    }
    Ok(())
}

/// Whether some bytes are so many, as far as that is known here.
fn is_of(objects: Objects<'_>, data: Value, size: Option<u64>) -> bool {
    match objects.get(data) {
        Some(Object::Bytes(bytes) | Object::ByteArray(bytes)) => Some(bytes.len() as u64) == size,
        // Latin-1 has a byte for each character.
        Some(Object::Text(text)) => Some(text.chars().count() as u64) == size,
        Some(Object::Instance(inner)) => match inner.args.and_then(|args| objects.tuple(args)) {
            // `_codecs.encode`, as Python 3 writes bytes at protocol 2.
            Some(&[text, _]) if objects.text(text).is_some() => is_of(objects, text, size),
            Some([]) => size == Some(0),
            _ => false,
        },
        _ => false,
    }
}

/// `NPY_ITEM_REFCOUNT`, `NPY_LIST_PICKLE` and `NPY_NEEDS_PYAPI`: what a type has whose elements
/// are or hold objects.
const OBJECTS: i64 = 0x13;
/// `NPY_ITEM_REFCOUNT`, `NPY_LIST_PICKLE` and `NPY_ITEM_IS_POINTER`: what no other type has.
const POINTERS: i64 = 0x07;
/// Dtypes in each other. numpy takes as many as it can.
const DEPTH: u32 = 16;
