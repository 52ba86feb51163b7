//! The outermost fields of a protocol buffer that is written as a text.

use alloc::string::String;

/// The fields of a text.
#[derive(Debug, Default)]
pub(super) struct Fields {
    name: String,
    depth: usize,
    state: State,
    has_any: bool,
    has_other: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// A name may begin.
    #[default]
    Name,
    /// A colon was there: what follows is a value.
    Value,
    Comment,
    /// In a text, and whether what comes next is escaped.
    Quoted(char, bool),
}

impl Fields {
    /// Takes the next piece of the text.
    pub(super) fn feed(&mut self, text: &str) {
        text.chars().for_each(|c| self.take(c));
    }

    /// Whether it has fields, and all of them are those of a configuration of Triton's, or of a map of labels: no
    /// model, and nothing that names a program.
    pub(super) fn are_settings(&mut self) -> bool {
        self.finish();
        self.has_any && !self.has_other && self.depth == 0
    }

    fn take(&mut self, c: char) {
        match (self.state, c) {
            (State::Comment, '\n') => self.state = State::Name,
            (State::Comment, _) => {}
            (State::Quoted(quote, false), _) if c == quote => self.state = State::Name,
            (State::Quoted(quote, is_escaped), _) => {
                self.state = State::Quoted(quote, c == '\\' && !is_escaped);
            }
            _ => self.plain(c),
        }
    }

    fn plain(&mut self, c: char) {
        if c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+') {
            if self.name.len() <= LONGEST {
                self.name.push(c);
            }
            return;
        }
        self.finish();
        match c {
            '#' => self.state = State::Comment,
            '"' | '\'' => self.state = State::Quoted(c, false),
            ':' => self.state = State::Value,
            '{' | '[' | '<' => {
                self.depth = self.depth.saturating_add(1);
                self.state = State::Name;
            }
            '}' | ']' | '>' => {
                self.has_other |= self.depth == 0;
                self.depth = self.depth.saturating_sub(1);
            }
            _ if c.is_whitespace() || matches!(c, ',' | ';') => {}
            _ => self.has_other = true,
        }
    }

    /// A word is whole: a name, or the value of one.
    fn finish(&mut self) {
        let name = core::mem::take(&mut self.name);
        if name.is_empty() || self.depth > 0 {
            return;
        }
        if core::mem::take(&mut self.state) == State::Name {
            self.has_any = true;
            self.has_other |= !SETTINGS.contains(&name.as_str());
        }
    }
}

/// Bytes of a name.
const LONGEST: usize = 64;
/// Fields of Triton's configurations, but for those that name a library to load, and of maps of labels.
const SETTINGS: &[&str] = &[
    "backend",
    "batch_input",
    "batch_output",
    "default_model_filename",
    "dynamic_batching",
    "ensemble_scheduling",
    "input",
    "instance_group",
    "item",
    "max_batch_size",
    "metric_tags",
    "model_transaction_policy",
    "model_warmup",
    "name",
    "optimization",
    "output",
    "parameters",
    "platform",
    "response_cache",
    "sequence_batching",
    "version_policy",
];

#[cfg(test)]
mod tests {
    use super::Fields;

    #[test]
    fn settings_are_told_from_models() {
        let are_settings = |text: &str| {
            let mut fields = Fields::default();
            text.split_inclusive('a').for_each(|piece| fields.feed(piece));
            fields.are_settings()
        };
        for text in [
            "name: \"a\" # b {\nplatform: 'c\\'d'\nmax_batch_size: 8\ninput [ { name: \"x\" dims: [3] } ]\n",
            "item {\n  id: 1\n  name: \"a}\"\n}\nitem < id: 2 >",
            "backend:\"x\";output{graph{}}",
        ] {
            assert!(are_settings(text), "{text}");
        }
        for text in [
            "",
            "# item {}",
            "ir_version: 8",
            "name: \"a\" layer { type: \"Python\" }",
            "name: \"a\" # b\nlayer {}",
            "node { name: \"x\" }",
            "item {} } graph {}",
            "item {",
            "name: \"a\" graph: {}",
            "name: x graph {}",
            "name: 'a\\\\' graph {}",
            "model_operations { op_library_filename: \"x.so\" } name: \"a\"",
            "<ir_version: 8> agraph (float x) => (float y) {}",
            "name: \"a\" [x.y]: 1 !",
        ] {
            assert!(!are_settings(text), "{text}");
        }
    }
}
