use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::role::{Role, role_of};
use crate::pickle::Graph;
use crate::step::{Next, Range};
use crate::validate::dcp::matching::Root;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;
use crate::validate::tensor::Tensors;
use crate::validate::zip::member::Member;
use crate::zip::{Record, end_of, placed};

/// A storage's record is there, and as long as the pickle says.
pub(in crate::validate::zip) static RULE: Rule = Rule::malformed(
    "SR-TENSOR-RECORD",
    "a storage whose bytes are not as the pickle says",
    "torch.load fails on it; with mmap=True older releases read what lies behind it instead.",
);

/// The pickle names every storage.
pub(in crate::validate::zip) static UNREFERENCED: Rule = Rule::malformed(
    "SR-ZIP-UNREFERENCED",
    "a storage that the pickle does not name",
    "Nobody reads it, so nothing says what its bytes are.",
);

/// torch.load needs the pickle.
pub(in crate::validate::zip) static PICKLE: Rule = Rule::malformed(
    "SR-ZIP-PICKLE",
    "no record `data.pkl`",
    "Everything else is as in a checkpoint, but nothing says what its bytes mean. torch.load fails.",
);

/// Storages lie where they are promised.
pub(in crate::validate::zip) static OFFSETS: Rule = Rule::malformed(
    "SR-ZIP-OFFSETS",
    "storages that do not lie where `.format_version` promises",
    "torch.load computes where they are instead of looking, with map_location=\"meta\" or if it is \
     told to (calculate_storage_offsets), and would read other bytes. Another program packed the archive: `strongroom convert` \
     writes it as torch does.",
);

/// The tensors of an archive and the records of their storages.
#[derive(Debug)]
pub(in crate::validate::zip) struct Storages {
    part: Part,
    tensors: Tensors,
    places: Vec<Option<Range>>,
    /// Names of the records that are read of, in lower case.
    read: BTreeSet<String>,
    /// What was decompressed of them, as if it lay behind the end of the region.
    inflated: Vec<u8>,
    /// Where there, by record.
    inflated_at: BTreeMap<usize, Range>,
}

impl Storages {
    /// What a pickle built.
    pub(in crate::validate::zip) fn new(graph: &Graph, part: &Part, scope: &mut Scope<'_>) -> Self {
        let tensors = Tensors::new(graph, part, scope);
        let read = tensors.read_keys().map(record_name).collect();
        Self {
            part: part.clone(),
            tensors,
            places: Vec::new(),
            read,
            inflated: Vec::new(),
            inflated_at: BTreeMap::new(),
        }
    }

    /// What the pickle builds.
    pub(in crate::validate::zip) fn root(&self) -> Root {
        self.tensors.root()
    }

    /// Whether the bytes of this record are looked at.
    pub(in crate::validate::zip) fn reads(&self, member: &Member) -> bool {
        inner_name(member).is_some_and(|name| self.read.contains(&name))
    }

    /// Takes the bytes of a compressed record that are looked at.
    pub(in crate::validate::zip) fn keep(&mut self, index: usize, bytes: &[u8], scope: &Scope<'_>) {
        let Some(start) = scope.length.checked_add(self.inflated.len() as u64) else { return };
        self.inflated.extend_from_slice(bytes);
        self.inflated_at.insert(index, Range::new(start, bytes.len() as u64));
    }

