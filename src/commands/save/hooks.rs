//! The hooks of a save.

#[cfg(feature = "compiler")]
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use serde_json::Value;
use strongroom::{HookArguments, WriterHook};

#[cfg(feature = "compiler")]
use crate::output::Printable;

/// The options that say which.
#[derive(clap::Args)]
#[group(id = "hooks")]
pub struct Hooks {
    /// A WASI component to run around the commit; may be given many times
    ///
    /// It may read the checkpoint's directory and nothing else. If it refuses before the
    /// commit, there is none. docs/hooks.md says how to make one. It takes a build with the
    /// feature `compiler`.
    #[arg(long = "hook", value_name = "FILE.wasm")]
    files: Vec<PathBuf>,

    /// With --hook: an argument for the hooks; VALUE is JSON, or else a text
    #[arg(long = "hook-argument", value_name = "KEY=VALUE", requires = "files", value_parser = key_value)]
    arguments: Vec<(String, Value)>,
}

impl Hooks {
    /// Where the components are.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The components, ready to run.
    pub fn components(&self) -> Result<Vec<Arc<dyn WriterHook>>> {
        self.files.iter().map(|file| Ok(open(file)?)).collect()
    }

    /// What they are told.
    pub fn arguments(&self) -> HookArguments {
        self.arguments.iter().cloned().collect()
    }
}

#[cfg(feature = "compiler")]
fn open(file: &Path) -> strongroom::Result<Arc<dyn WriterHook>> {
    Ok(Arc::new(strongroom::ComponentHook::open(file)?.with_output(note)))
}

#[cfg(not(feature = "compiler"))]
fn open(file: &Path) -> strongroom::Result<Arc<dyn WriterHook>> {
    Err(strongroom::Error::NoCompiler { path: file.into() })
}

/// What a hook prints goes to stderr, as far as a terminal can be trusted with it.
#[cfg(feature = "compiler")]
fn note(text: &str) {
    for line in text.lines() {
        let _ = writeln!(io::stderr(), "{}", Printable(line));
    }
}

fn key_value(text: &str) -> Result<(String, Value), &'static str> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.into(), serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.into()))))
}
