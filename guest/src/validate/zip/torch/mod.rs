//! What the records of a `torch.save` archive must be.

pub(super) mod declares;
mod member;
pub(super) mod notes;
pub(super) mod prefix;
pub(super) mod program;
mod role;
pub(super) mod storages;

pub(super) use member::RULE as MEMBER;
pub(super) use member::other;
pub(super) use notes::{Note, Notes};
pub(super) use role::{Role, is_storage, is_torch, role};
pub(super) use storages::Storages;
