use std::collections::BTreeSet;
use std::io::{self, Write};

use clap::ValueEnum;
use strongroom::validate::{Finding, Kind, Level, Report, Rule, Severity, Verdict};

use super::gate::{Judged, Standing};
use super::groups::{self, Group};
use super::summary::Summary;
use crate::output::{Printable, grouped, plural, shell, wrapped};

/// What of all that was found is shown.
#[derive(Clone, Copy)]
pub struct View {
    /// Notes too, and each finding by itself.
    pub verbose: bool,
    /// Each file's SHA-256.
    pub digests: bool,
    /// Only these files.
    pub only: Option<Only>,
}

/// Which files are shown.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Only {
    /// Those that do not pass
    Failing,
}

impl View {
    /// Whether a file is shown.
    pub fn shows(&self, judged: &Judged) -> bool {
        self.only != Some(Only::Failing) || !judged.passes
    }
}

/// A line for each file, its findings under it, and at the end what they mean.
pub fn write(
    out: &mut dyn Write,
    files: &[Judged],
    summary: &Summary,
    rules: &[Rule],
    view: View,
) -> io::Result<()> {
    let mut shown = files.iter().filter(|judged| view.shows(judged));
    shown.try_for_each(|judged| one(out, judged, summary.required(), view))?;
    end(out, summary, rules, view)
}

/// What the findings of all files mean, and how many there are.
pub fn end(out: &mut dyn Write, summary: &Summary, rules: &[Rule], view: View) -> io::Result<()> {
    let hides = |rule: &Rule| rule.severity == Severity::Note && !view.verbose;
    let broken: Vec<&Rule> =
        rules.iter().filter(|rule| summary.is_broken(&rule.id) && !hides(rule)).collect();
    if !broken.is_empty() {
        writeln!(out, "\nWhat was found means:")?;
    }
    for rule in broken {
        writeln!(out, "  {}: {}", Printable(&rule.id), Printable(&rule.title))?;
        for line in wrapped(&Printable(&rule.help).to_string()) {
            writeln!(out, "    {line}")?;
        }
    }
    match summary.files() {
        0 => writeln!(out, "no file was judged")?,
        1 if summary.exit_code() == 0 && summary.shown() > 0 => {}
        _ if summary.shown() == 0 => writeln!(out, "{}", total(summary))?,
        _ => writeln!(out, "\n{}", total(summary))?,
    }
    Ok(())
}

/// A file and its findings.
pub fn one(out: &mut dyn Write, judged: &Judged, required: Level, view: View) -> io::Result<()> {
    let Judged { report, links, below, .. } = judged;
    let path = report.path.display().to_string();
    let verdict = verdict(judged, required);
    let level = match report.level {
        Some(level) if *below => format!(", only {level}"),
        Some(level) => format!(", {level}"),
        None => String::new(),
    };
    let kind = Printable(report.kind.name());
    writeln!(out, "{}: {verdict} ({kind}{level}){}", Printable(&path), excuses(judged))?;
    for link in links {
        writeln!(out, "  also {}", Printable(&link.display().to_string()))?;
    }
    if let Some(sha256) = report.sha256.as_ref().filter(|_| view.digests) {
        writeln!(out, "  sha256 {sha256}")?;
    }
    let lacks = |finding: &Finding| *below && finding.level < required;
    let shown = |finding: &Finding| {
        view.verbose
            || finding.severity != Severity::Note
            || finding.verdict == Verdict::Trusting
            || lacks(finding)
    };
    for group in groups::of(judged.findings().filter(|(finding, _)| shown(finding))) {
        if view.verbose || group.findings.len() <= groups::SHOWN {
            for finding in &group.findings {
                let (label, message) = (label(&group, lacks(finding)), Printable(&finding.message));
                writeln!(out, "  {label}{}: {message}", place(finding))?;
            }
        } else {
            let count = grouped(group.findings.len() as u64);
            let place = group.part().map_or(String::new(), |part| format!(" in {}", Printable(part)));
            let label = label(&group, lacks(group.findings[0]));
            writeln!(out, "  {label}{place}, {count} times: {}", group.message())?;
        }
    }
    let notes = report.findings.iter().filter(|finding| !shown(finding) && !is_said(finding)).count();
    if notes > 0 {
        writeln!(out, "  {} (--verbose shows them)", plural(notes, "note", "notes"))?;
    }
    if report.unlisted > 0 {
        writeln!(out, "  … and {} more", grouped(report.unlisted))?;
    }
    if report.level == Some(Level::NoCode) {
        refused_by_torch(out, report, &path)?;
    }
    Ok(())
}

