//! Storages that tensors show a part of: a flat file has what is shown.

use std::collections::BTreeSet;

use super::visit::visit;
use super::{Node, StateDict, wit};
use crate::payload::layout::{extent, numel};

/// What is shown of a storage.
#[derive(Clone, Debug, Default)]
struct Shown {
    whole: bool,
    /// From where to where tensors look, in bytes, and how many bytes of that they show.
    spans: BTreeSet<(u64, u64, u64)>,
}

impl StateDict<'_> {
    /// How many storages have elements that no tensor shows, as that of `x[:2]` has, which
    /// `torch.save` writes whole. A file that holds tensors by their names does not have them.
    pub fn partly_shown(&self) -> usize {
        let mut shown = vec![Shown::default(); self.storages.len()];
        for node in self.nodes.iter() {
            match node {
                Node::Tensor(tensor) => {
                    if let Some(shown) = tensor.storage.and_then(|id| shown.get_mut(id as usize)) {
                        shown.add(tensor);
                    }
                }
                // By itself, or with whatever else: nothing of it goes without a word.
                node => visit(node, &mut |_| (), &mut |&id| {
                    if let Some(shown) = shown.get_mut(id as usize) {
                        shown.whole = true;
                    }
                }),
            }
        }
        let lengths = self.storages.iter().map(super::Storage::length);
        shown.iter().zip(lengths).filter(|(shown, length)| !shown.is_all_of(*length)).count()
    }
}

impl Shown {
    fn add(&mut self, tensor: &wit::Tensor) {
        let end = extent(tensor).unwrap_or(u64::MAX);
        let start = tensor.offset.saturating_mul(tensor.dtype.bits()) / 8;
        // Along a stride of 0 one element is shown again and again.
        let sizes = tensor.shape.iter().zip(&tensor.stride).filter(|(_, stride)| **stride > 0);
        let sizes: Vec<u64> = sizes.map(|(size, _)| *size).collect();
        let bytes = numel(&sizes).and_then(|elements| tensor.dtype.bytes(elements)).unwrap_or(u64::MAX);
        if end > start {
            self.spans.insert((start, end, bytes));
        }
    }

    /// Whether all of so many bytes are shown, as far as spans and sums tell.
    fn is_all_of(&self, length: u64) -> bool {
        let reached = self.spans.iter().fold(0, |reached, &(start, end, _)| match start <= reached {
            true => end.max(reached),
            false => reached,
        });
        let bytes = self.spans.iter().fold(0u64, |sum, (.., bytes)| sum.saturating_add(*bytes));
        self.whole || reached >= length && bytes >= length
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DType, Storage, Tensor};
    use super::*;

    #[test]
    fn what_no_tensor_shows_is_found() {
        let partly = |views: &[(u64, &[u64], &[u64])]| {
            let storage = Storage::new(vec![0u8; 12]);
            let mut state = StateDict::new();
            for (at, (offset, shape, stride)) in views.iter().enumerate() {
                let view = Tensor::view(storage.clone(), DType::Int16, *offset, shape, stride).unwrap();
                state.insert(&at.to_string(), view);
            }
            state.partly_shown()
        };
        assert_eq!(partly(&[(0, &[6], &[1])]), 0);
        assert_eq!(partly(&[(0, &[2, 3], &[1, 2])]), 0);
        assert_eq!(partly(&[(3, &[3], &[1]), (0, &[3], &[1])]), 0);
        assert_eq!(partly(&[(0, &[2], &[1])]), 1);
        assert_eq!(partly(&[(1, &[5], &[1])]), 1);
        assert_eq!(partly(&[(0, &[2], &[1]), (4, &[2], &[1])]), 1);
        assert_eq!(partly(&[(0, &[2], &[5])]), 1);
        assert_eq!(partly(&[(0, &[4, 2], &[0, 5])]), 1);
        assert_eq!(partly(&[(0, &[2], &[5]), (0, &[2], &[5]), (0, &[2], &[5])]), 1);
        assert_eq!(partly(&[(0, &[3, 6], &[0, 1])]), 0);
    }
}
