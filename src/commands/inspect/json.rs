use std::collections::BTreeMap;

use globset::GlobMatcher;
use serde::{Serialize, Serializer};

use super::subject::{Archive, RankFile, Subject};
use crate::inventory::{Inventory, Totals};
use crate::output::json::Stream;

/// The object that `docs/inspect-json.md` describes: change both together.
pub struct Listing {
    /// What is listed.
    pub subject: Subject,
    /// Which of it.
    pub filter: Option<GlobMatcher>,
}

impl Serialize for Listing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let inventory = self.subject.inventory(self.filter.clone());
        document(&self.subject, &inventory).serialize(serializer)
    }
}

fn document<'d>(subject: &'d Subject, inventory: &'d Inventory<'_>) -> impl Serialize + 'd {
    Document {
        path: &subject.path,
        format: subject.format,
        bytes: subject.bytes,
        archive: subject.archive.as_ref(),
        world_size: (!subject.ranks.is_empty()).then_some(subject.ranks.len()),
        files: &subject.ranks,
        tensors: Stream(|| inventory.tensors()),
        leaves: Stream(|| inventory.leaves()),
        opaque: Stream(|| inventory.opaque()),
        irreproducible: subject.irreproducible.as_deref(),
        metadata: subject.state.metadata().iter().map(|(key, value)| (&**key, &**value)).collect(),
        totals: subject.totals(inventory),
    }
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
    #[serde(skip_serializing_if = "Option::is_none")]
    irreproducible: Option<&'d str>,
    metadata: BTreeMap<&'d str, &'d str>,
    totals: Totals,
}
