//! The jobs by name.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use strongroom::store::Local;
use strongroom::{
    AsyncCheckpointer, CheckpointProcessConfig, CheckpointProgram, CheckpointWriter, CheckpointWriterConfig,
    Checkpointer, CheckpointerConfig, Engine, HookArguments, LocalBarrier, RankInfo, SaveOptions, StateDict,
    Tensor, ValidateOptions, Verdict, WriteOptions, make_async_checkpointer, save_sharded, save_with,
    validate_in,
};

use crate::measure::Measured;
use crate::{many, plain, states};

/// What jobs work on. State dicts are made when a job first needs them.
pub struct Jobs {
    directory: PathBuf,
    mebibytes: usize,
    tensors: u32,
    large: Option<StateDict<'static>>,
    tiny: Option<StateDict<'static>>,
    behind: Option<AsyncCheckpointer>,
    copy: Vec<u8>,
}

/// Which part of an asynchronous save counts.
#[derive(Clone, Copy)]
enum Until {
    /// Until training can go on.
    Staged,
    /// Until the checkpoint is committed.
    Written,
}

impl Jobs {
    /// Jobs on the files of `directory`: `large.*` and `tiny.*` must be there for
    /// those that read.
    pub fn new(directory: PathBuf, mebibytes: usize, tensors: u32) -> Self {
        Self { directory, mebibytes, tensors, large: None, tiny: None, behind: None, copy: Vec::new() }
    }

    /// Does one job: `save-pt`, or `save-pt@256` with a large state dict of so many MiB.
    /// What it needs and what it leaves is made and removed outside of what is measured.
    pub fn run(&mut self, name: &str) -> Result<Measured> {
        // Compiled once for all: starts have a row of their own.
        Engine::shared()?;
        if let Some((name, mebibytes)) = name.split_once('@') {
            return self.of_size(mebibytes)?.run(name);
        }
        let path = self.directory.join(format!("new-{name}"));
        match name {
            "save-pt" => self.save(&path.with_extension("pt"), false),
            "save-pt-replace" => {
                let path = path.with_extension("pt");
                existing(&path, self.large()?)?;
                self.save(&path, false)
            }
            "save-pt-durable" => self.save(&path.with_extension("pt"), true),
            "save-safetensors" => self.save(&path.with_extension("safetensors"), false),
            "save-plain" => {
                let measured = {
                    let (warm, large) = (self.warm(), self.large()?);
                    Measured::of(warm, || plain::write(&path, large))?
                };
                fs::remove_file(path)?;
                Ok(measured)
            }
            "save-ranks" => self.save_ranks(&path),
            "checkpoint" => self.checkpoint(&path, false),
            "checkpoint-durable" => self.checkpoint(&path, true),
            "convert" => self.convert(&path.with_extension("safetensors")),
            "async-stall" => self.save_behind(&path, false, Until::Staged),
            "async-total" => self.save_behind(&path, false, Until::Written),
            "process-stall" => self.save_behind(&path, true, Until::Staged),
            "process-total" => self.save_behind(&path, true, Until::Written),
            "copy" => self.copy(),
            "copy-and-write" => self.copy_and_write(&path),
            "save-tiny-pt" => self.save_tiny(&path.with_extension("pt")),
            "save-tiny-safetensors" => self.save_tiny(&path.with_extension("safetensors")),
            "build-tiny" => Measured::of(self.warm(), || states::tiny(self.tensors)),
            "load-pt" => self.read("large.pt", |path| Ok(strongroom::load(path)?)),
            "load-safetensors" => self.read("large.safetensors", |path| Ok(strongroom::load(path)?)),
            "load-tiny-pt" => self.read("tiny.pt", |path| Ok(strongroom::load(path)?)),
            "load-tiny-safetensors" => self.read("tiny.safetensors", |path| Ok(strongroom::load(path)?)),
            "map-safetensors" => self.read("large.safetensors", |path| Ok(strongroom::map(path)?)),
            "map-pt" => self.read("large.pt", |path| Ok(strongroom::map(path)?)),
            "open-tiny-pt" => self.read("tiny.pt", |path| Ok(strongroom::File::open(path)?)),
            "verify-pt" => self.read("large.pt", |path| Ok(strongroom::File::open(path)?.verify()?)),
            "validate-deep" => self.read("large.pt", |path| validated(path, true)),
            "validate-sparse" => self.read("sparse.pt", |path| validated(path, false)),
            "list-many" => self.list_many(|root| {
                strongroom::list(root)?;
                Ok(())
            }),
            "latest-many" => self.list_many(|root| {
                ensure!(strongroom::latest(root)? == Some(root.join("step-1")), "it is not the latest");
                Ok(())
            }),
            "verify-plain" => self.read("large.pt", plain::checksum),
            _ => bail!("no such job"),
        }
    }

    fn save(&mut self, path: &Path, durable: bool) -> Result<Measured> {
        save(self.warm(), path, self.large()?, durable)
    }

    /// Looks at a checkpoint of very many ranks.
    fn list_many(&self, look: impl FnOnce(&Path) -> Result<()>) -> Result<Measured> {
        let root = self.directory.join("many");
        if !root.exists() {
            many::make(&root)?;
        }
        Measured::of(self.warm(), || look(&root))
    }

    fn save_tiny(&mut self, path: &Path) -> Result<Measured> {
        if self.tiny.is_none() {
            self.tiny = Some(states::tiny(self.tensors)?);
        }
        save(self.warm(), path, self.tiny.get_or_insert_default(), false)
    }

