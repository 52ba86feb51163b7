use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::deeds::{Deed, Deeds, Given};
use super::flaw::Flaw;
use super::opcode as op;
use super::taken::Taken;
use super::{Instance, Object, ObjectId, Value};
use crate::model::Global;

/// A moment: each new object brings another, and whatever hands a value to a call.
pub(super) type Time = u32;

/// The objects a pickle makes, and which of them Python keeps once.
#[derive(Debug)]
pub(super) struct Heap {
    objects: Vec<Object>,
    /// The cap on nodes of a state dict, from which that on objects follows.
    nodes: u32,
    empty_tuple: Option<Value>,
    /// By module, then by name: looking up allocates nothing.
    globals: BTreeMap<String, BTreeMap<String, Value>>,
    extensions: BTreeMap<i64, Value>,
    taken: Taken,
    deeds: Deeds,
}

impl Heap {
    /// An empty heap of at most [`OBJECTS_PER_NODE`] objects for each of `nodes`.
    pub(super) fn new(nodes: u32) -> Self {
        let (globals, extensions) = (BTreeMap::new(), BTreeMap::new());
        let (taken, deeds) = (Taken::default(), Deeds::default());
        Self { objects: Vec::new(), nodes, empty_tuple: None, globals, extensions, taken, deeds }
    }

    /// The objects made so far.
    pub(super) fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// The same, to change.
    pub(super) fn objects_mut(&mut self) -> &mut [Object] {
        &mut self.objects
    }

    /// Objects that were changed after a call had taken them.
    pub(super) fn changed(&self) -> &BTreeSet<ObjectId> {
        self.taken.changed()
    }

    /// All objects made, those that were changed after a call had taken them, and what
    /// was done to objects.
    pub(super) fn into_objects(self) -> (Vec<Object>, BTreeSet<ObjectId>, Vec<Deed>) {
        (self.objects, self.taken.into_changed(), self.deeds.into_all())
    }

    /// The moment.
    pub(super) fn now(&self) -> Time {
        self.taken.now(&self.objects)
    }

    /// How many objects there were at a moment.
    pub(super) fn objects_at(&self, moment: Time) -> ObjectId {
        self.taken.objects_at(moment)
    }

    /// Notes that the newest object is a call that is given a value.
    pub(super) fn take(&mut self, value: Value) {
        let now = self.now();
        self.taken.take(&self.objects, value, now);
    }

    /// Notes that a value is given something: what it is given, calls see from here on
    /// that see the value.
    pub(super) fn change(&mut self, target: Value, items: &[Value], given: Given) {
        let Value::Object(id) = target else { return };
        let instance = self.is_instance(target);
        let taken = self.taken.change(id);
        match given {
            Given::Pairs(_) => self.hash(items.iter().step_by(2)),
            Given::Members(_) => self.hash(items),
            Given::Items(_) | Given::State => {}
        }
        // Those of an instance are arguments of its methods.
        if instance || taken {
            items.iter().for_each(|&item| self.taken.give(&self.objects, item));
            self.deeds.add(id, given, taken);
        }
    }

