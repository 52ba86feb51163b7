//! How much of the matrix is run.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use super::job::{JOBS, Job};

/// What the command line asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// A bounded choice of points, the same each time.
    pub sample: bool,
    /// The program is built already.
    pub built: bool,
    /// Other writers in the place of strongroom.
    pub peers: bool,
    /// A Python environment with these, to be used as it is.
    pub venv: Option<PathBuf>,
    /// Where saves are made, for another file system than that of cargo's target
    /// directory.
    pub directory: Option<PathBuf>,
    /// One part.
    only: Option<String>,
    /// Jobs with this in their names.
    job: Option<String>,
}

impl Plan {
    pub fn parse(arguments: &[String]) -> Result<Self> {
        let mut plan = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().cloned().with_context(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--sample" => plan.sample = true,
                "--built" => plan.built = true,
                "--peers" => plan.peers = true,
                "--in" => plan.directory = Some(value()?.into()),
                "--venv" => plan.venv = Some(value()?.into()),
                "--only" => plan.only = Some(value()?),
                "--job" => plan.job = Some(value()?),
                _ => bail!("unknown: {argument}"),
            }
        }
        let known = |part: &String| PARTS.contains(&&**part);
        ensure!(plan.only.as_ref().is_none_or(known), "the parts are {}", PARTS.join(", "));
        Ok(plan)
    }

    /// Whether it is everything.
    pub fn is_full(&self) -> bool {
        !self.sample && self.only.is_none() && self.job.is_none() && self.directory.is_none()
    }

    pub fn wants(&self, part: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == part)
    }

    /// Those that are asked for.
    pub fn jobs(&self) -> impl Iterator<Item = Job> {
        let asked = |job: &Job| self.job.as_ref().is_none_or(|part| job.name.contains(part));
        JOBS.into_iter().filter(move |job| asked(job))
    }

    /// The points to try: all, or of a sample every `stride`th from `first` on.
    pub fn choose<T>(&self, points: Vec<T>, first: usize, stride: usize) -> Vec<T> {
        match self.sample {
            true => points.into_iter().skip(first % stride).step_by(stride).collect(),
            false => points,
        }
    }
}

/// What `--only` takes.
const PARTS: [&str; 5] = ["kill", "errors", "short-writes", "plain-renames", "power"];

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Plan> {
        Plan::parse(&line.split_whitespace().map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn all_is_run_unless_less_is_asked_for() -> Result<()> {
        let plan = parse("")?;
        assert!(plan.is_full() && PARTS.iter().all(|part| plan.wants(part)));
        assert_eq!(plan.jobs().count(), JOBS.len());
        assert_eq!(plan.choose(vec![1, 2, 3], 1, 2), [1, 2, 3]);
        let plan = parse("--only kill --job threads --sample")?;
        assert!(!plan.is_full() && plan.wants("kill") && !plan.wants("errors"));
        assert_eq!(plan.jobs().count(), 1);
        assert_eq!(plan.choose(vec![1, 2, 3, 4], 3, 2), [2, 4]);
        Ok(())
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for line in ["--only", "--only nothing", "--fast", "kill"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
