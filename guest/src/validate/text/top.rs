//! The keys that YAML surely has at its top, as far as that is plain: up to a quote or a bracket that its line
//! does not close, or whatever else is not followed here. They tell whose file it is.

use alloc::string::String;
use alloc::vec::Vec;

use super::key;
use super::settings::{self, Role};

/// What a text in YAML has at its top.
#[derive(Debug, Default)]
pub(super) struct Top {
    at: u64,
    line: String,
    /// Where the line begins.
    start: u64,
    state: State,
    /// How far the key is set in whose text goes on below it.
    text: Option<usize>,
    entry: Option<Entry>,
    /// Whether it has a key that no task of lm-evaluation-harness has: that takes no others.
    is_no_task: bool,
    is_wandb: bool,
    /// Where keys are to which W&B's file gives values that set nothing.
    nothing: Vec<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing yet but comments.
    #[default]
    Begin,
    Inside,
    /// It is not followed any more.
    Lost,
}

/// A key of W&B's file, and what is below it.
#[derive(Debug)]
struct Entry {
    at: u64,
    name: String,
    value: Option<String>,
    is_other: bool,
}

impl Top {
    pub(super) fn feed(&mut self, text: &str) {
        if self.state == State::Lost {
            return;
        }
        for c in text.chars() {
            match c {
                '\n' | '\r' => {
                    self.line();
                    self.start = self.at.saturating_add(1);
                }
                '\u{85}' | '\u{2028}' | '\u{2029}' => self.state = State::Lost,
                _ if self.line.len() > LONGEST => self.state = State::Lost,
                '\u{feff}' if self.at == 0 => self.start = c.len_utf8() as u64,
                _ => self.line.push(c),
            }
            self.at = self.at.saturating_add(c.len_utf8() as u64);
            if self.state == State::Lost {
                self.entry = None;
                return;
            }
        }
    }

    pub(super) fn end(&mut self) {
        if self.state != State::Lost {
            self.line();
            self.close();
        }
    }

    /// Whether lm-evaluation-harness refuses it.
    pub(super) fn is_no_task(&self) -> bool {
        self.is_no_task
    }

    /// Whether the key at a place sets nothing: it is one of W&B's file, which says so below `value`.
    pub(super) fn is_nothing(&self, at: u64) -> bool {
        self.is_wandb && self.nothing.binary_search(&at).is_ok()
    }

    fn line(&mut self) {
        let line = core::mem::take(&mut self.line);
        let text = line.trim_start_matches(' ');
        let blanks = line.len().saturating_sub(text.len());
        let text = text.trim_end_matches([' ', '\t']);
        if self.state == State::Lost || text.is_empty() {
            return;
        }
        if self.text.is_some_and(|column| blanks > column) {
            return;
        }
        self.text = None;
        if text.starts_with('#') {
            return;
        }
        // Items of a list may be set in as far as the key that it belongs to.
        let is_below = blanks > 0 || self.state == State::Inside && text.starts_with("- ");
        if text.starts_with('\t') || !(is_below || self.key(text)) || !self.inside(text, blanks) {
            self.state = State::Lost;
            self.entry = None;
        }
    }

    /// Takes a line that is not set in. Answers whether it is what is followed.
    fn key(&mut self, text: &str) -> bool {
        if core::mem::replace(&mut self.state, State::Inside) == State::Begin && text == "---" {
            return true;
        }
        self.close();
        let Some((name, value)) = plain(text) else { return false };
        self.is_no_task |= !TASKS.contains(&name);
        self.is_wandb |= matches!(name, "_wandb" | "wandb_version");
        if value.is_empty() {
            self.entry = Some(Entry { at: self.start, name: name.into(), value: None, is_other: false });
        }
        true
    }

