//! Types, exactly as `arraydescr_reduce` writes them. What it never writes, numpy takes as well, and
//! its elements are then read and freed as something that they are not.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::pickle::{Instance, Object, Value};
use crate::show;
use crate::validate::budget::Cost;
use crate::validate::pickle::Objects;
use crate::validate::pickle::allowed::row::Finished;

/// What an element is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    /// What numpy calls it: `i`, `V`.
    pub(super) kind: char,
    /// Bytes, of those in memory.
    pub(super) size: u64,
    /// Whether its bytes are the wrong way round for most machines.
    pub(super) is_big: bool,
    /// What numpy says of its type in a pickle, but for [`ALIGNED`].
    flags: i64,
    /// Fields, those in fields counted each time: who prints or compares one goes through all.
    pub(super) fields: u64,
    /// The fields of its own, if it is a structure.
    pub(super) names: Option<usize>,
    /// Numbers and texts in it, each of which a mask has a byte for.
    pub(super) leaves: u64,
    /// Whether it is a block of others. numpy has those in fields alone: an array or a scalar of
    /// one reads beyond its memory.
    pub(super) is_block: bool,
    /// Dtypes in each other.
    height: u32,
}

impl Element {
    /// Whether there are references to objects in it.
    pub(super) fn has_objects(self) -> bool {
        self.flags & REFERENCES != 0
    }
}

/// The element of a dtype that was made by itself.
pub(super) fn alone(it: Finished<'_>) -> Result<Element, String> {
    described(it, it.instance, 0)
}

/// The types of a proven structure's own fields, in their order, each with its element; or of what
/// a block has.
pub(super) fn fields(it: Finished<'_>, dtype: Value) -> Result<Vec<(Value, Element)>, String> {
    let objects = it.objects;
    let state = objects.called(dtype).and_then(|(_, instance)| objects.tuple(instance.state?));
    let Some(&[_, _, base, names, fields, ..]) = state else { return Ok(Vec::new()) };
    if let Some(&[of, _]) = objects.tuple(base) {
        return Ok(Vec::from([(of, inner(it, of, 0)?)]));
    }
    let (Some(names), Some(Object::Dict(pairs))) = (objects.tuple(names), objects.get(fields)) else {
        return Ok(Vec::new());
    };
    let places: BTreeMap<_, _> =
        pairs.iter().filter_map(|&(key, field)| Some((objects.text(key)?, field))).collect();
    let mut parts = Vec::new();
    for &name in names {
        let field = objects.text(name).and_then(|name| objects.tuple(*places.get(name)?));
        let of = field.and_then(<[_]>::first).copied().unwrap_or(Value::None);
        parts.push((of, inner(it, of, 0)?));
    }
    Ok(parts)
}

/// The element of an array or a scalar.
pub(super) fn of(it: Finished<'_>, dtype: Value) -> Result<Element, String> {
    let element = inner(it, dtype, 0)?;
    if element.is_block { Err("what has blocks for its elements".into()) } else { Ok(element) }
}

