//! numpy's arrays, scalars and types. Sources: `arraydescr_setstate`, `array_setstate` and
//! `array_scalar` of numpy 1.26 and 2.4, which believe what a pickle says.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;

use super::row::{Finished, Flaw, Row};
use super::{Entry, Means, entry};
use crate::pickle::{Instance, Object, ObjectId, Value};
use crate::show;
use crate::validate::finding::Rule;
use crate::validate::pickle::Objects;
use crate::validate::pickle::cost::{Keyed, Work, hashes};

/// What numpy itself would not write.
pub(in crate::validate::pickle) static LIES: Rule = Rule::refused(
    "SR-PICKLE-NUMPY",
    "a numpy object that lies about its memory",
    "numpy believes what a pickle says: a type whose elements are objects and which says that they \
     are not takes bytes of the file for addresses, one with fields beyond its end and a generator \
     at a position beyond its state read other memory.",
);

pub(super) static TABLE: &[Entry] = &[
    entry(
        &["numpy"],
        &["dtype"],
        Means::Object(Row::key(Work::Numbers, Keyed::As(hashes::dtype), |it| proven(dtype(it)))),
    ),
    entry(MULTIARRAY, &["_reconstruct"], Means::Object(Row::call(Work::Array, |it| proven(array(it))))),
    entry(NUMERIC, &["_frombuffer"], Means::Object(Row::call(Work::Array, |it| proven(buffer(it))))),
    entry(
        MULTIARRAY,
        &["scalar"],
        Means::Object(Row::key(Work::Array, Keyed::As(hashes::scalar), |it| proven(scalar(it)))),
    ),
    entry(
        &["numpy.ma.core"],
        &["_mareconstruct"],
        Means::Object(Row::call(Work::Array, |it| proven(masked(it)))),
    ),
    entry(&["numpy"], SCALARS, Means::Class),
    entry(&["numpy"], &["matrix", "ndarray", "recarray", "record"], Means::Class),
    entry(&["numpy.rec"], &["recarray", "record"], Means::Class),
    entry(&["numpy.ma", "numpy.ma.core"], &["MaskedArray"], Means::Class),
];

const MULTIARRAY: &[&str] = &["numpy.core.multiarray", "numpy._core.multiarray"];
const NUMERIC: &[&str] = &["numpy.core.numeric", "numpy._core.numeric"];

#[rustfmt::skip]
const SCALARS: &[&str] = &[
    "bool", "bool_", "bytes_", "complex128", "complex64", "datetime64", "float16", "float32",
    "float64", "int16", "int32", "int64", "int8", "longdouble", "object_", "str_", "timedelta64",
    "uint16", "uint32", "uint64", "uint8", "void",
];

fn proven<T>(found: Result<T, String>) -> Result<(), Flaw> {
    found.map(drop).map_err(|what| Flaw { rule: &LIES, what: format!("numpy would make {what}") })
}

/// What was proven of dtypes: each once, however many ways lead to it.
#[derive(Default)]
pub(in crate::validate::pickle) struct Dtypes(RefCell<BTreeMap<ObjectId, Result<Element, String>>>);

/// What an element is.
#[derive(Clone, Copy)]
struct Element {
    /// Bytes.
    size: u64,
    /// What numpy says of its type in a pickle, but for [`ALIGNED`].
    flags: i64,
    /// Fields, those in fields counted each time: who prints or compares one goes through all.
    fields: u64,
    /// Dtypes in each other.
    height: u32,
}

impl Element {
    /// Whether there are references to objects in it.
    fn has_objects(self) -> bool {
        self.flags & REFERENCES != 0
    }
}

/// The element of a dtype that was made by itself.
fn dtype(it: Finished<'_>) -> Result<Element, String> {
    described(it, it.instance, 0)
}

