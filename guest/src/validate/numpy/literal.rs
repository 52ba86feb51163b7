use alloc::string::String;
use alloc::vec::Vec;

/// A value of a Python literal, as far as headers use them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Literal {
    None,
    Bool(bool),
    /// A number from 0 to 2^63 - 1.
    Size(u64),
    /// Another whole number.
    Number,
    Text(String),
    Tuple(Vec<Literal>),
    List(Vec<Literal>),
    Dict(Vec<(Literal, Literal)>),
}

/// Text that is not what `repr` writes, though Python may understand it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    /// Bytes before it.
    pub(super) at: usize,
    /// What was expected.
    pub(super) expected: &'static str,
}

/// Reads a literal with nothing but white space around it, in which numbers may be Python 2's.
pub(super) fn read(text: &str, python2: bool) -> Result<Literal, Flaw> {
    let mut reader = Reader { text, python2, at: 0, depth: 0 };
    let value = reader.value()?;
    if reader.peek().is_some() { Err(reader.flaw("the header's end")) } else { Ok(value) }
}

struct Reader<'a> {
    text: &'a str,
    python2: bool,
    at: usize,
    depth: u32,
}

impl Reader<'_> {
    fn value(&mut self) -> Result<Literal, Flaw> {
        match self.peek() {
            Some('{') => self.nested(|reader| {
                let entry = |reader: &mut Self| {
                    let key = reader.value()?;
                    reader.take(':', "`:`")?;
                    Ok((key, reader.value()?))
                };
                Ok(Literal::Dict(reader.items('}', entry)?.0))
            }),
            Some('[') => self.nested(|reader| Ok(Literal::List(reader.items(']', Self::value)?.0))),
            Some('(') => self.nested(|reader| {
                let (items, comma) = reader.items(')', Self::value)?;
                let tuple = comma || items.len() != 1;
                if tuple { Ok(Literal::Tuple(items)) } else { Err(reader.flaw("a comma in the parentheses")) }
            }),
            Some('\'' | '"') => self.string(),
            // Python 2 wrote field names in this way.
            Some('u') => {
                self.at += 1;
                if self.rest().starts_with(['\'', '"']) { self.string() } else { Err(self.flaw("a string")) }
            }
            Some('0'..='9' | '-') => self.number(),
            _ => self.word(),
        }
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Result<Literal, Flaw>) -> Result<Literal, Flaw> {
        if self.depth >= DEPTH {
            return Err(self.flaw("fewer brackets inside each other"));
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    /// The items up to a bracket, and whether a comma follows the last.
    fn items<T>(
        &mut self,
        end: char,
        read: impl Fn(&mut Self) -> Result<T, Flaw>,
    ) -> Result<(Vec<T>, bool), Flaw> {
        self.at += 1;
        let (mut items, mut comma) = (Vec::new(), false);
        loop {
            if self.peek() == Some(end) {
                self.at += 1;
                return Ok((items, comma));
            }
            if !items.is_empty() && !comma {
                return Err(self.flaw("a comma or a closing bracket"));
            }
            items.push(read(self)?);
            comma = self.peek() == Some(',');
            self.at += usize::from(comma);
        }
    }

    fn string(&mut self) -> Result<Literal, Flaw> {
        let Some(quote) = self.next() else { return Err(self.flaw("a string")) };
        // `''` before a third quote starts another kind of string.
        if self.rest().starts_with(if quote == '"' { "\"\"" } else { "''" }) {
            return Err(self.flaw("a string as `repr` writes it"));
        }
        let mut value = String::new();
        loop {
            match self.next() {
                Some(c) if c == quote => return Ok(Literal::Text(value)),
                Some('\\') => value.push(self.escape()?),
                Some(c) if !c.is_control() => value.push(c),
                _ => return Err(self.flaw("the string's end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Flaw> {
        let digits = match self.next() {
            Some(c @ ('\\' | '\'' | '"')) => return Ok(c),
            Some('n') => return Ok('\n'),
            Some('r') => return Ok('\r'),
            Some('t') => return Ok('\t'),
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            _ => return Err(self.flaw("an escape as `repr` writes it")),
        };
        let code = self.rest().get(..digits).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        let escaped = code.and_then(char::from_u32).ok_or_else(|| self.flaw("a character's number"))?;
        self.at = self.at.saturating_add(digits);
        Ok(escaped)
    }

    fn number(&mut self) -> Result<Literal, Flaw> {
        let negative = self.rest().starts_with('-');
        self.at += usize::from(negative);
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let text = self.rest().get(..digits).unwrap_or_default();
        if text.is_empty() || (text.len() > 1 && text.starts_with('0')) {
            return Err(self.flaw("a number"));
        }
        let number = text.parse::<i64>().ok().and_then(|number| u64::try_from(number).ok());
        self.at = self.at.saturating_add(digits);
        // Python 2 wrote long numbers in this way, and numpy takes that off.
        self.at += usize::from(self.python2 && self.rest().starts_with('L'));
        if self.rest().starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.') {
            return Err(self.flaw("a whole number"));
        }
        Ok(number.filter(|_| !negative).map_or(Literal::Number, Literal::Size))
    }

    fn word(&mut self) -> Result<Literal, Flaw> {
        let words = [("True", Literal::Bool(true)), ("False", Literal::Bool(false)), ("None", Literal::None)];
        for (word, value) in words {
            let rest = self.rest().strip_prefix(word);
            if rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')) {
                self.at = self.at.saturating_add(word.len());
                return Ok(value);
            }
        }
        Err(self.flaw("a value"))
    }

    /// The next character that is not white space.
    fn peek(&mut self) -> Option<char> {
        let spaces = self.rest().bytes().take_while(|byte| b" \n".contains(byte)).count();
        self.at = self.at.saturating_add(spaces);
        self.rest().chars().next()
    }

    fn take(&mut self, c: char, expected: &'static str) -> Result<(), Flaw> {
        if self.peek() != Some(c) {
            return Err(self.flaw(expected));
        }
        self.at += c.len_utf8();
        Ok(())
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest().chars().next()?;
        self.at = self.at.saturating_add(next.len_utf8());
        Some(next)
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn flaw(&self, expected: &'static str) -> Flaw {
        Flaw { at: self.at, expected }
    }
}

/// Brackets inside each other. The deepest dtypes have a few; Python's parser ends at 200.
const DEPTH: u32 = 64;
