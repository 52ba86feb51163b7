//! The names of keys.

/// The keys of one barrier. Those of PyTorch's barrier are called as it calls
/// them; all others begin in a way that no other prefix and no other session does.
#[derive(Debug)]
pub(super) struct Keys {
    /// What PyTorch's barrier puts before its sequence number.
    prefix: String,
    own: String,
}

impl Keys {
    /// The session of those who meet on a store that rank 0 serves.
    pub(super) fn session(prefix: &str) -> String {
        format!("{}session", root(prefix))
    }

    /// The session that rank 0 invites to, on a store that was there before.
    pub(super) fn offer(prefix: &str) -> String {
        format!("{}offer", root(prefix))
    }

    /// The session that all ranks entered last there.
    pub(super) fn current(prefix: &str) -> String {
        format!("{}current", root(prefix))
    }

    /// The sessions of which something may be left there.
    pub(super) fn past(prefix: &str) -> String {
        format!("{}past", root(prefix))
    }

    /// The keys of a session on a store of its own, where ranks in Python may be too.
    pub(super) fn alone(prefix: &str, session: &str) -> Self {
        Self { prefix: prefix.to_owned(), own: format!("{}{session}/", root(prefix)) }
    }

    /// The keys of one of many sessions on a store. The barrier counts from 0 in each,
    /// and what it counted in one stays there, so each has another prefix.
    pub(super) fn among_others(prefix: &str, session: &str) -> Self {
        Self { prefix: format!("{prefix}{session}/"), own: format!("{}{session}/", root(prefix)) }
    }

    /// Whether a key is one of this session among others.
    pub(super) fn have(&self, key: &str) -> bool {
        key.starts_with(&self.own) || key.starts_with(&self.prefix)
    }

    /// Who is a rank.
    pub(super) fn member(&self, rank: usize) -> String {
        format!("{}member/{rank}", self.own)
    }

    /// Why the ranks cannot be together.
    pub(super) fn conflict(&self) -> String {
        format!("{}conflict", self.own)
    }

    /// Is there when rank 0 asks, for the n-th time, who of those that have come is still here.
    pub(super) fn call(&self, round: u64) -> String {
        format!("{}call/{round}", self.own)
    }

    /// A rank's answer to such a call.
    pub(super) fn here(&self, round: u64, rank: usize) -> String {
        format!("{}here/{round}/{rank}", self.own)
    }

    /// Is there when all ranks have come.
    pub(super) fn sealed(&self) -> String {
        format!("{}sealed", self.own)
    }

    pub(super) fn message(&self, topic: &str, rank: usize) -> String {
        format!("{}message/{rank}/{topic}", self.own)
    }

    /// Changes as long as a rank lives.
    pub(super) fn beat(&self, rank: usize) -> String {
        format!("{}beat/{rank}", self.own)
    }

    /// Is there when a rank took leave.
    pub(super) fn gone(&self, rank: usize) -> String {
        format!("{}gone/{rank}", self.own)
    }

    /// How many took leave.
    pub(super) fn gone_count(&self) -> String {
        format!("{}gone-count", self.own)
    }

    /// Is there when a rank came to a round of the barrier.
    pub(super) fn came(&self, round: u64, rank: usize) -> String {
        format!("{}came/{round}/{rank}", self.own)
    }

    /// The round a rank is in, of PyTorch's barrier.
    pub(super) fn torch_rank(rank: usize) -> String {
        format!("rank{rank}")
    }

    /// How many came to a round of PyTorch's barrier.
    pub(super) fn torch_members(&self, round: u64) -> String {
        format!("{}{round}/num_members", self.prefix)
    }

    /// Is there when all came to a round of PyTorch's barrier.
    pub(super) fn torch_last(&self, round: u64) -> String {
        format!("{}{round}/last_member", self.prefix)
    }
}

/// The length is there so that no prefix begins like another with more to it.
fn root(prefix: &str) -> String {
    format!("strongroom/{}:{prefix}/", prefix.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_prefix_gets_into_another() {
        let keys = Keys::alone("a", "s");
        let inner = Keys::alone("a/s", "beat");
        assert!(!inner.own.starts_with(&keys.own));
        assert_ne!(Keys::session("a"), Keys::alone("a", "session").own);
    }

    #[test]
    fn a_session_alone_speaks_as_pytorch_and_others_apart() {
        assert_eq!(Keys::alone("ckpt", "s").torch_members(7), "ckpt7/num_members");
        let keys = Keys::among_others("ckpt", "s");
        assert_eq!(keys.torch_members(7), "ckpts/7/num_members");
        assert!(keys.have("ckpts/7/num_members") && keys.have(&keys.beat(0)));
        assert!(!keys.have("ckpt7/num_members") && !keys.have(&Keys::current("ckpt")));
    }
}
