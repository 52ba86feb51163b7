//! The header as JSON: what serde's rules ask of it, and where they failed.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Unexpected, Visitor};

use super::METADATA;
use crate::dtype::DType;

/// What a header says of one tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Info {
    /// The element type, or a name that is none.
    pub(super) dtype: Result<DType, String>,
    /// Elements along each dimension.
    pub(super) shape: Vec<u64>,
    /// First byte, and first byte after, from the end of the header.
    pub(super) data_offsets: (u64, u64),
    /// Fields that are none of the format's.
    pub(super) others: usize,
}

/// Takes a header's entries as they are read.
pub(super) trait Visit {
    /// A key is read, its value is next. False ends the reading.
    fn key(&mut self, key: &str) -> bool;
    /// The value of the last key is a tensor's. False ends the reading.
    fn tensor(&mut self, name: String, info: Info) -> bool;
    /// The value of the last key is a text of the metadata. False ends the reading.
    fn text(&mut self, key: String, value: String) -> bool;
}

/// Why a header could not be read, and how many bytes before.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// Bytes of the header before the failure.
    pub(super) at: usize,
    /// What was expected there.
    pub(super) expected: String,
    /// What was found.
    pub(super) found: String,
}

/// Reads a header, entry by entry.
pub(super) fn read(text: &str, visit: &mut impl Visit) -> Result<(), Failure> {
    let mut json = serde_json::Deserializer::from_str(text);
    json.deserialize_map(Header(visit)).and_then(|()| json.end()).map_err(|error| failure(text, &error))
}

/// Bytes before the value of the entry of this number, counting from 0. The
/// header is known to be JSON. A second pass, for a fault's sake only: serde
/// tells no positions to those who can read on.
pub(super) fn locate(text: &str, entry: usize) -> usize {
    let mut json = serde_json::Deserializer::from_str(text);
    match json.deserialize_map(Locate(entry)) {
        Ok(()) => 0,
        Err(error) => line_start(text, error.line()).saturating_add(error.column()),
    }
}

struct Header<'a, V>(&'a mut V);

impl<'de, V: Visit> Visitor<'de> for Header<'_, V> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut metadata = false;
        while let Some(key) = map.next_key::<String>()? {
            go_on(self.0.key(&key))?;
            if key == METADATA {
                if core::mem::replace(&mut metadata, true) {
                    return Err(A::Error::duplicate_field(METADATA));
                }
                map.next_value_seed(Metadata(&mut *self.0))?;
            } else {
                let info = map.next_value()?;
                go_on(self.0.tensor(key, info))?;
            }
        }
        Ok(())
    }
}

struct Metadata<'a, V>(&'a mut V);

impl<'de, V: Visit> DeserializeSeed<'de> for Metadata<'_, V> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_option(self)
    }
}

impl<'de, V: Visit> Visitor<'de> for Metadata<'_, V> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, value)) = map.next_entry()? {
            go_on(self.0.text(key, value))?;
        }
        Ok(())
    }
}

/// The reference would also take an array of three values for the object, and
/// an object `{"F32": null}` for the dtype: accidents of its derived code that no
/// other reader of the format shares, so here they are refused.
impl<'de> Deserialize<'de> for Info {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_map(InfoVisitor)
    }
}

struct InfoVisitor;

impl<'de> Visitor<'de> for InfoVisitor {
    type Value = Info;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of dtype, shape and data_offsets")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Info, A::Error> {
        let (mut dtype, mut shape, mut data_offsets, mut others) = (None, None, None, 0);
        while let Some(field) = map.next_key::<Field>()? {
            match field {
                Field::Dtype => once(&mut dtype, "dtype", map.next_value::<Name>()?.0)?,
                Field::Shape => once(&mut shape, "shape", map.next_value()?)?,
                Field::DataOffsets => once(&mut data_offsets, "data_offsets", map.next_value()?)?,
                Field::Other => {
                    map.next_value::<Anything>()?;
                    others += 1;
                }
            }
        }
        Ok(Info {
            dtype: dtype.ok_or_else(|| A::Error::missing_field("dtype"))?,
            shape: shape.ok_or_else(|| A::Error::missing_field("shape"))?,
            data_offsets: data_offsets.ok_or_else(|| A::Error::missing_field("data_offsets"))?,
            others,
        })
    }
}

fn once<T, E: serde::de::Error>(slot: &mut Option<T>, name: &'static str, value: T) -> Result<(), E> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::duplicate_field(name)),
    }
}

enum Field {
    Dtype,
    Shape,
    DataOffsets,
    Other,
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_identifier(FieldVisitor)
    }
}

struct FieldVisitor;

impl Visitor<'_> for FieldVisitor {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Field, E> {
        Ok(match name {
            "dtype" => Field::Dtype,
            "shape" => Field::Shape,
            "data_offsets" => Field::DataOffsets,
            _ => Field::Other,
        })
    }
}

/// A dtype's name.
struct Name(Result<DType, String>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_str(NameVisitor).map(Self)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Result<DType, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a dtype's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(DType::from_safetensors(name).ok_or_else(|| name.into()))
    }
}

/// A value that is read and forgotten. serde's `IgnoredAny` would let pass what
/// the reference, which keeps such values for a while, refuses: numbers beyond a
/// double, lone surrogates, and any depth. Recursion ends at serde_json's limit.
struct Anything;

impl<'de> Deserialize<'de> for Anything {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Anything {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

/// Stops before the value of the entry of this number.
struct Locate(usize);

impl<'de> Visitor<'de> for Locate {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        for _ in 0..self.0 {
            map.next_entry::<Anything, Anything>()?;
        }
        map.next_key::<Anything>()?;
        map.next_value_seed(Stop)
    }
}

struct Stop;

impl<'de> DeserializeSeed<'de> for Stop {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, _: D) -> Result<(), D::Error> {
        Err(D::Error::invalid_type(Unexpected::Other("the entry looked for"), &"any other"))
    }
}

fn go_on<E: serde::de::Error>(more: bool) -> Result<(), E> {
    if more { Ok(()) } else { Err(E::custom("no more entries")) }
}

/// Takes serde's sentence apart: `invalid type: null, expected a string at line
/// 1 column 9`.
fn failure(text: &str, error: &serde_json::Error) -> Failure {
    let sentence = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let sentence = sentence.strip_suffix(&place).unwrap_or(&sentence);
    let (found, expected) = if let Some(expected) = sentence.strip_prefix("expected ") {
        ("something else", expected)
    } else if let Some(parts) = sentence.rsplit_once(", expected ") {
        parts
    } else if error.is_data() {
        (sentence, "each field once")
    } else {
        (sentence, "JSON")
    };
    let kinds = ["invalid type: ", "invalid value: "];
    let found = kinds.iter().find_map(|kind| found.strip_prefix(kind)).unwrap_or(found);
    Failure {
        // The column counts the byte at fault; before the first one it is 0.
        at: line_start(text, error.line()).saturating_add(error.column().saturating_sub(1)),
        expected: expected.into(),
        found: crate::show::cut(found),
    }
}

/// Bytes before the line of this number, counting from 1.
fn line_start(text: &str, line: usize) -> usize {
    match line.checked_sub(2) {
        None => 0,
        Some(nth) => text.match_indices('\n').nth(nth).map_or(0, |(at, _)| at.saturating_add(1)),
    }
}
