//! Templates of prompts in YAML that are written plainly: a key that begins a line, and behind it a text in
//! quotes that end there, a list of such in brackets, or a text that goes on in lines that are set in further.
//!
//! Whatever is written otherwise is not taken here. Who knows where such keys are asks whether all were.

use alloc::string::String;
use alloc::vec;
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
    /// A text that goes on.
    open: Option<Open>,
    /// Where keys are whose values are all here.
    seen: Vec<u64>,
    /// Whether there is what is not followed here: lines that some readers end elsewhere, or too long.
    is_other: bool,
    pub(super) found: Vec<Template>,
}

/// A text that goes on in lines that are set in further than its key.
#[derive(Debug)]
struct Open {
    at: u64,
    column: usize,
    /// How far its own lines are set in, where the first of them says that.
    inside: Option<usize>,
    /// Whether it began in the line of its key: a comment ends it.
    is_plain: bool,
    text: String,
}

impl Open {
    /// Takes a line of it. Answers whether it is one to all readers: a line of a block that is set in less
    /// ends it, as a comment may.
    fn take(&mut self, text: &str, blanks: usize) -> bool {
        self.text.push_str(text);
        self.text.push('\n');
        let is_inside = blanks >= *self.inside.get_or_insert(blanks);
        self.text.len() <= LONGEST && if self.is_plain { !has_comment(text) } else { is_inside }
    }
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
        if let Some(open) = self.open.as_mut().filter(|open| blanks > open.column) {
            self.is_other |= !open.take(text, blanks);
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
        let open = |is_plain, text| Open { at, column: blanks, inside: None, is_plain, text };
        if matches!(value, "|" | "|-" | "|+" | ">" | ">-" | ">+") {
            self.open = Some(open(false, String::new()));
        } else if value.starts_with(|c: char| c.is_ascii_alphanumeric()) && !has_comment(value) {
            self.open = Some(open(true, [value, "\n"].concat()));
        } else if let Some(texts) = texts(value) {
            self.found.extend(texts.into_iter().map(|text| Template { at, text: Some(text) }));
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

/// Whether a comment may begin in a line.
fn has_comment(line: &str) -> bool {
    line.starts_with('#') || line.contains(" #") || line.contains("\t#")
}

/// A text in quotes, or a list of such and of plain words in brackets, that ends with the line.
fn texts(value: &str) -> Option<Vec<String>> {
    let Some(mut rest) = value.strip_prefix('[') else {
        return quoted(value).filter(|(_, rest)| rest.is_empty()).map(|(text, _)| vec![text]);
    };
    let mut texts = Vec::new();
    loop {
        let (text, behind) = match quoted(rest.trim_start()) {
            Some(found) => found,
            None => word(rest)?,
        };
        texts.push(text);
        match behind.trim_start().strip_prefix(',') {
            Some(more) => rest = more,
            None => return (behind.trim_start() == "]").then_some(texts),
        }
    }
}

/// Plain words of a list, and what is behind them.
fn word(rest: &str) -> Option<(String, &str)> {
    let (text, behind) = rest.split_at(rest.find([',', ']'])?);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '.');
    text.chars().all(is_plain).then(|| (text.trim().into(), behind))
}

/// A text in quotes, if it is written so that any reader sees the same, and what is behind it.
fn quoted(value: &str) -> Option<(String, &str)> {
    let quote = value.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let is_double = quote == '"';
    let mut text = String::new();
    let mut rest = value.get(1..)?.chars();
    loop {
        match rest.next()? {
            c if c == quote && (is_double || !rest.as_str().starts_with(quote)) => {
                return Some((text, rest.as_str()));
            }
            c if c == quote => text.extend(rest.next()),
            '\\' if is_double => match rest.next()? {
                'n' => text.push('\n'),
                '"' => text.push('"'),
                _ => return None,
            },
            c => text.push(c),
        }
    }
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
        assert_eq!(found(text), (3, false, ["{{a}}\n\"b\"".into(), "{{b}}".into(), "c\n\n".into()].into()));
        let text = "x:\n  chat_template_jinja: |-\n    {% a %}\n      # b\n\n    c\n  y: 1\n";
        assert_eq!(found(text), (1, false, ["{% a %}\n# b\n\nc\n".into()].into()));
        let text = "doc_to_choice: [\"A\", 'it''s, {{b}}', c d ]\ndoc_to_text: a {{b}}\n  c\n\n  d";
        let texts = ["A", "it's, {{b}}", "c d", "a {{b}}\nc\n\nd\n"].map(alloc::string::String::from);
        assert_eq!(found(text), (2, false, texts.into()));
        for text in [
            "doc_to_text: 'a'b'",
            "doc_to_text: \"\\x7b\"",
            "doc_to_text: \"a",
            "doc_to_text: *a",
            "doc_to_text: &a 'x'",
            "doc_to_text: !!str 'x'",
            "doc_to_text: {{b}}",
            "doc_to_text: ['x'",
            "doc_to_text: ['x', *a]",
            "doc_to_text: ['x', {{b}}]",
            "doc_to_text: ['x': 'y']",
            "doc_to_text: ['x'] # y",
            "doc_to_text: a # y",
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
        for text in ["doc_to_text: a\n  b # c", "a\rb", "a\u{2028}b", "doc_to_text: |\n    a\n  # {{b}}"] {
            assert!(found(text).1, "{text}");
        }
    }
}