    /// Finds the record of each storage, and the storage of each record.
    pub(in crate::validate::zip) fn place(&mut self, members: &[Member], scope: &mut Scope<'_>) {
        let records = records(members);
        let mut named = vec![false; members.len()];
        for storage in self.tensors.storages() {
            let index = records.get(&record_name(&storage.key)).copied();
            let member = index.and_then(|index| members.get(index));
            if let Some(named) = index.and_then(|index| named.get_mut(index)) {
                *named = true;
            }
            let place = match member {
                None => {
                    let (key, length) = (&storage.key, storage.length);
                    let message = format!("no record `data/{key}` for a storage of {length} bytes");
                    scope.find(&RULE, &self.part, 0, message);
                    None
                }
                Some(member) if member.size != storage.length => {
                    let message = format!("{} bytes, where the pickle says {}", member.size, storage.length);
                    scope.find(&RULE, &member.content(), 0, message);
                    None
                }
                Some(member) => member
                    .stored()
                    .or_else(|| self.inflated_at.get(&index?).copied())
                    .filter(|range| range.length == storage.length),
            };
            self.places.push(place);
        }
        let unnamed = records.values().filter(|_| self.tensors.are_all_known());
        for &index in unnamed {
            if let Some(member) = members.get(index)
                && named.get(index) == Some(&false)
            {
                let message = format!("{} bytes that no tensor uses", member.size);
                scope.find(&UNREFERENCED, &member.content(), 0, message);
            }
        }
    }

    /// Compares where the storages are with where torch would have put them, in the order in which
    /// the pickle names them.
    pub(in crate::validate::zip) fn keep_promise(
        &self,
        members: &[Member],
        alignment: u32,
        scope: &mut Scope<'_>,
    ) {
        let records = records(members);
        let mut next = None;
        for storage in self.tensors.storages() {
            let member = records.get(&record_name(&storage.key)).and_then(|index| members.get(*index));
            let Some((member, payload)) = member.and_then(|member| Some((member, member.payload?))) else {
                return;
            };
            let record = || Record { name: member.name.clone(), length: member.size };
            let expected = match next {
                None if storage.key != "0" => {
                    let message =
                        "the first storage that the pickle names is not `0`, from which torch counts";
                    return scope.find(&OFFSETS, &member.content(), 0, message);
                }
                None => end_of(record(), member.header, payload).map(|end| (payload, end)),
                Some(header) => placed(record(), header, alignment),
            };
            match expected {
                Some((expected, end)) if expected == payload => next = Some(end),
                _ => {
                    let message = format!("its bytes are at {payload}, and not where the file promises");
                    return scope.find(&OFFSETS, &member.content(), 0, message);
                }
            }
        }
    }

    /// Judges what only the bytes of storages tell. The next state: what was
    /// fetched, in the order asked for; at first, nothing.
    pub(in crate::validate::zip) fn resume(
        &mut self,
        big_endian: bool,
        mut parts: Vec<Vec<u8>>,
        scope: &mut Scope<'_>,
    ) -> Next<()> {
        loop {
            match self.tensors.read(&self.places, big_endian, parts, scope) {
                // All of them are of one storage.
                Next::Fetch(ranges) if ranges.first().is_some_and(|range| range.offset >= scope.length) => {
                    parts = ranges.into_iter().map(|range| self.inflated(range, scope)).collect();
                }
                next => return next,
            }
        }
    }

    /// Bytes of what was decompressed.
    fn inflated(&self, range: Range, scope: &Scope<'_>) -> Vec<u8> {
        let at = |offset: u64| usize::try_from(offset.checked_sub(scope.length)?).ok();
        let bytes = || self.inflated.get(at(range.offset)?..at(range.end()?)?);
        bytes().unwrap_or_default().to_vec()
    }
}

/// The records of storages, by their names.
fn records(members: &[Member]) -> BTreeMap<String, usize> {
    let all = members.iter().enumerate();
    let data = all.filter(|(_, member)| !member.is_folder() && role_of(&member.name) == Role::Data);
    data.filter_map(|(index, member)| Some((inner_name(member)?, index))).collect()
}

/// The name of a storage's record without the archive's, in lower case: torch.load
/// finds records without regard to case.
fn record_name(key: &str) -> String {
    format!("data/{}", key.to_ascii_lowercase())
}

/// The same of a record.
fn inner_name(member: &Member) -> Option<String> {
    Some(member.name.split_once('/')?.1.to_ascii_lowercase())
}
