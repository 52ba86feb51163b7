//! GGUF.

use super::examine::{Child, Scope};
use super::file::unknown;
use super::finding::Rule;

/// The rules on GGUF.
pub(super) const RULES: &[&Rule] = &[];

/// The current region.
pub(super) fn child(scope: &Scope<'_>) -> Child {
    unknown::child(scope)
}
