//! What makes a finding the same one in another run, or in a file that was trained again.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use strongroom::validate::{Finding, Level, Verdict};

/// The class or function that a finding is about; empty if it is about none.
pub fn name(finding: &Finding) -> &str {
    let is_named =
        finding.class.is_some() || finding.verdict == Verdict::Trusting || finding.level < Level::TensorsOnly;
    let (_, named) = finding.message.split_once(' ').filter(|_| is_named).unwrap_or_default();
    // What it is called with comes after the name, and may be of any values; so does the place in a
    // template.
    let named = named.split_once(" with ").map_or(named, |(name, _)| name);
    named.split_once(", at character ").map_or(named, |(name, _)| name)
}

/// A number for what was found by one rule in one file: of the rule, the members and the names,
/// and never of a place, which is another one when the model is trained again. That of code is of the
/// file's bytes besides: whoever has read it has not read what it becomes.
pub fn fingerprint(findings: &[&Finding], sha256: Option<&str>) -> String {
    let places: BTreeSet<(&str, &str)> =
        findings.iter().map(|finding| (finding.part.as_str(), name(finding))).collect();
    let mut hasher = Sha256::new();
    let texts = places.iter().flat_map(|&(part, name)| [part, name]);
    for text in findings.first().map(|finding| finding.id.as_str()).into_iter().chain(texts) {
        hasher.update(text);
        hasher.update([0]);
    }
    let is_code = findings.iter().any(|finding| finding.class.as_deref() == Some("code"));
    if let Some(sha256) = sha256.filter(|_| is_code) {
        hasher.update(sha256);
    }
    let digest: String = hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    // As GitHub writes its own: the second of the same hash in a file would be 2.
    format!("{digest}:1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(pickle: &[u8]) -> Vec<Finding> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, pickle).unwrap();
        strongroom::validate(&path).unwrap().findings
    }

    #[test]
    fn a_name_is_found_in_each_message_that_has_one() {
        let found = findings(b"cos\nsystem\n(S'echo'\ntR0cmylib\nConfig\n)R0cnumpy\ndtype\n0}.");
        let names: Vec<(&str, &str)> = found.iter().map(|found| (found.id.as_str(), name(found))).collect();
        for expected in [
            ("SR-PICKLE-IMPORT", "os.system"),
            ("SR-PICKLE-CALL", "os.system"),
            ("SR-PICKLE-FOREIGN", "class Config of module mylib"),
            ("SR-LEVEL-NO-CODE", "numpy.dtype"),
        ] {
            assert!(names.contains(&expected), "{expected:?}: {names:?}");
        }
    }

    #[test]
    fn an_offset_is_no_part_of_a_fingerprint_and_a_name_is() {
        let of = |pickle: &[u8]| fingerprint(&findings(pickle).iter().take(1).collect::<Vec<_>>(), None);
        assert_eq!(of(b"cos\nsystem\n."), of(b"N0cos\nsystem\n."));
        assert_ne!(of(b"cos\nsystem\n."), of(b"cos\npopen\n."));
    }

    #[test]
    fn a_templates_finding_is_of_what_it_does_and_not_of_where() {
        let of = |name: &str| {
            let text = format!("{{\"chat_template\": \"{name}\"}}");
            let found = findings(text.as_bytes());
            let found: Vec<_> = found.iter().filter(|found| found.id == "SR-CODE-TEMPLATE").collect();
            assert_eq!(found.len(), 1, "{name}");
            fingerprint(&found, None)
        };
        assert_eq!(of("{{ x.__class__ }}"), of("a prompt {{ y }}{{ x.__class__ }}"));
        assert_ne!(of("{{ x.__class__ }}"), of("{{ x.gi_frame }}"));
    }
}
