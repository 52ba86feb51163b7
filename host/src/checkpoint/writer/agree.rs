//! What ranks must have alike before a save is committed.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::CheckpointWriterConfig;
use crate::checkpoint::VERSION;
use crate::checkpoint::shard;
use crate::file::readback;
use crate::payload::checksum;
use crate::state::{Content, StateDict, Storage, flat};
use crate::{Error, RankInfo, Result};

/// What a rank says it saves, and how: facts with a name each, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Terms {
    /// How it saves.
    options: Vec<(String, String)>,
    /// What is the state dict that all ranks share: digests, from the outside in.
    state: Vec<(String, String)>,
}

impl Terms {
    /// The terms of a save of state dicts of the ranks' own.
    pub(super) fn of(config: &CheckpointWriterConfig, rank: RankInfo, shared: bool) -> Self {
        let retention = serde_json::to_string(&config.retention).unwrap_or_default();
        let mut terms = Self::default();
        terms.option("world size", rank.global_world_size);
        terms.option(
            "what is saved",
            if shared { "a share of one state dict" } else { "a state dict of its own" },
        );
        terms.option("whether to overwrite", config.overwrite);
        terms.option("retention", retention);
        terms.option("format", format!("torch zip, record {VERSION}"));
        terms.option("whether to record digests", config.digests);
        terms
    }

    /// Adds those of a state dict that all ranks share, whose pickle is `outline` and whose
    /// storages have these checksums.
    pub(super) fn share(&mut self, outline: &[u8], state: &StateDict<'_>, checksums: &[Option<u32>]) {
        let tensors = flat(state);
        self.state.push(("the number of tensors".into(), tensors.len().to_string()));
        let names = || tensors.iter().map(|flat| flat.path.clone());
        let mut sorted: Vec<String> = names().collect();
        sorted.sort_unstable();
        self.each("the names of tensors", sorted);
        self.each("the order of tensors", names());
        let raws = || tensors.iter().map(|flat| flat.tensor.raw());
        self.each(
            "the dtypes and shapes of tensors",
            raws().map(|raw| format!("{:?} {:?}", raw.dtype, raw.shape)),
        );
        let trained = tensors.iter().map(|flat| (flat.parameter, flat.tensor.raw().requires_grad));
        self.each(
            "which tensors are parameters, or require grad",
            trained.map(|trained| format!("{trained:?}")),
        );
        let storages = tensors.iter().map(|flat| flat.tensor.storage());
        let devices = storages.map(|storage| storage.map_or("", Storage::location).to_owned());
        self.each("the devices of tensors", devices);
        // By the first tensor over each: they are numbered by how a file was read.
        let mut numbers: HashMap<u32, usize> = HashMap::new();
        let views = raws().map(|raw| {
            let next = numbers.len();
            let number = raw.storage.map(|id| *numbers.entry(id).or_insert(next));
            format!("{number:?} {} {:?} {} {}", raw.offset, raw.stride, raw.conj, raw.neg)
        });
        let views: Vec<String> = views.collect();
        self.each("which tensors share memory, and how they look into it", views);
        let metadata = readback::sorted(state.metadata());
        self.each("metadata", metadata.iter().flat_map(|(key, value)| [key, value]));
        // Its pickle has all of those but the metadata, and no bytes of tensors: what differs only
        // now is none of them.
        let rest = "values that are no plain tensors, or what holds them";
        self.digest(rest, blake3::Hasher::new().update(outline));
        let mut contents = blake3::Hasher::new();
        for id in shard::encountered(state) {
            let checksum = checksums.get(id as usize).copied().flatten();
            contents.update(&[u8::from(checksum.is_some())]).update(&checksum.unwrap_or(0).to_le_bytes());
        }
        self.digest("the contents of tensors", &contents);
    }

    fn option(&mut self, name: &str, value: impl ToString) {
        self.options.push((name.into(), value.to_string()));
    }

