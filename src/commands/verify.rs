use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use strongroom::Verified;

use crate::output::{Printable, plural, size};
use crate::session::Session;

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
        let session = Session::start()?;
        let check = if self.path.is_dir() { directory } else { file };
        let verified = check(&session, &self.path)?;
        let path = self.path.display().to_string();
        Ok(writeln!(out, "{}: {}", Printable(&path), verdict(verified))?)
    }
}

fn file(session: &Session, path: &Path) -> Result<Verified> {
    let file = session.open(path)?;
    let _progress = session.reading("verifying", file.state().length());
    Ok(file.verify()?)
}

fn directory(session: &Session, path: &Path) -> Result<Verified> {
    let checkpoint = session.checkpoint(path)?;
    let record = checkpoint.record();
    let total = record.ranks.iter().chain(&record.outline).map(|file| file.length).sum();
    let _progress = session.reading("verifying", total);
    Ok(checkpoint.verify()?)
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
