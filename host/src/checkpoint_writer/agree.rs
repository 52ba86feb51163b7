//! What ranks must have alike before a save is committed.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::CheckpointWriterConfig;
use crate::checkpoint::VERSION;
use crate::checksum::Hasher;
use crate::state::{Content, StateDict, Storage};
use crate::{Error, RankInfo, Result, checksum, shard};

/// What a rank says it saves, and how: facts with a name each, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Terms(Vec<(String, String)>);

impl Terms {
    /// The terms of a save of state dicts of the ranks' own.
    pub(super) fn of(config: &CheckpointWriterConfig, rank: RankInfo, shared: bool) -> Self {
        let retention = serde_json::to_string(&config.retention).unwrap_or_default();
        let mut terms = Self::default();
        terms.add("world size", rank.global_world_size);
        terms.add(
            "what is saved",
            if shared { "a share of one state dict" } else { "a state dict of its own" },
        );
        terms.add("whether to overwrite", config.overwrite);
        terms.add("retention", retention);
        terms.add("format", format!("torch zip, record {VERSION}"));
        terms.add("whether to record digests", config.digests);
        terms
    }

    /// Adds those of a state dict that all ranks share: the digest of its structure, which
    /// is `outline`, and one of the checksums that its storages have. With `contents`,
    /// storages without one are read and hashed.
    pub(super) fn share(&mut self, outline: &[u8], state: &StateDict<'_>, contents: bool) -> Result<()> {
        self.add("structure", blake3::hash(outline));
        let order = shard::encountered(state);
        let storages: Vec<&Storage<'_>> =
            order.iter().filter_map(|&id| state.storages().get(id as usize)).collect();
        let checksums: Vec<Option<u32>> =
            storages.into_par_iter().map(|storage| checksum_of(storage, contents)).collect::<Result<_>>()?;
        let mut hasher = blake3::Hasher::new();
        for checksum in checksums {
            let (there, checksum) = (u8::from(checksum.is_some()), checksum.unwrap_or(0).to_le_bytes());
            hasher.update(&[there]).update(&checksum);
        }
        self.add("contents", hasher.finalize());
        Ok(())
    }

    fn add(&mut self, name: &str, value: impl ToString) {
        self.0.push((name.into(), value.to_string()));
    }
}

/// An error unless all ranks have the same terms. It names the first on which they
/// differ, and the ranks on each side.
pub(super) fn all_alike(terms: &[&Terms]) -> Result<()> {
    let Some((first, rest)) = terms.split_first() else { return Ok(()) };
    if rest.iter().all(|other| other == first) {
        return Ok(());
    }
    // All ranks say the same, so the names come from all, in one order.
    let names = terms.iter().flat_map(|terms| terms.0.iter().map(|(name, _)| name.as_str()));
    let value = |terms: &Terms, name: &str| {
        let found = terms.0.iter().find(|(known, _)| known == name);
        found.map_or_else(|| "nothing".to_owned(), |(_, value)| value.clone())
    };
    for name in names {
        let mut sides: Vec<(String, Vec<usize>)> = Vec::new();
        for (rank, terms) in terms.iter().enumerate() {
            let value = value(terms, name);
            match sides.iter_mut().find(|(known, _)| *known == value) {
                Some((_, ranks)) => ranks.push(rank),
                None => sides.push((value, vec![rank])),
            }
        }
        if sides.len() > 1 {
            return Err(Error::Disagree { what: name.to_owned(), sides });
        }
    }
    Ok(())
}

/// The checksum of a storage's bytes, if it is known or asked for.
fn checksum_of(storage: &Storage<'_>, compute: bool) -> Result<Option<u32>> {
    match storage.content() {
        Content::Stored(part) if part.checksum.is_some() => Ok(part.checksum),
        _ if !compute => Ok(None),
        Content::Stored(part) => checksum::stored(part).map(Some),
        Content::Bytes(..) => {
            let blocks: Vec<Hasher> = storage
                .bytes()?
                .par_chunks(checksum::BLOCK)
                .map(|block| {
                    let mut hasher = Hasher::new();
                    hasher.update(block);
                    hasher
                })
                .collect();
            Ok(Some(checksum::combine(blocks)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(structure: &str, overwrite: bool) -> Terms {
        let mut terms = Terms::default();
        terms.add("overwrite", overwrite);
        terms.add("structure", structure);
        terms
    }

    #[test]
    fn a_difference_names_the_ranks_on_each_side() {
        let all = [terms("a", true), terms("b", true), terms("a", true)];
        all_alike(&[&all[0], &all[2]]).unwrap();
        let error = all_alike(&all.iter().collect::<Vec<_>>()).unwrap_err();
        assert_eq!(error.to_string(), "the ranks disagree on structure: ranks 0 and 2 have a, rank 1 has b");
    }

    #[test]
    fn a_fact_that_one_rank_does_not_state_is_a_difference() {
        let mut more = terms("a", true);
        more.add("contents", "c");
        let error = all_alike(&[&terms("a", true), &more]).unwrap_err();
        assert_eq!(error.to_string(), "the ranks disagree on contents: rank 0 has nothing, rank 1 has c");
    }
}
