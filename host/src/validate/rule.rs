use std::collections::HashMap;
use std::fmt;

use serde::Serialize;

use super::level::Level;
use crate::sandbox::bindings::validator as wit;

/// What a file is, from best to worst. Its worst finding decides.
///
/// ```
/// use strongroom::Verdict;
///
/// assert!(Verdict::Safe < Verdict::Inert && Verdict::Inert < Verdict::Trusting && Verdict::Trusting < Verdict::Unverified);
/// assert!(Verdict::Unverified < Verdict::Malformed && Verdict::Malformed < Verdict::Unsafe);
/// assert_eq!(Verdict::Unverified.to_string(), "unverified");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every byte is accounted for, and all it does is build allowed data.
    Safe,
    /// No reader of models opens it: a text, an image. Nothing in it is proven, and nothing needs
    /// to be.
    Inert,
    /// As safe, but for names that [`ValidateOptions::allow`](crate::ValidateOptions) has: what
    /// those do nobody knows.
    Trusting,
    /// A limit was reached, something is of a kind not known, or it cannot be read:
    /// nothing is proven.
    Unverified,
    /// Readers may disagree on it or fail.
    Malformed,
    /// It would run or import something that is not allowed.
    Unsafe,
}

/// How much a finding matters to a reader of the report.
///
/// ```
/// use strongroom::validate::Severity;
///
/// assert!(Severity::Note < Severity::Warning && Severity::Warning < Severity::Error);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Unusual, and no reason against the file.
    Warning,
    /// The file is not safe because of it.
    Error,
}

/// What is looked for.
///
/// ```
/// use strongroom::validate::{Severity, Verdict};
///
/// # fn main() -> strongroom::Result<()> {
/// for rule in strongroom::rules()? {
///     assert_eq!(rule.severity == Severity::Error, rule.verdict > Verdict::Trusting);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// `SR-<SUBJECT>-<WHAT>`. It never changes its meaning.
    pub id: String,
    /// What a finding means for the verdict: [`Verdict::Safe`] for nothing.
    pub verdict: Verdict,
    /// How much it matters; [`Severity::Error`] exactly where the verdict is worse than
    /// [`Verdict::Trusting`].
    pub severity: Severity,
    /// The strictest level that a file reaches where it breaks this, if it is safe at all.
    pub level: Level,
    /// What it is about, where the verdict alone does not say it: `runs`, names that are known to
    /// run code; `foreign`, names that nobody here knows; `code`, source code; `format`, a format
    /// that is known by name and not judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// What is wrong, in a few words.
    pub title: String,
    /// Why that matters, and what to do.
    pub help: String,
}

/// The rules of a component, and those of the host after them.
pub(crate) struct Rules {
    all: Vec<Rule>,
    /// How many of them are the component's.
    component: usize,
    by_id: HashMap<String, usize>,
}

impl Rules {
    /// Adds the host's rules to those of a component, which is believed none that
    /// makes no sense.
    pub(crate) fn new(component: Vec<wit::Rule>) -> Result<Self, String> {
        if component.len() > MOST_RULES {
            return Err(format!("the component has {} rules", component.len()));
        }
        let mut all: Vec<Rule> = component.into_iter().map(Rule::from).collect();
        let component = all.len();
        // A rule that both judge by is one rule.
        let shared =
            |host: &&&HostRule| all.iter().any(|rule| rule.id == host.id && rule.verdict == host.verdict);
        let host: Vec<Rule> = HOST.iter().filter(|rule| !shared(rule)).map(|rule| rule.rule()).collect();
        all.extend(host);
        let mut by_id = HashMap::new();
        for (index, rule) in all.iter().enumerate() {
            let named = rule.id.starts_with("SR-")
                && rule.id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-');
            let consistent = (rule.severity == Severity::Error) == (rule.verdict > Verdict::Trusting);
            if !named || !consistent || by_id.insert(rule.id.clone(), index).is_some() {
                return Err(format!("the component's rule {index} is none"));
            }
        }
        Ok(Self { all, component, by_id })
    }

    pub(crate) fn all(&self) -> &[Rule] {
        &self.all
    }

    /// The component's rule of this id.
    pub(crate) fn of_component(&self, id: &str) -> Option<&Rule> {
        let index = self.by_id.get(id).filter(|&&index| index < self.component)?;
        self.all.get(*index)
    }

