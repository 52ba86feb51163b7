//! How the command fails: one line that says what, where and why, a hint what to
//! do about it, and an exit code that tells scripts what kind of failure it was.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use strongroom::{DirectoryKind, Error, Fault, Unfit, is_partial_download};

use crate::commands::caps::NAMES;
use crate::output::Printable;
use crate::output::capped::TooMuch;

/// The exit codes, as the help shows them.
pub const CODES: &str = "\
Exit codes:
  0  success
  1  the file or checkpoint is damaged, malformed, of another kind, missing a part, or
     cannot be represented in the format asked for; a hook refused it; or there is
     nothing of what was asked for
  3  the operating system refused: no such file, no permission, no space, no output
  4  a limit was reached, or the sandbox stopped the work
  5  another rank failed or did not come, or the ranks cannot meet
  64 the command line is wrong
  129, 130, 143  ended by SIGHUP, Ctrl-C or SIGTERM: what was not finished is removed,
     but for what a process of --process has begun to write
Of several files, the highest that one of them has. A reader of the output that has seen
enough, as `head` does, changes none. `validate` has its own: `strongroom validate --help`
shows them.";

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

/// What failed, in JSON as `docs/json.md` describes it.
#[derive(Serialize)]
pub struct Failed {
    path: String,
    ok: bool,
    error: String,
    exit_code: u8,
}

impl Failed {
    /// The error about `path`, which has this exit code.
    pub fn new(path: &Path, error: &anyhow::Error, exit_code: u8) -> Self {
        Self { path: path.display().to_string(), ok: false, error: message(error), exit_code }
    }
}

/// Says on stderr what went wrong, and answers the exit code for it.
pub fn report(error: &anyhow::Error) -> u8 {
    let mut text = format!("error: {}\n", message(error));
    if let Some(hint) = hint(error) {
        text.push_str(&format!("hint: {hint}\n"));
    }
    // Nobody is left to tell if this fails.
    let _ = io::stderr().write_all(text.as_bytes());
    code(error)
}

fn code(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() {
        return USAGE;
    }
    if too_much(error).is_some() {
        return STOPPED;
    }
    if error.is::<io::Error>() {
        return SYSTEM;
    }
    error.downcast_ref::<Error>().map_or(UNFIT, library_code)
}

/// What ended output because there was too much of it.
fn too_much(error: &anyhow::Error) -> Option<&TooMuch> {
    error.downcast_ref::<io::Error>().and_then(io::Error::get_ref)?.downcast_ref()
}

fn library_code(error: &Error) -> u8 {
    match error {
        Error::Io { .. } | Error::Space { .. } | Error::Process { .. } => SYSTEM,
        Error::Format { fault: Fault::Limit { .. } | Fault::Misuse(_), .. }
        | Error::Stopped { .. }
        | Error::Untrue { .. }
        | Error::Setup(_) => STOPPED,
        Error::Missing { .. }
        | Error::Disagree { .. }
        | Error::Unreachable { .. }
        | Error::Conflict { .. }
        | Error::Remote(_) => RANKS,
        Error::Rank { source, .. } | Error::Committed { source, .. } | Error::Unheard { source, .. } => {
            library_code(source)
        }
        Error::Save { source, .. } => library_code(source),
        _ => UNFIT,
    }
}

/// The line about it.
pub fn message(error: &anyhow::Error) -> String {
    if let Some(error) = error.downcast_ref::<Error>() {
        return library_message(error);
    }
    if let Some(too_much) = too_much(error) {
        return too_much.to_string();
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
            format!("{}: not all of it fits the format:\n{}", Printable(&path), list(unfit, SHOWN).trim_end())
        }
        Error::Rank { rank, source } => format!("rank {rank}: {}", library_message(source)),
        error => Printable(&error.to_string()).to_string(),
    }
}

/// A line for each value that does not fit, `most` of them.
pub fn list(unfit: &[Unfit], most: usize) -> String {
    let line =
        |Unfit { path, reason }: &Unfit| format!("  {}: {}\n", Printable(&named(path)), Printable(reason));
    let mut text: String = unfit.iter().take(most).map(line).collect();
    if let Some(more) = unfit.len().checked_sub(most).filter(|&more| more > 0) {
        text.push_str(&format!("  … and {more} more\n"));
    }
    text
}

fn hint(error: &anyhow::Error) -> Option<Cow<'static, str>> {
    if let Some(Hint(hint)) = error.downcast_ref::<Hint>() {
        return Some((*hint).into());
    }
    if too_much(error).is_some() {
        return Some(
            "if you trust the file, --max-output SIZE raises the limit; --filter shows a part".into(),
        );
    }
    library_hint(error.downcast_ref::<Error>()?)
}

