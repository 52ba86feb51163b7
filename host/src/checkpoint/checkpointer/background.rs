use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::handle::{Promise, pair};
use super::{Checkpointer, Handle, Saving};
use crate::checkpoint::process::CheckpointProcess;
use crate::checkpoint::reader::{CheckpointReader, Template};
use crate::checkpoint::stager::{CheckpointStager, Staged};
use crate::file::protected;
use crate::store::Local;
use crate::{CheckpointWriter, Error, HookArguments, Result, StateDict};

/// What writes a staged state dict while training goes on.
pub trait BackgroundWriter: fmt::Debug + Send {
    /// Writes it as this rank's part of the checkpoint directory `path`. Returns
    /// when the checkpoint is committed.
    fn write(&mut self, path: &Path, staged: &Staged, arguments: &HookArguments) -> Result<()>;

    /// Tells the other ranks that this one takes no part in the save of `path`, and
    /// why. Answers the reason.
    fn refuse(&mut self, path: &Path, reason: Error) -> Result<()>;

    /// Takes leave of the other ranks.
    fn close(&mut self) -> Result<()>;
}

/// Saves in the background: [`save`](Checkpointer::save) returns when the state
/// dict is copied, and training goes on while the copy is written.
///
/// One save is under way at a time: the next waits for it. Dropped, it waits for
/// the save under way, whose error is then only on its handle.
///
/// ```
/// use strongroom::{
///     AsyncCheckpointer, CheckpointReader, CheckpointStager, CheckpointWriter, Checkpointer, HookArguments,
///     RankInfo, StateDict,
/// };
///
/// # fn main() -> strongroom::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("step-1");
/// let reader = CheckpointReader::new(RankInfo::single())?;
/// let writer = Box::new(CheckpointWriter::single()?);
/// let mut checkpointer = AsyncCheckpointer::new(CheckpointStager::default(), writer, reader)?;
/// let saving = checkpointer.save(&path, &StateDict::new(), &HookArguments::new())?;
/// // Training goes on here.
/// saving.written.wait()?;
/// checkpointer.close()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AsyncCheckpointer {
    stager: Arc<Mutex<CheckpointStager>>,
    reader: CheckpointReader,
    /// None once it is closed.
    jobs: Option<Sender<Job>>,
    worker: Option<JoinHandle<Result<()>>>,
    /// The save that was begun last.
    last: Option<Handle>,
    /// A failure that lost nothing and stops nobody, until it is told by `close`.
    minor: Option<Error>,
}

/// What the worker does, one after the other.
#[derive(Debug)]
enum Job {
    Write { path: PathBuf, source: Source, arguments: HookArguments, written: Promise },
    Refuse { path: PathBuf, reason: Error },
}

/// What is written.
#[derive(Debug)]
enum Source {
    Staged(Staged),
    /// To be staged first.
    Owned(StateDict<'static>, Promise),
}

impl AsyncCheckpointer {
    /// Copies with a stager, writes with a writer of this process or of
    /// another, and loads with a reader of the same rank.
    pub fn new(
        stager: CheckpointStager,
        writer: Box<dyn BackgroundWriter>,
        reader: CheckpointReader,
    ) -> Result<Self> {
        let stager = Arc::new(Mutex::new(stager));
        let (jobs, todo) = channel();
        let worker = {
            let stager = stager.clone();
            let work = move || work(&todo, &stager, writer);
            let spawned = thread::Builder::new().name("strongroom-writer".into()).spawn(work);
            spawned.map_err(|error| Error::Setup(format!("cannot start a thread: {error}")))?
        };
        Ok(Self { stager, reader, jobs: Some(jobs), worker: Some(worker), last: None, minor: None })
    }

    /// Saves a state dict that nobody changes any more: it is copied in the
    /// background, too, so this returns at once. Files that it maps must stay as
    /// they are until it is staged.
    pub fn save_owned(
        &mut self,
        path: &Path,
        state: StateDict<'static>,
        arguments: &HookArguments,
    ) -> Result<Saving> {
        self.wait_for_last(path)?;
        let (promise, staged) = pair(path);
        self.begin(path, Source::Owned(state, promise), arguments, staged)
    }

