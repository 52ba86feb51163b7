//! Arrays and scalars: their bytes, or objects, are as many as their dtypes and shapes say.

use alloc::borrow::Cow;
use alloc::string::String;

use super::dtype::{self, DIMENSIONS, Element};
use super::filled::are_items;
use crate::pickle::{Object, Value};
use crate::validate::budget::Cost;
use crate::validate::pickle::Objects;
use crate::validate::pickle::allowed::row::Finished;

/// An array is made empty, and takes its elements as bytes or, if they are objects, in a list.
pub(super) fn reconstructed(it: Finished<'_>) -> Result<(), String> {
    let objects = it.objects;
    let class = match it.args {
        &[class, shape, kind] if is_unmade(objects, shape, kind) => array_class(objects, class),
        _ => None,
    };
    let class = class.ok_or("an array of memory that nobody wrote")?;
    let Some(state) = it.instance.state else { return Err("an array that is never filled".into()) };
    let (shape, kind, data) = match objects.tuple(state) {
        Some(&[Value::Int(0 | 1), shape, kind, Value::Bool(_) | Value::Int(0 | 1), data]) => {
            (shape, kind, data)
        }
        Some(&[shape, kind, Value::Bool(_) | Value::Int(0 | 1), data]) => (shape, kind, data),
        _ => return Err("an array with another state than numpy's".into()),
    };
    if class == "matrix" && objects.tuple(shape).is_none_or(|shape| shape.len() != 2) {
        return Err("a matrix of other than two dimensions".into());
    }
    whole(it, shape, kind, data).map(drop)
}

fn array_class(objects: Objects<'_>, class: Value) -> Option<&str> {
    let class =
        objects.global(class).filter(|class| matches!(class.module.as_str(), "numpy" | "numpy.rec"))?;
    Some(class.name.as_str()).filter(|name| matches!(*name, "ndarray" | "matrix" | "recarray"))
}

/// `(0,), b'b'`: an array of nothing, for now.
pub(super) fn is_unmade(objects: Objects<'_>, shape: Value, kind: Value) -> bool {
    let byte = objects.text(kind) == Some("b") || objects.bytes(kind).as_deref() == Some(b"b");
    byte && matches!(objects.tuple(shape), Some([Value::Int(0)]))
}

/// The type of the elements, if these are those of the type and the shape. numpy copies no
/// bytearray.
pub(super) fn whole(it: Finished<'_>, shape: Value, kind: Value, data: Value) -> Result<Element, String> {
    if matches!(it.objects.get(data), Some(Object::ByteArray(_))) {
        return Err("an array of bytes that can change".into());
    }
    filled(it, shape, kind, data)
}

/// The same, where they may be in a bytearray: a buffer is one.
fn filled(it: Finished<'_>, shape: Value, kind: Value, data: Value) -> Result<Element, String> {
    let objects = it.objects;
    if !it.instance.items.is_empty() || !it.instance.pairs.is_empty() {
        return Err("an array whose items are set one by one".into());
    }
    let element = dtype::of(it, kind)?;
    let count = count(objects, shape, element.size)?;
    let fits = match objects.get(data) {
        Some(Object::List(items)) if element.has_objects() => {
            it.dtypes.spend(filling(element, count));
            items.len() as u64 == count && are_items(it, kind, items)?
        }
        _ if element.has_objects() => false,
        _ => is_of(objects, data, element, count),
    };
    if fits { Ok(element) } else { Err("an array whose elements are others than its dtype's".into()) }
}

/// What it costs to fill an array of structures from a list: an item is some bytes of the file, or
/// the same as another, whatever its element takes.
fn filling(element: Element, count: u64) -> Cost {
    let bytes = count.saturating_mul(element.size);
    let fields = count.saturating_mul(element.fields);
    match element.names {
        Some(_) => Cost::new(fields.saturating_mul(FIELD).saturating_add(bytes.saturating_mul(2)), bytes),
        None => Cost::default(),
    }
}

