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
    /// How often a rank joined a barrier of this prefix on this store.
    pub(super) fn joined(prefix: &str, rank: usize) -> String {
        format!("{}joined/{rank}", root(prefix))
    }

    /// The session of those who joined as often.
    pub(super) fn session(prefix: &str, joined: i64) -> String {
        format!("{}session/{joined}", root(prefix))
    }

    /// The keys of a session. The barrier counts from 0 in each, and what it
    /// counted in one before stays on the store: the second and later ones of a
    /// prefix have another prefix there.
    pub(super) fn new(prefix: &str, joined: i64, session: &str) -> Self {
        let own = format!("{}{session}/", root(prefix));
        let prefix = if joined <= 1 { prefix.to_owned() } else { format!("{prefix}{session}/") };
        Self { prefix, own }
    }

    /// What only this session's own keys begin with.
    pub(super) fn own(&self) -> &str {
        &self.own
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
        let keys = Keys::new("a", 1, "s");
        let inner = Keys::new("a/s", 1, "beat");
        assert!(!inner.own().starts_with(keys.own()));
        assert_ne!(Keys::session("a", 1), Keys::joined("a/session", 1));
    }

    #[test]
    fn the_first_session_speaks_as_pytorch_and_later_ones_apart() {
        assert_eq!(Keys::new("ckpt", 1, "s").torch_members(7), "ckpt7/num_members");
        assert_eq!(Keys::new("ckpt", 2, "s").torch_members(7), "ckpts/7/num_members");
    }
}
