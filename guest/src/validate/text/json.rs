//! JSON, read a window at a time for what makes a loader run code.
//!
//! What is no JSON is read on as if it were, as lenient readers do: a string before a colon is a
//! key.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::servers::Server;
use super::settings::{self, Role, Setting, Value};
use super::trees::Node;
use super::{index, prompts};

/// What JSON texts say, one after another.
#[derive(Debug, Default)]
pub(super) struct Json {
    lexer: Lexer,
    frames: Vec<Frame>,
    /// The last string, until what follows it says whether it is a key.
    last: Option<Token>,
    /// The key whose value comes next.
    key: Option<Token>,
    broken: bool,
    too_deep: bool,
    comments: Comments,
    values: u64,
    /// Keys of a notebook that the outermost object has.
    notebook: [bool; 2],
    role: Role,
    /// Parts that no library has, as long as it is not known to be a pipeline.
    parts: Vec<Setting>,
    /// What `type` names, as long as it is not known that it is imported.
    types: Vec<Setting>,
    /// Whether it has a key that settings have whose types are imported.
    has_types: bool,
    onnx: Onnx,
    /// How many texts it is in: JSON in a text of JSON is read for trees alone.
    level: u8,
    /// A file that an index names outside of its directory.
    pub(super) outside: Option<Setting>,
    pub(super) found: Vec<Setting>,
    /// Chat templates.
    pub(super) templates: Vec<Template>,
}

/// A chat template that a text holds.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) at: u64,
    /// None if it is too long to be looked at.
    pub(super) text: Option<String>,
}

/// Whether the outermost object is a model of ONNX in JSON, whose reader takes no other keys.
#[derive(Debug, Default)]
struct Onnx {
    graph: bool,
    other: bool,
}

/// Comments as programs allow them in their settings, and where they are.
#[derive(Debug, Default)]
struct Comments {
    places: Vec<Range<u64>>,
    /// Whether one is where it would be a part of a value to a reader of YAML, or says what does not
    /// need words there: a tag, or an anchor, without which there is no alias.
    is_telling: bool,
    /// Whether the last thing before it, if it is a bracket, a comma or a string, ends what it is of.
    may_begin: bool,
    /// The last byte of the one that goes on.
    before: u8,
}

#[derive(Debug)]
struct Frame {
    is_object: bool,
    /// Whether its strings are chat templates.
    is_template: bool,
    /// Whether its strings are files that an index names.
    is_index: bool,
    /// The module of a class of Keras, where both are told.
    module: Option<(u64, String)>,
    has_class: bool,
    /// The setting whose value all strings below are.
    setting: Option<&'static str>,
    /// Where its key is.
    key: Option<u64>,
    /// The key of a list that may be a part of a pipeline, until its first value.
    part: Option<Token>,
    /// Values before those in it.
    values: u64,
    node: Node,
    server: Server,
    /// What it says of tokens, if it is a vocabulary.
    tokens: Option<Tokens>,
}

/// What a vocabulary sets to numbers, as long as it has nothing but these.
#[derive(Debug, Default)]
struct Tokens {
    numbers: u64,
    found: Vec<Setting>,
}

#[derive(Debug, Default)]
struct Lexer {
    state: State,
    at: u64,
    start: u64,
    token: Vec<u8>,
    cut: bool,
    /// Whether nothing but blanks came of the string.
    is_blank: bool,
    /// The string as JSON, if it begins as such.
    inner: Option<Box<Json>>,
    level: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Between,
    /// A slash outside of strings.
    Slash,
    /// A comment up to the end of its line, or else up to a star and a slash.
    Comment {
        is_line: bool,
    },
    Word,
    String,
    Escape,
    /// Digits that came, and their value.
    Hex(u8, u32),
}

/// A string or a word: where it is and, as far as it is kept, what it says.
#[derive(Debug)]
struct Token {
    at: u64,
    text: String,
    cut: bool,
}

impl Json {
    pub(super) fn new(role: Role) -> Self {
        Self { role, ..Self::default() }
    }

    /// JSON in so many texts of JSON.
    fn inside(level: u8) -> Self {
        Self { level, lexer: Lexer { level, ..Lexer::default() }, ..Self::default() }
    }