    /// A digest of texts, in order.
    fn each(&mut self, name: &str, texts: impl IntoIterator<Item = impl AsRef<str>>) {
        let mut hasher = blake3::Hasher::new();
        for text in texts {
            let text = text.as_ref();
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        self.digest(name, &hasher);
    }

    fn digest(&mut self, name: &str, hasher: &blake3::Hasher) {
        self.state.push((name.into(), hasher.finalize().to_string()));
    }
}

/// An error unless all ranks have the same terms. It names the first on which they
/// differ, and the ranks on each side, with the file that the first of them reads.
pub(super) fn all_alike(ranks: &[(&Terms, Option<&str>)]) -> Result<()> {
    let Some(((first, _), rest)) = ranks.split_first() else { return Ok(()) };
    if rest.iter().all(|(other, _)| other == first) {
        return Ok(());
    }
    let differ = |shared: bool| {
        let facts = |terms: &'_ Terms| if shared { terms.state.clone() } else { terms.options.clone() };
        // All ranks say the same, so the names come from all, in one order.
        let names = ranks.iter().flat_map(|(terms, _)| facts(terms)).map(|(name, _)| name);
        let value = |terms: &Terms, name: &str| {
            let found = facts(terms).into_iter().find(|(known, _)| known == name);
            found.map_or_else(|| "nothing".to_owned(), |(_, value)| value)
        };
        for what in names {
            let mut sides: Vec<(String, Vec<usize>)> = Vec::new();
            for (rank, (terms, _)) in ranks.iter().enumerate() {
                let value = value(terms, &what);
                match sides.iter_mut().find(|(known, _)| *known == value) {
                    Some((_, ranks)) => ranks.push(rank),
                    None => sides.push((value, vec![rank])),
                }
            }
            if sides.len() > 1 {
                let told = sides.into_iter().map(|(value, of)| (told(&value, shared, &of, ranks), of));
                return Err(Error::Disagree { what, sides: told.collect(), shared });
            }
        }
        Ok(())
    };
    differ(false).and_then(|()| differ(true))
}

/// What some ranks have, for people: of a digest its beginning, and the file it is of.
fn told(value: &str, shared: bool, of: &[usize], ranks: &[(&Terms, Option<&str>)]) -> String {
    if !shared {
        return value.to_owned();
    }
    let source = of.first().and_then(|&rank| ranks.get(rank)).and_then(|(_, source)| *source);
    let short: String = value.chars().take(SHORT).collect();
    source.map_or_else(|| short.clone(), |source| format!("{short} in {source}"))
}

/// Characters of a digest that people are shown.
const SHORT: usize = 12;

/// The file that a state dict is read from, if it is.
pub(super) fn source_of(state: &StateDict<'_>) -> Option<String> {
    state.storages().iter().find_map(|storage| match storage.content() {
        Content::Stored(part) => Some(part.source.path().display().to_string()),
        Content::Bytes(..) => None,
    })
}

/// The checksums of all storages, by their ids. Each rank goes over all bytes that it
/// has: what its file has checksums of is held against them, but for the storages in
/// `carried`, which are when they are written; the rest is hashed.
pub(super) fn checksums(state: &StateDict<'_>, carried: &HashSet<u32>) -> Result<Vec<Option<u32>>> {
    let storages = state.storages().par_iter().enumerate();
    let checksums = storages.map(|(id, storage)| match storage.content() {
        Content::Stored(part) if part.checksum.is_some() => {
            let is_carried = u32::try_from(id).is_ok_and(|id| carried.contains(&id));
            if is_carried { Ok(part.checksum) } else { part.verify().map(|()| part.checksum) }
        }
        Content::Stored(part) => checksum::stored(part).map(Some),
        Content::Bytes(..) => storage.bytes().map(|bytes| Some(checksum::bytes(bytes))),
    });
    let checksums = checksums.collect::<Result<Vec<_>>>();
    checksums.map_err(|error| state.unchanged().err().unwrap_or(state.naming_tensors(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(structure: &str, overwrite: bool) -> Terms {
        let mut terms = Terms::default();
        terms.option("overwrite", overwrite);
        terms.state.push(("structure".into(), structure.into()));
        terms
    }

    #[test]
    fn a_difference_names_the_ranks_on_each_side_and_their_files() {
        let all = [terms("aaaabbbbccccdddd", true), terms("b", true), terms("aaaabbbbccccdddd", true)];
        all_alike(&[(&all[0], None), (&all[2], Some("x.pt"))]).unwrap();
        let error = all_alike(&[(&all[0], Some("x.pt")), (&all[1], None), (&all[2], None)]).unwrap_err();
        let expected =
            "the ranks disagree on structure: ranks 0 and 2 have aaaabbbbcccc in x.pt, rank 1 has b";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn options_come_first() {
        let error = all_alike(&[(&terms("a", true), None), (&terms("b", false), None)]).unwrap_err();
        assert_eq!(error.to_string(), "the ranks disagree on overwrite: rank 0 has true, rank 1 has false");
    }

    #[test]
    fn a_fact_that_one_rank_does_not_state_is_a_difference() {
        let mut more = terms("a", true);
        more.state.push(("contents".into(), "c".into()));
        let error = all_alike(&[(&terms("a", true), None), (&more, None)]).unwrap_err();
        assert_eq!(error.to_string(), "the ranks disagree on contents: rank 0 has nothing, rank 1 has c");
    }
}
