//! The names of one file.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Which subject has which of its names. What is looked for goes by the whole name, as that of
/// `modules.json` or `chat_template` does: each is judged once, by however many paths it is met.
#[derive(Default)]
pub struct Names {
    named: HashMap<OsString, usize>,
    /// The subject that has no name yet but that of its bytes.
    blob: Option<usize>,
}

impl Names {
    /// The subject that a path joins. None if it is to be one of its own, the next.
    pub fn join(&mut self, path: &Path, next: usize) -> Option<usize> {
        if is_blob(path) {
            let there = self.named.values().min().copied().or(self.blob);
            self.blob = if there.is_none() { Some(next) } else { self.blob };
            return there;
        }
        let name = path.file_name().unwrap_or_default();
        if let Some(&there) = self.named.get(name) {
            return Some(there);
        }
        let there = self.blob.take();
        self.named.insert(name.into(), there.unwrap_or(next));
        there
    }
}

/// Whether a path is where the cache of a hub keeps bytes, by their hash. That says nothing of what they
/// should be, and the cache has a link that does.
pub fn is_blob(path: &Path) -> bool {
    let is_hash = |name: &OsStr| name.as_encoded_bytes().iter().all(u8::is_ascii_hexdigit);
    let parent = path.parent().and_then(Path::file_name);
    parent.is_some_and(|parent| parent == "blobs") && path.file_name().is_some_and(is_hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_judged_once_and_a_hash_only_where_there_is_no_name() {
        let mut names = Names::default();
        let mut join = |path: &str, next| names.join(Path::new(path), next);
        assert_eq!(join("hub/blobs/0a1b", 0), None);
        assert_eq!(join("other/blobs/0a1b", 1), Some(0));
        assert_eq!(join("hub/snapshots/main/a.json", 1), Some(0), "it is a better name");
        assert_eq!(join("hub/snapshots/old/a.json", 1), Some(0));
        assert_eq!(join("hub/snapshots/old/modules.json", 1), None);
        assert_eq!(join("hub/blobs/ff", 2), Some(0));
        for name in ["A.json", "chat_template", "a", "cafe", "blobs/template"] {
            assert_eq!(join(name, 9), None, "{name}");
            assert_eq!(join(name, 10), Some(9), "{name}");
        }
    }
}
