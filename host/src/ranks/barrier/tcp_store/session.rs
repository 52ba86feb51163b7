//! Who meets: what ranks leave on the store of themselves and of a session.

use std::io;

use serde::{Deserialize, Serialize};

use crate::RankInfo;
use crate::sys::random::random;

/// What a rank proposes to all others. It is never used again: what was left in one
/// session cannot be taken for something of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) id: String,
    /// Who proposed it.
    pub(super) by: RankInfo,
}

impl Session {
    pub(super) fn new(by: RankInfo) -> Self {
        Self { id: random(), by }
    }

    pub(super) fn to_text(&self) -> String {
        format!("{}/{}/{}", self.id, self.by.global_rank, self.by.global_world_size)
    }

    /// Anybody may have put it there, and it becomes part of file names.
    pub(super) fn parse(text: &[u8]) -> io::Result<Self> {
        let parse = || {
            let mut parts = str::from_utf8(text).ok()?.split('/');
            let id = parts.next().filter(|id| is_id(id))?.to_owned();
            let by = RankInfo::new(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?).ok()?;
            parts.next().is_none().then_some(Self { id, by })
        };
        parse().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "its name for the session is not of letters, digits and `-`, a rank and a world size",
            )
        })
    }
}

/// Whether it is a name that a session may have.
pub(super) fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// What a process says of itself where it is a rank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Member {
    process: u32,
    host: String,
    /// Two processes of one number there may be, in two containers.
    nonce: String,
}

impl Member {
    pub(super) fn new() -> Self {
        Self { process: std::process::id(), host: crate::ranks::barrier::this_host(), nonce: random() }
    }

    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What two are told that claim to be one rank.
    pub(super) fn is_here_already(rank: usize, first: &[u8], second: &str) -> String {
        let name = |text: &[u8]| match serde_json::from_slice::<Self>(text) {
            Ok(Self { process, host, .. }) => format!("process {process} on {host}"),
            Err(_) => "another process".into(),
        };
        format!(
            "rank {rank} is here already: {}, and {} claims to be it too",
            name(first),
            name(second.as_bytes())
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_read_as_it_was_written_and_nothing_else_is_one() {
        let session = Session::new(RankInfo::new(1, 3).unwrap());
        assert_eq!(Session::parse(session.to_text().as_bytes()).unwrap(), session);
        for nonsense in ["", "a", "a/1", "a/3/3", "a/1/3/", "../1/3", "a b/1/3", "a/x/3", "\u{fc}/0/1"] {
            assert!(Session::parse(nonsense.as_bytes()).is_err(), "{nonsense}");
        }
        assert!(Session::parse(b"\xff/0/1").is_err());
    }
}