fn library_hint(error: &Error) -> Option<Cow<'static, str>> {
    let hint = match error {
        Error::Format { fault: Fault::Limit { limit, .. }, .. } if NAMES.contains(&limit.as_str()) => {
            return Some(format!("if you trust the file, --limit {limit}=N raises the limit").into());
        }
        Error::Format { fault: Fault::Limit { .. }, .. } => Some("no option raises this limit"),
        Error::Stopped { limit: None, .. } => Some("no option raises what it was stopped by"),
        Error::Stopped { limit: Some("memory"), .. } => {
            Some("if you trust the file, --max-memory SIZE raises the limit")
        }
        Error::Stopped { limit: Some("deadline" | "timeout"), .. } => {
            Some("if you trust the file, --timeout DURATION raises the limit")
        }
        Error::Stopped { limit: Some("output"), .. } => {
            Some("if you trust the file, --max-output SIZE raises the limit")
        }
        Error::NotCommitted { kind, .. } => directory_hint(kind),
        Error::Format { path, .. } if is_partial_download(path) => {
            Some("its name says that it is being downloaded, or that this was broken off: let it be finished")
        }
        Error::Rank { source, .. } => return library_hint(source),
        Error::Save { source, .. } => return library_hint(source),
        Error::Irreproducible { tensors: false, .. } => Some(
            "`inspect` shows what is in it; where its classes can be trusted, torch.load and torch.save write it \
             in an order that every pickler has",
        ),
        Error::Irreproducible { .. } => Some(
            "`inspect` shows what is in it, and --tensors-only takes its tensors out; where its classes can be \
             trusted, torch.load and torch.save write it in an order that every pickler has",
        ),
        Error::Disagree { shared: true, .. } => Some(
            "with --share all ranks have copies of one file, of one step; without it each saves a part of its own",
        ),
        Error::Disagree { .. } => {
            Some("all ranks need the same options, and one directory that all of them see")
        }
        Error::Exists { .. } => Some("--overwrite replaces it, in one step"),
        Error::Checksum { .. } => Some("restore the file from another copy: strongroom cannot repair it"),
        Error::Format { path, .. } if is_of_the_kernel(path) => Some(OF_THE_KERNEL),
        Error::Io { path, source, .. }
            if source.kind() == io::ErrorKind::UnexpectedEof && is_of_the_kernel(path) =>
        {
            Some(OF_THE_KERNEL)
        }
        Error::Format { fault: Fault::Truncated(_), .. } => {
            Some("the file was cut short: copy or download it again")
        }
        _ => None,
    };
    hint.map(Cow::Borrowed)
}

/// Whether a file is one of `/proc` or `/sys`.
fn is_of_the_kernel(path: &Path) -> bool {
    let place = path.canonicalize();
    place.is_ok_and(|place| ["/proc", "/sys"].iter().any(|root| place.starts_with(root)))
}

/// What to do with one of its files.
const OF_THE_KERNEL: &str =
    "it is a file of the kernel's, made when it is read: no checkpoint, and nothing of it was cut";

/// What to do with a directory that is no committed checkpoint.
fn directory_hint(kind: &DirectoryKind) -> Option<&'static str> {
    match kind {
        DirectoryKind::RankFiles(_) => Some(
            "--uncommitted reads the file of each rank by itself (inspect, verify and load have it); or open \
             one as a file",
        ),
        DirectoryKind::LostRecord(_) => Some(
            "copy it again, with its `strongroom.json`; --uncommitted reads the file of each rank by itself \
             (inspect, verify and load have it)",
        ),
        DirectoryKind::Distributed { metadata: false } => Some(
            "the save did not finish, or the directory was not copied whole, and nothing can read it: copy it \
             again with its `.metadata`, or take an earlier checkpoint",
        ),
        DirectoryKind::Distributed { .. } => Some(
            "`python -m torch.distributed.checkpoint.format_utils dcp_to_torch DIR FILE` makes a file of it",
        ),
        DirectoryKind::Unpacked => Some(
            "open the file that was unpacked, or pack it again: `zip -0 -r FILE.pt DIR` from the directory that DIR is in, and `strongroom convert` that",
        ),
        DirectoryKind::UnpackedProgram { .. } => Some(
            "what made it opens the file that was unpacked; for the weights alone, ask for its `state_dict`",
        ),
        DirectoryKind::Sharded { .. } | DirectoryKind::Repository { .. } | DirectoryKind::Files { .. } => {
            Some(
                "inspect, verify and convert take these files one by one; `strongroom validate DIR` takes all",
            )
        }
        DirectoryKind::HubCache => Some("the directories under `snapshots` have the files by their names"),
        DirectoryKind::Checkpoints(_) => {
            Some("`strongroom list DIR` shows them, and `strongroom latest DIR` says which is the newest")
        }
        DirectoryKind::Above { kind, .. } => directory_hint(kind),
        DirectoryKind::Unfinished => {
            Some("it is not committed: `strongroom latest` on the directory above finds the newest that is")
        }
        _ => None,
    }
}

/// A path in a state dict as a message shows it: that of the whole is empty.
/// Blanks at either end are seen between quotes.
pub fn named(path: &str) -> Cow<'_, str> {
    let is_blank = |c: char| c.is_whitespace() && !c.is_control();
    if path.is_empty() {
        "(the root)".into()
    } else if path.starts_with(is_blank) || path.ends_with(is_blank) {
        format!("\"{path}\"").into()
    } else {
        path.into()
    }
}

/// Values listed in an error.
const SHOWN: usize = 20;

const UNFIT: u8 = 1;
/// As `sysexits.h` has it: what a script does with 1 or 2 it must not do with a mistyped line.
pub const USAGE: u8 = 64;
const SYSTEM: u8 = 3;
const STOPPED: u8 = 4;
const RANKS: u8 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_be_seen() {
        let shown = ["", " ", "a b", " a", "a\u{a0}", "a.b", "a\n"].map(named);
        // A control character is shown by another name.
        assert_eq!(shown, ["(the root)", "\" \"", "a b", "\" a\"", "\"a\u{a0}\"", "a.b", "a\n"]);
    }
}
