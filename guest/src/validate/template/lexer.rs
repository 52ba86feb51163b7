//! The tokens of a template's code, as Jinja cuts them. What is around the code is text.

use alloc::string::String;
use alloc::vec::Vec;

use super::check::Fault;

/// A piece of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind<'t> {
    /// `{%`
    Block,
    /// `{{`
    Print,
    /// What ends either.
    End,
    Name(&'t str),
    /// A text, its escapes undone.
    Text(String),
    Number,
    /// An operator of one character, or the first of two.
    Sign(u8),
}

/// A piece of code and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind<'t>,
    pub(super) at: usize,
}

/// All code of a template: none if Jinja cannot cut it either, and so refuses the template before
/// anything of it runs.
pub(super) fn tokens(template: &str) -> Result<Option<Vec<Token<'_>>>, Fault> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(found) = next_brace(template, at) {
        let (start, mark) = found;
        let inside = start.saturating_add(2);
        let end = match mark {
            b'#' => {
                let end = template.get(inside..).and_then(|rest| rest.find("#}"));
                let end = end.ok_or_else(|| Fault::new(start, "a comment without an end"))?;
                Some(inside.saturating_add(end).saturating_add(2))
            }
            b'%' => {
                if let Some(text) = raw(template, inside) {
                    at = end_of_raw(template, text)
                        .ok_or_else(|| Fault::new(start, "a text without an end"))?;
                    continue;
                }
                tokens.push(Token { kind: Kind::Block, at: start });
                code(template, inside, "%}", &mut tokens)?
            }
            _ => {
                tokens.push(Token { kind: Kind::Print, at: start });
                code(template, inside, "}}", &mut tokens)?
            }
        };
        let Some(end) = end else { return Ok(None) };
        at = end;
    }
    Ok(Some(tokens))
}

/// Where the text begins that is none of the code's, if `raw` stands there and nothing else.
fn raw(template: &str, inside: usize) -> Option<usize> {
    let rest = template.get(inside..)?;
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest).trim_ascii_start();
    let rest = rest.strip_prefix("raw")?.trim_ascii_start();
    let rest = rest.strip_prefix('-').unwrap_or(rest).strip_prefix("%}")?;
    template.len().checked_sub(rest.len())
}

/// Where the code goes on behind such a text.
fn end_of_raw(template: &str, mut at: usize) -> Option<usize> {
    loop {
        let rest = template.get(at..)?;
        let inside = at.checked_add(rest.find("{%")?)?.checked_add(2)?;
        let rest = template.get(inside..)?;
        let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest).trim_start_matches(is_space);
        if let Some(rest) = rest.strip_prefix("endraw") {
            let rest = rest.trim_start_matches(is_space);
            if let Some(rest) = rest.strip_prefix(['-', '+']).unwrap_or(rest).strip_prefix("%}") {
                return template.len().checked_sub(rest.len());
            }
        }
        at = inside;
    }
}

/// What a pattern of Python takes for a blank.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// The next brace that begins code or a comment, and the character behind it.
fn next_brace(template: &str, from: usize) -> Option<(usize, u8)> {
    let bytes = template.as_bytes().get(from..)?;
    let pair = |pair: &[u8]| matches!(pair, [b'{', b'{' | b'%' | b'#']);
    let at = bytes.windows(2).position(pair)?;
    Some((from.saturating_add(at), *bytes.get(at.checked_add(1)?)?))
}

/// Whether code that goes on like this has no operator there, nor anything else that Jinja knows. All
/// before it was cut as Jinja cuts it, or Jinja has refused that.
fn is_refused(rest: &[u8]) -> bool {
    match rest {
        [b'!', b'=', ..] => false,
        [first, ..] => matches!(first, b'!' | b'$' | b'&' | b'?' | b'@' | b'\\' | b'^' | b'`'),
        [] => false,
    }
}

