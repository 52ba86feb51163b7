//! What is said where there is nothing to judge, or less than was asked for.

use std::path::PathBuf;

use anyhow::{Error, Result, bail};

use super::filter::{Filter, LeftOut};
use super::walk::Found;
use crate::failure::{Hint, Usage};
use crate::output::{note, plural};

/// Refuses to judge nothing, unless that is meant so.
pub fn check(found: &Found, paths: &[PathBuf], filter: &Filter, may_be_empty: bool) -> Result<()> {
    if found.missing == paths.len() {
        bail!(Usage(format!("{}: there is no such file or directory", listed(paths))));
    }
    if !found.subjects.is_empty() {
        // Beside others it might go unseen that a download left nothing.
        if !found.empty.is_empty() {
            note(&format!("{}: there is no file to judge here", listed(&found.empty)));
        }
        if !found.named.is_empty() {
            note(&left_out("file that was given", "files that were given", &found.named, filter));
        } else if !found.left_out.is_empty() {
            note(&left_out("file", "files", &found.left_out, filter));
        }
        return Ok(());
    }
    if found.left_out.is_empty() && may_be_empty && found.missing == 0 {
        note(&format!("{}: there is no file to judge here", listed(paths)));
        return Ok(());
    }
    if found.left_out.is_empty() {
        bail!(Usage(format!("{}: there is no file to judge here", listed(paths))));
    }
    let why = format!("{}: {}", listed(paths), left_out("file", "files", &found.left_out, filter));
    if may_be_empty {
        note(&format!("{why}, and none is left"));
        return Ok(());
    }
    bail!(Error::new(Usage(format!("{why}, and there is no file to judge"))).context(MEANT))
}

/// How many files are left out, and by what.
fn left_out(one: &str, many: &str, files: &[LeftOut], filter: &Filter) -> String {
    let by = [LeftOut::ByInclude, LeftOut::ByExclude].into_iter().filter(|by| files.contains(by));
    let by: Vec<String> = by.map(|by| filter.patterns(by).to_string()).collect();
    let are = if files.len() == 1 { "is" } else { "are" };
    format!("{} {are} left out by {}", plural(files.len(), one, many), by.join(" and "))
}

/// The first few paths: hooks give hundreds.
fn listed(paths: &[PathBuf]) -> String {
    let shown: Vec<String> = paths.iter().take(SHOWN).map(|path| path.display().to_string()).collect();
    match paths.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

const SHOWN: usize = 3;

const MEANT: Hint = Hint("where that is meant, as in a hook, --pass-with-no-files makes it a success");
