use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::fields::{Fields, natural};
use super::paths::Paths;
use super::{About, Chunk, Entry, Flaw, Flaws, Form, Item, Metadata, Tensor, boxes, places};
use crate::pickle::{Graph, Instance, Value};
use crate::show;
use crate::step::Range;

/// Whether a pickle is the metadata of a distributed checkpoint.
pub(crate) fn is_metadata(graph: &Graph) -> bool {
    let root = Fields(graph).instance(graph.root);
    root.is_some_and(|(class, _)| CLASSES.contains(&class.module.as_str()) && class.name == "Metadata")
}

/// What a metadata says, as far as it makes sense, and what is wrong with it.
///
/// With `partial` it is that of one rank of several: boxes need not fill their tensors.
pub(crate) fn parse(graph: &Graph, partial: bool) -> (Metadata, Vec<Flaw>) {
    let mut parse = Parse {
        fields: Fields(graph),
        metadata: Metadata::default(),
        offsets: Vec::new(),
        names: BTreeMap::new(),
        boxes: BTreeMap::new(),
        flaws: Flaws::default(),
    };
    parse.root(graph.root);
    let Parse { mut metadata, offsets, mut flaws, .. } = parse;
    boxes::check(&metadata, &offsets, partial, &mut flaws);
    places::check(&mut metadata, &mut flaws);
    (metadata, flaws.into_vec())
}

struct Parse<'g> {
    fields: Fields<'g>,
    metadata: Metadata,
    /// Where the calls are in the pickle that make the entries.
    offsets: Vec<u64>,
    /// Entries by name.
    names: BTreeMap<&'g str, usize>,
    /// Chunks by their entry and offsets, and how many items say that they are it.
    boxes: BTreeMap<(usize, Vec<u64>), (usize, u32)>,
    flaws: Flaws,
}

impl<'g> Parse<'g> {
    fn root(&mut self, root: Value) {
        let Some(metadata) = self.fields.object(root, CLASSES, "Metadata") else {
            return self.graph(0, "the root is no object of Metadata");
        };
        let attribute = |name| self.fields.attribute(metadata, name);
        let (entries, storage) = (attribute("state_dict_metadata"), attribute("storage_data"));
        let planner = attribute("planner_data");
        match entries.and_then(|entries| self.fields.dict(entries)) {
            Some(pairs) => pairs.iter().for_each(|&(key, value)| self.entry(metadata.offset, key, value)),
            None => self.graph(metadata.offset, "its state_dict_metadata is no dict"),
        }
        match storage.and_then(|storage| self.fields.dict(storage)) {
            Some(pairs) => self.storage(metadata.offset, pairs),
            None => self.graph(metadata.offset, "its storage_data is no dict"),
        }
        if let Some(planner) = planner.filter(|planner| *planner != Value::None) {
            self.planner(metadata.offset, planner);
        }
    }

    fn graph(&mut self, offset: u64, what: &str) {
        self.flaws.add(About::Graph, offset, || what.into());
    }

    /// An entry of `state_dict_metadata`.
    fn entry(&mut self, at: u64, key: Value, value: Value) {
        let Some(name) = self.fields.text(key) else {
            return self.graph(at, "a name in state_dict_metadata is no str");
        };
        let index = self.metadata.entries.len();
        if self.names.insert(name, index).is_some() {
            self.flaws.add(About::Graph, at, || format!("{} twice in state_dict_metadata", show::name(name)));
        }
        let tensor = self.fields.object(value, CLASSES, "TensorStorageMetadata");
        let bytes = self.fields.object(value, CLASSES, "BytesStorageMetadata");
        let offset = tensor.or(bytes).map_or(at, |instance| instance.offset);
        let tensor = match (tensor, bytes) {
            (Some(tensor), _) => self.tensor(name, index, tensor),
            (None, Some(_)) => None,
            (None, None) => {
                self.flaws
                    .add(About::Graph, at, || format!("{} is neither a tensor nor bytes", show::name(name)));
                None
            }
        };
        self.metadata.entries.push(Entry { name: name.into(), tensor });
        self.offsets.push(offset);
    }

