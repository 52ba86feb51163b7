use alloc::string::String;

use super::level::Level;

/// What a file is, from best to worst. The worst finding decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Every byte is accounted for, and all it does is build allowed data.
    Safe,
    /// No reader of models opens it: a text, an image.
    Inert,
    /// As safe, but for names that the user allows: nobody knows what those do.
    Trusting,
    /// A limit was reached or something is of a kind not known: nothing is proven.
    Unverified,
    /// Readers may disagree on it or fail.
    Malformed,
    /// It would run or import something that is not allowed.
    Unsafe,
}

/// How much a finding matters to a reader of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Unusual, and no reason against the file.
    Warning,
    /// The file is not safe because of it.
    Error,
}

/// What a finding is about, where a verdict alone does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Names that are known to run code, or to reach what does.
    Runs,
    /// Names that nobody here knows: classes of some other package.
    Foreign,
    /// Source code, and what makes a loader run some.
    Code,
    /// A format that is known by name, and not judged.
    Format,
}

/// What is looked for. Its id never changes its meaning.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// `SR-<SUBJECT>-<WHAT>`
    pub id: &'static str,
    /// What a finding means for the verdict: [`Verdict::Safe`] for nothing.
    pub verdict: Verdict,
    /// How much it matters; [`Severity::Error`] exactly where the verdict is worse than
    /// [`Verdict::Trusting`].
    pub severity: Severity,
    /// The strictest level that a file reaches where it breaks this, if it is safe at all.
    pub level: Level,
    /// What it is about.
    pub class: Option<Class>,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// Why that matters, and what to do.
    pub help: &'static str,
}

/// One thing found in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked for.
    pub rule: &'static Rule,
    /// Bytes from the start of the file; for what was compressed, where the
    /// compressed bytes start.
    pub offset: u64,
    /// The member it is in, outermost archive first; empty for the file itself.
    pub part: String,
    /// Bytes from the start of the part, decompressed.
    pub part_offset: u64,
    /// What was found there, and what it would do.
    pub message: String,
    /// Whether it says no more than that the file ends too early.
    pub(super) is_cut: bool,
}

impl Class {
    /// Its name: `runs`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Foreign => "foreign",
            Self::Code => "code",
            Self::Format => "format",
        }
    }
}

impl Rule {
    const fn new(
        (verdict, severity): (Verdict, Severity),
        id: &'static str,
        title: &'static str,
        help: &'static str,
    ) -> Self {
        Self { id, verdict, severity, level: Level::TensorsOnly, class: None, title, help }
    }

    /// Whatever breaks it would run or import what is not allowed.
    pub(super) const fn refused(id: &'static str, title: &'static str, help: &'static str) -> Self {
        Self::new((Verdict::Unsafe, Severity::Error), id, title, help)
    }

    /// Readers may disagree on whatever breaks it, or fail.
    pub(super) const fn malformed(id: &'static str, title: &'static str, help: &'static str) -> Self {
        Self::new((Verdict::Malformed, Severity::Error), id, title, help)
    }

    /// Whatever breaks it cannot be judged.
    pub(super) const fn unverified(id: &'static str, title: &'static str, help: &'static str) -> Self {
        Self::new((Verdict::Unverified, Severity::Error), id, title, help)
    }

    /// Whatever breaks it is what the user allows.
    pub(super) const fn trusted(id: &'static str, title: &'static str, help: &'static str) -> Self {
        Self::new((Verdict::Trusting, Severity::Note), id, title, help)
    }

    /// No reader of models opens whatever breaks it.
    pub(super) const fn inert(id: &'static str, title: &'static str, help: &'static str) -> Self {
        Self::new((Verdict::Inert, Severity::Note), id, title, help)
    }

    /// Unusual, and no reason against a file.
    pub(super) const fn warning(id: &'static str, title: &'static str, help: &'static str) -> Self {
        Self::new((Verdict::Safe, Severity::Warning), id, title, help)
    }

    /// Worth knowing.
    pub(super) const fn note(id: &'static str, title: &'static str, help: &'static str) -> Self {
        Self::new((Verdict::Safe, Severity::Note), id, title, help)
    }

    /// The same rule, for what reaches this level and no stricter one.
    pub(super) const fn at(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// The same rule, about this.
    pub(super) const fn about(mut self, class: Class) -> Self {
        self.class = Some(class);
        self
    }
}
