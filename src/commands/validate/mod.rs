mod automaton;
mod baseline;
mod config;
mod filter;
mod gate;
mod groups;
mod help;
mod identity;
mod in_toto;
mod json;
mod names;
mod nothing;
mod outputs;
mod sarif;
mod scan;
mod summary;
mod text;
mod walk;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use globset::Glob;
use strongroom::ValidateOptions;
use strongroom::validate::Level;

use crate::commands::{duration, size};
use crate::context::Context;
use crate::failure::Usage;
use crate::output::note;
use baseline::Baseline;
use config::Config;
use filter::{Filter, Listed, Patterns};
use gate::{Accept, FailOn, Gate};
use help::AFTER;
use outputs::{Findings, Format, Output};
use summary::Summary;
use text::{Only, View};

/// Judge whether checkpoint files are only data, and say what in them is not
///
/// A PyTorch file is a program that `torch.load` runs: whoever made it can run commands
/// on the machine that opens it. This looks at what a file would do, executes nothing of
/// it, and needs no Python. It knows PyTorch files of all ages, TorchScript, safetensors,
/// GGUF, pickles, numpy files and directories of torch.distributed.checkpoint, by their bytes
/// and whatever they are called, also inside zip and tar archives.
///
/// A file is safe if every byte of it is accounted for and all its instructions build
/// data: tensors, numbers, texts, containers of them, and objects of classes that are
/// proven harmless for the arguments they have. There is no list of bad names: what is not
/// proven is not safe.
#[derive(clap::Args)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// The files to judge, and directories of them, which are searched through
    ///
    /// What git keeps in `.git` is left out, unless that is given itself. A file that several paths
    /// lead to is judged once for each name that it has there, as what is looked for goes by the
    /// name; the other paths are listed. What is not there or cannot be read never passes.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// Judge only files whose path in the directory is like this; may be given many times
    ///
    /// `*` stands for anything, slashes too; `?` for one character; `{a,b}` for one or the
    /// other. Without it, all files are judged: names say nothing about what is in them. A file
    /// that is given itself has the path that is given. Links to directories are followed, and
    /// a file is judged if any path to it is like this.
    #[arg(long, value_name = "GLOB")]
    include: Vec<Glob>,

    /// Leave out files whose path in the directory is like this; may be given many times
    ///
    /// What another path leads to as well, over a link, is judged by that one.
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<Glob>,

    /// Succeed where there is no file, or --include and --exclude, or those of strongroom.toml, leave none
    ///
    /// For hooks, which are given what has changed. A path that is not there fails all the same.
    #[arg(long)]
    pass_with_no_files: bool,

    /// How to print what was found: docs/validation.md describes each
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,

    /// Write what was found to a file besides, as in sarif=found.sarif; may be given many times
    ///
    /// The formats are those of --format. Each file appears whole, when all is judged, or not at
    /// all. Folders that are missing are made. A file is not written through a link inside what is
    /// judged.
    #[arg(long, value_name = "FORMAT=FILE")]
    output: Vec<Output>,

    /// The level that every file must reach: no-code, weights-only or tensors-only
    ///
    /// `no-code`, the default: loading and using it runs no code of the file's choice.
    /// `weights-only`: `torch.load(weights_only=True)` of torch 2.15 builds it too.
    /// `tensors-only`: tensors, numbers, texts and containers of them, and no classes at all.
    /// Each has all of the next, and the report says which a file reaches: one that needs --allow
    /// reaches the first at most. (`convert --tensors-only` is something else: it leaves out
    /// what is no tensor.)
    #[arg(long, value_name = "LEVEL", alias = "policy")]
    require: Option<Level>,

    /// The mildest verdict that makes the command fail; unverified, and so all, if not said
    ///
    /// What is safe and does not reach the level required always fails, and so does what cannot be
    /// read.
    #[arg(long, value_enum, value_name = "VERDICT")]
    fail_on: Option<FailOn>,

    /// Pass files that have nothing against them but this, and list it; may be given many times
    ///
    /// Several at once: `code,onnx`.
    /// `code` is source code, and what makes a loader run some. The others are formats that are
    /// known by name and not judged: whoever passes one trusts the programs that open it.
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    accept: Vec<Accept>,

    /// A class or function that may be used besides, by its full name; may be given many times
    ///
    /// Several at once: `a.B,c.D`.
    /// Only what you know to be harmless with any arguments: `os.system` is not. There are no
    /// wildcards. A note names what no file needed.
    #[arg(long, value_name = "MODULE.NAME", value_delimiter = ',')]
    allow: Vec<String>,

    /// Pass what this file knows of each file, by its SHA-256; a file that changed is judged anew
    ///
    /// --write-baseline makes it. It knows nothing of the level: what does not reach the one
    /// required fails.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Write all that is against the files to a file for --baseline
    ///
    /// The exit code is what it is without it. What cannot be read is not in it. Folders that are
    /// missing are made.
    #[arg(long, value_name = "FILE")]
    write_baseline: Option<PathBuf>,

    /// Take what is not said here from this file
    ///
    /// Otherwise it is taken from `strongroom.toml`, if there is one in the working directory or
    /// the nearest above. docs/validation.md says what is in it. Its
    /// patterns count from where it lies, and those of FILE from the working directory.
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    config: Option<PathBuf>,

    /// Take nothing from a `strongroom.toml`
    #[arg(long)]
    no_config: bool,

    /// Memory that judging one file may take: 64M, 1G; what takes more is unverified. 512M if not
    /// said
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    max_memory: Option<usize>,

    /// Time that judging one file may take, reading aside: 500ms, 1m; what takes longer is
    /// unverified. 10s if not said
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    timeout: Option<Duration>,

    /// Read the tensors' data as well: verify checksums, and count NaN and infinite values
    #[arg(long)]
    deep: bool,

    /// Compute each file's SHA-256, of the bytes that were judged
    #[arg(long)]
    digest: bool,

    /// Show only these files in the text; all are counted
    #[arg(long, value_enum, value_name = "WHICH", overrides_with = "only")]
    only: Option<Only>,

    /// Show notes too: what is worth knowing and no reason against a file
    #[arg(short, long)]
    verbose: bool,
}

