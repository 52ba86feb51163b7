//! The training process's side.

use std::borrow::Cow;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{self, Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::protocol::{Place, Request, Write};
use super::running::Running;
use super::{CheckpointProcessConfig, CheckpointWriterSpec, child};
use crate::{CheckpointWriter, Error, HookArguments, Result, Staged, Storage};

/// A [`CheckpointWriter`] in a process of its own.
///
/// It writes what a [`CheckpointStager`](crate::CheckpointStager) staged in shared
/// memory, where the process finds it: no payload is copied or sent. Once
/// [`write`](Self::write) has said what to write, the checkpoint does not depend on
/// the process that said so: when that is killed, this one still writes its rank's
/// part, waits for the other ranks, and commits. It is in a process group of its own,
/// so neither Ctrl-C nor a launcher that ends the group of the training reaches it;
/// one that ends all that is in a container or a control group does.
///
/// When the process crashes, the write at hand fails with [`Error::Process`], which
/// has its last words, and the next write starts it anew. So it is on the other ranks,
/// where the write fails as that rank is missing: all join the barrier again, and meet.
///
/// What the process prints is kept for its last words and shown nowhere else. Dropped
/// without [`close`](Self::close), it ends by itself.
///
/// ```no_run
/// use strongroom::{
///     CheckpointProcess, CheckpointProcessConfig, CheckpointStager, CheckpointStagerConfig,
///     CheckpointWriterSpec, HookArguments, StateDict,
/// };
///
/// # fn main() -> strongroom::Result<()> {
/// let config = CheckpointProcessConfig::default();
/// let process = CheckpointProcess::start(config, &CheckpointWriterSpec::default())?;
/// let mut stager = CheckpointStager::new(CheckpointStagerConfig { use_shared_memory: true });
/// let staged = stager.stage(&StateDict::new())?;
/// process.write("run/step-1", &staged, &HookArguments::new())?;
/// process.close()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct CheckpointProcess {
    config: CheckpointProcessConfig,
    /// In JSON, as the process gets it.
    spec: String,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// None after a crash, and after `close`.
    running: Option<Running>,
    closed: bool,
    /// Writes so far. A process that was started anew goes on counting from here:
    /// all ranks count alike.
    writes: u64,
}

impl CheckpointProcess {
    /// Starts the process; returns when it has joined the barrier and can write.
    ///
    /// An error if the program cannot be started or is another one, if it is not
    /// ready in time, and if its writer cannot be made.
    pub fn start(config: CheckpointProcessConfig, spec: &CheckpointWriterSpec) -> Result<Self> {
        let mut spec = spec.clone();
        for file in spec.hooks.iter_mut().chain(&mut spec.writer.sources) {
            // It may be started anew in another directory.
            *file = absolute(file)?;
            if file.to_str().is_none() {
                let reason = "a checkpoint process is told of files by names in UTF-8, and this one is not";
                return Err(Error::Value(format!("{}: {reason}", file.display())));
            }
        }
        let spec = serde_json::to_string(&spec).map_err(|error| Error::Value(error.to_string()))?;
        let running = Some(Running::start(&config, &spec)?);
        Ok(Self { config, spec, inner: Mutex::new(Inner { running, closed: false, writes: 0 }) })
    }

    /// Is the process: serves whoever started this one, over stdin, until told to
    /// end or nobody is there any more. For commands; programs that start themselves
    /// call [`serve_checkpoint_process`](crate::serve_checkpoint_process).
    pub fn serve(make: impl FnOnce(&CheckpointWriterSpec) -> Result<CheckpointWriter>) -> Result<()> {
        child::serve(make)
    }

    /// How it was configured.
    pub fn config(&self) -> &CheckpointProcessConfig {
        &self.config
    }

    /// The id of the process, while there is one. Waits for a write under way.
    pub fn process_id(&self) -> Option<u32> {
        self.lock().running.as_ref().and_then(Running::id)
    }

    /// Whether the process answers within `timeout`; it is killed if not. Waits for a
    /// write under way.
    pub fn ping(&self, timeout: Duration) -> Result<()> {
        let mut inner = self.lock();
        let mut running = inner.running.take().ok_or_else(|| not_there("is not running"))?;
        running.ping(timeout)?;
        inner.running = Some(running);
        Ok(())
    }

