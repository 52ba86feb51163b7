//! Values of a pickle, as the classes of DCP have them.

use alloc::vec::Vec;

use crate::dtype::DType;
use crate::model::{Construct, Global};
use crate::pickle::{Graph, Instance, Object, Value};

/// A pickle's graph, to take values from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'g>(pub(super) &'g Graph);

impl<'g> Fields<'g> {
    pub(super) fn text(self, value: Value) -> Option<&'g str> {
        match self.0.object(value)? {
            Object::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn list(self, value: Value) -> Option<&'g [Value]> {
        match self.0.object(value)? {
            Object::List(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn tuple(self, value: Value) -> Option<&'g [Value]> {
        match self.0.object(value)? {
            Object::Tuple(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn dict(self, value: Value) -> Option<&'g [(Value, Value)]> {
        match self.0.object(value)? {
            Object::Dict(pairs) => Some(pairs),
            _ => None,
        }
    }

    fn global(self, value: Value) -> Option<&'g Global> {
        match self.0.object(value)? {
            Object::Global(global) => Some(global),
            _ => None,
        }
    }

    /// An object, and its class.
    pub(super) fn instance(self, value: Value) -> Option<(&'g Global, &'g Instance)> {
        match self.0.object(value)? {
            Object::Instance(instance) => Some((self.global(instance.callable)?, instance)),
            _ => None,
        }
    }

    /// An object of a class of one of these modules.
    pub(super) fn object(self, value: Value, modules: &[&str], name: &str) -> Option<&'g Instance> {
        let (class, instance) = self.instance(value)?;
        let fits = instance.construct == Construct::New && modules.contains(&class.module.as_str());
        (fits && class.name == name).then_some(instance)
    }

    /// The attribute of an object, whose state is a dict.
    pub(super) fn attribute(self, instance: &Instance, name: &str) -> Option<Value> {
        let pairs = self.dict(instance.state?)?;
        let mut named = pairs.iter().rev().filter(|(key, _)| self.text(*key) == Some(name));
        named.next().map(|&(_, value)| value)
    }

    /// A `torch.Size` of numbers that are not negative.
    pub(super) fn size(self, value: Value) -> Option<Vec<u64>> {
        let (class, instance) = self.instance(value)?;
        match self.tuple(instance.args?)? {
            &[numbers] if class.module == "torch" && class.name == "Size" => {
                self.tuple(numbers)?.iter().map(|&number| natural(number)).collect()
            }
            _ => None,
        }
    }

    pub(super) fn dtype(self, value: Value) -> Option<DType> {
        let global = self.global(value)?;
        if global.module == "torch" { DType::from_name(&global.name) } else { None }
    }
}

/// A number that is not negative.
pub(super) fn natural(value: Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(number).ok(),
        _ => None,
    }
}
