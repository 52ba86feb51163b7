use alloc::format;
use alloc::string::String;

use super::KEY;
use super::examiner::{Gguf, Item};
use super::types::{ARRAY, BOOL, LAST, STRING, U32, value_size};
use crate::show;
use crate::validate::budget::Cost;
use crate::validate::examine::{Part, Scope};
use crate::validate::pickle::spend;
use crate::validate::template;

/// A value, or what is left of a list of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Value {
    kind: u32,
    left: u64,
    purpose: Purpose,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Purpose {
    #[default]
    None,
    /// Where tensors may begin.
    Alignment,
    /// A chat template.
    Template,
}

impl Value {
    pub(super) fn is_over(self) -> bool {
        self.left == 0
    }
}

/// A key and the type of its value.
pub(super) fn key(gguf: &mut Gguf, scope: &mut Scope<'_>) -> Item {
    let Some(length) = gguf.u64(0) else { return Item::Wants(8) };
    if length > LONGEST_KEY {
        gguf.find(&KEY, format!("a key of {length} bytes, where {LONGEST_KEY} are allowed"), scope);
        return Item::Lost;
    }
    let whole = length.saturating_add(12);
    let (Some(kind), Some(bytes)) = (gguf.u32(length.saturating_add(8)), gguf.peek(whole)) else {
        return Item::Wants(whole);
    };
    let name = bytes.get(8..bytes.len().saturating_sub(4)).unwrap_or_default();
    let Ok(name) = core::str::from_utf8(name).map(String::from) else {
        gguf.find(&KEY, "a key that is no UTF-8", scope);
        return Item::Lost;
    };
    if kind > LAST {
        gguf.find(&KEY, format!("{} is of type {kind}, which there is not", show::name(&name)), scope);
        return Item::Lost;
    }
    let purpose = purpose(&name);
    let wanted = match purpose {
        Purpose::Alignment => U32,
        Purpose::Template => STRING,
        Purpose::None => kind,
    };
    if kind != wanted {
        gguf.find(
            &KEY,
            format!("{} is of type {kind}, where {wanted} is expected", show::name(&name)),
            scope,
        );
    }
    if name.is_empty() || name.chars().any(char::is_control) {
        gguf.find(&KEY, format!("the key {}", show::name(&name)), scope);
    }
    match gguf.keep(name.clone(), scope) {
        Some(true) => {}
        Some(false) => gguf.find(&KEY, format!("the key {} is there twice", show::name(&name)), scope),
        None => return Item::Lost,
    }
    gguf.pass(whole);
    scope.budget.grant_pickle(whole);
    if !spend(KEY_COST, gguf.at, &Part::whole(), scope) {
        return Item::Lost;
    }
    gguf.value = Value { kind, left: 1, purpose };
    Item::Whole
}

fn purpose(key: &str) -> Purpose {
    if key == "general.alignment" {
        Purpose::Alignment
    } else if key == TEMPLATE || key.strip_prefix(TEMPLATE).is_some_and(|rest| rest.starts_with('.')) {
        Purpose::Template
    } else {
        Purpose::None
    }
}

/// A value, or the next part of one.
pub(super) fn value(gguf: &mut Gguf, scope: &mut Scope<'_>) -> Item {
    match gguf.value.kind {
        STRING => string(gguf, scope),
        ARRAY => array(gguf, scope),
        BOOL => booleans(gguf, scope),
        kind => numbers(gguf, kind, scope),
    }
}

fn string(gguf: &mut Gguf, scope: &mut Scope<'_>) -> Item {
    let Some(length) = gguf.u64(0) else { return Item::Wants(8) };
    if length > gguf.left(scope).saturating_sub(8) {
        gguf.cut(length, format!("a text of {length} bytes, which go beyond the end"), scope);
        return Item::Lost;
    }
    let whole = length.saturating_add(8);
    if gguf.value.purpose == Purpose::Template {
        if length > template::LONGEST as u64 {
            template::judge(None, gguf.at, scope);
        } else {
            let Some(bytes) = gguf.peek(whole) else { return Item::Wants(whole) };
            let text = String::from_utf8_lossy(bytes.get(8..).unwrap_or_default());
            template::judge(Some(&text), gguf.at.saturating_add(8), scope);
        }
    }
    gguf.pass(whole);
    gguf.value.left = gguf.value.left.saturating_sub(1);
    scope.budget.grant_pickle(whole);
    if spend(STRING_COST, gguf.at, &Part::whole(), scope) { Item::Whole } else { Item::Lost }
}