    /// Takes the next piece of the text.
    pub(super) fn feed(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let used = match self.lexer.state {
                State::String => self.string(rest),
                State::Escape => self.escape(rest),
                State::Hex(count, value) => self.hex(rest, count, value),
                State::Word => self.word(rest),
                State::Between => self.between(rest),
                State::Slash => self.slash(rest),
                State::Comment { is_line } => self.comment(rest, is_line),
            };
            at = at.saturating_add(used);
            self.lexer.at = self.lexer.at.saturating_add(used as u64);
        }
    }

    /// The text is over; answers whether it was JSON, perhaps with comments.
    pub(super) fn end(&mut self) -> bool {
        match self.lexer.state {
            State::Word => self.literal(),
            State::Comment { is_line: true } => self.no_comment(),
            _ => {}
        }
        self.settle();
        // What does not end is no vocabulary.
        for frame in core::mem::take(&mut self.frames) {
            self.broken = true;
            for Setting { at, message } in frame.tokens.into_iter().flat_map(|tokens| tokens.found) {
                settings::keep(at, message, &mut self.found);
            }
        }
        let parts = core::mem::take(&mut self.parts).into_iter().filter(|_| self.role == Role::Pipeline);
        let types = core::mem::take(&mut self.types).into_iter().filter(|_| self.has_types);
        for Setting { at, message } in parts.chain(types) {
            settings::keep(at, message, &mut self.found);
        }
        let whole = self.lexer.state == State::Between && self.key.is_none();
        whole && !self.broken && self.values > 0
    }

    /// Whether a reader of YAML may see what is at a place otherwise than one of JSON does: if there are
    /// comments, in them.
    pub(super) fn is_other_in_yaml(&self, at: u64) -> bool {
        let Comments { places, is_telling, .. } = &self.comments;
        *is_telling || places.iter().any(|place| place.contains(&at))
    }

    /// How deep values may lie in each other, if they are deeper.
    pub(super) fn too_deep(&self) -> Option<u64> {
        self.too_deep.then_some(DEPTH as u64)
    }

    /// Whether it is a notebook.
    pub(super) fn is_notebook(&self) -> bool {
        self.notebook == [true, true]
    }

    /// Whether it is a model of ONNX.
    pub(super) fn is_onnx(&self) -> bool {
        self.onnx.graph && !self.onnx.other
    }

    fn between(&mut self, rest: &[u8]) -> usize {
        let Some(byte) = rest.first() else { return 1 };
        let is_blank = matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        self.comments.may_begin = match byte {
            b'/' => self.comments.may_begin || self.values == 0,
            _ if is_blank => self.comments.may_begin,
            _ => matches!(byte, b'{' | b'[' | b'}' | b']' | b',' | b'"'),
        };
        match byte {
            _ if is_blank => {}
            b'/' => self.begin(State::Slash),
            b'"' => self.begin(State::String),
            b'{' | b'[' => self.open(*byte == b'{'),
            b'}' | b']' => self.close(*byte == b'}'),
            b':' => self.colon(),
            b',' => self.comma(),
            // The mark that some programs begin a text with.
            0xef | 0xbb | 0xbf if self.lexer.at < 3 => {}
            _ => {
                self.begin(State::Word);
                return 0;
            }
        }
        1
    }

    /// Behind a slash: a comment, or else a word.
    fn slash(&mut self, rest: &[u8]) -> usize {
        let is_line = rest.first() == Some(&b'/');
        if is_line || rest.first() == Some(&b'*') {
            self.lexer.state = State::Comment { is_line };
            self.comments.before = 0;
            self.comments.is_telling |= !self.comments.may_begin;
            return 1;
        }
        self.lexer.keep(b"/");
        self.lexer.state = State::Word;
        0
    }

    fn comment(&mut self, rest: &[u8], is_line: bool) -> usize {
        let Some(byte) = rest.first() else { return 1 };
        let before = core::mem::replace(&mut self.comments.before, *byte);
        if is_line && matches!(byte, b'\r' | b'\n') || !is_line && before == b'*' && *byte == b'/' {
            self.no_comment();
            return 1;
        }
        self.comments.is_telling |= matches!(byte, b'!' | b'&' | b'%') && !before.is_ascii_alphanumeric();
        1
    }

    /// A comment is over.
    fn no_comment(&mut self) {
        self.lexer.state = State::Between;
        if self.comments.places.len() < MOST_COMMENTS {
            self.comments.places.push(self.lexer.start..self.lexer.at);
        } else {
            self.comments.is_telling = true;
        }
    }

    fn begin(&mut self, state: State) {
        self.lexer.state = state;
        self.lexer.start = self.lexer.at;
        self.lexer.token.clear();
        self.lexer.cut = false;
        self.lexer.is_blank = state == State::String;
        self.lexer.inner = None;
    }

    fn string(&mut self, rest: &[u8]) -> usize {
        let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len());
        self.lexer.keep(rest.get(..end).unwrap_or_default());
        match rest.get(end) {
            None => return end,
            Some(b'"') => {
                self.lexer.state = State::Between;
                self.inner();
                let token = self.lexer.take();
                self.value(Some(token), None);
            }
            Some(b'\\') => self.lexer.state = State::Escape,
            Some(control) => {
                self.broken = true;
                self.lexer.keep(&[*control]);
            }
        }
        end.saturating_add(1)
    }

    /// The string is whole: what it says as JSON.
    fn inner(&mut self) {
        let Some(mut inner) = self.lexer.inner.take() else { return };
        inner.end();
        for Setting { message, .. } in inner.found {
            settings::keep(self.lexer.start, message, &mut self.found);
        }
    }

    fn escape(&mut self, rest: &[u8]) -> usize {
        self.lexer.state = State::String;
        let kept = match rest.first() {
            Some(b'u') => {
                self.lexer.state = State::Hex(0, 0);
                return 1;
            }
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(other @ (b'"' | b'\\' | b'/')) => *other,
            _ => {
                self.broken = true;
                return 0;
            }
        };
        self.lexer.keep(&[kept]);
        1
    }

    fn hex(&mut self, rest: &[u8], count: u8, value: u32) -> usize {
        let digit = rest.first().and_then(|byte| char::from(*byte).to_digit(16));
        let Some(digit) = digit else {
            self.broken = true;
            self.lexer.state = State::String;
            return 0;
        };
        let value = value << 4 | digit;
        self.lexer.state = if count < 3 { State::Hex(count.saturating_add(1), value) } else { State::String };
        if count >= 3 {
            // Half a pair is as good as any other letter here.
            let c = char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER);
            self.lexer.keep(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        1
    }

    fn word(&mut self, rest: &[u8]) -> usize {
        let is_end = |byte: &u8| {
            matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'{' | b'}' | b'[' | b']' | b':' | b',')
        };
        let end = rest.iter().position(is_end).unwrap_or(rest.len());
        self.lexer.keep(rest.get(..end).unwrap_or_default());
        if end < rest.len() {
            self.literal();
        }
        end
    }

    fn literal(&mut self) {
        self.lexer.state = State::Between;
        let token = self.lexer.take();
        self.broken |= token.cut || !is_literal(&token.text);
        self.value(None, Some(token));
    }

    /// A string or a word is whole.
    fn value(&mut self, string: Option<Token>, word: Option<Token>) {
        self.values = self.values.saturating_add(1);
        self.broken |= self.last.is_some();
        self.settle();
        match (self.key.take(), string, word) {
            (Some(key), Some(string), _) => self.pair(&key, string),
            (Some(key), None, Some(word)) => self.number(&key, &word),
            (None, Some(string), _) => self.last = Some(string),
            (None, None, Some(word)) => {
                self.no_part();
                self.broken |= self.in_object() || word.text.is_empty();
            }
            _ => {}
        }
    }

    /// A key is set to a word.
    fn number(&mut self, key: &Token, word: &Token) {
        if self.level > 0 {
            return;
        }
        let tokens = self.frames.last_mut().and_then(|frame| frame.tokens.as_mut());
        let found = match tokens.filter(|_| settings::is_number(&word.text)) {
            Some(tokens) => {
                tokens.numbers = tokens.numbers.saturating_add(1);
                &mut tokens.found
            }
            None => &mut self.found,
        };
        settings::check(&key.text, Value::Word(&word.text), self.role, key.at, found);
    }

    fn pair(&mut self, key: &Token, string: Token) {
        if let Some(frame) = self.frames.last_mut() {
            let text = (!string.cut).then_some(string.text.as_str());
            frame.node.text(&key.text, key.at, text);
            frame.server.value(&key.text, key.at, text);
            frame.has_class |= key.text == "class_name";
            if key.text == "module" {
                frame.module = Some((key.at, string.text.clone()));
            }
        }
        if key.text == CLASS && self.frames.len() == 1 && string.text.ends_with("Pipeline") {
            self.role = Role::Pipeline;
        }
        self.check(&key.text, key.at, &string);
        // Every string below is one: whatever it is called, a name gets it.
        if prompts::is_template(&key.text) || self.frames.last().is_some_and(|frame| frame.is_template) {
            self.template(string);
        }
    }

    /// A string as the value of a key, and of what it lies in.
    fn check(&mut self, key: &str, at: u64, string: &Token) {
        if self.level > 0 {
            return;
        }
        let value = if string.cut { Value::Hidden } else { Value::Text(&string.text) };
        let is_open = key == "type" && self.role != Role::Modules;
        settings::check(key, value, self.role, at, if is_open { &mut self.types } else { &mut self.found });
        if self.role != Role::Data {
            let look = if string.cut { settings::long_expression } else { settings::expression };
            look(&string.text, string.at, &mut self.found);
        }
        if self.frames.last().is_some_and(|frame| frame.is_index) && index::leads_out(&string.text) {
            self.outside.get_or_insert_with(|| index::outside(string.at, &string.text));
        }
        if let Some(setting) = self.frames.last().and_then(|frame| frame.setting)
            && setting != key
        {
            settings::check(setting, value, self.role, at, &mut self.found);
        }
    }

    /// The list does not begin with a string.
    fn no_part(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.part = None;
        }
    }

    fn template(&mut self, string: Token) {
        if self.level > 0 {
            return;
        }
        if self.templates.len() < MOST_TEMPLATES {
            self.templates.push(Template { at: string.at, text: (!string.cut).then_some(string.text) });
        } else if let Some(last) = self.templates.last_mut() {
            last.text = None;
        }
    }

    /// The last string is no key.
    fn settle(&mut self) {
        let Some(string) = self.last.take() else { return };
        let Some(frame) = self.frames.last_mut() else { return };
        if let Some(key) = frame.part.take().filter(|_| self.level == 0 && settings::is_part(&string.text)) {
            let is_always = key.text == CLASS || key.text == HINT;
            let parts = if is_always { &mut self.found } else { &mut self.parts };
            settings::part(&key.text, &string.text, key.at, parts);
        }
        self.broken |= frame.is_object;
        let is_template = frame.is_template;
        self.check("", string.at, &string);
        if is_template {
            self.template(string);
        }
    }

    fn in_object(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.is_object)
    }

    fn open(&mut self, is_object: bool) {
        self.values = self.values.saturating_add(1);
        self.broken |= self.last.is_some() || self.in_object() && self.key.is_none();
        self.settle();
        let key = self.key.take();
        let above = self.frames.last();
        let inherited = above.is_some_and(|frame| frame.is_template);
        let setting = above.and_then(|frame| frame.setting);
        let is_index = above.is_some_and(|frame| frame.is_index);
        let is_top = self.frames.len() == 1 && self.in_object();
        self.no_part();
        let at = key.as_ref().map(|key| key.at);
        let name = key.as_ref().map(|key| key.text.as_str());
        let values = self.values;
        let is_vocabulary = match name {
            None => self.frames.is_empty() && self.role == Role::Vocabulary,
            Some(name) => name == VOCABULARY,
        };
        let server = Server::below(self.frames.last().map(|frame| &frame.server), name);
        let mut frame = Frame {
            is_object,
            is_template: inherited,
            is_index,
            module: None,
            has_class: false,
            setting,
            key: at,
            part: None,
            values,
            node: Node::default(),
            server,
            tokens: (is_object && is_vocabulary).then(Tokens::default),
        };
        if let (Some(above), Some(key)) = (self.frames.last_mut(), &key) {
            above.server.value(&key.text, key.at, None);
        }
        if let Some(key) = key.filter(|_| self.level == 0) {
            settings::check(&key.text, Value::Open, self.role, key.at, &mut self.found);
            frame.is_template |= prompts::is_template(&key.text);
            frame.setting = settings::of_all_below(&key.text).or(setting);
            frame.is_index |= key.text == "weight_map";
            frame.part = (!is_object && (is_top || key.text == HINT)).then_some(key);
        }
        if self.frames.len() >= DEPTH {
            self.too_deep = true;
        } else {
            self.frames.push(frame);
        }
    }

    fn close(&mut self, is_object: bool) {
        self.broken |= self.key.take().is_some();
        self.settle();
        let frame = self.frames.pop();
        // Nothing is in it, so it sets nothing.
        if let Some(frame) = frame.as_ref().filter(|frame| frame.values == self.values)
            && let Some(at) = frame.key
        {
            self.found.pop_if(|setting| setting.at == at);
        }
        if let Some((at, module)) =
            frame.as_ref().filter(|frame| frame.has_class).and_then(|f| f.module.as_ref())
        {
            settings::layer(module, *at, &mut self.found);
        }
        if let Some(frame) = &frame {
            self.over(frame);
        }
        self.broken |= frame.is_none_or(|frame| frame.is_object != is_object);
    }

    /// All of an object or a list is there.
    fn over(&mut self, frame: &Frame) {
        let is_servers = self.level == 0 && self.role != Role::Data;
        let server = frame.server.setting().filter(|_| is_servers);
        for Setting { at, message } in frame.node.setting().into_iter().chain(server) {
            settings::keep(at, message, &mut self.found);
        }
        // A vocabulary has keys and numbers, and more than one: what is set to a number alone is a setting.
        if let Some(tokens) = &frame.tokens
            && (tokens.numbers < 2
                || self.values.saturating_sub(frame.values) != tokens.numbers.saturating_mul(2))
        {
            for Setting { at, message } in &tokens.found {
                settings::keep(*at, message.clone(), &mut self.found);
            }
        }
    }

    fn colon(&mut self) {
        self.broken |= !self.in_object() || self.key.is_some();
        let Some(key) = self.last.take() else {
            self.broken = true;
            return;
        };
        if self.frames.len() == 1 {
            self.has_types |= TYPED.contains(&key.text.as_str());
            self.onnx.graph |= key.text == "graph";
            self.onnx.other |= !ONNX.contains(&key.text.as_str());
            self.notebook[0] |= key.text == "cells";
            self.notebook[1] |= key.text == "nbformat";
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.node.key(&key.text);
        }
        self.key = Some(key);
    }

    fn comma(&mut self) {
        self.broken |= self.key.take().is_some() || self.frames.is_empty();
        self.settle();
    }
}

