use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::subject::{Archive, RankFile, Subject};
use crate::inventory::{Inventory, Totals};
use crate::output::json::{self, Stream};

/// Writes the object that `docs/inspect-json.md` describes: change both together.
pub fn write(out: &mut dyn Write, subject: &Subject, inventory: &Inventory<'_>) -> io::Result<()> {
    let document = Document {
        path: &subject.path,
        format: subject.format,
        bytes: subject.bytes,
        archive: subject.archive.as_ref(),
        world_size: (!subject.ranks.is_empty()).then_some(subject.ranks.len()),
        files: &subject.ranks,
        tensors: Stream(|| inventory.tensors()),
        leaves: Stream(|| inventory.leaves()),
        opaque: Stream(|| inventory.opaque()),
        metadata: subject.state.metadata().iter().map(|(key, value)| (&**key, &**value)).collect(),
        totals: subject.totals(inventory),
    };
    json::write(out, &document)
}

#[derive(Serialize)]
struct Document<'d, T, L, O> {
    path: &'d str,
    format: &'d str,
    bytes: u64,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    archive: Option<&'d Archive>,
    #[serde(skip_serializing_if = "Option::is_none")]
    world_size: Option<usize>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    files: &'d [RankFile],
    tensors: T,
    leaves: L,
    opaque: O,
    metadata: BTreeMap<&'d str, &'d str>,
    totals: Totals,
}