/// Cuts code up to its end; answers where that is, if there is no character that Jinja refuses.
fn code<'t>(
    template: &'t str,
    start: usize,
    end: &str,
    tokens: &mut Vec<Token<'t>>,
) -> Result<Option<usize>, Fault> {
    let bytes = template.as_bytes();
    let mut at = start;
    let mut depth = 0usize;
    // Blanks around code may be taken away.
    if matches!(bytes.get(at), Some(b'-' | b'+')) {
        at = at.saturating_add(1);
    }
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(first) = rest.first() else { return Err(Fault::new(start, "code without an end")) };
        let signed = matches!(first, b'-' | b'+')
            && rest.get(1..).is_some_and(|rest| rest.starts_with(end.as_bytes()));
        if depth == 0 && (signed || rest.starts_with(end.as_bytes())) {
            tokens.push(Token { kind: Kind::End, at });
            return Ok(Some(at.saturating_add(if signed { 3 } else { 2 })));
        }
        if is_refused(rest) {
            return Ok(None);
        }
        let (kind, used) = match first {
            b' ' | b'\t' | b'\r' | b'\n' => {
                at = at.saturating_add(1);
                continue;
            }
            b'\'' | b'"' => text(rest, *first).ok_or_else(|| Fault::new(at, "a text without an end"))?,
            b'0'..=b'9' => (Kind::Number, number(rest)),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                let is_end = |byte: &u8| !(byte.is_ascii_alphanumeric() || *byte == b'_');
                let used = rest.iter().position(is_end).unwrap_or(rest.len());
                let name = template.get(at..at.saturating_add(used)).unwrap_or_default();
                (Kind::Name(name), used)
            }
            b'(' | b'[' | b'{' | b')' | b']' | b'}' => {
                let opens = matches!(first, b'(' | b'[' | b'{');
                depth = if opens { depth.saturating_add(1) } else { depth.saturating_sub(1) };
                (Kind::Sign(*first), 1)
            }
            sign if sign.is_ascii_punctuation() => (Kind::Sign(*sign), 1),
            // Python has names in other letters, and no template of a model has.
            _ => return Err(Fault::new(at, "a character that code does not have")),
        };
        tokens.push(Token { kind, at });
        at = at.saturating_add(used);
        if tokens.len() > MOST {
            return Err(Fault::new(at, "more code than can be followed"));
        }
    }
}

/// The length of a number: digits and what may be between them. A dot belongs to it only if a
/// digit follows.
fn number(rest: &[u8]) -> usize {
    let mut used = 0usize;
    while let Some(byte) = rest.get(used) {
        let digit_follows = || rest.get(used.saturating_add(1)).is_some_and(u8::is_ascii_digit);
        match byte {
            b'0'..=b'9' => {}
            b'.' if digit_follows() => {}
            _ => break,
        }
        used = used.saturating_add(1);
    }
    used
}

/// A text with its escapes undone, and its length with the quotes.
fn text(rest: &[u8], quote: u8) -> Option<(Kind<'static>, usize)> {
    let mut bytes = Vec::new();
    let mut at = 1usize;
    loop {
        let byte = *rest.get(at)?;
        at = at.saturating_add(1);
        if byte == quote {
            return Some((Kind::Text(String::from_utf8_lossy(&bytes).into_owned()), at));
        }
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let escape = *rest.get(at)?;
        at = at.saturating_add(1);
        let digits = match escape {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            b'0'..=b'7' => {
                // An octal number has three digits at most: whatever it is, it hides something.
                bytes.extend_from_slice(HIDDEN);
                continue;
            }
            b'N' => {
                bytes.extend_from_slice(HIDDEN);
                continue;
            }
            b'n' => {
                bytes.push(b'\n');
                continue;
            }
            // A line that goes on; Jinja ends all lines alike.
            b'\n' => continue,
            b'\r' => {
                at = at.saturating_add(usize::from(rest.get(at) == Some(&b'\n')));
                continue;
            }
            other => {
                bytes.push(other);
                continue;
            }
        };
        let hex = rest.get(at..at.saturating_add(digits)).and_then(|hex| core::str::from_utf8(hex).ok());
        let value = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok());
        let c = value.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
        bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        if value.is_some() {
            at = at.saturating_add(digits);
        }
    }
}

/// Tokens of a template; long ones have ten thousand.
const MOST: usize = 1 << 15;
/// What stands for a character that is written so that nobody sees it.
const HIDDEN: &[u8] = b"__";
