//! YAML, read a character at a time for words that make a loader run code.
//!
//! What such a text says depends on more than can be followed here: quotes, folds, anchors. So the
//! words count wherever they are, with all escapes undone; only what is plainly nothing is nothing:
//! a comment in a line without quotes, and a value of nothing behind its key.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::settings::{self, Role, Setting, Value};
use crate::show;

/// What a text in YAML says: as it is, and with what is escaped written out. Which of them a reader
/// sees depends on quotes.
#[derive(Debug, Default)]
pub(super) struct Yaml {
    at: u64,
    escape: Escape,
    plain: Words,
    escaped: Words,
    /// What is perhaps a comment, and where it begins.
    comment: Option<(u64, Vec<u8>)>,
    line: Line,
}

/// What the line has up to here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Line {
    /// Nothing, or a blank last.
    #[default]
    Blank,
    Other,
    /// A quote: what follows may be in it.
    Quoted,
}

/// The words of a text.
#[derive(Debug, Default)]
struct Words {
    /// The word that goes on, or the tag.
    word: Vec<u8>,
    is_tag: bool,
    start: u64,
    /// Whether the word that comes next has an anchor: an alias may stand for it anywhere.
    anchor: Anchor,
    /// The last byte.
    before: u8,
    /// Keys whose values are still to come.
    keys: Vec<Key>,
    found: Vec<Setting>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Anchor {
    #[default]
    None,
    /// Its name goes on.
    Named,
    /// It is over.
    Next,
}

/// A key, and what comes behind it.
#[derive(Debug)]
struct Key {
    at: u64,
    name: String,
    behind: Vec<u8>,
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
        for c in text.chars() {
            // What PyYAML takes for the end of a line, and the mark that may begin one.
            if matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}') {
                self.take(b'\n');
            } else {
                c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| self.take(byte));
            }
            self.at = self.at.saturating_add(c.len_utf8() as u64);
        }
    }

    /// The text is over; what was found in it.
    pub(super) fn end(&mut self) -> Vec<Setting> {
        self.comment = None;
        let mut found = self.plain.end();
        let escaped = self.escaped.end();
        found.extend(escaped);
        found.sort_by_key(|setting| setting.at);
        found.dedup_by_key(|setting| setting.at);
        found
    }

    fn take(&mut self, byte: u8) {
        let is_break = matches!(byte, b'\r' | b'\n');
        if let Some((_, comment)) = &mut self.comment {
            if is_break {
                self.comment = None;
            } else {
                comment.push(byte);
                // A quote may end here that began lines before, and what follows it counts.
                if matches!(byte, b'\'' | b'"') || comment.len() > LONGEST_COMMENT {
                    self.no_comment();
                }
                return;
            }
        }
        if byte == b'#' && self.line == Line::Blank {
            self.comment = Some((self.at, [byte].into()));
            return;
        }
        self.line = match (self.line, byte) {
            (_, b'\r' | b'\n') => Line::Blank,
            (Line::Quoted, _) | (_, b'\'' | b'"') => Line::Quoted,
            (_, b' ' | b'\t') => Line::Blank,
            _ => Line::Other,
        };
        self.both(byte, self.at);
    }

    /// It is none: its words count.
    fn no_comment(&mut self) {
        let Some((at, bytes)) = self.comment.take() else { return };
        self.line = Line::Quoted;
        let places = (at..).zip(bytes);
        places.for_each(|(at, byte)| self.both(byte, at));
    }

    fn both(&mut self, byte: u8, at: u64) {
        self.plain.take(byte, at);
        self.byte(byte, at);
    }

    fn byte(&mut self, byte: u8, at: u64) {
        match (self.escape, byte) {
            (Escape::None, b'\\') => self.escape = Escape::Begun,
            (Escape::None, _) => self.escaped.take(byte, at),
            (Escape::Begun, b'x') => self.escape = Escape::Hex(2, 0),
            (Escape::Begun, b'u') => self.escape = Escape::Hex(4, 0),
            (Escape::Begun, b'U') => self.escape = Escape::Hex(8, 0),
            (Escape::Begun, b'\r' | b'\n') => self.escape = Escape::Fold,
            (Escape::Fold, b' ' | b'\t' | b'\r' | b'\n') => {}
            (Escape::Begun, _) => {
                self.escape = Escape::None;
                self.escaped.take(b' ', at);
            }
            (Escape::Fold, _) => {
                self.escape = Escape::None;
                self.byte(byte, at);
            }
            (Escape::Hex(left, value), _) => self.hex(left, value, byte, at),
        }
    }

    fn hex(&mut self, left: u8, value: u32, byte: u8, at: u64) {
        let Some(digit) = char::from(byte).to_digit(16) else {
            self.escape = Escape::None;
            self.escaped.take(b' ', at);
            return self.byte(byte, at);
        };
        let value = value << 4 | digit;
        if left > 1 {
            self.escape = Escape::Hex(left.saturating_sub(1), value);
        } else {
            self.escape = Escape::None;
            self.escaped.take(u8::try_from(value).unwrap_or(b' '), at);
        }
    }
}

