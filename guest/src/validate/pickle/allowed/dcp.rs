//! The classes of a distributed checkpoint's `.metadata`. Sources: `checkpoint/metadata.py`,
//! `checkpoint/filesystem.py` and `_shard/sharded_tensor/metadata.py` of torch 2.0 to 2.15.
//!
//! All are dataclasses that `pickle` makes with `__new__` and fills with one dict; what that does
//! is known for the fields that they have, and for plain data in them.

use super::row::{Finished, Flaw, Row, expect};
use super::{Entry, Means, entry};
use crate::pickle::{Object, Value};
use crate::show;
use crate::validate::pickle::Objects;
use crate::validate::pickle::argument::DTYPE;
use crate::validate::pickle::cost::{Keyed, Work};

pub(super) static TABLE: &[Entry] = &[
    entry(METADATA, &["Metadata"], Means::Object(Row::new(Work::Python, Keyed::Never, metadata).keeping())),
    entry(METADATA, &["TensorStorageMetadata"], Means::Object(Row::new(Work::Python, Keyed::Never, tensor))),
    entry(METADATA, &["ChunkStorageMetadata"], Means::Object(Row::new(Work::Python, Keyed::Never, chunk))),
    entry(METADATA, &["BytesStorageMetadata"], Means::Object(Row::new(Work::Python, Keyed::Never, bytes))),
    entry(METADATA, &["MetadataIndex"], Means::Object(Row::new(Work::Python, Keyed::Index, index))),
    entry(METADATA, &["StorageMeta"], Means::Object(Row::new(Work::Python, Keyed::Never, storage_meta))),
    entry(METADATA, &["TensorProperties"], Means::Object(Row::new(Work::Python, Keyed::Never, properties))),
    entry(SHARDED, &["TensorProperties"], Means::Object(Row::new(Work::Python, Keyed::Never, properties))),
    entry(METADATA, &["_MEM_FORMAT_ENCODING"], Means::Object(Row::call(Work::Python, memory_format))),
    entry(SHARDED, &["MEM_FORMAT_ENCODING"], Means::Object(Row::call(Work::Python, memory_format))),
    entry(FILESYSTEM, &["_StorageInfo"], Means::Object(Row::new(Work::Python, Keyed::Never, storage_info))),
];

const METADATA: &[&str] = &["torch.distributed.checkpoint.metadata"];
const SHARDED: &[&str] = &["torch.distributed._shard.sharded_tensor.metadata"];
const FILESYSTEM: &[&str] = &["torch.distributed.checkpoint.filesystem"];

/// A field: its name, whether it may be absent, and whether a value is one for it.
type Field = (&'static str, bool, fn(Objects<'_>, Value) -> bool);

/// Whether an object was made of nothing and given these fields and no others, each once.
fn fields(it: Finished<'_>, fields: &[Field]) -> Result<(), Flaw> {
    expect(it.args.is_empty(), "it is made of nothing")?;
    it.has_no_items()?;
    let pairs = it.state_dict()?;
    // The object has what the dict held then, and not what it holds now.
    let is_kept = !it.instance.state.is_some_and(|state| it.is_changed(state));
    expect(is_kept, "its fields are changed after it took them")?;
    for (at, &(key, value)) in pairs.iter().enumerate() {
        let Some(name) = it.objects.text(key) else { return Err(Flaw::odd("a field's name is a str")) };
        let shown = || show::name(name);
        if name.starts_with("__") {
            return Err(Flaw::active(alloc::format!("the field {} does more than hold data", shown())));
        }
        let Some((_, _, fits)) = fields.iter().find(|(field, ..)| *field == name) else {
            return Err(Flaw::odd(alloc::format!("it has no field {}", shown())));
        };
        // A handful: more than that is refused above, or here.
        if pairs.iter().take(at).any(|(other, _)| it.objects.text(*other) == Some(name)) {
            return Err(Flaw::odd(alloc::format!("the field {} twice", shown())));
        }
        if !fits(it.objects, value) {
            let what = it.objects.describe(value);
            return Err(Flaw::odd(alloc::format!("the field {} is {what}", shown())));
        }
    }
    let missing = fields.iter().find(|(field, optional, _)| {
        !optional && !pairs.iter().any(|(key, _)| it.objects.text(*key) == Some(field))
    });
    match missing {
        Some((field, ..)) => Err(Flaw::odd(alloc::format!("it has no {field}"))),
        None => Ok(()),
    }
}

fn metadata(it: Finished<'_>) -> Result<(), Flaw> {
    fields(
        it,
        &[
            ("state_dict_metadata", false, is_dict),
            ("planner_data", true, is_data),
            ("storage_data", true, is_data),
            ("storage_meta", true, |objects, value| {
                value == Value::None || is_made(objects, value, &["StorageMeta"])
            }),
            ("version", true, is_text_or_none),
            // Megatron's.
            ("mcore_data", true, is_data),
        ],
    )
}

