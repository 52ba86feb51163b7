//! What is inside a state dict, entry by entry.

use std::collections::{HashMap, HashSet};
use std::iter;

use globset::GlobMatcher;
use serde::{Serialize, Serializer};
use strongroom::{Item, Leaf, Quantizer, StateDict, Storage, Tensor, Wrapper};

/// A state dict to list.
///
/// Entries are made anew by each pass and never kept: a small file can hold a
/// tree of millions of paths.
pub struct Inventory<'s> {
    state: &'s StateDict<'static>,
    filter: Option<GlobMatcher>,
    /// The number of each storage, by its identity.
    numbers: HashMap<usize, usize>,
    /// The path of the first tensor over each storage.
    first: HashMap<usize, String>,
    /// Whether nothing is listed: there is no state dict.
    none: bool,
}

/// One thing in a state dict.
enum Entry {
    /// A tensor of any kind.
    Tensor(Box<TensorEntry>),
    /// Any other value that is no container.
    Leaf(LeafEntry),
    /// An object of a class unknown to the reader.
    Opaque(OpaqueEntry),
}

/// What sort of thing it is, to be known before it is named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Tensor,
    Leaf,
    Opaque,
}

impl Sort {
    fn of(item: &Item<'_, 'static>) -> Self {
        if item.is_opaque() {
            return if item.wrapper().is_some() { Self::Tensor } else { Self::Opaque };
        }
        let is_tensor = tensor(item).is_some() || item.sparse_shape().is_some() || item.wrapper().is_some();
        if is_tensor { Self::Tensor } else { Self::Leaf }
    }
}

/// A tensor, in the words of `docs/inspect-json.md`.
#[derive(Serialize)]
pub struct TensorEntry {
    /// Where it is in the state dict.
    pub path: String,
    /// `tensor`, `parameter`, `quantized`, `sparse_coo` and its like, or a class.
    pub kind: String,
    /// torch's name of the layout of a sparse tensor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<&'static str>,
    /// torch's name; that of the values for a sparse tensor.
    pub dtype: Option<&'static str>,
    /// Elements along each dimension; of a sharded tensor, all its parts together.
    pub shape: Vec<u64>,
    /// Elements between neighbours along each dimension.
    pub stride: Option<Vec<u64>>,
    /// Elements from the start of the storage.
    pub offset: Option<u64>,
    /// Bytes its elements take; 0 for what has none of its own.
    pub bytes: u64,
    /// Whether autograd records operations on it.
    pub requires_grad: bool,
    /// The number of its storage; none for a meta or sparse tensor.
    pub storage: Option<usize>,
    /// The device it was saved from.
    pub device: Option<String>,
    /// The first tensor over the same storage, if that is another.
    pub tied_to: Option<String>,
    /// How integers become reals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantizer: Option<QuantizerEntry>,
    /// The sparse or quantized tensor, or the wrapper, that this one is a part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part_of: Option<String>,
    /// Whether the values are conjugates or negatives of what the storage holds.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lazy_view: bool,
    #[serde(skip)]
    pub conj: bool,
    #[serde(skip)]
    pub neg: bool,
    /// Whether its elements lie one after another.
    #[serde(skip)]
    pub contiguous: bool,
    /// Whether it has no elements but those of the tensors it wraps.
    #[serde(skip)]
    pub wrapper: bool,
    #[serde(skip)]
    elements: u64,
}

/// How a quantized tensor's integers become reals.
#[derive(Serialize)]
#[serde(untagged)]
pub enum QuantizerEntry {
    /// One scale and zero point.
    PerTensor {
        /// torch's name.
        scheme: String,
        /// What a step of the integers is worth.
        #[serde(serialize_with = "number_or_name")]
        scale: f64,
        /// The integer for zero.
        zero_point: i64,
    },
    /// Scales and zero points along an axis: entries of their own.
    PerChannel {
        /// torch's name.
        scheme: String,
        /// The dimension.
        axis: i64,
    },
}

/// What JSON has no number for, by Python's name of it.
fn number_or_name<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() {
        return serializer.serialize_f64(*value);
    }
    serializer.serialize_str(&format!("{value:?}").to_lowercase())
}

/// A value that is neither tensor nor container.
#[derive(Serialize)]
pub struct LeafEntry {
    /// Where it is in the state dict.
    pub path: String,
    /// Its Python type.
    #[serde(rename = "type")]
    pub kind: String,
    /// As Python prints it, cut if long.
    pub value: String,
}

