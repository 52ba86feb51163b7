use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;

use super::literal::Literal;
use crate::show;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A dtype that is not known.
pub(super) static RULE: Rule = Rule::unverified(
    "SR-NUMPY-DTYPE",
    "a dtype that is not known",
    "Nothing says how large its elements are, or whether they are objects and thus a pickle.",
);

/// What a dtype means for the bytes after the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Descr {
    /// Bytes of an element, if it is known.
    pub(super) size: Option<u64>,
    /// Whether there are objects in it: all of the array is a pickle then.
    pub(super) objects: bool,
    /// The first part of it that is not known.
    pub(super) unknown: Option<String>,
    /// Why numpy refuses the dtype, if it does.
    pub(super) refused: Option<String>,
}

impl Descr {
    /// The dtype that a header describes.
    pub(super) fn new(literal: &Literal) -> Self {
        match literal {
            Literal::Text(name) => Self::simple(name),
            Literal::List(fields) => Self::structure(fields),
            _ => Self::unknown("something that is neither a name nor a list of fields".into()),
        }
    }

    /// Reports what is not known.
    pub(super) fn check(&self, header: &Part, scope: &mut Scope<'_>) {
        if let Some(unknown) = &self.unknown {
            scope.find(&RULE, header, 0, format!("the dtype is {unknown}"));
        }
    }

    fn simple(name: &str) -> Self {
        let plain = name.trim_start_matches(['<', '>', '|', '=']);
        if name.len().saturating_sub(plain.len()) > 1 {
            return Self::unknown(show::name(name));
        }
        if plain == "object" || plain.strip_prefix('O').is_some_and(is_digits) {
            return Self { objects: true, ..Self::of(8) };
        }
        match size_of(plain) {
            Some(size) => Self::of(size),
            None if is_code(plain) => {
                let refused = Some(format!("no dtype of numpy: {}", show::name(name)));
                Self { refused, ..Self::unknown(show::name(name)) }
            }
            None => Self::unknown(show::name(name)),
        }
    }

    fn structure(fields: &[Literal]) -> Self {
        let mut whole = Self::of(0);
        let mut names = BTreeSet::new();
        for field in fields {
            let (name, descr) = Self::field(field);
            whole.size = whole.size.zip(descr.size).and_then(|(sum, size)| sum.checked_add(size));
            whole.objects |= descr.objects;
            whole.unknown = whole.unknown.or(descr.unknown);
            whole.refused = whole.refused.or(descr.refused);
            // numpy gives bytes that only fill up an empty name.
            if let Some(name) = name.filter(|name| !name.is_empty())
                && !names.insert(name)
            {
                let twice = || Some(format!("two fields of the name {}", show::name(name)));
                whole.refused = whole.refused.or_else(twice);
            }
        }
        whole
    }

    fn field(field: &Literal) -> (Option<&str>, Self) {
        let unknown = || (None, Self::unknown("a list with something that is no field".into()));
        let Literal::Tuple(field) = field else { return unknown() };
        let (name, descr, shape) = match field.as_slice() {
            [name, descr] => (name, descr, None),
            [name, descr, shape] => (name, descr, Some(shape)),
            _ => return unknown(),
        };
        let name = match name {
            Literal::Text(name) => name,
            // A title, and the name.
            Literal::Tuple(pair) => match pair.as_slice() {
                [Literal::Text(_), Literal::Text(name)] => name,
                _ => return unknown(),
            },
            _ => return unknown(),
        };
        let mut descr = Self::new(descr);
        let count = match shape {
            None => Some(1),
            Some(Literal::Size(size)) => Some(*size),
            Some(Literal::Tuple(sizes)) => match super::size::product(sizes) {
                Some(count) => {
                    let many = sizes.len() > super::parse::DIMENSIONS;
                    let refused = || Some("a field of more than 64 dimensions".into());
                    descr.refused = descr.refused.or_else(|| if many { refused() } else { None });
                    count
                }
                None => return unknown(),
            },
            Some(_) => return unknown(),
        };
        descr.size = descr.size.zip(count).and_then(|(size, count)| size.checked_mul(count));
        (Some(name), descr)
    }

    fn of(size: u64) -> Self {
        Self { size: Some(size), objects: false, unknown: None, refused: None }
    }

    fn unknown(what: String) -> Self {
        Self { size: None, objects: false, unknown: Some(what), refused: None }
    }
}

/// Bytes of an element of a dtype that numpy writes itself, without its byte order.
fn size_of(name: &str) -> Option<u64> {
    let kind = name.chars().next()?;
    let rest = name.get(kind.len_utf8()..)?;
    if matches!(kind, 'm' | 'M') {
        return rest.strip_prefix('8').filter(|unit| unit.is_empty() || is_unit(unit)).map(|_| 8);
    }
    if kind == '?' && rest.is_empty() {
        return Some(1);
    }
    if rest.is_empty() || !is_digits(rest) {
        return None;
    }
    let size: u64 = rest.parse().ok()?;
    let sizes: &[u64] = match kind {
        'b' => &[1],
        'i' | 'u' => &[1, 2, 4, 8],
        // On machines of 32 bits there are `f12` and `c24` as well, which no other takes.
        'f' => &[2, 4, 8, 16],
        'c' => &[8, 16, 32],
        // numpy has no larger elements.
        'S' | 'a' | 'V' => return Some(size).filter(|size| i32::try_from(*size).is_ok()),
        'U' => return size.checked_mul(4).filter(|size| i32::try_from(*size).is_ok()),
        _ => return None,
    };
    sizes.contains(&size).then_some(size)
}

/// `[ns]`, `[25s]`: what a date counts.
fn is_unit(unit: &str) -> bool {
    let inner = unit.strip_prefix('[').and_then(|unit| unit.strip_suffix(']'));
    let unit = inner.map(|unit| unit.trim_start_matches(|c: char| c.is_ascii_digit()));
    const UNITS: [&str; 14] =
        ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as", "generic"];
    unit.is_some_and(|unit| UNITS.contains(&unit))
}

/// `f4`: all dtypes of this form are known. `float32` or `f4,f4` may be others.
fn is_code(name: &str) -> bool {
    let digits = name.strip_prefix(|c: char| c.is_ascii_alphabetic());
    digits.is_some_and(|digits| !digits.is_empty() && is_digits(digits))
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