    /// How many findings the component may list.
    pub(crate) fn most(&self) -> usize {
        self.component * LISTED
    }

    /// A rule of the host.
    pub(super) fn host(&self, rule: &HostRule) -> Rule {
        // One of the two is there: the table was made of both.
        self.by_id.get(rule.id).and_then(|&index| self.all.get(index)).cloned().unwrap_or_else(|| rule.rule())
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_id.keys()).finish()
    }
}

/// A rule that the host judges by.
pub(super) struct HostRule {
    pub(super) id: &'static str,
    verdict: Verdict,
    severity: Severity,
    title: &'static str,
    help: &'static str,
}

impl HostRule {
    fn rule(&self) -> Rule {
        let Self { id, verdict, severity, title, help } = *self;
        let level = Level::TensorsOnly;
        Rule { id: id.into(), verdict, severity, level, class: None, title: title.into(), help: help.into() }
    }
}

/// It could not be read, or not all of it.
pub(super) static UNREADABLE: HostRule = HostRule {
    id: "SR-FILE-UNREADABLE",
    verdict: Verdict::Unverified,
    severity: Severity::Error,
    title: "the file cannot be read",
    help: "Nothing is proven about what was not read. Look at its name, its permissions and the disk; what is no \
           regular file, as a pipe or a device, is never read.",
};

/// The sandbox ended before the validator did.
pub(super) static STOPPED: HostRule = HostRule {
    id: "SR-FILE-LIMIT",
    verdict: Verdict::Unverified,
    severity: Severity::Error,
    title: "a limit was reached",
    help: "The file took more than one validation may take, as bombs do. If it is meant to be this large, \
           raise the limit by the option that the finding names. Where it names none, none helps.",
};

/// The validator said what cannot be true.
pub(super) static UNTRUE: HostRule = HostRule {
    id: "SR-FILE-UNTRUE",
    verdict: Verdict::Unverified,
    severity: Severity::Error,
    title: "the validator failed",
    help: "What judges files gave an answer that cannot be true, and it was not believed. Keep the file away \
           from other readers, and report it as a defect of strongroom.",
};

/// Its name says that it is not whole.
pub(super) static PARTIAL: HostRule = HostRule {
    id: "SR-FILE-PARTIAL",
    verdict: Verdict::Safe,
    severity: Severity::Warning,
    title: "the name of a download that is not finished",
    help: "What loads files calls them so while they come, or leaves them so when it is broken off. Let it be \
           finished, or download it again, before anything else that was found is believed.",
};

/// The commit record is none.
pub(super) static RECORD: HostRule = HostRule {
    id: "SR-DIRECTORY-RECORD",
    verdict: Verdict::Malformed,
    severity: Severity::Error,
    title: "the commit record is damaged",
    help: "Without its record nobody knows which files belong to a checkpoint. Restore the directory from \
           another copy.",
};

/// The commit record is of another program's.
pub(super) static NEWER: HostRule = HostRule {
    id: "SR-DIRECTORY-NEWER",
    verdict: Verdict::Unverified,
    severity: Severity::Error,
    title: "the commit record is of a newer version",
    help: "A newer strongroom wrote it, and knows which files belong to the checkpoint: upgrade this one. The \
           files are judged one by one all the same.",
};

/// A file of the set is not there.
pub(super) static MISSING: HostRule = HostRule {
    id: "SR-DIRECTORY-MISSING",
    verdict: Verdict::Malformed,
    severity: Severity::Error,
    title: "a committed file is missing",
    help: "The checkpoint is not whole. Restore the file from another copy.",
};

/// A file of the set is another than was committed.
pub(super) static CHANGED: HostRule = HostRule {
    id: "SR-DIRECTORY-CHANGED",
    verdict: Verdict::Malformed,
    severity: Severity::Error,
    title: "a file is not the one that was committed",
    help: "It was cut short, or replaced by a file of another save. Restore it from another copy.",
};

/// A file is there that was not committed.
pub(super) static EXTRA: HostRule = HostRule {
    id: "SR-DIRECTORY-EXTRA",
    verdict: Verdict::Safe,
    severity: Severity::Warning,
    title: "a file is beside the checkpoint that was not committed with it",
    help: "No reader of the checkpoint opens it. It is judged like any other file.",
};

