use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::storages::Storages;
use crate::model::{Construct, Global};
use crate::pickle::{Graph, Instance, Loaded, Object, ObjectId, Value};
use crate::{Error, Limits, show};

/// What is at hand while one object is given its meaning.
///
/// A function that answers `Ok(None)`, "not known", has met no storage and
/// shared no text.
pub(super) struct Context<'g> {
    graph: &'g Graph,
    limits: &'g Limits,
    /// Whether an object means something only if writing that gives the same
    /// instructions again.
    pub(super) exact: bool,
    /// The storages met so far.
    pub(super) storages: Storages<'g>,
    /// For each object, how it serves nodes other than its own: bits.
    uses: Vec<u8>,
    /// Bytes of objects consumed again.
    copied: u64,
    /// Values that went into nodes: the walk's edges, shapes, strides.
    values: u64,
}

impl<'g> Context<'g> {
    /// Nothing met yet.
    pub(super) fn new(graph: &'g Graph, limits: &'g Limits, exact: bool) -> Self {
        let uses = vec![0; graph.objects.len()];
        Self { graph, limits, exact, storages: Storages::default(), uses, copied: 0, values: 0 }
    }

    /// The object a value refers to.
    pub(super) fn object(&self, value: Value) -> Option<&'g Object> {
        self.graph.object(value)
    }

    /// A `str`'s characters.
    pub(super) fn text(&self, value: Value) -> Option<&'g str> {
        match self.object(value)? {
            Object::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A `tuple`'s items.
    pub(super) fn tuple(&self, value: Value) -> Option<&'g [Value]> {
        match self.object(value)? {
            Object::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// A `list`'s items, unless the call that copies them may have seen others.
    pub(super) fn list(&self, value: Value) -> Option<&'g [Value]> {
        match self.object(value)? {
            Object::List(items) if !self.has_changed(value) => Some(items),
            _ => None,
        }
    }

    /// A `dict`'s items, repeated keys included, on the same condition.
    pub(super) fn dict(&self, value: Value) -> Option<&'g [(Value, Value)]> {
        match self.object(value)? {
            Object::Dict(pairs) if !self.has_changed(value) => Some(pairs),
            _ => None,
        }
    }

    /// Whether a value was changed after a call had taken it.
    fn has_changed(&self, value: Value) -> bool {
        matches!(value, Value::Object(id) if self.graph.changed.contains(&id))
    }

    /// A class or function.
    pub(super) fn global(&self, value: Value) -> Option<&'g Global> {
        match self.object(value)? {
            Object::Global(global) => Some(global),
            _ => None,
        }
    }

    /// What a call would make.
    pub(super) fn instance(&self, value: Value) -> Option<&'g Instance> {
        match self.object(value)? {
            Object::Instance(instance) => Some(instance),
            _ => None,
        }
    }

    /// The storage that a call makes of bytes, if somebody has looked into those.
    pub(super) fn loaded(&self, id: ObjectId) -> Option<&'g Loaded> {
        self.graph.loaded.get(&id)
    }

    /// Whether a value is a call of which that is known.
    pub(super) fn is_loaded(&self, value: Value) -> bool {
        matches!(value, Value::Object(id) if self.graph.loaded.contains_key(&id))
    }

    /// Whether a value is a plain call of a name.
    pub(super) fn is_call_of(&self, value: Value, module: &str, name: &str) -> bool {
        let instance =
            self.instance(value).filter(|call| call.construct == Construct::Call && call.is_bare());
        let called = instance.and_then(|call| self.global(call.callable));
        called.is_some_and(|global| global.module == module && global.name == name)
    }

    /// The class that a value stands for, if it is a persistent id of the legacy format,
    /// `('module', class, source file, source)`; and whether the source came with it.
    pub(super) fn module(&self, value: Value) -> Option<(Value, bool)> {
        let id = self.instance(value).filter(|id| id.construct == Construct::Persistent && id.is_bare())?;
        match self.tuple(id.callable)? {
            &[tag, class, _, source] if self.text(tag) == Some("module") && self.is_class(class) => {
                Some((class, self.text(source).is_some()))
            }
            _ => None,
        }
    }

    /// Whether a value is a class: one inside another is a call of `getattr` here.
    fn is_class(&self, value: Value) -> bool {
        self.path(value).is_some()
    }

    /// The full name of a class.
    pub(super) fn class(&self, value: Value) -> Option<Global> {
        let (outermost, mut inner) = self.path(value)?;
        inner.push(&outermost.name);
        inner.reverse();
        Some(Global { module: outermost.module.clone(), name: inner.join(".") })
    }

    /// The outermost class that a class is in, and the names from there, the last first.
    fn path(&self, mut value: Value) -> Option<(&'g Global, Vec<&'g str>)> {
        let mut names = Vec::new();
        while self.is_call_of(value, "builtins", "getattr") {
            let &[outer, name] = self.tuple(self.instance(value)?.args?)? else { return None };
            let name = self.text(name)?;
            // Real names are short, and a hostile file could have each one many times.
            if names.len() >= MAX_NESTED || name.len() > MAX_NAME {
                return None;
            }
            names.push(name);
            value = outer;
        }
        let outermost = self.global(value)?;
        // From protocol 4 on, all of the name is in one piece: a writer of earlier ones has to
        // write what is read in the same way.
        let (name, pieces) = (&outermost.name, outermost.name.bytes().filter(|&byte| byte == b'.'));
        if name.len() > MAX_PATH || pieces.count().saturating_add(names.len()) > MAX_NESTED {
            return None;
        }
        if name.split('.').skip(1).any(|name| name.len() > MAX_NAME) {
            return None;
        }
        Some((outermost, names))
    }

    /// Counts values that go into a node. Without it, a pickle could have one
    /// long tuple be the shape of a million tensors.
    pub(super) fn charge(&mut self, values: usize, offset: u64) -> Result<(), Error> {
        self.values = self.values.saturating_add(values as u64);
        if self.values > self.limits.tree {
            return Err(Error::limit(offset, "tree", self.limits.tree));
        }
        Ok(())
    }

    /// Says that a text or bytes object is looked at, and perhaps copied, for
    /// another node. The first time is free; after that its bytes are counted,
    /// because a million calls could otherwise copy one long text.
    pub(super) fn consume(&mut self, value: Value, offset: u64) -> Result<(), Error> {
        let length = match self.object(value) {
            Some(Object::Text(text)) => text.len(),
            Some(Object::Bytes(bytes)) => bytes.len(),
            _ => 0,
        };
        if self.set(value, CONSUMED) {
            self.copied = self.copied.saturating_add(length as u64);
        }
        if self.copied > self.limits.string_bytes {
            return Err(Error::limit(offset, "string_bytes", self.limits.string_bytes));
        }
        Ok(())
    }

    /// Says that the contents of a list or dict become those of another container.
    /// False if they have become that of one already: a writer makes a new list
    /// for each, and a pickle of a megabyte could name one a hundred thousand times.
    pub(super) fn take_contents(&mut self, value: Value) -> bool {
        !self.set(value, CONSUMED)
    }

    /// Notes that a text is a part of how another node is spelled, and one that
    /// torch and CPython keep once for all who write it.
    pub(super) fn share(&mut self, value: Value) {
        self.set(value, SHARED);
    }

    /// Notes that a value has become a part of how another node is spelled.
    pub(super) fn take_part(&mut self, value: Value) {
        self.set(value, PART);
    }

    /// Whether a value was noted by [`take_part`](Self::take_part).
    pub(super) fn is_part(&self, value: Value) -> bool {
        let Value::Object(id) = value else { return false };
        let uses = usize::try_from(id).ok().and_then(|id| self.uses.get(id));
        uses.is_some_and(|uses| uses & PART != 0)
    }

    /// The objects noted by [`share`](Self::share).
    pub(super) fn shared(&self) -> impl Iterator<Item = ObjectId> {
        (0..).zip(&self.uses).filter(|&(_, &uses)| uses & SHARED != 0).map(|(id, _)| id)
    }

    /// Sets one bit of an object's uses. True if it was set.
    fn set(&mut self, value: Value, bit: u8) -> bool {
        let Value::Object(id) = value else { return false };
        let Some(uses) = usize::try_from(id).ok().and_then(|id| self.uses.get_mut(id)) else { return false };
        let before = *uses & bit != 0;
        *uses |= bit;
        before
    }

    /// A value in the words of an error message.
    pub(super) fn describe(&self, value: Value) -> String {
        match value {
            Value::None => "None".into(),
            Value::Bool(value) => format!("the bool {value}"),
            Value::Int(value) => format!("the int {value}"),
            Value::Float(bits) => format!("the float {:?}", f64::from_bits(bits)),
            Value::Object(_) => self.object(value).map_or_else(
                || String::from("an object that does not exist"),
                |object| self.describe_object(object),
            ),
        }
    }

    fn describe_object(&self, object: &Object) -> String {
        match object {
            Object::BigInt(bytes) => format!("an int of {} bytes", bytes.len()),
            Object::Text(text) => format!("the str {}", show::name(text)),
            Object::SurrogateText(_) => "a str with lone surrogates".into(),
            Object::Bytes(bytes) => format!("bytes: {}", show::bytes(bytes)),
            Object::ByteArray(bytes) => format!("a bytearray: {}", show::bytes(bytes)),
            Object::Tuple(items) => format!("a tuple of {}", items.len()),
            Object::List(items) => format!("a list of {}", items.len()),
            Object::Dict(_) => "a dict".into(),
            Object::Set(_) | Object::FrozenSet(_) => "a set".into(),
            Object::Global(global) => {
                format!("the global {}", show::name(&format!("{} {}", global.module, global.name)))
            }
            Object::Extension(code) => format!("extension code {code}"),
            Object::Instance(instance) => match self.global(instance.callable) {
                Some(Global { module, name }) => {
                    format!("a call of {}", show::name(&format!("{module} {name}")))
                }
                None => "a call".into(),
            },
        }
    }
}

/// Classes inside each other, and bytes of their names.
const MAX_NESTED: usize = 10;
const MAX_NAME: usize = 100;
const MAX_PATH: usize = 4096;

/// The object's text, bytes or contents were consumed.
const CONSUMED: u8 = 1;
/// The object's text is a shared constant.
const SHARED: u8 = 2;
/// The object is a part of how another node is spelled.
const PART: u8 = 4;
