//! What of all that was found makes a run fail.

use std::path::PathBuf;

use clap::ValueEnum;
use serde::{Serialize, Serializer};
use strongroom::validate::{Finding, Level, Report, Verdict};

use super::baseline::Baseline;

/// What a run asks of its files.
pub struct Gate {
    /// The level that all must reach.
    pub required: Level,
    /// The verdict from which on a file fails.
    pub fail_on: FailOn,
    /// What a file may have all the same.
    pub accept: Vec<Accept>,
    /// What was found before.
    pub baseline: Option<Baseline>,
}

/// The mildest verdict that makes a run fail.
#[derive(Clone, Copy, ValueEnum)]
pub enum FailOn {
    /// Only what would run or import what is not allowed
    Unsafe,
    /// That, and what readers disagree on or fail at
    Malformed,
    /// That, and what nothing is proven about
    Unverified,
}

/// What a file may have all the same.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Accept {
    /// Source code, and what makes a loader run some
    Code,
    // Formats that are known by name, and not judged.
    Arrow,
    Coreml,
    Executorch,
    Ggml,
    Hdf5,
    Libtorch,
    Msgpack,
    Onnx,
    OnnxRuntime,
    Openvino,
    Parquet,
    Protobuf,
    Sentencepiece,
    Sqlite,
    Tensorrt,
    TfSavedModel,
    Tflite,
    TorchMobile,
}

/// What a finding counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What its rule says.
    Counts,
    /// Nothing: `--accept` has its class.
    Accepted,
    /// Nothing: the baseline has it.
    Known,
}

/// A file, what was found in it, and what that means for the run.
#[derive(Serialize)]
pub struct Judged {
    /// What was found.
    #[serde(flatten)]
    pub report: Report,
    /// Other paths that lead to it.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "lossy")]
    pub links: Vec<PathBuf>,
    /// Whether it is no reason for the run to fail.
    pub passes: bool,
    /// Findings that are accepted.
    #[serde(skip_serializing_if = "is_zero")]
    pub accepted: usize,
    /// Findings that the baseline has.
    #[serde(skip_serializing_if = "is_zero")]
    pub known: usize,
    /// What each finding counts for.
    #[serde(skip)]
    pub standings: Vec<Standing>,
    /// The worst finding that counts.
    #[serde(skip)]
    pub verdict: Verdict,
    /// Whether it is safe, and at a lesser level than is required.
    #[serde(skip)]
    pub below: bool,
}

impl Gate {
    /// What a report means.
    pub fn judge(&self, report: Report, links: Vec<PathBuf>) -> Judged {
        let standing = |finding: &Finding| {
            let known = |baseline: &Baseline| baseline.has(report.sha256.as_deref(), finding);
            match finding.class.as_deref() {
                _ if !is_against(finding) => Standing::Counts,
                Some(class) if self.accepts(class, report.kind.name()) => Standing::Accepted,
                _ if self.baseline.as_ref().is_some_and(known) => Standing::Known,
                _ => Standing::Counts,
            }
        };
        let standings: Vec<Standing> = report.findings.iter().map(standing).collect();
        let count = |which| standings.iter().filter(|&&standing| standing == which).count();
        let (accepted, known) = (count(Standing::Accepted), count(Standing::Known));
        let (verdict, level) = match accepted + known {
            0 => (report.verdict, report.level),
            _ => rest(&report, &standings),
        };
        let below = level.is_some_and(|level| level < self.required);
        // What was not read was not judged: no option knows what it would pass.
        let unread = report.findings.iter().any(|finding| finding.id == UNREADABLE);
        let passes = !below && !unread && verdict < self.fail_on.verdict();
        Judged { report, links, passes, accepted, known, standings, verdict, below }
    }

    /// Whether a finding of a class may be in a file of a kind all the same.
    fn accepts(&self, class: &str, kind: &str) -> bool {
        self.accept.iter().any(|accept| match (accept, class) {
            (Accept::Code, class) => class == "code",
            (format, "format") => format.is(kind),
            _ => false,
        })
    }
}

/// Whether a finding can be passed. The level that a file reaches is no finding against it: who
/// requires one gets it.
pub fn is_against(finding: &Finding) -> bool {
    finding.verdict > Verdict::Trusting
}

/// The verdict and the level of the findings that count.
fn rest(report: &Report, standings: &[Standing]) -> (Verdict, Option<Level>) {
    let counts = report.findings.iter().zip(standings).filter(|(_, standing)| **standing == Standing::Counts);
    let start = (Verdict::Safe, Level::TensorsOnly);
    let worse = |(verdict, level): (Verdict, Level), (finding, _): (&Finding, &Standing)| {
        (verdict.max(finding.verdict), level.min(finding.level))
    };
    let (verdict, level) = counts.fold(start, worse);
    (verdict, matches!(verdict, Verdict::Safe | Verdict::Trusting).then_some(level))
}

