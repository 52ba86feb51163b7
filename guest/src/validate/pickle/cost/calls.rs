//! What calls cost.

use super::table::Kind;
use super::{Meter, copied};
use crate::DType;
use crate::model::Construct;
use crate::pickle::{Instance, Object, Value};
use crate::validate::budget::Cost;
use crate::validate::pickle::allowed::{Means, stored};

/// What a call does with its arguments. Whatever it is, each text, bytes and int among them is
/// read once, and each item of a tuple or list looked at: a class of cost only adds to that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::validate::pickle) enum Work {
    /// Nothing more.
    Numbers,
    /// A few functions in Python, which take no longer for longer arguments.
    Python,
    /// It reads a number from a text, digit by digit.
    Decimal,
    /// It reads two ints from texts and divides them by what both are multiples of: the square of
    /// their digits.
    Fraction,
    /// It takes texts apart, into objects of two bytes each.
    Path,
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
    /// The same of an array of numpy, whose elements become others.
    Moved,
    /// It hands arguments on to a function that makes a tensor, and makes it one of another class.
    Handed,
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
        let state = instance.state.map_or(Cost::default(), |state| self.state(state));
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
            // `copyreg._reconstructor`, of a class with a row of its own.
            Some(Means::Maker) => self.objects.row(instance).map_or(Work::Python, |(row, _, _)| row.work),
            _ => return CALL,
        };
        let own = match (work, args) {
            (Work::Handed, &[function, _, inner, _]) => COMPOUND.and(self.handed(function, inner)),
            _ => self.work(work, args, instance.state),
        };
        let args = args.iter().map(|&arg| self.argument(arg));
        args.fold(own.and(CALL), Cost::and)
    }

    /// What a function costs that gets its arguments from another.
    fn handed(&mut self, function: Value, args: Value) -> Cost {
        let args = self.objects.tuple(args).unwrap_or_default();
        match self.objects.means(function) {
            // One that hands on again is refused.
            Some(Means::Call(callable)) if callable.work != Work::Handed => {
                self.work(callable.work, args, None)
            }
            _ => Cost::default(),
        }
    }

    fn work(&mut self, work: Work, args: &[Value], state: Option<Value>) -> Cost {
        let first = args.first().copied().unwrap_or(Value::None);
        match work {
            Work::Numbers => Cost::default(),
            Work::Python => PYTHON,
            Work::Decimal => PARSED.times(self.digits(args)),
            Work::Fraction => {
                let digits = self.digits(args);
                let square = digits.saturating_mul(digits) / FRACTION;
                PYTHON.times(2).and(PARSED.times(digits)).and(Cost::new(square, 0))
            }
            Work::Path => {
                let bytes = args.iter().map(|&arg| self.size(arg) as u64).fold(0, u64::saturating_add);
                PYTHON.and(PART.times(args.len() as u64)).and(SPLIT.times(bytes))
            }
            Work::Set => self.table_of(Kind::Set, first),
            Work::Dict => self.table_of(Kind::Dict, first).times(2),
            Work::Bytes => copied(self.bytes(first)),
            Work::Load => copied(self.bytes(first)).times(2).and(LOAD),
            Work::Tensor => TENSOR,
            Work::Compound | Work::Handed => COMPOUND,
            Work::Moved => COMPOUND.and(self.moved(args)),
            Work::Array => self.array(state, args),
            Work::Generator => GENERATOR,
        }
    }

    /// What it costs to look at an argument: to read it, or each of a size's numbers and each
    /// attribute.
    fn argument(&self, arg: Value) -> Cost {
        let own = match self.objects.get(arg) {
            Some(Object::Tuple(items)) => {
                let inner = items.iter().map(|&item| self.attributes(item).and(self.read(item)));
                inner.fold(NUMBER.times(items.len() as u64), Cost::and)
            }
            Some(Object::List(items)) => NUMBER.times(items.len() as u64),
            _ => self.attributes(arg),
        };
        own.and(self.read(arg))
    }

    /// What it costs to set a state: each attribute, by its name, or each part of a tuple, with
    /// what it holds.
    fn state(&self, state: Value) -> Cost {
        match self.objects.get(state) {
            Some(Object::Tuple(items)) => {
                let inner = items.iter().map(|&item| {
                    let count = match self.objects.get(item) {
                        Some(Object::Tuple(items) | Object::List(items)) => items.len(),
                        Some(Object::Dict(pairs)) => pairs.len(),
                        _ => 0,
                    };
                    NUMBER.times(count as u64).and(self.read(item))
                });
                inner.fold(ATTRIBUTE.times(items.len() as u64), Cost::and)
            }
            Some(Object::Dict(pairs)) => {
                let names = pairs.iter().map(|&(name, _)| self.read(name));
                names.fold(self.attributes(state), Cost::and)
            }
            _ => self.attributes(state).and(self.read(state)),
        }
    }

    /// What it costs to read a text, bytes or an int once.
    fn read(&self, value: Value) -> Cost {
        Cost::new(self.size(value) as u64, 0)
    }

    /// The bytes of a text, of bytes or of an int.
    fn size(&self, value: Value) -> usize {
        match self.objects.get(value) {
            Some(Object::BigInt(bytes) | Object::SurrogateText(bytes)) => bytes.len(),
            _ => self.bytes(value),
        }
    }

    /// The digits of all numbers in some arguments, at most: three for each byte of an int.
    fn digits(&self, args: &[Value]) -> u64 {
        let count = |value: Value| match (value, self.objects.get(value)) {
            (_, Some(Object::BigInt(bytes))) => (bytes.len() as u64).saturating_mul(3),
            (Value::Object(_), _) => self.size(value) as u64,
            _ => 20,
        };
        args.iter().map(|&arg| count(arg)).fold(0, u64::saturating_add)
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

    /// What it costs to copy an array, as elements of another type: each call does.
    fn moved(&self, args: &[Value]) -> Cost {
        let &[array, to, ..] = args else { return Cost::default() };
        let Some((data, width)) = stored(self.objects, array) else { return Cost::default() };
        let bytes = self.bytes(data) as u64;
        let count = bytes.checked_div(width).unwrap_or(bytes);
        let to = self.objects.global(to).and_then(|to| DType::from_name(&to.name));
        // What is no type is refused; the largest one is as bad as any.
        let made = to.unwrap_or(DType::Complex128).bytes(count).unwrap_or(u64::MAX);
        Cost::new(count.saturating_mul(2), made.max(bytes))
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
/// A few functions in Python.
const PYTHON: Cost = Cost::new(5_000, 500);
/// A digit of a number, or a byte of its text.
const PARSED: Cost = Cost::new(20, 2);
/// Digits times digits of a fraction that are divided in a nanosecond: 4,300 by 4,300 in 4 ms.
const FRACTION: u64 = 18;
/// One of several texts that a path is put together from, and a byte of it: each second may be a
/// text of its own.
const PART: Cost = Cost::new(2_000, 200);
const SPLIT: Cost = Cost::new(120, 64);
const NUMBER: Cost = Cost::new(100, 8);
const ATTRIBUTE: Cost = Cost::new(500, 160);
const ITEM: Cost = Cost::new(1_000, 16);