impl Words {
    fn end(&mut self) -> Vec<Setting> {
        self.finish();
        for key in core::mem::take(&mut self.keys) {
            self.decide(key);
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
        self.behind(byte);
        let is_begin = matches!(self.before, 0 | b' ' | b'\t' | b'\r' | b'\n' | b'[' | b'{' | b',');
        self.anchor = match (self.anchor, byte) {
            (_, b'&') if is_begin => Anchor::Named,
            (Anchor::Named, b'&' | b' ') if self.before == b'&' => Anchor::None,
            (Anchor::Named, b' ' | b'\t' | b'\r' | b'\n') => Anchor::Next,
            (anchor, _) => anchor,
        };
        self.before = byte;
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

    /// What comes behind the keys that wait for it, up to the end of a line that has a value.
    fn behind(&mut self, byte: u8) {
        if self.keys.is_empty() {
            return;
        }
        let mut decided = Vec::new();
        let mut at = 0;
        while let Some(key) = self.keys.get_mut(at) {
            let is_break = matches!(byte, b'\r' | b'\n');
            key.behind.push(if is_break { b' ' } else { byte });
            let has_value =
                || key.behind.iter().any(|byte| !matches!(byte, b' ' | b'\t' | b'\'' | b'"' | b':'));
            if is_break && has_value() || key.behind.len() >= LONGEST {
                decided.push(self.keys.remove(at));
            } else {
                at = at.saturating_add(1);
            }
        }
        decided.into_iter().for_each(|key| self.decide(key));
    }

    /// A word or a tag is whole.
    fn finish(&mut self) {
        if self.word.is_empty() {
            return;
        }
        let word = core::mem::take(&mut self.word);
        if core::mem::take(&mut self.is_tag) {
            if is_python(&word) {
                let tag = String::from_utf8_lossy(&word);
                let what = "a YAML reader may make any object of Python of it";
                self.found(self.start, format!("the tag {}: {what}", show::name(&tag)));
            }
        } else if let Ok(name) = core::str::from_utf8(&word) {
            self.word(name);
        }
        self.word = word;
        self.word.clear();
    }

    fn word(&mut self, name: &str) {
        let anchor = self.anchor;
        if anchor == Anchor::Next {
            self.anchor = Anchor::None;
        }
        if !settings::is_key(name) {
            return;
        }
        let key = Key { at: self.start, name: name.into(), behind: Vec::new() };
        if anchor == Anchor::Next {
            return self.check(&key, Value::Hidden);
        }
        self.keys.push(key);
        if self.keys.len() > MOST_KEYS {
            let first = self.keys.remove(0);
            self.check(&first, Value::Hidden);
        }
    }

    /// What a key is set to is there.
    fn decide(&mut self, key: Key) {
        let behind = String::from_utf8_lossy(&key.behind).into_owned();
        let is_blank = |c: char| matches!(c, ' ' | '\t');
        let rest = behind.trim_start_matches(|c| is_blank(c) || matches!(c, '\'' | '"'));
        let Some(rest) = rest.strip_prefix(':') else {
            // It is no key here. What is one by this word alone counts wherever it is.
            return if is_strict(&key.name) { self.check(&key, Value::Hidden) } else { () };
        };
        let rest = rest.trim_matches(is_blank);
        let value = match rest.as_bytes().first() {
            None => Value::Word("null"),
            Some(b'{' | b'[') => {
                let inside = rest.get(1..).unwrap_or_default().trim_start_matches(is_blank);
                if inside.starts_with(['}', ']']) { Value::Word("null") } else { Value::Open }
            }
            Some(b'*' | b'&' | b'!' | b'|' | b'>' | b'%' | b'@' | b'`') => Value::Hidden,
            Some(_) => scalar(rest),
        };
        self.check(&key, value);
    }

    fn check(&mut self, key: &Key, value: Value<'_>) {
        if self.found.len() < MOST {
            settings::check(&key.name, value, Role::None, key.at, &mut self.found);
        }
    }

    fn found(&mut self, at: u64, message: String) {
        if self.found.len() < MOST {
            self.found.push(Setting { at, message });
        }
    }
}

/// A value in quotes or without.
fn scalar(rest: &str) -> Value<'_> {
    if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let inside = rest.get(1..).unwrap_or_default();
        return Value::Text(inside.split(quote).next().unwrap_or_default());
    }
    let end = rest.find([',', '}', ']', '#']).unwrap_or(rest.len());
    let text = rest.get(..end).unwrap_or_default().trim_ascii_end();
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(&["~", "null"]) {
        Value::Word("null")
    } else if is(&["false", "no", "off", "n", "f", "0"]) {
        Value::Word("false")
    } else {
        Value::Text(text)
    }
}

