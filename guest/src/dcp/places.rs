//! Whether items lie in bytes of their own.

use alloc::format;
use alloc::vec::Vec;

use super::{About, Flaws, Form, Metadata};
use crate::show;

/// Checks all files, and tells those that are safetensors apart: of an item in one the metadata
/// says that it starts at 0 and how many bytes its elements have, which no archive has so few of.
pub(super) fn check(metadata: &mut Metadata, flaws: &mut Flaws) {
    let mut plain = Vec::new();
    plain.resize(metadata.files.len(), true);
    for item in &metadata.items {
        let bytes = metadata.part(item).and_then(|(dtype, sizes)| {
            let elements = sizes.iter().try_fold(1u64, |all, &size| all.checked_mul(size))?;
            dtype.bytes(elements)
        });
        let is_plain =
            item.range.offset == 0 && bytes == Some(item.range.length) && item.form == Form::Archive;
        if let Some(plain) = plain.get_mut(item.file) {
            *plain &= is_plain;
        }
    }
    for item in &mut metadata.items {
        if plain.get(item.file) == Some(&true) {
            item.form = Form::Safetensors;
        }
    }
    let mut items: Vec<_> = metadata.items.iter().filter(|item| item.form != Form::Safetensors).collect();
    items.sort_by_key(|item| (item.file, item.range.offset));
    for pair in items.windows(2) {
        let &[one, other] = pair else { continue };
        let end = one.range.end().unwrap_or(u64::MAX);
        if one.file == other.file && other.range.offset < end {
            let name = |item| show::name(metadata.name(item));
            flaws.add(About::Place, 0, || {
                let (first, second) = (name(one), name(other));
                let (at, file) = (other.range.offset, show::name(metadata.file(one)));
                format!("{second} at {at} of {file} starts before {first} ends, at {end}")
            });
        }
    }
}
