//! Where the matrix is worked out: the program under test, what it saves, and room.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use anyhow::{Context, Result};

use crate::run;

/// The program, its cache and its inputs. Shared by all threads of a run.
pub struct Lab {
    work: PathBuf,
    runs: AtomicUsize,
    ports: AtomicU16,
}

impl Lab {
    /// Makes room in `directory`, else under cargo's target directory, and a warm cache
    /// of compiled code: no save under test compiles.
    pub fn new(directory: Option<&Path>, name: &str) -> Result<Self> {
        let directory = directory.map_or_else(run::target, |directory| run::root().join(directory));
        let work = directory.join("crash").join(name);
        if work.exists() {
            fs::remove_dir_all(&work)?;
        }
        fs::create_dir_all(work.join("sources"))?;
        // Two runs at once begin at different ones.
        let first = u16::try_from(process::id() % u32::from(PORTS))?;
        Ok(Self { work, runs: AtomicUsize::new(0), ports: AtomicU16::new(first) })
    }

    /// The program under test, with one thread for the work in it: its calls come in
    /// the same order each time.
    pub fn command(&self) -> Command {
        let mut command = Command::new(run::strongroom());
        command.env("RAYON_NUM_THREADS", "1");
        command
    }

    /// A directory that no other run has.
    pub fn room(&self) -> Result<PathBuf> {
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let room = self.work.join(format!("run-{number}"));
        fs::create_dir_all(&room)?;
        Ok(room)
    }

    /// A port of the loopback that nobody listens at.
    pub fn port(&self) -> Result<u16> {
        for _ in 0..1000 {
            let port = FIRST_PORT + self.ports.fetch_add(1, Ordering::Relaxed) % PORTS;
            if TcpListener::bind(("127.0.0.1", port)).is_ok() {
                return Ok(port);
            }
        }
        anyhow::bail!("no port is free")
    }

    /// What the `number`th save of `rank` saves: a safetensors file of its own. Its
    /// tensors are of all sizes that are written differently: beyond the 1 MiB that is
    /// written at once, below, and tiny.
    pub fn source(&self, number: usize, rank: usize) -> Result<PathBuf> {
        let path = self.work.join("sources").join(format!("save-{number}-rank-{rank}.safetensors"));
        if !path.exists() {
            let unfinished = self.room()?.join("source");
            fs::write(&unfinished, safetensors(number * 100 + rank))?;
            fs::rename(&unfinished, &path)?;
        }
        Ok(path)
    }

    /// Removes everything; of a failure it is kept, for who looks into it.
    pub fn clear(self) -> Result<()> {
        Ok(fs::remove_dir_all(self.work)?)
    }
}

/// The files of a directory by name.
pub fn files(directory: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let entries = fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        files.insert(name, fs::read(entry.path())?);
    }
    Ok(files)
}

/// Copies a directory and all under it.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (entry, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        if entry.is_dir() {
            copy(&entry, &to.join(name))?;
        } else {
            fs::copy(&entry, to.join(name))?;
        }
    }
    Ok(())
}

/// A file of four tensors whose bytes are nobody else's.
fn safetensors(seed: usize) -> Vec<u8> {
    let (mut header, mut length) = (Vec::new(), 0);
    for (name, elements) in TENSORS {
        let end = length + elements * 4;
        header.push(format!(
            r#""{name}":{{"dtype":"F32","shape":[{elements}],"data_offsets":[{length},{end}]}}"#
        ));
        length = end;
    }
    let mut header = format!("{{{}}}", header.join(","));
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.into_bytes());
    // A 64-bit linear congruence; Knuth's.
    let mut state = seed as u64 + 1;
    file.extend((0..length).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    }));
    file
}

/// Below those that the kernel gives away by itself.
const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 10_000;

/// Their names and elements, each of four bytes.
const TENSORS: [(&str, usize); 4] =
    [("embedding.weight", 300_000), ("layer.weight", 20_000), ("layer.bias", 1_000), ("scale", 1)];
