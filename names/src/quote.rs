//! Texts and bytes as Python prints them.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A `str` of these code points, lone surrogates among them; one that has more than `most`
/// is cut.
pub fn quoted(points: impl Iterator<Item = u32>, most: usize) -> String {
    literal(points, most, is_printable)
}

/// A `bytes`, cut in the same way.
pub fn quoted_bytes(bytes: &[u8], most: usize) -> String {
    let points = bytes.iter().map(|&byte| u32::from(byte));
    format!("b{}", literal(points, most, |c| matches!(c, ' '..='~')))
}

fn literal(mut points: impl Iterator<Item = u32>, most: usize, is_plain: fn(char) -> bool) -> String {
    let shown: Vec<u32> = points.by_ref().take(most).collect();
    let has = |quote| shown.contains(&u32::from(quote));
    let quote = if has('\'') && !has('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for &point in &shown {
        match char::from_u32(point) {
            Some(c) if c == quote || c == '\\' => out.extend(['\\', c]),
            Some(c @ ('\n' | '\r' | '\t')) => out.extend(c.escape_default()),
            Some(c) if is_plain(c) => out.push(c),
            _ => out.push_str(&match point {
                0..=0xff => format!("\\x{point:02x}"),
                0x100..=0xffff => format!("\\u{point:04x}"),
                _ => format!("\\U{point:08x}"),
            }),
        }
    }
    if points.next().is_some() {
        out.push('…');
    }
    out.push(quote);
    out
}

/// What Python calls printable. Rust escapes the same, and quotes; and of what joins the
/// character before it only the first, so another is put before it.
fn is_printable(c: char) -> bool {
    let text = String::from_iter(['a', c]);
    matches!(c, '\'' | '"') || text.escape_debug().eq(text.chars())
}

#[cfg(test)]
mod tests {
    use super::{quoted, quoted_bytes};

    #[test]
    fn what_differs_is_shown_differently() {
        for (text, expected) in [
            ("a'b", r#""a'b""#),
            ("'\"", r#"'\'"'"#),
            ("\"", r#"'"'"#),
            ("x\n", r"'x\n'"),
            ("x\\n", r"'x\\n'"),
            ("\0", r"'\x00'"),
            ("\u{85}é", r"'\x85é'"),
            ("\u{a0}\u{ad}\u{200b}\u{2028}", r"'\xa0\xad\u200b\u2028'"),
            ("\u{301}e\u{301}", "'\u{301}e\u{301}'"),
            ("\u{10ffff}🙂", "'\\U0010ffff🙂'"),
        ] {
            assert_eq!(quoted(text.chars().map(u32::from), 60), expected);
        }
        assert_eq!(quoted([0xd800, 0xdfff, 0x61].into_iter(), 60), r"'\ud800\udfffa'");
        assert_eq!(quoted([0x61; 4].into_iter(), 3), "'aaa…'");
        assert_eq!(quoted_bytes(b"a'b\\\x00\xff\n\x7f", 60), r#"b"a'b\\\x00\xff\n\x7f""#);
        assert_eq!(quoted_bytes(b"a'b\"", 60), r#"b'a\'b"'"#);
        assert_eq!(quoted_bytes(b"abc", 2), "b'ab…'");
    }
}
