//! A key of YAML, and what comes behind it.

use alloc::string::String;
use alloc::vec::Vec;

use super::settings::{self, Value};

/// A key, and what comes behind it.
#[derive(Debug, Default)]
pub(super) struct Key {
    pub(super) at: u64,
    pub(super) name: String,
    behind: Vec<u8>,
    /// Whether more is behind it than is kept.
    is_cut: bool,
    /// How far its line is set in.
    column: usize,
    /// Whether a list or an object has begun in its line: a comma ends its value.
    in_flow: bool,
    /// Whether one has begun and not ended, there or before: no line need be set in.
    is_inside: bool,
    /// Whether a comma or a bracket has ended its value.
    is_closed: bool,
    /// Whether all that is set in further belongs to it.
    has_all: bool,
    /// Whether it is none, but what is behind a `$`.
    is_expression: bool,
    /// The quote that ends it, if it began with one, and whether it perhaps just has.
    quote: Option<u8>,
    is_ending: bool,
    /// A line has ended that has a value: it goes on in one that is set in further.
    is_over: bool,
    goes_on: bool,
}

/// What begins the line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Line {
    pub(super) blanks: usize,
    /// Blanks, and dashes that begin items: how far a key is set in.
    pub(super) column: usize,
    has_dash: bool,
    pub(super) has_more: bool,
    /// Whether a list or an object has begun in it.
    has_open: bool,
    /// Those that have begun and not ended, in this line or before, to who counts brackets alone.
    open: usize,
}

impl Line {
    pub(super) fn take(&mut self, byte: u8) {
        match byte {
            b'\r' | b'\n' => *self = Self { open: self.open, ..Self::default() },
            b' ' | b'\t' | b'-' if !self.has_more => {
                self.column = self.column.saturating_add(1);
                self.has_dash |= byte == b'-';
                self.blanks = self.blanks.saturating_add(usize::from(!self.has_dash));
            }
            _ => self.has_more = true,
        }
        self.has_open |= matches!(byte, b'[' | b'{');
        self.open = match byte {
            b'[' | b'{' => self.open.saturating_add(1),
            b']' | b'}' => self.open.saturating_sub(1),
            _ => self.open,
        };
    }

    /// Whether nothing but blanks was in it.
    pub(super) fn is_blank(&self) -> bool {
        !self.has_more && !self.has_dash
    }
}

impl Key {
    /// A key of this name, in this line.
    pub(super) fn new(at: u64, name: &str, line: &Line) -> Self {
        let has_all = settings::of_all_below(name).is_some();
        Self {
            at,
            name: name.into(),
            column: line.column,
            in_flow: line.has_open,
            is_inside: line.open > 0,
            has_all,
            ..Self::default()
        }
    }

    /// A text that begins with a `$`, as if it were a key: all of it is behind that.
    pub(super) fn expression(at: u64, line: &Line, quote: Option<u8>, in_flow: bool) -> Self {
        // The lines that it goes on in are set in as far as it is, if it begins one, and else further than
        // its key, or than the list that it is an item of.
        let column = match line.has_more && !in_flow {
            _ if line.is_blank() => line.blanks.saturating_sub(1),
            true => line.column,
            false => line.blanks,
        };
        Self { at, column, is_expression: true, has_all: true, quote, ..Self::default() }
    }

    /// Takes a byte of an expression in quotes. Answers whether it is over: a quote ends it, but one that
    /// is written twice, or behind a backslash.
    fn take_quoted(&mut self, byte: u8, quote: u8) -> bool {
        let is_double = quote == b'"';
        if self.is_ending && (is_double || byte != quote) {
            return true;
        }
        let is_escaped = is_double && self.behind.last() == Some(&b'\\');
        self.is_ending = byte == quote && !self.is_ending && !is_escaped;
        if !self.is_ending {
            self.keep(if matches!(byte, b'\r' | b'\n') { b' ' } else { byte });
        }
        self.is_cut
    }

    /// The text of an expression, as far as it is kept.
    pub(super) fn text(&self) -> String {
        ["$", &String::from_utf8_lossy(&self.behind)].concat()
    }

