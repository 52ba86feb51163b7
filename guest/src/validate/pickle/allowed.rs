//! The allow-list: what a pickle may name, and what it may do with it.

use super::argument::{self as a, Arg};
use super::cost::Work;
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
    /// A function or class to call.
    Call(Callable),
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
    /// Whether [`Policy::TensorsOnly`](crate::validate::Policy) knows it too.
    pub(super) plain: bool,
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
    /// A dict whose items are set one by one.
    Dict,
    /// The same, which may be handed attributes.
    OrderedDict,
}

/// What a name is good for, if it is allowed.
///
/// The names are those of torch 2.15, `torch._weights_only_unpickler`
/// (`_get_allowed_globals`): 144 of them, exactly these.
pub(super) fn allowed(module: &str, name: &str) -> Option<&'static Means> {
    let entry = TABLE.iter().find(|entry| entry.module == module && entry.names.contains(&name));
    if let Some(entry) = entry {
        return Some(&entry.means);
    }
    let value = module == "torch" && (DType::from_name(name).is_some() || QScheme::from_name(name).is_some());
    value.then_some(&Means::Value)
}

struct Entry {
    module: &'static str,
    names: &'static [&'static str],
    means: Means,
}

const fn entry(module: &'static str, names: &'static [&'static str], means: Means) -> Entry {
    Entry { module, names, means }
}

/// Something that other policies than weights-only know as well.
const fn plain(signatures: &'static [&'static [Arg]], result: Made, work: Work) -> Means {
    Means::Call(Callable { signatures, result, work, plain: true })
}

/// Something that only weights-only knows.
const fn special(signatures: &'static [&'static [Arg]], result: Made, work: Work) -> Means {
    Means::Call(Callable { signatures, result, work, plain: false })
}

