use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use strongroom::{
    Error, Fault, File, Format, SafetensorsOptions, StateDict, TorchOptions, Unfit, WriteFormat,
    WriteOptions, save_with,
};

use crate::context::Context;
use crate::failure::{self, Hint, Usage};
use crate::output::{Printable, plural};

/// The file to write, and how: what `convert` and `load` have in common.
#[derive(clap::Args)]
pub struct Target {
    /// The file to write; its extension says the format: .pt, .pth, .bin, .ckpt or .safetensors
    ///
    /// It appears whole or not at all. What was there before is replaced in one
    /// step, so it may be the input itself, but no part of a checkpoint directory. It
    /// keeps the mode of what it replaces; a link is written through, and a pipe or a
    /// device is written to. Missing directories are made.
    #[arg(value_name = "OUT")]
    path: PathBuf,

    /// Leave out whatever safetensors cannot hold, and write tied tensors out in full
    ///
    /// safetensors holds plain tensors with names and nothing else. Without this
    /// option, anything more is an error; with it, a note on stderr says what was
    /// left out.
    #[arg(long)]
    tensors_only: bool,

    /// A text to keep beside the tensors of a safetensors file; may be given many times
    ///
    /// Texts that the input has are kept, unless one is given anew here.
    #[arg(long = "metadata", value_name = "KEY=VALUE", value_parser = key_value)]
    metadata: Vec<(String, String)>,

    /// List all that was left out, not only the first of it
    #[arg(short, long)]
    verbose: bool,
}

impl Target {
    /// The file to write.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses what cannot work before any work is done.
    pub fn options(&self) -> Result<WriteOptions> {
        let path = self.path.display();
        let Some(mut options) = WriteOptions::for_path(&self.path) else {
            bail!(Usage(format!(
                "{path}: the extension says the format, and should be .pt, .pth, .bin, .ckpt or .safetensors"
            )));
        };
        if self.path.is_dir() {
            bail!(Usage(format!("{path}: is a directory; a file is to be written")));
        }
        match &mut options.format {
            WriteFormat::Safetensors(SafetensorsOptions { tensors_only, .. }) => {
                *tensors_only = self.tensors_only;
            }
            WriteFormat::Torch(_) if self.tensors_only => {
                bail!(Usage(format!("{path}: --tensors-only is for .safetensors: a {TORCH} holds any value")))
            }
            WriteFormat::Torch(_) if !self.metadata.is_empty() => {
                bail!(Usage(format!("{path}: --metadata is for .safetensors: a {TORCH} has no place for it")))
            }
            WriteFormat::Torch(_) => {}
        }
        Ok(options)
    }

    /// Writes `state`, payloads streaming from where they are.
    pub fn write(&self, context: &Context, state: &StateDict<'static>, options: &WriteOptions) -> Result<()> {
        let mut state = state.clone();
        self.set_metadata(&mut state, options);
        let progress = context.writing("writing", state.length());
        let written = save_with(context.engine, &context.store, &self.path, &state, options);
        drop(progress);
        let written = written.map_err(|error| self.explain(error))?;
        self.tell_left_out(&written.left_out);
        Ok(())
    }

    fn set_metadata(&self, state: &mut StateDict<'static>, options: &WriteOptions) {
        if matches!(options.format, WriteFormat::Torch(_)) {
            let lost = state.metadata().len();
            if lost > 0 {
                note(&format!(
                    "note: {} of metadata left out: a {TORCH} has no place for it\n",
                    plural(lost, "entry", "entries")
                ));
            }
            return;
        }
        let mut metadata = state.metadata().to_vec();
        for (key, value) in &self.metadata {
            match metadata.iter_mut().find(|(existing, _)| existing == key) {
                Some((_, existing)) => existing.clone_from(value),
                None => metadata.push((key.clone(), value.clone())),
            }
        }
        state.set_metadata(metadata);
    }

    fn explain(&self, error: Error) -> anyhow::Error {
        let unfit = matches!(&error, Error::Format { fault: Fault::Unrepresentable(_), .. });
        let safetensors = self.path.extension().is_some_and(|extension| extension == "safetensors");
        let error = anyhow::Error::from(error);
        if unfit && safetensors && !self.tensors_only {
            return error
                .context(Hint("--tensors-only leaves these out, and writes tied tensors out in full"));
        }
        error
    }

    fn tell_left_out(&self, left_out: &[Unfit]) {
        if left_out.is_empty() {
            return;
        }
        let most = if self.verbose { usize::MAX } else { SHOWN };
        let path = self.path.display().to_string();
        let mut text = format!(
            "note: {}: {} left out:\n{}",
            Printable(&path),
            plural(left_out.len(), "value", "values"),
            failure::list(left_out, most)
        );
        if left_out.len() > most {
            text.push_str("  (--verbose lists all)\n");
        }
        note(&text);
    }
}

/// What of a torch file's layout another is to have as well.
pub fn keep_layout(options: &mut WriteOptions, file: &File) {
    if let (WriteFormat::Torch(torch), Format::TorchZip) = (&mut options.format, file.format()) {
        torch.checksums = file.has_checksums();
        torch.alignment = file.alignment().unwrap_or(TorchOptions::default().alignment);
    }
}

fn note(text: &str) {
    // A note nobody can read is no failure of the work.
    let _ = io::stderr().write_all(text.as_bytes());
}

fn key_value(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.into(), value.into()))
}

const TORCH: &str = "PyTorch file";

/// Values listed in a note.
const SHOWN: usize = 10;
