//! Records of several lines, and checksums in them: nothing else holds what a record
//! says against anything.
//!
//! ```text
//! {
//!   "version": 2,
//!   …
//!   "crc32": 3051332910
//! }
//! ```

pub(crate) use erased::Field;

use crate::payload::checksum::Hasher;
use crate::{Error, Result};

/// Which checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seal {
    /// That of all, the last line.
    Whole,
    /// That of a head, with more to follow.
    Head,
}

impl Seal {
    fn mark(self) -> &'static str {
        match self {
            Self::Whole => ",\n  \"crc32\": ",
            Self::Head => ",\n  \"head_crc32\": ",
        }
    }

    /// The line that seals `body`, and the end of the object.
    fn tail(self, body: &[u8]) -> String {
        let mut hasher = Hasher::new();
        hasher.update(body);
        format!("{}{}{END}", self.mark(), hasher.finalize())
    }
}

/// What is a field of a record.
mod erased {
    use serde::Serialize;

    /// Anything that JSON can hold.
    pub trait Field {
        fn json(&self) -> serde_json::Result<String>;
    }

    impl<T: Serialize> Field for T {
        fn json(&self) -> serde_json::Result<String> {
            serde_json::to_string(self)
        }
    }
}

/// A JSON object with a line for each field, in this order.
pub(crate) fn lines(fields: &[(&str, &dyn Field)]) -> Result<String> {
    let line = |(name, field): &(&str, &dyn Field)| Ok(format!("\n  \"{name}\": {}", field.json()?));
    let lines: serde_json::Result<Vec<String>> = fields.iter().map(line).collect();
    let lines = lines.map_err(|error| Error::Value(error.to_string()))?;
    Ok(format!("{{{}{END}", lines.join(",")))
}

/// One object of the fields of two.
pub(crate) fn join(first: &str, second: &str) -> String {
    let (first, second) =
        (first.strip_suffix(END).unwrap_or(first), second.strip_prefix('{').unwrap_or(second));
    format!("{first},{second}")
}

/// Adds the checksum of its bytes to a JSON object of several lines.
pub(crate) fn seal(json: &str, seal: Seal) -> String {
    let body = json.strip_suffix(END).unwrap_or(json);
    format!("{body}{}", seal.tail(body.as_bytes()))
}

/// The object without its checksum, which is the one of its bytes. Else what is wrong.
///
/// All bytes are accounted for: what follows the body has to be what [`seal`] writes.
pub(crate) fn unseal(bytes: &[u8], seal: Seal) -> std::result::Result<Vec<u8>, String> {
    let mark = seal.mark().as_bytes();
    let start = bytes.windows(mark.len()).rposition(|window| window == mark);
    let (body, found) = bytes.split_at_checked(start.unwrap_or(bytes.len())).unwrap_or((bytes, &[]));
    let expected = seal.tail(body);
    if start.is_some() && found == expected.as_bytes() {
        return Ok([body, END.as_bytes()].concat());
    }
    Err(format!("expected it to end with `{}`, the checksum of its {} bytes", line(&expected), body.len()))
}

/// Whether these bytes end with a checksum of all, be it right or not.
pub(crate) fn ends(bytes: &[u8]) -> bool {
    let mark = Seal::Whole.mark().as_bytes();
    let start = bytes.windows(mark.len()).rposition(|window| window == mark);
    let digits = start.and_then(|start| bytes.get(start + mark.len()..)?.strip_suffix(END.as_bytes()));
    digits.is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
}

/// The head of an object as an object, if these bytes begin with one that its checksum
/// fits.
pub(crate) fn head(bytes: &[u8]) -> Option<Vec<u8>> {
    let mark = Seal::Head.mark().as_bytes();
    let start = bytes.windows(mark.len()).position(|window| window == mark)?;
    let (body, found) = bytes.split_at_checked(start)?;
    let expected = Seal::Head.tail(body);
    let expected = expected.strip_suffix(END)?;
    // More digits would be another number.
    let ends = found.get(expected.len()) == Some(&b',');
    (found.starts_with(expected.as_bytes()) && ends).then(|| [body, END.as_bytes()].concat())
}

/// A tail without line ends, for an error.
fn line(tail: &str) -> String {
    tail.replace('\n', "").replace("  ", " ").trim_start_matches([',', ' ']).to_owned()
}

const END: &str = "\n}";

/// The most bytes that seal an object and end it, and some.
pub(crate) const LONGEST_TAIL: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = "{\n  \"a\": 1,\n  \"crc32\": 2\n}";

    #[test]
    fn what_was_sealed_comes_out() {
        assert_eq!(unseal(seal(JSON, Seal::Whole).as_bytes(), Seal::Whole).unwrap(), JSON.as_bytes());
    }

    #[test]
    fn any_other_byte_is_found() {
        let sealed = seal(JSON, Seal::Whole).into_bytes();
        assert!(unseal(JSON.as_bytes(), Seal::Whole).is_err());
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut damaged = sealed.clone();
                damaged[at] ^= 1 << bit;
                unseal(&damaged, Seal::Whole).unwrap_err();
            }
            unseal(&sealed[..at], Seal::Whole).unwrap_err();
        }
        unseal(&[&sealed[..], b"\n"].concat(), Seal::Whole).unwrap_err();
        assert!(ends(&sealed) && !ends(&[&sealed[..], b"\n"].concat()));
        assert!((0..sealed.len()).all(|at| !ends(&sealed[..at])));
    }

    #[test]
    fn a_head_stands_by_itself() {
        let object = lines(&[("a", &1), ("b", &[1, 2])]).unwrap();
        let whole = join(&seal(&object, Seal::Head), &lines(&[("c", &"d")]).unwrap());
        assert_eq!(head(whole.as_bytes()).unwrap(), object.as_bytes());
        assert_eq!(head(object.as_bytes()), None);
        let wrong = whole.replace("\"a\": 1", "\"a\": 2");
        assert_eq!(head(wrong.as_bytes()), None);
        serde_json::from_str::<serde_json::Value>(&whole).unwrap();
    }
}
