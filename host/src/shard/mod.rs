//! One state dict over several ranks, and back.
//!
//! A rank's part has the dicts of the whole, with that rank's tensors in them.
//! What the parts cannot say (the order of keys, shared containers, which
//! strings are one object) is kept by the *outline*: the whole state dict, its
//! tensors without data. Merging puts the ranks' tensors back into the outline,
//! so that nothing needs to be guessed.

mod merge;
mod owners;
mod part;

pub(crate) use merge::merge;
pub(crate) use part::{outline, part, unwrap};

pub(crate) use owners::{Owners, owners};

use crate::state::Node;

/// Whether a node looks into a storage by itself.
fn holds_data(node: &Node) -> bool {
    match node {
        Node::Tensor(tensor) => tensor.storage.is_some(),
        Node::Quantized(_) | Node::Storage(_) => true,
        _ => false,
    }
}