/// An object that was not made.
#[derive(Serialize)]
pub struct OpaqueEntry {
    /// Where it is in the state dict.
    pub path: String,
    /// What would be called to make it.
    pub class: String,
}

/// Sums over an inventory.
#[derive(Default, Serialize)]
pub struct Totals {
    /// Tensors, parts of others aside.
    pub tensors: u64,
    /// Elements of all tensors and parts.
    pub elements: u64,
    /// Bytes those take.
    pub bytes: u64,
    /// Storages they look into, each once.
    pub storages: u64,
    /// Bytes of those storages.
    pub storage_bytes: u64,
    /// Other values.
    #[serde(skip)]
    pub leaves: u64,
    /// Objects of unknown classes.
    #[serde(skip)]
    pub opaque: u64,
}

impl Totals {
    /// Both together, nothing of one being in the other.
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            tensors: self.tensors + other.tensors,
            elements: self.elements.saturating_add(other.elements),
            bytes: self.bytes.saturating_add(other.bytes),
            storages: self.storages + other.storages,
            storage_bytes: self.storage_bytes.saturating_add(other.storage_bytes),
            leaves: self.leaves + other.leaves,
            opaque: self.opaque + other.opaque,
        }
    }
}

impl<'s> Inventory<'s> {
    /// Lists what of `state` has a path that `filter` matches.
    pub fn new(state: &'s StateDict<'static>, filter: Option<GlobMatcher>) -> Self {
        let storages = state.storages().iter().enumerate();
        let numbers = storages.map(|(number, storage)| (storage.id(), number)).collect();
        let mut first = HashMap::new();
        let mut leaves = state.leaves();
        let storage =
            |item: &Item<'_, 'static>| tensor(item).as_ref().and_then(Tensor::storage).map(Storage::id);
        while let Some(leaf) =
            leaves.find_item(|item| storage(item).is_some_and(|id| !first.contains_key(&id)))
        {
            storage(&leaf.item).and_then(|id| first.insert(id, leaf.path));
        }
        Self { state, filter, numbers, first, none: false }
    }

    /// The same of what has no state dict of its own.
    pub fn of_none(state: &'s StateDict<'static>) -> Self {
        Self { none: true, ..Self::new(state, None) }
    }

    /// The tensors.
    pub fn tensors(&self) -> impl Iterator<Item = TensorEntry> {
        self.entries(Sort::Tensor).filter_map(|entry| match entry {
            Entry::Tensor(tensor) => Some(*tensor),
            Entry::Leaf(_) | Entry::Opaque(_) => None,
        })
    }

    /// The other values.
    pub fn leaves(&self) -> impl Iterator<Item = LeafEntry> {
        self.entries(Sort::Leaf).filter_map(|entry| match entry {
            Entry::Leaf(leaf) => Some(leaf),
            Entry::Tensor(_) | Entry::Opaque(_) => None,
        })
    }

    /// The objects of unknown classes.
    pub fn opaque(&self) -> impl Iterator<Item = OpaqueEntry> {
        self.entries(Sort::Opaque).filter_map(|entry| match entry {
            Entry::Opaque(opaque) => Some(opaque),
            Entry::Tensor(_) | Entry::Leaf(_) => None,
        })
    }

    /// Whether there is nothing to list.
    pub fn is_empty(&self) -> bool {
        [Sort::Tensor, Sort::Leaf, Sort::Opaque].into_iter().all(|sort| self.entries(sort).next().is_none())
    }

    /// The entries of one sort, in order.
    fn entries(&self, sort: Sort) -> impl Iterator<Item = Entry> {
        let mut leaves = self.state.leaves();
        iter::from_fn(move || {
            loop {
                let leaf = leaves.find_item(|item| !self.none && Sort::of(item) == sort)?;
                if self.filter.as_ref().is_none_or(|filter| filter.is_match(&leaf.path)) {
                    return Some(self.entry(leaf));
                }
            }
        })
    }