impl Lexer {
    fn keep(&mut self, bytes: &[u8]) {
        self.inside(bytes);
        let room = KEPT.saturating_sub(self.token.len());
        self.cut |= bytes.len() > room;
        self.token.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
    }

    /// What a string says, as JSON if it begins as such: no number of blanks hides that.
    fn inside(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        if self.is_blank {
            bytes = bytes.trim_ascii_start();
            let Some(first) = bytes.first() else { return };
            self.is_blank = false;
            if matches!(first, b'{' | b'[') && self.level < LEVELS {
                self.inner = Some(Box::new(Json::inside(self.level.saturating_add(1))));
            }
        }
        if let Some(inner) = &mut self.inner {
            inner.bytes(bytes);
        }
    }

    fn take(&mut self) -> Token {
        let text = String::from_utf8_lossy(&self.token).into_owned();
        Token { at: self.start, text, cut: self.cut }
    }
}

/// Whether a word is one of JSON's, or of Python's.
fn is_literal(word: &str) -> bool {
    let is_number = || {
        let digits = word.strip_prefix('-').unwrap_or(word);
        digits.starts_with(|c: char| c.is_ascii_digit())
            && digits
                .bytes()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'))
    };
    matches!(word, "true" | "false" | "null" | "NaN" | "Infinity" | "-Infinity") || is_number()
}