/// Whether a word makes a loader run code whatever it is set to.
fn is_strict(name: &str) -> bool {
    matches!(name, "auto_map" | "custom_pipelines" | "_target_" | "trust_remote_code")
        || name.ends_with("_implementation_internal")
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
    // One mark alone begins a tag of the text's own, unless a directive says otherwise.
    let is_global = tag.starts_with(b"!<") || tag.iter().filter(|byte| **byte == b'!').count() > 1;
    tag.eq_ignore_ascii_case(b"%TAG") || tag.starts_with(b"!") && is_global && has(b"python")
}

/// Bytes of a word or tag that are kept.
const LONGEST: usize = 256;
/// Bytes of a comment; a longer one is read as what it may be.
const LONGEST_COMMENT: usize = 1 << 12;
/// Keys that wait for their values at a time.
const MOST_KEYS: usize = 8;
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
            "\u{feff}_target_: x",
            "a: 1\n\u{feff}trust_remote_code: true",
            "a: 1\u{85}_target_: x",
            "a: 1\u{2028}_target_: x",
            "a: 1\u{2029}trust_remote_code: true",
            "\"_tar\\\r  get_\": x",
            "\"_tar\\\u{2028}  get_\": x",
            "a: \"x\n # y\", _target_: z",
            "\"a # b\": 1, _target_: x",
            "trust_remote_code: # no\n  true",
            "x: &k trust_remote_code\nfalse: 1\n*k : true",
            "x: &k target\n*k : os.system",
            "target: os.system",
            "target:\n  \"os.\\\n  system\"",
            "target: &a os.system",
            "target: *a",
            "? target\n: os.system",
            "class_path: torch.hub.load",
            "loader_module: evil",
            "auto_map: {a: b}",
            "attn_implementation: org/kernel",
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
            "# trust_remote_code: true\na: 1 # _target_: x",
            "!python/\n!python/src",
            "#!/usr/bin/python",
            "auto_map: {}\ncustom_pipelines: [ ]\ntrust_remote_code: ~\n_target_: null # x",
            "target: ldm.models.autoencoder.AutoencoderKL",
            "target: torch.nn.Identity\nparams: {target: cpu}",
            "a: the target: 5",
            "run: make && target x & target y",
            "a: 1\n\u{a0}_target_: x",
        ] {
            assert_eq!(found(text), 0, "{text}");
        }
    }
}
