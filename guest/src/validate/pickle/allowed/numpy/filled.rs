//! What an array with objects is filled from: a list of items, which numpy makes into elements, field
//! by field. A field that is a number takes whatever gives one: a text of any length, or what a
//! method of an object says; a field that is a text takes what `str` says of anything. So each
//! value is of the kind that `tolist` gives for its field.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use super::array::{parts, stored};
use super::dtype::{self, Element};
use crate::pickle::{Object, Value};
use crate::validate::pickle::Objects;
use crate::validate::pickle::allowed::row::Finished;

/// A type, and those that it is made of.
struct Field {
    element: Element,
    inner: Vec<Self>,
}

/// Whether items may be the elements of a type that has objects.
pub(super) fn are_items(it: Finished<'_>, dtype: Value, items: &[Value]) -> Result<bool, String> {
    if items.is_empty() {
        return Ok(true);
    }
    // Many arrays may have one list, which is gone through for each.
    if it.dtypes.is_spent() {
        return Err("arrays of more fields than anybody fills".into());
    }
    let field = field(it, dtype, dtype::of(it, dtype)?)?;
    if !field.is_structure() {
        return Ok(true);
    }
    // Many items may be one tuple.
    let mut seen = BTreeSet::new();
    let new = |item: &&Value| !matches!(item, Value::Object(id) if !seen.insert(*id));
    Ok(items.iter().filter(new).all(|&item| field.takes(it.objects, item)))
}

fn field(it: Finished<'_>, dtype: Value, element: Element) -> Result<Field, String> {
    let mut inner = Vec::new();
    for (of, element) in dtype::fields(it, dtype)? {
        inner.push(field(it, of, element)?);
    }
    Ok(Field { element, inner })
}

impl Field {
    fn is_structure(&self) -> bool {
        self.element.names.is_some()
    }

    /// Whether a value is what `tolist` gives.
    fn takes(&self, objects: Objects<'_>, value: Value) -> bool {
        let element = self.element;
        if self.is_structure() {
            let Some(items) = objects.tuple(value) else { return false };
            return items.len() == self.inner.len()
                && self.inner.iter().zip(items).all(|(field, &item)| field.takes(objects, item));
        }
        if element.is_block {
            return self.takes_block(objects, value);
        }
        let scalar = || objects.called(value).is_some_and(|(global, _)| global.name == "scalar");
        let bytes = || objects.bytes(value).is_some_and(|bytes| bytes.len() as u64 <= element.size);
        match element.kind {
            'O' => true,
            'b' => matches!(value, Value::Bool(_)),
            'i' | 'u' => matches!(value, Value::Int(_)) || is_big_int(objects, value) || scalar(),
            'f' => matches!(value, Value::Float(_) | Value::Int(_)) || scalar(),
            'c' => objects.called(value).is_some_and(|(global, _)| global.name == "complex") || scalar(),
            'U' => objects.text(value).is_some_and(|text| text.len() as u64 <= element.size),
            'S' | 'V' => bytes(),
            'm' | 'M' => {
                matches!(value, Value::Int(_) | Value::None)
                    || objects.called(value).is_some_and(|(global, _)| global.module == "datetime")
            }
            _ => false,
        }
    }

    /// A block is an array of its own: of as many bytes, or of objects.
    fn takes_block(&self, objects: Objects<'_>, value: Value) -> bool {
        let Some((_, _, data)) = parts(objects, value) else { return false };
        match objects.get(data) {
            Some(Object::List(items)) => {
                let flat = self.inner.first();
                items.len() as u64 <= self.element.leaves
                    && flat.is_some_and(|of| items.iter().all(|&item| of.takes(objects, item)))
            }
            _ => stored(objects, value).is_some() && bytes_of(objects, data) == Some(self.element.size),
        }
    }
}

fn is_big_int(objects: Objects<'_>, value: Value) -> bool {
    matches!(objects.get(value), Some(Object::BigInt(digits)) if digits.len() <= 9)
}

fn bytes_of(objects: Objects<'_>, data: Value) -> Option<u64> {
    match objects.get(data) {
        Some(Object::ByteArray(bytes)) => Some(bytes.len() as u64),
        _ => Some(objects.bytes(data)?.len() as u64),
    }
}
