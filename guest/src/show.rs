//! Bytes and names as they appear in error messages.

use alloc::format;
use alloc::string::String;

/// The first few bytes in hex: `50 4b 03 04 … (16 bytes)`.
pub(crate) fn bytes(bytes: &[u8]) -> String {
    const SHOWN: usize = 8;
    if bytes.is_empty() {
        return String::from("nothing");
    }
    let mut text = String::new();
    for (index, byte) in bytes.iter().take(SHOWN).enumerate() {
        let space = if index > 0 { " " } else { "" };
        text.push_str(&format!("{space}{byte:02x}"));
    }
    if bytes.len() > SHOWN {
        text.push_str(&format!(" … ({} bytes)", bytes.len()));
    }
    text
}

/// So many bytes: `1 byte`, `2 bytes`; with a word between, `1 more byte`.
pub(crate) fn count(count: u64, between: &str) -> String {
    format!("{count} {between}byte{}", if count == 1 { "" } else { "s" })
}

/// A number with its thousands apart: `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = format!("{number}");
    let mut text = String::new();
    for (left, digit) in (0..digits.len()).rev().zip(digits.chars()) {
        text.push(digit);
        if left > 0 && left.is_multiple_of(3) {
            text.push(',');
        }
    }
    text
}

/// A name from a file, quoted, control characters escaped, cut at 80 characters.
pub(crate) fn name(name: &str) -> String {
    format!("`{}`", cut(name))
}

/// A text that may hold parts of a file: control characters escaped, cut at 80
/// characters.
pub(crate) fn cut(long: &str) -> String {
    cut_at(80, long)
}

/// The full name of a class or function, which somebody may want to type: control
/// characters escaped, cut where no real one is as long.
pub(crate) fn global(module: &str, name: &str) -> String {
    whole(&format!("{module}.{name}"))
}

/// A name that somebody may want to type.
pub(crate) fn whole(name: &str) -> String {
    cut_at(500, name)
}

fn cut_at(shown: usize, long: &str) -> String {
    let mut text = String::new();
    for c in long.chars().take(shown) {
        if c.is_control() { text.extend(c.escape_default()) } else { text.push(c) }
    }
    if long.chars().nth(shown).is_some() {
        text.push('…');
    }
    text
}
