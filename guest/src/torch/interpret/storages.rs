//! Persistent ids: the storages of a pickle.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::NamedStorage;
use super::context::Context;
use super::draft::Draft;
use super::flaw::{About, Flaw};
use crate::dtype::DType;
use crate::model::{Construct, Node, StorageId};
use crate::pickle::{Instance, Loaded, ObjectId, Value};
use crate::{Error, show};

/// The storages met so far.
#[derive(Debug, Default)]
pub(super) struct Storages<'g> {
    table: Vec<Entry>,
    by_key: BTreeMap<&'g str, StorageId>,
    /// Views by key, as old legacy streams have them, and what they look at.
    views: BTreeMap<&'g str, View>,
    /// Those that calls make of the bytes of a file.
    loaded: BTreeMap<ObjectId, StorageId>,
}

/// A reference to a storage, or to a view of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reference {
    /// The storage.
    pub(super) id: StorageId,
    /// The element type its class says; None for an `UntypedStorage`.
    pub(super) dtype: Option<DType>,
    /// Bytes of the storage before the view.
    pub(super) start: u64,
    /// Bytes of the view.
    pub(super) length: u64,
}

#[derive(Debug)]
struct Entry {
    storage: NamedStorage,
    /// The width of its numbers as its users see them, 0 if they disagree.
    width: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct View {
    id: StorageId,
    start: u64,
    length: u64,
}

/// `('storage', class, key, location, numel)`, taken apart.
struct Id<'g> {
    dtype: Option<DType>,
    key: &'g str,
    location: &'g str,
    elements: u64,
    length: u64,
    view: Option<Value>,
}

impl Id<'_> {
    /// The element type. torch takes an `UntypedStorage` for bytes.
    fn element(&self) -> DType {
        self.dtype.unwrap_or(DType::UInt8)
    }
}

impl<'g> Storages<'g> {
    /// Notes the width of the numbers that a user of a storage sees in it.
    pub(super) fn note(&mut self, id: StorageId, width: u8) {
        let entry = usize::try_from(id).ok().and_then(|id| self.table.get_mut(id));
        if let Some(entry) = entry {
            let agreed = entry.width.is_none_or(|known| known == width);
            entry.width = Some(if agreed { width } else { 0 });
        }
    }

    /// The storages, in the order they were met.
    pub(super) fn finish(self) -> Vec<NamedStorage> {
        let named = |entry: Entry| NamedStorage { swap_width: entry.width.unwrap_or(1), ..entry.storage };
        self.table.into_iter().map(named).collect()
    }

    /// The number of a storage: a new one, or the one known under this key.
    fn number(&mut self, id: &Id<'g>, offset: u64) -> Result<StorageId, Flaw> {
        let Some(&known) = self.by_key.get(id.key) else {
            return self.add(id, offset);
        };
        let mut entry = usize::try_from(known).ok().and_then(|known| self.table.get_mut(known));
        if let Some(storage) = entry.as_mut().map(|entry| &mut entry.storage)
            && storage.dtype != id.element()
        {
            storage.other = Some(id.element());
        }
        let agreed =
            entry.as_ref().is_none_or(|e| e.storage.length == id.length && e.storage.location == id.location);
        if agreed {
            return Ok(known);
        }
        let (length, location) = entry.map_or((0, ""), |e| (e.storage.length, e.storage.location.as_str()));
        Err(Flaw::storage(
            offset,
            format!("storage {} of {length} bytes on {}", show::name(id.key), show::name(location)),
            format!("one of {} bytes on {}", id.length, show::name(id.location)),
        ))
    }

    fn add(&mut self, id: &Id<'g>, offset: u64) -> Result<StorageId, Flaw> {
        if self.views.contains_key(id.key) {
            return Err(Flaw::storage(offset, "a storage", format!("{}, a view's key", show::name(id.key))));
        }
        let number = u32::try_from(self.table.len())
            .map_err(|_| Error::limit(offset, "nodes", u64::from(u32::MAX)))?;
        let (key, location) = (id.key.to_owned(), id.location.to_owned());
        let (elements, length) = (id.elements, id.length);
        let (dtype, other) = (id.element(), None);
        let (swap_width, loaded) = (1, None);
        let storage =
            NamedStorage { key, location, elements, length, swap_width, dtype, other, offset, loaded };
        self.table.push(Entry { storage, width: None });
        self.by_key.insert(id.key, number);
        Ok(number)
    }