fn tensor(it: Finished<'_>) -> Result<(), Flaw> {
    let is_properties: fn(Objects<'_>, Value) -> bool =
        |objects, value| is_made(objects, value, &["TensorProperties"]);
    fields(it, &[("properties", false, is_properties), ("size", false, is_size), ("chunks", false, is_list)])
}

fn chunk(it: Finished<'_>) -> Result<(), Flaw> {
    fields(it, &[("offsets", false, is_size), ("sizes", false, is_size)])
}

/// It has no fields, and so no state.
fn bytes(it: Finished<'_>) -> Result<(), Flaw> {
    expect(it.args.is_empty(), "it is made of nothing")?;
    it.is_left_alone()
}

/// A key: hashed and compared by its name and its offsets.
fn index(it: Finished<'_>) -> Result<(), Flaw> {
    fields(
        it,
        &[
            ("fqn", false, is_text),
            ("offset", true, |objects, value| value == Value::None || is_size(objects, value)),
            ("index", true, |_, value| value == Value::None || is_natural(value)),
        ],
    )
}

fn storage_info(it: Finished<'_>) -> Result<(), Flaw> {
    let natural: fn(Objects<'_>, Value) -> bool = |_, value| is_natural(value);
    fields(
        it,
        &[
            ("relative_path", false, is_text),
            ("offset", false, natural),
            ("length", false, natural),
            ("transform_descriptors", true, |objects, value| {
                let items = match objects.get(value) {
                    Some(Object::List(items) | Object::Tuple(items)) => items,
                    _ => return value == Value::None,
                };
                items.iter().all(|&item| is_text(objects, item))
            }),
        ],
    )
}

fn storage_meta(it: Finished<'_>) -> Result<(), Flaw> {
    fields(
        it,
        &[
            ("checkpoint_id", true, |objects, value| {
                is_text_or_none(objects, value) || is_made(objects, value, PATHS)
            }),
            ("save_id", true, is_text_or_none),
            ("load_id", true, is_text_or_none),
            ("modules", true, |objects, value| match objects.get(value) {
                Some(Object::List(items)) => items.iter().all(|&item| is_text(objects, item)),
                _ => false,
            }),
        ],
    )
}

const PATHS: &[&str] = &["Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath"];

/// Its `__setstate__` takes a tuple: dtype, layout, `requires_grad`, memory format, `pin_memory`,
/// and strides since 2.15.
fn properties(it: Finished<'_>) -> Result<(), Flaw> {
    expect(it.args.is_empty(), "it is made of nothing")?;
    it.has_no_items()?;
    let objects = it.objects;
    let (head, strides) = match it.state_tuple()? {
        [head @ .., strides] if head.len() == 5 => (head, Some(*strides)),
        head => (head, None),
    };
    let &[dtype, layout, Value::Bool(_), format, Value::Bool(_)] = head else {
        return Err(Flaw::odd("its state is five or six properties"));
    };
    expect((DTYPE.fits)(objects, dtype), "its first property is a dtype")?;
    expect(is_made(objects, layout, &["_get_layout"]), "its second property is a layout")?;
    let is_format = is_made(objects, format, &["_MEM_FORMAT_ENCODING", "MEM_FORMAT_ENCODING"]);
    expect(is_format, "its fourth property is a memory format")?;
    let fits = match strides {
        None | Some(Value::None) => true,
        Some(strides) => {
            objects.tuple(strides).is_some_and(|strides| strides.iter().copied().all(is_natural))
        }
    };
    expect(fits, "its strides are a tuple of numbers")
}

fn memory_format(it: Finished<'_>) -> Result<(), Flaw> {
    expect(matches!(it.args, [Value::Int(0..=2)]), "it is one of three numbers")?;
    it.is_left_alone()
}

/// Whether a value is what a class or a function of one of these names makes; of the names in use
/// there is one each, and one outside the table is reported as an import.
fn is_made(objects: Objects<'_>, value: Value, names: &[&str]) -> bool {
    objects
        .instance(value)
        .and_then(|instance| objects.global(instance.callable))
        .is_some_and(|global| names.contains(&global.name.as_str()))
}

fn is_size(objects: Objects<'_>, value: Value) -> bool {
    let Some(instance) = objects.instance(value) else { return false };
    let is_size = objects
        .global(instance.callable)
        .is_some_and(|global| global.module == "torch" && global.name == "Size");
    let args = instance.args.and_then(|args| objects.tuple(args));
    is_size
        && match args {
            Some(&[numbers]) => {
                objects.tuple(numbers).is_some_and(|numbers| numbers.iter().copied().all(is_natural))
            }
            _ => false,
        }
}

fn is_natural(value: Value) -> bool {
    matches!(value, Value::Int(0..))
}

fn is_text(objects: Objects<'_>, value: Value) -> bool {
    objects.text(value).is_some()
}

fn is_text_or_none(objects: Objects<'_>, value: Value) -> bool {
    value == Value::None || is_text(objects, value)
}

fn is_dict(objects: Objects<'_>, value: Value) -> bool {
    matches!(objects.get(value), Some(Object::Dict(_)))
}

fn is_list(objects: Objects<'_>, value: Value) -> bool {
    matches!(objects.get(value), Some(Object::List(_)))
}

/// What planners and others keep for themselves: nothing that could be called.
fn is_data(objects: Objects<'_>, value: Value) -> bool {
    objects.is_data(value)
}
