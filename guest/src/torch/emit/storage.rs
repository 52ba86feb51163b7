use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use crate::Error;
use crate::dtype::{DType, StorageClass};
use crate::model::{NodeId, Storage, StorageId};

use super::primitives::{BINPERSID, MARK};
use super::walk::Walk;
use super::{Stop, unfit};

/// The storages, and which of them the pickle has named.
#[derive(Debug)]
pub(super) struct Storages<'a> {
    all: &'a [Storage],
    named: Vec<Option<Named>>,
    order: Vec<StorageId>,
}

#[derive(Clone, Copy, Debug)]
struct Named {
    /// The memo entry of its key.
    key: u32,
    /// The element type it was first named with.
    dtype: DType,
}

impl<'a> Storages<'a> {
    /// None named so far.
    pub(super) fn new(all: &'a [Storage]) -> Self {
        Self { all, named: vec![None; all.len()], order: Vec::new() }
    }

    /// The named ones, in order of their keys.
    pub(super) fn into_order(self) -> Vec<StorageId> {
        self.order
    }

    /// A storage that must exist.
    pub(super) fn get(&self, id: StorageId) -> Result<&'a Storage, Error> {
        usize::try_from(id).ok().and_then(|id| self.all.get(id)).ok_or_else(|| {
            Error::misuse(format!("storage {id} does not exist: there are {}", self.all.len()))
        })
    }

    fn slot(&mut self, id: StorageId) -> Option<&mut Option<Named>> {
        self.named.get_mut(usize::try_from(id).ok()?)
    }
}

impl<'a> Walk<'a> {
    /// The persistent id of a storage; no dtype for an untyped one. torch makes
    /// a new tuple at each use.
    pub(super) fn storage(&mut self, node: NodeId, id: StorageId, dtype: Option<DType>) -> Result<(), Stop> {
        let storage = self.storages.get(id)?;
        let (module, class, width) = class(dtype).ok_or_else(|| {
            let name = dtype.map_or("none", DType::name);
            unfit(node, format!("torch has no storage class for elements of type {name}"))
        })?;
        let named = self.storages.slot(id).and_then(|slot| *slot);
        // torch takes an untyped storage for one of bytes.
        let dtype = dtype.unwrap_or(DType::UInt8);
        let shared = named.filter(|_| has_one_type(storage.length, &storage.location));
        if let Some(first) = shared.filter(|first| first.dtype != dtype) {
            let (first, second) = (first.dtype.name(), dtype.name());
            return Err(unfit(node, format!("torch cannot save storage {id} as both {first} and {second}")));
        }

        self.out.op(MARK);
        self.interned("storage");
        self.known(module, class);
        match named {
            Some(named) => self.out.get(named.key),
            None => self.key(id, dtype),
        }
        match storage.location.as_str() {
            constant if LOCATIONS.contains(&constant) => self.interned(constant),
            other => self.fresh(other),
        };
        self.count(node, storage.length / width)?;
        self.close(TUPLE_LENGTH);
        self.out.op(BINPERSID);
        Ok(())
    }

    /// The next key. It is a new string even where one of equal value exists.
    fn key(&mut self, id: StorageId, dtype: DType) {
        let key = self.storages.order.len().to_string();
        self.storages.order.push(id);
        self.out.text(key.as_bytes());
        let key = self.put();
        if let Some(slot) = self.storages.slot(id) {
            *slot = Some(Named { key, dtype });
        }
    }
}

/// Whether all that refer to a storage have to give it one element type. torch tells
/// storages apart by where their bytes are, and one that has none may be of several.
pub(crate) fn has_one_type(length: u64, location: &str) -> bool {
    length > 0 && location != META
}

/// The class torch saves a storage under, and the bytes its length counts in:
/// packed quantized types count bytes. None for types without a class.
fn class(dtype: Option<DType>) -> Option<(&'static str, &'static str, u64)> {
    let Some(dtype) = dtype else {
        return Some(("torch.storage", "UntypedStorage", 1));
    };
    let StorageClass::Typed(name) = dtype.storage_class() else {
        return None;
    };
    let class = CLASSES.iter().copied().find(|class| class.strip_suffix("Storage") == Some(name))?;
    Some(("torch", class, (dtype.bits() / 8).max(1)))
}

/// Locations that are constants in torch's source; other names, as those with a device's
/// number, are put together at each use.
pub(in crate::torch) const LOCATIONS: [&str; 7] = ["cpu", "cuda", "mps", META, "hpu", "xpu", "mtia"];
const META: &str = "meta";

/// `storage`, class, key, location, length.
const TUPLE_LENGTH: usize = 5;

const CLASSES: [&str; 17] = [
    "FloatStorage",
    "BFloat16Storage",
    "HalfStorage",
    "LongStorage",
    "IntStorage",
    "ByteStorage",
    "BoolStorage",
    "DoubleStorage",
    "ShortStorage",
    "CharStorage",
    "ComplexFloatStorage",
    "ComplexDoubleStorage",
    "QInt8Storage",
    "QUInt8Storage",
    "QInt32Storage",
    "QUInt4x2Storage",
    "QUInt2x4Storage",
];

#[cfg(test)]
mod tests {
    use super::{CLASSES, class};
    use crate::dtype::{DType, StorageClass};

    #[test]
    fn every_typed_storage_has_a_class() {
        let typed = DType::ALL.iter().filter(|d| matches!(d.storage_class(), StorageClass::Typed(_)));
        let classes: alloc::vec::Vec<_> = typed.filter_map(|&d| class(Some(d))).collect();
        assert_eq!(classes.len(), CLASSES.len());
        assert_eq!(class(Some(DType::QUInt2x4)), Some(("torch", "QUInt2x4Storage", 1)));
        assert_eq!(class(Some(DType::Float64)), Some(("torch", "DoubleStorage", 8)));
        assert_eq!(class(Some(DType::UInt16)), None);
    }
}
