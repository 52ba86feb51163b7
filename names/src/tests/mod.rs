mod arena;
mod beside;
mod bombs;
mod clashes;
mod finding;
mod modules;
mod positions;
mod wrappers;

use alloc::string::String;
use alloc::vec::Vec;

use crate::{Index, Survey, Walk, find};
use arena::Arena;

/// The names of all places, each of which leads back to its node and to no other.
fn names(nodes: &Arena) -> Vec<String> {
    let survey = Survey::of(nodes, 0, 1 << 24).unwrap();
    let index = Index::of(nodes, 0);
    let mut walk = Walk::new(nodes, &survey);
    let mut names = Vec::new();
    while let Some(node) = walk.next() {
        let name = walk.name();
        assert_eq!(find(nodes, &index, &name), Some(node), "{name}");
        names.push(name);
    }
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), names.len(), "two places share a name: {names:?}");
    names
}
