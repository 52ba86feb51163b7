//! The names of keys in etcd.

use super::EtcdBarrierConfig;

/// The keys of one run: all begin with `{prefix}/{run}/`.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    root: String,
}

/// What a key is of.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Key<'k> {
    /// The place of a rank, held by one process at a time.
    Place { rank: usize },
    /// Which session rank 0 has opened.
    Session,
    /// A rank's leave.
    Left { session: &'k str, rank: usize },
    /// What a rank said.
    Message { session: &'k str, rank: usize, topic: &'k str },
}

impl Keys {
    pub(super) fn new(config: &EtcdBarrierConfig) -> Self {
        // Else the run `b/c` under `a` would be the run `c` under `a/b`.
        let run = config.run.replace('%', "%25").replace('/', "%2F");
        Self { root: format!("{}/{run}/", config.prefix.trim_end_matches('/')) }
    }

    /// What all keys begin with.
    pub(super) fn root(&self) -> &str {
        &self.root
    }

    pub(super) fn place(&self, rank: usize) -> String {
        format!("{}place/{rank}", self.root)
    }

    pub(super) fn session(&self) -> String {
        format!("{}session", self.root)
    }

    pub(super) fn left(&self, session: &str, rank: usize) -> String {
        format!("{}left/{session}/{rank}", self.root)
    }

    pub(super) fn message(&self, session: &str, rank: usize, topic: &str) -> String {
        format!("{}message/{session}/{rank}/{topic}", self.root)
    }

    /// None for a key that is none of ours.
    pub(super) fn parse<'k>(&self, key: &'k [u8]) -> Option<Key<'k>> {
        let key = str::from_utf8(key).ok()?.strip_prefix(&self.root)?;
        if key == "session" {
            return Some(Key::Session);
        }
        let (kind, rest) = key.split_once('/')?;
        match kind {
            "place" => Some(Key::Place { rank: rest.parse().ok()? }),
            "left" => {
                let (session, rank) = rest.split_once('/')?;
                Some(Key::Left { session, rank: rank.parse().ok()? })
            }
            "message" => {
                let (session, rest) = rest.split_once('/')?;
                let (rank, topic) = rest.split_once('/')?;
                Some(Key::Message { session, rank: rank.parse().ok()?, topic })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(prefix: &str, run: &str) -> Keys {
        Keys::new(&EtcdBarrierConfig { prefix: prefix.into(), run: run.into(), ..Default::default() })
    }

    #[test]
    fn what_is_named_is_parsed() {
        let keys = keys("jobs/", "llm");
        assert_eq!(keys.place(3), "jobs/llm/place/3");
        let message = keys.message("a-1", 3, "save/0/written");
        let expected = Key::Message { session: "a-1", rank: 3, topic: "save/0/written" };
        assert_eq!(keys.parse(message.as_bytes()), Some(expected));
        assert_eq!(keys.parse(keys.place(3).as_bytes()), Some(Key::Place { rank: 3 }));
        assert_eq!(keys.parse(keys.left("a-1", 3).as_bytes()), Some(Key::Left { session: "a-1", rank: 3 }));
        assert_eq!(keys.parse(keys.session().as_bytes()), Some(Key::Session));
    }

    #[test]
    fn what_is_none_of_ours_is_passed_over() {
        let ours = keys("jobs", "llm");
        for key in
            ["jobs/llm/place/-1", "jobs/llm/place", "jobs/llm/x/y", "jobs/llm2/place/3", "jobs/llm/left/3"]
        {
            assert_eq!(ours.parse(key.as_bytes()), None, "{key}");
        }
        assert_eq!(ours.parse(b"jobs/llm/\xff"), None);
        assert_eq!(ours.parse(keys("jobs/llm", "inner").place(0).as_bytes()), None);
    }

    #[test]
    fn a_slash_in_the_run_makes_no_other_prefix() {
        assert_ne!(keys("a", "b/c").root(), keys("a/b", "c").root());
        assert_ne!(keys("a", "b/c").root(), keys("a", "b%2Fc").root());
    }
}
