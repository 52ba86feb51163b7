//! SARIF 2.1.0, the format of GitHub's code scanning and of many others.

use std::collections::HashMap;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;
use serde_json::{Value as Json, json};
use strongroom::validate::{Finding, Level, Rule, Severity, Verdict};

use super::gate::{Judged, Standing};
use super::groups::{self, Group};
use super::identity;
use super::summary::Summary;
use crate::output::Printable;
use crate::output::json::{self as lines, Stream};

/// Writes a log of one run, with a result for each rule that something in a file breaks.
pub fn write(out: &mut dyn Write, files: &[Judged], summary: &Summary, rules: &[Rule]) -> io::Result<()> {
    let indexes: HashMap<&str, usize> =
        rules.iter().enumerate().map(|(index, rule)| (rule.id.as_str(), index)).collect();
    let results = Stream(|| {
        files.iter().enumerate().flat_map(|(file, judged)| {
            let result = |(rule, standing), findings: &Vec<&Finding>| {
                result(file, judged, standing, findings, summary.required(), indexes.get(rule))
            };
            by_rule(judged, summary.required())
                .iter()
                .map(|(key, findings)| result(*key, findings))
                .collect::<Vec<_>>()
        })
    });
    let run = Run {
        tool: json!({"driver": {
            "name": "strongroom",
            "version": env!("CARGO_PKG_VERSION"),
            "informationUri": env!("CARGO_PKG_REPOSITORY"),
            "rules": rules.iter().map(rule).collect::<Vec<_>>(),
        }}),
        // GitHub takes what is before the last slash for the category.
        automation: json!({"id": "strongroom/validate/"}),
        artifacts: Stream(|| files.iter().map(described)),
        results,
        // It ran to its end; that files are not safe is no failure of it.
        invocations: json!([{"executionSuccessful": true}]),
        properties: Properties { summary },
    };
    lines::write(out, &Log { schema: SCHEMA, version: "2.1.0", runs: [run] })
}

/// Whether a finding breaks something. That a file is inert does not, nor what level it reaches, unless
/// that is less than is required.
fn is_result(finding: &Finding, judged: &Judged, required: Level) -> bool {
    let is_level = finding.verdict == Verdict::Safe && finding.level < Level::TensorsOnly;
    let is_said = finding.verdict == Verdict::Inert || is_level && finding.severity == Severity::Note;
    !is_said || judged.below && finding.level < required
}

/// The findings by rule and by what they count for, in the order of the first of each.
fn by_rule(judged: &Judged, required: Level) -> Vec<((&str, Standing), Vec<&Finding>)> {
    let mut all: Vec<((&str, Standing), Vec<&Finding>)> = Vec::new();
    for (finding, standing) in judged.findings().filter(|(finding, _)| is_result(finding, judged, required)) {
        let key = (finding.id.as_str(), standing);
        match all.iter_mut().find(|(there, _)| *there == key) {
            Some((_, findings)) => findings.push(finding),
            None => all.push((key, vec![finding])),
        }
    }
    all
}

#[derive(Serialize)]
struct Log<R> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [R; 1],
}

#[derive(Serialize)]
struct Run<'r, A, S> {
    tool: Json,
    #[serde(rename = "automationDetails")]
    automation: Json,
    artifacts: A,
    results: S,
    invocations: Json,
    properties: Properties<'r>,
}

#[derive(Serialize)]
struct Properties<'r> {
    summary: &'r Summary,
}

fn rule(rule: &Rule) -> Json {
    let mut properties =
        json!({"tags": ["security"], "verdict": rule.verdict, "strongroom-level": rule.level});
    // GitHub shows results as critical, high, medium by this.
    let score = match rule.verdict {
        _ if is_foreign(rule.class.as_deref()) => Some("5.0"),
        Verdict::Unsafe => Some("9.8"),
        Verdict::Malformed => Some("6.0"),
        Verdict::Unverified => Some("4.0"),
        Verdict::Safe | Verdict::Inert | Verdict::Trusting => None,
    };
    if let (Some(score), Some(properties)) = (score, properties.as_object_mut()) {
        properties.insert("security-severity".into(), score.into());
    }
    json!({
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.help},
        "help": {"text": rule.help},
        "defaultConfiguration": {"level": level(rule.severity, rule.class.as_deref())},
        "properties": properties,
    })
}

