use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::ValueEnum;
use serde::Serialize;
use strongroom::store::{Local, Store};
use strongroom::{
    Error, Fault, File, Flattened, Format, SafetensorsOptions, StateDict, TorchOptions, Unfit, WriteFormat,
    WriteOptions, Written, left_out, save_with,
};

use super::extras::is_same;
use super::size;
use crate::context::Context;
use crate::failure::{self, Hint, Usage};
use crate::output::{self, json, note, plural, stdout};

/// The file to write, and how: what `convert` and `load` have in common.
#[derive(clap::Args)]
pub struct Target {
    /// The file to write; its extension says the format: .pt, .pth, .bin, .ckpt or
    /// .safetensors, unless --to does
    ///
    /// It appears whole or not at all. What was there before is replaced in one
    /// step, so it may be the input itself, but no part of a checkpoint directory. It
    /// keeps the mode of what it replaces; a link is written through, and a pipe or a
    /// device is written to. Missing directories are made.
    #[arg(value_name = "OUT")]
    path: PathBuf,

    /// The format to write, whatever the file is called
    #[arg(long, value_enum, value_name = "FORMAT")]
    to: Option<To>,

    /// Leave out whatever safetensors cannot hold, and write tied tensors out in full
    ///
    /// safetensors holds plain tensors with names and nothing else. Without this
    /// option, anything more is an error; with it, a note on stderr says what was
    /// left out. All plain tensors stay, those of an optimizer too; if there is none,
    /// it is an error. (`validate --policy tensors-only` is something else: it judges a file,
    /// and changes nothing.)
    #[arg(long)]
    tensors_only: bool,

    /// A text to keep beside the tensors of a safetensors file; may be given many times
    ///
    /// Texts that the input has are kept, unless one is given anew here.
    #[arg(long = "metadata", value_name = "KEY=VALUE", value_parser = key_value)]
    metadata: Vec<(String, String)>,

    /// Bytes that a safetensors file may have; by default four times what the storages have, and 1G
    ///
    /// Views that show elements again and again, as expanded ones do, are written out in full
    /// there: a file of a kilobyte could ask for terabytes.
    #[arg(long, value_name = "SIZE", value_parser = size::parse, help_heading = "Limits")]
    max_output: Option<usize>,

    /// List all that was left out, not only the first of it
    #[arg(short, long)]
    verbose: bool,

    /// Print what was written as JSON, as docs/json.md describes it
    #[arg(long)]
    json: bool,
}

/// A format to write.
#[derive(Clone, Copy, ValueEnum)]
enum To {
    /// As `torch.save` writes it
    Torch,
    /// safetensors
    Safetensors,
}

impl Target {
    /// The file to write.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses what cannot work before any work is done.
    pub fn options(&self) -> Result<WriteOptions> {
        let path = self.path.display();
        let format = self.to.map(|to| match to {
            To::Torch => WriteFormat::Torch(TorchOptions::default()),
            To::Safetensors => WriteFormat::Safetensors(SafetensorsOptions::default()),
        });
        let asked = format.map(|format| WriteOptions { format, durable: true });
        let Some(mut options) = asked.or_else(|| WriteOptions::for_path(&self.path)) else {
            bail!(Usage(format!(
                "{path}: the extension says the format, and should be .pt, .pth, .bin, .ckpt or .safetensors; \
                 or --to says it"
            )));
        };
        if self.path.is_dir() {
            bail!(Usage(format!("{path}: is a directory; a file is to be written")));
        }
        // What ends with a slash has a name all the same, as far as paths are taken apart.
        if self.path.file_name().is_none() || ends_as_directory(&self.path) {
            bail!(Usage(format!("{path}: is the name of a directory; a file is to be written")));
        }
        match &mut options.format {
            WriteFormat::Safetensors(SafetensorsOptions { tensors_only, .. }) => {
                *tensors_only = self.tensors_only;
            }
            WriteFormat::Torch(_) if self.tensors_only => {
                bail!(Usage(format!("{path}: --tensors-only is for safetensors: a {TORCH} holds any value")))
            }
            WriteFormat::Torch(_) if !self.metadata.is_empty() => {
                bail!(Usage(format!("{path}: --metadata is for safetensors: a {TORCH} has no place for it")))
            }
            WriteFormat::Torch(_) => {}
        }
        Ok(options)
    }

