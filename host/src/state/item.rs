use std::iter;

use strongroom_names::float;

use super::names::{Arena, compressed_layout};
use super::{Node, StateDict, Storage, Tensor, number};
use crate::sandbox::bindings::types as wit;

/// One value of a [`StateDict`], looked at in place.
///
/// Like a JSON value: each `as_` method gives the value if it is of that kind.
#[derive(Clone, Copy, Debug)]
pub struct Item<'s, 'a> {
    state: &'s StateDict<'a>,
    id: u32,
}

impl<'s, 'a> Item<'s, 'a> {
    pub(crate) fn new(state: &'s StateDict<'a>, id: u32) -> Self {
        Self { state, id }
    }

    /// A number that two items share if and only if they are one object.
    pub fn id(&self) -> u32 {
        self.id
    }

    pub(super) fn state(&self) -> &'s StateDict<'a> {
        self.state
    }

    pub(crate) fn node(&self) -> &'s Node {
        self.state.node(self.id)
    }

    /// The Python type: `int`, `dict`, `Tensor`, `Parameter`; for an object of an
    /// unknown class, that class, or what would be called to make it.
    pub fn kind(&self) -> String {
        let kind = match self.node() {
            Node::None => "NoneType",
            Node::Boolean(_) => "bool",
            Node::Int(_) | Node::BigInt(_) => "int",
            Node::Float(_) => "float",
            Node::Complex(_) => "complex",
            Node::Text(_) | Node::SurrogateText(_) => "str",
            Node::Bytes(_) => "bytes",
            Node::ByteArray(_) => "bytearray",
            Node::Tuple(_) => "tuple",
            Node::List(_) => "list",
            Node::Dict(_) => "dict",
            Node::OrderedDict(_) => "OrderedDict",
            Node::Counter(_) => "Counter",
            Node::Set(_) => "set",
            Node::FrozenSet(_) => "frozenset",
            Node::Size(_) => "torch.Size",
            Node::Device(_) => "torch.device",
            Node::Dtype(_) => "torch.dtype",
            Node::Qscheme(_) => "torch.qscheme",
            Node::Layout(_) => "torch.layout",
            Node::Global(_) => "global",
            Node::Storage(_) => "storage",
            Node::Tensor(_) => "Tensor",
            Node::Parameter(_) => "Parameter",
            Node::Quantized(_) => "quantized Tensor",
            Node::SparseCoo(_) => "sparse_coo Tensor",
            Node::SparseCompressed(sparse) => return format!("{} Tensor", compressed_layout(sparse.layout)),
            Node::Absent => "absent",
            Node::Subclass(subclass) => return self.named(subclass.class),
            Node::NumpyScalar(scalar) => return format!("numpy {}", scalar.dtype),
            Node::Object(object) => {
                return match object.construct {
                    wit::Construct::Persistent => "persistent id".into(),
                    wit::Construct::Call
                    | wit::Construct::New
                    | wit::Construct::NewEx
                    | wit::Construct::Instance => {
                        match strongroom_names::class(&Arena(self.state.nodes()), self.id) {
                            Some((module, name)) => format!("{module}.{name}"),
                            None => self.named(object.callable),
                        }
                    }
                };
            }
        };
        kind.into()
    }

    /// Whether it is `None`.
    pub fn is_none(&self) -> bool {
        matches!(self.node(), Node::None)
    }

    /// A `bool`.
    pub fn as_bool(&self) -> Option<bool> {
        match self.node() {
            Node::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// An `int` of at most 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        match self.node() {
            Node::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// A `float`.
    pub fn as_f64(&self) -> Option<f64> {
        match self.node() {
            Node::Float(bits) => Some(f64::from_bits(*bits)),
            _ => None,
        }
    }

    /// A `str`.
    pub fn as_str(&self) -> Option<&'s str> {
        match self.node() {
            Node::Text(text) => Some(&text.value),
            _ => None,
        }
    }

    /// A `bytes` or `bytearray`.
    pub fn as_bytes(&self) -> Option<&'s [u8]> {
        match self.node() {
            Node::Bytes(bytes) | Node::ByteArray(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// A tensor. A parameter gives its tensor, with the parameter's
    /// `requires_grad`; a tensor of another class, the plain tensor.
    pub fn as_tensor(&self) -> Option<Tensor<'a>> {
        let Node::Tensor(view) = self.core().node() else { return None };
        let tensor = self.view(view)?;
        Some(match self.node() {
            Node::Parameter(parameter) => tensor.with_requires_grad(parameter.requires_grad),
            _ => tensor,
        })
    }

    /// The integers of a quantized tensor, as a tensor of its quantized dtype.
    pub fn as_quantized(&self) -> Option<Tensor<'a>> {
        match self.core().node() {
            Node::Quantized(quantized) => self.view(&quantized.tensor),
            _ => None,
        }
    }

    /// What a parameter or a tensor of another class is without that.
    pub(super) fn core(&self) -> Self {
        let mut core = *self;
        // They may be each other.
        for _ in 0..4 {
            core = match core.node() {
                Node::Parameter(parameter) => self.sibling(parameter.tensor),
                Node::Subclass(subclass) => self.sibling(subclass.tensor),
                _ => break,
            };
        }
        core
    }

    /// A storage saved by itself.
    pub fn as_storage(&self) -> Option<&'s Storage<'a>> {
        match self.node() {
            Node::Storage(view) => self.state.storages.get(view.storage as usize),
            _ => None,
        }
    }

    /// The values of a list, tuple or set.
    pub fn items(&self) -> Option<Items<'s, 'a>> {
        match self.node() {
            Node::List(ids) | Node::Tuple(ids) | Node::Set(ids) | Node::FrozenSet(ids) => {
                Some(Items { state: self.state, ids })
            }
            _ => None,
        }
    }

    /// The items of a dict, an `OrderedDict` or a `Counter`.
    pub fn entries(&self) -> Option<Entries<'s, 'a>> {
        match self.node() {
            Node::Dict(pairs)
            | Node::Counter(pairs)
            | Node::OrderedDict(wit::OrderedDict { items: pairs, .. }) => {
                Some(Entries { state: self.state, pairs })
            }
            _ => None,
        }
    }

    /// The value under a string key of a dict.
    pub fn get(&self, key: &str) -> Option<Item<'s, 'a>> {
        self.entries()?.get(key)
    }

    /// Whether it is a value that another file has: a place in a rank's part of a
    /// state dict.
    pub fn is_absent(&self) -> bool {
        matches!(self.node(), Node::Absent)
    }

    /// Whether it is an object of a class unknown to the reader, which no
    /// strongroom ever makes.
    pub fn is_opaque(&self) -> bool {
        matches!(self.node(), Node::Object(_))
    }

    /// The value as Python would print it, long ones cut. Only their start is looked at: a
    /// file may show one value a million times.
    pub fn repr(&self) -> String {
        match self.node() {
            Node::None => "None".into(),
            Node::Boolean(value) => if *value { "True" } else { "False" }.into(),
            Node::Int(value) => value.to_string(),
            Node::BigInt(bytes) => number::integer(bytes),
            Node::Float(bits) => float(f64::from_bits(*bits)),
            Node::Complex(wit::Complex { re, im }) => {
                number::complex(&float(f64::from_bits(*re)), &float(f64::from_bits(*im)))
            }
            Node::Text(text) => quoted(&text.value),
            Node::SurrogateText(bytes) => strongroom_names::quoted(points(bytes), SHOWN),
            Node::Bytes(bytes) => quoted_bytes(bytes),
            Node::ByteArray(bytes) => format!("bytearray({})", quoted_bytes(bytes)),
            Node::Size(sizes) => match sizes.get(..SHOWN) {
                Some(first) if sizes.len() > SHOWN => format!("torch.Size({first:?}… of {})", sizes.len()),
                _ => format!("torch.Size({sizes:?})"),
            },
            Node::Device(wit::Device { kind, index }) => {
                let kind = if kind.len() > SHOWN { quoted(kind) } else { kind.clone() };
                index.map_or(kind.clone(), |index| format!("{kind}:{index}"))
            }
            Node::Dtype(dtype) => format!("torch.{dtype}"),
            Node::Qscheme(scheme) => format!("torch.{}", debug_name(scheme)),
            Node::Layout(layout) => format!("torch.{}", debug_name(layout)),
            Node::Global(wit::Global { module, name }) => format!("{module}.{name}"),
            Node::NumpyScalar(scalar) => super::numpy::repr(&scalar.dtype, &scalar.data),
            Node::Tuple(ids) => container("tuple", "()", ids.len()),
            Node::List(ids) => container("list", "[]", ids.len()),
            Node::Set(ids) => container("set", "set()", ids.len()),
            Node::FrozenSet(ids) => container("set", "frozenset()", ids.len()),
            Node::Dict(pairs) => container("dict", "{}", pairs.len()),
            Node::Counter(pairs) => container("dict", "Counter()", pairs.len()),
            Node::OrderedDict(dict) => container("dict", "OrderedDict()", dict.items.len()),
            Node::Storage(_) => {
                format!("a storage of {} bytes", self.as_storage().map_or(0, Storage::length))
            }
            Node::Tensor(_) | Node::Parameter(_) | Node::Subclass(_) => match self.as_tensor() {
                Some(tensor) => format!("{} {:?}", tensor.dtype(), tensor.shape()),
                None => self.kind(),
            },
            Node::Quantized(_) | Node::SparseCoo(_) | Node::SparseCompressed(_) => self.kind(),
            Node::Object(_) => format!("an object of {}", self.kind()),
            Node::Absent => "in another file".into(),
        }
    }

    /// Another value of the same state dict.
    pub(super) fn sibling(&self, id: u32) -> Item<'s, 'a> {
        Item::new(self.state, id)
    }

    /// The name of a class, or of what stands where one is wanted.
    pub(super) fn named(&self, id: u32) -> String {
        match (strongroom_names::global(&Arena(self.state.nodes()), id), self.state.node(id)) {
            (Some((module, name)), _) => format!("{module}.{name}"),
            // Looking into it would recurse with the file.
            (None, Node::Object(_) | Node::Subclass(_)) => "an unknown class".into(),
            (None, _) => self.sibling(id).repr(),
        }
    }

    fn view(&self, view: &wit::Tensor) -> Option<Tensor<'a>> {
        let storage = match view.storage {
            Some(id) => Some(self.state.storages.get(id as usize)?.clone()),
            None => None,
        };
        Some(Tensor::from_parts(storage, view.clone()))
    }
}