/// The element of a dtype, or what is wrong with it. Fields of fields are as deep as `depth`.
fn described(it: Finished<'_>, instance: &Instance, depth: u32) -> Result<Element, String> {
    let objects = it.objects;
    let args = instance.args.and_then(|args| objects.tuple(args)).unwrap_or_default();
    let first = args.first().copied().unwrap_or(Value::None);
    if !matches!(args, [_] | [_, Value::Bool(_) | Value::Int(0 | 1), Value::Bool(_) | Value::Int(0 | 1)]) {
        return Err("a dtype of other arguments than numpy's".into());
    }
    // A class of structures: its size is in the state.
    let is_class = objects.global(first).is_some_and(|global| global.name == "record");
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
        'b' if count == 1 => 1,
        'i' | 'u' if matches!(count, 1 | 2 | 4 | 8) => count,
        'f' if matches!(count, 2 | 4 | 8 | 12 | 16) => count,
        'c' if matches!(count, 8 | 16 | 24 | 32) => count,
        'm' | 'M' if count == 8 => count,
        'S' | 'V' => count,
        'U' => count.saturating_mul(4),
        _ => return wrong("of an unknown kind"),
    };
    let flags = match kind {
        'O' => OBJECTS,
        'U' => TEXTS,
        _ => 0,
    };
    let simple = Element { size, flags, fields: 1, height: 0 };
    let Some(state) = instance.state else { return Ok(simple) };
    let Some([version, order, base, names, fields, length, alignment, flags, more @ ..]) =
        objects.tuple(state)
    else {
        return wrong("with another state than numpy's");
    };
    if !matches!(version, Value::Int(3 | 4)) || !matches!(alignment, Value::Int(-1 | 1 | 2 | 4 | 8 | 16 | 32))
    {
        return wrong("of a version or an alignment that there is not");
    }
    if !is_metadata(objects, kind, more) {
        return wrong("with other metadata than numpy's");
    }
    let (&Value::Int(length), &Value::Int(said)) = (length, flags) else {
        return wrong("whose size or flags are no numbers");
    };
    if !matches!(objects.text(*order), Some("<" | ">" | "|" | "=")) {
        return wrong("of an unknown byte order");
    }
    let size = if is_class { u64::try_from(length).unwrap_or(u64::MAX) } else { size };
    let element = match (kind, base, fields) {
        ('V', Value::None, Value::None) => Element { size, ..simple },
        ('V', base, Value::None) => repeated(it, *base, depth)?,
        ('V', Value::None, fields) => structure(it, *names, *fields, size, depth)?,
        (_, Value::None, Value::None) if *names == Value::None => simple,
        _ => return wrong("with fields"),
    };
    let flexible = matches!(kind, 'S' | 'U' | 'V');
    if element.size != size || !(length == -1 && !flexible || u64::try_from(length) == Ok(size)) {
        return wrong("whose size is another than its name's");
    }
    let is_structure = *fields != Value::None;
    // A byte with its sign, before numpy 2.
    let is_aligned = said & ALIGNED != 0 && (-128..=255).contains(&said) && is_structure;
    if said != element.flags && !(is_aligned && said & 0x7f == element.flags) {
        return wrong("whose flags are another type's");
    }
    Ok(element)
}

/// `(dtype, shape)`
fn repeated(it: Finished<'_>, base: Value, depth: u32) -> Result<Element, String> {
    let objects = it.objects;
    let wrong = "a dtype of other items than numpy's";
    let Some(&[inner, shape]) = objects.tuple(base) else { return Err(wrong.into()) };
    let element = inner_dtype(it, inner, depth)?;
    let one = [shape];
    let shape = objects.tuple(shape).unwrap_or(&one);
    let count = shape.iter().try_fold(1u64, |count, size| match size {
        Value::Int(size) => count.checked_mul(u64::try_from(*size).ok()?),
        _ => None,
    });
    let size = count.and_then(|count| count.checked_mul(element.size)).ok_or(wrong)?;
    Ok(Element { size, height: element.height.saturating_add(1), ..element })
}

