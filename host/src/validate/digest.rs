use sha2::{Digest, Sha256};

use crate::Result;
use crate::store::Source;

/// The SHA-256 of a file, of the very bytes that were judged.
pub(super) fn of(source: &dyn Source) -> Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    let mut offset = 0;
    while offset < source.length() {
        let left = usize::try_from(source.length() - offset).unwrap_or(CHUNK);
        let chunk = &mut buffer[..left.min(CHUNK)];
        source.read_at(offset, chunk)?;
        hasher.update(&*chunk);
        offset += chunk.len() as u64;
    }
    Ok(format!("{:x}", hasher.finalize()))
}

/// Bytes that are read at once.
const CHUNK: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::store::{Memory, Store};

    #[test]
    fn it_is_that_of_all_bytes() {
        let store = Memory::default();
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let bytes = vec![7; length];
            store.insert("file", bytes.clone());
            let source = store.open(Path::new("file")).unwrap();
            assert_eq!(of(&*source).unwrap(), format!("{:x}", Sha256::digest(&bytes)), "{length}");
        }
        store.insert("abc", b"abc".to_vec());
        let source = store.open(Path::new("abc")).unwrap();
        assert_eq!(of(&*source).unwrap(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
