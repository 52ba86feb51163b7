//! What torch 2.15 itself allows: the 144 names of `torch._weights_only_unpickler`
//! (`_get_allowed_globals`), exactly these, and two that can do no more.

use super::{Callable, Entry, Made, Means, entry};
use crate::validate::level::Level;
use crate::validate::pickle::argument::{self as a, Arg};
use crate::validate::pickle::cost::Work;

/// Something that all levels know.
const fn plain(signatures: &'static [&'static [Arg]], result: Made, work: Work) -> Means {
    Means::Call(Callable { signatures, result, work, level: Level::TensorsOnly })
}

/// Something that is no plain data.
const fn special(signatures: &'static [&'static [Arg]], result: Made, work: Work) -> Means {
    Means::Call(Callable { signatures, result, work, level: Level::WeightsOnly })
}

/// Something that torch refuses.
const fn beyond(signatures: &'static [&'static [Arg]], result: Made, work: Work) -> Means {
    Means::Call(Callable { signatures, result, work, level: Level::NoCode })
}

/// All names but those of dtypes and qschemes. The signatures are what picklers
/// write: those of `torch._utils` by `torch.Tensor.__reduce_ex__` and its like,
/// the others by CPython's `pickle`.
pub(super) static TABLE: &[Entry] = &[
    entry(&["collections"], &["OrderedDict"], plain(&[&[], &[a::LIST]], Made::OrderedDict, Work::Dict)),
    entry(&["collections"], &["Counter"], plain(&[&[], &[a::COUNTS]], Made::Counts, Work::Dict)),
    entry(&["builtins"], &["set"], plain(&[&[], &[a::LIST]], Made::Mutable, Work::Set)),
    // Not one of torch's: it cannot do more than a set.
    entry(&["builtins"], &["frozenset"], beyond(&[&[], &[a::LIST]], Made::Value, Work::Set)),
    // Neither: an empty `bytes`, as Python 3 writes it at protocol 2.
    entry(&["builtins"], &["bytes"], beyond(&[&[]], Made::Value, Work::Bytes)),
    entry(&["builtins"], &["complex"], plain(&[&[a::NUMBER, a::NUMBER]], Made::Value, Work::Numbers)),
    entry(
        &["builtins"],
        &["bytearray"],
        plain(&[&[], &[a::BYTES], &[a::LATIN1_TEXT, a::LATIN1]], Made::Mutable, Work::Bytes),
    ),
    // Other codecs than this one import modules and decompress.
    entry(&["_codecs"], &["encode"], plain(&[&[a::LATIN1_TEXT, a::LATIN1]], Made::Value, Work::Bytes)),
    // Beyond torch's list: a file in the pickle, which is judged as one, see `loaded`.
    entry(&["torch.storage"], &["_load_from_bytes"], beyond(&[&[a::BYTES]], Made::Storage, Work::Load)),
    entry(&["torch"], &["Size"], plain(&[&[a::INTS]], Made::Value, Work::Numbers)),
    entry(&["torch"], &["device"], plain(&[&[a::TEXT], &[a::TEXT, a::INT]], Made::Value, Work::Numbers)),
    entry(&["torch.serialization"], &["_get_layout"], plain(&[&[a::TEXT]], Made::Value, Work::Numbers)),
    entry(
        &["torch._utils"],
        &["_rebuild_tensor"],
        plain(&[&[a::STORAGE, a::INT, a::SIZE, a::INTS]], Made::Tensor, Work::Tensor),
    ),
    entry(
        &["torch._utils"],
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
        &["torch._utils"],
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
        &["torch._utils"],
        &["_rebuild_parameter"],
        plain(&[&[a::TENSOR, a::BOOL, a::HOOKS]], Made::Tensor, Work::Tensor),
    ),
    entry(
        &["torch._utils"],
        &["_rebuild_parameter_with_state"],
        special(&[&[a::TENSOR, a::BOOL, a::HOOKS, a::ATTRIBUTES]], Made::Tensor, Work::Tensor),
    ),
    entry(
        &["torch._utils"],
        &["_rebuild_qtensor"],
        plain(
            &[&[a::STORAGE, a::INT, a::SIZE, a::INTS, a::QUANTIZER, a::BOOL, a::HOOKS]],
            Made::Tensor,
            Work::Compound,
        ),
    ),
    entry(
        &["torch._utils"],
        &["_rebuild_sparse_tensor"],
        plain(&[&[a::LAYOUT, a::SPARSE]], Made::Tensor, Work::Compound),
    ),
    entry(
        &["torch._utils"],
        &["_rebuild_meta_tensor_no_storage"],
        plain(&[&[a::DTYPE, a::SIZE, a::INTS, a::BOOL]], Made::Tensor, Work::Tensor),
    ),
    entry(
        &["torch._utils"],
        &["_rebuild_device_tensor_from_cpu_tensor"],
        special(&[&[a::TENSOR, a::DTYPE, a::TEXT, a::BOOL]], Made::Tensor, Work::Compound),
    ),
    entry(
        &["torch._utils"],
        &["_rebuild_device_tensor_from_numpy"],
        special(&[&[a::ARRAY, a::DTYPE, a::TEXT, a::BOOL]], Made::Tensor, Work::Moved),
    ),
    entry(
        &["torch._utils"],
        &["_rebuild_wrapper_subclass"],
        special(
            &[&[a::TENSOR_CLASS, a::DTYPE, a::SIZE, a::INTS, a::INT, a::LAYOUT, a::DEVICE, a::BOOL]],
            Made::Tensor,
            Work::Compound,
        ),
    ),
    entry(
        &["torch._tensor"],
        &["_rebuild_from_type_v2"],
        special(&[&[a::REBUILD, a::TENSOR_CLASS, a::TUPLE, a::ATTRIBUTES]], Made::Tensor, Work::Handed),
    ),
    entry(&["torch.nn.parameter"], &["Parameter"], Means::TensorClass),
    entry(&["torch"], &["Tensor"], Means::TensorClass),
    entry(&["torch"], TENSORS, Means::TensorClass),
    entry(&["torch.cuda"], TENSORS, Means::TensorClass),
    entry(&["torch.sparse"], SPARSE_TENSORS, Means::TensorClass),
    entry(&["torch.cuda.sparse"], SPARSE_TENSORS, Means::TensorClass),
    entry(&["torch"], STORAGES, Means::StorageClass),
    entry(&["torch"], QUANTIZED_STORAGES, Means::StorageClass),
    entry(&["torch.cuda"], STORAGES, Means::StorageClass),
    entry(&["torch.storage"], &["TypedStorage", "UntypedStorage"], Means::StorageClass),
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