/// The element of a dtype, or what is wrong with it. Fields of fields are as deep as `depth`.
fn described(it: Finished<'_>, instance: &Instance, depth: u32) -> Result<Element, String> {
    let objects = it.objects;
    let args = instance.args.and_then(|args| objects.tuple(args)).unwrap_or_default();
    let first = args.first().copied().unwrap_or(Value::None);
    // Without a copy it is the type that numpy has for all, which takes no state: not the byte order
    // that the pickle says, nor the unit.
    if !matches!(args, [_, Value::Bool(false) | Value::Int(0), Value::Bool(true) | Value::Int(1)]) {
        return Err("a dtype of other arguments than numpy's".into());
    }
    // A class of structures: its size is in the state.
    let is_class = objects.global(first).is_some_and(|global| global.name == "record");
    let text = if is_class { "V0" } else { objects.text(first).ok_or("a dtype without a name")? };
    let wrong = |what: &str| Err(format!("the dtype {} {what}", show::name(text)));
    if depth > DEPTH || !instance.items.is_empty() || !instance.pairs.is_empty() {
        return wrong("of dtypes in dtypes");
    }
    let Some((kind, size)) = named(text) else { return wrong("of an unknown kind") };
    let flags = match kind {
        'O' => OBJECTS,
        'U' => TEXTS,
        _ => 0,
    };
    let Some(state) = instance.state else { return wrong("without a state") };
    let Some([version, order, base, names, fields, length, alignment, flags_said, more @ ..]) =
        objects.tuple(state)
    else {
        return wrong("with another state than numpy's");
    };
    if !matches!(version, Value::Int(3 | 4)) || !is_metadata(objects, kind, more) {
        return wrong("with other metadata than numpy's");
    }
    let (&Value::Int(length), &Value::Int(alignment), &Value::Int(said)) = (length, alignment, flags_said)
    else {
        return wrong("whose size or flags are no numbers");
    };
    let has_order = size > 1 && !matches!(kind, 'O' | 'S' | 'V') || kind == 'U';
    let is_big = match objects.text(*order) {
        Some("|") if !has_order => false,
        Some("<") if has_order => false,
        Some(">") if has_order => true,
        _ => return wrong("of a byte order that it does not have"),
    };
    let size = if is_class { u64::try_from(length).unwrap_or(u64::MAX) } else { size };
    let (names_said, is_flexible) = (*names, matches!(kind, 'S' | 'U' | 'V'));
    let simple =
        Element { kind, size, is_big, flags, fields: 1, names: None, leaves: 1, is_block: false, height: 0 };
    let (element, aligned) = match (kind, base, fields) {
        ('V', Value::None, Value::None) if names_said == Value::None => (simple, 1),
        ('V', base, Value::None) if names_said == Value::None && !is_class => {
            (block(it, *base, depth)?, alignment)
        }
        ('V', Value::None, fields) => (shared_structure(it, names_said, *fields, size, depth)?, alignment),
        (_, Value::None, Value::None) if names_said == Value::None => (
            simple,
            match kind {
                'U' => 4,
                'S' => 1,
                _ => -1,
            },
        ),
        _ => return wrong("with fields"),
    };
    if element.size != size || size > LARGEST {
        return wrong("whose size is another than its name's");
    }
    let is_length = if is_flexible { u64::try_from(length) == Ok(size) } else { length == -1 };
    if !is_length || alignment != aligned || !matches!(alignment, -1 | 1 | 2 | 4 | 8 | 16 | 32 | 64) {
        return wrong("whose size or alignment is another than its name's");
    }
    // A byte with its sign, before numpy 2.
    let is_aligned = said & ALIGNED != 0 && (-128..=255).contains(&said) && element.names.is_some();
    if said != element.flags && !(is_aligned && said & 0x7f == element.flags) {
        return wrong("whose flags are another type's");
    }
    Ok(element)
}

/// The kind and the bytes of a name. On machines of 32 bits there are `f12` and `c24` as well,
/// which no other takes, and `O4`, which all take.
fn named(text: &str) -> Option<(char, u64)> {
    let kind = text.chars().next()?;
    let digits = text.get(kind.len_utf8()..)?;
    // As numpy writes numbers: no sign, no zeros before them.
    let count = digits.parse::<u32>().ok().filter(|count| count.to_string() == digits)?;
    let sizes: &[u32] = match kind {
        'b' => &[1],
        'O' if matches!(count, 4 | 8) => return Some((kind, 8)),
        'i' | 'u' => &[1, 2, 4, 8],
        'f' => &[2, 4, 8, 16],
        'c' => &[8, 16, 32],
        'm' | 'M' => &[8],
        'S' | 'V' => return Some((kind, count.into())),
        'U' => return Some((kind, u64::from(count).saturating_mul(4))),
        _ => &[],
    };
    sizes.contains(&count).then_some((kind, count.into()))
}

/// `(dtype, shape)`
fn block(it: Finished<'_>, base: Value, depth: u32) -> Result<Element, String> {
    let objects = it.objects;
    let wrong = "a dtype of other items than numpy's";
    let Some(&[of, shape]) = objects.tuple(base) else { return Err(wrong.into()) };
    let element = inner(it, of, depth)?;
    let one = [shape];
    let shape = objects.tuple(shape).filter(|shape| shape.len() <= DIMENSIONS).unwrap_or(&one);
    let each = |count: u64, size: &Value| match size {
        Value::Int(size) => count.checked_mul(u64::try_from(*size).ok()?),
        _ => None,
    };
    let count = shape.iter().try_fold(1u64, each);
    let others = shape.iter().filter(|size| **size != Value::Int(0)).try_fold(1u64, each);
    let count = count.filter(|_| others.is_some_and(|others| others <= LARGEST)).ok_or(wrong)?;
    let size = count.checked_mul(element.size).ok_or(wrong)?;
    let leaves = count.checked_mul(element.leaves).ok_or(wrong)?;
    let height = element.height.saturating_add(1);
    // numpy asks for nothing more than a type's own byte order and kind.
    Ok(Element { kind: 'V', size, leaves, names: None, is_block: true, height, ..element })
}