    /// Has the process write `staged` as this rank's part of the checkpoint directory
    /// `path`: see [`CheckpointWriter::write`]. Returns when the checkpoint is
    /// committed, or why it is not.
    pub fn write(&self, path: impl AsRef<Path>, staged: &Staged, arguments: &HookArguments) -> Result<()> {
        self.write_part(path.as_ref(), staged, arguments, false)
    }

    /// Has the process write this rank's share of a state dict that all ranks have:
    /// see [`CheckpointWriter::write_shared`].
    pub fn write_shared(
        &self,
        path: impl AsRef<Path>,
        staged: &Staged,
        arguments: &HookArguments,
    ) -> Result<()> {
        self.write_part(path.as_ref(), staged, arguments, true)
    }

    /// Has the process tell the other ranks that this one takes no part in the save
    /// of `path`: see [`CheckpointWriter::refuse`]. Answers the reason.
    pub fn refuse(&self, path: impl AsRef<Path>, reason: Error) -> Result<()> {
        let path = absolute(path.as_ref())?;
        let doing = format!("while it refused {}", path.display());
        self.ask(|running, number| {
            let path = Cow::Borrowed(path.as_os_str().as_bytes());
            let request = Request::Refuse { number, path, reason: reason.into() };
            running.write(&request, self.config.write_timeout, &doing)
        })
    }

    /// Has the process take leave of the other ranks and end; it is killed when it
    /// does not in time. Waits for a write under way.
    pub fn close(&self) -> Result<()> {
        let mut inner = self.lock();
        inner.closed = true;
        match inner.running.take() {
            Some(running) => running.terminate(self.config.subprocess_shutdown_timeout),
            None => Ok(()),
        }
    }

    fn write_part(
        &self,
        path: &Path,
        staged: &Staged,
        arguments: &HookArguments,
        shared: bool,
    ) -> Result<()> {
        if let Err(error) = staged.expect_reproducible() {
            return self.refuse(path, error);
        }
        let path = absolute(path)?;
        let arguments = serde_json::to_string(arguments).map_err(|error| Error::Value(error.to_string()))?;
        let doing = format!("while it wrote {}", path.display());
        self.ask(|running, number| {
            let request = Request::Write(Box::new(Write {
                number,
                path: Cow::Borrowed(path.as_os_str().as_bytes()),
                shared,
                arguments: Cow::Owned(arguments),
                arena: staged.arena().name(),
                storages: places(staged),
                nodes: Cow::Borrowed(staged.nodes()),
                root: staged.root_id(),
                metadata: Cow::Borrowed(staged.metadata()),
            }));
            running.give(staged.arena(), &doing)?;
            running.write(&request, self.config.write_timeout, &doing)
        })
    }

    /// Asks the process for its part in the next save, which has a number.
    fn ask(&self, ask: impl FnOnce(&mut Running, u64) -> Result<()>) -> Result<()> {
        let mut inner = self.lock();
        if inner.closed {
            return Err(not_there("was closed"));
        }
        let number = inner.writes;
        inner.writes += 1;
        // It may have crashed since: nothing was lost then.
        inner.running.take_if(|running| !running.is_alive());
        let mut running = match inner.running.take() {
            Some(running) => running,
            None => Running::start(&self.config, &self.spec)?,
        };
        let answered = ask(&mut running, number);
        if answered.as_ref().is_err_and(Error::parts_ranks) && running.is_usable() {
            // Whoever is missing comes again as another: only those who join anew meet it.
            let _ = running.terminate(self.config.subprocess_shutdown_timeout);
            return answered;
        }
        inner.running = Some(running).filter(Running::is_usable);
        answered
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // What runs is taken out while it is worked with: a panic leaves nothing
        // half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the storages of a staged state dict are.
fn places(staged: &Staged) -> Vec<Place<'_>> {
    let places = staged.storages().iter().zip(staged.ranges());
    let place = |(storage, range): (&'_ Storage<'static>, &Range<usize>)| Place {
        offset: range.start as u64,
        length: range.len() as u64,
        location: storage.location().to_owned().into(),
    };
    places.map(place).collect()
}

/// A path that means the same in another working directory.
fn absolute(path: &Path) -> Result<PathBuf> {
    path::absolute(path).map_err(|error| Error::io(path, "find", error))
}

fn not_there(reason: &str) -> Error {
    Error::Process { reason: reason.into(), last_words: String::new() }
}
