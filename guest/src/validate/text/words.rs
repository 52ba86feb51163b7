//! Words of YAML that make a loader run code, and what they are set to.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::key::{Key, Line};
use super::servers::Mentions;
use super::settings::{self, Role, Setting, Value};
use super::{prompts, tags};
use crate::show;

/// The words of a text.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// Whether the text is YAML by its name.
    is_named: bool,
    /// The word that goes on, or the tag.
    word: Vec<u8>,
    is_tag: bool,
    /// Whether the word is a part of a longer one: `update-types`.
    is_joined: bool,
    start: u64,
    /// Whether the word that comes next has an anchor: an alias may stand for it anywhere.
    anchor: Anchor,
    /// The last byte.
    before: u8,
    line: Line,
    place: Place,
    flow: Flow,
    /// The quote that came last where a value may begin.
    quote: u8,
    /// Whether the tag that goes on is where a value may begin.
    tag: Place,
    /// Keys whose values are still to come.
    keys: Vec<Key>,
    /// What begins with a `$`, until all of it is there.
    expression: Option<Key>,
    /// Where keys are whose values are templates.
    pub(super) templates: Vec<(u64, String)>,
    /// Whether a template's code begins anywhere.
    pub(super) has_code: bool,
    mentions: Mentions,
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

/// Whether a value may begin here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// It may, and the line is empty.
    #[default]
    Line,
    Begin,
    /// The quote that begins it was there.
    Quoted,
    Inside,
    /// It began without a quote, outside of lists and objects in brackets: only a colon and a blank, or
    /// the end of the line, end it.
    Plain,
}

/// Whether a list or an object in brackets may be open. Where one has more than plain words in it, no
/// bracket counts that closes: it may be in quotes, or in a comment.
#[derive(Clone, Copy, Debug, Default)]
struct Flow {
    depth: usize,
    is_unsure: bool,
}

impl Flow {
    fn take(&mut self, byte: u8, is_begin: bool) {
        match byte {
            b'[' | b'{' if is_begin || self.depth > 0 => self.depth = self.depth.saturating_add(1),
            b']' | b'}' if !self.is_unsure => self.depth = self.depth.saturating_sub(1),
            b'"' | b'\'' | b'#' | b'!' | b'%' | b'&' | b'*' | b'>' | b'@' | b'\\' | b'`' | b'|' => {
                self.is_unsure |= self.depth > 0;
            }
            _ => {}
        }
    }
}

impl Words {
    pub(super) fn new(is_named: bool) -> Self {
        Self { is_named, ..Self::default() }
    }

    pub(super) fn end(&mut self) -> Vec<Setting> {
        self.finish(b'\n');
        self.expression(false);
        for key in core::mem::take(&mut self.keys) {
            self.decide(&key);
        }
        if let Some(Setting { at, message }) = self.mentions.setting() {
            settings::keep(at, message, &mut self.found);
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
            self.finish(byte);
        }
        let place = self.place;
        let is_begin = matches!(place, Place::Line | Place::Begin);
        let begun = (byte == b'$' && (is_begin || place == Place::Quoted)).then(|| {
            let quote = (place == Place::Quoted).then_some(self.quote);
            Key::expression(at, &self.line, quote, self.flow.depth > 0)
        });
        self.flow.take(byte, is_begin);
        self.line.take(byte);
        self.behind(byte);
        if begun.is_some() {
            self.expression(true);
            self.expression = begun;
        }
        let is_apart = matches!(self.before, 0 | b' ' | b'\t' | b'\r' | b'\n' | b'[' | b'{' | b',');
        self.anchor = match (self.anchor, byte) {
            (_, b'&') if is_apart => Anchor::Named,
            (Anchor::Named, b'&' | b' ') if self.before == b'&' => Anchor::None,
            (Anchor::Named, b' ' | b'\t' | b'\r' | b'\n') => Anchor::Next,
            (anchor, _) => anchor,
        };
        self.place(byte);
        self.has_code |= self.before == b'{' && matches!(byte, b'{' | b'%');
        let before = core::mem::replace(&mut self.before, byte);
        if goes_on || matches!(byte, b'!' | b'%') {
            if self.word.is_empty() {
                self.start = at;
                self.is_joined = is_joint(before);
                self.is_tag = matches!(byte, b'!' | b'%');
                self.tag = place;
            }
            if self.word.len() < LONGEST {
                self.word.push(byte);
            }
        }
    }

    fn place(&mut self, byte: u8) {
        self.place = match byte {
            b'\r' | b'\n' => Place::Line,
            b' ' | b'\t' if self.place == Place::Plain && self.before == b':' => Place::Begin,
            _ if self.place == Place::Plain => Place::Plain,
            b' ' | b'\t' | MARK if self.anchor == Anchor::Next => Place::Begin,
            b' ' | b'\t' | MARK => self.place,
            b'-' | b':' | b'?' | b',' | b'[' | b'{' => Place::Begin,
            b'\'' | b'"' if self.place != Place::Inside => {
                self.quote = byte;
                Place::Quoted
            }
            b'!' | b'%' | b'&' | b'*' | b'#' | b'|' | b'>' | b'@' | b'`' | b']' | b'}' => Place::Inside,
            _ if matches!(self.place, Place::Line | Place::Begin) && self.flow.depth == 0 => Place::Plain,
            _ => Place::Inside,
        };
    }

