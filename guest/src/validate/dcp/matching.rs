//! The items of a file, and what the checkpoint's metadata says of them.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::items::Item;
use crate::dtype::DType;
use crate::foreign::Kind;
use crate::step::Range;
use crate::validate::examine::{Child, Part, Scope};
use crate::validate::file::{Sniff, limit};
use crate::validate::finding::Rule;
use crate::{Excess, show};

/// Readers go where the metadata says.
pub(in crate::validate) static ELSEWHERE: Rule = Rule::malformed(
    "SR-DCP-ELSEWHERE",
    "the metadata leads to where no item is",
    "dcp.load takes the bytes for an item and runs the pickle in them, whatever else they are. They \
     are judged as the file that it takes them for.",
);

/// An item is what the metadata says.
pub(in crate::validate) static OTHER: Rule = Rule::malformed(
    "SR-DCP-OTHER",
    "an item that is another than the metadata says",
    "dcp.load fails on it, or puts other numbers into the model than it was trained to. The file and \
     the metadata are of different saves, or one of them was changed.",
);

/// All items are named.
pub(in crate::validate) static UNNAMED: Rule = Rule::malformed(
    "SR-DCP-UNNAMED",
    "bytes of a file that the metadata says nothing of",
    "No reader of the checkpoint looks at them: data to be carried unseen, or the file is of another \
     save than its metadata.",
);

/// What a metadata says of a part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// What it is of: the name of a tensor or an object.
    pub name: String,
    /// Where it is.
    pub range: Range,
    /// What it is.
    pub content: Expectation,
}

/// What an item should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// Any object.
    Object,
    /// A tensor of this type and shape.
    Tensor(DType, Vec<u64>),
    /// Such a tensor, in a safetensors file: where, its header says.
    Safetensors(DType, Vec<u64>),
    /// Something that was changed before it was written.
    Transformed,
}

/// Whether all that is expected of a file are tensors in safetensors.
pub(in crate::validate) fn are_parts(expected: &[Expected]) -> bool {
    let is_part = |item: &Expected| matches!(item.content, Expectation::Safetensors(..));
    !expected.is_empty() && expected.iter().all(is_part)
}

/// How messages call an item that starts at `offset` of the file.
pub(in crate::validate) fn name_of(offset: u64, expected: Option<&[Expected]>) -> String {
    let at = |expected: &&[Expected]| expected.partition_point(|item| item.range.offset < offset);
    let item = expected.and_then(|expected| expected.get(at(&expected)));
    match item.filter(|item| item.range.offset == offset) {
        Some(item) => format!("item at byte {offset} ({})", show::cut(&item.name)),
        None => format!("item at byte {offset}"),
    }
}

/// Holds the items of a file against what is expected, in order. Answers what is to be judged
/// besides: where readers are led that is no item.
pub(in crate::validate) fn check(expected: &[Expected], scope: &mut Scope<'_>) -> Vec<Child> {
    let found = core::mem::take(&mut scope.report.items);
    let mut named = Vec::new();
    named.resize(found.len(), false);
    let (mut children, mut windows) = (Vec::new(), 0u64);
    for item in expected {
        if let Expectation::Safetensors(..) = item.content
            && scope.report.kind == Kind::Safetensors
        {
            continue;
        }
        let at = found.partition_point(|found| found.range.offset < item.range.offset);
        match found.get(at).filter(|found| found.range == item.range) {
            Some(found) => {
                if let Some(named) = named.get_mut(at) {
                    *named = true;
                }
                compare(item, found, scope);
            }
            None => {
                windows = windows.saturating_add(1);
                elsewhere(item, windows, &mut children, scope);
            }
        }
    }
    for (item, _) in found.iter().zip(named).filter(|(_, named)| !named) {
        let message =
            format!("an item of {} that the metadata says nothing of", show::count(item.range.length, ""));
        scope.find(&UNNAMED, &Part::whole(), item.range.offset, message);
    }
    if found.is_empty() && scope.report.kind != Kind::Safetensors {
        cover(expected, scope);
    }
    scope.report.items = found;
    children
}

/// Holds an item against what it should be.
fn compare(expected: &Expected, found: &Item, scope: &mut Scope<'_>) {
    let name = show::name(&expected.name);
    let is = || found.root.as_ref().map_or_else(|| "nothing that is understood".into(), Root::describe);
    let message = match (&expected.content, &found.root) {
        (Expectation::Object, _) => return,
        (Expectation::Tensor(dtype, shape), Some(Root::Tensor(found_dtype, found_shape)))
            if (dtype, shape) == (found_dtype, found_shape) =>
        {
            return;
        }
        (Expectation::Tensor(dtype, shape) | Expectation::Safetensors(dtype, shape), _) => {
            let due = Root::Tensor(*dtype, shape.clone()).describe();
            format!("expected {due} for {name}, found {}", is())
        }
        (Expectation::Transformed, _) => {
            format!("expected something that was changed for {name}, found {} as torch.save writes it", is())
        }
    };
    scope.find(&OTHER, &Part::whole(), found.range.offset, message);
}

/// An entry leads to where no item is: whatever is there is judged as readers will take it.
fn elsewhere(expected: &Expected, windows: u64, children: &mut Vec<Child>, scope: &mut Scope<'_>) {
    let Range { offset, length } = expected.range;
    let name = show::name(&expected.name);
    let is_inside = expected.range.end().is_some_and(|end| end <= scope.length);
    // Nobody says where what was changed should end.
    if expected.content != Expectation::Transformed || !is_inside {
        let message = if is_inside {
            format!("no item of {length} bytes starts here, where the metadata has {name}")
        } else {
            format!(
                "{name} is {length} bytes at {offset}, beyond the end of the file, which has {}",
                show::count(scope.length, "")
            )
        };
        scope.find(&ELSEWHERE, &Part::whole(), offset.min(scope.length), message);
    }
    let length = length.min(scope.length.saturating_sub(offset));
    if length == 0 {
        return;
    }
    if windows > WINDOWS {
        let excess = Excess { offset, limit: "places where no item is", allowed: WINDOWS };
        return limit::reached(&excess, &Part::whole(), scope);
    }
    let name = format!("bytes from {offset} on ({})", show::cut(&expected.name));
    children.push(Child::member(name, Range::new(offset, length), Box::new(Sniff::new())));
}

/// Reports the first bytes that no entry names, of a file without items that are known.
fn cover(expected: &[Expected], scope: &mut Scope<'_>) {
    let mut end = 0u64;
    for item in expected {
        if item.range.offset > end {
            break;
        }
        end = end.max(item.range.end().unwrap_or(u64::MAX));
    }
    if end < scope.length {
        let next = expected.iter().map(|item| item.range.offset).find(|offset| *offset > end);
        let until = next.unwrap_or(scope.length).min(scope.length);
        let message =
            format!("{} that the metadata says nothing of", show::count(until.saturating_sub(end), ""));
        scope.find(&UNNAMED, &Part::whole(), end, message);
    }
}

/// What the pickle of an item builds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// A tensor, and nothing else.
    Tensor(DType, Vec<u64>),
    /// Another object.
    Object,
}

impl Root {
    fn describe(&self) -> String {
        match self {
            Self::Tensor(dtype, shape) => format!("a {} tensor of {shape:?}", dtype.name()),
            Self::Object => "another object".into(),
        }
    }
}

/// Places that are looked into where no item is.
const WINDOWS: u64 = 256;
