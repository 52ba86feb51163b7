//! YAML, read a byte at a time for words that make a loader run code.
//!
//! What such a text says depends on more than can be followed here: quotes, folds, anchors. So the
//! words count wherever they are, with all escapes undone.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::settings::Setting;
use crate::show;

/// What a text in YAML says: as it is, and with what is escaped written out. Which of them a reader
/// sees depends on quotes.
#[derive(Debug, Default)]
pub(super) struct Yaml {
    at: u64,
    escape: Escape,
    plain: Words,
    escaped: Words,
}

/// The words of a text.
#[derive(Debug, Default)]
struct Words {
    /// The word that goes on, or the tag.
    word: Vec<u8>,
    is_tag: bool,
    start: u64,
    /// Where a word was whose value decides.
    trust: Option<u64>,
    found: Vec<Setting>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Begun,
    /// Digits that are still to come, and the value.
    Hex(u8, u32),
    /// The blanks that begin the line after one that goes on.
    Fold,
}

impl Yaml {
    /// Takes the next piece of the text.
    pub(super) fn feed(&mut self, text: &str) {
        for byte in text.bytes() {
            self.plain.take(byte, self.at);
            self.byte(byte);
            self.at = self.at.saturating_add(1);
        }
    }

    /// The text is over; what was found in it.
    pub(super) fn end(&mut self) -> Vec<Setting> {
        let mut found = self.plain.end();
        let escaped = self.escaped.end();
        found.extend(escaped);
        found.sort_by_key(|setting| setting.at);
        found.dedup_by_key(|setting| setting.at);
        found
    }

    fn byte(&mut self, byte: u8) {
        match (self.escape, byte) {
            (Escape::None, b'\\') => self.escape = Escape::Begun,
            (Escape::None, _) => self.escaped.take(byte, self.at),
            (Escape::Begun, b'x') => self.escape = Escape::Hex(2, 0),
            (Escape::Begun, b'u') => self.escape = Escape::Hex(4, 0),
            (Escape::Begun, b'U') => self.escape = Escape::Hex(8, 0),
            (Escape::Begun, b'\n') => self.escape = Escape::Fold,
            (Escape::Begun, b'\r') | (Escape::Fold, b' ' | b'\t' | b'\r') => {}
            (Escape::Begun, _) => {
                self.escape = Escape::None;
                self.escaped.take(b' ', self.at);
            }
            (Escape::Fold, _) => {
                self.escape = Escape::None;
                self.byte(byte);
            }
            (Escape::Hex(left, value), _) => self.hex(left, value, byte),
        }
    }

    fn hex(&mut self, left: u8, value: u32, byte: u8) {
        let Some(digit) = char::from(byte).to_digit(16) else {
            self.escape = Escape::None;
            self.escaped.take(b' ', self.at);
            return self.byte(byte);
        };
        let value = value << 4 | digit;
        if left > 1 {
            self.escape = Escape::Hex(left.saturating_sub(1), value);
        } else {
            self.escape = Escape::None;
            self.escaped.take(u8::try_from(value).unwrap_or(b' '), self.at);
        }
    }
}

impl Words {
    fn end(&mut self) -> Vec<Setting> {
        self.finish();
        if let Some(at) = self.trust.take() {
            self.find(at, "trust_remote_code");
        }
        core::mem::take(&mut self.found)
    }

    fn take(&mut self, byte: u8, at: u64) {
        let goes_on = if self.is_tag {
            let verbatim = self.word.starts_with(b"!<");
            !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
                && (verbatim || !matches!(byte, b',' | b'[' | b']' | b'{' | b'}'))
        } else {
            byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
        };
        if !goes_on {
            self.finish();
        }
        if goes_on || matches!(byte, b'!' | b'%') {
            if self.word.is_empty() {
                self.start = at;
                self.is_tag = matches!(byte, b'!' | b'%');
            }
            if self.word.len() < LONGEST {
                self.word.push(byte);
            }
        }
    }

    /// A word or a tag is whole.
    fn finish(&mut self) {
        if self.word.is_empty() {
            return;
        }
        let word = core::mem::take(&mut self.word);
        let at = self.start;
        if core::mem::take(&mut self.is_tag) {
            if is_python(&word) {
                let tag = String::from_utf8_lossy(&word);
                self.found(
                    at,
                    format!(
                        "the tag {}: a YAML reader may make any object of Python of it",
                        show::name(&tag)
                    ),
                );
            }
        } else {
            self.word(&word, at);
        }
        self.word = word;
        self.word.clear();
    }

    fn word(&mut self, word: &[u8], at: u64) {
        if let Some(trust) = self.trust.take() {
            let no = [&b"false"[..], b"no", b"off", b"null", b"0", b"n", b"f"];
            if !no.iter().any(|no| word.eq_ignore_ascii_case(no)) {
                self.find(trust, "trust_remote_code");
            }
        }
        match word {
            b"trust_remote_code" => self.trust = Some(at),
            b"auto_map" | b"custom_pipelines" | b"_target_" | b"_attn_implementation_internal" => {
                let word = String::from_utf8_lossy(word).into_owned();
                self.find(at, &word);
            }
            _ => {}
        }
    }

    fn find(&mut self, at: u64, key: &str) {
        let why = if key == "_target_" { "Hydra calls what it names" } else { "a loader runs code by it" };
        self.found(at, format!("`{key}`: {why}"));
    }

    fn found(&mut self, at: u64, message: String) {
        if self.found.len() < MOST {
            self.found.push(Setting { at, message });
        }
    }
}

/// Whether a tag names an object of Python, or is a directive by which any other may.
fn is_python(tag: &[u8]) -> bool {
    let mut text = Vec::with_capacity(tag.len());
    let mut rest = tag;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| core::str::from_utf8(digits).ok());
        let escaped =
            digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        text.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    let has = |part: &[u8]| text.windows(part.len()).any(|bytes| bytes.eq_ignore_ascii_case(part));
    tag.eq_ignore_ascii_case(b"%TAG") || tag.starts_with(b"!") && has(b"python")
}

/// Bytes of a word or tag that are kept.
const LONGEST: usize = 256;
/// Settings that are kept.
const MOST: usize = 100;

#[cfg(test)]
mod tests {
    use super::Yaml;

    fn found(text: &str) -> usize {
        let mut yaml = Yaml::default();
        yaml.feed(text);
        yaml.end().len()
    }

    #[test]
    fn words_count_wherever_they_are() {
        for text in [
            "_target_: os.system",
            "a: {'_target_': x}",
            "\"\\x5ftarget\\u005f\": x",
            "\"_tar\\\n   get_\": x",
            "a: '\"', \"\\x5ftarget_\": x",
            "x: &a _target_\n*a : os.system",
            "? _target_\n: x",
            "a: !!python/object/apply:os.system [x]",
            "a: !<tag:yaml.org,2002:python/name:os.system> x",
            "a: !!pyth%6fn/name:os.system x",
            "%TAG !y! tag:yaml.org,2002:py\n--- !y!thon/name:os.system",
            "a: b\\\n_target_: x",
            "trust_remote_code: true",
            "trust_remote_code:\n  yes",
            "\"trust_remote_code\"",
        ] {
            assert_eq!(found(text), 1, "{text}");
        }
        for text in [
            "target: x",
            "my_target_x: 1",
            "trust_remote_code: False\nx: 1",
            "a: 100% !important",
            "a: !ruby x",
            "# 5 %",
        ] {
            assert_eq!(found(text), 0, "{text}");
        }
    }
}
