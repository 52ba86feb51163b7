//! Zip archives, and the torch checkpoints in them.
//!
//! The reader refuses an archive at its first fault. Here every fault is told,
//! and the archive is read on as far as the most tolerant reader would, so that
//! what it holds is judged whatever is wrong with its frame.
//!
//! [`ends`] finds every directory some reader would find, [`directory`] reads
//! their entries, [`places`] looks at each record where it lies, [`spans`]
//! accounts for every byte. Then [`torch`] says what each record is for.

mod archive;
mod attributes;
mod bomb;
mod check;
mod comment;
mod content;
mod crc;
mod descriptor;
mod directory;
mod disks;
mod duplicates;
mod ends;
mod extra;
mod flags;
mod hidden;
mod inflate;
mod local;
mod member;
mod method;
mod names;
mod places;
mod several;
mod spans;
mod torch;
mod work;
mod zip64;

pub(super) use archive::child;
pub(super) use ends::displaced;
pub(super) use inflate::Inflate;

use super::finding::Rule;

/// The rules on zip archives.
pub(super) const RULES: &[&Rule] = &[
    &ends::RULE,
    &zip64::RULE,
    &disks::RULE,
    &directory::RULE,
    &comment::RULE,
    &names::RULE,
    &names::PATH,
    &names::FOLDER,
    &duplicates::RULE,
    &duplicates::CASE,
    &flags::RULE,
    &method::RULE,
    &method::DEFLATE,
    &method::STORAGE,
    &method::SIZES,
    &bomb::RULE,
    &attributes::RULE,
    &attributes::BYTES,
    &extra::RULE,
    &local::RULE,
    &descriptor::RULE,
    &spans::GAP,
    &spans::OVERLAP,
    &spans::TRAILING,
    &inflate::RULE,
    &crc::RULE,
    &torch::program::SCRIPT,
    &torch::program::PACKAGE,
    &torch::program::EXPORT,
    &several::RULE,
    &torch::prefix::RULE,
    &torch::notes::RULE,
    &torch::notes::BYTE_ORDER,
    &torch::MEMBER,
    &torch::storages::PICKLE,
    &torch::storages::RULE,
    &torch::storages::UNREFERENCED,
    &torch::storages::OFFSETS,
];
