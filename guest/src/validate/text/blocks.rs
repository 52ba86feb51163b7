//! Templates of prompts in YAML that are written plainly: a key that begins a line, and behind it a text in
//! quotes that end there, or lines of their own that are set in further.
//!
//! Whatever is written otherwise is not taken here. Who knows where such keys are asks whether all were.

use alloc::string::String;
use alloc::vec::Vec;

use super::json::Template;
use super::prompts;

/// The templates of a text.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    at: u64,
    line: String,
    /// Where the line begins.
    start: u64,
    /// A text in lines of its own that goes on.
    open: Option<Open>,
    /// How far a key is set in whose value is one word, and might go on in the next line.
    word: Option<usize>,
    /// Where keys are whose values are all here.
    seen: Vec<u64>,
    /// Whether there is what is not followed here: lines that some readers end elsewhere, or too long.
    is_other: bool,
    pub(super) found: Vec<Template>,
}

#[derive(Debug)]
struct Open {
    at: u64,
    column: usize,
    text: String,
}

impl Blocks {
    pub(super) fn feed(&mut self, text: &str) {
        for c in text.chars() {
            self.is_other |=
                matches!(c, '\r' | '\u{85}' | '\u{2028}' | '\u{2029}') || self.line.len() > LONGEST;
            if c == '\n' {
                self.line();
                self.start = self.at.saturating_add(1);
            } else if !self.is_other {
                self.line.push(c);
            }
            self.at = self.at.saturating_add(c.len_utf8() as u64);
        }
    }

    pub(super) fn end(&mut self) {
        self.line();
        self.close();
    }

    fn line(&mut self) {
        let line = core::mem::take(&mut self.line);
        if self.is_other {
            return;
        }
        let text = line.trim_start_matches(' ');
        let blanks = line.len().saturating_sub(text.len());
        if text.trim().is_empty() {
            if let Some(open) = &mut self.open {
                open.text.push('\n');
            }
            return;
        }
        // A word that goes on is another value than it begins as.
        if let Some(column) = self.word.take() {
            self.is_other |= blanks > column;
        }
        if let Some(open) = self.open.as_mut().filter(|open| blanks > open.column) {
            open.text.push_str(text);
            open.text.push('\n');
            self.is_other |= open.text.len() > LONGEST;
            return;
        }
        self.close();
        self.key(text, blanks);
    }

    fn close(&mut self) {
        if let Some(Open { at, text, .. }) = self.open.take() {
            self.found.push(Template { at, text: Some(text) });
        }
    }

    /// Takes a line that may begin with a key.
    fn key(&mut self, text: &str, blanks: usize) {
        let Some((key, value)) = text.split_once(':') else { return };
        let is_plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_plain || !prompts::is_template_of_yaml(key) || !value.starts_with(' ') {
            return;
        }
        let value = value.trim();
        let at = self.start.saturating_add(blanks as u64);
        if matches!(value, "|" | "|-" | "|+" | ">" | ">-" | ">+") {
            self.open = Some(Open { at, column: blanks, text: String::new() });
        } else if let Some(text) = quoted(value) {
            self.found.push(Template { at, text: Some(text) });
        } else if value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !value.is_empty()
        {
            self.word = Some(blanks);
        } else {
            return;
        }
        self.is_other |= self.seen.len() >= prompts::MOST;
        self.seen.push(at);
    }

    /// Whether the value of the key at this place is here.
    pub(super) fn has(&self, at: u64) -> bool {
        !self.is_other && self.seen.binary_search(&at).is_ok()
    }
}

/// A text in quotes that end with it, if it is written so that any reader sees the same.
fn quoted(value: &str) -> Option<String> {
    let quote = value.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let inside = value.get(1..)?.strip_suffix(quote)?;
    let is_double = quote == '"';
    let mut text = String::new();
    let mut rest = inside.chars();
    while let Some(c) = rest.next() {
        match c {
            _ if c == quote => return None,
            '\\' if is_double => match rest.next()? {
                'n' => text.push('\n'),
                '"' => text.push('"'),
                _ => return None,
            },
            _ => text.push(c),
        }
    }
    Some(text)
}

/// Bytes of a line, and of a template.
const LONGEST: usize = 1 << 18;

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::Blocks;

    fn found(text: &str) -> (usize, bool, Vec<alloc::string::String>) {
        let mut blocks = Blocks::default();
        blocks.feed(text);
        blocks.end();
        let found = blocks.found.into_iter().filter_map(|template| template.text).collect();
        (blocks.seen.len(), blocks.is_other, found)
    }

    #[test]
    fn only_what_is_written_plainly_is_taken() {
        let text = "a: 1\ndoc_to_text: \"{{a}}\\n\\\"b\\\"\"\ndoc_to_target: '{{b}}'\ndoc_to_choice: c\n";
        assert_eq!(found(text), (3, false, ["{{a}}\n\"b\"".into(), "{{b}}".into()].into()));
        let text = "x:\n  chat_template_jinja: |-\n    {% a %}\n      # b\n\n    c\n  y: 1\n";
        assert_eq!(found(text), (1, false, ["{% a %}\n# b\n\nc\n".into()].into()));
        for text in [
            "doc_to_text: 'a''b'",
            "doc_to_text: \"\\x7b\"",
            "doc_to_text: \"a",
            "doc_to_text: *a",
            "doc_to_text: &a 'x'",
            "doc_to_text: !!str 'x'",
            "doc_to_text: a {{b}}",
            "doc_to_text: ['x']",
            "doc_to_text:\n  x",
            "doc_to_text: 'x' # y",
            "{doc_to_text: 'x'}",
            "\"doc_to_text\": 'x'",
            "- doc_to_text: 'x'",
            "? doc_to_text\n: 'x'",
            "doc_to_text: |2\n  x",
        ] {
            assert_eq!(found(text).0, 0, "{text}");
        }
        for text in ["doc_to_text: a\n  b", "a\rb", "a\u{2028}b", "doc_to_text: a\n\n  {{b}}"] {
            assert!(found(text).1, "{text}");
        }
    }
}
