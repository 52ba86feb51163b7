//! What calls cost.

use super::table::Kind;
use super::{Meter, copied};
use crate::model::Construct;
use crate::pickle::{Instance, Object, Value};
use crate::validate::budget::Cost;
use crate::validate::pickle::allowed::Means;

/// What a call does with its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::validate::pickle) enum Work {
    /// It looks at each of a few numbers.
    Numbers,
    /// It makes a set of a list's items.
    Set,
    /// It makes a dict of pairs.
    Dict,
    /// It copies bytes or encodes text.
    Bytes,
    /// It loads a file of one storage from bytes.
    Load,
    /// It makes a tensor of a storage, or of another tensor.
    Tensor,
    /// It makes a tensor of several others, or one that is checked or copied. What elements cost
    /// is counted where their number is known.
    Compound,
    /// It makes an array of numpy, or of what has one inside, and copies its bytes.
    Array,
    /// It makes a generator of random numbers.
    Generator,
}

impl Meter<'_> {
    /// What a call costs, and what is done to its result.
    pub(super) fn instance(&mut self, instance: &Instance) -> Cost {
        let keys = self.table(Kind::Dict, instance.pairs.iter().map(|&(key, _)| key));
        let items = ITEM.times(instance.items.len() as u64);
        let state = instance.state.map_or(Cost::default(), |state| self.attributes(state));
        // Python's ordered dicts look a key up twice.
        [keys, keys, items, state].into_iter().fold(self.call(instance), Cost::and)
    }

    fn call(&mut self, instance: &Instance) -> Cost {
        if instance.construct == Construct::Persistent {
            return STORAGE;
        }
        let args = instance.args.and_then(|args| self.objects.tuple(args)).unwrap_or_default();
        let work = match self.objects.means(instance.callable) {
            Some(Means::Call(callable)) => callable.work,
            Some(Means::Object(row)) => row.work,
            Some(Means::Maker) => Work::Numbers,
            _ => return CALL,
        };
        let first = args.first().copied().unwrap_or(Value::None);
        let own = match work {
            Work::Numbers => Cost::default(),
            Work::Set => self.table_of(Kind::Set, first),
            Work::Dict => self.table_of(Kind::Dict, first).times(2),
            Work::Bytes => copied(self.bytes(first)),
            Work::Load => copied(self.bytes(first)).times(2).and(LOAD),
            Work::Tensor => TENSOR,
            Work::Compound => COMPOUND,
            Work::Array => self.array(instance.state, args),
            Work::Generator => GENERATOR,
        };
        let args = args.iter().map(|&arg| self.argument(arg));
        args.fold(own.and(CALL), Cost::and)
    }

    /// What it costs to look at an argument: each of a size's numbers, each attribute.
    fn argument(&self, arg: Value) -> Cost {
        match self.objects.get(arg) {
            Some(Object::Tuple(items)) => {
                let inner = items.iter().map(|&item| self.attributes(item));
                inner.fold(NUMBER.times(items.len() as u64), Cost::and)
            }
            Some(Object::List(items)) => NUMBER.times(items.len() as u64),
            _ => self.attributes(arg),
        }
    }

    /// What it costs to set the attributes that a state has.
    fn attributes(&self, state: Value) -> Cost {
        let count = match self.objects.get(state) {
            Some(Object::Dict(pairs)) => pairs.len(),
            Some(Object::Instance(instance)) => instance.pairs.len(),
            Some(Object::Tuple(items) | Object::List(items)) => items.len(),
            _ => 0,
        };
        ATTRIBUTE.times(count as u64)
    }

    /// What it costs to copy the bytes that an array has, in its state or its arguments.
    fn array(&self, state: Option<Value>, args: &[Value]) -> Cost {
        let parts = state.and_then(|state| self.objects.tuple(state)).unwrap_or_default();
        let copies = parts.iter().chain(args).map(|&part| match self.objects.get(part) {
            Some(Object::List(items)) => NUMBER.times(items.len() as u64),
            _ => copied(self.bytes(part)),
        });
        copies.fold(ARRAY, Cost::and)
    }

    /// The size of bytes, or of what makes them.
    fn bytes(&self, value: Value) -> usize {
        match self.objects.get(value) {
            Some(Object::Bytes(bytes) | Object::ByteArray(bytes)) => bytes.len(),
            Some(Object::Text(text)) => text.len(),
            // A call of `_codecs.encode`, whose argument is text.
            Some(Object::Instance(inner)) => {
                let args = inner.args.and_then(|args| self.objects.tuple(args)).unwrap_or_default();
                args.first().and_then(|&text| self.objects.text(text)).map_or(0, str::len)
            }
            _ => 0,
        }
    }
}

/// Any call.
const CALL: Cost = Cost::new(2_000, 300);
/// A tensor, and the objects it is made of.
const TENSOR: Cost = Cost::new(20_000, 1_000);
/// What `torch.load` does for a file of one storage, whose pickles `loaded` bounds.
const LOAD: Cost = Cost::new(300_000, 32_000);
const COMPOUND: Cost = Cost::new(100_000, 4_000);
/// An entry of a storage's table; its bytes are the file's.
const STORAGE: Cost = Cost::new(10_000, 600);
/// An array without its elements.
const ARRAY: Cost = Cost::new(5_000, 500);
/// It is seeded by the system before it is given its state.
const GENERATOR: Cost = Cost::new(200_000, 12_000);
const NUMBER: Cost = Cost::new(100, 8);
const ATTRIBUTE: Cost = Cost::new(500, 160);
const ITEM: Cost = Cost::new(1_000, 16);
