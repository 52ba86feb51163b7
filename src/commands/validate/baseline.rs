//! Findings that are known, and no reason to fail any more.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use strongroom::Error;
use strongroom::validate::Finding;

use super::gate::{self, Judged, Standing};
use super::identity;
use crate::failure::{Hint, Usage};

/// What is known of files, by their SHA-256: one that changes is judged anew.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    version: u32,
    files: BTreeMap<String, File>,
}

#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Where it was found first, for people.
    path: String,
    findings: BTreeSet<Known>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Known {
    rule: String,
    member: String,
    name: String,
}

impl Baseline {
    /// Reads what [`write`](Self::write) wrote.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(|source| {
            let error = Error::Io { path: path.into(), action: "read".into(), source };
            anyhow::Error::new(error).context(MAKE)
        })?;
        let path = path.display();
        match serde_json::from_slice(&bytes) {
            Ok(baseline @ Self { version: VERSION, .. }) => Ok(baseline),
            Ok(Self { version, .. }) => {
                let what = format!("{path}: a baseline of version {version}, expected version {VERSION}");
                bail!(anyhow::Error::new(Usage(what)).context(MAKE))
            }
            Err(error) => {
                let what = format!("{path}: expected a baseline, as --write-baseline writes it: {error}");
                bail!(anyhow::Error::new(Usage(what)).context(MAKE))
            }
        }
    }

    /// All that is against files, but for what is accepted anyway.
    pub fn of(all: &[Judged]) -> Self {
        let mut files: BTreeMap<String, File> = BTreeMap::new();
        for judged in all {
            let Some(sha256) = &judged.report.sha256 else { continue };
            let against = judged
                .findings()
                .filter(|&(finding, standing)| standing != Standing::Accepted && gate::is_against(finding));
            let findings: BTreeSet<Known> = against.map(|(finding, _)| Known::of(finding)).collect();
            if !findings.is_empty() {
                let path = judged.report.path.display().to_string();
                let file = files.entry(sha256.clone());
                file.or_insert(File { path, findings: BTreeSet::new() }).findings.extend(findings);
            }
        }
        Self { version: VERSION, files }
    }

    /// The file that [`read`](Self::read) reads.
    pub fn write(&self) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Whether a finding in the file of this digest is known.
    pub fn has(&self, sha256: Option<&str>, finding: &Finding) -> bool {
        let file = sha256.and_then(|sha256| self.files.get(sha256));
        file.is_some_and(|file| file.findings.contains(&Known::of(finding)))
    }
}

impl Known {
    fn of(finding: &Finding) -> Self {
        let (rule, member) = (finding.id.clone(), finding.part.clone());
        Self { rule, member, name: identity::name(finding).into() }
    }
}

const VERSION: u32 = 1;

const MAKE: Hint =
    Hint("the same command with --write-baseline FILE instead makes one of what is there today");
