use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::deeds::Deed;
use super::effects::Lost;
use crate::dtype::DType;
use crate::model::{Construct, Global};

/// The index of an object in its [`Graph`].
pub type ObjectId = u32;

/// What the pickle machine keeps on its stack and inside containers. Values
/// without identity are held in place: a large checkpoint has millions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// `None`
    None,
    /// `True` or `False`
    Bool(bool),
    /// An `int` of at most 64 bits.
    Int(i64),
    /// The bits of a `float`.
    Float(u64),
    /// Anything with identity.
    Object(ObjectId),
}

/// An object as the pickle's instructions left it, classes uninterpreted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// An `int` beyond 64 bits: two's complement, least byte first, minimal.
    BigInt(Vec<u8>),
    /// A `str`.
    Text(String),
    /// A `str` with lone surrogates: UTF-8 but for those.
    SurrogateText(Vec<u8>),
    /// `bytes`, and Python 2 strings that are not UTF-8.
    Bytes(Vec<u8>),
    /// `bytearray`
    ByteArray(Vec<u8>),
    /// `tuple`
    Tuple(Vec<Value>),
    /// `list`
    List(Vec<Value>),
    /// `dict`: each item set, in order, repeated keys included.
    Dict(Vec<(Value, Value)>),
    /// `set`: each item added, in order, repeats included.
    Set(Vec<Value>),
    /// `frozenset`, likewise.
    FrozenSet(Vec<Value>),
    /// A class or function, under Python 3's name.
    Global(Global),
    /// A code of the `copyreg` extension registry.
    Extension(i64),
    /// What a call would make.
    Instance(Box<Instance>),
}

impl Object {
    /// Calls `each` with every value that an object refers to. There are no wildcards:
    /// a reference that is new and not handled here does not compile. Effects come last.
    pub(crate) fn references(&self, mut each: impl FnMut(Value)) {
        match self {
            Self::BigInt(_)
            | Self::Text(_)
            | Self::SurrogateText(_)
            | Self::Bytes(_)
            | Self::ByteArray(_)
            | Self::Global(_)
            | Self::Extension(_) => {}
            Self::Tuple(items) | Self::List(items) | Self::Set(items) | Self::FrozenSet(items) => {
                items.iter().copied().for_each(each);
            }
            Self::Dict(pairs) => pairs.iter().for_each(|&(key, value)| {
                each(key);
                each(value);
            }),
            Self::Instance(instance) => {
                let Instance {
                    offset: _,
                    construct: _,
                    callable,
                    args,
                    kwargs,
                    items,
                    pairs,
                    state,
                    effects,
                } = &**instance;
                each(*callable);
                args.iter().chain(kwargs).chain(items).copied().for_each(&mut each);
                for &(key, value) in pairs {
                    each(key);
                    each(value);
                }
                state.iter().chain(effects).copied().for_each(each);
            }
        }
    }
}

/// A call the pickle asks for, and what it then does to the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// File offset of the instruction that asks for the call.
    pub offset: u64,
    /// How it would be made.
    pub construct: Construct,
    /// What would be called; for [`Construct::Persistent`] the id.
    pub callable: Value,
    /// The arguments: a tuple, or for hostile files anything. None for a
    /// persistent id.
    pub args: Option<Value>,
    /// The keyword arguments of [`Construct::NewEx`].
    pub kwargs: Option<Value>,
    /// Values appended to or added to it.
    pub items: Vec<Value>,
    /// Items set on it, in order.
    pub pairs: Vec<(Value, Value)>,
    /// What BUILD hands it.
    pub state: Option<Value>,
    /// What is made and thrown away while it lies on top of the stack, and is or holds
    /// a call: that was made for its effect.
    pub effects: Vec<Value>,
}

impl Instance {
    /// Whether it is what the call makes, and nothing is done to it.
    pub fn is_bare(&self) -> bool {
        self.items.is_empty() && self.pairs.is_empty() && self.state.is_none() && self.effects.is_empty()
    }
}

/// What a pickle builds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    /// All objects, in the order they were made; some may be unreachable.
    pub objects: Vec<Object>,
    /// What the pickle evaluates to.
    pub root: Value,
    /// The protocol it declares, 0 if none.
    pub protocol: u8,
    /// Lists, dicts and sets that were changed after a call had taken them: what the
    /// call saw is not what they hold.
    pub changed: BTreeSet<ObjectId>,
    /// What was done to objects that a call could tell, in order.
    pub deeds: Vec<Deed>,
    /// Objects that are made once more, because a value leads back to itself, and
    /// dropped.
    pub again: BTreeSet<ObjectId>,
    /// Strings of Python 2 that are not ASCII: texts where they are UTF-8, else bytes.
    pub undecoded: u64,
    /// What is executed, and no value leads to it.
    pub lost: Option<Lost>,
    /// Storages that calls make of bytes in the pickle, where somebody has looked into those.
    pub loaded: BTreeMap<ObjectId, Loaded>,
}

/// A storage that a call makes of the bytes of a file in the pickle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The element type that its class says.
    pub dtype: DType,
    /// Its elements.
    pub elements: u64,
    /// Its bytes.
    pub length: u64,
    /// What holds the bytes of the file.
    pub file: Value,
    /// Where in them those of the storage start.
    pub start: u64,
}

impl Graph {
    /// The object a value refers to, if it is one.
    pub fn object(&self, value: Value) -> Option<&Object> {
        match value {
            Value::Object(id) => self.objects.get(usize::try_from(id).ok()?),
            _ => None,
        }
    }
}
