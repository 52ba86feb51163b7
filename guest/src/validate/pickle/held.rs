//! Reads storages whose bytes are in values of the pickle.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Objects;
use crate::pickle::{Graph, Loaded};
use crate::step::{Next, Range};
use crate::validate::examine::Scope;
use crate::validate::tensor::Tensors;

/// Judges what only the bytes of storages tell, where calls load them from bytes.
pub(super) fn read(tensors: &mut Tensors, graph: &Graph, scope: &mut Scope<'_>) {
    // The storages of a pickle that has none of these are in other files.
    if graph.loaded.is_empty() {
        return;
    }
    let mut held = Held { graph, starts: Vec::new(), decoded: BTreeMap::new() };
    let places = held.place(tensors);
    let mut parts = Vec::new();
    while let Next::Fetch(ranges) = tensors.read(&places, false, parts, scope) {
        parts = ranges.into_iter().map(|range| held.get(range)).collect();
    }
}

/// Storages, as if they lay one after another.
struct Held<'g> {
    graph: &'g Graph,
    /// Where each is, in ascending order.
    starts: Vec<(u64, &'g Loaded)>,
    /// The bytes of files that are read of: some are texts to be decoded.
    decoded: BTreeMap<u64, Cow<'g, [u8]>>,
}

impl<'g> Held<'g> {
    fn place(&mut self, tensors: &Tensors) -> Vec<Option<Range>> {
        let mut end = 0u64;
        let each = tensors.storages().iter().map(|storage| {
            let loaded = self.graph.loaded.get(&storage.loaded?)?;
            let range = Range::new(end, loaded.length);
            self.starts.push((end, loaded));
            // No two start in one place.
            end = range.end()?.checked_add(1)?;
            Some(range)
        });
        each.collect()
    }

    fn get(&mut self, range: Range) -> Vec<u8> {
        let after = self.starts.partition_point(|&(start, _)| start <= range.offset);
        let Some(&(start, loaded)) = after.checked_sub(1).and_then(|last| self.starts.get(last)) else {
            return Vec::new();
        };
        let objects = Objects(&self.graph.objects);
        let file =
            self.decoded.entry(start).or_insert_with(|| objects.bytes(loaded.file).unwrap_or_default());
        let inside = range.offset.saturating_sub(start).checked_add(loaded.start);
        let from = inside.and_then(|inside| usize::try_from(inside).ok());
        let end = inside.and_then(|inside| usize::try_from(inside.checked_add(range.length)?).ok());
        from.zip(end).and_then(|(from, end)| file.get(from..end)).unwrap_or_default().to_vec()
    }
}
