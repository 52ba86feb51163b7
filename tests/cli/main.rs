//! The command as its users see it: what it prints, what it leaves on disk, and
//! how it ends.
//!
//! Transcripts are in `tests/data/cli`; `BLESS=1 cargo test --test cli` writes
//! them anew.

mod budgets;
mod checkpoints;
mod endings;
mod files;
mod room;
mod transcripts;
