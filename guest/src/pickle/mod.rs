//! The pickle machine: bytes in, a graph of objects out. It knows every opcode
//! of CPython and no class: what a pickle would call is kept as data.

mod machine;
mod object;
mod python2;

pub use machine::{Machine, Progress};
pub use object::{Graph, Instance, Object, ObjectId, Value};
pub(crate) use python2::{python2_name, python3_name};