    /// Refuses to write where other things go: among the notes, and the answer in JSON.
    pub fn refuse_streams(&self) -> Result<()> {
        let path = self.path.display();
        if Local::descriptor(&self.path) == Some(1) && stdout::is_closed() {
            bail!(io::Error::new(io::ErrorKind::NotConnected, "it is closed"));
        }
        if is_same(&self.path, Path::new("/dev/null")) {
            return Ok(());
        }
        if is_same(&self.path, Path::new(STDERR)) {
            bail!(Usage(format!("{path}: this is standard error, too, where notes would come between")));
        }
        if self.json && is_same(&self.path, Path::new(STDOUT)) {
            bail!(Usage(format!("{path}: this is standard output, where --json prints what was written")));
        }
        Ok(())
    }

    /// Refuses to write into the input while it is read. It may be replaced.
    pub fn refuse_stream_into(&self, input: &Path) -> Result<()> {
        if is_same(&self.path, input) && Local.is_stream(&self.path)? {
            bail!(Usage(format!(
                "{}: is the input itself, which would be written into, not replaced",
                self.path.display()
            )));
        }
        Ok(())
    }

    /// Writes `state`, payloads streaming from where they are.
    pub fn write(
        &self,
        out: &mut dyn Write,
        context: &Context,
        state: &StateDict<'static>,
        options: &WriteOptions,
    ) -> Result<()> {
        self.refuse_too_much(state, options)?;
        let mut state = state.clone();
        let lost = self.set_metadata(&mut state, options);
        let progress = context.writing("writing", state.length());
        let written = save_with(&context.engine, &context.store, &self.path, &state, options);
        drop(progress);
        let written = written.map_err(|error| self.explain(error, context, &state, options))?;
        if lost > 0 {
            let lost = plural(lost, "entry", "entries");
            let path = self.path.display();
            note(&format!("{path}: {lost} of metadata left out: a {TORCH} has no place for it"));
        }
        self.tell_left_out(&written.left_out);
        self.tell_flattened(written.flattened);
        if self.json {
            json::write(out, &Answer::new(self, options, &written, lost))?;
        }
        Ok(())
    }

    /// Refuses to write tensors out that have far more elements than there are bytes of.
    fn refuse_too_much(&self, state: &StateDict<'static>, options: &WriteOptions) -> Result<()> {
        if matches!(options.format, WriteFormat::Torch(_)) {
            return Ok(());
        }
        let usual = state.length().saturating_mul(4).saturating_add(1 << 30);
        let most = self.max_output.map_or(usual, |most| most as u64);
        let full = state.written_out();
        if full > most {
            let (path, full, most) = (self.path.clone(), output::grouped(full), output::grouped(most));
            let reason =
                format!("its tensors have {full} bytes, written out in full, where {most} may be written");
            bail!(Error::Stopped { path, reason, limit: Some("output") });
        }
        Ok(())
    }

    /// Answers how many entries have no place in the file.
    fn set_metadata(&self, state: &mut StateDict<'static>, options: &WriteOptions) -> usize {
        if matches!(options.format, WriteFormat::Torch(_)) {
            return state.metadata().len();
        }
        let mut metadata = state.metadata().to_vec();
        for (key, value) in &self.metadata {
            match metadata.iter_mut().find(|(existing, _)| existing == key) {
                Some((_, existing)) => existing.clone_from(value),
                None => metadata.push((key.clone(), value.clone())),
            }
        }
        state.set_metadata(metadata);
        0
    }

    fn explain(
        &self,
        error: Error,
        context: &Context,
        state: &StateDict<'static>,
        options: &WriteOptions,
    ) -> anyhow::Error {
        let unfit = matches!(&error, Error::Format { fault: Fault::Unrepresentable(_), .. });
        let mut options = options.clone();
        let error = anyhow::Error::from(error);
        let WriteFormat::Safetensors(safetensors) = &mut options.format else { return error };
        if !unfit || safetensors.tensors_only {
            return error;
        }
        safetensors.tensors_only = true;
        // It helps only if something is left then.
        match left_out(&context.engine, &self.path, state, &options) {
            Ok(_) => {
                error.context(Hint("--tensors-only leaves these out, and writes tied tensors out in full"))
            }
            Err(_) => error,
        }
    }

