//! Names that nobody else chooses.

use std::hash::{BuildHasher, RandomState};

/// 64 bits from the system's source of chance, in hexadecimal, asked for each time: what a process
/// keeps to make more of, the processes that it forks keep as well, and make the same of it.
///
/// Not the process's number: in a container it is often the same after a restart, and
/// what the process before left would be taken for one's own.
pub(crate) fn random() -> String {
    // A system without such a source has what the standard library makes do with.
    let bits = getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one(std::process::id()));
    format!("{bits:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ() {
        let names: std::collections::BTreeSet<String> = (0..1000).map(|_| random()).collect();
        assert_eq!(names.len(), 1000);
    }
}
