//! A template held against a checkpoint, before a payload is read.

use std::collections::HashMap;
use std::path::Path;

use super::template::{DictTarget, Key, Place, Template, TensorTarget};
use super::transfer::is_readable;
use crate::state::{DType, Item, Node, StateDict, Tensor};
use crate::{Error, Result};

/// What a place of a template gets. Shaped as the template is.
#[derive(Debug, PartialEq)]
pub(super) enum Plan {
    /// Nothing: what is there stays.
    Keep,
    /// This value, whole.
    Replace(u32),
    /// The elements of this tensor.
    Elements(u32),
    /// Each value inside it gets something of its own. A list that is longer in
    /// the checkpoint gets more than it has.
    Each(Vec<Plan>),
}

/// Says what each place of `template` gets of `state`, and the paths of what it
/// does not have. An error at the first value that is of another kind, dtype or
/// shape than the one asked for.
pub(super) fn plan(
    path: &Path,
    template: &Template<'_>,
    state: &StateDict<'_>,
) -> Result<(Plan, Vec<String>)> {
    let mut comparison = Comparison { path, at: String::new(), missing: Vec::new() };
    let plan = comparison.value(template, state.root())?;
    Ok((plan, comparison.missing))
}

struct Comparison<'p> {
    path: &'p Path,
    /// The path of the value that is looked at.
    at: String,
    missing: Vec<String>,
}

impl Comparison<'_> {
    fn value(&mut self, target: &Template<'_>, source: Item<'_, '_>) -> Result<Plan> {
        // Another rank's file has it: this one does not, whatever stands in its place.
        if source.is_absent() {
            self.missing.push(self.at.clone());
            return Ok(Plan::Keep);
        }
        match target {
            Template::Any => Ok(Plan::Replace(source.id())),
            Template::Tensor(target) => self.tensor(target, source),
            Template::Value(value) => match (value.item().as_tensor(), source.as_tensor()) {
                (Some(wanted), Some(found)) => {
                    self.fits((wanted.dtype(), wanted.shape()), &found)?;
                    Ok(Plan::Replace(source.id()))
                }
                _ => self.simple(target, source),
            },
            Template::Dict(dict) => match source.node() {
                Node::Dict(_) | Node::OrderedDict(_) | Node::Counter(_)
                    if is_instance(dict.kind().name(), &source.kind()) =>
                {
                    self.dict(dict, source)
                }
                _ => Err(self.mismatch(expected(target), source)),
            },
            Template::List(items) => match source.node() {
                Node::List(_) => self.list(items, source),
                _ => Err(self.mismatch(expected(target), source)),
            },
            _ => self.simple(target, source),
        }
    }

    /// A value that is replaced whole by one of its kind.
    fn simple(&self, target: &Template<'_>, source: Item<'_, '_>) -> Result<Plan> {
        if is_instance(&target.kind(), &source.kind()) {
            Ok(Plan::Replace(source.id()))
        } else {
            Err(self.mismatch(expected(target), source))
        }
    }

    fn tensor(&self, target: &TensorTarget<'_>, source: Item<'_, '_>) -> Result<Plan> {
        let wanted = (target.dtype(), target.shape());
        let found = source.as_tensor().ok_or_else(|| self.mismatch(tensor_of(wanted), source))?;
        self.fits(wanted, &found)?;
        if !is_readable(&found) {
            let found = format!("a view of stride {:?} of it whose elements cannot be read", found.stride());
            return Err(self.error(tensor_of(wanted), found));
        }
        if found.storage().is_some() {
            return Ok(Plan::Elements(source.id()));
        }
        // Both are without data: there is nothing to read.
        if matches!(target.place(), Place::Tensor(tensor) if tensor.storage().is_none()) {
            return Ok(Plan::Keep);
        }
        let found = "one without data, saved from the device meta".into();
        Err(self.error(format!("{} with data", tensor_of(wanted)), found))
    }
    fn fits(&self, wanted: (DType, &[u64]), found: &Tensor<'_>) -> Result<()> {
        let found = (found.dtype(), found.shape());
        if wanted == found { Ok(()) } else { Err(self.error(tensor_of(wanted), tensor_of(found))) }
    }

    fn dict(&mut self, dict: &DictTarget<'_>, source: Item<'_, '_>) -> Result<Plan> {
        let keys = Keys::of(source);
        let mut plans = Vec::with_capacity(dict.len());
        for (key, value) in dict.iter() {
            let above = self.at.len();
            if above > 0 {
                self.at.push('.');
            }
            self.at.push_str(&key.text());
            plans.push(match keys.get(key) {
                Some(found) => self.value(value, found)?,
                None => {
                    self.missing.push(self.at.clone());
                    Plan::Keep
                }
            });
            self.at.truncate(above);
        }
        Ok(Plan::Each(plans))
    }

    fn list(&mut self, items: &[Template<'_>], source: Item<'_, '_>) -> Result<Plan> {
        let found: Vec<Item<'_, '_>> = source.items().into_iter().flat_map(|items| items.iter()).collect();
        let mut plans = Vec::with_capacity(items.len().max(found.len()));
        for index in 0..items.len().max(found.len()) {
            let above = self.at.len();
            self.at.extend(["[", &index.to_string(), "]"]);
            plans.push(match (items.get(index), found.get(index)) {
                (Some(item), Some(&found)) => self.value(item, found)?,
                (None, Some(found)) => Plan::Replace(found.id()),
                (None | Some(Template::Any), None) => Plan::Keep,
                (Some(item), None) => {
                    let end = format!("the end of a list of {}", found.len());
                    return Err(self.error(expected(item), end));
                }
            });
            self.at.truncate(above);
        }
        Ok(Plan::Each(plans))
    }

    fn mismatch(&self, expected: String, found: Item<'_, '_>) -> Error {
        let found = match found.as_tensor() {
            Some(tensor) => tensor_of((tensor.dtype(), tensor.shape())),
            None if is_short(found.node()) => format!("{} {}", found.kind(), found.repr()),
            None => found.kind(),
        };
        self.error(expected, found)
    }

    fn error(&self, expected: String, found: String) -> Error {
        let key = if self.at.is_empty() { "the root".into() } else { self.at.clone() };
        Error::Mismatch { path: self.path.into(), key, expected, found }
    }
}