/// How many elements a shape has. Where the file has no bytes for them, sizes are bounded by
/// themselves: whoever makes rows or columns of them makes as many as they say.
pub(super) fn count(objects: Objects<'_>, shape: Value, size: u64) -> Result<u64, String> {
    let sizes = objects.tuple(shape).ok_or("an array without a shape")?;
    let each = |count: u64, size: &Value| match size {
        Value::Int(size) => count.checked_mul(u64::try_from(*size).ok()?),
        _ => None,
    };
    let wrong = || "an array of a shape that cannot be".into();
    if sizes.len() > DIMENSIONS {
        return Err(wrong());
    }
    let count = sizes.iter().try_fold(1u64, each).ok_or_else(wrong)?;
    // Zeros hide sizes that cannot be multiplied.
    let others = sizes.iter().filter(|size| **size != Value::Int(0)).try_fold(1u64, each);
    let rows = sizes.iter().take_while(|size| **size != Value::Int(0)).try_fold(1u64, each);
    let (others, rows) = others.zip(rows).ok_or_else(wrong)?;
    let fits = if count == 0 || size == 0 { rows <= ROWS && others <= NOTHING } else { others < 1 << 48 };
    if fits { Ok(count) } else { Err(wrong()) }
}

/// `_frombuffer(bytes, dtype, shape, order)`, as protocol 5 has it, and since numpy 2.4 for axes in
/// any order `_frombuffer(bytes, dtype, shape, 'K', axes)`.
pub(super) fn buffer(it: Finished<'_>) -> Result<(), String> {
    let objects = it.objects;
    let (data, kind, shape) = match *it.args {
        [data, kind, shape, order] if matches!(objects.text(order), Some("C" | "F")) => (data, kind, shape),
        [data, kind, shape, order, axes]
            if objects.text(order) == Some("K") && is_permutation(objects, axes, shape) =>
        {
            (data, kind, shape)
        }
        _ => return Err("an array of other arguments than numpy's".into()),
    };
    if it.instance.state.is_some() {
        return Err("an array of bytes that takes a state".into());
    }
    let bytes = matches!(objects.get(data), Some(Object::Bytes(_) | Object::ByteArray(_)));
    if !bytes || it.is_changed(data) {
        return Err("an array of other memory than bytes".into());
    }
    let element = filled(it, shape, kind, data)?;
    // numpy makes none of nothing.
    if element.size == 0 { Err("an array of elements without bytes".into()) } else { Ok(()) }
}

/// Whether some axes are those of a shape, each once.
fn is_permutation(objects: Objects<'_>, axes: Value, shape: Value) -> bool {
    let (Some(axes), Some(shape)) = (objects.tuple(axes), objects.tuple(shape)) else { return false };
    if axes.len() != shape.len() || axes.len() > DIMENSIONS {
        return false;
    }
    let mut seen = 0u64;
    for axis in axes {
        let &Value::Int(axis) = axis else { return false };
        let bit = u32::try_from(axis).ok().and_then(|axis| 1u64.checked_shl(axis));
        match bit {
            Some(bit) if seen & bit == 0 => seen |= bit,
            _ => return false,
        }
    }
    seen.trailing_ones() as usize == axes.len()
}

/// A scalar is the bytes of one element, of a type that has no objects.
pub(super) fn scalar(it: Finished<'_>) -> Result<(), String> {
    let (&[kind, data], None) = (it.args, it.instance.state) else {
        return Err("a scalar of other arguments than numpy's".into());
    };
    let element = dtype::of(it, kind)?;
    let alone = it.instance.items.is_empty() && it.instance.pairs.is_empty();
    let is_bytes = !matches!(it.objects.get(data), Some(Object::ByteArray(_)));
    if element.has_objects() || !alone || !is_bytes || !is_of(it.objects, data, element, 1) {
        return Err("a scalar whose bytes are others than its dtype's".into());
    }
    Ok(())
}

/// The shape, the dtype and the data of a value that is an array.
pub(in super::super) fn parts(objects: Objects<'_>, value: Value) -> Option<(Value, Value, Value)> {
    let (global, instance) = objects.called(value)?;
    let args = instance.args.and_then(|args| objects.tuple(args)).unwrap_or_default();
    let state = instance.state.and_then(|state| objects.tuple(state)).unwrap_or_default();
    match (global.name.as_str(), args, state) {
        ("_frombuffer", &[data, dtype, shape, ..], _) => Some((shape, dtype, data)),
        ("_reconstruct", _, &[_, shape, dtype, _, data] | &[shape, dtype, _, data]) => {
            Some((shape, dtype, data))
        }
        _ => None,
    }
}