/// How much it matters. Of what nobody knows nobody can say that it is harmful.
fn level(severity: Severity, class: Option<&str>) -> Severity {
    if is_foreign(class) { Severity::Warning } else { severity }
}

fn is_foreign(class: Option<&str>) -> bool {
    class == Some("foreign")
}

/// What is found by one rule in one file.
fn result(
    file: usize,
    judged: &Judged,
    standing: Standing,
    findings: &[&Finding],
    required: Level,
    index: Option<&usize>,
) -> Json {
    let Some(first) = findings.first() else { return Json::Null };
    let level = match standing {
        Standing::Counts if judged.below && first.level < required => Severity::Error,
        Standing::Counts => level(first.severity, first.class.as_deref()),
        Standing::Accepted | Standing::Known => Severity::Note,
    };
    let groups = groups::of(findings.iter().map(|finding| (*finding, standing)));
    let messages: Vec<String> = groups.iter().map(Group::message).collect();
    let message = match first.part.as_str() {
        "" => messages.join("\n"),
        part => format!("{}: {}", Printable(part), messages.join("\n")),
    };
    let mut result = json!({
        "ruleId": first.id,
        "level": level,
        "message": {"text": message},
        "locations": findings.iter().map(|finding| location(file, judged, finding)).collect::<Vec<_>>(),
        "partialFingerprints": {"primaryLocationLineHash": identity::fingerprint(findings, judged.report.sha256.as_deref())},
    });
    let Some(fields) = result.as_object_mut() else { return result };
    if let Some(index) = index {
        fields.insert("ruleIndex".into(), (*index).into());
    }
    if let Some(excuse) = standing.excuse() {
        let suppression = json!([{"kind": "external", "status": "accepted", "justification": excuse}]);
        fields.insert("suppressions".into(), suppression);
    }
    if !judged.links.is_empty() {
        let link = |path: &PathBuf| json!({"physicalLocation": {"artifactLocation": artifact(path)}});
        fields.insert("relatedLocations".into(), judged.links.iter().map(link).collect());
    }
    result
}

fn location(file: usize, judged: &Judged, finding: &Finding) -> Json {
    let mut place = artifact(&judged.report.path);
    place["index"] = file.into();
    let mut location = json!({"physicalLocation": {
        "artifactLocation": place,
        // GitHub takes no result without a line.
        "region": {"startLine": 1, "byteOffset": finding.offset, "byteLength": 0},
    }});
    if !finding.part.is_empty() {
        location["logicalLocations"] = json!([{"fullyQualifiedName": finding.part, "kind": "member"}]);
    }
    location
}

/// A file, and its digest if it was computed.
fn described(judged: &Judged) -> Json {
    let mut described = json!({"location": artifact(&judged.report.path)});
    if let Some(sha256) = &judged.report.sha256 {
        described["hashes"] = json!({"sha-256": sha256});
    }
    described
}

/// A path as a URI: relative to the root of the sources, unless it is absolute.
fn artifact(path: &Path) -> Json {
    if path.is_absolute() {
        return json!({"uri": format!("file://{}", uri(path))});
    }
    json!({"uri": uri(path), "uriBaseId": "%SRCROOT%"})
}

fn uri(path: &Path) -> String {
    let mut uri = String::new();
    for component in path.components().filter(|component| *component != Component::CurDir) {
        if component == Component::RootDir {
            continue;
        }
        if !uri.is_empty() || path.is_absolute() {
            uri.push('/');
        }
        for &byte in component.as_os_str().as_bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => uri.push(byte.into()),
                _ => uri.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    uri
}

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn any_path_is_a_uri() {
        assert_eq!(uri(Path::new("./a b/ü%.pt")), "a%20b/%C3%BC%25.pt");
        assert_eq!(uri(Path::new("../a:b")), "../a%3Ab");
        assert_eq!(uri(Path::new(OsStr::from_bytes(b"\xff\n"))), "%FF%0A");
        assert_eq!(artifact(Path::new("/tmp/m.pt")), json!({"uri": "file:///tmp/m.pt"}));
    }
}
