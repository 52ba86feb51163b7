//! Ranks in processes of their own.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use strongroom::BarrierConfig;

/// A rank that runs, killed when it is dropped.
pub struct RankProcess {
    child: Child,
    printed: Option<thread::JoinHandle<String>>,
}

/// How a rank ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    /// After the last of the ranks started.
    pub after: Duration,
    /// Its standard output.
    pub printed: String,
}

impl Ended {
    /// Ends the test unless it did what it was to do.
    pub fn assert_success(&self) {
        assert!(self.status.success(), "{}", self.printed);
    }

    /// The line of the error it ended with.
    pub fn error(&self) -> &str {
        let line = self.printed.lines().find(|line| line.starts_with("error: "));
        line.unwrap_or_else(|| panic!("no error, {}: {}", self.status, self.printed))
    }

    /// How many saves it finished.
    pub fn saves(&self) -> usize {
        self.printed.lines().filter(|line| line.starts_with("done ")).count()
    }
}

impl RankProcess {
    /// Starts a rank; `trouble` is a kind of trouble and the save at which it comes.
    pub fn start(
        barrier: &BarrierConfig,
        rank: usize,
        world_size: usize,
        root: Option<&Path>,
        saves: u64,
        trouble: Option<(&str, u64)>,
    ) -> Self {
        let mut command = Command::new(built("examples/rank"));
        command.arg(serde_json::to_string(barrier).unwrap());
        command.args([rank.to_string(), world_size.to_string()]);
        command.arg(root.unwrap_or(Path::new("-"))).arg(saves.to_string());
        if let Some((kind, at)) = trouble {
            command.args([kind, &at.to_string()]);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let printed = thread::spawn(move || {
            let mut printed = Vec::new();
            stdout.read_to_end(&mut printed).unwrap();
            String::from_utf8(printed).unwrap()
        });
        Self { child, printed: Some(printed) }
    }
}

impl Drop for RankProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for all ranks; answers how they ended, in their order. Ends the test if
/// they do not in a minute.
pub fn wait_for(mut ranks: Vec<RankProcess>) -> Vec<Ended> {
    let start = Instant::now();
    let mut ended: Vec<Option<(ExitStatus, Duration)>> = vec![None; ranks.len()];
    while ended.iter().any(Option::is_none) {
        assert!(start.elapsed() < Duration::from_secs(60), "ranks hang: {ended:?}");
        for (rank, ended) in ranks.iter_mut().zip(&mut ended) {
            if ended.is_none() {
                *ended = rank.child.try_wait().unwrap().map(|status| (status, start.elapsed()));
            }
        }
        thread::sleep(Duration::from_millis(10));
    }
    let result = |(mut rank, ended): (RankProcess, Option<(ExitStatus, Duration)>)| {
        let (status, after) = ended.unwrap();
        Ended { status, after, printed: rank.printed.take().unwrap().join().unwrap() }
    };
    ranks.into_iter().zip(ended).map(result).collect()
}

/// A program that cargo built for these tests.
fn built(name: &str) -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_strongroom")).with_file_name(name)
}