    /// The number of a storage that a call makes, which is another one for each call.
    fn loaded(&mut self, call: ObjectId, loaded: &Loaded, offset: u64) -> Result<StorageId, Flaw> {
        if let Some(&known) = self.loaded.get(&call) {
            return Ok(known);
        }
        let number = u32::try_from(self.table.len())
            .map_err(|_| Error::limit(offset, "nodes", u64::from(u32::MAX)))?;
        let &Loaded { dtype, elements, length, .. } = loaded;
        // The file in the pickle says where it was; what it says is judged there.
        let (key, location) = (format!("loaded by call {call}"), String::from("cpu"));
        let (swap_width, other, loaded) = (1, None, Some(call));
        let storage =
            NamedStorage { key, location, elements, length, swap_width, dtype, other, offset, loaded };
        self.table.push(Entry { storage, width: None });
        self.loaded.insert(call, number);
        Ok(number)
    }

    /// Notes a view. torch looks views up by key alone, so two that differ
    /// under one key would mean one thing here and another there.
    fn view(&mut self, key: &'g str, view: View, offset: u64) -> Result<(), Flaw> {
        let known = *self.views.entry(key).or_insert(view);
        if known == view && !self.by_key.contains_key(key) {
            return Ok(());
        }
        Err(Flaw::storage(
            offset,
            "one storage or view under each key",
            format!("two under {}", show::name(key)),
        ))
    }
}

/// A storage that is a value of its own, outside any tensor.
pub(super) fn leaf<'g>(context: &mut Context<'g>, instance: &'g Instance) -> Result<Option<Draft<'g>>, Flaw> {
    if !instance.is_bare() {
        return Ok(None);
    }
    let Some(reference) = persistent(context, instance)? else { return Ok(None) };
    if let Some(dtype) = reference.dtype {
        context.storages.note(reference.id, dtype.swap_width());
    }
    let whole = whole_length(context, reference.id);
    // To torch it is one like any other.
    if context.exact && (reference.start, reference.length) != (0, whole) {
        let found = format!("a view of {} of its {whole} bytes, by itself", reference.length);
        return Err(Error::unsupported(instance.offset, "", "a whole storage", found).into());
    }
    Ok(Some(Draft::leaf(Node::Storage { storage: reference.id, dtype: reference.dtype })))
}

/// The storage a tensor is rebuilt on.
pub(super) fn reference(context: &mut Context<'_>, value: Value, offset: u64) -> Result<Reference, Flaw> {
    let reference = match (context.instance(value), value) {
        (Some(instance), _) if instance.construct == Construct::Persistent && instance.is_bare() => {
            persistent(context, instance)?
        }
        (Some(instance), Value::Object(id)) if instance.is_bare() => loaded(context, id, offset)?,
        _ => None,
    };
    context.take_part(value);
    reference.ok_or_else(|| Flaw::storage(offset, "a storage", context.describe(value)))
}

/// The same for a call that makes a storage of the bytes of a file.
pub(super) fn loaded_leaf<'g>(
    context: &mut Context<'g>,
    id: ObjectId,
    offset: u64,
) -> Result<Option<Draft<'g>>, Flaw> {
    let Some(reference) = loaded(context, id, offset)? else { return Ok(None) };
    Ok(Some(Draft::leaf(Node::Storage { storage: reference.id, dtype: reference.dtype })))
}

/// The storage that a call makes of the bytes of a file, if somebody has looked into that.
fn loaded(context: &mut Context<'_>, id: ObjectId, offset: u64) -> Result<Option<Reference>, Flaw> {
    let Some(loaded) = context.loaded(id) else { return Ok(None) };
    let number = context.storages.loaded(id, loaded, offset)?;
    Ok(Some(Reference { id: number, dtype: Some(loaded.dtype), start: 0, length: loaded.length }))
}

/// What a persistent id refers to, if it is a storage's.
fn persistent<'g>(context: &mut Context<'g>, instance: &'g Instance) -> Result<Option<Reference>, Flaw> {
    let Some(&[tag, ref rest @ ..]) = context.tuple(instance.callable) else { return Ok(None) };
    if context.text(tag) != Some("storage") {
        return Ok(None);
    }
    let offset = instance.offset;
    let (&[class, key, location, numel], view) = (match rest {
        [id @ .., view] if id.len() == 4 => (id, Some(*view)),
        id => (id, None),
    }) else {
        let found = format!("{} parts", rest.len().saturating_add(1));
        return Err(Flaw::storage(offset, "a storage's id of 5 or 6 parts", found));
    };
    let id = parse(context, [class, key, location, numel], view, offset)?;
    context.share(tag);
    context.share(location);
    // Every reference compares both with what is known under the key.
    name(id.key, "a storage's key", offset)?;
    name(id.location, "a storage's location", offset)?;
    let number = context.storages.number(&id, offset)?;
    let whole = Reference { id: number, dtype: id.dtype, start: 0, length: id.length };
    match id.view {
        None | Some(Value::None) => Ok(Some(whole)),
        Some(view) => self::view(context, whole, view, offset).map(Some),
    }
}

