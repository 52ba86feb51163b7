//! Containers that the pickle builds by calls.

use alloc::vec;
use alloc::vec::Vec;

use super::context::Context;
use super::draft::{Child, Draft, Part};
use super::flaw::Flaw;
use crate::model::{Construct, Node};
use crate::pickle::{Instance, Value};
use crate::torch::ABSENT;

type Meaning<'g> = Result<Option<Draft<'g>>, Flaw>;

/// `collections.OrderedDict`, its items set after the call; Python 2 handed
/// them to the call as a list of two-element lists.
pub(super) fn ordered_dict<'g>(context: &mut Context<'g>, instance: &'g Instance) -> Meaning<'g> {
    let attributes = instance.state;
    let dict_state = attributes.is_none_or(|state| context.dict(state).is_some());
    if !instance.items.is_empty() || !dict_state {
        return Ok(None);
    }
    let items = match instance.args.and_then(|args| context.tuple(args)) {
        Some([]) => Part::Pairs(&instance.pairs),
        Some(&[list]) if instance.pairs.is_empty() => match listed_items(context, list, instance.offset)? {
            Some(items) => Part::Collected(items),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    if items.len() == 0 && attributes.is_some_and(|state| is_absent(context, state)) {
        return Ok(Some(Draft::leaf(Node::Absent)));
    }
    let node = Node::OrderedDict { items: vec![(0, 0); items.len() / 2], attributes: attributes.map(|_| 0) };
    let mut parts = vec![items];
    parts.extend(attributes.map(|state| Part::One(Child::Value(state))));
    Ok(Some(Draft { node, parts }))
}

/// Whether these attributes say that a dict stands for a value in another file.
fn is_absent(context: &Context<'_>, state: Value) -> bool {
    match context.dict(state) {
        Some(&[(key, Value::Bool(true))]) => context.text(key) == Some(ABSENT),
        _ => false,
    }
}

/// Whether a value is an `OrderedDict` without items and attributes.
pub(super) fn is_empty_ordered_dict(context: &Context<'_>, value: Value) -> bool {
    let Some(instance) = context.instance(value) else { return false };
    let class = context.global(instance.callable);
    class.is_some_and(|class| (class.module.as_str(), class.name.as_str()) == ("collections", "OrderedDict"))
        && instance.construct == Construct::Call
        && instance.kwargs.is_none()
        && instance.is_bare()
        && match instance.args.and_then(|args| context.tuple(args)) {
            Some([]) => true,
            Some(&[list]) => context.list(list).is_some_and(<[Value]>::is_empty),
            _ => false,
        }
}

/// `set` or `frozenset` over a list.
pub(super) fn set<'g>(context: &mut Context<'g>, args: Value, frozen: bool) -> Meaning<'g> {
    let Some(&[list]) = context.tuple(args) else { return Ok(None) };
    let Some(items) = context.list(list) else { return Ok(None) };
    if !context.take_contents(list) {
        return Ok(None);
    }
    let numbers = vec![0; items.len()];
    let node = if frozen { Node::FrozenSet(numbers) } else { Node::Set(numbers) };
    Ok(Some(Draft { node, parts: vec![Part::Values(items)] }))
}

/// `collections.Counter` over a dict.
pub(super) fn counter<'g>(context: &mut Context<'g>, args: Value) -> Meaning<'g> {
    let Some(&[dict]) = context.tuple(args) else { return Ok(None) };
    let Some(pairs) = context.dict(dict) else { return Ok(None) };
    if !context.take_contents(dict) {
        return Ok(None);
    }
    let node = Node::Counter(vec![(0, 0); pairs.len()]);
    Ok(Some(Draft { node, parts: vec![Part::Pairs(pairs)] }))
}

/// Keys and values of `[[key, value], …]`, alternating.
fn listed_items(context: &mut Context<'_>, list: Value, offset: u64) -> Result<Option<Vec<Value>>, Flaw> {
    let taken = context.take_contents(list);
    let Some(list) = context.list(list).filter(|list| taken || list.is_empty()) else { return Ok(None) };
    context.charge(list.len(), offset)?;
    let mut items = Vec::new();
    for &item in list {
        match context.list(item).or_else(|| context.tuple(item)) {
            Some(&[key, value]) => items.extend([key, value]),
            _ => return Ok(None),
        }
    }
    Ok(Some(items))
}
