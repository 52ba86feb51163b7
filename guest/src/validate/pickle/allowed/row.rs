use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};

use super::numpy::Dtypes;
use crate::model::Construct;
use crate::pickle::{Instance, Object, ObjectId, Value};
use crate::validate::finding::Rule;
use crate::validate::pickle::Objects;
use crate::validate::pickle::attributes;
use crate::validate::pickle::cost::{Keyed, Work};

/// A class whose objects are proven harmless one by one, as the pickle leaves them.
#[derive(Debug, PartialEq)]
pub(in crate::validate::pickle) struct Row {
    /// How its objects are made.
    pub(super) way: Way,
    /// What making one does, as far as the sizes of its arguments tell what that costs.
    pub(in crate::validate::pickle) work: Work,
    /// What they are hashed by, where they are keys.
    pub(in crate::validate::pickle) keyed: Keyed,
    /// Whether they keep what their state holds, and do not look at it.
    pub(in crate::validate::pickle) keeps: bool,
    /// What is wrong with one, if anything.
    pub(super) proof: Proof,
}

/// How objects of a class are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By a call.
    Call,
    /// By `__new__`, as NEWOBJ or by `copyreg._reconstructor`.
    New,
}

/// Proves one object harmless.
#[derive(Clone, Copy)]
pub(super) struct Proof(pub(super) fn(Finished<'_>) -> Result<(), Flaw>);

/// What is wrong with an object.
pub(in crate::validate::pickle) struct Flaw {
    /// The rule that it breaks.
    pub(in crate::validate::pickle) rule: &'static Rule,
    /// What it is, after the name of what makes it.
    pub(in crate::validate::pickle) what: String,
}

/// An object as the pickle leaves it.
#[derive(Clone, Copy)]
pub(in crate::validate::pickle) struct Finished<'a> {
    pub(in crate::validate::pickle) objects: Objects<'a>,
    pub(in crate::validate::pickle) instance: &'a Instance,
    /// The arguments, without those of `copyreg._reconstructor`.
    pub(in crate::validate::pickle) args: &'a [Value],
    /// Objects that were changed after a call had taken them.
    pub(in crate::validate::pickle) changed: &'a BTreeSet<ObjectId>,
    /// What is known of the dtypes that numpy's objects share.
    pub(in crate::validate::pickle) dtypes: &'a Dtypes,
}

impl Row {
    /// A class that is called, and whose objects are no keys.
    pub(super) const fn call(work: Work, proof: fn(Finished<'_>) -> Result<(), Flaw>) -> Self {
        Self { way: Way::Call, work, keyed: Keyed::Never, keeps: false, proof: Proof(proof) }
    }

    /// A class that is called, and whose objects can be keys.
    pub(super) const fn key(work: Work, keyed: Keyed, proof: fn(Finished<'_>) -> Result<(), Flaw>) -> Self {
        Self { way: Way::Call, work, keyed, keeps: false, proof: Proof(proof) }
    }

    /// A class whose objects `__new__` makes.
    pub(super) const fn new(work: Work, keyed: Keyed, proof: fn(Finished<'_>) -> Result<(), Flaw>) -> Self {
        Self { way: Way::New, work, keyed, keeps: false, proof: Proof(proof) }
    }

    /// The same, where the values in a state become attributes.
    pub(super) const fn keeping(mut self) -> Self {
        self.keeps = true;
        self
    }

    /// Whether it makes objects like this one.
    pub(in crate::validate::pickle) fn fits(&self, construct: Construct, is_made: bool) -> bool {
        match (self.way, construct) {
            (Way::Call, Construct::Call) => !is_made,
            (Way::New, Construct::New) => true,
            (Way::New, Construct::Call) => is_made,
            _ => false,
        }
    }

    /// What is wrong with an object of it.
    pub(in crate::validate::pickle) fn prove(&self, finished: Finished<'_>) -> Result<(), Flaw> {
        (self.proof.0)(finished)
    }
}

impl core::fmt::Debug for Proof {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("a proof")
    }
}

impl PartialEq for Proof {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::fn_addr_eq(self.0, other.0)
    }
}

impl Flaw {
    /// Readers fail on it.
    pub(super) fn odd(what: impl Into<String>) -> Self {
        Self { rule: &crate::validate::pickle::rows::RULE, what: what.into() }
    }

    /// It does more than hold data.
    pub(super) fn active(what: impl Into<String>) -> Self {
        Self { rule: &attributes::RULE, what: what.into() }
    }
}

/// `Ok` if something is so, or else what was expected.
pub(super) fn expect(is_so: bool, what: &str) -> Result<(), Flaw> {
    if is_so { Ok(()) } else { Err(Flaw::odd(what.to_string())) }
}

impl<'a> Finished<'a> {
    /// Nothing is done to it once it is made.
    pub(super) fn is_left_alone(self) -> Result<(), Flaw> {
        expect(self.instance.state.is_none(), "it takes no state")?;
        self.has_no_items()
    }

    /// No items are set on it or added to it.
    pub(super) fn has_no_items(self) -> Result<(), Flaw> {
        let none = self.instance.items.is_empty() && self.instance.pairs.is_empty();
        expect(none, "it takes no items")
    }

    /// The items of its state, where that is a dict.
    pub(super) fn state_dict(self) -> Result<&'a [(Value, Value)], Flaw> {
        match self.instance.state.and_then(|state| self.objects.get(state)) {
            Some(Object::Dict(pairs)) => Ok(pairs),
            _ => Err(Flaw::odd("its state should be a dict")),
        }
    }

    /// The items of its state, where that is a tuple.
    pub(super) fn state_tuple(self) -> Result<&'a [Value], Flaw> {
        let state = self.instance.state.and_then(|state| self.objects.tuple(state));
        state.ok_or_else(|| Flaw::odd("its state should be a tuple"))
    }

    /// Whether an object was changed after a call had taken it.
    pub(super) fn is_changed(self, value: Value) -> bool {
        matches!(value, Value::Object(id) if self.changed.contains(&id))
    }

    /// Attributes that are data, under names of which `own` has none.
    pub(super) fn attributes(self, own: &[&str]) -> Result<(), Flaw> {
        // Without any there is no state.
        let pairs = if self.instance.state.is_some() { self.state_dict()? } else { &[] };
        for &(key, value) in pairs {
            let Some(name) = self.objects.text(key) else {
                return Err(Flaw::odd("an attribute's name is a str"));
            };
            let is_name = |(at, c): (usize, char)| c == '_' || c.is_alphabetic() || at > 0 && c.is_numeric();
            if name.starts_with("__") {
                let name = crate::show::name(name);
                return Err(Flaw::active(format!("the attribute {name} does more than hold data")));
            }
            if name.is_empty() || !name.char_indices().all(is_name) || own.contains(&name) {
                let name = crate::show::name(name);
                return Err(Flaw::odd(format!("it cannot have an attribute {name}")));
            }
            if !self.objects.is_harmless(value) {
                let what = self.objects.describe(value);
                return Err(Flaw::active(format!("the attribute {name} is {what}")));
            }
        }
        Ok(())
    }
}

