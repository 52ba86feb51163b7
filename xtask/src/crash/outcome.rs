//! What became of a checkpoint after a fault.

use std::fmt;

/// What a process that starts after a fault finds, from the best to the worst.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The newest committed checkpoint is there and whole, and saving goes on.
    Pass,
    /// Something does not work until a person does something about it.
    HardFail(String),
    /// A checkpoint is older than it should be, or there is none.
    LostWork(String),
    /// A checkpoint is taken for whole, and holds other bytes than were saved.
    SilentDivergence(String),
}

impl Outcome {
    pub fn passed(&self) -> bool {
        *self == Self::Pass
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => write!(f, "pass"),
            Self::HardFail(reason) => write!(f, "hard fail: {reason}"),
            Self::LostWork(reason) => write!(f, "lost work: {reason}"),
            Self::SilentDivergence(reason) => write!(f, "silent divergence: {reason}"),
        }
    }
}

/// How the points of one job and one fault went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub pass: usize,
    pub hard_fail: usize,
    pub silent_divergence: usize,
    pub lost_work: usize,
}

impl Tally {
    pub fn add(&mut self, outcome: &Outcome) {
        *match outcome {
            Outcome::Pass => &mut self.pass,
            Outcome::HardFail(_) => &mut self.hard_fail,
            Outcome::SilentDivergence(_) => &mut self.silent_divergence,
            Outcome::LostWork(_) => &mut self.lost_work,
        } += 1;
    }

    pub fn join(&mut self, other: &Self) {
        self.pass += other.pass;
        self.hard_fail += other.hard_fail;
        self.silent_divergence += other.silent_divergence;
        self.lost_work += other.lost_work;
    }

    pub fn points(&self) -> usize {
        self.pass + self.hard_fail + self.silent_divergence + self.lost_work
    }
}
