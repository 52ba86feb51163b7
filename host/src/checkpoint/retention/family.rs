//! Which checkpoints belong together, by their names.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use globset::Glob;
use serde::{Deserialize, Serialize};

use crate::Error;

/// The checkpoints of one run have one name but for a number: `step-100` and `step-200`
/// are of the family `step-`, `encoder-100` and `best` of others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Family {
    before: OsString,
    /// What follows the number, if there is one.
    after: Option<String>,
}

/// A name, taken apart.
pub(super) struct Name {
    pub(super) family: Family,
    /// None too if it is beyond 64 bits.
    pub(super) number: Option<u64>,
    digits: String,
}

impl Name {
    /// The number of a name is the last one that stands by itself, between characters that
    /// are neither letters nor digits: 100 in `step-100-fp16` and `epoch=3-step=100`. If
    /// none does it is the one at the end: 7 in `epoch3step7`.
    pub(super) fn of(name: &OsStr) -> Self {
        // Names that are no UTF-8 and print alike are not of one family.
        let text = name.to_str().unwrap_or_default();
        let Some((start, end)) = place(text) else {
            let family = Family { before: name.into(), after: None };
            return Self { family, number: None, digits: String::new() };
        };
        let (before, rest) = text.split_at(start);
        let (digits, after) = rest.split_at(end - start);
        let family = Family { before: before.into(), after: Some(after.into()) };
        Self { family, number: digits.parse().ok(), digits: digits.into() }
    }

    /// Whether it has a number that is a multiple of another, however many digits it has.
    pub(super) fn is_multiple_of(&self, every: NonZeroU64) -> bool {
        let every = u128::from(every.get());
        let digits = self.digits.chars().filter_map(|digit| digit.to_digit(10));
        !self.digits.is_empty() && digits.fold(0, |rest, digit| (rest * 10 + u128::from(digit)) % every) == 0
    }
}

/// Where the number of a name begins and ends.
fn place(name: &str) -> Option<(usize, usize)> {
    let is_digit = |c: char| c.is_ascii_digit();
    let mut end = name.len();
    let mut words = Vec::new();
    for word in name.split(|c: char| !c.is_alphanumeric()).rev() {
        let start = end - word.len();
        words.push((start, end, word));
        // What separates words may have several bytes.
        end = name.get(..start).and_then(|rest| rest.char_indices().next_back()).map_or(0, |(at, _)| at);
    }
    let alone = words.iter().find(|(.., word)| !word.is_empty() && word.chars().all(is_digit));
    if let Some((start, end, _)) = alone {
        return Some((*start, *end));
    }
    let digits = name.len() - name.trim_end_matches(is_digit).len();
    (digits > 0).then(|| (name.len() - digits, name.len()))
}

/// A glob of names of checkpoints: `step-*`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(Glob);

impl Pattern {
    /// Whether it is a name of those.
    pub fn matches(&self, name: impl AsRef<OsStr>) -> bool {
        self.0.compile_matcher().is_match(name.as_ref())
    }
}

impl FromStr for Pattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let glob = Glob::new(text)
            .map_err(|error| Error::Value(format!("the pattern `{text}`: {}", error.kind())))?;
        Ok(Self(glob))
    }
}

impl TryFrom<String> for Pattern {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0.glob().into()
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0.glob(), f)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn a_number_stands_by_itself_or_at_the_end() {
        let cases = [
            ("step-100", "step-", Some(("", Some(100)))),
            ("step-100-fp16", "step-", Some(("-fp16", Some(100)))),
            ("step_100.bak", "step_", Some((".bak", Some(100)))),
            ("epoch=3-step=0200", "epoch=3-step=", Some(("", Some(200)))),
            ("global_step1000", "global_step", Some(("", Some(1000)))),
            ("epoch3step7", "epoch3step", Some(("", Some(7)))),
            ("100", "", Some(("", Some(100)))),
            ("schritt…5", "schritt…", Some(("", Some(5)))),
            ("99999999999999999999999", "", Some(("", None))),
            ("best", "best", None),
            ("best-fp16a", "best-fp16a", None),
            ("", "", None),
        ];
        for (name, before, rest) in cases {
            let found = Name::of(OsStr::new(name));
            let after = rest.map(|(after, _)| after.to_owned());
            assert_eq!(found.family, Family { before: before.into(), after }, "{name}");
            assert_eq!(found.number, rest.and_then(|(_, number)| number), "{name}");
        }
    }

    #[test]
    fn a_multiple_may_have_any_number_of_digits() {
        let is_multiple =
            |name: &str| Name::of(OsStr::new(name)).is_multiple_of(NonZeroU64::new(100).unwrap());
        for name in
            ["step-100", "step-0", "step-00200-fp16", "step-100000000000000000000000000000000000000000"]
        {
            assert!(is_multiple(name), "{name}");
        }
        for name in ["step-150", "best", "", "step-100000000000000000000000000000000000000001"] {
            assert!(!is_multiple(name), "{name}");
        }
    }

    #[test]
    fn names_that_print_alike_are_of_families_of_their_own() {
        let family = |name: &[u8]| Name::of(OsStr::from_bytes(name)).family;
        assert_ne!(family(b"s\xfe-1"), family(b"s\xfd-1"));
    }

    #[test]
    fn a_name_without_number_is_no_number_of_the_others() {
        assert_ne!(Name::of(OsStr::new("step-")).family, Name::of(OsStr::new("step-1")).family);
    }
}
