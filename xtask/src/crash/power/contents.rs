//! What a power cut leaves of a file's bytes and of its length.

use std::collections::HashSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::history::{Change, Content, Effect, History, Inode};
use super::names::Survivors;
use super::random::Random;

/// What a file may hold. Versions are equal if their bytes are.
#[derive(Debug)]
pub struct Version {
    file: Inode,
    /// What is on disk of each change.
    fates: Vec<(usize, Fate)>,
    /// Of the bytes, which would be too many to keep.
    digest: u128,
}

/// What is on disk of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    Lost,
    /// The first half of a write.
    Part,
    /// The length of a write without its bytes: blocks are found later, as delayed
    /// allocation does, or are there and read as zeros.
    Zeros,
    /// The length of a write, and the first half of its bytes.
    PartThenZeros,
    Whole,
}

const OF_WRITE: &[Fate] = &[Fate::Lost, Fate::Part, Fate::Zeros, Fate::PartThenZeros, Fate::Whole];
const OF_LENGTH: &[Fate] = &[Fate::Lost, Fate::Whole];

/// The changes of a file, and what may have become of each.
pub type Changes = Vec<(usize, &'static [Fate])>;

/// The changes of `file` up to one point. Lengths are as `journal` has them; without one
/// each is free.
pub fn changes(history: &History, file: Inode, durable: &[bool], journal: Option<&Survivors>) -> Changes {
    let mut changes = Changes::new();
    for (index, operation) in history.before(durable.len()).enumerate() {
        let Effect::Change(changed, change) = &operation.effect else { continue };
        if *changed != file {
            continue;
        }
        let is_write = matches!(change, Change::Write { .. });
        let fates: &'static [Fate] = match journal {
            _ if durable[index] => &[Fate::Whole],
            _ if is_write => OF_WRITE,
            Some(journal) if journal[index] => &[Fate::Whole],
            Some(_) => &[Fate::Lost],
            None => OF_LENGTH,
        };
        changes.push((index, fates));
    }
    changes
}

/// What `file` may hold, all of it or else at most `limit`; and whether that is all.
pub fn versions(
    history: &History,
    file: Inode,
    changes: &Changes,
    limit: usize,
    random: &mut Random,
) -> (Vec<Version>, bool) {
    // What is the same after some changes is the same after all.
    let mut versions = vec![Version::new(history, file, Vec::new())];
    for &(index, fates) in changes {
        let each = versions.iter().flat_map(|version| fates.iter().map(move |fate| (version, *fate)));
        let with = |(version, fate): (&Version, Fate)| {
            let fates = [&version.fates[..], &[(index, fate)]].concat();
            Version::new(history, file, fates)
        };
        versions = distinct(each.map(with));
        if versions.len() > limit {
            return (some(history, file, changes, limit, random), false);
        }
    }
    (versions, true)
}

fn some(
    history: &History,
    file: Inode,
    changes: &Changes,
    limit: usize,
    random: &mut Random,
) -> Vec<Version> {
    let radixes: Vec<usize> = changes.iter().map(|(_, fates)| fates.len()).collect();
    let (choices, _) = choices(&radixes, limit, random);
    distinct(choices.into_iter().map(|choice| {
        let fates = changes.iter().zip(choice).map(|((index, fates), chosen)| (*index, fates[chosen]));
        Version::new(history, file, fates.collect())
    }))
}

fn distinct(versions: impl Iterator<Item = Version>) -> Vec<Version> {
    let mut seen = HashSet::new();
    versions.filter(|version| seen.insert(version.digest)).collect()
}

impl Version {
    fn new(history: &History, file: Inode, fates: Vec<(usize, Fate)>) -> Self {
        let mut version = Self { file, fates, digest: 0 };
        version.digest = digest(&version.bytes(history));
        version
    }

    pub fn bytes(&self, history: &History) -> Vec<u8> {
        let mut bytes = match &history.inodes[self.file] {
            Content::File(bytes) => bytes.to_vec(),
            Content::Directory(_) => Vec::new(),
        };
        for &(index, fate) in &self.fates {
            if let Effect::Change(_, change) = &history.operations[index].effect {
                change.apply(fate, &mut bytes);
            }
        }
        bytes
    }

    /// The changes that are not there as they were made.
    pub fn lost(&self) -> impl Iterator<Item = (usize, Fate)> {
        self.fates.iter().copied().filter(|(_, fate)| *fate != Fate::Whole)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Version {}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

/// `file` with all changes as they were made.
pub fn whole(history: &History, file: Inode) -> Version {
    let operations = history.operations.iter().enumerate();
    let changes = operations
        .filter(|(_, change)| matches!(change.effect, Effect::Change(changed, _) if changed == file));
    Version::new(history, file, changes.map(|(index, _)| (index, Fate::Whole)).collect())
}

/// All ways to choose one of `radixes[i]` for each `i`. If they are more than
/// `limit`: the first and the last, those where one differs from them, and then any.
pub fn choices(radixes: &[usize], limit: usize, random: &mut Random) -> (Vec<Vec<usize>>, bool) {
    let count = radixes.iter().try_fold(1usize, |count, &radix| count.checked_mul(radix));
    if let Some(count) = count.filter(|&count| count <= limit) {
        return ((0..count).map(|number| digits(number, radixes)).collect(), true);
    }
    let first = vec![0; radixes.len()];
    let last: Vec<usize> = radixes.iter().map(|&radix| radix - 1).collect();
    let mut some = vec![last.clone(), first.clone()];
    'differing: for (place, &radix) in radixes.iter().enumerate() {
        for (base, digit) in [&last, &first].into_iter().flat_map(|base| (0..radix).map(move |i| (base, i))) {
            if some.len() >= limit {
                break 'differing;
            }
            let mut choice = base.clone();
            choice[place] = digit;
            some.push(choice);
        }
    }
    let any = || radixes.iter().map(|&radix| random.below(radix)).collect();
    some.resize_with(some.len().max(limit), any);
    (some, false)
}

fn digits(mut number: usize, radixes: &[usize]) -> Vec<usize> {
    let digit = |&radix: &usize| {
        let digit = number % radix;
        number /= radix;
        digit
    };
    radixes.iter().map(digit).collect()
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "lost",
            Self::Part => "half",
            Self::Zeros => "zeros",
            Self::PartThenZeros => "half, then zeros",
            Self::Whole => "whole",
        })
    }
}

impl Change {
    fn apply(&self, fate: Fate, file: &mut Vec<u8>) {
        let (offset, bytes) = match (self, fate) {
            (_, Fate::Lost) => return,
            (Self::Length(length), _) => return file.resize(*length, 0),
            (Self::Reserve(length), _) => return file.resize(file.len().max(*length), 0),
            (Self::Write { offset, bytes }, _) => (*offset, &bytes[..]),
        };
        let half = &bytes[..bytes.len() / 2];
        let (there, length) = match fate {
            Fate::Lost => return,
            Fate::Part => (half, half.len()),
            Fate::Zeros => (&[][..], bytes.len()),
            Fate::PartThenZeros => (half, bytes.len()),
            Fate::Whole => (bytes, bytes.len()),
        };
        if length > 0 {
            file.resize(file.len().max(offset + length), 0);
            file[offset..offset + there.len()].copy_from_slice(there);
        }
    }
}

fn digest(bytes: &[u8]) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(salt);
        hasher.write(bytes);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}
