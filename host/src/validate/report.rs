use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::kind::Kind;
use super::level::Level;
use super::rule::{HostRule, LISTED, Rule, Rules, Severity, Verdict};
use crate::sandbox::bindings::validator as wit;

/// What was found in a file.
///
/// ```
/// # fn main() -> strongroom::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("model.pt");
/// # strongroom::save(&path, &strongroom::StateDict::new())?;
/// let report = strongroom::validate(&path)?;
/// println!("{}: {} ({})", report.path.display(), report.verdict, report.kind);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The file or directory, as it was asked for.
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
    /// What it is.
    #[serde(rename = "format")]
    pub kind: Kind,
    /// The worst of all findings.
    pub verdict: Verdict,
    /// The strictest level that it reaches, if it is safe; if it is trusting, none above
    /// [`Level::NoCode`], as what is allowed by name is no list of PyTorch's.
    pub level: Option<Level>,
    /// What was found, in the order it was.
    pub findings: Vec<Finding>,
    /// Findings beyond the first hundred of a rule: counted, not listed.
    pub unlisted: u64,
    /// The SHA-256 of the file that was judged, in hex, if it was asked for and all of it could be
    /// read. A directory has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Whether it has tensors' data that is read as it lies in the file.
    #[serde(skip)]
    pub has_payloads: bool,
    /// What was found in the payloads, if they were looked at.
    #[serde(flatten)]
    pub deep: Option<Deep>,
}

/// One thing found in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The id of a [`Rule`].
    pub id: String,
    /// How much it matters.
    pub severity: Severity,
    /// The strictest level that it leaves, if the file is safe at all.
    #[serde(skip)]
    pub level: Level,
    /// What it is about: [`Rule::class`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// What it makes of the file: [`Verdict::Safe`] for nothing.
    #[serde(skip)]
    pub verdict: Verdict,
    /// Bytes from the start of the file; for what was compressed, where the
    /// compressed bytes start.
    pub offset: u64,
    /// The member it is in, outermost archive first; empty for the file itself. In
    /// the report of a directory, the file.
    pub part: String,
    /// Bytes from the start of the part, decompressed.
    pub part_offset: u64,
    /// What was found there, and what it would do. Text from the file may be in it,
    /// and control characters: escape them for a terminal.
    pub message: String,
    /// Why that matters, and what to do.
    pub help: String,
}

/// What was found in a file's payloads.
///
/// ```
/// use strongroom::store::Local;
/// use strongroom::{Engine, StateDict, Tensor, ValidateOptions, validate_in};
///
/// # fn main() -> strongroom::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("model.pt");
/// let mut state = StateDict::new();
/// state.insert("weight", Tensor::from_vec(vec![1.0, f32::NAN, f32::INFINITY], &[3])?);
/// strongroom::save(&path, &state)?;
///
/// let options = ValidateOptions { deep: true, ..ValidateOptions::default() };
/// let deep = validate_in(Engine::shared()?, &Local, &path, &options)?.deep.unwrap();
/// assert_eq!(deep.checked, 1);
/// assert_eq!((deep.tensors[0].path.as_str(), deep.tensors[0].nan, deep.tensors[0].inf), ("weight", 1, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Deep {
    /// Payloads whose checksum was computed.
    #[serde(rename = "checksums")]
    pub checked: usize,
    /// Tensors that have NaN or infinite values, by path. Each path of a tensor that
    /// has several counts.
    pub tensors: Vec<NonFinite>,
}

/// How many values of a tensor are no numbers, or not finite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NonFinite {
    /// The tensor's path in the state dict.
    pub path: String,
    /// Values that are NaN, as `torch.isnan` says.
    pub nan: u64,
    /// Values that are infinite, as `torch.isinf` says.
    pub inf: u64,
}

impl Report {
    /// Nothing was found yet.
    pub(super) fn new(path: &Path, kind: Kind) -> Self {
        let (findings, unlisted) = (Vec::new(), 0);
        let level = Some(Level::TensorsOnly);
        let (sha256, deep) = (None, None);
        let (verdict, has_payloads) = (Verdict::Safe, false);
        Self { path: path.into(), kind, verdict, level, findings, unlisted, sha256, has_payloads, deep }
    }

    /// Whether it is good enough where this level is required: safe, and at this level or a
    /// stricter one, or inert.
    ///
    /// ```
    /// use strongroom::validate::Level;
    ///
    /// # fn main() -> strongroom::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let path = directory.path().join("range.pkl");
    /// std::fs::write(&path, b"c__builtin__\nrange\n(I3\ntR.").unwrap();
    /// let report = strongroom::validate(&path)?;
    /// assert!(report.reaches(Level::NoCode) && !report.reaches(Level::WeightsOnly));
    /// # Ok(())
    /// # }
    /// ```
    pub fn reaches(&self, required: Level) -> bool {
        self.verdict == Verdict::Inert || self.level.is_some_and(|level| level >= required)
    }

    /// Counts a verdict in, and the level that it leaves.
    fn worsen(&mut self, verdict: Verdict, level: Option<Level>) {
        self.verdict = self.verdict.max(verdict);
        let level = self.level.zip(level).map(|(one, other)| one.min(other));
        self.level = level.filter(|_| matches!(self.verdict, Verdict::Safe | Verdict::Trusting));
    }

    /// Adds a finding of the component.
    pub(super) fn add(&mut self, rule: &Rule, finding: wit::Finding) {
        let level = match rule.verdict {
            Verdict::Trusting => Level::NoCode,
            _ => rule.level,
        };
        self.worsen(rule.verdict, Some(level));
        let wit::Finding { offset, part, part_offset, message, .. } = finding;
        self.findings.push(Finding {
            id: rule.id.clone(),
            severity: rule.severity,
            level,
            class: rule.class.clone(),
            verdict: rule.verdict,
            offset,
            part,
            part_offset,
            message,
            help: rule.help.clone(),
        });
    }

    /// Adds a finding of the host, or counts it where there are too many like it.
    pub(super) fn find(&mut self, rules: &Rules, rule: &HostRule, offset: u64, part: &str, message: String) {
        if self.findings.iter().filter(|finding| finding.id == rule.id).count() >= LISTED {
            self.unlisted = self.unlisted.saturating_add(1);
            return;
        }
        let finding =
            wit::Finding { rule: String::new(), offset, part: part.into(), part_offset: 0, message };
        self.add(&rules.host(rule), finding);
    }

    /// Adds all that was found in a file of this directory.
    pub(super) fn absorb(&mut self, file: Self, name: &str) {
        self.worsen(file.verdict, file.level);
        self.unlisted = self.unlisted.saturating_add(file.unlisted);
        for mut finding in file.findings {
            finding.part = match finding.part.as_str() {
                "" => name.into(),
                part => format!("{name} > {part}"),
            };
            self.findings.push(finding);
        }
    }
}

/// JSON has no place for bytes that are no Unicode.
fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    let text: Cow<'_, str> = path.to_string_lossy();
    serializer.serialize_str(&text)
}
