//! BLAKE3 digests of what passes by in blocks, which all cores share.

use blake3::Hasher;
use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root,
};

/// A hasher for the block that starts at `offset`: a multiple of the block's size, which
/// is a power of two of at least a kilobyte.
pub(crate) fn block(offset: u64) -> Hasher {
    let mut hasher = Hasher::new();
    hasher.set_input_offset(offset);
    hasher
}

/// The digest of consecutive blocks of `size` bytes, `length` in all, as records have it:
/// the algorithm, and the digest in hex.
pub(crate) fn of_blocks(blocks: &[Hasher], size: u64, length: u64) -> String {
    match blocks {
        [] => tagged(Hasher::new().finalize()),
        [one] => tagged(one.finalize()),
        blocks => {
            let values: Vec<ChainingValue> = blocks.iter().map(HasherExt::finalize_non_root).collect();
            let (left, right) = halves(&values, size, length);
            tagged(merge_subtrees_root(&left, &right, Mode::Hash))
        }
    }
}

/// The digest of some bytes.
pub(crate) fn of(bytes: &[u8]) -> String {
    tagged(blake3::hash(bytes))
}

/// A digest as records have it.
pub(crate) fn tagged(hash: blake3::Hash) -> String {
    format!("blake3:{hash}")
}

/// Whether a digest is one of those.
pub(crate) fn is_known(digest: &str) -> bool {
    let digits =
        |hex: &str| hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    digest.strip_prefix("blake3:").is_some_and(digits)
}

/// Both halves of a tree of blocks, of which there are at least two. Each step halves
/// what there is.
fn halves(values: &[ChainingValue], size: u64, length: u64) -> (ChainingValue, ChainingValue) {
    let left = left_subtree_len(length);
    let at = usize::try_from(left / size).unwrap_or(values.len()).clamp(1, values.len() - 1);
    let (first, second) = values.split_at(at);
    (subtree(first, size, left), subtree(second, size, length - left))
}

fn subtree(values: &[ChainingValue], size: u64, length: u64) -> ChainingValue {
    match values {
        [one] => *one,
        values => {
            let (left, right) = halves(values, size, length);
            merge_subtrees_non_root(&left, &right, Mode::Hash)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_the_digest_of_the_whole() {
        let size = 2048;
        for length in [0, 1, 2047, 2048, 2049, 4096, 5000, 6144, 10_000, 16_384, 16_385, 50_001] {
            let bytes: Vec<u8> = (0..length).map(|n: usize| n.to_le_bytes()[0] ^ 0x5a).collect();
            let blocks: Vec<Hasher> = bytes
                .chunks(size)
                .enumerate()
                .map(|(index, bytes)| {
                    let mut hasher = block((index * size) as u64);
                    hasher.update(bytes);
                    hasher
                })
                .collect();
            assert_eq!(of_blocks(&blocks, size as u64, length as u64), of(&bytes), "{length}");
        }
    }
}
