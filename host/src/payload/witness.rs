//! What was read of a file that has no checksums, to be read once more.
//!
//! The times of a file do not tell of every write: a store through a shared map moves
//! them only when its page was clean, and one long `write` only as it begins, which may be
//! before the file was opened. Without checksums nothing else says that what was read is
//! of two files. So what goes out is held against a second reading before it is there.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::payload::checksum::crc32;
use crate::store::{Shared, Source};
use crate::{Error, Result};

/// Remembers what was read of a file: where, and a checksum of it.
pub(crate) struct Witness {
    source: Arc<dyn Source>,
    /// By offset and length.
    seen: Mutex<HashMap<(u64, usize), u32>>,
}

impl Witness {
    pub(crate) fn of(source: Arc<dyn Source>) -> Self {
        Self { source, seen: Mutex::default() }
    }

    /// Remembers that these bytes were at `offset`. An error if others were there before.
    pub(crate) fn saw(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let found = crc32(bytes);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *seen.entry((offset, bytes.len())).or_insert(found);
        if before == found { Ok(()) } else { Err(written_to(&*self.source)) }
    }

    /// Reads all of that again, with all cores. An error if it is not what it was.
    pub(crate) fn confirm(&self) -> Result<()> {
        self.source.unchanged()?;
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<(u64, usize, u32)> =
            seen.iter().map(|(&(offset, length), &crc32)| (offset, length, crc32)).collect();
        drop(seen);
        all.sort_unstable();
        let again = |buffer: &mut Vec<u8>, (offset, length, expected): (u64, usize, u32)| {
            buffer.resize(length, 0);
            let read = self.source.read_at(offset, buffer);
            read.map_err(|error| self.source.unchanged().err().unwrap_or(error))?;
            if crc32(buffer) == expected { Ok(()) } else { Err(written_to(&*self.source)) }
        };
        all.into_par_iter().try_for_each_init(Vec::new, again)?;
        self.source.unchanged()
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").field("source", &self.source).finish_non_exhaustive()
    }
}

/// The error about a file of which the same place was read twice, and differed.
pub(crate) fn written_to(source: &dyn Source) -> Error {
    Error::Changed { path: source.path().into(), how: "was written to".into() }
}

/// A file all of whose reading is witnessed.
#[derive(Debug)]
pub(crate) struct Watched<'w>(pub(crate) &'w Witness);

#[deny(clippy::missing_trait_methods)]
impl Source for Watched<'_> {
    fn path(&self) -> &Path {
        self.0.source.path()
    }

    fn length(&self) -> u64 {
        self.0.source.length()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.0.source.read_at(offset, buffer)?;
        self.0.saw(offset, buffer)
    }

    fn bytes(&self) -> Result<Option<Shared<'static>>> {
        self.0.source.bytes()
    }

    fn unchanged(&self) -> Result<()> {
        self.0.source.unchanged()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that somebody writes to, and whose times stand still.
    #[derive(Debug)]
    struct Mapped(Mutex<Vec<u8>>);

    impl Source for Mapped {
        fn path(&self) -> &Path {
            Path::new("model.safetensors")
        }

        fn length(&self) -> u64 {
            8
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
            let start = usize::try_from(offset).unwrap();
            buffer.copy_from_slice(&self.0.lock().unwrap()[start..start + buffer.len()]);
            Ok(())
        }

        fn bytes(&self) -> Result<Option<Shared<'static>>> {
            Ok(None)
        }
    }

    #[test]
    fn what_was_read_is_read_again_and_nothing_else() {
        let source = Arc::new(Mapped(Mutex::new(vec![0; 8])));
        let witness = Witness::of(source.clone());
        Watched(&witness).read_at(2, &mut [0; 3]).unwrap();
        source.0.lock().unwrap()[5] = 1;
        witness.confirm().unwrap();
        source.0.lock().unwrap()[4] = 1;
        assert!(matches!(witness.confirm().unwrap_err(), Error::Changed { .. }));
        let again = Watched(&witness).read_at(2, &mut [0; 3]).unwrap_err();
        assert!(matches!(again, Error::Changed { .. }));
    }
}
