//! Time, and memory beyond what was there before.

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result};
use memmap2::{Advice, MmapMut};

/// What one run of a job took.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Wall clock.
    pub seconds: f64,
    /// The highest resident memory while it ran, less that at its start.
    pub mebibytes: f64,
}

impl Measured {
    /// Runs `work`. What it returns is dropped after the clock has stopped.
    ///
    /// Before, `warm` bytes of memory are used and given back: in a virtual
    /// machine the first use of memory can cost fifty times the second.
    pub fn of<T>(warm: usize, work: impl FnOnce() -> Result<T>) -> Result<Self> {
        touch(warm)?;
        // Writing 5 sets the peak back to what is resident now.
        fs::write("/proc/self/clear_refs", "5").context("cannot reset the peak of memory")?;
        let before = kibibytes("VmRSS:")?;
        let start = Instant::now();
        let made = work()?;
        let seconds = start.elapsed().as_secs_f64();
        let peak = kibibytes("VmHWM:")?;
        drop(made);
        Ok(Self { seconds, mebibytes: (peak - before).max(0.0) / 1024.0 })
    }

    /// As one line.
    pub fn json(&self, name: &str) -> String {
        let Self { seconds, mebibytes } = self;
        format!(r#"{{"name": "{name}", "seconds": {seconds}, "mebibytes": {mebibytes}}}"#)
    }
}

/// Writes to each page of fresh memory. In huge pages, because then both huge
/// and ordinary pages can be made of it afterwards.
fn touch(bytes: usize) -> Result<()> {
    let mut memory = MmapMut::map_anon(bytes)?;
    let _ = memory.advise(Advice::HugePage);
    memory.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
    Ok(())
}

/// A line of `/proc/self/status`.
fn kibibytes(field: &str) -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let value = line.and_then(|line| line.split_whitespace().next());
    Ok(value.with_context(|| format!("/proc/self/status has no {field}"))?.parse()?)
}