/// The keys of a dict, so that looking up all of many takes linear time. Of two
/// equal ones the last counts, as where Python reads the file.
struct Keys<'s, 'a> {
    text: HashMap<&'s str, Item<'s, 'a>>,
    numbers: HashMap<i64, Item<'s, 'a>>,
}

impl<'s, 'a> Keys<'s, 'a> {
    fn of(dict: Item<'s, 'a>) -> Self {
        let (mut text, mut numbers) = (HashMap::new(), HashMap::new());
        for (key, value) in dict.entries().into_iter().flat_map(|entries| entries.iter()) {
            if let Some(key) = key.as_str() {
                text.insert(key, value);
            } else if let Some(key) = key.as_i64() {
                numbers.insert(key, value);
            }
        }
        Self { text, numbers }
    }

    fn get(&self, key: &Key) -> Option<Item<'s, 'a>> {
        match key {
            Key::Str(key) => self.text.get(key.as_str()).copied(),
            Key::Int(key) => self.numbers.get(key).copied(),
        }
    }
}

/// Whether Python says `isinstance` of a value of the first kind and the second.
fn is_instance(kind: &str, of: &str) -> bool {
    let derived = matches!(
        (kind, of),
        ("bool", "int")
            | ("OrderedDict" | "Counter", "dict")
            | ("torch.Size", "tuple")
            | ("Parameter", "Tensor")
    );
    kind == of || derived
}

/// What a template asks for, for an error.
fn expected(target: &Template<'_>) -> String {
    match target {
        Template::Tensor(target) => tensor_of((target.dtype(), target.shape())),
        Template::Value(value) => match value.item().as_tensor() {
            Some(tensor) => tensor_of((tensor.dtype(), tensor.shape())),
            None => target.kind(),
        },
        _ => target.kind(),
    }
}

fn tensor_of((dtype, shape): (DType, &[u64])) -> String {
    format!("a {dtype} tensor of shape {shape:?}")
}

/// Whether a value says more than its kind does.
fn is_short(node: &Node) -> bool {
    matches!(node, Node::Boolean(_) | Node::Int(_) | Node::Float(_) | Node::Text(_) | Node::Bytes(_))
}
