mod json;
mod sarif;
mod scan;
mod summary;
mod text;
mod walk;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::ValueEnum;
use globset::Glob;
use strongroom::ValidateOptions;
use strongroom::validate::Level;

use crate::commands::size;
use crate::context::Context;
use crate::failure::Usage;
use crate::output::note;
use summary::Summary;
use walk::Filter;

/// Judge whether checkpoint files are only data, and say what in them is not
///
/// A PyTorch file is a program that `torch.load` runs: whoever made it can run commands
/// on the machine that opens it. This looks at what a file would do, executes nothing of
/// it, and needs no Python. It knows PyTorch files of all ages, TorchScript, safetensors,
/// pickles and numpy files, by their bytes and whatever they are called, also inside zip
/// archives.
///
/// A file is safe if every byte of it is accounted for and all its instructions build
/// data: tensors, numbers, texts, containers of them, and objects of classes that are
/// proven harmless for the arguments they have. There is no list of bad names: what is not
/// proven is not safe.
#[derive(clap::Args)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// The files to judge, and directories of them, which are searched through
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// Judge only files whose path in the directory is like this; may be given many times
    ///
    /// `*` stands for anything, slashes too; `?` for one character; `{a,b}` for one or the
    /// other. Without it, all files are judged: names say nothing about what is in them.
    #[arg(long, value_name = "GLOB")]
    include: Vec<Glob>,

    /// Leave out files whose path in the directory is like this; may be given many times
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<Glob>,

    /// How to print what was found: docs/validation.md describes each
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,

    /// The level that every file must reach: no-code, weights-only or tensors-only
    ///
    /// `no-code`: loading and using it runs no code of the file's choice. `weights-only`:
    /// `torch.load(weights_only=True)` of torch 2.15 builds it too. `tensors-only`: tensors,
    /// numbers, texts and containers of them, and no classes at all, nor --allow. Each has all of
    /// the next, and the report says which a file reaches. (`convert --tensors-only` is
    /// something else: it leaves out what is no tensor.)
    #[arg(long, value_name = "LEVEL", default_value_t = Level::NoCode, hide_default_value = false, alias = "policy")]
    require: Level,

    /// A class or function that may be used besides, by its full name; may be given many times
    ///
    /// Only what you know to be harmless with any arguments: `argparse.Namespace` is,
    /// `os.system` is not. There are no wildcards. A note names what no file needed.
    #[arg(long, value_name = "MODULE.NAME")]
    allow: Vec<String>,

    /// Memory that judging one file may take: 64M, 1G; what takes more is unverified
    #[arg(long, value_name = "SIZE", default_value = "512M", value_parser = size::parse)]
    max_memory: usize,

    /// Time that judging one file may take, reading aside: 500ms, 1m; what takes longer is unverified
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    timeout: Duration,

    /// Read the tensors' data as well: verify checksums, and count NaN and infinite values
    #[arg(long)]
    deep: bool,

    /// Show notes too: what is worth knowing and no reason against a file
    #[arg(short, long)]
    verbose: bool,
}

/// How to print what was found.
#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
    /// SARIF 2.1.0, as GitHub's code scanning takes it
    Sarif,
}

impl Args {
    /// Judges, prints, and answers the exit code.
    pub fn exec(self, out: &mut dyn Write) -> Result<u8> {
        let options = self.options()?;
        let subjects = walk::find(&self.paths, &Filter::new(&self.include, &self.exclude)?);
        if subjects.is_empty() {
            let paths: Vec<String> = self.paths.iter().map(|path| path.display().to_string()).collect();
            bail!(Usage(format!("{}: there is no file to judge here", paths.join(", "))));
        }
        let context = Context::start()?;
        let rules = strongroom::rules()?;
        let summary = Summary::new(self.require);
        scan::run(&context, &subjects, &options, |reports| {
            let reports = &mut reports.inspect(|report| summary.count(report));
            match if self.json { Format::Json } else { self.format } {
                Format::Text => text::write(out, reports, &summary, &rules, self.verbose),
                Format::Json => json::write(out, reports, &summary),
                Format::Sarif => sarif::write(out, reports, &summary, &rules),
            }
        })?;
        out.flush()?;
        for name in summary.unneeded(&self.allow) {
            note(&format!("--allow {name}: no file that was judged needs it"));
        }
        Ok(summary.exit_code())
    }

    fn options(&self) -> Result<ValidateOptions> {
        let options = ValidateOptions {
            allow: self.allow.clone(),
            memory: self.max_memory,
            timeout: self.timeout,
            deep: self.deep,
        };
        options.check().map_err(|error| Usage(error.to_string()))?;
        if self.require == Level::TensorsOnly && !self.allow.is_empty() {
            bail!(Usage(
                "the level tensors-only has no classes and functions: --allow has no place there".into()
            ));
        }
        Ok(options)
    }
}

const AFTER: &str = "\
Verdicts, from best to worst; the worst finding decides:
  safe        all of it is accounted for, and it only builds data: at the level said
  inert       no reader of models opens it: a text, an image
  trusting    as safe, but for names that --allow has: `safe, trusting 2 names`
  unverified  a limit was reached, it is of a kind not known, or it cannot be read
  malformed   readers may disagree on it or fail: what one sees is not what all see
  unsafe      it would run or import something that is not allowed

Exit codes:
  0   all files are safe at the level required or a stricter one, or inert
  1   a file is unsafe or malformed, or does not reach the level required
  2   no file is, but one is unverified
  3   the output cannot be written
  4   the sandbox cannot be set up
  64  the command line is wrong, or there was nothing to judge

Examples:
  One file, before it is loaded:
    strongroom validate model.pt && python train.py model.pt

  All that was downloaded, with checksums and a count of NaN values:
    strongroom validate --deep ~/.cache/huggingface

  Only what is a model by its name, for GitHub's code scanning:
    strongroom validate . --include '*.{pt,pth,bin,ckpt,pkl,safetensors}' --format sarif > found.sarif

  The names of all files that are not safe, by way of jq:
    strongroom validate models --format json | jq -r '.files[] | select(.verdict != \"safe\").path'";
