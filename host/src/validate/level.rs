use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::Error;
use crate::sandbox::bindings::validator as wit;

/// How much a file asks of those who load it, from the most to the least. Each level has all
/// that the next has, and more.
///
/// ```
/// use strongroom::validate::Level;
///
/// assert!(Level::NoCode < Level::WeightsOnly && Level::WeightsOnly < Level::TensorsOnly);
/// assert_eq!("no-code".parse::<Level>().unwrap(), Level::NoCode);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Loading and using it runs no code of the file's choice: objects are of classes that are
    /// proven harmless for the arguments given.
    #[default]
    NoCode,
    /// `torch.load(weights_only=True)` of torch 2.15 builds it too.
    WeightsOnly,
    /// Tensors, numbers, texts and containers of them; no classes at all.
    TensorsOnly,
}

impl Level {
    /// All levels, from the one that asks the most.
    pub const ALL: [Self; 3] = [Self::NoCode, Self::WeightsOnly, Self::TensorsOnly];

    /// Its name: `no-code`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoCode => "no-code",
            Self::WeightsOnly => "weights-only",
            Self::TensorsOnly => "tensors-only",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Level {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|level| level.name() == name);
        found.ok_or_else(|| {
            Error::Value(format!("{name:?} is no level: there are no-code, weights-only and tensors-only"))
        })
    }
}

impl From<wit::Level> for Level {
    fn from(level: wit::Level) -> Self {
        match level {
            wit::Level::NoCode => Self::NoCode,
            wit::Level::WeightsOnly => Self::WeightsOnly,
            wit::Level::TensorsOnly => Self::TensorsOnly,
        }
    }
}