/// The values of a list, tuple or set.
#[derive(Clone, Copy, Debug)]
pub struct Items<'s, 'a> {
    state: &'s StateDict<'a>,
    ids: &'s [u32],
}

impl<'s, 'a> Items<'s, 'a> {
    /// How many.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The value at `index`.
    pub fn get(&self, index: usize) -> Option<Item<'s, 'a>> {
        self.ids.get(index).map(|&id| Item::new(self.state, id))
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Item<'s, 'a>> + use<'s, 'a> {
        let state = self.state;
        self.ids.iter().map(move |&id| Item::new(state, id))
    }
}

/// The items of a dict, in order.
#[derive(Clone, Copy, Debug)]
pub struct Entries<'s, 'a> {
    state: &'s StateDict<'a>,
    pairs: &'s [wit::Pair],
}

impl<'s, 'a> Entries<'s, 'a> {
    /// How many.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The value under a string key.
    pub fn get(&self, key: &str) -> Option<Item<'s, 'a>> {
        let pair = self.pairs.get(self.position(key)?)?;
        Some(Item::new(self.state, pair.value))
    }

    /// All keys and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Item<'s, 'a>, Item<'s, 'a>)> + use<'s, 'a> {
        let state = self.state;
        self.pairs.iter().map(move |pair| (Item::new(state, pair.key), Item::new(state, pair.value)))
    }