impl<'a> Objects<'a> {
    /// Bytes, also as Python 3 writes them at protocol 2: a call of `_codecs.encode`.
    pub(in crate::validate::pickle) fn bytes(self, value: Value) -> Option<Cow<'a, [u8]>> {
        let latin1 = |text: &str| text.chars().map(|c| u8::try_from(c).ok()).collect::<Option<_>>();
        match self.get(value)? {
            Object::Bytes(bytes) => Some(Cow::Borrowed(bytes)),
            Object::Instance(inner) => {
                let global = self.global(inner.callable)?;
                let args = inner.args.and_then(|args| self.tuple(args))?;
                match (global.module.as_str(), global.name.as_str(), args) {
                    ("_codecs", "encode", &[text, _]) => latin1(self.text(text)?).map(Cow::Owned),
                    ("builtins", "bytes", []) => Some(Cow::Borrowed(&[])),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether a value is an int that is not negative and has at most so many bytes.
    pub(super) fn is_natural(self, value: Value, bytes: usize) -> bool {
        match (value, self.get(value)) {
            (Value::Int(value), _) => value >= 0,
            (_, Some(Object::BigInt(digits))) => match digits.split_last() {
                // Two's complement: a last byte for the sign alone.
                Some((0, rest)) => rest.len() <= bytes,
                Some((last, _)) => *last < 0x80 && digits.len() <= bytes,
                None => true,
            },
            _ => false,
        }
    }

    /// The items of a dict; none of what is no dict.
    pub(super) fn pairs(self, dict: Value) -> &'a [(Value, Value)] {
        match self.get(dict) {
            Some(Object::Dict(pairs)) => pairs,
            _ => &[],
        }
    }

    /// The items of a dict, if its keys are plain texts of these, each once. A key of another class
    /// may equal one of them: readers then have its value.
    pub(super) fn record(self, pairs: &[(Value, Value)], names: &[&str]) -> Option<BTreeMap<&'a str, Value>> {
        let mut record = BTreeMap::new();
        for &(key, value) in pairs {
            let key = self.text(key).filter(|key| names.contains(key))?;
            if record.insert(key, value).is_some() {
                return None;
            }
        }
        Some(record)
    }
}