impl Args {
    /// Judges, prints, and answers the exit code.
    pub fn exec(mut self, out: &mut dyn Write) -> Result<u8> {
        let filter = match self.config_file()? {
            None => self.filter(None)?,
            Some(path) => {
                let config = Config::read(&path)?;
                let filter = self.filter(Some((&path, &config)))?;
                self.fill(config, &path);
                self.tell(&path);
                filter
            }
        };
        let options = self.options()?;
        let gate = self.gate()?;
        outputs::are_apart(self.written())?;
        outputs::lead_out_of_none(self.written(), &self.paths)?;
        let found = walk::find(&self.paths, &filter);
        nothing::check(&found, &self.paths, &filter, self.pass_with_no_files)?;
        let subjects = found.subjects;
        let context = Context::start()?;
        let rules = strongroom::rules()?;
        let summary = Summary::new(gate.required);
        let view = View { verbose: self.verbose, digests: self.digest, only: self.only };
        let format = self.format();
        let is_kept = format != Format::Text || !self.output.is_empty() || self.write_baseline.is_some();
        let mut files = Vec::new();
        scan::run(&context, &subjects, &options, |reports| {
            for (report, subject) in reports.zip(&subjects) {
                let judged = gate.judge(report, subject.links.clone());
                summary.count(&judged, view.shows(&judged));
                if format == Format::Text && view.shows(&judged) {
                    text::one(out, &judged, gate.required, view)?;
                    // Judging the next may take a while, and who waits wants to see this.
                    out.flush()?;
                }
                if is_kept {
                    files.push(judged);
                }
            }
            Ok(())
        })?;
        let findings = Findings { files: &files, summary: &summary, rules: &rules, view };
        match format {
            Format::Text => text::end(out, &summary, &rules, view)?,
            format => findings.write(format, out)?,
        }
        outputs::replace_no_model(self.written(), &files)?;
        self.output.iter().try_for_each(|output| findings.save(output, &context.store))?;
        if let Some(path) = &self.write_baseline {
            outputs::save(&context.store, path, &Baseline::of(&files).write()?)?;
        }
        out.flush()?;
        for name in summary.unneeded(&self.allow) {
            note(&format!("--allow {name}: no file that was judged needs it"));
        }
        Ok(summary.exit_code())
    }