    /// Takes a byte behind it, in this line. Answers whether its value is there.
    pub(super) fn take(&mut self, byte: u8, line: &Line) -> bool {
        if let Some(quote) = self.quote {
            return self.take_quoted(byte, quote);
        }
        let is_break = matches!(byte, b'\r' | b'\n');
        let is_closing = matches!(byte, b',' | b'}' | b']');
        if self.is_over && !line.is_blank() {
            // Items of a list may be set in as far as the key that it belongs to.
            let is_item = line.has_dash && line.blanks >= self.column && !self.is_expression;
            let rest = self.rest().unwrap_or_default();
            let is_flow = self.has_all && is_open_flow(rest);
            let is_all = self.is_expression || is_text(rest) || self.has_all && is_block(rest);
            if !is_flow && (!is_all || !(line.blanks > self.column || is_item)) {
                let is_inside = self.in_flow || self.is_inside;
                self.goes_on = (line.blanks > self.column || is_inside) && !(is_inside && is_closing);
                return true;
            }
            // What is in quotes may close it, to who counts brackets alone.
            if is_flow && rest.iter().any(|byte| matches!(byte, b'"' | b'\'')) {
                self.is_cut = true;
                return true;
            }
            self.is_over = false;
            self.keep(b' ');
        }
        if is_break && self.has_value() {
            self.is_over = true;
        }
        if !self.is_over || self.has_all {
            self.keep(if is_break { b' ' } else { byte });
        }
        if self.is_cut {
            return true;
        }
        self.is_closed = is_closing && !self.has_all && self.is_whole();
        self.is_closed || !self.has_all && matches!(byte, b'!'..) && self.is_open()
    }

    /// Blanks do not count: no number of them hides what comes behind.
    fn keep(&mut self, byte: u8) {
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        if is_blank(&byte) && self.behind.last().is_none_or(is_blank) {
            return;
        }
        self.is_cut |= self.behind.len() >= LONGEST;
        if !self.is_cut {
            self.behind.push(byte);
        }
    }

    fn has_value(&self) -> bool {
        self.behind.iter().any(|byte| !matches!(byte, b' ' | b'\t' | b'\'' | b'"' | b':'))
    }

    /// What is behind the colon.
    fn rest(&self) -> Option<&[u8]> {
        let is_skipped = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\'' | b'"');
        let colon = self.behind.iter().position(|byte| !is_skipped(byte))?;
        let rest = self.behind.get(colon..)?.strip_prefix(b":")?;
        Some(rest.trim_ascii_start())
    }

    /// Whether a value that a comma or a bracket may end is there, with that.
    fn is_whole(&self) -> bool {
        match self.rest() {
            Some([quote @ (b'\'' | b'"'), inside @ ..]) => inside.contains(quote),
            Some(rest) => !matches!(rest, [] | [b'|' | b'>' | b'#' | b'{' | b'[', ..]),
            None => false,
        }
    }

    /// Whether a list or an object has begun that has something in it, or has ended.
    fn is_open(&self) -> bool {
        matches!(self.rest(), Some([b'{' | b'[', inside @ ..]) if !inside.trim_ascii().is_empty())
    }

    /// What it is set to, as far as that is seen: none if it is no key here.
    pub(super) fn value<'t>(&self, behind: &'t mut String) -> Option<Value<'t>> {
        let is_comment = |byte: &u8| !matches!(byte, b' ' | b'\t' | b'\'' | b'"');
        let Some(rest) = self.rest() else {
            // Behind a comment that has quotes in it the colon may follow.
            let first = self.behind.iter().find(|byte| is_comment(byte));
            return (first == Some(&b'#')).then_some(Value::Hidden);
        };
        *behind = String::from_utf8_lossy(rest).into_owned();
        let is_blank = |c: char| matches!(c, ' ' | '\t');
        let rest = anchored(behind.trim_matches(is_blank));
        let value = match rest.as_bytes().first() {
            None if self.is_cut => Value::Hidden,
            None => Value::Word("null"),
            Some(b'{' | b'[') => {
                let inside = rest.get(1..).unwrap_or_default().trim_start_matches(is_blank);
                if inside.starts_with(['}', ']']) { Value::Word("null") } else { Value::Open }
            }
            Some(b'|' | b'>') => block(rest, self.is_cut),
            // What begins as a comment has quotes in it, and the value is on another line.
            Some(b'#' | b'*' | b'&' | b'!' | b'%' | b'@' | b'`') => Value::Hidden,
            Some(_) => scalar(rest, self.is_cut),
        };
        // Where no list has begun a comma is a part of the value, and so is the next line.
        let is_more = if self.is_closed { !self.in_flow } else { self.goes_on };
        Some(match value {
            Value::Word("null" | "false" | "0") if is_more => Value::Hidden,
            Value::Word(word) if is_more => Value::Text(word),
            _ => value,
        })
    }

    /// Whether all that is below it is a value of it, and it is a list or an object.
    pub(super) fn is_block(&self) -> bool {
        self.has_all && self.rest().is_some_and(is_block)
    }

    /// All texts below it.
    pub(super) fn below(&self) -> Vec<String> {
        let rest = self.rest().unwrap_or_default();
        let text = String::from_utf8_lossy(rest);
        let is_end = |c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']' | '{' | '}' | '\'' | '"');
        text.split(is_end).filter(|text| !text.is_empty() && !text.ends_with(':')).map(String::from).collect()
    }

    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }
}

