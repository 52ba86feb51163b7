//! What is asked of a rank's file.

use std::fs;
use std::path::Path;

use serde::Deserialize;

/// The arguments of the save that this hook knows.
#[derive(Debug, Deserialize)]
pub struct Arguments {
    /// The most bytes that one rank's file may have; no limit if absent.
    pub max_bytes: Option<u64>,
}

impl Arguments {
    /// Understands the arguments as the host passes them, a JSON object.
    pub fn parse(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|error| format!("the hook's arguments: {error}"))
    }
}

/// Whether `file` is as it should be; if not, why.
pub fn check(file: &Path, arguments: &Arguments) -> Result<(), String> {
    let name = file.file_name().unwrap_or_default().display();
    let length = fs::metadata(file).map_err(|error| format!("{name}: {error}"))?.len();
    match arguments.max_bytes {
        _ if length == 0 => Err(format!("{name} is empty")),
        Some(most) if length > most => {
            Err(format!("{name} has {length} bytes, and `max_bytes` allows {most}"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_have_what_it_may_and_not_more() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("checkpoint_3.pt");
        let judged = |json: &str| check(&file, &Arguments::parse(json).unwrap());
        assert!(judged("{}").unwrap_err().starts_with("checkpoint_3.pt: "));
        fs::write(&file, "").unwrap();
        assert_eq!(judged("{}").unwrap_err(), "checkpoint_3.pt is empty");
        fs::write(&file, "12345").unwrap();
        assert_eq!(judged("{}"), Ok(()));
        assert_eq!(judged(r#"{"max_bytes": 5, "for_others": [1]}"#), Ok(()));
        let refused = "checkpoint_3.pt has 5 bytes, and `max_bytes` allows 4";
        assert_eq!(judged(r#"{"max_bytes": 4}"#).unwrap_err(), refused);
    }

    #[test]
    fn arguments_that_make_no_sense_are_an_error() {
        let error = Arguments::parse(r#"{"max_bytes": "4 GiB"}"#).unwrap_err();
        assert!(error.starts_with("the hook's arguments: "), "{error}");
    }
}