fn parse<'g>(
    context: &Context<'g>,
    [class, key, location, numel]: [Value; 4],
    view: Option<Value>,
    offset: u64,
) -> Result<Id<'g>, Flaw> {
    let wrong = |expected: &str, value| Flaw::storage(offset, expected, context.describe(value));
    let dtype = storage_class(context, class).ok_or_else(|| wrong("a storage class of torch", class))?;
    let key = context.text(key).ok_or_else(|| wrong("a storage's key, a str", key))?;
    let location = context.text(location).ok_or_else(|| wrong("a storage's location, a str", location))?;
    let elements = natural(numel).ok_or_else(|| wrong("a storage's element count", numel))?;
    let length = elements.checked_mul(element_size(dtype)).filter(|&length| i64::try_from(length).is_ok());
    let length = length.ok_or_else(|| {
        let name = dtype.map_or("uint8", DType::name);
        Flaw::storage(offset, "a storage of less than 2^63 bytes", format!("{elements} elements of {name}"))
    })?;
    Ok(Id { dtype, key, location, elements, length, view })
}

/// `(key, offset, size)`: a view as torch before 0.4 saved it, in elements.
fn view<'g>(
    context: &mut Context<'g>,
    whole: Reference,
    view: Value,
    offset: u64,
) -> Result<Reference, Flaw> {
    let wrong =
        |expected: String, context: &Context<'_>| Flaw::storage(offset, expected, context.describe(view));
    let expected = "a view's key, offset and size";
    let Some(&[key, start, size]) = context.tuple(view) else { return Err(wrong(expected.into(), context)) };
    let (Some(key), Some(first), Some(count)) = (context.text(key), natural(start), natural(size)) else {
        return Err(wrong(expected.into(), context));
    };
    name(key, "a view's key", offset)?;
    let width = element_size(whole.dtype);
    let bytes = first.checked_mul(width).zip(count.checked_mul(width));
    let inside =
        |&(start, length): &(u64, u64)| start.checked_add(length).is_some_and(|end| end <= whole.length);
    let Some((start, length)) = bytes.filter(inside) else {
        return Err(Flaw::new(
            About::Extent,
            offset,
            format!("a view inside its storage of {} bytes", whole.length),
            format!("{count} elements of {width} bytes from element {first}"),
        ));
    };
    context.storages.view(key, View { id: whole.id, start, length }, offset)?;
    Ok(Reference { start, length, ..whole })
}

/// Refuses a long name. A tensor takes five bytes of pickle, and would have the
/// same long name compared once more, or copied for one more storage.
fn name(name: &str, what: &str, offset: u64) -> Result<(), Flaw> {
    if name.len() <= NAME_BYTES {
        return Ok(());
    }
    let expected = format!("{what} of at most {NAME_BYTES} bytes");
    Err(Error::unsupported(offset, "", expected, format!("one of {}", name.len())).into())
}

/// torch's keys and locations have a few characters.
const NAME_BYTES: usize = 1024;

/// The element type of a storage class; `Some(None)` for the untyped one.
/// The class of a CUDA storage was written under `torch.cuda` once, and the
/// untyped one under several names.
#[expect(clippy::option_option, reason = "not a class, an untyped class, a typed class")]
fn storage_class(context: &Context<'_>, value: Value) -> Option<Option<DType>> {
    let global = context.global(value)?;
    if !matches!(global.module.as_str(), "torch" | "torch.storage" | "torch.cuda") {
        return None;
    }
    match global.name.strip_suffix("Storage")? {
        "Untyped" | "_Untyped" => Some(None),
        name => DType::from_storage_class(name).map(Some),
    }
}

/// Bytes of one element of a storage. torch packs 2- and 4-bit numbers in its
/// kernels only: their storages count bytes.
fn element_size(dtype: Option<DType>) -> u64 {
    dtype.map_or(1, |dtype| dtype.bits().div_ceil(8))
}

fn whole_length(context: &Context<'_>, id: StorageId) -> u64 {
    let entry = usize::try_from(id).ok().and_then(|id| context.storages.table.get(id));
    entry.map_or(0, |entry| entry.storage.length)
}

/// An `int` that is not negative.
pub(super) fn natural(value: Value) -> Option<u64> {
    match value {
        Value::Int(int) => u64::try_from(int).ok(),
        _ => None,
    }
}