/// The type and count of a list, whose items come next.
fn array(gguf: &mut Gguf, scope: &mut Scope<'_>) -> Item {
    let (Some(kind), Some(count)) = (gguf.u32(0), gguf.u64(4)) else { return Item::Wants(12) };
    if kind > LAST || kind == ARRAY {
        let what = if kind == ARRAY { "lists, which llama.cpp refuses" } else { "a type that there is not" };
        gguf.find(&KEY, format!("a list of {what}"), scope);
        return Item::Lost;
    }
    let bytes = count.checked_mul(value_size(kind).unwrap_or(8));
    if bytes.is_none_or(|bytes| bytes > gguf.left(scope).saturating_sub(12)) {
        let message = format!("a list of {count} items, which go beyond the end");
        gguf.cut(bytes.unwrap_or(u64::MAX), message, scope);
        return Item::Lost;
    }
    gguf.pass(12);
    if kind != STRING {
        scope.budget.grant_pickle(bytes.unwrap_or_default());
        if !spend(NUMBER_COST.times(count), gguf.at, &Part::whole(), scope) {
            return Item::Lost;
        }
    }
    gguf.value = Value { kind, left: count, ..gguf.value };
    Item::Whole
}

/// Booleans are looked at: operations disagree on those that are neither 0 nor 1.
fn booleans(gguf: &mut Gguf, scope: &mut Scope<'_>) -> Item {
    let there = gguf.there();
    let count = gguf.value.left.min(there.len() as u64);
    if count == 0 && gguf.value.left > 0 {
        return Item::Wants(1);
    }
    let bad = there.iter().zip(0..count).find(|(byte, _)| **byte > 1).map(|(byte, _)| *byte);
    if let Some(bad) = bad {
        gguf.find(&KEY, format!("a boolean of {bad}"), scope);
    }
    gguf.pass(count);
    gguf.value.left = gguf.value.left.saturating_sub(count);
    Item::Whole
}

/// Numbers say nothing that could be wrong, but for one.
fn numbers(gguf: &mut Gguf, kind: u32, scope: &mut Scope<'_>) -> Item {
    if gguf.value.purpose == Purpose::Alignment && kind == U32 && gguf.value.left == 1 {
        let Some(alignment) = gguf.u32(0) else { return Item::Wants(4) };
        if !alignment.is_power_of_two() {
            gguf.find(&KEY, format!("an alignment of {alignment}, which is no power of two"), scope);
            return Item::Lost;
        }
        gguf.alignment = alignment.into();
    }
    let bytes = value_size(kind).and_then(|size| size.checked_mul(gguf.value.left));
    let bytes_said = bytes.unwrap_or(u64::MAX);
    let Some(bytes) = bytes.filter(|bytes| *bytes <= gguf.left(scope)) else {
        gguf.cut(bytes_said, "a value that goes beyond the end", scope);
        return Item::Lost;
    };
    gguf.pass(bytes);
    gguf.value.left = 0;
    Item::Whole
}

const TEMPLATE: &str = "tokenizer.chat_template";
/// What the package `gguf` takes for a key and for each item of a list: it makes an array of numpy of
/// each, and one more of the length of a text.
const KEY_COST: Cost = Cost::new(100_000, 4_000);
const NUMBER_COST: Cost = Cost::new(10_000, 700);
const STRING_COST: Cost = Cost::new(20_000, 1_500);
/// The specification's.
const LONGEST_KEY: u64 = (1 << 16) - 1;
