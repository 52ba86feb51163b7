use std::borrow::Cow;

use super::{Subtree, Template};

/// A dict as a partial read asks for it: the keys that are wanted of it.
///
/// [`Template::dict`] and [`Template::ordered_dict`] make the usual ones.
///
/// ```
/// use strongroom::{DictKind, DictTarget, Key, Template};
///
/// // What a lr scheduler saves of its milestones.
/// let milestones = DictTarget::new(DictKind::Counter, [(30, Template::Any), (60, Template::Any)]);
/// assert_eq!(milestones.len(), 2);
/// assert!(milestones.iter().any(|(key, _)| *key == Key::Int(60)));
/// ```
#[derive(Debug)]
pub struct DictTarget<'b> {
    kind: DictKind,
    entries: Vec<(Key, Template<'b>)>,
    /// What an `OrderedDict` has besides: a module's `_metadata`. It stays.
    attributes: Option<Subtree<'b>>,
}

/// The class of a dict. A plain `dict` takes no other's place; each of the others
/// takes that of a plain one.
///
/// ```
/// assert_eq!(strongroom::DictKind::OrderedDict.name(), "OrderedDict");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DictKind {
    /// `dict`
    Dict,
    /// `collections.OrderedDict`
    OrderedDict,
    /// `collections.Counter`
    Counter,
}

/// A key of a dict. Strings and integers convert.
///
/// ```
/// use strongroom::Key;
///
/// assert_ne!(Key::from(5), Key::from("5"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Key {
    /// A `str`.
    Str(String),
    /// An `int`: an optimizer numbers parameters so.
    Int(i64),
}

impl<'b> DictTarget<'b> {
    /// A dict with these keys.
    pub fn new<K: Into<Key>, V: Into<Template<'b>>>(
        kind: DictKind,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let entries = entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Self { kind, entries, attributes: None }
    }

    pub(super) fn with_attributes(self, attributes: Option<Subtree<'b>>) -> Self {
        Self { attributes, ..self }
    }

    /// Its class.
    pub fn kind(&self) -> DictKind {
        self.kind
    }

    /// How many keys it asks for.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it asks for none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Its keys and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Template<'b>)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    pub(in super::super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Template<'b>> {
        self.entries.iter_mut().map(|(_, value)| value)
    }

    pub(super) fn into_parts(self) -> (DictKind, Vec<(Key, Template<'b>)>, Option<Subtree<'b>>) {
        (self.kind, self.entries, self.attributes)
    }
}

impl DictKind {
    /// Python's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dict => "dict",
            Self::OrderedDict => "OrderedDict",
            Self::Counter => "Counter",
        }
    }
}

impl Key {
    /// As it stands in a path.
    pub(in super::super) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Str(text) => Cow::Borrowed(text),
            Self::Int(number) => Cow::Owned(number.to_string()),
        }
    }
}

macro_rules! from {
    ($($type:ty => |$value:ident| $made:expr;)*) => {
        $(impl From<$type> for Key {
            fn from($value: $type) -> Self {
                $made
            }
        })*
    };
}

from! {
    &str => |value| Self::Str(value.into());
    String => |value| Self::Str(value);
    i32 => |value| Self::Int(value.into());
    u32 => |value| Self::Int(value.into());
    i64 => |value| Self::Int(value);
}
