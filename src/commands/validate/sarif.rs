//! SARIF 2.1.0, the format of GitHub's code scanning and of many others.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Write};
use std::iter;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use serde::Serialize;
use serde_json::{Value as Json, json};
use strongroom::validate::{Finding, Report, Rule, Verdict};

use super::summary::Summary;
use crate::output::json::{self as lines, Stream};

/// Writes a log of one run, with a result for each finding.
pub fn write(
    out: &mut dyn Write,
    reports: &mut dyn Iterator<Item = Report>,
    summary: &Summary,
    rules: &[Rule],
) -> io::Result<()> {
    let indexes: HashMap<&str, usize> =
        rules.iter().enumerate().map(|(index, rule)| (rule.id.as_str(), index)).collect();
    let reports = RefCell::new(reports);
    let results = Stream(|| {
        let reports = iter::from_fn(|| reports.borrow_mut().next());
        reports.flat_map(|report| {
            let result = |finding: &Finding| result(&report, finding, indexes.get(finding.id.as_str()));
            report.findings.iter().map(result).collect::<Vec<_>>()
        })
    });
    let run = Run {
        tool: json!({"driver": {
            "name": "strongroom",
            "version": env!("CARGO_PKG_VERSION"),
            "informationUri": env!("CARGO_PKG_REPOSITORY"),
            "rules": rules.iter().map(rule).collect::<Vec<_>>(),
        }}),
        results,
        // It ran to its end; that files are not safe is no failure of it.
        invocations: json!([{"executionSuccessful": true}]),
        properties: Properties { summary },
    };
    lines::write(out, &Log { schema: SCHEMA, version: "2.1.0", runs: [run] })
}

#[derive(Serialize)]
struct Log<R> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [R; 1],
}

#[derive(Serialize)]
struct Run<'r, S> {
    tool: Json,
    results: S,
    invocations: Json,
    /// Written after the results, when it is complete.
    properties: Properties<'r>,
}

#[derive(Serialize)]
struct Properties<'r> {
    summary: &'r Summary,
}

fn rule(rule: &Rule) -> Json {
    let mut properties = json!({"tags": ["security"], "verdict": rule.verdict});
    // GitHub shows results as critical, high, medium by this.
    let score = match rule.verdict {
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
        "defaultConfiguration": {"level": rule.severity},
        "properties": properties,
    })
}

fn result(report: &Report, finding: &Finding, index: Option<&usize>) -> Json {
    let Finding { id, severity, offset, part, part_offset, message, .. } = finding;
    let mut location = json!({"physicalLocation": {
        "artifactLocation": artifact(&report.path),
        // GitHub takes no result without a line.
        "region": {"startLine": 1, "byteOffset": offset, "byteLength": 0},
    }});
    if let (false, Some(location)) = (part.is_empty(), location.as_object_mut()) {
        location.insert("logicalLocations".into(), json!([{"fullyQualifiedName": part, "kind": "member"}]));
    }
    let mut result = json!({
        "ruleId": id,
        "level": severity,
        "message": {"text": if part.is_empty() { message.clone() } else { format!("{part}: {message}") }},
        "locations": [location],
        // Where it is in its part: what is before it in the file may change.
        "partialFingerprints": {"strongroomFinding/v1": format!("{id}:{part}:{part_offset}")},
    });
    if let (Some(index), Some(result)) = (index, result.as_object_mut()) {
        result.insert("ruleIndex".into(), (*index).into());
    }
    result
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
