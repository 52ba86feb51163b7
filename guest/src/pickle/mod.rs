//! The pickle machine: bytes in, a graph of objects out. It knows every opcode
//! of CPython and no class: what a pickle would call is kept as data.
//!
//! [`Machine`] cuts the bytes into instructions (`opcode`), `execute` runs them
//! on a `stack`, a `memo` and a `heap` of objects; `literal`, `integer` and `text`
//! decode what instructions carry.
//!
//! A machine is strict: it refuses what no pickler writes. What is carried out in an
//! order of its own, or for nothing, it notes: [`Graph`] has what happened, so that a
//! writer can be held to it. A tolerant machine goes on
//! wherever some reader might, and keeps a [`Trace`]: a payload must not hide
//! behind a flaw that only strict readers mind.

mod deeds;
mod drops;
mod effects;
mod execute;
mod flaw;
mod heap;
mod integer;
mod lenient;
mod literal;
mod machine;
mod memo;
mod object;
mod opcode;
mod python2;
mod skim;
mod stack;
mod taken;
#[cfg(test)]
mod tests;
mod text;
mod trace;

pub(crate) use deeds::Given;
pub(crate) use effects::{call_of, reached};
pub use machine::{Machine, Progress};
pub use object::{Graph, Instance, Loaded, Object, ObjectId, Value};
pub(crate) use opcode::{is_import, name as opcode_name};
pub(crate) use python2::{python2_name, python3_name, usual_name};
pub(crate) use skim::{Skim, Skimmed};
pub use trace::{Oddity, Trace};
