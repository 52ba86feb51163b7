use alloc::vec::Vec;

use super::cover::{self, Extent};
use super::lexer::{Flaw, Lexer, Span};
use super::size::{self, Shape};
use super::{dtype, duplicate, entry, field, json, metadata, name, padding, shard};
use crate::safetensors::METADATA;
use crate::validate::examine::{Part, Scope};
use crate::validate::file::limit;
use crate::{DType, Excess};

/// Finds all that is wrong in a header.
pub(super) fn walk(bytes: &[u8], header: &Part, scope: &mut Scope<'_>) {
    json::check_start(bytes, header, scope);
    let mut walk = Walk { lexer: Lexer::new(bytes), bytes, header, keys: Vec::new(), extents: Vec::new() };
    match walk.object(scope) {
        Ok(()) => walk.conclude(scope),
        Err(Stop::Flaw(flaw)) => json::report(flaw, bytes, header, scope),
        Err(Stop::Full(at)) => {
            let allowed = scope.options.limits.entries.into();
            limit::reached(&Excess { offset: at as u64, limit: "entries", allowed }, header, scope);
        }
    }
}

/// Why a header was not walked to its end.
enum Stop {
    Flaw(Flaw),
    /// An object has too many keys: there is one more at so many bytes.
    Full(usize),
}

impl From<Flaw> for Stop {
    fn from(flaw: Flaw) -> Self {
        Self::Flaw(flaw)
    }
}

struct Walk<'a> {
    lexer: Lexer<'a>,
    bytes: &'a [u8],
    header: &'a Part,
    /// All keys of the header.
    keys: Vec<Span>,
    /// The tensors of which it is known where they are.
    extents: Vec<Extent>,
}

/// What an entry says so far.
#[derive(Default)]
struct Fields {
    dtype: Option<Option<DType>>,
    shape: Option<Option<Shape>>,
    data: Option<Option<(u64, u64)>>,
}

