//! The names that the values of a state dict have. The guest and the host both list
//! them, and what both must compute alike is here.
//!
//! A name is the keys on the way, joined by dots: `model.layers.0.weight`. Other ways
//! are marked: `[0]` is a position, `@` leads to attributes, `{0}` is a key itself, and
//! `[#0]` the value under a key that cannot be written. No two places share a name:
//! where keys with dots, or of one text and other types, would make them, each place
//! has its exact form, `["a.b"][0]`. What is one place is told by the nodes, never by
//! how they print.
//!
//! Whoever has nodes implements [`Nodes`], and goes the same way:
//!
//! - [`Measure`] says how large they are as a tree: look at it before anything else,
//!   for a few bytes unfold to more places than there are atoms.
//! - [`Survey`] finds the names that two places would share.
//! - [`Walk`] goes over the places in order; [`find`] goes to one.
//!
//! All take time and memory linear in the nodes, or in the tree's places.

#![no_std]
#![deny(unsafe_code)]

extern crate alloc;

mod along;
mod class;
mod find;
mod hash;
mod key;
mod measure;
mod module;
mod nodes;
mod pen;
mod quote;
mod role;
mod routine;
mod survey;
mod tensor;
mod walk;

#[cfg(test)]
mod tests;

pub use along::along;
pub use class::{class, global};
pub use find::{Index, find};
pub use key::float;
pub use measure::Measure;
pub use nodes::{Look, Nodes};
pub use quote::{quoted, quoted_bytes};
pub use role::{Field, Part, Role};
pub use survey::{Survey, TooMany};
pub use tensor::{Kind, Tensor, is_composite, tensor};
pub use walk::{Cursor, Unnamed, Walk};
