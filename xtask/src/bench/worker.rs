//! The programs that do the jobs: told by a line, answering by a line.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::options::Options;
use super::rows::{Side, Unit};
use crate::python;
use crate::run::{command, root, run, strongroom, target};

/// Where the jobs are done, and by what.
pub struct Place {
    directory: PathBuf,
    python: PathBuf,
    scanners: PathBuf,
    sizes: [String; 2],
}

impl Place {
    /// Makes the Python environment if none is given.
    pub fn new(options: &Options, directory: &Path) -> Result<Self> {
        let python = match &options.venv {
            Some(venv) => root().join(venv).join("bin/python"),
            None => python::torch()?,
        };
        let sizes = [options.mebibytes, options.tensors].map(|size| size.to_string());
        let scanners = python::scanners()?;
        Ok(Self { directory: directory.into(), python, scanners, sizes })
    }
}

/// What one run of a job took.
pub struct Taken {
    seconds: f64,
    mebibytes: f64,
}

impl Unit {
    /// The number that counts.
    pub fn of(self, taken: Taken) -> f64 {
        match self {
            Self::Seconds => taken.seconds,
            Self::Mebibytes => taken.mebibytes,
        }
    }
}

/// One program of each kind, started when it is first needed.
pub struct Workers<'p> {
    place: &'p Place,
    rust: Option<Worker>,
    torch: Option<Worker>,
}

impl<'p> Workers<'p> {
    /// None started yet.
    pub fn new(place: &'p Place) -> Self {
        Self { place, rust: None, torch: None }
    }

    /// Has a job done.
    pub fn run(&mut self, side: Side) -> Result<Taken> {
        let place = self.place;
        match side {
            Side::Rust(job) => {
                let program = || command(target().join("release/strongroom-bench"));
                started(&mut self.rust, place, program)?.run(job)
            }
            Side::Torch(job) => {
                let program = || {
                    let mut python = command(&place.python);
                    python.arg("bench/peers.py");
                    python
                };
                started(&mut self.torch, place, program)?.run(job)
            }
            Side::Command(args) => time(command(strongroom()).args(args), place),
            Side::Scanner(args) => {
                let script = root().join("tests/interop/scanners.py");
                time(command(&place.scanners).arg(script).args(args), place)
            }
        }
    }
}

/// Runs a command from start to end, in the directory of the files.
fn time(command: &mut Command, place: &Place) -> Result<Taken> {
    command.current_dir(&place.directory).stdout(Stdio::null());
    let start = Instant::now();
    run(command)?;
    Ok(Taken { seconds: start.elapsed().as_secs_f64(), mebibytes: f64::NAN })
}

struct Worker {
    child: Child,
    jobs: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

fn started<'w>(
    worker: &'w mut Option<Worker>,
    place: &Place,
    program: impl FnOnce() -> Command,
) -> Result<&'w mut Worker> {
    if worker.is_none() {
        let mut program = program();
        program.arg(&place.directory).args(&place.sizes);
        *worker = Some(Worker::start(&mut program)?);
    }
    worker.as_mut().context("a worker was started and is not there")
}

impl Worker {
    fn start(program: &mut Command) -> Result<Self> {
        program.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = program.spawn().with_context(|| format!("cannot start {program:?}"))?;
        let jobs = child.stdin.take();
        let answers = child.stdout.take().context("a worker without output")?;
        Ok(Self { child, jobs, answers: BufReader::new(answers) })
    }

    fn run(&mut self, job: &str) -> Result<Taken> {
        let jobs = self.jobs.as_mut().context("a worker without input")?;
        writeln!(jobs, "{job}")?;
        jobs.flush()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        ensure!(!answer.is_empty(), "the job {job} failed: its program says why above");
        Ok(Taken { seconds: field(&answer, "seconds")?, mebibytes: field(&answer, "mebibytes")? })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The end of its input is a worker's end; wait, so that its memory is free.
        self.jobs = None;
        let _ = self.child.wait();
    }
}

/// A number of a worker's answer, which is one flat JSON object.
fn field(answer: &str, name: &str) -> Result<f64> {
    let (_, rest) = answer
        .split_once(&format!("\"{name}\": "))
        .with_context(|| format!("no {name} in the answer {answer:?}"))?;
    let end = rest.find([',', '}']).unwrap_or(rest.len());
    rest[..end].trim().parse().with_context(|| format!("{name} is no number in {answer:?}"))
}
