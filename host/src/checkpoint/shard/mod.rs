//! One state dict over several ranks, and back.
//!
//! What is shared is *storages*: each belongs to one rank. The *outline* is the whole
//! state dict as a pickle, which names every storage and holds no byte of any; the record
//! of a rank's file says which storages of the outline its payloads are. Merging puts
//! them under the outline, and cannot miss a place.
//!
//! A rank's file is a plain file besides, with the dicts and lists that lead to its
//! tensors ([`part`]); nothing but its payloads is taken from it. What it has is compared
//! with its part of the outline, so that a record which leads elsewhere is found.

mod groups;
mod merge;
mod order;
mod part;
mod reach;
#[cfg(test)]
mod tests;

pub(crate) use groups::{Owners, owners};
pub(crate) use merge::{merge, once};
pub(crate) use order::encountered;
pub(crate) use part::part;
