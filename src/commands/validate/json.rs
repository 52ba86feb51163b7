use std::io::{self, Write};

use serde::Serialize;

use super::gate::Judged;
use super::summary::Summary;
use crate::output::json;

/// Writes the object that `docs/validation.md` describes: change both together.
pub fn write(out: &mut dyn Write, files: &[Judged], summary: &Summary) -> io::Result<()> {
    json::write(out, &Document { files, summary })
}

#[derive(Serialize)]
struct Document<'d> {
    files: &'d [Judged],
    summary: &'d Summary,
}
