//! The checksum of a commit record, its last line: nothing else holds what the record
//! says against anything.
//!
//! ```text
//! {
//!   "version": 1,
//!   …
//!   "crc32": 3051332910
//! }
//! ```

use crate::checksum::Hasher;

/// Adds the checksum of its bytes to a JSON object of several lines.
pub(crate) fn seal(json: &str) -> Vec<u8> {
    let body = json.strip_suffix(END).unwrap_or(json);
    format!("{body}{}", tail(body.as_bytes())).into_bytes()
}

/// The object without its checksum, which is the one of its bytes. Else what is wrong.
///
/// All bytes are accounted for: what follows the body has to be what [`seal`] writes.
pub(crate) fn unseal(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let start = bytes.windows(MARK.len()).rposition(|window| window == MARK.as_bytes());
    let (body, found) = bytes.split_at_checked(start.unwrap_or(bytes.len())).unwrap_or((bytes, &[]));
    let expected = tail(body);
    if start.is_some() && found == expected.as_bytes() {
        return Ok([body, END.as_bytes()].concat());
    }
    Err(format!("expected it to end with `{}`, the checksum of its {} bytes", line(&expected), body.len()))
}

fn tail(body: &[u8]) -> String {
    let mut hasher = Hasher::new();
    hasher.update(body);
    format!("{MARK}{}{END}", hasher.finalize())
}

/// A tail without line ends, for an error.
fn line(tail: &str) -> String {
    tail.replace('\n', "").replace("  ", " ").trim_start_matches([',', ' ']).to_owned()
}

const MARK: &str = ",\n  \"crc32\": ";
const END: &str = "\n}";

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = "{\n  \"a\": 1,\n  \"crc32\": 2\n}";

    #[test]
    fn what_was_sealed_comes_out() {
        assert_eq!(unseal(&seal(JSON)).unwrap(), JSON.as_bytes());
    }

    #[test]
    fn any_other_byte_is_found() {
        let sealed = seal(JSON);
        assert!(unseal(JSON.as_bytes()).is_err());
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut damaged = sealed.clone();
                damaged[at] ^= 1 << bit;
                unseal(&damaged).unwrap_err();
            }
            unseal(&sealed[..at]).unwrap_err();
        }
        unseal(&[&sealed[..], b"\n"].concat()).unwrap_err();
    }
}
