use std::path::Path;

use super::{Checkpointer, Handle, Saving};
use crate::checkpoint::reader::{CheckpointReader, Template};
use crate::{CheckpointWriter, HookArguments, Result, StateDict};

/// Saves while its caller waits: when [`save`](Checkpointer::save) returns, the
/// checkpoint is committed.
///
/// ```
/// use strongroom::{
///     CheckpointReader, CheckpointWriter, Checkpointer, HookArguments, RankInfo, StateDict, SyncCheckpointer,
/// };
///
/// # fn main() -> strongroom::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("step-1");
/// let reader = CheckpointReader::new(RankInfo::single())?;
/// let mut checkpointer = SyncCheckpointer::new(CheckpointWriter::single()?, reader);
/// let mut state = StateDict::new();
/// state.insert("step", 1);
/// checkpointer.save(&path, &state, &HookArguments::new())?.wait()?;
/// assert_eq!(checkpointer.load(&path)?.get("step").unwrap().as_i64(), Some(1));
/// checkpointer.close()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SyncCheckpointer {
    writer: CheckpointWriter,
    reader: CheckpointReader,
}

impl SyncCheckpointer {
    /// Saves with a writer and loads with a reader of the same rank.
    pub fn new(writer: CheckpointWriter, reader: CheckpointReader) -> Self {
        Self { writer, reader }
    }
}

impl Checkpointer for SyncCheckpointer {
    fn save(&mut self, path: &Path, state: &StateDict<'_>, arguments: &HookArguments) -> Result<Saving> {
        self.writer.write(path, state, arguments)?;
        Ok(Saving { staged: Handle::done(path), written: Handle::done(path) })
    }

    fn load(&self, path: &Path) -> Result<StateDict<'static>> {
        self.reader.read(path)
    }

    fn load_into(&self, path: &Path, template: &mut Template<'_>, strict: bool) -> Result<Vec<String>> {
        self.reader.read_into(path, template, strict)
    }

    fn close(&mut self) -> Result<()> {
        self.writer.close()
    }
}
