use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::drive::{self, Caution, Judged, Request};
use super::kind::Kind;
use super::report::Report;
use super::rule::{PARTIAL, Rules, STOPPED, UNREADABLE, UNTRUE, Verdict};
use super::{ValidateOptions, deep, digest};
use crate::sandbox::bindings::validator::{Item, NamedItem};
use crate::store::{Source, Store};
use crate::{Engine, Error, is_partial_download};

/// Judges a file. Whatever happens is a finding.
pub(super) fn validate(
    engine: &Engine,
    rules: &Rules,
    store: &dyn Store,
    path: &Path,
    options: &ValidateOptions,
) -> Report {
    item_file(engine, rules, store, path, options, None).0
}

/// The same for a file of a distributed checkpoint, of whose parts the metadata says this if it
/// names the file. Answers too what the file itself names, if it is the metadata.
pub(super) fn item_file(
    engine: &Engine,
    rules: &Rules,
    store: &dyn Store,
    path: &Path,
    options: &ValidateOptions,
    expected: Option<&[Item]>,
) -> (Report, Vec<NamedItem>) {
    match store.open(path) {
        Ok(source) => judge(engine, rules, &source, path, options, expected),
        Err(error) => {
            let mut report = Report::new(path, Kind::UNKNOWN);
            failed(&mut report, rules, &error);
            (report, Vec::new())
        }
    }
}

fn judge(
    engine: &Engine,
    rules: &Rules,
    source: &Arc<dyn Source>,
    path: &Path,
    options: &ValidateOptions,
    expected: Option<&[Item]>,
) -> (Report, Vec<NamedItem>) {
    let request = Request { allow: &options.allow, expected };
    let drive = |how, judged: &mut Judged| drive::judge(engine, &**source, request, how, judged);
    let mut judged = Judged::default();
    // Both looks together take no longer than one may.
    let (whole, start) = (engine.limits().deadline, Instant::now());
    let result = drive((Caution::Usual, whole - whole / SECOND_LOOK), &mut judged);
    if matches!(result, Err(Error::Stopped { .. })) {
        // What it found in its last step is lost with it, and a bomb may be there only
        // to hide what comes before: a look that ends by itself sees that.
        let mut again = Judged::default();
        let left = whole.saturating_sub(start.elapsed()).max(whole / SECOND_LOOK);
        // However this ends, the file is not safe: it was stopped.
        let _ = drive((Caution::Great, left), &mut again);
        // The limits that it reached are its own, and nobody set them.
        again.findings.retain(|finding| finding.rule != STOPPED.id);
        if again.findings.len() > judged.findings.len() {
            judged.findings = again.findings;
        }
    }
    let kind = judged.report.as_ref().and_then(|report| Kind::said(&report.kind)).unwrap_or(Kind::UNKNOWN);
    let mut report = Report::new(path, kind);
    for mut finding in judged.findings {
        let Some(rule) = rules.of_component(&finding.rule) else { continue };
        // What reads the report may go there.
        finding.offset = finding.offset.min(source.length());
        report.add(rule, finding);
    }
    report.has_payloads = !judged.payloads.is_empty();
    report.unlisted = judged.report.map_or(0, |report| report.unlisted);
    match result {
        Err(error) => failed(&mut report, rules, &error),
        Ok(()) if options.deep && report.verdict <= Verdict::Unverified => {
            deep::look(engine, rules, source, &judged.payloads, &mut report);
        }
        Ok(()) => {}
    }
    if report.verdict > Verdict::Trusting && is_partial_download(path) {
        let message = "its name says that it is being downloaded, or that this was broken off";
        report.find(rules, &PARTIAL, 0, "", message.into());
    }
    let is_code = || report.findings.iter().any(|finding| finding.class.as_deref() == Some("code"));
    if options.digest || options.digest_of_code && is_code() {
        match digest::of(&**source) {
            Ok(sha256) => report.sha256 = Some(sha256),
            Err(error) => failed(&mut report, rules, &error),
        }
    }
    let unread = match source.unchanged() {
        // Of what was judged nobody has the bytes any more.
        Err(error) => Some(error),
        // What the kernel or a program makes while it is read may say that it is empty.
        Ok(()) if source.read_at(source.length(), &mut [0]).is_ok() => {
            let how = format!("has more bytes than the {} that it says it has", source.length());
            Some(Error::Changed { path: path.into(), how })
        }
        Ok(()) => None,
    };
    if let Some(error) = unread {
        report.sha256 = None;
        failed(&mut report, rules, &error);
    }
    (report, judged.items)
}

/// The part of the time for a file that is left for a second look.
const SECOND_LOOK: u32 = 5;

/// Says that a file was not judged, or not to its end, and why.
pub(super) fn failed(report: &mut Report, rules: &Rules, error: &Error) {
    match error {
        Error::Io { action, source, .. } => {
            report.find(rules, &UNREADABLE, 0, "", format!("cannot {action}: {source}"));
        }
        Error::Changed { how, .. } => {
            report.find(rules, &UNREADABLE, 0, "", format!("the file {how}, while it was read"));
        }
        Error::Stopped { reason, limit, .. } => {
            let raised = match limit {
                Some("memory") => ", which --max-memory raises",
                Some("deadline") => ", which --timeout raises",
                _ => ", which no option changes",
            };
            report.find(rules, &STOPPED, 0, "", format!("{reason}{raised}"));
        }
        Error::Untrue { what, .. } => report.find(rules, &UNTRUE, 0, "", what.clone()),
        // Not the component's fault: it could not even be started.
        Error::Setup(_) => report.find(rules, &STOPPED, 0, "", error.to_string()),
        // An error from a validator is one too many, and may be of any length.
        error => report.find(rules, &UNTRUE, 0, "", error.to_string().chars().take(1000).collect()),
    }
}
