//! What the commands print: text for people, JSON for programs.

pub mod capped;
pub mod json;
pub mod stdout;
pub mod table;

use std::fmt::{self, Write};
use std::io;

/// Says something on stderr that is no failure.
pub fn note(text: &str) {
    // A note nobody can read is no failure of the work.
    let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("note: {}\n", Printable(text)));
}

/// A text from a file, made safe to print: a terminal obeys control characters,
/// and a name in a hostile checkpoint may be full of them.
pub struct Printable<'t>(pub &'t str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| {
            if is_unseen(c) { write!(f, "{}", c.escape_default()) } else { f.write_char(c) }
        })
    }
}

/// A path as a POSIX shell takes it, in a command that somebody may paste: a name in what was downloaded may
/// have a command of its own in it.
pub fn shell(path: &str) -> String {
    let is_plain =
        |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '+' | '@' | ',' | '=');
    let path = if path.starts_with('-') { format!("./{path}") } else { path.into() };
    if path.chars().all(is_plain) && !path.is_empty() {
        return path;
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

/// So many storages into which nothing looked.
pub struct Embedded(pub usize);

impl fmt::Display for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let storages = plural(self.0, "storage is a file of its own", "storages are files of their own");
        write!(f, "{storages} in the bytes of values, as plain pickles have them, and not looked into")
    }
}

/// Control characters, those that reorder the text around them, and those that nobody sees: two
/// names that look alike are told apart.
pub fn is_unseen(c: char) -> bool {
    let formats = matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    );
    c.is_control() || formats
}

/// `1 value`, `20 values`, `1,000 values`.
pub fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count as u64), if count == 1 { one } else { many })
}

/// A number with its thousands apart: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes as people read them: `20 B`, `1.5 MiB`.
#[allow(clippy::cast_precision_loss)]
pub fn size(bytes: u64) -> String {
    let mut unit = "B";
    // Three digits are shown, so the precision that is lost is not.
    let mut value = bytes as f64;
    for next in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
        // What would be rounded to 1024.0 is 1.0 of the next.
        if value < 1023.95 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}

/// A text in lines that fit a terminal.
pub fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}

const WIDTH: usize = 92;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short_and_never_1024_of_a_unit() {
        let shown: Vec<String> =
            [0, 1023, 1024, 1536, 1_048_575, 1 << 20, u64::MAX].into_iter().map(size).collect();
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "1.0 MiB", "16.0 EiB"]);
    }

    #[test]
    fn a_shell_takes_a_path_for_no_command() {
        let paths = ["a/b-1.pt", "ü.pt", "a b;touch c.pt", "$(x)", "it's", "-x", "~", "", "a*", "a\nb"];
        let shown = paths.map(shell);
        let expected = [
            "a/b-1.pt",
            "ü.pt",
            "'a b;touch c.pt'",
            "'$(x)'",
            r"'it'\''s'",
            "./-x",
            "'~'",
            "''",
            "'a*'",
            "'a\nb'",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn thousands_are_apart() {
        let shown: Vec<String> = [0, 999, 1000, 1_234_567].into_iter().map(grouped).collect();
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_name_cannot_command_the_terminal() {
        let name = "a\u{1b}[2Jb\u{202e}c\nd é\u{9b}\u{200b}\u{e0041}";
        assert_eq!(Printable(name).to_string(), "a\\u{1b}[2Jb\\u{202e}c\\nd é\\u{9b}\\u{200b}\\u{e0041}");
    }
}