    /// Takes a line, wherever it is. Answers whether all that begins in it ends in it, or is a text below.
    fn inside(&mut self, text: &str, blanks: usize) -> bool {
        let mut rest = text;
        let mut column = blanks;
        while let Some(item) = rest.strip_prefix("- ") {
            let trimmed = item.trim_start_matches(' ');
            column = column.saturating_add(rest.len().saturating_sub(trimmed.len()));
            rest = trimmed;
        }
        let pair = plain(rest);
        let value = pair.map_or(rest, |(_, value)| value);
        if let Some(entry) = self.entry.as_mut().filter(|_| blanks > 0 || text.starts_with("- ")) {
            match pair.filter(|_| column == blanks) {
                Some(("desc", "null" | "~")) if entry.value.is_none() => {}
                Some(("value", value)) if entry.value.is_none() => entry.value = Some(value.into()),
                _ => entry.is_other = true,
            }
        }
        if matches!(value.as_bytes(), [b'|' | b'>', rest @ ..] if rest.iter().all(|byte| matches!(byte, b'-' | b'+' | b'1'..=b'9')))
        {
            self.text = Some(column).filter(|_| pair.is_some());
            return self.text.is_some();
        }
        is_whole(value)
    }

    fn close(&mut self) {
        let Some(Entry { at, name, value, is_other }) = self.entry.take() else { return };
        let is_plain = |value: &String| value.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '~');
        let Some(value) = value.filter(|value| !is_other && is_plain(value)) else { return };
        let mut found = Vec::new();
        settings::check(&name, key::scalar(&value, false), Role::None, at, &mut found);
        if found.is_empty() && self.nothing.len() < MOST {
            self.nothing.push(at);
        }
    }
}

/// A key without quotes, and what is behind it.
fn plain(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once(':')?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '$') || c == '-';
    let is_name = name.chars().all(is_plain) && !name.is_empty() && !name.starts_with(['-', '.']);
    (is_name && (value.is_empty() || value.starts_with(' '))).then(|| (name, value.trim_start()))
}

/// Whether all quotes and brackets that begin in a value end in it.
fn is_whole(value: &str) -> bool {
    let Some(first) = value.chars().next() else { return true };
    let inside = value.get(1..).unwrap_or_default();
    match first {
        '\'' | '"' => {
            inside.find(first).is_some_and(|end| end.saturating_add(1) == inside.len())
                && !inside.contains('\\')
        }
        '[' | '{' => {
            let count = |signs: &[char]| value.matches(signs).count();
            let has_end = value.ends_with([']', '}']);
            has_end && count(&['[', '{']) == count(&[']', '}']) && !value.contains(['\'', '"', '#', '\\'])
        }
        '&' | '!' | '*' | '?' | '%' | '@' | '`' | '|' | '>' | '-' | ':' => {
            !value.contains(['\'', '"', '[', '{'])
        }
        // A text without quotes: within a word they are nothing.
        _ => value.match_indices(['\'', '"', '[', '{']).all(|(at, _)| {
            value.get(..at).is_some_and(|before| before.ends_with(|c: char| !c.is_whitespace()))
        }),
    }
}

/// Bytes of a line.
const LONGEST: usize = 1 << 12;
/// Keys that are kept.
const MOST: usize = 1000;
/// All that a task or a group of lm-evaluation-harness may have, or one of lmms-eval, which is made of it.
const TASKS: &[&str] = &[
    "aggregate_metric_list",
    "class",
    "custom_dataset",
    "dataset_kwargs",
    "dataset_name",
    "dataset_path",
    "description",
    "doc_to_audio",
    "doc_to_choice",
    "doc_to_decontamination_query",
    "doc_to_image",
    "doc_to_messages",
    "doc_to_target",
    "doc_to_text",
    "doc_to_visual",
    "fewshot_config",
    "fewshot_delimiter",
    "fewshot_split",
    "filter_list",
    "full_docs",
    "gen_prefix",
    "generation_kwargs",
    "group",
    "group_alias",
    "include",
    "lmms_eval_specific_kwargs",
    "metadata",
    "metric_list",
    "model_specific_generation_kwargs",
    "model_specific_prompt_kwargs",
    "model_specific_target_kwargs",
    "num_fewshot",
    "output_type",
    "process_docs",
    "process_results",
    "process_results_use_image",
    "recipe",
    "repeats",
    "should_decontaminate",
    "tag",
    "target_delimiter",
    "task",
    "task_alias",
    "task_list",
    "test_split",
    "training_split",
    "unsafe_code",
    "use_prompt",
    "validation_split",
    "version",
    "weight_by_size",
];