    fn position(&self, key: &str) -> Option<usize> {
        let is_key = |id| matches!(self.state.node(id), Node::Text(text) if text.value == key);
        self.pairs.iter().position(|pair| is_key(pair.key))
    }
}

/// Characters of a string that are shown.
pub(super) const SHOWN: usize = 60;

/// A text as Python prints it.
pub(super) fn quoted(text: &str) -> String {
    strongroom_names::quoted(text.chars().map(u32::from), SHOWN)
}

/// Bytes as Python prints them.
pub(super) fn quoted_bytes(bytes: &[u8]) -> String {
    strongroom_names::quoted_bytes(bytes, SHOWN)
}

/// The code points of UTF-8 in which there may be lone surrogates.
fn points(mut bytes: &[u8]) -> impl Iterator<Item = u32> {
    iter::from_fn(move || {
        let first = *bytes.first()?;
        let (length, mask) = match first {
            0xc0..=0xdf => (2, 0x1f),
            0xe0..=0xef => (3, 0x0f),
            0xf0..=0xff => (4, 0x07),
            0..=0xbf => (1, 0xff),
        };
        let (point, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        let low = point.iter().skip(1).map(|byte| u32::from(byte & 0x3f));
        Some(low.fold(u32::from(first & mask), |high, low| high << 6 | low))
    })
}

/// What a container is said to be: an empty one as Python prints it.
fn container(what: &str, empty: &str, length: usize) -> String {
    if length == 0 { empty.into() } else { format!("a {what} of {length}") }
}

/// `PerTensorAffine` as torch spells it.
pub(super) fn debug_name(value: &impl std::fmt::Debug) -> String {
    let debug = format!("{value:?}");
    let variant = debug.rsplit("::").next().unwrap_or_default();
    let mut name = String::new();
    for c in variant.chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_shown_by_their_start_alone() {
        // 100,000 looks at a megabyte each: whoever went over all of it would
        // not come back.
        let long = 1 << 20;
        let nodes = [
            Node::Bytes(vec![0xff; long]),
            Node::ByteArray(vec![b'a'; long]),
            Node::SurrogateText([0xed, 0xa0, 0x80].repeat(long)),
            Node::Size(vec![7; long]),
            Node::Device(wit::Device { kind: "é".repeat(long), index: Some(1) }),
        ];
        let state = StateDict::from_parts(nodes.to_vec(), Vec::new(), 0, Vec::new());
        for _ in 0..20_000 {
            assert!((0..5).all(|id| Item::new(&state, id).repr().len() < 400));
        }
    }

    #[test]
    fn short_values_are_shown_whole() {
        let nodes = [
            Node::Bytes(b"a\n".to_vec()),
            Node::Size(vec![2, 3]),
            Node::Device(wit::Device { kind: "cuda".into(), index: Some(1) }),
        ];
        let state = StateDict::from_parts(nodes.to_vec(), Vec::new(), 0, Vec::new());
        let shown: Vec<String> = (0..3).map(|id| Item::new(&state, id).repr()).collect();
        assert_eq!(shown, ["b'a\\n'", "torch.Size([2, 3])", "cuda:1"]);
    }

    #[test]
    fn lone_surrogates_are_told_apart() {
        let text = |bytes: &[u8]| Node::SurrogateText(bytes.to_vec());
        let nodes = [
            text(b"\xed\xa0\x80"),
            text(b"\xed\xbf\xbf\xc3\xa9\xf0\x9f\x99\x82a"),
            // No reader lets these pass.
            text(b"\xed\xa0"),
            text(b"\xff\xff\xff\xff"),
        ];
        let state = StateDict::from_parts(nodes.to_vec(), Vec::new(), 0, Vec::new());
        let shown: Vec<String> = (0..4).map(|id| Item::new(&state, id).repr()).collect();
        assert_eq!(shown, [r"'\ud800'", r"'\udfffé🙂a'", "''", r"'\U001fffff'"]);
    }

    #[test]
    fn empty_containers_are_shown_as_python_has_them() {
        let ordered = wit::OrderedDict { items: Vec::new(), attributes: None };
        let nodes = [
            Node::Tuple(Vec::new()),
            Node::List(Vec::new()),
            Node::Set(Vec::new()),
            Node::FrozenSet(Vec::new()),
            Node::Dict(Vec::new()),
            Node::Counter(Vec::new()),
            Node::OrderedDict(ordered),
            Node::List(vec![0]),
        ];
        let state = StateDict::from_parts(nodes.to_vec(), Vec::new(), 0, Vec::new());
        let shown: Vec<String> = (0..8).map(|id| Item::new(&state, id).repr()).collect();
        let empty = ["()", "[]", "set()", "frozenset()", "{}", "Counter()", "OrderedDict()", "a list of 1"];
        assert_eq!(shown, empty);
    }

    #[test]
    fn what_stands_for_a_class_is_never_none() {
        // What a method of an object makes: `getattr(object, 'method')()`.
        let global = |name: &str| Node::Global(wit::Global { module: "builtins".into(), name: name.into() });
        let call = |callable, args| {
            Node::Object(wit::Object {
                construct: wit::Construct::Call,
                callable,
                args: Some(args),
                kwargs: None,
                items: Vec::new(),
                pairs: Vec::new(),
                state: None,
                effects: Vec::new(),
            })
        };
        let nodes = [
            call(1, 5),
            call(2, 3),
            global("getattr"),
            Node::Tuple(vec![4, 6]),
            call(7, 5),
            Node::Tuple(Vec::new()),
            Node::Text(wit::Text { value: "Inner".into(), interned: false }),
            global("Outer"),
            call(9, 5),
            call(2, 10),
            Node::Tuple(vec![7, 6]),
        ];
        let state = StateDict::from_parts(nodes.to_vec(), Vec::new(), 0, Vec::new());
        assert_eq!(Item::new(&state, 0).kind(), "an unknown class");
        assert_eq!(Item::new(&state, 8).kind(), "builtins.Outer.Inner");
    }
}
