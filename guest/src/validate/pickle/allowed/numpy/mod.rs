//! numpy's arrays, scalars and types. Sources: `arraydescr_setstate`, `array_setstate` and
//! `array_scalar` of numpy 1.26 and 2.4, which believe what a pickle says.

mod array;
mod dtype;
mod filled;
mod masked;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use core::cell::{Cell, RefCell};

pub(super) use array::{bytes_of, is_array, is_for_torch, parts, short};
pub(in crate::validate::pickle) use array::{is_own, stored};
use dtype::Element;

use super::row::{Flaw, Row};
use super::{Entry, Means, entry};
use crate::pickle::ObjectId;
use crate::validate::budget::Cost;
use crate::validate::finding::Rule;
use crate::validate::pickle::cost::{Keyed, Work, hashes};

/// What numpy itself would not write.
pub(in crate::validate::pickle) static LIES: Rule = Rule::refused(
    "SR-PICKLE-NUMPY",
    "a numpy object that lies about its memory",
    "numpy believes what a pickle says: a type whose elements are objects and which says that they \
     are not takes bytes of the file for addresses, one with fields beyond its end and a generator \
     at a position beyond its state read other memory.",
);

pub(super) static TABLE: &[Entry] = &[
    entry(
        &["numpy"],
        &["dtype"],
        Means::Object(Row::key(Work::Numbers, Keyed::As(hashes::dtype), |it| proven(dtype::alone(it)))),
    ),
    entry(
        MULTIARRAY,
        &["_reconstruct"],
        Means::Object(Row::call(Work::Array, |it| proven(array::reconstructed(it)))),
    ),
    entry(NUMERIC, &["_frombuffer"], Means::Object(Row::call(Work::Array, |it| proven(array::buffer(it))))),
    entry(
        MULTIARRAY,
        &["scalar"],
        Means::Object(Row::key(Work::Array, Keyed::As(hashes::scalar), |it| proven(array::scalar(it)))),
    ),
    entry(
        &["numpy.ma.core"],
        &["_mareconstruct"],
        Means::Object(Row::call(Work::Array, |it| proven(masked::array(it)))),
    ),
    entry(&["numpy.ma.core"], &["MaskedConstant"], Means::Object(Row::call(Work::Numbers, masked::constant))),
    entry(&["numpy"], SCALARS, Means::Class),
    entry(&["numpy"], &["matrix", "ndarray", "recarray", "record"], Means::Class),
    entry(&["numpy.rec"], &["recarray", "record"], Means::Class),
    entry(&["numpy.ma", "numpy.ma.core"], &["MaskedArray", "mvoid"], Means::Class),
];

/// Nanoseconds to fill arrays of structures: a quarter of an hour, and some tens of millions of rows.
const MOST: u64 = 1 << 40;
const MULTIARRAY: &[&str] = &["numpy.core.multiarray", "numpy._core.multiarray"];
const NUMERIC: &[&str] = &["numpy.core.numeric", "numpy._core.numeric"];

#[rustfmt::skip]
const SCALARS: &[&str] = &[
    "bool", "bool_", "bytes_", "character", "clongdouble", "complex128", "complex64",
    "complexfloating", "datetime64", "flexible", "float16", "float32", "float64", "floating",
    "generic", "inexact", "int16", "int32", "int64", "int8", "intc", "integer", "longdouble",
    "longlong", "number", "object_", "signedinteger", "str_", "timedelta64", "uint16", "uint32",
    "uint64", "uint8", "uintc", "ulonglong", "unsignedinteger", "void",
];

fn proven<T>(found: Result<T, String>) -> Result<(), Flaw> {
    found.map(drop).map_err(|what| Flaw { rule: &LIES, what: format!("numpy would make {what}") })
}

/// What was proven of dtypes: each once, however many ways lead to it.
#[derive(Default)]
pub(in crate::validate::pickle) struct Dtypes {
    known: RefCell<BTreeMap<ObjectId, Proven>>,
    /// The same of structures of a size, by their names and their fields: many may share them.
    structures: RefCell<BTreeMap<(ObjectId, ObjectId, u64), Proven>>,
    /// What making structures and arrays of them costs beside what the bytes of the file say.
    cost: Cell<Cost>,
}

/// What an element is, or what is wrong with it.
type Proven = Result<Element, String>;

impl Dtypes {
    /// What the arrays that were proven so far cost, as far as only their dtypes tell.
    pub(in crate::validate::pickle) fn cost(&self) -> Cost {
        self.cost.get()
    }

    /// Whether that is so much that no more is looked at.
    fn is_spent(&self) -> bool {
        self.cost.get().time > MOST
    }

    fn spend(&self, cost: Cost) {
        self.cost.set(self.cost.get().and(cost));
    }
}