    /// Notes that values are hashed, which is a call: what they hold is looked at.
    pub(super) fn hash<'v>(&mut self, keys: impl IntoIterator<Item = &'v Value>) {
        for &key in keys {
            let can_change =
                matches!(self.get(key), Some(Object::Tuple(_) | Object::FrozenSet(_) | Object::Instance(_)));
            if can_change {
                self.taken.give(&self.objects, key);
            }
        }
    }

    /// Adds an object.
    pub(super) fn add(&mut self, object: Object) -> Result<Value, Flaw> {
        let full = || Flaw::Limit("nodes", u64::from(self.nodes));
        if self.objects.len() as u64 >= u64::from(self.nodes).saturating_mul(OBJECTS_PER_NODE) {
            return Err(full());
        }
        let id = ObjectId::try_from(self.objects.len()).map_err(|_| full())?;
        self.objects.push(object);
        Ok(Value::Object(id))
    }

    /// A tuple; the empty one is one object.
    pub(super) fn tuple(&mut self, items: Vec<Value>) -> Result<Value, Flaw> {
        match self.empty_tuple {
            _ if !items.is_empty() => self.add(Object::Tuple(items)),
            Some(tuple) => Ok(tuple),
            None => {
                let tuple = self.add(Object::Tuple(items))?;
                self.empty_tuple = Some(tuple);
                Ok(tuple)
            }
        }
    }

    /// A class or function; all of one module and name are one object.
    pub(super) fn global(&mut self, module: &str, name: &str) -> Result<Value, Flaw> {
        short(module)?;
        short(name)?;
        if let Some(&value) = self.globals.get(module).and_then(|names| names.get(name)) {
            return Ok(value);
        }
        let value = self.add(Object::Global(Global { module: module.into(), name: name.into() }))?;
        match self.globals.get_mut(module) {
            Some(names) => drop(names.insert(name.into(), value)),
            None => drop(self.globals.insert(module.into(), BTreeMap::from([(name.into(), value)]))),
        }
        Ok(value)
    }

    /// What an extension code stands for: one object for each code.
    pub(super) fn extension(&mut self, code: i64) -> Result<Value, Flaw> {
        if code <= 0 {
            return Err(Flaw::malformed("an extension code above 0", format!("{code}")));
        }
        if let Some(&value) = self.extensions.get(&code) {
            return Ok(value);
        }
        let value = self.add(Object::Extension(code))?;
        self.extensions.insert(code, value);
        Ok(value)
    }

    /// The object a value refers to, if it is one.
    fn get(&self, value: Value) -> Option<&Object> {
        match value {
            Value::Object(id) => self.objects.get(usize::try_from(id).ok()?),
            _ => None,
        }
    }

    /// The text of a value that should name a module or what is in it.
    pub(super) fn name(&self, value: Value) -> Result<String, Flaw> {
        match self.get(value) {
            Some(Object::Text(text)) => short(text).map(String::from),
            Some(Object::SurrogateText(_)) => {
                Err(Flaw::unsupported("names without lone surrogates", "a name with one"))
            }
            _ => Err(Flaw::malformed("two str", self.kind(value))),
        }
    }

    /// Whether a value is a `str`, or may turn out to be one when calls are made.
    pub(super) fn may_be_text(&self, value: Value) -> bool {
        matches!(
            self.get(value),
            Some(Object::Text(_) | Object::SurrogateText(_) | Object::Instance(_) | Object::Global(_))
        )
    }

    /// Whether a value is a class or function.
    pub(super) fn is_named(&self, value: Value) -> bool {
        matches!(self.get(value), Some(Object::Global(_) | Object::Extension(_)))
    }

    /// Whether a value is what a call makes.
    pub(super) fn is_instance(&self, value: Value) -> bool {
        matches!(self.get(value), Some(Object::Instance(_)))
    }

    /// Whether a value is a container that the instruction is made for; of an
    /// instance nobody knows yet.
    pub(super) fn takes(&self, code: u8, target: Value) -> Result<bool, Flaw> {
        let expected = match (code, self.get(target)) {
            (_, Some(Object::Instance(_))) => return Ok(false),
            (op::SETITEM | op::SETITEMS, Some(Object::Dict(_)))
            | (op::ADDITEMS, Some(Object::Set(_)))
            | (op::APPEND | op::APPENDS, Some(Object::List(_))) => return Ok(true),
            (op::SETITEM | op::SETITEMS, _) => "a dict or an instance",
            (op::ADDITEMS, _) => "a set or an instance",
            _ => "a list or an instance",
        };
        Err(Flaw::malformed(expected, self.kind(target)))
    }

    /// Appends to a list or an instance.
    pub(super) fn append(&mut self, target: Value, items: &[Value]) -> Result<(), Flaw> {
        match self.get_mut(target) {
            Some(Object::List(list)) => list.extend_from_slice(items),
            Some(Object::Instance(instance)) => {
                instance.items.extend_from_slice(items);
            }
            _ => return Err(Flaw::malformed("a list or an instance", self.kind(target))),
        }
        Ok(())
    }

    /// Adds to a set or an instance.
    pub(super) fn insert(&mut self, target: Value, items: &[Value]) -> Result<(), Flaw> {
        match self.get_mut(target) {
            Some(Object::Set(set)) => set.extend_from_slice(items),
            // A call of `add` or `update`, where all others of the kind append.
            Some(Object::Instance(instance)) => {
                instance.items.extend_from_slice(items);
            }
            _ => return Err(Flaw::malformed("a set or an instance", self.kind(target))),
        }
        Ok(())
    }

    /// Sets items, key before value, on a dict or an instance.
    pub(super) fn set_items(&mut self, target: Value, items: &[Value]) -> Result<(), Flaw> {
        let pairs = pairs(items)?;
        match self.get_mut(target) {
            Some(Object::Dict(dict)) => dict.extend(pairs),
            Some(Object::Instance(instance)) => {
                instance.pairs.extend(pairs);
            }
            _ => return Err(Flaw::malformed("a dict or an instance", self.kind(target))),
        }
        Ok(())
    }

    /// Hands an instance its state.
    pub(super) fn build(&mut self, target: Value, state: Value) -> Result<(), Flaw> {
        match self.get_mut(target) {
            Some(Object::Instance(instance)) if instance.state.is_none() => instance.state = Some(state),
            Some(Object::Instance(_)) => {
                return Err(Flaw::unsupported("one state for an instance", "a second"));
            }
            // Python would change a class or a function for the whole process.
            Some(Object::Global(_) | Object::Extension(_)) => {
                return Err(Flaw::unsupported("an instance", self.kind(target)));
            }
            _ => return Err(Flaw::malformed("an instance", self.kind(target))),
        }
        Ok(())
    }

    /// Whether a value is what joblib puts before the bytes of an array: a reader of its own takes
    /// those when it has built it.
    pub(super) fn is_array_of_joblib(&self, value: Value) -> bool {
        let Some(Object::Instance(instance)) = self.get(value) else { return false };
        let is_class = |value: &Value| match self.get(*value) {
            Some(Object::Global(class)) => {
                (class.module.as_str(), class.name.as_str()) == ("joblib.numpy_pickle", "NumpyArrayWrapper")
            }
            _ => false,
        };
        // Protocols 0 and 1 hand the class to `copyreg._reconstructor`.
        let first = || match self.get(instance.args?) {
            Some(Object::Tuple(items)) => items.first(),
            _ => None,
        };
        is_class(&instance.callable) || first().is_some_and(is_class)
    }

    /// An instance.
    pub(super) fn instance(&mut self, instance: Instance) -> Result<Value, Flaw> {
        self.deeds.called();
        self.add(Object::Instance(Box::new(instance)))
    }

    /// What a value is, for an error.
    pub(super) fn kind(&self, value: Value) -> &'static str {
        match value {
            Value::None => "None",
            Value::Bool(_) => "a bool",
            Value::Int(_) => "an int",
            Value::Float(_) => "a float",
            Value::Object(_) => self.get(value).map_or("nothing", object_kind),
        }
    }

    fn get_mut(&mut self, value: Value) -> Option<&mut Object> {
        match value {
            Value::Object(id) => self.objects.get_mut(usize::try_from(id).ok()?),
            _ => None,
        }
    }
}