/// `{name: (dtype, offset)}` or with a title as a third; and `names`, the order.
fn structure(
    it: Finished<'_>,
    names: Value,
    fields: Value,
    size: u64,
    depth: u32,
) -> Result<Element, String> {
    let objects = it.objects;
    let wrong = |what: &str| format!("a dtype {what}");
    let (Some(names), Some(Object::Dict(fields))) = (objects.tuple(names), objects.get(fields)) else {
        return Err(wrong("with other fields than numpy's"));
    };
    if let Some(name) = names.iter().find(|&&name| objects.text(name).is_none()) {
        return Err(wrong(&format!("with {} for a field's name", objects.describe(*name))));
    }
    let (mut parts, mut flags): (Vec<(u64, u64, bool)>, i64) = (Vec::new(), STRUCTURE);
    let (mut count, mut height) = (0u64, 0);
    let keys: BTreeSet<_> = fields.iter().filter_map(|(key, _)| objects.text(*key)).collect();
    if !names.iter().all(|name| objects.text(*name).is_some_and(|name| keys.contains(name))) {
        return Err(wrong("without a field that it names"));
    }
    let mut seen = BTreeSet::new();
    for &(_, field) in fields {
        // A title is another name of the very same field. Any key finds a field, named or not.
        if let Value::Object(id) = field
            && !seen.insert(id)
        {
            continue;
        }
        let Some(&[inner, Value::Int(offset), ..]) = objects.tuple(field) else {
            return Err(wrong("with another field than numpy's"));
        };
        let element = inner_dtype(it, inner, depth)?;
        let end = u64::try_from(offset).ok().and_then(|offset| offset.checked_add(element.size));
        let Some(end) = end.filter(|&end| end <= size) else {
            return Err(wrong("with a field beyond its end"));
        };
        flags |= element.flags & INHERITED;
        count = count.saturating_add(element.fields.max(1));
        height = height.max(element.height.saturating_add(1));
        parts.push((end.saturating_sub(element.size), end, element.has_objects()));
    }
    parts.sort_unstable();
    let is_shared = |pair: &[(u64, u64, bool)]| match pair {
        &[(_, end, one), (start, _, other)] => start < end && (one || other),
        _ => false,
    };
    if parts.windows(2).any(is_shared) {
        return Err(wrong("with objects where another field is"));
    }
    if count > FIELDS {
        return Err(wrong("of more fields than anybody goes through"));
    }
    Ok(Element { size, flags, fields: count, height })
}

fn inner_dtype(it: Finished<'_>, inner: Value, depth: u32) -> Result<Element, String> {
    // Who took it before its state was set saw another one.
    if it.is_changed(inner) {
        return Err("a dtype that changes after it was used".into());
    }
    let (id, instance) = match (inner, it.objects.called(inner)) {
        (Value::Object(id), Some((global, instance)))
            if global.module == "numpy" && global.name == "dtype" =>
        {
            (id, instance)
        }
        _ => return Err("a dtype of what is none".into()),
    };
    let known = it.dtypes.0.borrow().get(&id).cloned();
    let found = known.unwrap_or_else(|| {
        let found = described(it, instance, depth.saturating_add(1));
        it.dtypes.0.borrow_mut().insert(id, found.clone());
        found
    });
    match found {
        // One that is known already was not proven from here.
        Ok(element) if element.height >= DEPTH => Err("a dtype of dtypes in dtypes".into()),
        found => found,
    }
}

/// What follows in the state of a dtype: nothing, or `None`, or a dict, and for times their unit.
fn is_metadata(objects: Objects<'_>, kind: char, more: &[Value]) -> bool {
    let is_dict = |value| matches!(objects.get(value), Some(Object::Dict(_)));
    match more {
        [] => !matches!(kind, 'm' | 'M'),
        &[Value::None] => true,
        &[metadata] if is_dict(metadata) => true,
        &[metadata] => match objects.tuple(metadata) {
            Some(&[metadata, unit]) if matches!(kind, 'm' | 'M') => {
                (metadata == Value::None || is_dict(metadata)) && is_unit(objects, unit)
            }
            _ => false,
        },
        _ => false,
    }
}

/// `(unit, count, 1, 1)`
fn is_unit(objects: Objects<'_>, unit: Value) -> bool {
    let Some(&[name, Value::Int(count), Value::Int(1), Value::Int(1)]) = objects.tuple(unit) else {
        return false;
    };
    let name = match objects.text(name) {
        Some(name) => Some(name.as_bytes().into()),
        None => objects.bytes(name),
    };
    let known = name.is_some_and(|name| UNITS.contains(&&*name));
    known && i32::try_from(count).is_ok_and(|count| count > 0)
}

