//! Names that nobody else chooses.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// 64 bits from the system's source of chance, in hexadecimal.
///
/// Not the process's number: in a container it is often the same after a restart, and
/// what the process before left would be taken for one's own.
pub(crate) fn random() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
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
