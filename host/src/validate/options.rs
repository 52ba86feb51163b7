use std::time::Duration;

use crate::{Engine, Error, Limits, Result};

/// How a file is judged.
///
/// ```
/// use std::time::Duration;
/// use strongroom::ValidateOptions;
///
/// let options = ValidateOptions {
///     allow: vec!["argparse.Namespace".into()],
///     timeout: Duration::from_secs(60),
///     deep: true,
///     ..ValidateOptions::default()
/// };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidateOptions {
    /// Classes and functions that may be imported and called besides, as
    /// `module.name`. A file that needs one is [`Verdict::Trusting`](super::Verdict).
    pub allow: Vec<String>,
    /// Bytes of memory that judging one file may take.
    pub memory: usize,
    /// Time that judging one file may take, the reading of it aside.
    pub timeout: Duration,
    /// Whether the payloads are looked at as well: their checksums, and how many of
    /// their numbers are NaN or infinite. Every byte is read then.
    pub deep: bool,
    /// Whether each file's SHA-256 is computed: [`Report::sha256`](super::Report). Every byte is
    /// read then.
    pub digest: bool,
}

impl Default for ValidateOptions {
    /// 512 MiB and 10 seconds, of which an ordinary checkpoint uses a few megabytes
    /// and milliseconds.
    fn default() -> Self {
        let (memory, timeout) = (512 << 20, Duration::from_secs(10));
        Self { allow: Vec::new(), memory, timeout, deep: false, digest: false }
    }
}

impl ValidateOptions {
    /// Refuses what contradicts itself.
    ///
    /// # Errors
    /// If a name to allow is no `module.name`.
    pub fn check(&self) -> Result<()> {
        let whole = |name: &&String| name.split_once('.').is_none() || name.split('.').any(str::is_empty);
        match self.allow.iter().find(whole) {
            None => Ok(()),
            Some(name) => {
                Err(Error::Value(format!("what is allowed should be MODULE.NAME, and {name:?} is not")))
            }
        }
    }

    /// The engine under these limits.
    pub(super) fn engine(&self, engine: &Engine) -> Engine {
        engine.limited(Limits { memory: self.memory, deadline: self.timeout, ..*engine.limits() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_to_allow_have_a_module() {
        let check = |allow: &str| {
            ValidateOptions { allow: vec![allow.into()], ..ValidateOptions::default() }.check().is_ok()
        };
        assert!(check("argparse.Namespace") && check("a.b.C"));
        assert!(!check("Namespace") && !check("") && !check(".a") && !check("a.") && !check("a..b"));
    }
}