/// All names but those of dtypes and qschemes. The signatures are what picklers
/// write: those of `torch._utils` by `torch.Tensor.__reduce_ex__` and its like,
/// the others by CPython's `pickle`.
static TABLE: &[Entry] = &[
    entry("collections", &["OrderedDict"], plain(&[&[], &[a::LIST]], Made::OrderedDict, Work::Dict)),
    entry("collections", &["Counter"], plain(&[&[], &[a::DICT]], Made::Dict, Work::Dict)),
    entry("builtins", &["set"], plain(&[&[], &[a::LIST]], Made::Mutable, Work::Set)),
    // Not one of torch's: it cannot do more than a set.
    entry("builtins", &["frozenset"], plain(&[&[], &[a::LIST]], Made::Value, Work::Set)),
    // Neither: an empty `bytes`, as Python 3 writes it at protocol 2.
    entry("builtins", &["bytes"], plain(&[&[]], Made::Value, Work::Bytes)),
    entry("builtins", &["complex"], plain(&[&[a::NUMBER, a::NUMBER]], Made::Value, Work::Numbers)),
    entry(
        "builtins",
        &["bytearray"],
        plain(&[&[], &[a::BYTES], &[a::LATIN1_TEXT, a::LATIN1]], Made::Mutable, Work::Bytes),
    ),
    // Other codecs than this one import modules and decompress.
    entry("_codecs", &["encode"], plain(&[&[a::LATIN1_TEXT, a::LATIN1]], Made::Value, Work::Bytes)),
    entry("torch", &["Size"], plain(&[&[a::INTS]], Made::Value, Work::Numbers)),
    entry("torch", &["device"], plain(&[&[a::TEXT], &[a::TEXT, a::INT]], Made::Value, Work::Numbers)),
    entry("torch.serialization", &["_get_layout"], plain(&[&[a::TEXT]], Made::Value, Work::Numbers)),
    entry(
        "torch._utils",
        &["_rebuild_tensor"],
        plain(&[&[a::STORAGE, a::INT, a::SIZE, a::INTS]], Made::Tensor, Work::Tensor),
    ),
    entry(
        "torch._utils",
        &["_rebuild_tensor_v2"],
        plain(
            &[
                &[a::STORAGE, a::INT, a::SIZE, a::INTS, a::BOOL, a::HOOKS],
                &[a::STORAGE, a::INT, a::SIZE, a::INTS, a::BOOL, a::HOOKS, a::FLAGS],
            ],
            Made::Tensor,
            Work::Tensor,
        ),
    ),
    entry(
        "torch._utils",
        &["_rebuild_tensor_v3"],
        plain(
            &[
                &[a::STORAGE, a::INT, a::SIZE, a::INTS, a::BOOL, a::HOOKS, a::DTYPE],
                &[a::STORAGE, a::INT, a::SIZE, a::INTS, a::BOOL, a::HOOKS, a::DTYPE, a::FLAGS],
            ],
            Made::Tensor,
            Work::Tensor,
        ),
    ),
    entry(
        "torch._utils",
        &["_rebuild_parameter"],
        plain(&[&[a::TENSOR, a::BOOL, a::HOOKS]], Made::Tensor, Work::Tensor),
    ),
    entry(
        "torch._utils",
        &["_rebuild_parameter_with_state"],
        special(&[&[a::TENSOR, a::BOOL, a::HOOKS, a::ATTRIBUTES]], Made::Tensor, Work::Tensor),
    ),
    entry(
        "torch._utils",
        &["_rebuild_qtensor"],
        plain(
            &[&[a::STORAGE, a::INT, a::SIZE, a::INTS, a::QUANTIZER, a::BOOL, a::HOOKS]],
            Made::Tensor,
            Work::Compound,
        ),
    ),
    entry(
        "torch._utils",
        &["_rebuild_sparse_tensor"],
        plain(&[&[a::LAYOUT, a::SPARSE]], Made::Tensor, Work::Compound),
    ),
    entry(
        "torch._utils",
        &["_rebuild_meta_tensor_no_storage"],
        plain(&[&[a::DTYPE, a::SIZE, a::INTS, a::BOOL]], Made::Tensor, Work::Tensor),
    ),
    entry(
        "torch._utils",
        &["_rebuild_device_tensor_from_cpu_tensor"],
        special(&[&[a::TENSOR, a::DTYPE, a::TEXT, a::BOOL]], Made::Tensor, Work::Compound),
    ),
    // The array can only come from a function of numpy, which is allowed apart.
    entry(
        "torch._utils",
        &["_rebuild_device_tensor_from_numpy"],
        special(&[&[a::OBJECT, a::DTYPE, a::TEXT, a::BOOL]], Made::Tensor, Work::Compound),
    ),
    entry(
        "torch._utils",
        &["_rebuild_wrapper_subclass"],
        special(
            &[&[a::TENSOR_CLASS, a::DTYPE, a::SIZE, a::INTS, a::INT, a::LAYOUT, a::DEVICE, a::BOOL]],
            Made::Tensor,
            Work::Compound,
        ),
    ),
    entry(
        "torch._tensor",
        &["_rebuild_from_type_v2"],
        special(&[&[a::REBUILD, a::TENSOR_CLASS, a::TUPLE, a::ATTRIBUTES]], Made::Tensor, Work::Compound),
    ),
    entry("torch.nn.parameter", &["Parameter"], Means::TensorClass),
    entry("torch", &["Tensor"], Means::TensorClass),
    entry("torch", TENSORS, Means::TensorClass),
    entry("torch.cuda", TENSORS, Means::TensorClass),
    entry("torch.sparse", SPARSE_TENSORS, Means::TensorClass),
    entry("torch.cuda.sparse", SPARSE_TENSORS, Means::TensorClass),
    entry("torch", STORAGES, Means::StorageClass),
    entry("torch", QUANTIZED_STORAGES, Means::StorageClass),
    entry("torch.cuda", STORAGES, Means::StorageClass),
    entry("torch.storage", &["TypedStorage", "UntypedStorage"], Means::StorageClass),
];

#[rustfmt::skip]
const STORAGES: &[&str] = &[
    "BFloat16Storage", "BoolStorage", "ByteStorage", "CharStorage", "ComplexDoubleStorage",
    "ComplexFloatStorage", "DoubleStorage", "FloatStorage", "HalfStorage", "IntStorage",
    "LongStorage", "ShortStorage",
];

#[rustfmt::skip]
const QUANTIZED_STORAGES: &[&str] = &[
    "QInt32Storage", "QInt8Storage", "QUInt2x4Storage", "QUInt4x2Storage", "QUInt8Storage",
];

#[rustfmt::skip]
const TENSORS: &[&str] = &[
    "BFloat16Tensor", "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor",
    "HalfTensor", "IntTensor", "LongTensor", "ShortTensor",
];

#[rustfmt::skip]
const SPARSE_TENSORS: &[&str] = &[
    "BFloat16Tensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor",
    "IntTensor", "LongTensor", "ShortTensor",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_names_as_in_torch() {
        let listed: usize = TABLE.iter().map(|entry| entry.names.len()).sum();
        let dtypes = DType::ALL.iter().filter(|dtype| allowed("torch", dtype.name()).is_some()).count();
        // And `frozenset` and `bytes`.
        assert_eq!((listed - 2, dtypes), (92, 47));
        assert_eq!(listed - 2 + dtypes + 5, 144);
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
