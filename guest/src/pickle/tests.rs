//! The machine against what CPython's own picklers write, and against bytes
//! nobody should write.

extern crate std;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Graph, Machine, Object, Progress, Value};
use crate::model::Construct;
use crate::{Error, Limits};

mod dump;
mod effects;
mod hostile;
mod opcodes;
mod python;

use dump::dump;

/// Feeds a pickle at offset 0 in one piece.
fn load(bytes: &[u8]) -> Result<Graph, Error> {
    load_with(bytes, &Limits::default())
}

fn load_with(bytes: &[u8], limits: &Limits) -> Result<Graph, Error> {
    let mut machine = Machine::new(0, "data.pkl", limits);
    let progress = machine.feed(bytes)?;
    if let Progress::Done(length) = progress {
        assert_eq!(length, bytes.len() as u64, "the pickle ends early");
    }
    machine.finish()
}

/// Feeds a pickle in pieces of `size` bytes.
fn load_in_pieces(bytes: &[u8], size: usize) -> Result<Graph, Error> {
    let mut machine = Machine::new(0, "data.pkl", &Limits::default());
    for piece in bytes.chunks(size) {
        if let Progress::Done(length) = machine.feed(piece)? {
            assert_eq!(length, bytes.len() as u64, "the pickle ends early");
        }
    }
    machine.finish()
}

/// What a pickle evaluates to, in the notation of [`dump`].
fn eval(bytes: &[u8]) -> String {
    match load(bytes) {
        Ok(graph) => dump(&graph),
        Err(error) => format!("{error}"),
    }
}