const UNITS: &[&[u8]] =
    &[b"Y", b"M", b"W", b"D", b"h", b"m", b"s", b"ms", b"us", b"ns", b"ps", b"fs", b"as", b"generic"];

/// An array is made empty, and takes its elements as bytes or, if they are objects, in a list.
fn array(it: Finished<'_>) -> Result<(), String> {
    let objects = it.objects;
    match it.args {
        &[class, shape, kind] if is_array_class(objects, class) && is_unmade(objects, shape, kind) => {}
        _ => return Err("an array of memory that nobody wrote".into()),
    }
    let Some(state) = it.instance.state else { return Err("an array that is never filled".into()) };
    let (shape, kind, data) = match objects.tuple(state) {
        Some(&[Value::Int(0 | 1), shape, kind, Value::Bool(_) | Value::Int(0 | 1), data]) => {
            (shape, kind, data)
        }
        Some(&[shape, kind, Value::Bool(_) | Value::Int(0 | 1), data]) => (shape, kind, data),
        _ => return Err("an array with another state than numpy's".into()),
    };
    is_whole(it, shape, kind, data)
}

fn is_array_class(objects: Objects<'_>, class: Value) -> bool {
    objects.global(class).is_some_and(|class| {
        matches!(class.module.as_str(), "numpy" | "numpy.rec")
            && matches!(class.name.as_str(), "ndarray" | "matrix" | "recarray")
    })
}

/// `(0,), b'b'`: an array of nothing, for now.
fn is_unmade(objects: Objects<'_>, shape: Value, kind: Value) -> bool {
    let byte = objects.text(kind) == Some("b") || objects.bytes(kind).as_deref() == Some(b"b");
    byte && matches!(objects.tuple(shape), Some([Value::Int(0)]))
}

/// Whether the elements are those of the type and the shape.
fn is_whole(it: Finished<'_>, shape: Value, kind: Value, data: Value) -> Result<(), String> {
    let objects = it.objects;
    if !it.instance.items.is_empty() || !it.instance.pairs.is_empty() {
        return Err("an array whose items are set one by one".into());
    }
    let element = inner_dtype(it, kind, 0)?;
    let count = count(objects, shape)?;
    let fits = match objects.get(data) {
        Some(Object::List(items)) => element.has_objects() && items.len() as u64 == count,
        _ if element.has_objects() => false,
        _ => is_of(objects, data, count.checked_mul(element.size)),
    };
    if fits { Ok(()) } else { Err("an array whose elements are others than its dtype's".into()) }
}

/// How many elements a shape has.
fn count(objects: Objects<'_>, shape: Value) -> Result<u64, String> {
    let sizes = objects.tuple(shape).ok_or("an array without a shape")?;
    let each = |count: u64, size: &Value| match size {
        Value::Int(size) => count.checked_mul(u64::try_from(*size).ok()?),
        _ => None,
    };
    let count = sizes.iter().try_fold(1u64, each).filter(|_| sizes.len() <= DIMENSIONS);
    // Zeros hide sizes that cannot be multiplied.
    let others = sizes.iter().filter(|size| **size != Value::Int(0)).try_fold(1u64, each);
    let fits = others.is_some_and(|others| others < 1 << 48);
    count.filter(|_| fits).ok_or_else(|| "an array of a shape that cannot be".into())
}

/// `_frombuffer(bytes, dtype, shape, order)`, as protocol 5 has it.
fn buffer(it: Finished<'_>) -> Result<(), String> {
    let &[data, kind, shape, order] = it.args else {
        return Err("an array of other arguments than numpy's".into());
    };
    if !matches!(it.objects.text(order), Some("C" | "F" | "K")) || it.instance.state.is_some() {
        return Err("an array of an order that there is not".into());
    }
    match it.objects.get(data) {
        Some(Object::Bytes(_) | Object::ByteArray(_)) if !it.is_changed(data) => {
            is_whole(it, shape, kind, data)
        }
        _ => Err("an array of other memory than bytes".into()),
    }
}