    /// Waits for the save before. If it failed, the others hear that this rank
    /// takes no part in the next, as all do whose save failed with it.
    fn wait_for_last(&mut self, path: &Path) -> Result<()> {
        match self.last.take().map_or(Ok(()), |last| last.wait()) {
            // What was committed is not lost, and an echo would go to and fro between
            // the ranks for ever.
            Err(error) if error.is_committed() || error.is_echo() => {
                self.minor.get_or_insert(error);
                Ok(())
            }
            Err(error) => {
                self.send(Job::Refuse { path: path.into(), reason: Error::GaveUp(error.to_string()) })?;
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    fn begin(
        &mut self,
        path: &Path,
        source: Source,
        arguments: &HookArguments,
        staged: Handle,
    ) -> Result<Saving> {
        let (promise, written) = pair(path);
        self.send(Job::Write { path: path.into(), source, arguments: arguments.clone(), written: promise })?;
        self.last = Some(written.clone());
        Ok(Saving { staged, written })
    }

    fn send(&self, job: Job) -> Result<()> {
        let jobs = self.jobs.as_ref().ok_or_else(|| Error::Value("the checkpointer is closed".into()))?;
        jobs.send(job).map_err(|_| Error::Value("the checkpointer's thread has ended".into()))
    }

    fn end(&mut self) -> Result<()> {
        // The worker ends when it has done what was sent.
        self.jobs = None;
        let worker = self.worker.take().map_or(Ok(()), |worker| {
            worker.join().unwrap_or_else(|_| Err(Error::Value("the checkpointer's thread panicked".into())))
        });
        let last = self.last.take().map_or(Ok(()), |last| last.wait());
        last.and(worker).and(self.minor.take().map_or(Ok(()), Err))
    }
}

impl Checkpointer for AsyncCheckpointer {
    fn save(&mut self, path: &Path, state: &StateDict<'_>, arguments: &HookArguments) -> Result<Saving> {
        self.wait_for_last(path)?;
        // What is staged does not know any more where it came from.
        let apart = protected::not_replacing_sources(&Local, path, state);
        let stage = || self.stager.lock().unwrap_or_else(PoisonError::into_inner).stage(state);
        match apart.and_then(|()| stage()) {
            Ok(staged) => self.begin(path, Source::Staged(staged), arguments, Handle::done(path)),
            Err(error) => {
                self.send(Job::Refuse { path: path.into(), reason: Error::Remote(error.to_string()) })?;
                Err(error)
            }
        }
    }

    fn load(&self, path: &Path) -> Result<StateDict<'static>> {
        self.reader.read(path)
    }

    fn load_into(&self, path: &Path, template: &mut Template<'_>, strict: bool) -> Result<Vec<String>> {
        self.reader.read_into(path, template, strict)
    }

    fn close(&mut self) -> Result<()> {
        self.end()
    }
}

impl Drop for AsyncCheckpointer {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// What the worker's thread does until there is nobody left to ask for more.
fn work(
    todo: &Receiver<Job>,
    stager: &Mutex<CheckpointStager>,
    mut writer: Box<dyn BackgroundWriter>,
) -> Result<()> {
    for job in todo {
        match job {
            Job::Write { path, source, arguments, written } => {
                let done = write(&path, source, &arguments, stager, &mut *writer);
                // What was staged is free again before anyone hears of it.
                written.keep(done);
            }
            // It was told to whoever asked for the save.
            Job::Refuse { path, reason } => drop(writer.refuse(&path, reason)),
        }
    }
    writer.close()
}

fn write(
    path: &Path,
    source: Source,
    arguments: &HookArguments,
    stager: &Mutex<CheckpointStager>,
    writer: &mut dyn BackgroundWriter,
) -> Result<()> {
    let staged = match source {
        Source::Staged(staged) => staged,
        Source::Owned(state, promise) => {
            let apart = protected::not_replacing_sources(&Local, path, &state);
            let stage = || stager.lock().unwrap_or_else(PoisonError::into_inner).stage(&state);
            match apart.and_then(|()| stage()) {
                Ok(staged) => {
                    promise.keep(Ok(()));
                    staged
                }
                Err(error) => {
                    let reason = Error::Remote(error.to_string());
                    promise.keep(Err(error));
                    return writer.refuse(path, reason);
                }
            }
        }
    };
    writer.write(path, &staged, arguments)
}

impl BackgroundWriter for CheckpointWriter {
    fn write(&mut self, path: &Path, staged: &Staged, arguments: &HookArguments) -> Result<()> {
        CheckpointWriter::write(self, path, staged.state(), arguments)
    }

    fn refuse(&mut self, path: &Path, reason: Error) -> Result<()> {
        CheckpointWriter::refuse(self, path, reason)
    }

    fn close(&mut self) -> Result<()> {
        CheckpointWriter::close(self)
    }
}

impl BackgroundWriter for CheckpointProcess {
    fn write(&mut self, path: &Path, staged: &Staged, arguments: &HookArguments) -> Result<()> {
        CheckpointProcess::write(self, path, staged, arguments)
    }

    fn refuse(&mut self, path: &Path, reason: Error) -> Result<()> {
        CheckpointProcess::refuse(self, path, reason)
    }

    fn close(&mut self) -> Result<()> {
        CheckpointProcess::close(self)
    }
}