#[cfg(test)]
mod tests {
    use super::Top;

    fn top(text: &str) -> Top {
        let mut top = Top::default();
        top.feed(text);
        top.end();
        top
    }

    #[test]
    fn only_keys_that_are_surely_at_the_top_tell_whose_file_it_is() {
        for text in [
            "on: push\n",
            "# a 'b\n---\ntask: x\njobs:\n",
            "\u{feff}name: x\r\na: 1",
            "task: 'x'\ndescription: [a, b]\nname: y",
            "description: |\n  \"a\n  - [b\nname: y",
            "- x\n",
            "metadata:\n- a: it's ${{ x }}\n  b: >-\n    \"\n  c: d\ngroups:",
        ] {
            assert!(top(text).is_no_task() != text.starts_with('-'), "{text}");
        }
        for text in [
            "task: x\ndescription: y\n",
            "metadata: \"\nname: y\"\n",
            "metadata:\n  'a\nname: y'\n",
            "metadata: {a:\nname: y}\n",
            "metadata: {a: '}'\nname: y}\n",
            "metadata: \"a\\\"\nname: y\"\n",
            "metadata: a: \"\nname: y\"\n",
            "metadata: !!str \"\nname: y\"\n",
            "metadata: &a [\nname: y]\n",
            "metadata: ['a'\nname: y]\n",
            "metadata:\n- - \"\nname: y\"\n",
            "metadata: # \"\n  \"\nname: y\"\n",
            "--- |\nname: y\n",
            "--- \"\nname: y\"\n",
            "? |\n a\n: \"\nname: y\"\n",
            "metadata:\n  ? \"\nname: y\"\n",
            "metadata:\n - |\n  a\n - \"\nname: y\"\n",
            "task: a\u{85}metadata: \"\nname: y\"\n",
            "{task: x,\nname: y}\n",
            "\"task\": \"\nname: y\"\n",
        ] {
            assert!(!top(text).is_no_task(), "{text}");
        }
    }

    #[test]
    fn values_of_wandb_are_below_their_keys() {
        let text = "a:\n    value: false\n_wandb:\n    value:\n        x: 1\ntrust_remote_code:\n    desc: null\n    value: false\n";
        let nothing = |text: &str| {
            let at = text.find("trust_remote_code").unwrap_or_default();
            top(text).is_nothing(at as u64)
        };
        assert!(nothing(text));
        assert!(nothing(
            "wandb_version: 1\n\nauto_map:\n  desc: null\n  value: null\ntrust_remote_code:\n  value: ~"
        ));
        for text in [
            "trust_remote_code:\n  value: false\n",
            "_wandb: 1\ntrust_remote_code:\n  value: true\n",
            "_wandb: 1\ntrust_remote_code:\n  value: 'false'\n",
            "_wandb: 1\ntrust_remote_code:\n  value: false\n  x: 1\n",
            "_wandb: 1\ntrust_remote_code:\n  value: false\n   x\n",
            "_wandb: 1\ntrust_remote_code:\n- value: false\n",
            "_wandb: 1\ntrust_remote_code:\n  desc: true\n  value: false\n",
            "_wandb: 1\ntrust_remote_code:\n  desc: null\n",
            "_wandb: 1\ntrust_remote_code: x\n  value: false\n",
            "_wandb: 1\ntrust_remote_code:\n  value: false\n  \"",
        ] {
            assert!(!nothing(text), "{text}");
        }
    }
}
