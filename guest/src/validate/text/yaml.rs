//! YAML, read a character at a time for words that make a loader run code.
//!
//! What such a text says depends on more than can be followed here: quotes, folds, anchors. So the
//! words count wherever they are, with all escapes undone; only what is plainly nothing is nothing:
//! a comment in a line without quotes, and a value of nothing behind its key.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::blocks::Blocks;
use super::json::Template;
use super::prompts;
use super::settings::{self, Setting};
use super::top::Top;
use super::words::{MARK, Words};

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
    /// The last byte, and whether code of a template begins anywhere: in what is a comment, too.
    before: u8,
    has_code: bool,
    blocks: Blocks,
    top: Top,
    /// Where keys are whose texts only describe something.
    described: Vec<u64>,
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
    /// Of a text that is YAML by its name, or perhaps by none.
    pub(super) fn new(is_named: bool) -> Self {
        let words = || Words::new(is_named);
        Self { plain: words(), escaped: words(), ..Self::default() }
    }

    /// Takes the next piece of the text.
    pub(super) fn feed(&mut self, text: &str) {
        self.blocks.feed(text);
        self.top.feed(text);
        for c in text.chars() {
            match c {
                // What PyYAML takes for the end of a line.
                '\u{85}' | '\u{2028}' | '\u{2029}' => self.take(b'\n'),
                // The mark that may begin a line is no part of a word, and no blank either.
                '\u{feff}' => self.take(MARK),
                _ => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| self.take(byte)),
            }
            self.at = self.at.saturating_add(c.len_utf8() as u64);
        }
    }

    /// The templates in it that are written plainly.
    pub(super) fn templates(&mut self) -> Vec<Template> {
        let mut found = core::mem::take(&mut self.blocks.found);
        found.retain(|template| self.described.binary_search(&template.at).is_err());
        found
    }

    /// The text is over; what was found in it.
    pub(super) fn end(&mut self) -> Vec<Setting> {
        self.comment = None;
        let mut found = self.plain.end();
        let escaped = self.escaped.end();
        found.extend(escaped);
        self.blocks.end();
        self.top.end();
        self.described = self.described();
        found.retain(|setting| !self.top.is_nothing(setting.at));
        // What a template is depends on all that such a text can be: blocks, folds, quotes, aliases. The
        // keys count wherever they are, and if one of them is not written plainly, it is not known.
        let has_code = self.has_code || self.escaped.has_code;
        let mut templates = self.plain.templates.iter().chain(&self.escaped.templates);
        let is_missed = |at: u64| !self.blocks.has(at) && self.described.binary_search(&at).is_err();
        if let Some((at, key)) = templates.find(|(at, _)| has_code && is_missed(*at)) {
            let message = format!(
                "`{key}`, a template of prompts in YAML that is not followed: lm-evaluation-harness and \
                 smolagents render such without a sandbox"
            );
            settings::keep(*at, message, &mut found);
        }
        found.sort_by_key(|setting| setting.at);
        found.dedup_by_key(|setting| setting.at);
        found
    }

    /// Where keys describe something in a file that lm-evaluation-harness, which alone renders such, refuses.
    fn described(&self) -> Vec<u64> {
        let all = [&self.plain.templates, &self.escaped.templates];
        // Where there are more than are kept, who knows what the others are.
        if !self.top.is_no_task() || all.iter().any(|templates| templates.len() > prompts::MOST) {
            return Vec::new();
        }
        let is_one = |(at, key): &(u64, String)| (key == prompts::DESCRIPTION).then_some(*at);
        let mut places: Vec<_> = all.into_iter().flatten().filter_map(is_one).collect();
        places.sort_unstable();
        places
    }

    fn take(&mut self, byte: u8) {
        let is_break = matches!(byte, b'\r' | b'\n');
        self.has_code |= self.before == b'{' && matches!(byte, b'{' | b'%');
        self.before = byte;
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
                // A blank, or whatever is no part of a word.
                let is_blank = matches!(byte, b'n' | b't' | b' ' | b'r');
                self.escaped.take(if is_blank { b' ' } else { OTHER }, at);
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

/// What stands for another character that is escaped, which no text has.
const OTHER: u8 = 2;
/// Bytes of a comment; a longer one is read as what it may be.
const LONGEST_COMMENT: usize = 1 << 12;
#[cfg(test)]
mod tests {
    use super::Yaml;

    fn found(text: &str) -> usize {
        let mut yaml = Yaml::default();
        yaml.feed(text);
        yaml.end().len()
    }

    #[test]
    fn a_tag_alone_in_a_line_is_one_in_what_is_yaml() {
        for (is_named, count) in [(true, 1), (false, 0)] {
            let mut yaml = Yaml::new(is_named);
            yaml.feed("!function\nutils.f\n");
            assert_eq!(yaml.end().len(), count);
        }
    }

    #[test]
    fn more_keys_than_are_kept_describe_nothing() {
        let text =
            alloc::format!("name: x\n{}doc_to_text: *a\nb: '{{{{x}}}}'", "description: y\n".repeat(1001));
        assert_eq!(found(&text), 1);
        assert_eq!(found(&text.replace("doc_to_text", "a")), 1);
        assert_eq!(found("name: x\ndescription: *a\nb: '{{x}}'"), 0);
    }

    #[test]
    fn no_number_of_blanks_hides_a_value() {
        for between in [" ".repeat(5000), "\n".repeat(5000), "\t ".repeat(5000), " #\n".repeat(5000)] {
            for (key, value) in [
                ("_target_:", "x"),
                ("target:", "os.system"),
                ("trust_remote_code:", "true"),
                ("loader_module:", "evil"),
                ("auto_map:", "{a: b}"),
                ("x: &a os.system\n_target_:", "*a"),
                ("a:", "!new:x.Y"),
                ("attn_implementation:", "org/kernel"),
            ] {
                let text = alloc::format!("{key} {between} {value}\n");
                assert_eq!(
                    found(&text),
                    1,
                    "{key} {}",
                    between.escape_debug().take(4).collect::<alloc::string::String>()
                );
            }
        }
        assert_eq!(found(&alloc::format!("\"_target_\"{}: x", " ".repeat(5000))), 1);
        // A value that is too long to be kept is not seen.
        assert_eq!(found(&alloc::format!("target: os.{}", "x".repeat(5000))), 1);
        assert_eq!(found(&alloc::format!("a: ${}", "x".repeat(5000))), 1);
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
            "target: # don't\n  os.system",
            "trust_remote_code: false#",
            "trust_remote_code: false\n  x",
            "{a: 1, trust_remote_code: false\nfalse x, c: 2}",
            "{\n a: 1, trust_remote_code: false\nx, c: 2}",
            "attn_implementation: [sdpa,\n  org/kernel]\n",
            "attn_implementation: [sdpa,\norg/kernel]\n",
            "attn_implementation: {a: sdpa,\n b: o/k}",
            "attn_implementation: [\"]\",\no/k]",
            "plugins: [a,\n  e.X]",
            "a:\n- trust_remote_code: false\n   # no\n   - x",
            "trust_remote_code: 'false\n  x'",
            "trust_remote_code: \u{feff}",
            "x: &k trust_remote_code\nfalse: 1\n*k : true",
            "x: &k target\n*k : os.system",
            "target: os.system",
            "target: >-\n  os.system\na: b",
            "target: ' os.\n  system'",
            "trust_remote_code: 'a b\n  c'",
            "a:\n- target: |\n    os.system\n  a: b",
            "trust_remote_code: |\n  false",
            "trust_remote_code: |\n  # x",
            "attn_implementation: >\n  org/kernel",
            "target:\n  \"os.\\\n  system\"",
            "target: &a os.system",
            "target: *a",
            "? target\n: os.system",
            "class_path: torch.hub.load",
            "loader_module: evil",
            "auto_map: {a: b}",
            "attn_implementation: org/kernel",
            "attn_implementation:\n  text_config: sdpa\n  vision_config: org/kernel\na: b",
            "attn_implementation: {a: sdpa, b: org/kernel}",
            "attn_implementation:\n- sdpa\n- org/kernel",
            "_target_: 1e5",
            "_target_: 5\n  x",
            "user_dir: nan",
            "a: [']', !new:x.Y {}]",
            "a: [x, # ]\n  b, !new:x.Y {}]",
            "a b: !new:x.Y {}",
            "a {}: !new:x.Y {}",
            "x: [a]\ny: [b,\n c d, !new:x.Y {}]",
            "a: \"$print\n(1)\"",
            "a: \"\\x24f\\/g h(1)\"",
            "a: \"\\x24f(\\\"a b\\\")\"",
            "{a: $f(1), b c: d}",
            "- $f(1)\n- b c",
            "- $f(1)\nb c",
            "a: '$f(''x'')'",
            "- $print\n  (1)",
            "- a: $print\n    (1)",
            "description: a\nb: &k doc_to_text\n*k : \"{{x}}\"",
            "doc_to_text: |\n    {{ x.__class__ }}\n  # {{ $ }}\na: b",
            "description: a\n  b # {{ $ }}",
            "trust_remote_code: n",
            "trust_remote_code: nO",
            "trust_remote_code: 'false'",
            "trust_remote_code: false,",
            "trust_remote_code: false, # x",
            "a: '['\ntrust_remote_code: false,",
            "target: my-evil.run",
            "target: 0evil.run",
            "target: '1.0evil'",
            "{\n  target: os.system,\n}",
            "target: torch.utils.data.datapipes.utils.decoder.basichandlers",
            "target: ldm.util.get_obj_from_str",
            "x: !apply:os.system [id]",
            "x: !new:torch.nn.Linear\n  a: 1",
            "- !name:os.system",
            "{x: !module:evil}",
            "x: # no\n  !include:y.yaml",
            "!new:x.Y\na: 1",
            "!apply:os.system\n- id",
            "\u{feff}!new:x.Y\na: 1",
            "a: &b !new:x.Y {}",
            "process_docs: !function utils.f",
            "a: !!ruby/object:X {}",
            "a: !!python/tuple [1]",
            "run: $os.system('id')",
            "- $import os",
            "run: !!str $print(1)",
            "run: &a $print(1)",
            "run: &a !!str\n  $print(1)",
            "run: \"\\x24print(1)\"",
            "- \"$os.system('id')\"",
            "- |\n  $os.system('id')",
            "run: $__import_\n  ('os')",
            "- $eval\n  ('os')",
            "run: \"$f('a\n  $b')\"",
            "custom_imports:\n  imports: [evil]",
            "_component_: x.y",
            "user_dir: evil",
            "plugins:\n  - evil.X\n  - b",
            "components:\n  a: {type: evil.mod.X, b: 1}",
            "type: *a",
            "keras_module: evil",
            "template_format: jinja2",
            "activation: exec('x')",
            "a: __import__('os').system('id')",
            "doc_to_text: {{x}}",
            "doc_to_text: ok\nx: &k doc_to_target\n*k : \"{{x}}\"",
            "doc_to_text: '{{x}}'\n\"doc_to_\\x74arget\": '{{y}}'",
            "a: |\n  doc_to_text: '{{x}}'\n{doc_to_text: \"{{x}}\"}",
            "doc_to_choice: [a, *b]\nc: '{{x}}'",
            "a: b\\\ndoc_to_text: 'x'\n\"\\x64oc_to_target\": \"{{x}}\"",
            "a: {\"x\ndoc_to_text: |\n  \": 1, doc_to_target: '{{x}}'}",
            "doc_to_text: \"{\\x7b x }}\"",
            "chat_template_jinja: |2\n  # {% x %}",
            "? target # don't \n: os.system",
            "x: -\n- types: [\"a.b\"]",
            "\"types\" : [a.b]",
            "'types': [a.b]",
            "types : [a.b]",
            "- types: [a.b]",
            "{-: 1,types: [a.b]}",
            "{? auto_map: x}",
            "{?auto_map: x}",
            "{a:auto_map, auto_map: x}",
            "model.class_path: os.system",
            "a-__import__: 1",
            "mcpServers:\n- name: x\n  command: touch\n",
            "mcp:\n  servers:\n    a: {\"\\x63ommand\": touch, transport: stdio}",
            "task: x\ndescription: *a\nmetadata: '{{x}}'",
            "metadata: \"\nname: y\"\ndescription: *a\nb: '{{x}}'",
            "name: x\ndoc_to_text: *a\nb: '{{x}}'",
        ] {
            assert_ne!(found(text), 0, "{text}");
        }
        for text in [
            "target: x",
            "my_target_x: 1",
            "trust_remote_code: False\nx: 1",
            "a: 100% !important",
            "trust_remote_code: false\n\n--- # x\na: 1",
            "- trust_remote_code: false\n  a: 1\n- x",
            "{trust_remote_code: false,\n  a: 1}",
            "{trust_remote_code: false\n  , a: 1}",
            "{\n  a: [1],\n  trust_remote_code: false\n}\n",
            "attn_implementation: [sdpa,\neager]\nb: o/k\n",
            "a:\n  trust_remote_code: false\n\n  # x\nb: 1",
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
            "attn_implementation: sdpa\npath: org/x",
            "{attn_implementation: sdpa, path: org/x}",
            "attn_implementation:\n  a: sdpa\npath: org/x",
            "a: [{type: a}, {type: b}, {type: a}, {type: b}, {type: a}, {type: b}, {type: a}, {type: b}, {type: a}, {type: b}]",
            "a: [{\"type\": \"a\"}, {\"type\": \"b\"}, {type: a}, {type: b}, {type: a}, {type: b}, {type: a}, {type: b}, {type: a}]",
            "trust_remote_code: 0",
            "target: |-\n  Let us think of os.system\n  and more.\na: b",
            "target: 'Let us think of\n  os.system'",
            "target: 0.5\ntype: 1.5",
            "target: feature.csv",
            "x: !ref <y>\nz: !!str 1\n- !Sub a",
            "text: |\n  ![image](x)\n  a: b !new:x",
            "run: |\n  $PYTHON -m x \\\n    --y\n  $(cat z)\n  $A\n  $B\n",
            "a: ${oc.env:HOME}/x\nb: $5",
            "doc_to_text: \"{{x}}\"\ndoc_to_target: label",
            "doc_to_text: \"{{x}}\"\ndoc_to_choice: [\"A\", 'b, c', D e]",
            "description: Environment to deploy\nrun: ${{ inputs.env }}",
            "description: The page,\n  and more of it\nrun: ${{ inputs.env }}",
            "if: ${{ !cancelled() }}\nb: [a, b]\nc: x {!y}, !z\nd: ${{ hashFiles('**/x') }}",
            "- a: ${{ always() }}\n  run: print(1)",
            "description: \"Instance {{ $labels.instance }} is down\"",
            "_target_: 5",
            "user_dir: 0.5\nauto_map: true",
            "chat_template_jinja: |\n  # {% x %}",
            "chat_template: jinja\na: {b: {c: d}}",
            "!src/*.py\n!keep\n*.pyc",
            "activation: nn.SiLU()\nplugins: [search, x]\nuser_dir: null",
            "- update-types: [\"version-update:semver-major\"]",
            "deploy-target: foo.bar.Baz\nx-auto_map: {a: b}\nauto_map-x: 1\n\"x-_target_\": y",
            "example.com/target: a.b.C\n$type: a.b.C",
            "mcpServers:\n- url: http://localhost\n",
            "services:\n  a: {command: x}\nservers: [{url: y}]",
            "name: x\ninputs:\n  a: {description: \"{{ x.__class__ }}\"}",
            "name: x\ndescription: \"{{ x.__class__ }}\"",
            "_wandb: 1\ntrust_remote_code:\n    desc: null\n    value: false\nauto_map:\n    value: null\n",
            "services:\n  a: !reset null\n  b: !override [x]",
            "jobs:\n  a:\n    run: $CONDA/bin/conda run -n x (y)\n",
        ] {
            assert_eq!(found(text), 0, "{text}");
        }
    }
}
