//! The command line: one module per command, each an `Args` whose docs are the help.

pub mod caps;
mod checkpoint_process;
mod completions;
mod component;
mod convert;
mod duration;
mod each;
mod extras;
mod inspect;
mod keep;
mod latest;
mod list;
mod load;
mod man;
mod part;
mod place;
mod prune;
mod rules;
mod save;
mod size;
mod target;
mod validate;
mod verify;
mod version;

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::failure;

/// Reads, writes and checks machine-learning checkpoints: PyTorch's .pt files,
/// safetensors, and directories with a file for each rank.
///
/// Whatever understands the bytes of a file runs in a WebAssembly sandbox, and
/// nothing in a file is ever executed: it is safe to look into a checkpoint from
/// anywhere.
#[derive(Parser)]
#[command(
    name = "strongroom",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    after_help = "`strongroom --help` shows examples and exit codes, `strongroom help COMMAND` all about a command.",
    after_long_help = format!("{EXAMPLES}\n\n{}", failure::CODES)
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// A component to read, write and judge with, in place of the one that strongroom ships
    ///
    /// It is compiled first, at each start, which takes a second or two and a build with the
    /// feature `compiler`. For those who distrust machine code that others made, and who test
    /// components.
    #[arg(long, global = true, value_name = "FILE.wasm", hide_short_help = true)]
    component: Option<PathBuf>,
}

impl Cli {
    /// Does what was asked for, and answers the exit code.
    pub fn exec(self, out: &mut dyn Write) -> Result<u8> {
        if let Some(component) = &self.component {
            component::share(component)?;
        }
        self.command.exec(out)
    }
}

/// What the command can do.
#[derive(Subcommand)]
pub enum Command {
    Inspect(inspect::Args),
    Convert(convert::Args),
    Verify(verify::Args),
    Validate(validate::Args),
    Rules(rules::Args),
    Save(save::Args),
    Load(load::Args),
    Latest(latest::Args),
    List(list::Args),
    Prune(prune::Args),
    CheckpointProcess(checkpoint_process::Args),
    Completions(completions::Args),
    Man(man::Args),
    Version(version::Args),
}

impl Command {
    /// Does it, and answers the exit code. Results go to `out`, which is standard
    /// output; notes to stderr.
    pub fn exec(self, out: &mut dyn Write) -> Result<u8> {
        match self {
            Self::Validate(args) => return args.exec(out),
            Self::Inspect(args) => return args.exec(out),
            Self::Verify(args) => return args.exec(out),
            Self::Prune(args) => return args.exec(out),
            Self::Rules(args) => args.exec(out),
            Self::Convert(args) => args.exec(out),
            Self::Save(args) => args.exec(out),
            Self::Load(args) => args.exec(out),
            Self::Latest(args) => args.exec(out),
            Self::List(args) => args.exec(out),
            Self::CheckpointProcess(args) => args.exec(),
            Self::Completions(args) => args.exec(out),
            Self::Man(args) => args.exec(out),
            Self::Version(args) => args.exec(out),
        }?;
        Ok(0)
    }
}

const EXAMPLES: &str = "\
Examples:
  Look into a file:
    strongroom inspect model.pt
    strongroom inspect model.pt --filter 'encoder.*'
    strongroom inspect model.pt --json

  Check that a file from elsewhere is only data, before anything opens it:
    strongroom validate model.pt

  Make a safetensors file of a PyTorch file, or the other way round:
    strongroom convert model.pt model.safetensors
    strongroom convert checkpoint.pt weights.safetensors --tensors-only
    strongroom convert model.safetensors model.pt

  Share a checkpoint over the files of four ranks, and bring it together again:
    strongroom save checkpoint.pt run/step-100 --ranks 4
    strongroom load run/step-100 whole.pt

  Check that a file, or the newest checkpoint of a run, is whole:
    strongroom verify model.pt
    strongroom verify \"$(strongroom latest run)\"";