/// `_mareconstruct(MaskedArray, ndarray, (0,), 'b')`: the data and the mask are bytes of its state.
fn masked(it: Finished<'_>) -> Result<(), String> {
    let objects = it.objects;
    let named = |value, name: &str| objects.global(value).is_some_and(|global| global.name == name);
    match it.args {
        &[class, base, shape, kind]
            if named(class, "MaskedArray") && named(base, "ndarray") && is_unmade(objects, shape, kind) => {}
        _ => return Err("a masked array of other arguments than numpy's".into()),
    }
    let state = it.instance.state.and_then(|state| objects.tuple(state));
    let Some(&[Value::Int(1), shape, kind, Value::Bool(_) | Value::Int(0 | 1), data, mask, fill]) = state
    else {
        return Err("a masked array with another state than numpy's".into());
    };
    is_whole(it, shape, kind, data)?;
    let plain =
        it.objects.called(kind).and_then(|(_, dtype)| dtype.state).and_then(|state| objects.tuple(state));
    let plain = matches!(plain, Some([_, _, Value::None, Value::None, Value::None, ..]));
    if !plain || !is_of(objects, mask, Some(count(objects, shape)?)) || !objects.is_harmless(fill) {
        return Err("a masked array whose mask is another array's".into());
    }
    Ok(())
}

/// A scalar is the bytes of one element, of a type that has no objects.
fn scalar(it: Finished<'_>) -> Result<(), String> {
    let (&[kind, data], None) = (it.args, it.instance.state) else {
        return Err("a scalar of other arguments than numpy's".into());
    };
    let element = inner_dtype(it, kind, 0)?;
    let alone = it.instance.items.is_empty() && it.instance.pairs.is_empty();
    if element.has_objects() || !alone || !is_of(it.objects, data, Some(element.size)) {
        return Err("a scalar whose bytes are others than its dtype's".into());
    }
    Ok(())
}

/// Whether a value is an array of so many numbers of a kind: `u4`.
pub(super) fn is_array(objects: Objects<'_>, value: Value, kind: &str, length: usize) -> bool {
    let Some((global, instance)) = objects.called(value) else { return false };
    let args = instance.args.and_then(|args| objects.tuple(args)).unwrap_or_default();
    let state = instance.state.and_then(|state| objects.tuple(state)).unwrap_or_default();
    let (shape, dtype) = match (global.name.as_str(), args, state) {
        ("_frombuffer", &[_, dtype, shape, _], _) => (shape, dtype),
        ("_reconstruct", _, &[_, shape, dtype, _, _]) => (shape, dtype),
        _ => return false,
    };
    let name = objects.called(dtype).and_then(|(_, dtype)| dtype.args).and_then(|args| objects.tuple(args));
    let name = name.and_then(|args| args.first()).and_then(|&name| objects.text(name));
    name == Some(kind)
        && matches!(objects.tuple(shape), Some(&[Value::Int(size)]) if usize::try_from(size) == Ok(length))
}

/// Whether some bytes are so many. At protocol 0 Python 2 wrote them as a text of Latin-1.
fn is_of(objects: Objects<'_>, data: Value, size: Option<u64>) -> bool {
    match objects.text(data) {
        Some(text) => Some(text.chars().count() as u64) == size,
        None => objects.bytes(data).is_some_and(|bytes| Some(bytes.len() as u64) == size),
    }
}

/// Dimensions that numpy 2 knows.
const DIMENSIONS: usize = 64;
/// The flags of objects, all of them: from `NPY_ITEM_REFCOUNT` to `NPY_USE_GETITEM`.
const OBJECTS: i64 = 0x3f;
/// `NPY_NEEDS_INIT`, which texts have.
const TEXTS: i64 = 0x08;
/// `NPY_NEEDS_PYAPI`, which structures have.
const STRUCTURE: i64 = 0x10;
/// `NPY_FROM_FIELDS`: what a structure has of its fields.
const INHERITED: i64 = 0x1b;
/// `NPY_ITEM_REFCOUNT`
const REFERENCES: i64 = 0x01;
/// `NPY_ALIGNED_STRUCT`
const ALIGNED: i64 = 0x80;
/// Fields of fields, all together.
const FIELDS: u64 = 1 << 14;
/// Dtypes in each other. numpy takes as many as it can.
const DEPTH: u32 = 16;
