use super::notes::Note;
use crate::show;
use crate::validate::examine::Scope;
use crate::validate::zip::duplicates;
use crate::validate::zip::member::Member;

/// What a record is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::validate::zip) enum Role {
    /// The pickle.
    Pickle,
    /// A small record that says how to read the others.
    Note(Note),
    /// A storage.
    Data,
    /// A folder.
    Folder,
    /// torch.save writes no such record.
    Other,
}

/// Whether the archive is a checkpoint: it has torch's pickle, or all but that.
pub(in crate::validate::zip) fn is_torch(members: &[Member]) -> bool {
    let has = |role| members.iter().any(|member| role_of(&member.name) == role);
    let version = has(Role::Note(Note::Version)) || has(Role::Note(Note::DataVersion));
    has(Role::Pickle) || (version && (has(Role::Note(Note::ByteOrder)) || has(Role::Data)))
}

/// Whether torch.load takes a record of this name for a storage.
pub(in crate::validate::zip) fn is_storage(name: &str) -> bool {
    role_of(name) == Role::Data
}

/// What torch.load takes a record for.
pub(in crate::validate::zip) fn role(member: &Member, scope: &mut Scope<'_>) -> Role {
    if member.is_folder() {
        return Role::Folder;
    }
    let found = role_of(&member.name);
    let within = member.name.split_once('/').map_or("", |(_, within)| within);
    let exact = match found {
        Role::Pickle => within == PICKLE,
        Role::Note(note) => within == note.name(),
        Role::Data => within.starts_with(DATA),
        Role::Folder | Role::Other => true,
    };
    if !exact {
        let message = alloc::format!("{}, which torch.load takes for another case", show::name(&member.name));
        scope.find(&duplicates::CASE, &member.in_directory(), 0, message);
    }
    found
}

pub(super) fn role_of(name: &str) -> Role {
    let Some((_, within)) = name.split_once('/') else { return Role::Other };
    let starts =
        |prefix: &str| within.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if within.eq_ignore_ascii_case(PICKLE) {
        return Role::Pickle;
    }
    match Note::ALL.into_iter().find(|note| within.eq_ignore_ascii_case(note.name())) {
        Some(note) => Role::Note(note),
        None if starts(DATA) => Role::Data,
        None => Role::Other,
    }
}

const PICKLE: &str = "data.pkl";
/// What the names of storages start with.
const DATA: &str = "data/";
