use std::fmt;
use std::time::Duration;

use wasmtime::component::ResourceTableError;
use wasmtime_wasi::I32Exit;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;

use super::HookLimits;
use super::sandbox::Starved;
use crate::error::Plain;

/// A component failed as a hook. It is the `source` of
/// [`Error::Hook`](crate::Error::Hook).
///
/// ```no_run
/// use strongroom::{ComponentCause, ComponentFailure, Error};
///
/// fn was_late(error: &Error) -> bool {
///     let Error::Hook { source, .. } = error else { return false };
///     let failure = source.downcast_ref::<ComponentFailure>();
///     failure.is_some_and(|failure| matches!(failure.cause, ComponentCause::Deadline(_)))
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct ComponentFailure {
    /// Why.
    pub cause: ComponentCause,
    /// What it had printed, up to its limit.
    pub printed: String,
}

/// Why a component failed as a hook.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentCause {
    /// It returned an error, which has this text.
    #[error("{}", Plain(shortened(.0)))]
    Returned(String),
    /// It was stopped after so long.
    #[error("it was stopped at its deadline of {0:?}")]
    Deadline(Duration),
    /// It wanted more than so many bytes of memory.
    #[error("it was stopped when it wanted more than its {0} bytes of memory")]
    Memory(usize),
    /// It wanted to print more than so many bytes.
    #[error("it was stopped when it had printed its {0} bytes of output")]
    Output(usize),
    /// It wanted to hold more than so many files, streams and timers.
    #[error("it was stopped when it wanted more than its {0} handles of files and streams")]
    Handles(usize),
    /// It ended itself with this status instead of returning.
    #[error("it exited with status {0} where it should have returned")]
    Exited(i32),
    /// It did what WebAssembly stops: it overflowed its stack, reached what should
    /// not be reached, as after a panic, or used memory it does not have.
    #[error("it was stopped by a trap: {}", Plain(shortened(.0)))]
    Trapped(String),
    /// The store keeps no files on this machine.
    #[error("a component can read a checkpoint only in a directory of this machine, and the store has none")]
    NoDirectory,
    /// What it was to run in could not be set up.
    #[error("it could not be run: {}", Plain(shortened(.0)))]
    Setup(String),
}

impl ComponentCause {
    /// Why wasmtime ended a call.
    pub(super) fn of(error: &wasmtime::Error, limits: &HookLimits, printed: &MemoryOutputPipe) -> Self {
        if error.is::<Starved>() {
            Self::Memory(limits.memory)
        } else if let Some(I32Exit(status)) = error.downcast_ref() {
            Self::Exited(*status)
        } else if error.is::<ResourceTableError>() {
            Self::Handles(limits.handles)
        } else if printed.contents().len() >= limits.output {
            // Printing failed, which ends most programs.
            Self::Output(limits.output)
        } else {
            Self::Trapped(format!("{error:#}"))
        }
    }
}

impl fmt::Display for ComponentFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)?;
        let printed = self.printed.trim();
        if printed.is_empty() {
            return Ok(());
        }
        f.write_str("; it printed:")?;
        // The end: what a program says last is why it failed.
        let start = printed.char_indices().rev().take(LONGEST).last().map_or(0, |(start, _)| start);
        printed[start..].lines().try_for_each(|line| write!(f, "\n{}", Plain(line)))
    }
}

impl std::error::Error for ComponentFailure {}

fn shortened(text: &str) -> &str {
    text.char_indices().nth(LONGEST).map_or(text, |(end, _)| &text[..end])
}

/// Characters of a component's own words in an error.
const LONGEST: usize = 2000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_words_are_shortened_and_control_no_terminal() {
        let failure = ComponentFailure {
            cause: ComponentCause::Returned(format!("no\x1b[2J{}", "é".repeat(5000))),
            printed: format!("{}\nlast\x07 line\n", "x".repeat(5000)),
        };
        let text = failure.to_string();
        assert!(text.starts_with("no\\u{1b}[2Jé"), "{text}");
        assert!(text.ends_with("x\nlast\\u{7} line"), "{text}");
        assert!(text.chars().count() < 2 * LONGEST + 100);
    }
}
