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

/// The classes, in the order of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Pass,
    HardFail,
    SilentDivergence,
    LostWork,
}

impl Outcome {
    pub fn class(&self) -> Class {
        match self {
            Self::Pass => Class::Pass,
            Self::HardFail(_) => Class::HardFail,
            Self::SilentDivergence(_) => Class::SilentDivergence,
            Self::LostWork(_) => Class::LostWork,
        }
    }

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
        *match outcome.class() {
            Class::Pass => &mut self.pass,
            Class::HardFail => &mut self.hard_fail,
            Class::SilentDivergence => &mut self.silent_divergence,
            Class::LostWork => &mut self.lost_work,
        } += 1;
    }

    pub fn points(&self) -> usize {
        self.pass + self.hard_fail + self.silent_divergence + self.lost_work
    }
}
