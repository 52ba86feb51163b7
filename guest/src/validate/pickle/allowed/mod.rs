//! The allow-list: what a pickle may name, and what it may do with it.

mod dcp;
mod numpy;
mod python;
mod random;
mod row;
mod runs;
mod torch;
mod training;

pub(super) use numpy::{Dtypes, LIES, is_own, stored};
pub(super) use random::check_loose as check_random;
pub(super) use row::{Finished, Flaw, Row};
pub(super) use runs::{is_quiet, runs};

use super::argument::Arg;
use super::cost::Work;
use crate::validate::level::Level;
use crate::{DType, QScheme};

/// What an allowed name is good for.
#[derive(Debug, PartialEq)]
pub(super) enum Means {
    /// A value: a dtype or a qscheme.
    Value,
    /// The class of a storage, in a persistent id.
    StorageClass,
    /// The class of a tensor, as an argument.
    TensorClass,
    /// A class of Python or numpy, as a value.
    Class,
    /// `copyreg._reconstructor`, which makes an object of the class that it is given.
    Maker,
    /// A function or class to call.
    Call(Callable),
    /// A class whose objects are proven harmless one by one.
    Object(Row),
}

/// How something may be called, and what may be done to the result.
#[derive(Debug, PartialEq)]
pub(super) struct Callable {
    /// The arguments, in each of these ways.
    pub(super) signatures: &'static [&'static [Arg]],
    /// What the result is.
    pub(super) result: Made,
    /// What it does, as far as it costs something.
    pub(super) work: Work,
    /// The strictest level that knows it.
    pub(super) level: Level,
}

/// What a call makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// A value that nothing is done to.
    Value,
    /// A value that is no key: it could change.
    Mutable,
    /// A tensor of any kind.
    Tensor,
    /// A storage.
    Storage,
    /// A dict whose items are set one by one, and which may be handed attributes.
    OrderedDict,
    /// A dict of numbers, whose items may be set one by one.
    Counts,
}

impl Means {
    /// The strictest level that knows it.
    pub(super) fn level(&self) -> Level {
        match self {
            Self::Value | Self::StorageClass => Level::TensorsOnly,
            Self::TensorClass => Level::WeightsOnly,
            Self::Class | Self::Maker | Self::Object(_) => Level::NoCode,
            Self::Call(callable) => callable.level,
        }
    }
}

/// What a name is good for, if it is allowed.
pub(super) fn allowed(module: &str, name: &str) -> Option<&'static Means> {
    let tables = [torch::TABLE, python::TABLE, numpy::TABLE, random::TABLE, training::TABLE, dcp::TABLE];
    let mut entries = tables.into_iter().flatten().filter(|entry| entry.lengths & length(name) != 0);
    let entry = entries.find(|entry| entry.names.contains(&name) && entry.modules.contains(&module));
    if let Some(entry) = entry {
        return Some(&entry.means);
    }
    let value = module == "torch" && (DType::from_name(name).is_some() || QScheme::from_name(name).is_some());
    value.then_some(&Means::Value)
}

struct Entry {
    modules: &'static [&'static str],
    names: &'static [&'static str],
    /// A bit for each length that a name has: a name is looked up several times for each tensor,
    /// and most entries have none of its length.
    lengths: u64,
    means: Means,
}

const fn entry(modules: &'static [&'static str], names: &'static [&'static str], means: Means) -> Entry {
    let (mut lengths, mut rest) = (0, names);
    while let [name, others @ ..] = rest {
        lengths |= length(name);
        rest = others;
    }
    Entry { modules, names, lengths, means }
}

/// The bit for a name's length; all long ones share the last.
const fn length(name: &str) -> u64 {
    let last = u64::BITS as usize - 1;
    1 << if name.len() < last { name.len() } else { last }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_only_knows_as_many_names_as_torch() {
        let names = torch::TABLE.iter().filter(|entry| entry.means.level() > Level::NoCode);
        let listed: usize = names.map(|entry| entry.names.len()).sum();
        let dtypes = DType::ALL.iter().filter(|dtype| allowed("torch", dtype.name()).is_some()).count();
        assert_eq!((listed, dtypes), (92, 47));
        assert_eq!(listed + dtypes + 5, 144);
    }

    #[test]
    fn a_name_is_allowed_in_its_module_only() {
        assert!(allowed("collections", "OrderedDict").is_some());
        for (module, name) in [
            ("builtins", "OrderedDict"),
            ("collections", "OrderedDict.fromkeys"),
            ("torch", "_utils._rebuild_tensor_v2"),
            ("torch._utils", "_rebuild_tensor_v2.__globals__"),
            ("torch", "float6_e2m3"),
            ("torch", "load"),
            ("builtins", "eval"),
            ("", ""),
        ] {
            assert!(allowed(module, name).is_none(), "{module}.{name}");
        }
    }
}