/// Whether a note says no more than the line of its file: that it is inert, or of its level.
fn is_said(finding: &Finding) -> bool {
    finding.verdict == Verdict::Inert || finding.level < Level::TensorsOnly
}

/// What is there to do about a file that is harmless, and that PyTorch refuses by default.
fn refused_by_torch(out: &mut dyn Write, report: &Report, path: &str) -> io::Result<()> {
    let is_beyond =
        |finding: &&Finding| finding.level == Level::NoCode && finding.verdict != Verdict::Trusting;
    let beyond = report.findings.iter().filter(is_beyond).map(|finding| (finding, Standing::Counts));
    let messages: Vec<String> = groups::of(beyond).iter().map(Group::message).collect();
    if messages.is_empty() {
        return Ok(());
    }
    writeln!(out, "  torch.load(weights_only=True) refuses it: {}", messages.join("; "))?;
    if [Kind::TORCH_ZIP, Kind::TORCH_LEGACY].contains(&report.kind) && report.has_payloads {
        let path = shell(path);
        let path = Printable(&path);
        writeln!(out, "  `strongroom convert {path} FILE.safetensors --tensors-only` takes its tensors out")?;
    }
    Ok(())
}

/// The verdict, in capitals if the file does not pass: among hundreds that is what people look for.
fn verdict(judged: &Judged, required: Level) -> String {
    let Judged { report, passes, below, .. } = judged;
    let trusting = || format!(", trusting {}", plural(trusted(report), "name", "names"));
    match report.verdict {
        Verdict::Safe if *below => format!("BELOW {required}"),
        Verdict::Trusting if *below => format!("BELOW {required}{}", trusting()),
        Verdict::Trusting => format!("safe{}", trusting()),
        verdict if *below => format!("{}, BELOW {required}", verdict.name().to_uppercase()),
        verdict if *passes => verdict.name().into(),
        verdict => verdict.name().to_uppercase(),
    }
}

/// What a finding counts for, and its rule. What keeps a file from the level required is an error.
fn label(group: &Group<'_>, lacks: bool) -> String {
    let finding = group.findings[0];
    let severity = if lacks { Severity::Error } else { finding.severity };
    let severity = group.standing.excuse().unwrap_or(severity.name());
    format!("{severity} {}", Printable(&finding.id))
}

/// Why a file passes all the same.
fn excuses(judged: &Judged) -> String {
    let counts = [(judged.accepted, Standing::Accepted), (judged.known, Standing::Known)];
    let said = counts.into_iter().filter(|(count, _)| *count > 0);
    said.filter_map(|(count, standing)| Some(format!(", {} {}", grouped(count as u64), standing.excuse()?)))
        .collect()
}

/// How many names it is good for only if they are.
fn trusted(report: &Report) -> usize {
    let trusted = report.findings.iter().filter(|finding| finding.verdict == Verdict::Trusting);
    trusted.map(|finding| &finding.message).collect::<BTreeSet<_>>().len()
}

/// Where it was found, if that is any place in the file.
fn place(finding: &Finding) -> String {
    let Finding { part, part_offset, offset, .. } = finding;
    match (part.as_str(), part_offset, offset) {
        ("", _, 0) => String::new(),
        ("", _, offset) => format!(" at byte {}", grouped(*offset)),
        (part, 0, _) => format!(" in {}", Printable(part)),
        (part, part_offset, _) => format!(" in {} at byte {}", Printable(part), grouped(*part_offset)),
    }
}

fn total(summary: &Summary) -> String {
    let verdicts = [
        Verdict::Safe,
        Verdict::Inert,
        Verdict::Trusting,
        Verdict::Unsafe,
        Verdict::Malformed,
        Verdict::Unverified,
    ];
    let counts = verdicts.map(|verdict| (summary.verdicts(verdict), verdict));
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|&(count, _)| count > 0)
        .map(|(count, verdict)| format!("{} {verdict}", grouped(count as u64)))
        .collect();
    let below = match summary.below() {
        0 => String::new(),
        below => format!(", {} below {}", grouped(below as u64), summary.required()),
    };
    let passing = match summary.failing() {
        0 => "all pass".into(),
        failing => plural(failing, "does not pass", "do not pass"),
    };
    format!("{}: {}{below}; {passing}", plural(summary.files(), "file", "files"), counts.join(", "))
}
