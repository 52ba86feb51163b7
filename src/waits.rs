//! What a command says of long waits.

use std::io::{self, Write};

use strongroom::{OnWait, Waiting};

use crate::output::Printable;

/// Says on stderr what this rank waits for.
pub fn on_stderr() -> OnWait {
    OnWait::new(|waiting: &Waiting| {
        // Nobody is left to tell if this fails.
        let _ = writeln!(io::stderr(), "{}", Printable(&waiting.to_string()));
    })
}
