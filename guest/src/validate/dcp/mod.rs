//! Checkpoints of `torch.distributed.checkpoint`, whose readers run pickles in all of their files.
//!
//! [`metadata`] judges what a `.metadata` says, beyond the objects it is made of. [`items`] finds
//! where the items of a `.distcp` file start, each of which is then judged as a file of its own;
//! [`matching`] holds them against what a metadata says of the file, and has what it names
//! otherwise judged as well: readers go where the metadata says.

pub(super) mod items;
pub(super) mod matching;
pub(super) mod metadata;

use super::finding::Rule;

/// The rules on distributed checkpoints.
pub(super) const RULES: &[&Rule] = &[
    &metadata::GRAPH,
    &metadata::BOX,
    &metadata::PATH,
    &metadata::PLACE,
    &metadata::TRANSFORM,
    &matching::ELSEWHERE,
    &matching::OTHER,
    &matching::UNNAMED,
];
