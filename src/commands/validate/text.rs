use std::collections::BTreeSet;
use std::io::{self, Write};

use strongroom::validate::{Finding, Report, Rule, Severity, Verdict};

use super::summary::Summary;
use crate::output::{Printable, grouped, plural};

/// A line for each file, its findings under it, and at the end what they mean.
pub fn write(
    out: &mut dyn Write,
    reports: &mut dyn Iterator<Item = Report>,
    summary: &Summary,
    rules: &[Rule],
    verbose: bool,
) -> io::Result<()> {
    for report in reports {
        one(out, &report, summary, verbose)?;
        // Judging the next may take a while, and who waits wants to see this.
        out.flush()?;
    }
    let hides = |rule: &Rule| rule.severity == Severity::Note && !verbose;
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
    if summary.files() > 1 || summary.exit_code() != 0 {
        writeln!(out, "\n{}", total(summary))?;
    }
    Ok(())
}

fn one(out: &mut dyn Write, report: &Report, summary: &Summary, verbose: bool) -> io::Result<()> {
    let path = report.path.display().to_string();
    let verdict = match report.verdict {
        Verdict::Safe => "safe".into(),
        Verdict::Inert => "inert".into(),
        Verdict::Trusting => format!("safe, trusting {}", plural(trusted(report), "name", "names")),
        verdict => verdict.name().to_uppercase(),
    };
    let below = summary.is_below(report);
    let level = match report.level {
        Some(level) if below => format!(", only {level}"),
        Some(level) => format!(", {level}"),
        None => String::new(),
    };
    let kind = Printable(report.kind.name());
    writeln!(out, "{}: {verdict} ({kind}{level})", Printable(&path))?;
    let shown = |finding: &&Finding| {
        verbose
            || finding.severity != Severity::Note
            || finding.verdict == Verdict::Trusting
            || below && finding.level < summary.required()
    };
    for finding in report.findings.iter().filter(shown) {
        let Finding { severity, id, message, .. } = finding;
        writeln!(out, "  {severity} {}{}: {}", Printable(id), place(finding), Printable(message))?;
    }
    let notes = report.findings.iter().filter(|finding| !shown(finding)).count();
    if notes > 0 {
        writeln!(out, "  {} (--verbose shows them)", plural(notes, "note", "notes"))?;
    }
    if report.unlisted > 0 {
        writeln!(out, "  … and {} more", grouped(report.unlisted))?;
    }
    Ok(())
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
    format!("{}: {}", plural(summary.files(), "file", "files"), counts.join(", "))
}

/// A text in lines that fit a terminal.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}

const WIDTH: usize = 92;
