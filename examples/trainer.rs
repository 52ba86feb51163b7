//! A training that saves once by a checkpoint process, which is this program once
//! more, with a barrier and a hook of its own. The tests start it, and kill it.

use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use serde::{Deserialize, Serialize};
use strongroom::{
    Absence, Barrier, CheckpointProcess, CheckpointProcessConfig, CheckpointProgram, CheckpointStager,
    CheckpointStagerConfig, CheckpointWriterSpec, Error, HookArguments, HookContext, HookError, RankInfo,
    Result, StateDict, Tensor, WriterHook, register_barrier, serve_checkpoint_process,
};

const USAGE: &str = "\
usage: trainer SPEC PATH ARGUMENTS [die-before]

SPEC is a CheckpointWriterSpec and ARGUMENTS are those of the save, both in JSON. With
`die-before` it is killed after it has staged, and before it saves. FORGETFUL in the
environment has it forget to serve as a checkpoint process.";

fn main() -> ExitCode {
    register_barrier("files", |config, rank_info, _on_wait| Files::join(config, rank_info));
    if env::var_os("FORGETFUL").is_none() {
        serve_checkpoint_process(|spec| Ok(spec.make()?.with_hook(Arc::new(Steps))));
    }
    let args: Vec<String> = env::args().skip(1).collect();
    let trained = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => train("{}", "never", "{}", false),
        [spec, path, arguments] => train(spec, path, arguments, false),
        [spec, path, arguments, "die-before"] => train(spec, path, arguments, true),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match trained {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn train(spec: &str, path: &str, arguments: &str, die_before: bool) -> Result<()> {
    let spec: CheckpointWriterSpec = serde_json::from_str(spec).expect("a spec");
    let arguments: HookArguments = serde_json::from_str(arguments).expect("arguments");
    let program = CheckpointProgram::ThisProgram;
    let config = CheckpointProcessConfig { program, ..CheckpointProcessConfig::default() };
    let process = CheckpointProcess::start(config, &spec)?;
    println!("{}", process.process_id().expect("a process"));
    let mut stager = CheckpointStager::new(CheckpointStagerConfig { use_shared_memory: true });
    let mut state = StateDict::new();
    state.insert("weight", Tensor::from_vec((0..1u32 << 20).collect(), &[1024, 1024])?);
    let staged = stager.stage(&state)?;
    if die_before {
        die();
    }
    process.write(path, &staged, &arguments)?;
    process.close()
}

/// Does at `pre_commit` what the arguments of the save say:
/// - `say` prints a text,
/// - `here` makes a file, in which is the process's id,
/// - `until` waits for a file,
/// - `abort` says this on stderr and aborts.
#[derive(Debug)]
struct Steps;

impl WriterHook for Steps {
    fn name(&self) -> &str {
        "steps"
    }

    fn pre_commit(&self, checkpoint: &HookContext<'_>) -> std::result::Result<(), HookError> {
        let argument = |name: &str| checkpoint.arguments.get(name).and_then(|value| value.as_str());
        if let Some(text) = argument("say") {
            eprintln!("{text}");
        }
        if let Some(here) = argument("here") {
            let hidden = format!("{here}.tmp");
            fs::write(&hidden, process::id().to_string())?;
            fs::rename(hidden, here)?;
        }
        if let Some(until) = argument("until") {
            while !Path::new(until).exists() {
                thread::sleep(Duration::from_millis(5));
            }
        }
        if let Some(text) = argument("abort") {
            eprintln!("{text}");
            process::abort();
        }
        Ok(())
    }

    fn post_commit(&self, _: &HookContext<'_>) -> std::result::Result<(), HookError> {
        Ok(())
    }
}

/// A barrier of processes that share a directory: each message is a file.
#[derive(Debug)]
struct Files {
    config: FilesConfig,
    rank_info: RankInfo,
    rounds: AtomicU64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct FilesConfig {
    directory: PathBuf,
    /// How long it takes to take leave.
    close_secs: f64,
}

impl Files {
    fn join(config: FilesConfig, rank_info: RankInfo) -> Result<Self> {
        Ok(Self { config, rank_info, rounds: AtomicU64::new(0) })
    }

    fn message(&self, topic: &str, rank: usize) -> PathBuf {
        self.config.directory.join(format!("{}-{rank}", topic.replace('/', "-")))
    }

    fn done(&self, action: &str, result: io::Result<()>) -> Result<()> {
        let (path, action) = (self.config.directory.clone(), action.to_owned());
        result.map_err(|source| Error::Io { path, action, source })
    }
}

impl Barrier for Files {
    fn rank_info(&self) -> RankInfo {
        self.rank_info
    }

    fn session(&self) -> &str {
        "files"
    }

    fn announce(&self, topic: &str, message: &[u8]) -> Result<()> {
        let path = self.message(topic, self.rank_info.global_rank);
        let hidden = path.with_extension("tmp");
        self.done("announce", fs::write(&hidden, message).and_then(|()| fs::rename(&hidden, path)))
    }

    fn collect(&self, topic: &str, from: &[usize], timeout: Duration) -> Result<Vec<Vec<u8>>> {
        let start = Instant::now();
        loop {
            let (mut messages, mut missing) = (Vec::new(), Vec::new());
            for &rank in from {
                match fs::read(self.message(topic, rank)) {
                    Ok(message) => messages.push(message),
                    Err(_) => missing.push(rank),
                }
            }
            if missing.is_empty() {
                return Ok(messages);
            }
            if start.elapsed() > timeout {
                let (barrier, absence) = ("files".into(), Absence::Late(timeout));
                return Err(Error::Missing { barrier, ranks: missing, absence });
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn forget(&self, topic: &str) -> Result<()> {
        match fs::remove_file(self.message(topic, self.rank_info.global_rank)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => self.done("forget", removed),
        }
    }

    fn execute_barrier(&self) -> Result<()> {
        let topic = format!("round/{}", self.rounds.fetch_add(1, Ordering::Relaxed));
        self.announce(&topic, &[])?;
        let all: Vec<usize> = (0..self.rank_info.global_world_size).collect();
        self.collect(&topic, &all, Duration::from_secs(60)).map(drop)
    }

    fn close(&self) -> Result<()> {
        thread::sleep(Duration::from_secs_f64(self.config.close_secs));
        Ok(())
    }
}

/// Dies as of `kill -9`: nothing is flushed, nobody is told.
fn die() -> ! {
    let _ = Command::new("kill").args(["-9", &process::id().to_string()]).status();
    loop {
        thread::sleep(Duration::from_secs(1));
    }
}