/// The class of a pipeline, or the module that has it.
const CLASS: &str = "_class_name";
/// The class of a part, and the module that has it.
const HINT: &str = "type_hint";
/// Keys of settings whose types may be imported: of pipelines of Haystack, of AllenNLP's models and of
/// mmengine's.
const TYPED: &[&str] =
    &["components", "custom_imports", "dataset_reader", "default_scope", "model", "pipelines"];
/// Keys of a model of ONNX.
const ONNX: &[&str] = &[
    "configuration",
    "docString",
    "doc_string",
    "domain",
    "functions",
    "graph",
    "irVersion",
    "ir_version",
    "metadataProps",
    "metadata_props",
    "modelVersion",
    "model_version",
    "opsetImport",
    "opset_import",
    "producerName",
    "producer_name",
    "producerVersion",
    "producer_version",
    "trainingInfo",
    "training_info",
];
/// The key of a vocabulary in a tokenizer.
const VOCABULARY: &str = "vocab";
/// Texts of JSON in each other that are read: a tree is in a text, and in that again what its nodes are told.
const LEVELS: u8 = 3;
/// Comments whose places are kept.
const MOST_COMMENTS: usize = 1000;
/// Bytes of a string that are kept: the longest templates have 100,000.
const KEPT: usize = 1 << 20;
/// Templates that are looked at in one text.
const MOST_TEMPLATES: usize = 64;
/// Values inside each other: Python's reader gives up at about a thousand.
const DEPTH: usize = 10_000;

#[cfg(test)]
mod tests;