/// A file that a distributed checkpoint's metadata names is not there.
pub(super) static ABSENT: HostRule = HostRule {
    id: "SR-DCP-MISSING",
    verdict: Verdict::Malformed,
    severity: Severity::Error,
    title: "a file that the metadata names is missing",
    help: "The checkpoint is not whole: dcp.load fails. Restore the file from another copy.",
};

/// A file of a distributed checkpoint that its metadata does not name.
pub(super) static STALE: HostRule = HostRule {
    id: "SR-DCP-STALE",
    verdict: Verdict::Safe,
    severity: Severity::Warning,
    title: "a file of items that the metadata does not name",
    help: "dcp.load does not open it: it is left from another save of the directory. It is judged by itself.",
};

/// A payload is not what it was.
pub(super) static CHECKSUM: HostRule = HostRule {
    id: "SR-ZIP-CRC",
    verdict: Verdict::Malformed,
    severity: Severity::Error,
    title: "data has another checksum than was recorded",
    help: "The file was damaged after it was written, or changed by hand. Restore it from another copy.",
};

/// A tensor has numbers that are none.
pub(super) static NON_FINITE: HostRule = HostRule {
    id: "SR-TENSOR-NAN",
    verdict: Verdict::Safe,
    severity: Severity::Note,
    title: "a tensor has NaN or infinite values",
    help: "The file is fine, and the training that wrote it may have diverged. Masks of attention often have \
           infinite values on purpose.",
};

/// A tensor has booleans that are none.
pub(super) static BOOLEAN: HostRule = HostRule {
    id: "SR-TENSOR-BOOLEAN",
    verdict: Verdict::Malformed,
    severity: Severity::Error,
    title: "a tensor of booleans has bytes that are none",
    help: "Operations on them disagree: some take any byte but 0 for true, some its last bit. PyTorch writes \
           0 and 1.",
};

/// A tensor was not looked at.
pub(super) static UNCOUNTED: HostRule = HostRule {
    id: "SR-TENSOR-UNCOUNTED",
    verdict: Verdict::Safe,
    severity: Severity::Note,
    title: "NaN and infinite values were not counted",
    help: "The tensors of the file cannot be read, or overlap so much that counting would take too long. \
           Checksums were verified all the same.",
};

const HOST: [&HostRule; 15] = [
    &UNREADABLE,
    &STOPPED,
    &UNTRUE,
    &PARTIAL,
    &RECORD,
    &NEWER,
    &MISSING,
    &CHANGED,
    &EXTRA,
    &ABSENT,
    &STALE,
    &CHECKSUM,
    &NON_FINITE,
    &BOOLEAN,
    &UNCOUNTED,
];

/// Findings of one rule that are listed; what is beyond is counted.
pub(super) const LISTED: usize = 100;

const MOST_RULES: usize = 1000;

impl Verdict {
    /// Its name: `safe`, `trusting`, `unverified`, `malformed`, `unsafe`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Inert => "inert",
            Self::Trusting => "trusting",
            Self::Unverified => "unverified",
            Self::Malformed => "malformed",
            Self::Unsafe => "unsafe",
        }
    }
}

impl Severity {
    /// Its name: `note`, `warning`, `error`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl From<wit::Verdict> for Verdict {
    fn from(verdict: wit::Verdict) -> Self {
        match verdict {
            wit::Verdict::Safe => Self::Safe,
            wit::Verdict::Inert => Self::Inert,
            wit::Verdict::Trusting => Self::Trusting,
            wit::Verdict::Unverified => Self::Unverified,
            wit::Verdict::Malformed => Self::Malformed,
            wit::Verdict::Unsafe => Self::Unsafe,
        }
    }
}

impl From<wit::Rule> for Rule {
    fn from(wit::Rule { id, verdict, severity, level, class, title, help }: wit::Rule) -> Self {
        let severity = match severity {
            wit::Severity::Note => Severity::Note,
            wit::Severity::Warning => Severity::Warning,
            wit::Severity::Error => Severity::Error,
        };
        Self { id, verdict: verdict.into(), severity, level: level.into(), class, title, help }
    }
}
