use alloc::borrow::Cow;
use alloc::string::String;

/// Reads JSON as far as it can be understood. What breaks only one value is a
/// flaw and the reading goes on; what breaks the structure ends it.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    flaw: Option<Flaw>,
    depth: u32,
}

/// Bytes that are not the JSON expected there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    /// Bytes before it.
    pub(super) at: usize,
    /// What was expected.
    pub(super) expected: &'static str,
}

/// A string, its quotes included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Bytes before it.
    pub(super) start: usize,
    /// Bytes up to its end.
    pub(super) end: usize,
}

impl<'a> Lexer<'a> {
    /// Reads from the first byte.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, flaw: None, depth: 0 }
    }

    /// Bytes read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// A flaw since the last call, over which the reading went on.
    pub(super) fn flaw(&mut self) -> Option<Flaw> {
        self.flaw.take()
    }

    /// The next byte that is not a space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let spaces = self.rest().iter().take_while(|byte| b" \t\n\r".contains(byte)).count();
        self.at = self.at.saturating_add(spaces);
        self.rest().first().copied()
    }

    /// Enters an object or array.
    pub(super) fn open(&mut self, bracket: u8, expected: &'static str) -> Result<(), Flaw> {
        self.take(bracket, expected)?;
        self.depth += 1;
        if self.depth > DEPTH { Err(self.here("no more than 127 levels")) } else { Ok(()) }
    }

    /// The next key of an object, or none at its end.
    pub(super) fn key(&mut self, first: &mut bool) -> Result<Option<Span>, Flaw> {
        if !self.more(b'}', first)? {
            return Ok(None);
        }
        let key = self.string()?;
        self.take(b':', "`:`")?;
        Ok(Some(key))
    }

    /// Whether another item of an array follows.
    pub(super) fn item(&mut self, first: &mut bool) -> Result<bool, Flaw> {
        self.more(b']', first)
    }

    /// A string.
    pub(super) fn string(&mut self) -> Result<Span, Flaw> {
        self.peek();
        let start = self.at;
        self.take(b'"', "a string")?;
        let mut plain = true;
        loop {
            match self.rest() {
                [] => return Err(self.here("`\"`")),
                [b'"', ..] => break,
                [b'\\', _, ..] => {
                    plain = false;
                    self.at += 2;
                }
                [byte, ..] => {
                    plain &= *byte >= b' ';
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        let span = Span { start, end: self.at };
        if !plain && serde_json::from_slice::<String>(self.slice(span)).is_err() {
            self.flaw = Some(Flaw {
                at: start,
                expected: "a string without raw control characters, bad escapes or half surrogates",
            });
        }
        Ok(span)
    }

    /// A number: none if it is not a whole one of 0 to 2^64 - 1 as the reference
    /// reads it, which takes neither `2.0` nor `-0`.
    pub(super) fn number(&mut self) -> Result<Option<u64>, Flaw> {
        self.peek();
        let start = self.at;
        let length = self
            .rest()
            .iter()
            .take_while(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        self.at = start.saturating_add(length.count());
        let token = self.slice(Span { start, end: self.at });
        match serde_json::from_slice(token) {
            Ok(number) => Ok(Some(number)),
            Err(_) if serde_json::from_slice::<f64>(token).is_ok() => Ok(None),
            Err(_) => Err(Flaw { at: start, expected: "a number" }),
        }
    }

    /// Passes over a value.
    pub(super) fn skip(&mut self) -> Result<(), Flaw> {
        let mut first = true;
        match self.peek() {
            Some(b'{') => {
                self.open(b'{', "an object")?;
                while self.key(&mut first)?.is_some() {
                    self.skip()?;
                }
            }
            Some(b'[') => {
                self.open(b'[', "an array")?;
                while self.item(&mut first)? {
                    self.skip()?;
                }
            }
            Some(b'"') => {
                self.string()?;
            }
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
            }
            _ => {
                let literals: [&[u8]; 3] = [b"true", b"false", b"null"];
                let literal = literals.iter().find(|literal| self.rest().starts_with(literal));
                let length = literal.ok_or_else(|| self.here("a value"))?.len();
                self.at = self.at.saturating_add(length);
            }
        }
        Ok(())
    }

    /// What a string says; half of it if it is not JSON.
    pub(super) fn text(&self, span: Span) -> Cow<'a, str> {
        let quoted = self.slice(span);
        let raw = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
        if !raw.contains(&b'\\') {
            return String::from_utf8_lossy(raw);
        }
        serde_json::from_slice(quoted).map_or_else(|_| String::from_utf8_lossy(raw), Cow::Owned)
    }

    fn slice(&self, span: Span) -> &'a [u8] {
        self.bytes.get(span.start..span.end).unwrap_or_default()
    }

    fn more(&mut self, end: u8, first: &mut bool) -> Result<bool, Flaw> {
        if self.peek() == Some(end) {
            self.at += 1;
            self.depth = self.depth.saturating_sub(1);
            return Ok(false);
        }
        if !core::mem::replace(first, false) {
            self.take(b',', if end == b'}' { "`,` or `}`" } else { "`,` or `]`" })?;
            if self.peek() == Some(end) {
                return Err(self.here("a value after the comma"));
            }
        }
        Ok(true)
    }

    fn take(&mut self, byte: u8, expected: &'static str) -> Result<(), Flaw> {
        if self.peek() != Some(byte) {
            return Err(self.here(expected));
        }
        self.at += 1;
        Ok(())
    }

    fn here(&self, expected: &'static str) -> Flaw {
        Flaw { at: self.at, expected }
    }
}

/// Levels of objects and arrays that the reference reads.
const DEPTH: u32 = 127;
