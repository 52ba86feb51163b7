//! The names of what is not, or no longer, a checkpoint.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::random::random;

/// What a hidden name stands for. It says whose it is: nothing else is ever removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file that is being written.
    Partial,
    /// A directory that is being written.
    Stage,
    /// A directory that is being removed.
    Removed,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Partial, Self::Stage, Self::Removed];

    fn suffix(self) -> &'static str {
        match self {
            Self::Partial => "strongroom-partial",
            Self::Stage => "strongroom-staging",
            Self::Removed => "strongroom-removed",
        }
    }

    /// Which kind has this name, if one has.
    pub(super) fn of(name: &str) -> Option<Self> {
        let (_, suffix) = name.strip_prefix('.')?.rsplit_once('.')?;
        Self::ALL.into_iter().find(|kind| kind.suffix() == suffix)
    }

    /// The hidden name beside `path` that `token` makes its own.
    pub(super) fn beside(self, path: &Path, name: &OsStr, token: &str) -> PathBuf {
        let mut hidden = OsStr::new(".").to_os_string();
        hidden.push(name);
        hidden.push(format!(".{token}.{}", self.suffix()));
        path.with_file_name(hidden)
    }

    /// A hidden name beside `path` that nobody else has.
    pub(super) fn unique(self, path: &Path, name: &OsStr) -> PathBuf {
        self.beside(path, name, &random())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_it_is_of() {
        for kind in Kind::ALL {
            let path = kind.unique(Path::new("run/step-1.a"), OsStr::new("step-1.a"));
            assert!(path.starts_with("run"));
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(name.starts_with(".step-1.a."), "{name}");
            assert_eq!(Kind::of(name), Some(kind));
        }
        for other in ["step-1", ".step-1", ".model.partial", "strongroom-partial", ".strongroom-partial"] {
            assert_eq!(Kind::of(other), None, "{other}");
        }
    }
}
