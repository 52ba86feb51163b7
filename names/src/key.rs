//! Keys as they stand in names.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use core::fmt;

use crate::hash::Hash;
use crate::{Look, Nodes, quoted};

/// A key that a name can show; all others are shown by their position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Key<'n> {
    Text(&'n str),
    /// A text too long to be repeated in the name of each value under it: its start,
    /// and the digest of all of it.
    Long(&'n str, u64),
    Bool(bool),
    Int(i64),
    None,
    Float(u64),
    Tuple(&'n [u32]),
}

/// The digests of the long texts, each computed once: a long key of a shared dict is
/// met millions of times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Digests(BTreeMap<u32, u64>);

impl Digests {
    pub(crate) fn of<N: Nodes + ?Sized>(nodes: &N) -> Self {
        let all = 0..u32::try_from(nodes.count()).unwrap_or(u32::MAX);
        let long = all.filter_map(|node| match nodes.look(node) {
            Look::Text(text) if text.len() > LONGEST => Some((node, Hash::of(text))),
            _ => None,
        });
        Self(long.collect())
    }
}

impl<'n> Key<'n> {
    /// The key that is this node, if a name can show it.
    pub(crate) fn of<N: Nodes + ?Sized>(nodes: &'n N, digests: &Digests, node: u32) -> Option<Self> {
        Some(match nodes.look(node) {
            Look::Text(text) if text.len() > LONGEST => {
                let digest = digests.0.get(&node).copied().unwrap_or_default();
                Self::Long(text.get(..text.floor_char_boundary(SHOWN)).unwrap_or_default(), digest)
            }
            Look::Text(text) => Self::Text(text),
            Look::Bool(value) => Self::Bool(value),
            Look::Int(value) => Self::Int(value),
            Look::None => Self::None,
            Look::Float(bits) => Self::Float(bits),
            Look::Tuple(items) if is_short(nodes, items, 2) => Self::Tuple(items),
            _ => return None,
        })
    }

    /// Whether it is the empty text.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Text(""))
    }

    /// Whether it cannot be seen for what it is in a plain name: the empty text, and
    /// what looks like the position of a key.
    pub(crate) fn is_hidden(&self) -> bool {
        match self {
            Self::Text(text) | Self::Long(text, _) => text.is_empty() || text.contains("[#"),
            Self::Bool(_) | Self::Int(_) | Self::None | Self::Float(_) | Self::Tuple(_) => false,
        }
    }

    /// Writes it as it stands in a plain name: a text as it is, all else as Python
    /// prints it.
    pub(crate) fn plain<N: Nodes + ?Sized>(&self, nodes: &N, out: &mut dyn fmt::Write) -> fmt::Result {
        match *self {
            Self::Text(text) => out.write_str(text),
            Self::Long(start, digest) => write!(out, "{start}…{digest:016x}"),
            Self::Bool(true) => out.write_str("True"),
            Self::Bool(false) => out.write_str("False"),
            Self::Int(value) => write!(out, "{value}"),
            Self::None => out.write_str("None"),
            Self::Float(bits) => out.write_str(&float(f64::from_bits(bits))),
            Self::Tuple(items) => tuple(nodes, items, out),
        }
    }

    /// Writes it as it stands in an exact name; says whether it can.
    pub(crate) fn exact(&self, out: &mut dyn fmt::Write) -> Result<bool, fmt::Error> {
        match *self {
            Self::Text(text) => quote(text, out)?,
            Self::Bool(true) => out.write_str("[True]")?,
            Self::Bool(false) => out.write_str("[False]")?,
            Self::Int(value) => write!(out, "[{value}]")?,
            Self::None => out.write_str("[None]")?,
            Self::Long(..) | Self::Float(_) | Self::Tuple(_) => return Ok(false),
        }
        Ok(true)
    }
}

/// A text in brackets and quotes, as JSON has it.
fn quote(text: &str, out: &mut dyn fmt::Write) -> fmt::Result {
    out.write_str("[\"")?;
    for c in text.chars() {
        match c {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            c if c.is_control() => write!(out, "\\u{:04x}", u32::from(c))?,
            c => out.write_char(c)?,
        }
    }
    out.write_str("\"]")
}

/// The text that begins a path in brackets and quotes, and the rest of the path.
pub(crate) fn unquote(path: &str) -> Option<(String, &str)> {
    let mut chars = path.strip_prefix("[\"")?.chars();
    let mut text = String::new();
    loop {
        match chars.next()? {
            '"' => return Some((text, chars.as_str().strip_prefix(']')?)),
            '\\' => match chars.next()? {
                'u' => {
                    let digits = chars.as_str().get(..4)?;
                    text.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
                    chars = chars.as_str().get(4..)?.chars();
                }
                c @ ('"' | '\\') => text.push(c),
                _ => return None,
            },
            c => text.push(c),
        }
    }
}

/// Whether a tuple is one that a key of use may be: what is printed of it is short, and
/// nothing in it is left out. Shared tuples in tuples are a bomb.
fn is_short<N: Nodes + ?Sized>(nodes: &N, items: &[u32], depth: u32) -> bool {
    items.len() <= 8
        && items.iter().all(|&item| match nodes.look(item) {
            Look::Text(text) => text.len() <= 64,
            Look::Bool(_) | Look::Int(_) | Look::None | Look::Float(_) => true,
            // A level less each time, so that this ends.
            Look::Tuple(items) => depth > 0 && is_short(nodes, items, depth.saturating_sub(1)),
            _ => false,
        })
}

fn tuple<N: Nodes + ?Sized>(nodes: &N, items: &[u32], out: &mut dyn fmt::Write) -> fmt::Result {
    out.write_char('(')?;
    for (index, &item) in items.iter().enumerate() {
        if index > 0 {
            out.write_str(", ")?;
        }
        match nodes.look(item) {
            Look::Text(text) => out.write_str(&quoted(text.chars().map(u32::from), text.len()))?,
            Look::Tuple(items) => tuple(nodes, items, out)?,
            _ => {
                let key = Key::of(nodes, &Digests::default(), item);
                key.map_or(Ok(()), |key| key.plain(nodes, out))?;
            }
        }
    }
    out.write_str(if items.len() == 1 { ",)" } else { ")" })
}

/// A float of any width as Python prints its own: always with a point, an exponent or a
/// name.
pub fn float(value: impl fmt::Debug) -> String {
    let text = format!("{value:?}");
    if text == "NaN" {
        return "nan".into();
    }
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    // Python gives the exponent a sign and two digits.
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// Bytes of the longest key that a name repeats as it is.
pub(crate) const LONGEST: usize = 1024;

/// Bytes that it repeats of a longer one.
const SHOWN: usize = LONGEST - 32;