    fn tensor(&mut self, name: &str, index: usize, tensor: &Instance) -> Option<Tensor> {
        let (fields, at) = (self.fields, tensor.offset);
        let properties = fields.attribute(tensor, "properties");
        let state = properties
            .and_then(|properties| fields.object(properties, PROPERTIES, "TensorProperties"))
            .and_then(|properties| fields.tuple(properties.state?));
        let dtype = state.and_then(|state| fields.dtype(*state.first()?));
        let size = fields.attribute(tensor, "size").and_then(|size| fields.size(size));
        let chunks = fields.attribute(tensor, "chunks").and_then(|chunks| fields.list(chunks));
        let (Some(dtype), Some(size), Some(chunks)) = (dtype, size, chunks) else {
            self.flaws.add(About::Graph, at, || {
                format!("{} has no dtype, no size or no list of chunks", show::name(name))
            });
            return None;
        };
        let mut found = Vec::new();
        for &chunk in chunks {
            let chunk = fields.object(chunk, CLASSES, "ChunkStorageMetadata").and_then(|chunk| {
                let offsets = fields.size(fields.attribute(chunk, "offsets")?)?;
                Some(Chunk { offsets, sizes: fields.size(fields.attribute(chunk, "sizes")?)? })
            });
            let Some(chunk) = chunk else {
                self.flaws.add(About::Graph, at, || {
                    format!("a chunk of {} without offsets and sizes", show::name(name))
                });
                continue;
            };
            if self.boxes.insert((index, chunk.offsets.clone()), (found.len(), 0)).is_some() {
                self.flaws.add(About::Box, at, || {
                    format!("two chunks of {} start at {:?}", show::name(name), chunk.offsets)
                });
            }
            found.push(chunk);
        }
        Some(Tensor { dtype, size, chunks: found })
    }

    /// `storage_data`: where each item is.
    fn storage(&mut self, at: u64, pairs: &[(Value, Value)]) {
        let mut files: BTreeMap<&'g str, usize> = BTreeMap::new();
        let mut objects = vec![0u32; self.metadata.entries.len()];
        for &(key, value) in pairs {
            let Some(index) = self.fields.object(key, CLASSES, "MetadataIndex") else {
                self.graph(at, "a key of storage_data is no MetadataIndex");
                continue;
            };
            let Some(place) = self.fields.object(value, STORAGE, "_StorageInfo") else {
                self.graph(index.offset, "a value of storage_data is no _StorageInfo");
                continue;
            };
            let Some((entry, chunk)) = self.index(index, &mut objects) else { continue };
            let Some((file, range, is_transformed)) = self.place(place) else { continue };
            let known = files.len();
            let file = *files.entry(file).or_insert_with(|| {
                self.metadata.files.push(file.into());
                known
            });
            let form = if is_transformed { Form::Transformed } else { Form::Archive };
            self.metadata.items.push(Item { entry, chunk, file, range, form });
        }
        self.missing(&objects);
    }

    /// What an item is of.
    fn index(&mut self, index: &Instance, objects: &mut [u32]) -> Option<(usize, Option<usize>)> {
        let (fields, at) = (self.fields, index.offset);
        let Some(name) = fields.attribute(index, "fqn").and_then(|name| fields.text(name)) else {
            self.graph(at, "an item without a name");
            return None;
        };
        let shown = || show::name(name);
        let Some(&entry) = self.names.get(name) else {
            self.flaws
                .add(About::Graph, at, || format!("an item of {}, which is none of the checkpoint", shown()));
            return None;
        };
        let is_tensor = self.metadata.entries.get(entry).is_some_and(|entry| entry.tensor.is_some());
        let offset = fields.attribute(index, "offset").filter(|offset| *offset != Value::None);
        let Some(offset) = offset else {
            let count = objects.get_mut(entry)?;
            *count = count.saturating_add(1);
            let flaw = match (is_tensor, *count) {
                (true, _) => "an item without offsets of the tensor",
                (false, 2..) => "two items of",
                (false, _) => return Some((entry, None)),
            };
            self.flaws.add(About::Graph, at, || format!("{flaw} {}", shown()));
            return None;
        };
        let offsets = fields.size(offset).unwrap_or_default();
        let Some((chunk, count)) = self.boxes.get_mut(&(entry, offsets)) else {
            self.flaws.add(About::Graph, at, || format!("an item of {} that is none of its chunks", shown()));
            return None;
        };
        *count = count.saturating_add(1);
        if *count > 1 {
            self.flaws.add(About::Graph, at, || format!("two items for one chunk of {}", shown()));
        }
        Some((entry, Some(*chunk)))
    }

