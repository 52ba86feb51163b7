use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::{count, header};
use crate::pickle::{Graph, Object};
use crate::show;
use crate::step::Range;
use crate::torch::NamedStorage;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// Keys that are not those of the state dict's storages.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-LEGACY-KEYS",
    "a list of storages that the state dict contradicts",
    "The last pickle says in what order the storages follow. One that it leaves out stays memory \
     nobody wrote; one that it names twice, or that nobody knows, shifts all that follow.",
);

/// A storage that ends beyond the file.
pub(super) static TRUNCATED: Rule = Rule::malformed(
    "SR-LEGACY-TRUNCATED",
    "a storage that the file ends in",
    "The file was cut, or the state dict lies about a length. Loading fails here.",
);

/// Where the storages lie.
#[derive(Debug)]
pub(super) struct Placed {
    /// The bytes of each storage.
    pub(super) places: Vec<Option<Range>>,
    /// The storages in the stream's order, as indices.
    pub(super) order: Vec<usize>,
    /// Where the stream ends; None if that cannot be told.
    pub(super) end: Option<u64>,
}

impl Placed {
    /// The bytes of a storage.
    pub(super) fn place(&self, id: usize) -> Option<Range> {
        self.places.get(id).copied().flatten()
    }

    /// Follows the list of keys from `end` on, as far as it makes sense, and
    /// reports where it does not.
    pub(super) fn follow(
        graph: &Graph,
        storages: &[NamedStorage],
        end: u64,
        part: &Part,
        scope: &mut Scope<'_>,
    ) -> Self {
        header::plain(graph, part, scope);
        let mut placed = Self { places: vec![None; storages.len()], order: Vec::new(), end: Some(end) };
        let Some(Object::List(keys)) = graph.object(graph.root) else {
            scope.find(&RULE, part, 0, "not a list of storage keys");
            placed.end = None;
            return placed;
        };
        let known: BTreeMap<&str, usize> =
            storages.iter().map(|storage| storage.key.as_str()).zip(0..).collect();
        for &key in keys {
            let Some(Object::Text(key)) = graph.object(key) else {
                scope.find(&RULE, part, 0, "a key that is no str");
                placed.end = None;
                break;
            };
            let Some(&id) = known.get(key.as_str()) else {
                scope.find(&RULE, part, 0, format!("{}, a key of no storage", show::name(key)));
                placed.end = None;
                break;
            };
            if placed.place(id).is_some() {
                scope.find(&RULE, part, 0, format!("the key {} twice", show::name(key)));
                placed.end = None;
                break;
            }
            let length = storages.get(id).map_or(0, |storage| storage.length);
            if !placed.put(id, length, scope) {
                break;
            }
        }
        if placed.end.is_some() {
            for (storage, _) in storages.iter().zip(&placed.places).filter(|(_, place)| place.is_none()) {
                let message = format!("the storage {} is not listed", show::name(&storage.key));
                scope.find(&RULE, part, 0, message);
            }
        }
        placed
    }

    /// The next storage, after its count. False if the file ends before.
    fn put(&mut self, id: usize, length: u64, scope: &mut Scope<'_>) -> bool {
        let Some(start) = self.end else { return false };
        let bytes = start.checked_add(count::BYTES).map(|start| Range::new(start, length));
        let inside = |range: &Range| range.end().is_some_and(|end| end <= scope.length);
        let Some(range) = bytes.filter(inside) else {
            let left = scope.length.saturating_sub(start);
            let message = format!("{left} bytes for a count and {length} bytes of a storage");
            scope.find_cut(length, &TRUNCATED, &Part::whole(), start, message);
            self.end = None;
            return false;
        };
        self.end = range.end();
        self.order.push(id);
        if let Some(place) = self.places.get_mut(id) {
            *place = Some(range);
        }
        true
    }
}