    /// Sums over all entries.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        let mut storages = HashSet::new();
        for tensor in self.tensors() {
            totals.tensors += u64::from(tensor.part_of.is_none());
            // A hostile shape can have any number of elements.
            totals.elements = totals.elements.saturating_add(tensor.elements);
            totals.bytes = totals.bytes.saturating_add(tensor.bytes);
            storages.extend(tensor.storage);
        }
        totals.leaves = self.count(Sort::Leaf);
        totals.opaque = self.count(Sort::Opaque);
        totals.storages = storages.len() as u64;
        let length = |&number: &usize| self.state.storages().get(number).map_or(0, Storage::length);
        totals.storage_bytes = storages.iter().map(length).sum();
        totals
    }

    fn count(&self, sort: Sort) -> u64 {
        self.entries(sort).count() as u64
    }

    fn entry(&self, leaf: Leaf<'_, 'static>) -> Entry {
        let Leaf { path, item, part_of, .. } = leaf;
        if let Some(wrapper) = item.wrapper() {
            return Entry::Tensor(Box::new(wrapping(path, wrapper, part_of)));
        }
        if item.is_opaque() {
            return Entry::Opaque(OpaqueEntry { path, class: item.kind() });
        }
        if let Some(tensor) = tensor(&item) {
            return Entry::Tensor(Box::new(self.strided(path, &item, &tensor, part_of)));
        }
        if let Some(shape) = item.sparse_shape() {
            return Entry::Tensor(Box::new(sparse(path, &item, shape, part_of)));
        }
        Entry::Leaf(LeafEntry { path, kind: item.kind(), value: item.repr() })
    }

    fn strided(
        &self,
        path: String,
        item: &Item<'_, 'static>,
        tensor: &Tensor<'static>,
        part_of: Option<String>,
    ) -> TensorEntry {
        let storage = tensor.storage();
        let first = storage.and_then(|storage| self.first.get(&storage.id()));
        TensorEntry {
            kind: kind(item),
            dtype: Some(tensor.dtype().name()),
            shape: tensor.shape().to_vec(),
            stride: Some(tensor.stride().to_vec()),
            offset: Some(tensor.offset()),
            bytes: storage.map_or(0, |_| tensor.length()),
            requires_grad: item.requires_grad(),
            storage: storage.and_then(|storage| self.numbers.get(&storage.id()).copied()),
            device: storage.map(|storage| storage.location().to_owned()),
            tied_to: first.filter(|&first| *first != path).cloned(),
            quantizer: item.quantizer().and_then(quantizer),
            part_of,
            lazy_view: tensor.is_lazy_view(),
            conj: tensor.is_conj(),
            neg: tensor.is_neg(),
            layout: None,
            contiguous: tensor.is_contiguous(),
            wrapper: false,
            elements: tensor.numel(),
            path,
        }
    }
}

fn sparse(path: String, item: &Item<'_, 'static>, shape: &[u64], part_of: Option<String>) -> TensorEntry {
    let values =
        item.parts().iter().find(|(name, _)| *name == "values").and_then(|(_, part)| part.as_tensor());
    TensorEntry {
        kind: kind(item),
        dtype: values.map(|values| values.dtype().name()),
        requires_grad: item.requires_grad(),
        layout: item.layout(),
        ..composed(path, shape.to_vec(), part_of)
    }
}

fn wrapping(path: String, wrapper: Wrapper, part_of: Option<String>) -> TensorEntry {
    TensorEntry {
        kind: short(wrapper.class),
        dtype: wrapper.dtype.map(strongroom::DType::name),
        requires_grad: wrapper.requires_grad,
        wrapper: true,
        ..composed(path, wrapper.shape, part_of)
    }
}

/// A tensor whose parts have all its elements.
fn composed(path: String, shape: Vec<u64>, part_of: Option<String>) -> TensorEntry {
    TensorEntry {
        path,
        kind: String::new(),
        dtype: None,
        shape,
        stride: None,
        offset: None,
        bytes: 0,
        requires_grad: false,
        storage: None,
        device: None,
        tied_to: None,
        quantizer: None,
        part_of,
        lazy_view: false,
        conj: false,
        neg: false,
        layout: None,
        contiguous: true,
        wrapper: false,
        elements: 0,
    }
}

fn tensor(item: &Item<'_, 'static>) -> Option<Tensor<'static>> {
    item.as_tensor().or_else(|| item.as_quantized())
}

fn kind(item: &Item<'_, '_>) -> String {
    short(item.kind())
}

fn short(kind: String) -> String {
    match kind.as_str() {
        "Tensor" | "Parameter" => kind.to_lowercase(),
        // Only the reader's own kinds have a space: classes are dotted names.
        _ => kind.strip_suffix(" Tensor").map_or(kind.clone(), str::to_owned),
    }
}

fn quantizer(quantizer: Quantizer) -> Option<QuantizerEntry> {
    match quantizer {
        Quantizer::PerTensor { scheme, scale, zero_point } => {
            Some(QuantizerEntry::PerTensor { scheme, scale, zero_point })
        }
        Quantizer::PerChannel { scheme, axis } => Some(QuantizerEntry::PerChannel { scheme, axis }),
        _ => None,
    }
}
