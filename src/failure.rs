//! How the command fails: one line that says what, where and why, a hint what to
//! do about it, and an exit code that tells scripts what kind of failure it was.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use strongroom::{Error, Fault, Unfit};

use crate::output::{Printable, plural};

/// The exit codes, as the help shows them.
pub const CODES: &str = "\
Exit codes:
  0  success
  1  the file or checkpoint is damaged, malformed, missing a part, or cannot be
     represented in the format asked for; or a hook refused it
  2  the command line is wrong
  3  the operating system refused: no such file, no permission, no space
  4  a limit was reached, or the sandbox stopped the work
  5  another rank failed or did not come, or the ranks cannot meet
  129, 130, 143  ended by SIGHUP, Ctrl-C or SIGTERM: what was not finished is removed
`validate` has its own: `strongroom validate --help` shows them.";

/// A command line that clap cannot know to be wrong.
#[derive(Debug)]
pub struct Usage(pub String);

/// A checkpoint that is not what was asked for.
#[derive(Debug)]
pub struct Unsuitable(pub String);

/// What to do about an error, attached to it as context.
#[derive(Debug)]
pub struct Hint(pub &'static str);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Unsuitable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Usage {}
impl std::error::Error for Unsuitable {}

/// Says on stderr what went wrong, and answers the exit code for it.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    let mut text = format!("error: {}\n", message(error));
    if let Some(hint) = hint(error) {
        text.push_str("hint: ");
        text.push_str(hint);
        text.push('\n');
    }
    // Nobody is left to tell if this fails.
    let _ = io::stderr().write_all(text.as_bytes());
    ExitCode::from(code(error))
}

/// Whether whoever read the output has seen enough, as `head` does. Errors of
/// files come as the library's; only stdout's come as they are.
fn closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn code(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() {
        return USAGE;
    }
    if error.is::<io::Error>() {
        return SYSTEM;
    }
    error.downcast_ref::<Error>().map_or(UNFIT, library_code)
}

fn library_code(error: &Error) -> u8 {
    match error {
        Error::Io { .. } | Error::Space { .. } | Error::Process { .. } => SYSTEM,
        Error::Format { fault: Fault::Limit { .. } | Fault::Misuse(_), .. }
        | Error::Stopped { .. }
        | Error::Untrue { .. }
        | Error::Setup(_) => STOPPED,
        Error::Missing { .. } | Error::Unreachable { .. } | Error::Remote(_) => RANKS,
        Error::Rank { source, .. } | Error::Committed { source, .. } | Error::Unheard { source, .. } => {
            library_code(source)
        }
        Error::Save { source, .. } => library_code(source),
        _ => UNFIT,
    }
}

fn message(error: &anyhow::Error) -> String {
    if let Some(error) = error.downcast_ref::<Error>() {
        return library_message(error);
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return format!("cannot write to standard output: {error}");
    }
    // The root, below the hints: names in it may come from a file.
    Printable(&error.root_cause().to_string()).to_string()
}

fn library_message(error: &Error) -> String {
    match error {
        Error::Format { path, fault: Fault::Unrepresentable(unfit) } => {
            let path = path.display().to_string();
            let count = plural(unfit.len(), "value does", "values do");
            format!("{}: {count} not fit the format:\n{}", Printable(&path), list(unfit, SHOWN).trim_end())
        }
        Error::Rank { rank, source } => format!("rank {rank}: {}", library_message(source)),
        error => Printable(&error.to_string()).to_string(),
    }
}

/// A line for each value that does not fit, `most` of them.
pub fn list(unfit: &[Unfit], most: usize) -> String {
    let line = |Unfit { path, reason }: &Unfit| format!("  {}: {}\n", Printable(path), Printable(reason));
    let mut text: String = unfit.iter().take(most).map(line).collect();
    if let Some(more) = unfit.len().checked_sub(most).filter(|&more| more > 0) {
        text.push_str(&format!("  … and {more} more\n"));
    }
    text
}

fn hint(error: &anyhow::Error) -> Option<&'static str> {
    if let Some(Hint(hint)) = error.downcast_ref::<Hint>() {
        return Some(hint);
    }
    library_hint(error.downcast_ref::<Error>()?)
}

fn library_hint(error: &Error) -> Option<&'static str> {
    match error {
        Error::Rank { source, .. } => library_hint(source),
        Error::Save { source, .. } => library_hint(source),
        Error::Exists { .. } => Some("--overwrite replaces it, in one step"),
        Error::Checksum { .. } => Some("restore the file from another copy: strongroom cannot repair it"),
        Error::Format { fault: Fault::Truncated(_), .. } => {
            Some("the file was cut short: copy or download it again")
        }
        Error::Format { fault: Fault::Limit { .. }, .. } => Some(
            "ordinary checkpoints stay far below the limits; a program that trusts this file can raise them \
             through the library's `Limits`",
        ),
        _ => None,
    }
}

/// Values listed in an error.
const SHOWN: usize = 20;

const UNFIT: u8 = 1;
const USAGE: u8 = 2;
const SYSTEM: u8 = 3;
const STOPPED: u8 = 4;
const RANKS: u8 = 5;