impl Judged {
    /// The findings, and what each counts for.
    pub fn findings(&self) -> impl Iterator<Item = (&Finding, Standing)> {
        self.report.findings.iter().zip(self.standings.iter().copied())
    }
}

impl FailOn {
    fn verdict(self) -> Verdict {
        match self {
            Self::Unsafe => Verdict::Unsafe,
            Self::Malformed => Verdict::Malformed,
            Self::Unverified => Verdict::Unverified,
        }
    }
}

impl Accept {
    /// Whether this is its name.
    fn is(self, name: &str) -> bool {
        self.to_possible_value().is_some_and(|value| value.get_name() == name)
    }
}

impl Standing {
    /// What is said instead of a severity, where it counts for nothing.
    pub fn excuse(self) -> Option<&'static str> {
        match self {
            Self::Counts => None,
            Self::Accepted => Some("accepted"),
            Self::Known => Some("known"),
        }
    }
}

/// The rule for what cannot be read, or not all of it.
const UNREADABLE: &str = "SR-FILE-UNREADABLE";

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// JSON has no place for bytes that are no Unicode.
fn lossy<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(accept: Vec<Accept>, fail_on: FailOn) -> Gate {
        Gate { required: Level::NoCode, fail_on, accept, baseline: None }
    }

    /// A report of a pickle whose findings are given this class.
    fn report(pickle: &[u8], class: Option<&str>) -> Report {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, pickle).unwrap();
        let mut report = strongroom::validate(&path).unwrap();
        report.findings.iter_mut().for_each(|finding| finding.class = class.map(String::from));
        report
    }

    const EVIL: &[u8] = b"cos\nsystem\n(S'echo'\ntR.";

    #[test]
    fn code_is_accepted_only_where_it_is_asked_for_and_nothing_else_is_wrong() {
        let judged = |accept: &[Accept], class| {
            gate(accept.to_vec(), FailOn::Unverified).judge(report(EVIL, class), Vec::new())
        };
        assert!(!judged(&[], Some("code")).passes);
        assert!(!judged(&[Accept::Code], Some("runs")).passes);
        assert!(!judged(&[Accept::Code], None).passes);
        let accepted = judged(&[Accept::Code], Some("code"));
        assert!(accepted.passes && accepted.accepted == 2 && accepted.report.verdict == Verdict::Unsafe);
        let mut mixed = report(EVIL, Some("code"));
        mixed.findings[1].class = Some("runs".into());
        assert!(!gate(vec![Accept::Code], FailOn::Unsafe).judge(mixed, Vec::new()).passes);
    }

    #[test]
    fn a_format_is_accepted_by_its_own_name() {
        let accepts =
            |accept: &[Accept], class, kind| gate(accept.to_vec(), FailOn::Unsafe).accepts(class, kind);
        assert!(accepts(&[Accept::Code, Accept::Onnx], "format", "onnx"));
        assert!(accepts(&[Accept::TfSavedModel], "format", "tf-saved-model"));
        assert!(!accepts(&[Accept::Onnx], "format", "onnx-runtime"));
        assert!(!accepts(&[Accept::Onnx], "code", "onnx"));
        assert!(!accepts(&[Accept::Code], "format", "code"));
        assert!(!accepts(&[Accept::Code, Accept::Onnx], "runs", "onnx"));
    }

    #[test]
    fn each_verdict_fails_from_where_it_is_said() {
        use FailOn::{Malformed, Unsafe, Unverified};
        let passes =
            |pickle: &[u8], fail_on| gate(Vec::new(), fail_on).judge(report(pickle, None), Vec::new()).passes;
        // Unsafe is never passed.
        assert_eq!([Unsafe, Malformed, Unverified].map(|on| passes(EVIL, on)), [false; 3]);
        assert_eq!(
            [Unsafe, Malformed, Unverified].map(|on| passes(b"\x80\x02}.\0", on)),
            [true, false, false]
        );
        assert_eq!([Unsafe, Malformed, Unverified].map(|on| passes(b"\0\x01?", on)), [true, true, false]);
    }

    #[test]
    fn what_was_not_read_never_passes() {
        let unread = strongroom::validate("/dev/null").unwrap();
        let judged = gate(vec![Accept::Code], FailOn::Unsafe).judge(unread, Vec::new());
        assert_eq!((judged.report.verdict, judged.passes), (Verdict::Unverified, false));
    }
}
