//! What a file holds beside the state dict, which writing it again leaves out.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Result, bail};
use strongroom::{File, WriteFormat};

use crate::failure::{self, Hint, Unsuitable};
use crate::output::{note, plural};

/// Says what of `file` the output does not have.
pub fn tell(file: &File) {
    if file.extras().is_empty() {
        return;
    }
    let count = plural(file.extras().len(), "part that is no value", "parts that are no values");
    note(&format!("{}: {count} left out:", file.path().display()));
    // A note nobody can read is no failure of the work.
    let _ = io::stderr().write_all(failure::list(file.extras(), SHOWN).as_bytes());
}

/// Says for how many strings `torch.load` of the output has no use for the encoding that it
/// may take to load the input.
pub fn tell_of_undecoded(file: &File) {
    let count = usize::try_from(file.undecoded()).unwrap_or(usize::MAX);
    if count > 0 {
        note(&format!(
            "{}: {}, and the file does not say their encoding: UTF-8 is read as text, as `torch.load` does, and \
             all else kept as bytes; where it is known, `torch.load(FILE, encoding=\"latin1\")` and torch.save keep \
             texts",
            file.path().display(),
            undecoded(count)
        ));
    }
}

/// Refuses to write over the only file that has them, or metadata for which `format` has no
/// place.
pub fn refuse_in_place(file: &File, output: &Path, format: &WriteFormat) -> Result<()> {
    let mut parts: Vec<String> =
        file.extras().iter().map(|part| format!("{} ({})", part.path, part.reason)).collect();
    let metadata = file.state().metadata();
    if !metadata.is_empty() && matches!(format, WriteFormat::Torch(_)) {
        parts.push(format!("{} of metadata", plural(metadata.len(), "entry", "entries")));
    }
    let partly_shown = file.state().partly_shown();
    if partly_shown > 0 && matches!(format, WriteFormat::Safetensors(_)) {
        parts.push(format!(
            "elements of {} that no tensor shows",
            plural(partly_shown, "storage", "storages")
        ));
    }
    if file.undecoded() > 0 {
        let count = usize::try_from(file.undecoded()).unwrap_or(usize::MAX);
        parts.push(format!("{}, which it may take an encoding to read", undecoded(count)));
    }
    if parts.is_empty() || !is_same(file.path(), output) {
        return Ok(());
    }
    let more = match parts.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    parts.truncate(NAMED);
    let reason = format!(
        "{}: it is not replaced, as it holds what the new file would not: {}{more}",
        output.display(),
        parts.join("; ")
    );
    bail!(anyhow::Error::new(Unsuitable(reason)).context(Hint("write another file, or --discard-extras")))
}

fn undecoded(count: usize) -> String {
    plural(count, "string of Python 2 that is not ASCII", "strings of Python 2 that are not ASCII")
}

/// Whether two paths lead to one file.
pub fn is_same(input: &Path, output: &Path) -> bool {
    let identity = |path| fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino())).ok();
    identity(input).is_some_and(|input| identity(output) == Some(input))
}

/// Parts listed in a note.
const SHOWN: usize = 10;

/// Parts named in an error.
const NAMED: usize = 3;