/// A structure, each once: how deep it lies only says sooner that it is too deep.
fn shared_structure(
    it: Finished<'_>,
    names: Value,
    fields: Value,
    size: u64,
    depth: u32,
) -> Result<Element, String> {
    let (Value::Object(of_names), Value::Object(of_fields)) = (names, fields) else {
        return Err("a dtype with other fields than numpy's".into());
    };
    let key = (of_names, of_fields, size);
    let known = it.dtypes.structures.borrow().get(&key).cloned();
    let found = known.unwrap_or_else(|| {
        let found = structure(it, names, fields, size, depth);
        it.dtypes.structures.borrow_mut().insert(key, found.clone());
        found
    });
    // numpy looks at each of its own fields, for each dtype.
    let own = it.objects.tuple(names).map_or(0, |names| names.len() as u64);
    it.dtypes.spend(Cost::new(own.saturating_mul(FIELD), 0));
    found
}

/// `{name: (dtype, offset)}` or with a title as a third; and `names`, the order. A title that is a
/// text is another key of the very same field. There are no other keys: numpy takes and gives
/// objects by the names, and frees only what these lead to.
fn structure(
    it: Finished<'_>,
    names: Value,
    fields: Value,
    size: u64,
    depth: u32,
) -> Result<Element, String> {
    let objects = it.objects;
    let wrong = |what: &str| format!("a dtype {what}");
    let (Some(names), Some(Object::Dict(pairs))) = (objects.tuple(names), objects.get(fields)) else {
        return Err(wrong("with other fields than numpy's"));
    };
    let mut places = BTreeMap::new();
    for &(key, field) in pairs {
        let key = objects.text(key).ok_or_else(|| wrong("with a field that is named by no text"))?;
        if places.insert(key, field).is_some() {
            return Err(wrong("with two fields of one name"));
        }
    }
    let mut parts = Vec::new();
    let (mut flags, mut count, mut leaves, mut height) = (STRUCTURE, 0u64, 0u64, 0);
    for &name in names {
        let name = objects
            .text(name)
            .ok_or_else(|| wrong(&format!("with {} for a field's name", objects.describe(name))))?;
        // Each once: what is taken out is not there for another name.
        let field = places.remove(name).ok_or_else(|| wrong("without a field that it names"))?;
        let (of, offset, title) = match objects.tuple(field) {
            Some(&[of, Value::Int(offset)]) => (of, offset, None),
            Some(&[of, Value::Int(offset), title]) => (of, offset, objects.text(title)),
            _ => return Err(wrong("with another field than numpy's")),
        };
        if let Some(title) = title {
            let same = places.remove(title).is_some_and(|other| is_same_field(objects, field, other));
            if !same {
                return Err(wrong("with a title that is no other name of its field"));
            }
        }
        let element = inner(it, of, depth)?;
        let start = u64::try_from(offset).ok();
        let end = start.and_then(|start| start.checked_add(element.size)).filter(|&end| end <= size);
        let Some((start, end)) = start.zip(end) else {
            return Err(wrong("with a field beyond its end"));
        };
        flags |= element.flags & INHERITED;
        count = count.saturating_add(element.fields.max(1));
        leaves = leaves.saturating_add(element.leaves);
        height = height.max(element.height.saturating_add(1));
        parts.push((start, end, element.has_objects()));
        if count > FIELDS {
            return Err(wrong("of more fields than anybody goes through"));
        }
    }
    if !places.is_empty() {
        return Err(wrong("with a field that it does not name"));
    }
    if has_shared_objects(&mut parts) {
        return Err(wrong("with objects where another field is"));
    }
    Ok(Element {
        kind: 'V',
        size,
        is_big: false,
        flags,
        fields: count,
        names: Some(names.len()),
        leaves,
        is_block: false,
        height,
    })
}

