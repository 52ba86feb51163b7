//! What protocol 0 writes as text, and the encodings of strings.

use alloc::string::String;
use alloc::vec::Vec;
use core::str;

use super::Object;
use super::flaw::Flaw;
use crate::show;

/// A `str` from UTF-8 in which lone surrogates may be encoded as well.
pub(super) fn string(bytes: &[u8]) -> Result<Object, Flaw> {
    match str::from_utf8(bytes) {
        Ok(text) => Ok(Object::Text(String::from(text))),
        Err(_) if is_utf8_but_for_surrogates(bytes) => Ok(Object::SurrogateText(bytes.to_vec())),
        Err(error) => {
            let rest = bytes.get(error.valid_up_to()..).unwrap_or_default();
            Err(Flaw::malformed("UTF-8", show::bytes(rest)))
        }
    }
}

/// A `str` of Python 2: a text where it is UTF-8, else bytes.
pub(super) fn python2_string(bytes: Vec<u8>) -> Object {
    match String::from_utf8(bytes) {
        Ok(text) => Object::Text(text),
        Err(error) => Object::Bytes(error.into_bytes()),
    }
}

/// The operand of STRING: a literal in quotes with Python's escapes for bytes.
pub(super) fn quoted(line: &[u8]) -> Result<Vec<u8>, Flaw> {
    match line {
        [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => {
            unescape(inner).ok_or_else(|| Flaw::malformed("a whole escape", show::bytes(line)))
        }
        _ => Err(Flaw::malformed("a string in quotes", show::bytes(line))),
    }
}

/// The operand of UNICODE: Latin-1 in which `\u` and `\U` stand for other
/// characters.
pub(super) fn raw_unicode_escape(line: &[u8]) -> Result<Object, Flaw> {
    let mut text = Vec::with_capacity(line.len());
    let mut rest = line;
    loop {
        let (digits, escaped) = match rest {
            [] => return string(&text),
            [b'\\', b'u', after @ ..] => (4, after),
            [b'\\', b'U', after @ ..] => (8, after),
            // A backslash guards the one after it.
            [b'\\', next, after @ ..] => {
                text.push(b'\\');
                push_code_point(&mut text, u32::from(*next));
                rest = after;
                continue;
            }
            [byte, after @ ..] => {
                push_code_point(&mut text, u32::from(*byte));
                rest = after;
                continue;
            }
        };
        let bad = || Flaw::malformed("an escape of hex digits", show::bytes(rest));
        let (digits, after) = escaped.split_at_checked(digits).ok_or_else(bad)?;
        let code_point = hex(digits).filter(|&code| code <= u32::from(char::MAX)).ok_or_else(bad)?;
        push_code_point(&mut text, code_point);
        rest = after;
    }
}

/// The bits of the operand of FLOAT: what Python's `float` reads, but for white
/// space and underscores.
pub(super) fn float(line: &[u8]) -> Result<u64, Flaw> {
    let number = str::from_utf8(line).ok().and_then(|text| text.parse::<f64>().ok());
    let number = number.ok_or_else(|| Flaw::malformed("a float", show::bytes(line)))?;
    let negative = line.first() == Some(&b'-');
    if number.is_nan() {
        return Ok(if negative { NAN | 1 << 63 } else { NAN });
    }
    if number.is_infinite() && line.iter().any(u8::is_ascii_digit) {
        return Err(Flaw::malformed("a float within range", show::bytes(line)));
    }
    Ok(number.to_bits())
}

fn unescape(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(rest.len());
    loop {
        rest = match rest {
            [] => return Some(text),
            [b'\\', b'x', high, low, after @ ..] => {
                text.push(u8::try_from(hex(&[*high, *low])?).ok()?);
                after
            }
            [b'\\', b'0'..=b'7', ..] => {
                let digits = rest.iter().skip(1).take(3).take_while(|digit| matches!(digit, b'0'..=b'7'));
                // Three digits may exceed a byte; Python keeps the lower bits.
                let value = digits.clone().fold(0u8, |value, digit| value << 3 | (digit - b'0'));
                text.push(value);
                rest.get(1 + digits.count()..)?
            }
            [b'\\', b'x'] | [b'\\', b'x', _] | [b'\\'] => return None,
            [b'\\', escape, after @ ..] => {
                match simple_escape(*escape) {
                    Some(byte) => text.push(byte),
                    None => text.extend_from_slice(&[b'\\', *escape]),
                }
                after
            }
            [byte, after @ ..] => {
                text.push(*byte);
                after
            }
        }
    }
}

fn simple_escape(letter: u8) -> Option<u8> {
    Some(match letter {
        b'\\' | b'\'' | b'"' => letter,
        b'a' => 7,
        b'b' => 8,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 11,
        b'f' => 12,
        b'r' => b'\r',
        _ => return None,
    })
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits
        .iter()
        .try_fold(0u32, |value, &digit| Some(value.checked_mul(16)? | char::from(digit).to_digit(16)?))
}

/// Appends a code point in UTF-8, a surrogate as if it were a character.
fn push_code_point(text: &mut Vec<u8>, code: u32) {
    match char::from_u32(code) {
        Some(character) => text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        None => {
            let bits = |shift: u32| (code >> shift & 0x3f).to_le_bytes()[0];
            text.extend_from_slice(&[0xe0 | bits(12), 0x80 | bits(6), 0x80 | bits(0)]);
        }
    }
}

fn is_utf8_but_for_surrogates(mut bytes: &[u8]) -> bool {
    while let Err(error) = str::from_utf8(bytes) {
        bytes = match bytes.get(error.valid_up_to()..) {
            Some([0xed, 0xa0..=0xbf, 0x80..=0xbf, rest @ ..]) => rest,
            _ => return false,
        };
    }
    true
}

/// The quiet NaN that Python's `float("nan")` is.
const NAN: u64 = 0x7ff8 << 48;
