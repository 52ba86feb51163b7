//! What a partial read asks for, and where it puts it.

mod assemble;
mod dict;
mod like;
mod subtree;
mod tensor;

pub use dict::{DictKind, DictTarget, Key};
pub use subtree::Subtree;
pub(super) use tensor::Place;
pub use tensor::TensorTarget;

use crate::state::{Item, StateDict, Tensor};

/// What a partial read asks for, in the shape of the state dict it asks it of.
///
/// Each value says what is expected in its place, and is replaced by what is
/// there. What the checkpoint does not have stays as it is. See
/// [`CheckpointReader::read_into`](crate::CheckpointReader::read_into) for the rules.
///
/// ```
/// use strongroom::{CheckpointReader, CheckpointWriter, HookArguments, RankInfo};
/// use strongroom::{StateDict, Template, Tensor, TensorTarget, Value};
///
/// # fn main() -> strongroom::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("step-1");
/// let mut state = StateDict::new();
/// state.insert("weight", Tensor::from_slice(&[1.0f32, 2.0], &[2])?);
/// state.insert("optimizer", Value::dict([("lr", 0.1), ("momentum", 0.9)]));
/// CheckpointWriter::single()?.write(&path, &state, &HookArguments::new())?;
///
/// let mut weight = [0.0f32; 2];
/// let mut template = Template::dict([
///     ("weight", Template::from(TensorTarget::from_slice(&mut weight, &[2])?)),
///     ("optimizer", Template::dict([("lr", Template::Float(0.0))])),
///     ("epoch", Template::Int(7)),
/// ]);
/// let reader = CheckpointReader::new(RankInfo::single())?;
/// let missing = reader.read_into(&path, &mut template, false)?;
///
/// assert_eq!(missing, ["epoch"]);
/// let read = template.into_state_dict();
/// assert_eq!(read.get("optimizer.lr").unwrap().as_f64(), Some(0.1));
/// assert_eq!(read.get("epoch").unwrap().as_i64(), Some(7));
/// drop(read);
/// assert_eq!(weight, [1.0, 2.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Template<'b> {
    /// Whatever is there, with all that is in it: Python's `None`.
    Any,
    /// A `bool`.
    Bool(bool),
    /// An `int`.
    Int(i64),
    /// A `float`.
    Float(f64),
    /// A `str`.
    Str(String),
    /// A `bytes`.
    Bytes(Vec<u8>),
    /// A `list`. It becomes as long as the list that is there.
    List(Vec<Template<'b>>),
    /// A `dict`, an `OrderedDict` or a `Counter`. Only its keys are read.
    Dict(DictTarget<'b>),
    /// A tensor.
    Tensor(TensorTarget<'b>),
    /// A value of any other kind, replaced whole by one of the same kind: what an
    /// earlier read left in place of an [`Any`](Self::Any), or
    /// [`like`](Self::like) made.
    Value(Subtree<'b>),
}

impl<'b> Template<'b> {
    /// A dict with these keys.
    pub fn dict<K: Into<Key>, V: Into<Self>>(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::Dict(DictTarget::new(DictKind::Dict, entries))
    }

    /// An `OrderedDict` with these keys: what a module's `state_dict()` is.
    pub fn ordered_dict<K: Into<Key>, V: Into<Self>>(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::Dict(DictTarget::new(DictKind::OrderedDict, entries))
    }

    /// A list of these values.
    pub fn list<V: Into<Self>>(items: impl IntoIterator<Item = V>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }

    /// A template that asks for all that `state` has, and until it is read has its
    /// values. Tensors are read into new memory; tensors that are one and the same
    /// view of one storage in the checkpoint become one tensor again.
    ///
    /// Tuples, sets, sparse and quantized tensors, and all else that is no container
    /// to be filled, are asked for whole; so is a dict with keys that are neither
    /// strings nor integers of 64 bits, and a container that contains itself.
    pub fn like(state: &StateDict<'b>) -> Self {
        like::like(state)
    }

    /// The state dict of what was read and of what was kept. A tensor that was
    /// asked for without a value of its own, and is missing, has no data (as on the
    /// device `meta`).
    ///
    /// Tensors in the caller's buffers borrow them.
    pub fn into_state_dict(self) -> StateDict<'b> {
        assemble::assemble(self)
    }

    /// The value at a path such as `optimizer.state.0.exp_avg` or
    /// `param_groups[0].lr`, as a template. None if there is none, or if the way
    /// leads into a [`Value`](Self::Value).
    pub fn get(&self, path: &str) -> Option<&Template<'b>> {
        if path.is_empty() {
            return Some(self);
        }
        match self {
            Self::Dict(dict) => dict.iter().find_map(|(key, value)| {
                let rest = path.strip_prefix(key.text().as_ref())?;
                // The end of a key is the end of the path or the start of a step.
                match rest.strip_prefix('.') {
                    Some(rest) if !rest.is_empty() => value.get(rest),
                    None if rest.is_empty() || rest.starts_with('[') => value.get(rest),
                    _ => None,
                }
            }),
            Self::List(items) => {
                let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
                let rest = rest.strip_prefix('.').unwrap_or(rest);
                items.get(index.parse::<usize>().ok()?)?.get(rest)
            }
            _ => None,
        }
    }

    /// The tensor at a path, if there is one and it has a value.
    pub fn tensor(&self, path: &str) -> Option<Tensor<'_>> {
        match self.get(path)? {
            Self::Tensor(target) => target.tensor(),
            Self::Value(value) => value.item().as_tensor(),
            _ => None,
        }
    }

    /// The kind of value that is asked for, as Python names it.
    pub(super) fn kind(&self) -> String {
        match self {
            Self::Any => "NoneType".into(),
            Self::Bool(_) => "bool".into(),
            Self::Int(_) => "int".into(),
            Self::Float(_) => "float".into(),
            Self::Str(_) => "str".into(),
            Self::Bytes(_) => "bytes".into(),
            Self::List(_) => "list".into(),
            Self::Dict(dict) => dict.kind().name().into(),
            Self::Tensor(_) => "Tensor".into(),
            Self::Value(value) => value.item().kind(),
        }
    }

    /// A simple value as a template of its own; none for all others.
    pub(super) fn simple(item: Item<'_, '_>) -> Option<Self> {
        let text = || item.as_str().map(|text| Self::Str(text.into()));
        // `as_bytes` is of bytearrays too.
        let bytes = || item.as_bytes().filter(|_| item.kind() == "bytes").map(|b| Self::Bytes(b.into()));
        match item {
            item if item.is_none() => Some(Self::Any),
            item => (item.as_bool().map(Self::Bool))
                .or_else(|| item.as_i64().map(Self::Int))
                .or_else(|| item.as_f64().map(Self::Float))
                .or_else(text)
                .or_else(bytes),
        }
    }
}

macro_rules! from {
    ($($type:ty => |$value:ident| $made:expr;)*) => {
        $(impl<'b> From<$type> for Template<'b> {
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
    f64 => |value| Self::Float(value);
    &str => |value| Self::Str(value.into());
    String => |value| Self::Str(value);
    Vec<Template<'b>> => |value| Self::List(value);
    DictTarget<'b> => |value| Self::Dict(value);
    TensorTarget<'b> => |value| Self::Tensor(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_values() {
        let template = Template::dict([
            ("a.b", Template::list([Template::dict([("c", 1)]), Template::Any])),
            ("a", Template::dict([("b.x", 2)])),
        ]);
        let int = |path: &str| match template.get(path) {
            Some(Template::Int(value)) => Some(*value),
            _ => None,
        };
        assert_eq!(int("a.b[0].c"), Some(1));
        assert_eq!(int("a.b.x"), Some(2));
        assert!(matches!(template.get("a.b[1]"), Some(Template::Any)));
        for nowhere in ["a.b[2]", "a.", "a.b[0]c.d", "b", "a.b[", "a.b[-1]", "a.b[0].c.d"] {
            assert!(template.get(nowhere).is_none(), "{nowhere}");
        }
    }
}
