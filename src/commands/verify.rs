use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use strongroom::Verified;

use crate::context::Context;
use crate::output::{Printable, plural, size};

/// Check that a checkpoint is whole: its structure, and every checksum it has
///
/// Each file of a checkpoint directory is compared with the record of what was
/// committed as well. The answer is one line, and the exit code: 0 if all is well, 1 if not.
#[derive(clap::Args)]
pub struct Args {
    /// The file or checkpoint directory to check
    #[arg(value_name = "FILE|DIR")]
    path: PathBuf,
}

impl Args {
    /// Checks, and says what was.
    pub fn exec(self, out: &mut dyn Write) -> Result<()> {
        let context = Context::start()?;
        let verified = match self.path.is_dir() {
            true => context.verify_all(&context.checkpoint(&self.path)?)?,
            false => context.verify(&context.open(&self.path)?)?,
        };
        let path = self.path.display().to_string();
        Ok(writeln!(out, "{}: {}", Printable(&path), verdict(verified))?)
    }
}

fn verdict(Verified { storages, bytes, unchecked }: Verified) -> String {
    let checked =
        format!("{} of {} have the right checksum", plural(storages, "storage", "storages"), size(bytes));
    match (storages, unchecked) {
        (0, 0) => "ok: the structure is right, and there is no tensor data".into(),
        (0, _) => "ok: the structure is right; there are no checksums of tensor data".into(),
        (_, 0) => format!("ok: the structure is right, and {checked}"),
        _ => {
            let unchecked = plural(unchecked, "storage", "storages");
            format!("ok: the structure is right, and {checked}; {unchecked} have none")
        }
    }
}
