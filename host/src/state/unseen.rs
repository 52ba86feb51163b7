//! Storages that tensors show a part of: a flat file has what is shown.

use super::tensor::{extent, numel};
use super::visit::visit;
use super::{Node, StateDict, wit};

/// What is shown of a storage.
#[derive(Clone, Debug, Default)]
struct Shown {
    whole: bool,
    /// From where to where tensors look, in bytes.
    spans: Vec<(u64, u64)>,
    /// Bytes of the elements of all of them.
    bytes: u64,
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
        shown
            .iter_mut()
            .zip(lengths)
            .filter_map(|(shown, length)| (!shown.is_all_of(length)).then_some(()))
            .count()
    }
}

impl Shown {
    fn add(&mut self, tensor: &wit::Tensor) {
        let end = extent(tensor).unwrap_or(u64::MAX);
        let start = tensor.offset.saturating_mul(tensor.dtype.bits()) / 8;
        if end > start {
            self.spans.push((start, end));
        }
        let elements = numel(&tensor.shape).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(tensor.dtype.bytes(elements).unwrap_or(u64::MAX));
    }

    /// Whether all of so many bytes are shown, as far as spans and sums tell.
    fn is_all_of(&mut self, length: u64) -> bool {
        self.spans.sort_unstable();
        let reached = self.spans.iter().fold(0, |reached, &(start, end)| match start <= reached {
            true => end.max(reached),
            false => reached,
        });
        self.whole || reached >= length && self.bytes >= length
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
    }
}
