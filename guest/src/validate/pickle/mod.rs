//! Pickles: run by a tolerant machine that makes nothing, then judged object by
//! object.
//!
//! Every name that is looked up and every call that is made leaves an object in
//! the machine's heap, whatever the pickle does with it afterwards. So the rules
//! look at the whole heap and not only at what the result reaches: tricks with
//! the stack, the memo or the order of instructions cannot hide a call.

mod allowed;
mod argument;
mod arguments;
mod attributes;
pub(super) mod bare;
mod broken;
mod call;
mod change;
mod cost;
mod costly;
mod cycle;
mod discarded;
mod encoding;
mod extension;
mod held;
mod hidden;
mod import;
mod index;
mod items;
mod joblib;
mod keys;
mod late;
mod left;
mod loaded;
mod members;
mod objects;
mod opcode;
mod persistent;
mod rows;
mod run;
mod state;
mod target;
pub(super) mod trailing;

pub(super) use bare::Certainty;
pub(super) use costly::spend;
pub(super) use hidden::{Hidden, Suspicion};
pub(super) use import::{SPECIAL, level_of};
pub(super) use objects::Objects;
pub(super) use run::{Dialect, Fed, PickleRun};

use super::finding::Rule;

/// The rules on pickles.
pub(super) const RULES: &[&Rule] = &[
    &import::RULE,
    &import::FOREIGN,
    &import::TRUSTED,
    &import::BEYOND,
    &SPECIAL,
    &import::PLATFORM,
    &extension::RULE,
    &call::RULE,
    &loaded::RULE,
    &arguments::RULE,
    &rows::RULE,
    &allowed::LIES,
    &items::RULE,
    &attributes::RULE,
    &costly::RULE,
    &costly::CYCLE,
    &attributes::HIDDEN,
    &state::RULE,
    &change::RULE,
    &target::RULE,
    &keys::RULE,
    &late::RULE,
    &persistent::RULE,
    &opcode::RULE,
    &opcode::PROTOCOL,
    &encoding::RULE,
    &encoding::BYTES,
    &encoding::LEGACY,
    &index::RULE,
    &broken::RULE,
    &joblib::RULE,
    &broken::TRUNCATED,
    &trailing::RULE,
    &discarded::RULE,
    &left::RULE,
];
