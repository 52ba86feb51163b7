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
    /// The same for files with findings of the class `code` alone: whoever knows one of these knows
    /// it by its bytes.
    pub digest_of_code: bool,
}

impl Default for ValidateOptions {
    /// 512 MiB and 10 seconds, of which an ordinary checkpoint uses a few megabytes
    /// and milliseconds.
    fn default() -> Self {
        let (memory, timeout) = (512 << 20, Duration::from_secs(10));
        Self { allow: Vec::new(), memory, timeout, deep: false, digest: false, digest_of_code: false }
    }
}

impl ValidateOptions {
    /// Refuses what contradicts itself.
    ///
    /// # Errors
    /// If a name to allow is no full `module.name`, as one with a wildcard.
    pub fn check(&self) -> Result<()> {
        match self.allow.iter().find(|name| !is_full_name(name)) {
            None => Ok(()),
            Some(name) => Err(Error::Value(format!(
                "what is allowed should be the full name of one class or function, as \
                 `argparse.Namespace`, and {name:?} is not"
            ))),
        }
    }

    /// The engine under these limits.
    pub(super) fn engine(&self, engine: &Engine) -> Engine {
        engine.limited(Limits { memory: self.memory, deadline: self.timeout, ..*engine.limits() })
    }
}

/// Whether this may be the module and the name of something. Modules are files, and may have a dash.
fn is_full_name(name: &str) -> bool {
    let is_part =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    name.contains('.') && name.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_to_allow_have_a_module() {
        let check = |allow: &str| {
            ValidateOptions { allow: vec![allow.into()], ..ValidateOptions::default() }.check().is_ok()
        };
        assert!(check("argparse.Namespace") && check("a.b.C") && check("my-net._Net2") && check("café.Été"));
        assert!(!check("Namespace") && !check("") && !check(".a") && !check("a.") && !check("a..b"));
        assert!(["torch.*", "torch.?", "a.[bc]", "a.b c", "a.b()", "a:b.c"].map(check) == [false; 6]);
    }
}