impl Walk<'_> {
    fn object(&mut self, scope: &mut Scope<'_>) -> Result<(), Stop> {
        self.lexer.open(b'{', "`{`")?;
        let mut first = true;
        while let Some(key) = self.lexer.key(&mut first)? {
            push(&mut self.keys, key, scope)?;
            if self.lexer.text(key) == METADATA {
                self.metadata(key, scope)?;
            } else {
                self.tensor(key, scope)?;
            }
            self.flaw(scope);
        }
        Ok(())
    }

    fn metadata(&mut self, key: Span, scope: &mut Scope<'_>) -> Result<(), Stop> {
        if self.lexer.peek() != Some(b'{') {
            metadata::not_an_object(key.start, self.header, scope);
            return Ok(self.lexer.skip()?);
        }
        let (mut first, mut keys) = (true, Vec::new());
        self.lexer.open(b'{', "`{`")?;
        while let Some(key) = self.lexer.key(&mut first)? {
            push(&mut keys, key, scope)?;
            if self.lexer.peek() != Some(b'"') {
                metadata::not_a_text(&self.lexer.text(key), key.start, self.header, scope);
                self.lexer.skip()?;
            } else if self.lexer.text(key) == shard::KEY {
                let text = self.lexer.string()?;
                shard::check(&self.lexer.text(text), key.start, self.header, scope);
            } else {
                self.lexer.skip()?;
            }
            self.flaw(scope);
        }
        self.duplicates(keys, METADATA, scope);
        Ok(())
    }

    fn tensor(&mut self, key: Span, scope: &mut Scope<'_>) -> Result<(), Flaw> {
        let called = self.lexer.text(key);
        let (at, header) = (key.start, self.header);
        name::check(&called, at, header, scope);
        if self.lexer.peek() != Some(b'{') {
            entry::report(&called, "an object", at, header, scope);
            return self.lexer.skip();
        }
        let (mut first, mut fields) = (true, Fields::default());
        self.lexer.open(b'{', "`{`")?;
        while let Some(key) = self.lexer.key(&mut first)? {
            let of = self.lexer.text(key);
            let twice = match &*of {
                "dtype" => fields.dtype.replace(self.dtype(&called, scope)?).is_some(),
                "shape" => fields.shape.replace(self.shape()?).is_some(),
                "data_offsets" => fields.data.replace(self.data()?).is_some(),
                _ => {
                    field::report(&called, &of, key.start, header, scope);
                    self.lexer.skip()?;
                    false
                }
            };
            if twice {
                duplicate::report(&of, "the entry of a tensor", key.start, header, scope);
            }
            self.flaw(scope);
        }
        let mut lacks = |expected| entry::report(&called, expected, at, header, scope);
        if fields.dtype.is_none() {
            lacks("a field `dtype`");
        }
        if !matches!(fields.shape, Some(Some(_))) {
            lacks("a field `shape` of whole numbers");
        }
        if !matches!(fields.data, Some(Some(_))) {
            lacks("a field `data_offsets` of two whole numbers");
        }
        if let Some(Some(data)) = fields.data {
            self.extents.push(Extent { key, data });
            if let (Some(Some(dtype)), Some(Some(shape))) = (fields.dtype, fields.shape) {
                size::check(&called, (dtype, shape, data), at, header, scope);
            }
        }
        Ok(())
    }

    fn dtype(&mut self, called: &str, scope: &mut Scope<'_>) -> Result<Option<DType>, Flaw> {
        self.lexer.peek();
        let at = self.lexer.at();
        if self.lexer.peek() != Some(b'"') {
            entry::report(called, "a field `dtype` that is a text", at, self.header, scope);
            self.lexer.skip()?;
            return Ok(None);
        }
        let span = self.lexer.string()?;
        Ok(dtype::check(called, &self.lexer.text(span), at, self.header, scope))
    }

    fn shape(&mut self) -> Result<Option<Shape>, Flaw> {
        let mut shape = Shape::SCALAR;
        let whole = self.numbers(|size| shape.push(size))?;
        Ok(whole.then_some(shape))
    }

    fn data(&mut self) -> Result<Option<(u64, u64)>, Flaw> {
        let (mut count, mut data) = (0u64, (0, 0));
        let whole = self.numbers(|offset| {
            data = (data.1, offset);
            count = count.saturating_add(1);
        })?;
        Ok((whole && count == 2).then_some(data))
    }

    /// Visits the items of an array; false if it is none, or not of whole numbers.
    fn numbers(&mut self, mut visit: impl FnMut(u64)) -> Result<bool, Flaw> {
        if self.lexer.peek() != Some(b'[') {
            self.lexer.skip()?;
            return Ok(false);
        }
        let (mut first, mut whole) = (true, true);
        self.lexer.open(b'[', "`[`")?;
        while self.lexer.item(&mut first)? {
            let number = match self.lexer.peek() {
                Some(b'-' | b'0'..=b'9') => self.lexer.number()?,
                _ => {
                    self.lexer.skip()?;
                    None
                }
            };
            whole &= number.is_some();
            number.into_iter().for_each(&mut visit);
        }
        Ok(whole)
    }

    fn flaw(&mut self, scope: &mut Scope<'_>) {
        if let Some(flaw) = self.lexer.flaw() {
            json::report(flaw, self.bytes, self.header, scope);
        }
    }

    /// What only the whole header tells.
    fn conclude(mut self, scope: &mut Scope<'_>) {
        padding::check(self.lexer.rest(), self.lexer.at(), self.header, scope);
        json::check_end(&mut self.lexer, self.bytes, self.header, scope);
        let keys = core::mem::take(&mut self.keys);
        let replaced = self.duplicates(keys, "the header", scope);
        // Of tensors of the same name the last counts, as in the reference.
        self.extents.retain(|extent| replaced.binary_search(&extent.key.start).is_err());
        let bytes = self.bytes.len() as u64;
        cover::check(&mut self.extents, &self.lexer, bytes, self.header, scope);
    }

    /// Reports keys that come again; answers where those start that do, in order.
    fn duplicates(&self, keys: Vec<Span>, of: &str, scope: &mut Scope<'_>) -> Vec<usize> {
        // Each is decoded once: escapes would make every comparison slow.
        let mut texts: Vec<_> = keys.into_iter().map(|key| (self.lexer.text(key), key.start)).collect();
        texts.sort_unstable();
        let mut replaced = Vec::new();
        for pair in texts.windows(2) {
            let [(before, first), (text, at)] = pair else { continue };
            if before == text {
                duplicate::report(text, of, *at, self.header, scope);
                replaced.push(*first);
            }
        }
        replaced.sort_unstable();
        replaced
    }
}

/// Keeps a key, where that is still allowed.
fn push(keys: &mut Vec<Span>, key: Span, scope: &Scope<'_>) -> Result<(), Stop> {
    let full = u32::try_from(keys.len()).map_or(true, |count| count >= scope.options.limits.entries);
    if full {
        return Err(Stop::Full(key.start));
    }
    keys.push(key);
    Ok(())
}
