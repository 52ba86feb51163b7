//! A statement of in-toto, for whoever signs it.

use std::borrow::Cow;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::json;
use strongroom::Engine;
use strongroom::validate::Verdict;

use super::gate::Judged;
use super::summary::Summary;
use crate::output::json as lines;

/// Writes what `docs/validation.md` describes: change both together.
pub fn write(out: &mut dyn Write, files: &[Judged], summary: &Summary) -> io::Result<()> {
    let subjects = files.iter().flat_map(|judged| {
        let paths = std::iter::once(&judged.report.path).chain(&judged.links);
        let digests = judged.report.sha256.iter();
        digests.flat_map(move |sha256| {
            paths.clone().map(move |path| json!({"name": name(path), "digest": {"sha256": sha256}}))
        })
    });
    let verdict = files.iter().map(|judged| judged.report.verdict).max();
    let reached = files.iter().filter(|judged| judged.report.verdict != Verdict::Inert);
    let level = reached.map(|judged| judged.report.level).min().flatten();
    let files = files.iter().map(|judged| {
        json!({
            "name": name(&judged.report.path),
            "format": judged.report.kind,
            "verdict": judged.report.verdict,
            "level": judged.report.level,
        })
    });
    let component = Engine::shared().map_err(io::Error::other)?.component_sha256();
    lines::write(
        out,
        &json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subjects.collect::<Vec<_>>(),
            "predicateType": concat!(env!("CARGO_PKG_REPOSITORY"), "/attestation/validation/v1"),
            "predicate": {
                "validator": {
                    "name": "strongroom",
                    "version": env!("CARGO_PKG_VERSION"),
                    "component": {"sha256": component},
                },
                "required": summary.required(),
                "passes": summary.exit_code() == 0,
                "verdict": verdict,
                "level": level,
                "files": files.collect::<Vec<_>>(),
            },
        }),
    )
}

/// A path as a text. Two paths are never the same text: what is signed of one is not said of the
/// other. A path with a backslash could be what another is written as.
fn name(path: &Path) -> Cow<'_, str> {
    match path.to_str() {
        Some(path) if !path.contains('\\') => Cow::Borrowed(path),
        _ => Cow::Owned(path.as_os_str().as_bytes().escape_ascii().to_string()),
    }
}