    /// What comes behind the keys that wait for it, up to the end of their values.
    fn behind(&mut self, byte: u8) {
        let line = self.line;
        if self.expression.as_mut().is_some_and(|key| key.take(byte, &line)) {
            self.expression(false);
        }
        let mut decided = Vec::new();
        let mut at = 0;
        while let Some(key) = self.keys.get_mut(at) {
            if key.take(byte, &line) {
                decided.push(self.keys.remove(at));
            } else {
                at = at.saturating_add(1);
            }
        }
        decided.iter().for_each(|key| self.decide(key));
    }

    /// A word or a tag is whole, before this byte.
    fn finish(&mut self, byte: u8) {
        if self.word.is_empty() {
            return;
        }
        let word = core::mem::take(&mut self.word);
        if core::mem::take(&mut self.is_tag) {
            // Patterns of files that are not ignored are lines like this: they are no tags of anything.
            let is_pattern = !self.is_named
                && self.tag == Place::Line
                && self.line.column == 0
                && matches!(byte, b'\r' | b'\n')
                && !word.contains(&b':');
            let is_tag = matches!(self.tag, Place::Line | Place::Begin) && !is_pattern;
            // The value is still to come.
            self.place = if is_tag { Place::Begin } else { self.place };
            if let Some(why) = tags::code(&word).filter(|_| is_tag || tags::is_python(&word)) {
                let tag = String::from_utf8_lossy(&word);
                settings::keep(self.start, format!("the tag {}: {why}", show::name(&tag)), &mut self.found);
            }
        } else if let Ok(name) = core::str::from_utf8(&word) {
            self.is_joined |= is_joint(byte);
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
        if INTERNALS.contains(&name) {
            let message =
                format!("the name {}: expressions reach Python's functions by it", show::name(name));
            settings::keep(self.start, message, &mut self.found);
        }
        if self.is_joined {
            return;
        }
        self.mentions.word(name, self.start);
        if prompts::is_template_of_yaml(name) && self.templates.len() <= prompts::MOST {
            self.templates.push((self.start, name.into()));
        }
        if !settings::is_key(name) {
            return;
        }
        let key = Key::new(self.start, name, &self.line);
        if anchor == Anchor::Next {
            return self.check(&key, Value::Hidden);
        }
        self.wait(key);
    }

    fn wait(&mut self, key: Key) {
        self.keys.push(key);
        if self.keys.len() > MOST_KEYS {
            let first = self.keys.remove(0);
            self.check(&first, Value::Hidden);
        }
    }

    /// What begins with a `$` is there, or goes on behind another.
    fn expression(&mut self, goes_on: bool) {
        let Some(key) = self.expression.take() else { return };
        let text = key.text();
        if key.is_cut() {
            settings::long_expression(&text, key.at, &mut self.found);
        } else if goes_on {
            settings::expression(&[&text, ")"].concat(), key.at, &mut self.found);
        } else {
            settings::expression(&text, key.at, &mut self.found);
        }
    }

    /// What a key is set to is there.
    fn decide(&mut self, key: &Key) {
        let mut behind = String::new();
        match key.value(&mut behind) {
            Some(Value::Text(_) | Value::Open) if key.is_block() => self.below(key),
            Some(value) => self.check(key, value),
            // It is no key here. What is one by this word alone counts wherever it is.
            None if settings::is_strict(&key.name) => self.check(key, Value::Hidden),
            None => {}
        }
    }

    /// All that is below a key is a value of it.
    fn below(&mut self, key: &Key) {
        if key.is_cut() {
            return self.check(key, Value::Hidden);
        }
        self.check(key, Value::Open);
        for text in key.below() {
            self.check(key, Value::Text(&text));
        }
    }

    fn check(&mut self, key: &Key, value: Value<'_>) {
        settings::check(&key.name, value, Role::None, key.at, &mut self.found);
    }
}

/// Whether a byte beside a word, without a blank, makes both a part of the same text to any reader. A dot does
/// not: some take keys with dots for a path of keys.
fn is_joint(byte: u8) -> bool {
    matches!(byte, b'-' | b'/' | b'$')
}

/// What stands for a byte order mark: a character that no text has.
pub(super) const MARK: u8 = 1;
/// Names by which an expression of Python reaches what runs code.
const INTERNALS: &[&str] = &["__import__", "__builtins__", "__globals__", "__subclasses__"];
/// Bytes of a word or tag that are kept: no key and no harmless tag is as long.
const LONGEST: usize = 256;
/// Keys that wait for their values at a time; what the first of more is set to counts as not seen.
const MOST_KEYS: usize = 8;