    fn save_ranks(&mut self, path: &Path) -> Result<Measured> {
        let (warm, large) = (self.warm(), self.large()?);
        let options = SaveOptions { ranks: 2, overwrite: false };
        let measured = Measured::of(warm, || {
            Ok(save_sharded(Engine::shared()?, Arc::new(Local), path, large, &options)?)
        })?;
        fs::remove_dir_all(path)?;
        Ok(measured)
    }

    fn checkpoint(&mut self, path: &Path, durable: bool) -> Result<Measured> {
        let config = CheckpointWriterConfig { durable, ..CheckpointWriterConfig::default() };
        let writer = CheckpointWriter::new(config, Arc::new(LocalBarrier::single()))?;
        let (warm, large) = (self.warm(), self.large()?);
        let measured = Measured::of(warm, || Ok(writer.write(path, large, &HookArguments::new())?))?;
        fs::remove_dir_all(path)?;
        Ok(measured)
    }

    fn convert(&self, path: &Path) -> Result<Measured> {
        let file = strongroom::File::open(self.directory.join("large.pt"))?;
        save(self.warm(), path, file.state(), false)
    }

    /// The same jobs with a large state dict of another size.
    fn of_size(&self, mebibytes: &str) -> Result<Self> {
        let other = Self::new(self.directory.join(mebibytes), mebibytes.parse()?, self.tensors);
        fs::create_dir_all(&other.directory)?;
        let file = other.directory.join("large.pt");
        if !file.exists() {
            strongroom::save(file, &states::large(other.mebibytes)?)?;
        }
        Ok(other)
    }

    /// Saves by a thread, or by a process, one checkpointer for all runs.
    fn save_behind(&mut self, path: &Path, process: bool, until: Until) -> Result<Measured> {
        self.large()?;
        if self.behind.is_none() {
            self.behind = Some(checkpointer(process)?);
        }
        let warm = self.warm();
        let (Some(behind), Some(large)) = (&mut self.behind, &self.large) else { bail!("nothing to save") };
        let mut saving = None;
        let measured = Measured::of(warm, || {
            let begun = saving.insert(behind.save(path, large, &HookArguments::new())?);
            if matches!(until, Until::Written) {
                begun.written.wait()?;
            }
            Ok(())
        })?;
        if let Some(saving) = saving {
            saving.wait()?;
        }
        fs::remove_dir_all(path)?;
        Ok(measured)
    }

    fn copy(&mut self) -> Result<Measured> {
        let length = usize::try_from(self.large()?.length())?;
        self.copy.resize(length, 1);
        let warm = self.warm();
        let (Some(large), copy) = (&self.large, &mut self.copy) else { bail!("nothing to copy") };
        Measured::of(warm, || plain::copy(large, copy))
    }

    /// What an asynchronous save cannot do without: a copy, and a file of it.
    fn copy_and_write(&mut self, path: &Path) -> Result<Measured> {
        let length = usize::try_from(self.large()?.length())?;
        self.copy.resize(length, 1);
        let warm = self.warm();
        let (Some(large), copy) = (&self.large, &mut self.copy) else { bail!("nothing to copy") };
        let measured = Measured::of(warm, || {
            plain::copy(large, copy)?;
            let mut copied = StateDict::new();
            copied.insert("copy", Tensor::from_slice::<u8>(copy, &[length as u64])?);
            plain::write(path, &copied)
        })?;
        fs::remove_file(path)?;
        Ok(measured)
    }

    fn read<T>(&self, name: &str, work: impl FnOnce(&Path) -> Result<T>) -> Result<Measured> {
        let path = self.directory.join(name);
        Measured::of(self.warm(), || work(&path))
    }

    /// A little more than the largest job takes in memory or page cache.
    fn warm(&self) -> usize {
        self.mebibytes.saturating_mul((1 << 20) + (1 << 18))
    }

    fn large(&mut self) -> Result<&StateDict<'static>> {
        if self.large.is_none() {
            self.large = Some(states::large(self.mebibytes)?);
        }
        Ok(self.large.get_or_insert_default())
    }
}

/// A validation, which must find nothing wrong.
fn validated(path: &Path, deep: bool) -> Result<()> {
    let options = ValidateOptions { deep, ..ValidateOptions::default() };
    let report = validate_in(Engine::shared()?, &Local, path, &options)?;
    ensure!(report.verdict == Verdict::Safe, "{} is not safe", path.display());
    Ok(())
}

/// Not durable, as its peers are not.
fn checkpointer(with_process: bool) -> Result<AsyncCheckpointer> {
    let program = env::current_exe()?.with_file_name("strongroom");
    let process = CheckpointProcessConfig {
        program: CheckpointProgram::Command(program),
        ..CheckpointProcessConfig::default()
    };
    let config = CheckpointerConfig {
        writer_config: CheckpointWriterConfig { durable: false, ..CheckpointWriterConfig::default() },
        process_config: with_process.then_some(process),
        ..CheckpointerConfig::default()
    };
    Ok(make_async_checkpointer(&config, RankInfo::single(), &[])?)
}

fn save(warm: usize, path: &Path, state: &StateDict<'_>, durable: bool) -> Result<Measured> {
    let Some(options) = WriteOptions::for_path(path) else { bail!("{} has no format", path.display()) };
    let options = WriteOptions { durable, ..options };
    let measured = Measured::of(warm, || Ok(save_with(Engine::shared()?, &Local, path, state, &options)?))?;
    fs::remove_file(path)?;
    Ok(measured)
}

/// A file of as many bytes to be replaced, on disk already so that its writing
/// back does not disturb.
fn existing(path: &Path, state: &StateDict<'_>) -> Result<()> {
    plain::write(path, state)?;
    Ok(File::open(path)?.sync_all()?)
}