    /// The files that are written.
    fn written(&self) -> impl Iterator<Item = &Path> {
        self.output.iter().map(|output| &output.file).chain(&self.write_baseline).map(PathBuf::as_path)
    }

    fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }

    fn writes(&self, format: Format) -> bool {
        self.format() == format || self.output.iter().any(|output| output.format == format)
    }

    fn config_file(&self) -> Result<Option<PathBuf>> {
        match &self.config {
            Some(path) => Ok(Some(path.clone())),
            None if self.no_config => Ok(None),
            None => config::find(),
        }
    }

    /// Says that a file decides on what was not said.
    fn tell(&self, path: &Path) {
        let shown = path.display();
        note(&format!("what is not said on the command line is as {shown} says"));
        if self.config.is_none() && self.judges(path) {
            note(&format!(
                "{shown} is inside what is judged: if that is not yours, --no-config takes nothing from it"
            ));
        }
    }

    /// Whether a file is inside what is judged.
    fn judges(&self, file: &Path) -> bool {
        let file = fs::canonicalize(file).unwrap_or_else(|_| file.into());
        self.paths.iter().filter_map(|path| fs::canonicalize(path).ok()).any(|path| file.starts_with(path))
    }

    fn filter(&self, config: Option<(&Path, &Config)>) -> Result<Filter> {
        let directory = config.map_or(Path::new("."), |(file, _)| self.counted(file));
        let listed = |globs: fn(&Config) -> &[Glob]| {
            config.map(|(file, config)| Listed { globs: globs(config), file, directory })
        };
        Ok(Filter {
            include: Patterns::new("include", &self.include, listed(|config| &config.include))?,
            exclude: Patterns::new("exclude", &self.exclude, listed(|config| &config.exclude))?,
        })
    }

    /// The directory that paths in a file count from. One that is given may be a copy from elsewhere, of
    /// what is meant for here.
    fn counted<'p>(&self, file: &'p Path) -> &'p Path {
        if self.config.is_none() { file.parent().unwrap_or(file) } else { Path::new(".") }
    }

    /// Takes what the command line does not say.
    fn fill(&mut self, config: Config, file: &Path) {
        fn list<T>(said: &mut Vec<T>, config: Vec<T>) {
            if said.is_empty() {
                *said = config;
            }
        }
        let Config { require, allow, accept, fail_on, baseline, max_memory, timeout, .. } = config;
        let baseline = baseline.map(|path| self.counted(file).join(path));
        self.baseline = self.baseline.take().or(baseline);
        self.require = self.require.or(require);
        self.fail_on = self.fail_on.or(fail_on);
        self.max_memory = self.max_memory.or(max_memory);
        self.timeout = self.timeout.or(timeout);
        list(&mut self.allow, allow);
        list(&mut self.accept, accept);
    }

    fn gate(&self) -> Result<Gate> {
        Ok(Gate {
            required: self.require.unwrap_or_default(),
            fail_on: self.fail_on.unwrap_or(FailOn::Unverified),
            accept: self.accept.clone(),
            baseline: self.baseline.as_deref().map(Baseline::read).transpose()?,
        })
    }

    fn options(&self) -> Result<ValidateOptions> {
        let usual = ValidateOptions::default();
        let options = ValidateOptions {
            allow: self.allow.clone(),
            memory: self.max_memory.unwrap_or(usual.memory),
            timeout: self.timeout.unwrap_or(usual.timeout),
            deep: self.deep,
            digest: self.digest
                || self.baseline.is_some()
                || self.write_baseline.is_some()
                || self.writes(Format::InToto),
            digest_of_code: self.writes(Format::Sarif),
        };
        options.check().map_err(|error| Usage(error.to_string()))?;
        Ok(options)
    }
}
