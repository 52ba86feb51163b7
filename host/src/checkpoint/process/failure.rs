use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::error::Absence;

/// An error on its way from one process to the other. What programs look into
/// arrives as it was, all else as its text.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Failure {
    Exists { path: PathBuf },
    Rank { rank: usize, source: Box<Failure> },
    Missing { barrier: String, ranks: Vec<usize>, absence: Absent },
    Unreachable { barrier: String, reason: String },
    Conflict { barrier: String, reason: String },
    Hook { path: PathBuf, hook: String, committed: bool, reason: String },
    Space { path: PathBuf, needed: u64, available: u64 },
    GaveUp(String),
    Io { path: PathBuf, action: String, reason: String },
    Committed { path: PathBuf, source: Box<Failure> },
    Other(String),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Absent {
    Late(Duration),
    Silent(Duration),
    Ended,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            // A path that is no UTF-8 does not survive as one.
            Error::Exists { path } if path.to_str().is_some() => Self::Exists { path },
            Error::Space { path, needed, available } if path.to_str().is_some() => {
                Self::Space { path, needed, available }
            }
            Error::Hook { path, hook, committed, source } if path.to_str().is_some() => {
                Self::Hook { path, hook, committed, reason: source.to_string() }
            }
            Error::Rank { rank, source } => Self::Rank { rank, source: Box::new((*source).into()) },
            Error::Missing { barrier, ranks, absence } => {
                Self::Missing { barrier, ranks, absence: absence.into() }
            }
            Error::Unreachable { barrier, reason } => Self::Unreachable { barrier, reason },
            Error::Conflict { barrier, reason } => Self::Conflict { barrier, reason },
            Error::GaveUp(reason) => Self::GaveUp(reason),
            Error::Io { path, action, source } if path.to_str().is_some() => {
                Self::Io { path, action, reason: source.to_string() }
            }
            Error::Committed { path, source } if path.to_str().is_some() => {
                Self::Committed { path, source: Box::new((*source).into()) }
            }
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Exists { path } => Self::Exists { path },
            Failure::Rank { rank, source } => Self::Rank { rank, source: Box::new((*source).into()) },
            Failure::Missing { barrier, ranks, absence } => {
                Self::Missing { barrier, ranks, absence: absence.into() }
            }
            Failure::Unreachable { barrier, reason } => Self::Unreachable { barrier, reason },
            Failure::Conflict { barrier, reason } => Self::Conflict { barrier, reason },
            Failure::Hook { path, hook, committed, reason } => {
                Self::Hook { path, hook, committed, source: reason.into() }
            }
            Failure::Space { path, needed, available } => Self::Space { path, needed, available },
            Failure::GaveUp(reason) => Self::GaveUp(reason),
            Failure::Io { path, action, reason } => {
                Self::Io { path, action, source: std::io::Error::other(reason) }
            }
            Failure::Committed { path, source } => {
                Self::Committed { path, source: Box::new((*source).into()) }
            }
            Failure::Other(text) => Self::Remote(text),
        }
    }
}

impl From<Absence> for Absent {
    fn from(absence: Absence) -> Self {
        match absence {
            Absence::Late(waited) => Self::Late(waited),
            Absence::Silent(silence) => Self::Silent(silence),
            Absence::Ended => Self::Ended,
        }
    }
}

impl From<Absent> for Absence {
    fn from(absent: Absent) -> Self {
        match absent {
            Absent::Late(waited) => Self::Late(waited),
            Absent::Silent(silence) => Self::Silent(silence),
            Absent::Ended => Self::Ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_the_same_on_the_other_side() {
        let path = || PathBuf::from("run/step-1");
        let missing = Error::Missing {
            barrier: "tcp_store at h:1".into(),
            ranks: vec![2, 5],
            absence: Absence::Silent(Duration::from_secs(3)),
        };
        let errors = [
            Error::Exists { path: path() },
            Error::Rank { rank: 3, source: Box::new(missing) },
            Error::Missing {
                barrier: "local".into(),
                ranks: vec![1],
                absence: Absence::Late(Duration::from_secs(600)),
            },
            Error::Unreachable { barrier: "etcd".into(), reason: "it is gone".into() },
            Error::Conflict { barrier: "etcd".into(), reason: "two are rank 1".into() },
            Error::Hook { path: path(), hook: "copy".into(), committed: true, source: "no room".into() },
            Error::Space { path: path(), needed: 2, available: 1 },
            Error::GaveUp("the disk was full".into()),
            Error::Committed {
                path: path(),
                source: Box::new(Error::io(&path(), "remove", std::io::ErrorKind::NotFound.into())),
            },
            Error::Value("no such value".into()),
        ];
        for error in errors {
            let said = error.to_string();
            let sent = postcard::to_allocvec(&Failure::from(error)).unwrap();
            let arrived: Error = postcard::from_bytes::<Failure>(&sent).unwrap().into();
            assert_eq!(arrived.to_string(), said);
        }
    }
}
