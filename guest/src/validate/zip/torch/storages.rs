use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::role::{Role, role_of};
use crate::pickle::Graph;
use crate::step::{Next, Range};
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;
use crate::validate::tensor::Tensors;
use crate::validate::zip::member::Member;

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

/// The tensors of an archive and the records of their storages.
#[derive(Debug)]
pub(in crate::validate::zip) struct Storages {
    part: Part,
    tensors: Tensors,
    places: Vec<Option<Range>>,
}

impl Storages {
    /// What a pickle built.
    pub(in crate::validate::zip) fn new(graph: &Graph, part: &Part, scope: &mut Scope<'_>) -> Self {
        Self { part: part.clone(), tensors: Tensors::new(graph, part, scope), places: Vec::new() }
    }

    /// Finds the record of each storage, and the storage of each record.
    pub(in crate::validate::zip) fn place(&mut self, members: &[Member], scope: &mut Scope<'_>) {
        let records: BTreeMap<String, usize> = members
            .iter()
            .enumerate()
            .filter(|(_, member)| !member.is_folder() && role_of(&member.name) == Role::Data)
            .filter_map(|(index, member)| {
                // torch.load finds records without regard to case.
                Some((member.name.split_once('/')?.1.to_ascii_lowercase(), index))
            })
            .collect();
        let mut named = vec![false; members.len()];
        for storage in self.tensors.storages() {
            let name = format!("data/{}", storage.key);
            let index = records.get(&name.to_ascii_lowercase()).copied();
            let member = index.and_then(|index| members.get(index));
            if let Some(named) = index.and_then(|index| named.get_mut(index)) {
                *named = true;
            }
            let place = match member {
                None => {
                    let message = format!("no record `{name}` for a storage of {} bytes", storage.length);
                    scope.find(&RULE, &self.part, 0, message);
                    None
                }
                Some(member) if member.size != storage.length => {
                    let message = format!("{} bytes, where the pickle says {}", member.size, storage.length);
                    scope.find(&RULE, &member.content(), 0, message);
                    None
                }
                Some(member) => member.stored().filter(|range| range.length == storage.length),
            };
            self.places.push(place);
        }
        for &index in records.values() {
            if let Some(member) = members.get(index)
                && named.get(index) == Some(&false)
            {
                let message = format!("{} bytes that no tensor uses", member.size);
                scope.find(&UNREFERENCED, &member.content(), 0, message);
            }
        }
    }

    /// Judges what only the bytes of storages tell. The next state: what was
    /// fetched, in the order asked for; at first, nothing.
    pub(in crate::validate::zip) fn resume(
        &mut self,
        big_endian: bool,
        parts: Vec<Vec<u8>>,
        scope: &mut Scope<'_>,
    ) -> Next<()> {
        self.tensors.read(&self.places, big_endian, parts, scope)
    }
}