/// Where the elements of an array of numbers are, and the bytes of each.
pub(in crate::validate::pickle) fn stored(objects: Objects<'_>, value: Value) -> Option<(Value, u64)> {
    let (_, dtype, data) = parts(objects, value)?;
    let (name, _) = kind(objects, dtype)?;
    Some((data, name.get(1..)?.parse().ok()?))
}

/// The name and the byte order of a dtype.
fn kind(objects: Objects<'_>, dtype: Value) -> Option<(&str, &str)> {
    let (_, dtype) = objects.called(dtype)?;
    let name = dtype.args.and_then(|args| objects.tuple(args))?.first().copied()?;
    let order = dtype.state.and_then(|state| objects.tuple(state))?.get(1).copied()?;
    objects.text(name).zip(objects.text(order))
}

/// Whether a value is an array of so many numbers of a kind: `u4`.
pub(in super::super) fn is_array(objects: Objects<'_>, value: Value, name: &str, length: usize) -> bool {
    let Some((shape, dtype, _)) = parts(objects, value) else { return false };
    kind(objects, dtype).is_some_and(|(found, _)| found == name)
        && matches!(objects.tuple(shape), Some(&[Value::Int(size)]) if usize::try_from(size) == Ok(length))
}

/// The bytes of an array of numbers, as they are in memory.
pub(in super::super) fn bytes_of(objects: Objects<'_>, value: Value) -> Option<(Cow<'_, [u8]>, bool)> {
    let (_, dtype, data) = parts(objects, value)?;
    let (_, order) = kind(objects, dtype)?;
    Some((short(objects, data, WORDS)?, order == ">"))
}

