//! Processes of the matrix: run with a deadline, and never left behind.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    /// None if it had to be ended, for it took too long.
    pub status: Option<ExitStatus>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub fn success(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// Whether a signal ended it.
    pub fn killed(&self) -> bool {
        self.status.is_some_and(|status| status.code().is_none())
    }

    pub fn panicked(&self) -> bool {
        self.stderr.contains("panicked at")
    }

    /// Its error in one line.
    pub fn error(&self) -> String {
        let text = self.stderr.lines().collect::<Vec<_>>().join(" | ");
        match (self.status, text.is_empty()) {
            (None, _) => format!("it hangs: {text}"),
            (Some(status), true) => status.to_string(),
            (Some(_), false) => text,
        }
    }
}

/// A process that runs; killed when dropped, and with it those that it started.
pub struct Running {
    child: Child,
    outputs: [PathBuf; 2],
}

impl Running {
    /// Starts it; what it prints goes to files NAME.stdout and NAME.stderr in `directory`.
    pub fn start(command: &mut Command, directory: &Path, name: &str) -> Result<Self> {
        let outputs = ["stdout", "stderr"].map(|kind| directory.join(format!("{name}.{kind}")));
        let [stdout, stderr] = &outputs;
        command.stdin(Stdio::null()).stdout(File::create(stdout)?).stderr(File::create(stderr)?);
        // A group of its own.
        let child = command.process_group(0).spawn().with_context(|| format!("cannot start {command:?}"))?;
        Ok(Self { child, outputs })
    }

    pub fn is_over(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Waits, at most to `deadline`.
    pub fn wait(mut self, deadline: Instant) -> Result<Ended> {
        let mut pause = Duration::from_millis(1);
        let status = loop {
            let status = self.child.try_wait()?;
            if status.is_some() || Instant::now() > deadline {
                break status;
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        };
        let text = |path: &PathBuf| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let [stdout, stderr] = &self.outputs;
        Ok(Ended { status, stdout: text(stdout)?, stderr: text(stderr)? })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_over() {
            return;
        }
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
    }
}

/// Runs all of them at once to their end.
pub fn run_together(commands: Vec<Command>, directory: &Path, longest: Duration) -> Result<Vec<Ended>> {
    let deadline = Instant::now() + longest;
    let running: Vec<Running> = commands
        .into_iter()
        .enumerate()
        .map(|(number, mut command)| Running::start(&mut command, directory, &number.to_string()))
        .collect::<Result<_>>()?;
    running.into_iter().map(|running| running.wait(deadline)).collect()
}