    fn tell_left_out(&self, left_out: &[Unfit]) {
        if left_out.is_empty() {
            return;
        }
        let most = if self.verbose { usize::MAX } else { SHOWN };
        note(&format!("{}: {} left out:", self.path.display(), plural(left_out.len(), "value", "values")));
        let mut text = failure::list(left_out, most);
        if left_out.len() > most {
            text.push_str("  (--verbose lists all)\n");
        }
        // A note nobody can read is no failure of the work.
        let _ = io::stderr().write_all(text.as_bytes());
    }

    fn tell_flattened(&self, flattened: Flattened) {
        let Flattened { parameters, requires_grad, tied, partly_shown, .. } = flattened;
        let said = [
            (parameters, plural(parameters, "tensor was a parameter", "tensors were parameters")),
            (requires_grad, plural(requires_grad, "tensor required grad", "tensors required grad")),
            (tied, plural(tied, "tensor shared memory with another", "tensors shared memory with others")),
        ];
        let said: Vec<String> =
            said.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text).collect();
        if !said.is_empty() {
            note(&format!("{} does not say that {}", self.path.display(), listed(&said)));
        }
        if partly_shown > 0 {
            let storages = plural(partly_shown, "storage", "storages");
            note(&format!(
                "{} does not hold elements of {storages} that no tensor shows",
                self.path.display()
            ));
        }
    }
}

/// What was written, in JSON as `docs/json.md` describes it.
#[derive(Serialize)]
struct Answer {
    path: String,
    format: &'static str,
    bytes: u64,
    left_out: Vec<LeftOut>,
    metadata_left_out: usize,
    flattened: Plain,
}

/// What the tensors that were written are no more.
#[derive(Serialize)]
struct Plain {
    parameters: usize,
    requires_grad: usize,
    tied: usize,
    partly_shown: usize,
}

/// A value that was left out.
#[derive(Serialize)]
struct LeftOut {
    path: String,
    reason: String,
}

impl Answer {
    fn new(target: &Target, options: &WriteOptions, written: &Written, metadata_left_out: usize) -> Self {
        let left_out =
            |Unfit { path, reason }: &Unfit| LeftOut { path: path.clone(), reason: reason.clone() };
        Self {
            path: target.path.display().to_string(),
            format: match options.format {
                WriteFormat::Torch(_) => "torch-zip",
                WriteFormat::Safetensors(_) => "safetensors",
            },
            bytes: written.length,
            left_out: written.left_out.iter().map(left_out).collect(),
            metadata_left_out,
            flattened: Plain {
                parameters: written.flattened.parameters,
                requires_grad: written.flattened.requires_grad,
                tied: written.flattened.tied,
                partly_shown: written.flattened.partly_shown,
            },
        }
    }
}

/// What of a torch file's layout another is to have as well.
pub fn keep_layout(options: &mut WriteOptions, file: &File) {
    if let (WriteFormat::Torch(torch), Format::TorchZip) = (&mut options.format, file.format()) {
        torch.checksums = file.has_checksums();
        // The padding of one record has no room for more.
        torch.alignment = file.alignment().unwrap_or(TorchOptions::default().alignment).min(WIDEST);
    }
}

/// The widest alignment that is written.
const WIDEST: u32 = 32768;

/// `a, b and c`.
fn listed(texts: &[String]) -> String {
    match texts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Whether a path says by its end that it is one of a directory: `new/` or `new/.`.
fn ends_as_directory(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.ends_with(b"/") || bytes.ends_with(b"/.")
}

fn key_value(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.into(), value.into()))
}

/// The streams of this process that others read.
const STDOUT: &str = "/proc/self/fd/1";
const STDERR: &str = "/proc/self/fd/2";

const TORCH: &str = "PyTorch file";

/// Values listed in a note.
const SHOWN: usize = 10;