/// Whether two values are one field: the same, or of the same parts.
fn is_same_field(objects: Objects<'_>, one: Value, other: Value) -> bool {
    one == other || objects.tuple(one).is_some_and(|one| objects.tuple(other) == Some(one))
}

/// Whether objects lie where another field, any of those before, has something as well.
fn has_shared_objects(parts: &mut [(u64, u64, bool)]) -> bool {
    parts.sort_unstable();
    // The furthest ends so far, of fields at all and of those with objects: a small field between
    // two that overlap hides nothing.
    let (mut all, mut of_objects) = (0, 0);
    for &(start, end, has_objects) in &*parts {
        if start < end {
            if start < of_objects || has_objects && start < all {
                return true;
            }
            all = all.max(end);
            if has_objects {
                of_objects = of_objects.max(end);
            }
        }
    }
    false
}

fn inner(it: Finished<'_>, dtype: Value, depth: u32) -> Result<Element, String> {
    // Who took it before its state was set saw another one.
    if it.is_changed(dtype) {
        return Err("a dtype that changes after it was used".into());
    }
    let (id, instance) = match (dtype, it.objects.called(dtype)) {
        (Value::Object(id), Some((global, instance)))
            if global.module == "numpy" && global.name == "dtype" =>
        {
            (id, instance)
        }
        _ => return Err("a dtype of what is none".into()),
    };
    let known = it.dtypes.known.borrow().get(&id).cloned();
    let found = known.unwrap_or_else(|| {
        let found = described(it, instance, depth.saturating_add(1));
        it.dtypes.known.borrow_mut().insert(id, found.clone());
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
    let is_time = matches!(kind, 'm' | 'M');
    match more {
        [] => !is_time,
        &[Value::None] => !is_time,
        &[metadata] if is_dict(metadata) => !is_time,
        &[metadata] => match objects.tuple(metadata) {
            Some(&[metadata, unit]) if is_time => {
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

/// Dimensions that numpy 2 knows.
pub(super) const DIMENSIONS: usize = 64;
/// Bytes of an element: numpy counts them in 32 bits.
const LARGEST: u64 = i32::MAX.unsigned_abs() as u64;
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
/// What a field costs whoever makes a dtype of it, in nanoseconds.
const FIELD: u64 = 200;
/// Dtypes in each other. numpy takes as many as it can.
const DEPTH: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_numpy_writes() {
        for (name, kind, size) in [
            ("b1", 'b', 1),
            ("i8", 'i', 8),
            ("f16", 'f', 16),
            ("O8", 'O', 8),
            ("O4", 'O', 8),
            ("S0", 'S', 0),
            ("U3", 'U', 12),
            ("V2147483648", 'V', 1 << 31),
            ("M8", 'M', 8),
        ] {
            assert_eq!(named(name), Some((kind, size)), "{name}");
        }
        for name in [
            "", "?", "?4", "b", "b2", "i3", "i16", "f12", "c24", "O", "O7", "f04", "f+4", "<f4", "f4 ",
            "S-1", "S", "é8",
        ] {
            assert_eq!(named(name), None, "{name}");
        }
    }

    #[test]
    fn nothing_hides_objects_that_other_fields_share() {
        let shared = |parts: &[(u64, u64, bool)]| has_shared_objects(&mut parts.to_vec());
        assert!(!shared(&[]));
        assert!(!shared(&[(0, 8, true), (8, 16, false), (16, 24, true)]));
        // Numbers may share.
        assert!(!shared(&[(0, 8, false), (0, 4, false), (8, 16, true)]));
        // What has no bytes shares none.
        assert!(!shared(&[(0, 8, true), (4, 4, false), (4, 4, true)]));
        for others in [
            &[(0, 24, false), (1, 2, false), (8, 16, true)][..],
            &[(0, 8, true), (7, 9, false)],
            &[(0, 8, true), (0, 8, true)],
            &[(4, 24, false), (0, 8, true), (12, 13, false)],
            &[(0, 100, true), (8, 9, false), (50, 51, false)],
            &[(0, 100, false), (8, 9, false), (50, 58, true)],
        ] {
            assert!(shared(others), "{others:?}");
        }
    }
}
