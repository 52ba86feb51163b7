use std::cell::RefCell;
use std::io::{self, Write};
use std::iter;

use serde::Serialize;
use strongroom::Report;

use super::summary::Summary;
use crate::output::json::{self, Stream};

/// Writes the object that `docs/validation.md` describes: change both together.
pub fn write(
    out: &mut dyn Write,
    reports: &mut dyn Iterator<Item = Report>,
    summary: &Summary,
) -> io::Result<()> {
    let reports = RefCell::new(reports);
    let files = Stream(|| iter::from_fn(|| reports.borrow_mut().next()));
    // Written after the files, when it is complete.
    json::write(out, &Document { files, summary })
}

#[derive(Serialize)]
struct Document<'d, F> {
    files: F,
    summary: &'d Summary,
}