    /// Where an item is, and whether it was changed before it was written.
    fn place(&mut self, place: &Instance) -> Option<(&'g str, Range, bool)> {
        let (fields, at) = (self.fields, place.offset);
        let path = fields.attribute(place, "relative_path").and_then(|path| fields.text(path));
        let number = |name| fields.attribute(place, name).and_then(natural);
        let (Some(path), Some(offset), Some(length)) = (path, number("offset"), number("length")) else {
            self.graph(at, "a place without a path, an offset or a length");
            return None;
        };
        if let Some(what) = escapes(path) {
            self.flaws.add(About::Path, at, || format!("the path {} {what}", show::name(path)));
            return None;
        }
        let transforms = fields.attribute(place, "transform_descriptors").filter(|list| *list != Value::None);
        let transforms = transforms.map(|list| fields.list(list).or(fields.tuple(list)).unwrap_or_default());
        let is_transformed = transforms.is_some_and(|list| !list.is_empty());
        if let Some(transforms) = transforms.filter(|list| !list.is_empty()) {
            let mut names: Vec<String> = Vec::new();
            names.extend(transforms.iter().take(4).filter_map(|&name| fields.text(name).map(show::name)));
            self.flaws.add(About::Transform, at, || {
                format!("items in {} that {} changed", show::name(path), names.join(", "))
            });
        }
        if i64::try_from(offset)
            .ok()
            .zip(i64::try_from(length).ok())
            .and_then(|(a, b)| a.checked_add(b))
            .is_none()
        {
            self.flaws.add(About::Place, at, || format!("{length} bytes at {offset}, which no file has"));
            return None;
        }
        Some((path, Range::new(offset, length), is_transformed))
    }

    /// Each chunk has an item, and each object.
    fn missing(&mut self, objects: &[u32]) {
        for (&(entry, ref start), &(_, count)) in &self.boxes {
            if count == 0 {
                let name = self.metadata.entries.get(entry).map_or("", |entry| &entry.name);
                let at = self.offsets.get(entry).copied().unwrap_or_default();
                self.flaws.add(About::Graph, at, || {
                    format!("the chunk of {} at {start:?} is in no file", show::name(name))
                });
            }
        }
        for ((entry, &count), &at) in self.metadata.entries.iter().zip(objects).zip(&self.offsets) {
            if entry.tensor.is_none() && count == 0 {
                self.flaws.add(About::Graph, at, || format!("{} is in no file", show::name(&entry.name)));
            }
        }
    }

    /// `planner_data`: the keys that lead to each entry.
    fn planner(&mut self, at: u64, planner: Value) {
        let Some(pairs) = self.fields.dict(planner) else {
            return self.graph(at, "its planner_data is no dict");
        };
        let mut paths = Paths::new(self.fields);
        for &(key, path) in pairs {
            let name = self.fields.text(key);
            let path = self.fields.tuple(path);
            let (Some(name), Some(path)) = (name, path) else {
                self.graph(at, "planner_data is no names with the keys that lead to them");
                continue;
            };
            if !self.names.contains_key(name) {
                self.flaws.add(About::Graph, at, || {
                    format!("planner_data has {}, which is none of the checkpoint", show::name(name))
                });
            }
            if let Err(what) = paths.add(path) {
                return self
                    .flaws
                    .add(About::Graph, at, || format!("in planner_data {} {what}", show::name(name)));
            }
        }
        if !paths.are_whole() {
            self.graph(at, "lists in planner_data do not have the items up to their last");
        }
    }
}

/// Why a path leads elsewhere than to a file beside the metadata.
fn escapes(path: &str) -> Option<&'static str> {
    match path {
        "" | "." => Some("is no file's"),
        _ if path.starts_with(['/', '\\']) => Some("leads to anywhere in the system"),
        // Windows takes it for the directory that is current on another drive.
        _ if path.as_bytes().get(1) == Some(&b':') => Some("leads to another drive"),
        _ if path.split(['/', '\\']).any(|part| part == "..") => Some("leads out of the directory"),
        _ if path.contains(['/', '\\']) => Some("leads into another directory"),
        _ if path.contains('\0') => Some("has a NUL in it"),
        _ => None,
    }
}

const CLASSES: &[&str] = &["torch.distributed.checkpoint.metadata"];
const STORAGE: &[&str] = &["torch.distributed.checkpoint.filesystem"];
const PROPERTIES: &[&str] = &[
    "torch.distributed.checkpoint.metadata",
    // torch 2.0 to 2.2
    "torch.distributed._shard.sharded_tensor.metadata",
];
