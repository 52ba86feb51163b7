//! Ranks that are processes: `examples/rank.rs`.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use strongroom::BarrierConfig;

/// Longer than anything takes that works, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// One rank. Killed when it is dropped.
pub struct Rank {
    child: Child,
    lines: Receiver<String>,
    output: Vec<String>,
}

/// All ranks of a world.
pub struct World<'w> {
    pub barrier: &'w BarrierConfig,
    pub size: usize,
    /// Where checkpoints go, if any.
    pub root: Option<&'w Path>,
    pub saves: u64,
    /// Which rank has which trouble at which save.
    pub trouble: &'w [(usize, &'w str, u64)],
}

impl World<'_> {
    pub fn start(&self) -> Vec<Rank> {
        (0..self.size).map(|rank| self.start_one(rank)).collect()
    }

    pub fn start_one(&self, rank: usize) -> Rank {
        let program = Path::new(env!("CARGO_BIN_EXE_strongroom")).with_file_name("examples/rank");
        let mut command = Command::new(program);
        command.arg(serde_json::to_string(self.barrier).unwrap());
        command.args([rank.to_string(), self.size.to_string()]);
        command.arg(self.root.unwrap_or(Path::new("-"))).arg(self.saves.to_string());
        if let Some((_, kind, at)) = self.trouble.iter().find(|(whose, ..)| *whose == rank) {
            command.args([kind, at.to_string().as_str()]);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = mpsc::channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Rank { child, lines, output: Vec::new() }
    }
}

impl Rank {
    /// Waits for a line that begins so; answers its rest.
    pub fn says(&mut self, start: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let line = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now()));
            let line = line.unwrap_or_else(|_| panic!("no {start:?}: {:?}", self.output));
            self.output.push(line.clone());
            if let Some(rest) = line.strip_prefix(start) {
                return rest.to_owned();
            }
        }
    }

    /// The rest of a line that it has said.
    pub fn said(&self, start: &str) -> String {
        let rest = self.output.iter().find_map(|line| line.strip_prefix(start));
        rest.unwrap_or_else(|| panic!("no {start:?}: {:?}", self.output)).to_owned()
    }

    /// Whether it says nothing for so long.
    pub fn is_silent(&mut self, time: Duration) -> bool {
        self.lines.recv_timeout(time).map(|line| self.output.push(line)).is_err()
    }

    /// Waits for it to do well.
    pub fn succeeds(mut self) {
        let status = self.end();
        assert!(status, "{:?}", self.output);
    }

    /// Waits for it to fail; answers the error.
    pub fn fails(mut self) -> String {
        let error = self.says("error: ");
        assert!(!self.end());
        error
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends it a signal by its name.
    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(kill.unwrap().success());
    }

    /// How many threads and descriptors it has.
    pub fn resources(&self) -> (usize, usize) {
        let count = |what| std::fs::read_dir(format!("/proc/{}/{what}", self.child.id())).unwrap().count();
        (count("task"), count("fd"))
    }

    fn end(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.output.push(line);
        }
        assert!(Instant::now() < deadline, "it does not end: {:?}", self.output);
        self.child.wait().unwrap().success()
    }
}

impl Drop for Rank {
    fn drop(&mut self) {
        self.kill();
    }
}
