//! What both this crate and the contract have a word for, from one to the other.

use super::bindings::{reader, types as wit};
use crate::error::{Fault, Finding, Unfit};
use crate::limits::FormatLimits;

impl From<wit::Error> for Fault {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::Malformed(fault) => Self::Malformed(fault.into()),
            wit::Error::Unsupported(fault) => Self::Unsupported(fault.into()),
            wit::Error::Truncated(fault) => Self::Truncated(fault.into()),
            wit::Error::Limit(wit::Excess { offset, limit, allowed }) => {
                Self::Limit { offset, limit, allowed }
            }
            wit::Error::Unrepresentable(unfit) => {
                Self::Unrepresentable(unfit.into_iter().map(Unfit::from).collect())
            }
            wit::Error::Misuse(what) => Self::Misuse(what),
        }
    }
}

impl From<wit::Fault> for Finding {
    fn from(wit::Fault { offset, part, expected, found }: wit::Fault) -> Self {
        Self { offset, part, expected, found }
    }
}

impl From<wit::Unfit> for Unfit {
    fn from(wit::Unfit { path, reason }: wit::Unfit) -> Self {
        Self { path, reason }
    }
}

impl From<FormatLimits> for reader::Limits {
    fn from(limits: FormatLimits) -> Self {
        let FormatLimits {
            entries,
            directory_bytes,
            pickle_bytes,
            opcodes,
            memo,
            string_bytes,
            depth,
            nodes,
            tree,
        } = limits;
        Self { entries, directory_bytes, pickle_bytes, opcodes, memo, string_bytes, depth, nodes, tree }
    }
}
