//! One rank of a run, in a process of its own: saves some checkpoints through a
//! barrier, and on demand dies or dawdles on the way. The tests start several.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitCode};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use strongroom::{
    BarrierConfig, CheckpointWriter, CheckpointWriterConfig, HookArguments, HookContext, HookError, RankInfo,
    Result, StateDict, Tensor, WriterHook, create_barrier_from_config,
};

const USAGE: &str = "\
usage: rank BARRIER RANK WORLD_SIZE ROOT SAVES [TROUBLE AT]

BARRIER is a BarrierConfig in JSON. Checkpoints are ROOT/step-0, ROOT/step-1 and so
on; with `-` for ROOT none is written, and the ranks only wait for each other.
TROUBLE is what happens at save AT: `die-before`, `die-pre-commit` or
`die-post-commit` kills this process there, `dawdle` sleeps three seconds before it.";

fn main() -> ExitCode {
    #[cfg(feature = "etcd")]
    strongroom_etcd::register();
    let args: Vec<String> = env::args().skip(1).collect();
    let Some(run) = Run::of(&args) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run.all() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What to do.
struct Run {
    barrier: BarrierConfig,
    rank_info: RankInfo,
    root: Option<PathBuf>,
    saves: u64,
    trouble: Trouble,
}

/// What goes wrong, and at which save.
#[derive(Clone, Debug, Default)]
struct Trouble {
    kind: String,
    at: u64,
}

impl Run {
    fn of(args: &[String]) -> Option<Self> {
        let [barrier, rank, world_size, root, saves, trouble @ ..] = args else { return None };
        let trouble = match trouble {
            [] => Trouble::default(),
            [kind, at] => Trouble { kind: kind.clone(), at: at.parse().ok()? },
            _ => return None,
        };
        Some(Self {
            barrier: serde_json::from_str(barrier).ok()?,
            rank_info: RankInfo::new(rank.parse().ok()?, world_size.parse().ok()?).ok()?,
            root: (root != "-").then(|| root.into()),
            saves: saves.parse().ok()?,
            trouble,
        })
    }

    fn all(&self) -> Result<()> {
        let barrier = create_barrier_from_config(&self.barrier, self.rank_info)?;
        println!("joined {}", barrier.session());
        let config = CheckpointWriterConfig { durable: false, ..CheckpointWriterConfig::default() };
        let writer =
            CheckpointWriter::new(config, barrier.clone())?.with_hook(Arc::new(self.trouble.clone()));
        for number in 0..self.saves {
            self.trouble.before(number);
            match &self.root {
                Some(root) => self.save(&writer, root, number)?,
                None => barrier.execute_barrier()?,
            }
            println!("done {number}");
        }
        writer.close()
    }

    fn save(&self, writer: &CheckpointWriter, root: &Path, number: u64) -> Result<()> {
        let value = u32::try_from(number).unwrap_or(u32::MAX);
        let mut state = StateDict::new();
        state.insert("weight", Tensor::from_vec(vec![f64::from(value); 16], &[4, 4])?);
        state.insert("rank", i64::try_from(self.rank_info.global_rank).unwrap_or(-1));
        let arguments = HookArguments::from([("number".into(), number.into())]);
        writer.write(root.join(format!("step-{number}")), &state, &arguments)
    }
}

impl Trouble {
    fn before(&self, number: u64) {
        if number != self.at {
            return;
        }
        match self.kind.as_str() {
            "die-before" => die(),
            "dawdle" => thread::sleep(Duration::from_secs(3)),
            _ => {}
        }
    }

    fn hook(&self, kind: &str, checkpoint: &HookContext<'_>) {
        if self.kind == kind && checkpoint.arguments["number"] == self.at {
            die();
        }
    }
}

impl WriterHook for Trouble {
    fn name(&self) -> &str {
        "trouble"
    }

    fn pre_commit(&self, checkpoint: &HookContext<'_>) -> std::result::Result<(), HookError> {
        self.hook("die-pre-commit", checkpoint);
        Ok(())
    }

    fn post_commit(&self, checkpoint: &HookContext<'_>) -> std::result::Result<(), HookError> {
        self.hook("die-post-commit", checkpoint);
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
