use super::{Node, StateDict, Tensor};
use crate::sandbox::bindings::types as wit;

/// A value to put into a [`StateDict`].
///
/// Most Rust values convert: `7.into()`, `"adam".into()`, a [`Tensor`], a
/// vector of values.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Value<'a> {
    /// `None`
    None,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `float`
    Float(f64),
    /// `str`
    Str(String),
    /// `bytes`
    Bytes(Vec<u8>),
    /// `list`
    List(Vec<Value<'a>>),
    /// `tuple`
    Tuple(Vec<Value<'a>>),
    /// `dict`, in order. Keys are strings, integers, or any hashable value.
    Dict(Vec<(Value<'a>, Value<'a>)>),
    /// A tensor.
    Tensor(Tensor<'a>),
    /// A `torch.nn.Parameter`: a tensor that a module trains.
    Parameter(Tensor<'a>),
}

impl<'a> Value<'a> {
    /// A dict, in the order given.
    pub fn dict<K: Into<Value<'a>>, V: Into<Value<'a>>>(items: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::Dict(items.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }

    /// A list, in the order given.
    pub fn list<V: Into<Value<'a>>>(items: impl IntoIterator<Item = V>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

macro_rules! from {
    ($($type:ty => |$value:ident| $made:expr;)*) => {
        $(impl<'a> From<$type> for Value<'a> {
            fn from($value: $type) -> Self {
                $made
            }
        })*
    };
}

from! {
    bool => |value| Self::Bool(value);
    i32 => |value| Self::Int(value.into());
    i64 => |value| Self::Int(value);
    u32 => |value| Self::Int(value.into());
    f64 => |value| Self::Float(value);
    &str => |value| Self::Str(value.into());
    String => |value| Self::Str(value);
    Vec<Value<'a>> => |value| Self::List(value);
    Tensor<'a> => |value| Self::Tensor(value);
}

/// Adds a value and all in it to the arena; answers its index.
pub(crate) fn add<'a>(state: &mut StateDict<'a>, value: Value<'a>) -> u32 {
    let node = match value {
        Value::None => Node::None,
        Value::Bool(value) => Node::Boolean(value),
        Value::Int(value) => Node::Int(value),
        Value::Float(value) => Node::Float(value.to_bits()),
        Value::Str(value) => Node::Text(wit::Text { interned: is_identifier(&value), value }),
        Value::Bytes(value) => Node::Bytes(value),
        Value::List(items) => Node::List(add_all(state, items)),
        Value::Tuple(items) => Node::Tuple(add_all(state, items)),
        Value::Dict(items) => Node::Dict(
            items
                .into_iter()
                .map(|(key, value)| wit::Pair { key: add(state, key), value: add(state, value) })
                .collect(),
        ),
        Value::Tensor(tensor) => Node::Tensor(raw(state, &tensor)),
        Value::Parameter(tensor) => {
            let mut view = raw(state, &tensor);
            let requires_grad = std::mem::replace(&mut view.requires_grad, false);
            let tensor = state.push(Node::Tensor(view));
            Node::Parameter(wit::Parameter { tensor, requires_grad, state: None })
        }
    };
    state.push(node)
}

fn add_all<'a>(state: &mut StateDict<'a>, items: Vec<Value<'a>>) -> Vec<u32> {
    items.into_iter().map(|item| add(state, item)).collect()
}

fn raw<'a>(state: &mut StateDict<'a>, tensor: &Tensor<'a>) -> wit::Tensor {
    let storage = tensor.storage().map(|storage| state.storage_id(storage));
    wit::Tensor { storage, ..tensor.raw().clone() }
}

/// Whether CPython would keep one object for all who write this literal: only
/// then are two equal strings of a state dict one string in the file.
fn is_identifier(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}
