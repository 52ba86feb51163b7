//! Masked arrays. Source: `MaskedArray.__setstate__` of numpy 1.26 and 2.4.

use alloc::string::String;

use super::array::{self, count, is_mask, is_unmade, whole};
use super::dtype::{self, Element};
use crate::pickle::Value;
use crate::validate::budget::Cost;
use crate::validate::pickle::allowed::row::{Finished, Flaw, expect};

/// `_mareconstruct(MaskedArray, ndarray, (0,), 'b')`: the data and the mask are bytes of its state.
pub(super) fn array(it: Finished<'_>) -> Result<(), String> {
    let objects = it.objects;
    let named =
        |value, names: &[&str]| objects.global(value).is_some_and(|it| names.contains(&it.name.as_str()));
    let (class, base) = match it.args {
        &[class, base, shape, kind] if is_unmade(objects, shape, kind) => (class, base),
        _ => return Err("a masked array of other arguments than numpy's".into()),
    };
    if !named(class, &["MaskedArray", "mvoid"]) || !named(base, &["ndarray"]) {
        return Err("a masked array of another class than numpy's".into());
    }
    let state = it.instance.state.and_then(|state| objects.tuple(state));
    let Some(&[Value::Int(1), shape, kind, Value::Bool(_) | Value::Int(0 | 1), data, mask, fill]) = state
    else {
        return Err("a masked array with another state than numpy's".into());
    };
    let element = whole(it, shape, kind, data)?;
    // numpy makes one element to fill with, and another when it is looked at.
    it.dtypes.spend(Cost::new(element.size.saturating_mul(2), element.size.saturating_mul(4)));
    if named(class, &["mvoid"]) && (element.names.is_none() || count(objects, shape, element.size) != Ok(1)) {
        return Err("a masked structure that is none".into());
    }
    // A byte for each number, also of those in structures.
    let masked = count(objects, shape, element.size)?.checked_mul(element.leaves);
    if !masked.is_some_and(|masked| is_mask(objects, mask, masked)) {
        return Err("a masked array whose mask is another array's".into());
    }
    if fill == Value::None || is_fill(it, fill, kind, element) {
        Ok(())
    } else {
        Err("a masked array that is filled with something else than its elements".into())
    }
}

/// Whether a value is an array of one element that stands for those that are masked.
fn is_fill(it: Finished<'_>, fill: Value, of: Value, element: Element) -> bool {
    let Some((shape, kind, _)) = array::parts(it.objects, fill) else { return false };
    if !matches!(it.objects.tuple(shape), Some([])) {
        return false;
    }
    // Of objects, any: numpy's own is a text.
    kind == of
        || dtype::of(it, kind).is_ok_and(|fill| match (fill.names, element.names) {
            (None, None) => element.kind == 'O' || fill.kind == element.kind,
            (Some(_), Some(_)) => fill == element,
            _ => false,
        })
}

/// `np.ma.masked`, of which there is one.
pub(super) fn constant(it: Finished<'_>) -> Result<(), Flaw> {
    expect(it.args.is_empty(), "it is made of nothing")?;
    it.is_left_alone()
}