/// Whether a value is a list or an object, as far as it is here.
fn is_block(rest: &[u8]) -> bool {
    let first = rest.split(|byte| matches!(byte, b',' | b'}' | b']')).next().unwrap_or_default();
    let has_key = || first.windows(2).any(|pair| pair == b": ") || first.trim_ascii_end().ends_with(b":");
    matches!(rest.first(), None | Some(b'{' | b'[' | b'-')) || has_key()
}

/// Whether a value is a list or an object that may not have ended. Brackets in quotes are none: where
/// there are quotes it has ended only if they have, and a bracket is last.
fn is_open_flow(rest: &[u8]) -> bool {
    let count = |signs: &[u8]| rest.iter().filter(|byte| signs.contains(byte)).count();
    let has_ended = matches!(rest.trim_ascii_end().last(), Some(b'}' | b']'))
        && [b"'", b"\""].iter().all(|quote| count(*quote).is_multiple_of(2));
    let is_quoted = count(b"'\"") > 0;
    matches!(rest.first(), Some(b'{' | b'['))
        && if is_quoted { !has_ended } else { count(b"{[") > count(b"}]") }
}

/// Whether a value is a text in lines of its own.
fn is_text(rest: &[u8]) -> bool {
    matches!(rest.first(), Some(b'|' | b'>'))
}

/// A text in lines of its own, of which there may be more. One that seems empty may be what is a comment
/// elsewhere.
fn block(rest: &str, is_cut: bool) -> Value<'_> {
    let text = rest.split_once([' ', '\t']).map_or("", |(_, text)| text.trim());
    let is_seen = text.contains([' ', '\t']) || !is_cut && !text.is_empty();
    if is_seen { Value::Text(text) } else { Value::Hidden }
}

/// A value without the anchor before it.
fn anchored(rest: &str) -> &str {
    let behind = rest.strip_prefix('&').and_then(|rest| rest.split_once([' ', '\t']));
    behind.map_or(rest, |(_, value)| value.trim_start())
}

/// A value in quotes or without, of which there may be more.
pub(super) fn scalar(rest: &str, is_cut: bool) -> Value<'_> {
    if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let inside = rest.get(1..).unwrap_or_default();
        // A quote that does not end here may say anything in the next lines, but that is behind a blank.
        let open = if inside.trim().contains([' ', '\t']) { Value::Text(inside) } else { Value::Hidden };
        return inside.split_once(quote).map_or(open, |(text, _)| Value::Text(text));
    }
    let ends = |(at, c): (usize, char)| {
        let is_comment = c == '#' && rest.get(..at).is_some_and(|before| before.ends_with([' ', '\t']));
        (is_comment || matches!(c, ',' | '}' | ']')).then_some(at)
    };
    let end = rest.char_indices().find_map(ends);
    if end.is_none() && is_cut {
        return Value::Hidden;
    }
    let text = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default().trim_ascii_end();
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Word("null"),
        // The words of PyYAML: to it `n` and `nO` are texts.
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Value::Word("false"),
        "true" | "True" | "TRUE" => Value::Word("true"),
        _ if text.parse::<f64>().is_ok() => Value::Word(text),
        _ => Value::Text(text),
    }
}

/// Bytes behind a key that are kept; of what is longer it is said that it is not seen.
const LONGEST: usize = 1 << 12;
