//! The enumerations, both ways.

use super::wit::types as wit;
use crate::model::Construct;
use crate::{DType, QScheme, TensorLayout};

macro_rules! both_ways {
    ($to:ident $from:ident $model:ty, $wit:ty { $($ours:ident $theirs:ident,)* }) => {
        pub(super) fn $to(value: $model) -> $wit {
            match value { $(<$model>::$ours => <$wit>::$theirs,)* }
        }

        pub(super) fn $from(value: $wit) -> $model {
            match value { $(<$wit>::$theirs => <$model>::$ours,)* }
        }
    };
}

both_ways! {
    dtype_out dtype_in DType, wit::Dtype {
        Float64 Float64,
        Float32 Float32,
        Float16 Float16,
        BFloat16 Bfloat16,
        Float8E5M2 Float8E5m2,
        Float8E4M3FN Float8E4m3fn,
        Float8E5M2FNUZ Float8E5m2fnuz,
        Float8E4M3FNUZ Float8E4m3fnuz,
        Float8E8M0FNU Float8E8m0fnu,
        Float4E2M1FNx2 Float4E2m1fnX2,
        Float6E2M3 Float6E2m3,
        Float6E3M2 Float6E3m2,
        Complex128 Complex128,
        Complex64 Complex64,
        Complex32 Complex32,
        BComplex32 Bcomplex32,
        Int64 Int64,
        Int32 Int32,
        Int16 Int16,
        Int8 Int8,
        UInt64 Uint64,
        UInt32 Uint32,
        UInt16 Uint16,
        UInt8 Uint8,
        Bool Boolean,
        QInt32 Qint32,
        QInt8 Qint8,
        QUInt8 Quint8,
        QUInt4x2 Quint4x2,
        QUInt2x4 Quint2x4,
        Bits16 Bits16,
        Bits8 Bits8,
        Bits4x2 Bits4x2,
        Bits2x4 Bits2x4,
        Bits1x8 Bits1x8,
        Int1 Int1,
        Int2 Int2,
        Int3 Int3,
        Int4 Int4,
        Int5 Int5,
        Int6 Int6,
        Int7 Int7,
        UInt1 Uint1,
        UInt2 Uint2,
        UInt3 Uint3,
        UInt4 Uint4,
        UInt5 Uint5,
        UInt6 Uint6,
        UInt7 Uint7,
    }
}

both_ways! {
    layout_out layout_in TensorLayout, wit::Layout {
        Strided Strided,
        SparseCoo SparseCoo,
        SparseCsr SparseCsr,
        SparseCsc SparseCsc,
        SparseBsr SparseBsr,
        SparseBsc SparseBsc,
        Mkldnn Mkldnn,
        Jagged Jagged,
    }
}

both_ways! {
    qscheme_out qscheme_in QScheme, wit::Qscheme {
        PerTensorAffine PerTensorAffine,
        PerChannelAffine PerChannelAffine,
        PerTensorSymmetric PerTensorSymmetric,
        PerChannelSymmetric PerChannelSymmetric,
        PerChannelAffineFloatQParams PerChannelAffineFloatQparams,
    }
}

both_ways! {
    construct_out construct_in Construct, wit::Construct {
        Call Call,
        New New,
        NewEx NewEx,
        Instance Instance,
        Persistent Persistent,
    }
}