/// The bytes of a value if they are so few. Many may share it: what is longer is not decoded
/// again and again.
pub(in super::super) fn short(objects: Objects<'_>, data: Value, most: usize) -> Option<Cow<'_, [u8]>> {
    let encoded = |data| {
        let args = objects.instance(data)?.args.and_then(|args| objects.tuple(args))?;
        objects.text(args.first().copied()?)
    };
    // A character of Latin-1 is two bytes of UTF-8 at most.
    let text = objects.text(data).or_else(|| encoded(data)).unwrap_or_default();
    let is_short = text.len() <= most.saturating_mul(2);
    raw(objects, Some(data).filter(|_| is_short)?).filter(|bytes| bytes.len() <= most)
}

/// Whether torch makes a tensor of an array: of numbers that it knows, in the order of most machines.
pub(in super::super) fn is_for_torch(objects: Objects<'_>, value: Value) -> bool {
    let Some((_, dtype, _)) = parts(objects, value) else { return false };
    matches!(kind(objects, dtype), Some((name, "<" | "|")) if TORCH.contains(&name))
}

/// Whether torch makes a tensor of an array whose memory is its own. One of `_frombuffer` has the
/// memory of what it is given: a tensor writes into bytes, which nothing else may change, and those
/// of one byte are the same for a whole process.
pub(in crate::validate::pickle) fn is_own(objects: Objects<'_>, value: Value) -> bool {
    let is_buffer = objects.called(value).is_some_and(|(global, _)| global.name == "_frombuffer");
    let is_bytes = |data| !matches!(objects.get(data), Some(Object::ByteArray(_)));
    let shares = is_buffer && parts(objects, value).is_none_or(|(_, _, data)| is_bytes(data));
    !shares && is_for_torch(objects, value)
}

/// Bytes, and a text of Latin-1 as Python 2 wrote them at protocol 0.
fn raw(objects: Objects<'_>, data: Value) -> Option<Cow<'_, [u8]>> {
    match (objects.get(data), objects.text(data)) {
        (Some(Object::ByteArray(bytes)), _) => Some(Cow::Borrowed(bytes)),
        (_, Some(text)) => text.chars().map(|c| u8::try_from(c).ok()).collect::<Option<_>>().map(Cow::Owned),
        _ => objects.bytes(data),
    }
}

/// Whether a value is the bytes of so many elements. Only where an array is made of a buffer may
/// they be a bytearray.
fn is_of(objects: Objects<'_>, data: Value, element: Element, count: u64) -> bool {
    let Some(size) = count.checked_mul(element.size) else { return false };
    raw(objects, data).is_some_and(|bytes| {
        let fits = match element.kind {
            'U' => is_text(&bytes, element.is_big),
            // Operations disagree on what is neither true nor false.
            'b' => bytes.iter().all(|&byte| byte <= 1),
            _ => true,
        };
        bytes.len() as u64 == size && fits
    })
}

/// Whether a value is so many bytes that are true or false.
pub(super) fn is_mask(objects: Objects<'_>, data: Value, count: u64) -> bool {
    let is_bytes = !matches!(objects.get(data), Some(Object::ByteArray(_)));
    is_bytes
        && raw(objects, data)
            .is_some_and(|bytes| bytes.len() as u64 == count && bytes.iter().all(|&byte| byte <= 1))
}

/// Whether bytes are characters of four bytes each. numpy believes it, and whoever reads one that
/// is none fails.
fn is_text(bytes: &[u8], is_big: bool) -> bool {
    let (characters, rest) = bytes.as_chunks::<4>();
    let read = |bytes: &[u8; 4]| if is_big { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) };
    rest.is_empty() && characters.iter().all(|bytes| read(bytes) <= 0x10_ffff)
}

/// What torch 2.3 and later make tensors of.
#[rustfmt::skip]
const TORCH: &[&str] = &[
    "b1", "c16", "c8", "f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8",
];

/// Bytes of the words of the largest generator, each of eight.
const WORDS: usize = 624 * 8;
/// What setting a field costs, in nanoseconds.
const FIELD: u64 = 1_000;
/// Rows, or elements, that have no bytes.
const ROWS: u64 = 1 << 24;
/// Sizes of an array of nothing, multiplied.
const NOTHING: u64 = 1 << 32;

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn shape(sizes: &[i64]) -> Object {
        Object::Tuple(sizes.iter().map(|&size| Value::Int(size)).collect())
    }

    #[test]
    fn sizes_are_bounded_where_no_bytes_are() {
        let count = |sizes: &[i64], size| count(Objects(&[shape(sizes)]), Value::Object(0), size).ok();
        for (sizes, size, expected) in [
            (&[][..], 4, Some(1)),
            (&[2, 3], 4, Some(6)),
            (&[1 << 40], 1, Some(1 << 40)),
            (&[1 << 40], 0, None),
            (&[1 << 24], 0, Some(1 << 24)),
            (&[1 << 24, 0], 4, Some(0)),
            (&[(1 << 24) + 1, 0], 4, None),
            (&[1 << 12, 1 << 13, 0], 4, None),
            (&[0, 1 << 30], 4, Some(0)),
            (&[0, 1 << 40], 4, None),
            (&[0, i64::MAX, i64::MAX], 4, None),
            (&[-1], 4, None),
        ] {
            assert_eq!(count(sizes, size), expected, "{sizes:?} of {size}");
        }
        assert_eq!(count(&[1; 64], 1), Some(1));
        assert_eq!(count(&[1; 65], 1), None);
    }

    #[test]
    fn axes_come_once_each() {
        let is = |axes: &[i64], sizes: &[i64]| {
            is_permutation(Objects(&[shape(axes), shape(sizes)]), Value::Object(0), Value::Object(1))
        };
        assert!(is(&[1, 0, 2], &[2, 3, 4]) && is(&[], &[]));
        let all: Vec<i64> = (0..64).rev().collect();
        assert!(is(&all, &[1; 64]));
        for axes in
            [&[0, 0, 2][..], &[0, 1], &[0, 1, 3], &[0, 1, -1], &[0, 1, 64], &[0, 1, 2, 3], &[0, 1, i64::MAX]]
        {
            assert!(!is(axes, &[2, 3, 4]), "{axes:?}");
        }
    }

    #[test]
    fn texts_are_characters() {
        let is = |number: u32| (is_text(&number.to_le_bytes(), false), is_text(&number.to_be_bytes(), true));
        assert_eq!(is(0x10_ffff), (true, true));
        // numpy makes texts of lone surrogates.
        assert_eq!(is(0xd800), (true, true));
        assert_eq!(is(0x11_0000), (false, false));
        assert!(is_text(&[], false) && !is_text(&[0; 6], false));
    }
}
