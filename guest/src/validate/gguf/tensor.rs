use alloc::format;
use alloc::string::String;

use super::examiner::{Gguf, Item};
use super::types::{block, is_removed};
use super::{TENSOR, TYPE};
use crate::show;
use crate::validate::budget::Cost;
use crate::validate::examine::{Part, Scope};
use crate::validate::pickle::spend;

/// A row of the table of tensors.
pub(super) fn info(gguf: &mut Gguf, scope: &mut Scope<'_>) -> Item {
    let Some(length) = gguf.u64(0) else { return Item::Wants(8) };
    if length > LONGEST_NAME {
        gguf.find(&TENSOR, format!("a name of {length} bytes, where {LONGEST_NAME} are allowed"), scope);
        return Item::Lost;
    }
    let named = length.saturating_add(8);
    let Some(rank) = gguf.u32(named) else { return Item::Wants(named.saturating_add(4)) };
    if rank > MOST_DIMENSIONS {
        gguf.find(&TENSOR, format!("{rank} dimensions, where {MOST_DIMENSIONS} are allowed"), scope);
        return Item::Lost;
    }
    let start = named.saturating_add(4);
    let kind_at = start.saturating_add(u64::from(rank).saturating_mul(8));
    let whole = kind_at.saturating_add(12);
    let (Some(kind), Some(offset)) = (gguf.u32(kind_at), gguf.u64(kind_at.saturating_add(4))) else {
        return Item::Wants(whole);
    };
    let bytes = gguf.peek(named).and_then(|bytes| bytes.get(8..)).unwrap_or_default();
    let Ok(name) = core::str::from_utf8(bytes).map(String::from) else {
        gguf.find(&TENSOR, "a name that is no UTF-8", scope);
        return Item::Lost;
    };
    let dimension =
        |index: u32| gguf.u64(start.saturating_add(u64::from(index).saturating_mul(8))).unwrap_or(0);
    let dimensions = [0, 1, 2, 3].map(|index| if index < rank { dimension(index) } else { 1 });
    if name.is_empty() || name.chars().any(char::is_control) {
        gguf.find(&TENSOR, format!("a tensor called {}", show::name(&name)), scope);
    }
    match gguf.keep(name.clone(), scope) {
        Some(true) => {}
        Some(false) => gguf.find(&TENSOR, format!("the tensor {} is there twice", show::name(&name)), scope),
        None => return Item::Lost,
    }
    match size(dimensions, kind) {
        Ok(size) => gguf.data.add(name, offset, size, gguf.at),
        Err(Fault::Unknown) => {
            gguf.data.lose();
            gguf.find(&TYPE, format!("the tensor {} is of type {kind}", show::name(&name)), scope);
        }
        Err(Fault::Wrong(what)) => {
            gguf.data.lose();
            gguf.find(&TENSOR, format!("the tensor {} {what}", show::name(&name)), scope);
        }
    }
    scope.budget.grant_pickle(whole);
    if !spend(INFO_COST, gguf.at, &Part::whole(), scope) {
        return Item::Lost;
    }
    gguf.pass(whole);
    Item::Whole
}

/// What the package `gguf` takes for a row: an array of numpy of each field.
const INFO_COST: Cost = Cost::new(100_000, 5_000);

/// Why a tensor has no size.
enum Fault {
    Unknown,
    Wrong(&'static str),
}

/// The bytes of a tensor.
fn size(dimensions: [u64; 4], kind: u32) -> Result<u64, Fault> {
    if is_removed(kind) {
        return Err(Fault::Wrong("is of a type that was removed from all readers"));
    }
    let (elements, bytes) = block(kind).ok_or(Fault::Unknown)?;
    let [row, ..] = dimensions;
    if row % elements != 0 {
        return Err(Fault::Wrong("has rows that are no whole blocks of its type"));
    }
    let count = dimensions.iter().try_fold(1u64, |count, dimension| count.checked_mul(*dimension));
    // Readers count in signed numbers, and dimensions by themselves.
    let fits =
        |count: &u64| *count <= i64::MAX as u64 && dimensions.iter().all(|one| *one <= i64::MAX as u64);
    let size = count.filter(fits).and_then(|count| (count / elements).checked_mul(bytes));
    size.filter(fits).ok_or(Fault::Wrong("has more elements than can be counted"))
}

/// What the specification and llama.cpp allow.
const LONGEST_NAME: u64 = 64;
const MOST_DIMENSIONS: u32 = 4;