/// Keys and values in turn, as pairs.
pub(super) fn pairs(items: &[Value]) -> Result<impl Iterator<Item = (Value, Value)>, Flaw> {
    let (pairs, rest) = items.as_chunks::<2>();
    if rest.is_empty() {
        Ok(pairs.iter().map(|&[key, value]| (key, value)))
    } else {
        Err(Flaw::malformed("a value for each key", format!("{} values in all", items.len())))
    }
}

/// Refuses long names: a pickle can put two long strings aside once and then
/// have them compared again and again in a few bytes each time.
fn short(name: &str) -> Result<&str, Flaw> {
    if name.len() <= NAME_BYTES {
        return Ok(name);
    }
    let expected = format!("a name of at most {NAME_BYTES} bytes");
    Err(Flaw::unsupported(expected, format!("one of {}", name.len())))
}

fn object_kind(object: &Object) -> &'static str {
    match object {
        Object::BigInt(_) => "an int",
        Object::Text(_) | Object::SurrogateText(_) => "a str",
        Object::Bytes(_) => "bytes",
        Object::ByteArray(_) => "a bytearray",
        Object::Tuple(_) => "a tuple",
        Object::List(_) => "a list",
        Object::Dict(_) => "a dict",
        Object::Set(_) => "a set",
        Object::FrozenSet(_) => "a frozenset",
        Object::Global(_) => "a class or function",
        Object::Extension(_) => "an extension",
        Object::Instance(_) => "an instance",
    }
}

/// Objects for each node of `Limits::nodes`. A tensor is one node, and nine
/// objects of which some are shared; most nodes are one object.
const OBJECTS_PER_NODE: u64 = 4;

/// The cap on a module's and on a name's length.
const NAME_BYTES: usize = 1024;
