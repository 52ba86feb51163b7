//! JSON with one entry of a list on each line: good for `grep` and `diff`, and
//! still JSON.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;

use super::is_unseen;

/// Writes a value and a newline.
pub fn write(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, Lines::default());
    value.serialize(&mut serializer)?;
    writeln!(out)
}

/// A list that is made while it is written, as often as it is asked for.
pub struct Stream<F>(pub F);

impl<F, I> Serialize for Stream<F>
where
    F: Fn() -> I,
    I: IntoIterator<Item: Serialize>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// New lines and indents down to the entries of the lists at the top.
#[derive(Default)]
struct Lines {
    depth: usize,
    /// Whether the innermost container that was begun has anything in it.
    filled: bool,
}

impl Lines {
    fn open<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.filled = false;
        out.write_all(bracket)
    }

    fn entry<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.filled = true;
        if !first {
            out.write_all(b",")?;
        }
        match self.depth {
            ..=SPREAD => self.line(out),
            _ if first => Ok(()),
            _ => out.write_all(b" "),
        }
    }

    fn close<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        if self.filled && self.depth < SPREAD {
            self.line(out)?;
        }
        // Whatever contains this is not empty.
        self.filled = true;
        out.write_all(bracket)
    }

    fn line<W: ?Sized + Write>(&self, out: &mut W) -> io::Result<()> {
        out.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| out.write_all(b"  "))
    }
}

impl Formatter for Lines {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.entry(out, first)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.entry(out, first)
    }

    /// What a terminal obeys or nobody sees is escaped here too: JSON is often looked at.
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut seen = fragment;
        while let Some((at, c)) = seen.char_indices().find(|&(_, c)| is_unseen(c)) {
            let (before, rest) = seen.split_at(at);
            out.write_all(before.as_bytes())?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            seen = rest.get(c.len_utf8()..).unwrap_or_default();
        }
        out.write_all(seen.as_bytes())
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}

/// Containers whose entries get a line each: the object, and the lists in it.
const SPREAD: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_get_a_line_each_and_stay_json() -> io::Result<()> {
        let value = serde_json::json!({
            "empty": [],
            "list": [{"a": [1, 2], "b": {}}, {"a": []}],
            "object": {"c": {"d": 1, "e": 2}},
        });
        let mut out = Vec::new();
        write(&mut out, &value)?;
        let expected = r#"{
  "empty": [],
  "list": [
    {"a": [1, 2], "b": {}},
    {"a": []}
  ],
  "object": {
    "c": {"d": 1, "e": 2}
  }
}
"#;
        assert_eq!(String::from_utf8_lossy(&out), expected);
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&out)?, value);
        Ok(())
    }

    #[test]
    fn what_nobody_sees_is_escaped_and_stays_what_it_is() -> io::Result<()> {
        let value = serde_json::json!({"a\u{7f}\u{9b}\u{202e}": "\u{200b}\u{e0041}é\n\u{1}😀"});
        let mut out = Vec::new();
        write(&mut out, &value)?;
        let expected = "{\n  \"a\\u007f\\u009b\\u202e\": \"\\u200b\\udb40\\udc41é\\n\\u0001😀\"\n}\n";
        assert_eq!(String::from_utf8_lossy(&out), expected);
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&out)?, value);
        Ok(())
    }
}
