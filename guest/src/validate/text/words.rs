//! Words of YAML that make a loader run code, and what they are set to.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::settings::{self, Role, Setting, Value};
use crate::show;

/// The words of a text.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// The word that goes on, or the tag.
    word: Vec<u8>,
    is_tag: bool,
    start: u64,
    /// Whether the word that comes next has an anchor: an alias may stand for it anywhere.
    anchor: Anchor,
    /// The last byte.
    before: u8,
    line: Line,
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

/// What begins the line.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    blanks: usize,
    /// Blanks, and dashes that begin items: how far a key is set in.
    column: usize,
    has_dash: bool,
    has_more: bool,
}

impl Line {
    fn take(&mut self, byte: u8) {
        match byte {
            b'\r' | b'\n' => *self = Self::default(),
            b' ' | b'\t' | b'-' if !self.has_more => {
                self.column = self.column.saturating_add(1);
                self.has_dash |= byte == b'-';
                self.blanks = self.blanks.saturating_add(usize::from(!self.has_dash));
            }
            _ => self.has_more = true,
        }
    }
}

/// A key, and what comes behind it.
#[derive(Debug, Default)]
struct Key {
    at: u64,
    name: String,
    behind: Vec<u8>,
    /// How far its line is set in.
    column: usize,
    /// A line has ended that has a value: it goes on in one that is set in further.
    is_over: bool,
    goes_on: bool,
}

impl Key {
    fn has_value(&self) -> bool {
        self.behind.iter().any(|byte| !matches!(byte, b' ' | b'\t' | b'\'' | b'"' | b':'))
    }
}

impl Words {
    pub(super) fn end(&mut self) -> Vec<Setting> {
        self.finish();
        for key in core::mem::take(&mut self.keys) {
            self.decide(key);
        }
        core::mem::take(&mut self.found)
    }

    pub(super) fn take(&mut self, byte: u8, at: u64) {
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
        self.line.take(byte);
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

    /// What comes behind the keys that wait for it, up to the end of their values.
    fn behind(&mut self, byte: u8) {
        if self.keys.is_empty() {
            return;
        }
        let mut decided = Vec::new();
        let mut at = 0;
        while let Some(key) = self.keys.get_mut(at) {
            let is_break = matches!(byte, b'\r' | b'\n');
            let mut is_decided = key.behind.len() >= LONGEST;
            if key.is_over && (self.line.has_more || self.line.has_dash) {
                key.goes_on = self.line.blanks > key.column && !matches!(byte, b',' | b'}' | b']');
                is_decided = true;
            } else if is_break && key.has_value() {
                key.is_over = true;
            } else if !key.is_over {
                key.behind.push(if is_break { b' ' } else { byte });
            }
            if is_decided {
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
        if !settings::is_key(name) || self.found.len() >= MOST {
            return;
        }
        let key = Key { at: self.start, name: name.into(), column: self.line.column, ..Key::default() };
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
            if is_strict(&key.name) {
                self.check(&key, Value::Hidden);
            }
            return;
        };
        let rest = rest.trim_matches(is_blank);
        let value = match rest.as_bytes().first() {
            None => Value::Word("null"),
            Some(b'{' | b'[') => {
                let inside = rest.get(1..).unwrap_or_default().trim_start_matches(is_blank);
                if inside.starts_with(['}', ']']) { Value::Word("null") } else { Value::Open }
            }
            // What begins as a comment has quotes in it, and the value is on another line.
            Some(b'#' | b'*' | b'&' | b'!' | b'|' | b'>' | b'%' | b'@' | b'`') => Value::Hidden,
            Some(_) => scalar(rest),
        };
        let is_closed = rest.contains([',', '}', ']']);
        let is_nothing = key.goes_on && !is_closed && matches!(value, Value::Word(_));
        self.check(&key, if is_nothing { Value::Hidden } else { value });
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
        // A quote that does not end here may say anything in the next lines.
        return inside.split_once(quote).map_or(Value::Hidden, |(text, _)| Value::Text(text));
    }
    let ends = |(at, c): (usize, char)| {
        let is_comment = c == '#' && rest.get(..at).is_some_and(|before| before.ends_with([' ', '\t']));
        (is_comment || matches!(c, ',' | '}' | ']')).then_some(at)
    };
    let end = rest.char_indices().find_map(ends).unwrap_or(rest.len());
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
/// Keys that wait for their values at a time.
const MOST_KEYS: usize = 8;
/// Settings that are kept.
const MOST: usize = 100;
