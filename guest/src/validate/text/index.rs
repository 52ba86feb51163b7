use alloc::format;

use super::settings::Setting;
use crate::show;
use crate::validate::finding::Rule;

/// An index that names files elsewhere.
pub(super) static RULE: Rule = Rule::unverified(
    "SR-FILE-INDEX",
    "an index that leads out of its directory",
    "A loader opens the files that an index names, and this one names a file outside of the directory it is \
     in: nobody has judged that. Those that libraries write name files beside them.",
);

/// Whether the path of a file leads out of the directory that it counts from, on any system.
pub(super) fn leads_out(path: &str) -> bool {
    path.starts_with(['/', '\\']) || path.contains(':') || path.split(['/', '\\']).any(|part| part == "..")
}

/// Such a file.
pub(super) fn outside(at: u64, path: &str) -> Setting {
    Setting { at, message: format!("`weight_map` names {}, outside of the directory", show::name(path)) }
}
