//! The element types, and what each format calls them.

macro_rules! dtypes {
    ($($variant:ident $name:literal $bits:literal $class:expr, $safetensors:expr;)*) => {
        /// The element type of a tensor.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DType {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl DType {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// torch's name, without `torch.`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Bits an element takes in a storage.
            pub fn bits(self) -> u64 {
                match self { $(Self::$variant => $bits,)* }
            }

            /// torch's storage class, as `Float` in `FloatStorage`.
            pub fn storage_class(self) -> StorageClass {
                match self { $(Self::$variant => $class,)* }
            }

            /// The name in a safetensors header.
            pub fn safetensors(self) -> Option<&'static str> {
                match self { $(Self::$variant => $safetensors,)* }
            }
        }
    };
}

/// Which class torch saves a dtype's storages under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageClass {
    /// `torch.<name>Storage`
    Typed(&'static str),
    /// `torch.storage.UntypedStorage`: newer dtypes, told apart by the tensor.
    Untyped,
    /// None: torch has no such dtype.
    Foreign,
}
use StorageClass::{Foreign, Typed, Untyped};

dtypes! {
    Float64 "float64" 64 Typed("Double"), Some("F64");
    Float32 "float32" 32 Typed("Float"), Some("F32");
    Float16 "float16" 16 Typed("Half"), Some("F16");
    BFloat16 "bfloat16" 16 Typed("BFloat16"), Some("BF16");
    Float8E5M2 "float8_e5m2" 8 Untyped, Some("F8_E5M2");
    Float8E4M3FN "float8_e4m3fn" 8 Untyped, Some("F8_E4M3");
    Float8E5M2FNUZ "float8_e5m2fnuz" 8 Untyped, Some("F8_E5M2FNUZ");
    Float8E4M3FNUZ "float8_e4m3fnuz" 8 Untyped, Some("F8_E4M3FNUZ");
    Float8E8M0FNU "float8_e8m0fnu" 8 Untyped, Some("F8_E8M0");
    Float4E2M1FNx2 "float4_e2m1fn_x2" 8 Untyped, Some("F4");
    Float6E2M3 "float6_e2m3" 6 Foreign, Some("F6_E2M3");
    Float6E3M2 "float6_e3m2" 6 Foreign, Some("F6_E3M2");
    Complex128 "complex128" 128 Typed("ComplexDouble"), None;
    Complex64 "complex64" 64 Typed("ComplexFloat"), Some("C64");
    Complex32 "complex32" 32 Untyped, None;
    BComplex32 "bcomplex32" 32 Untyped, None;
    Int64 "int64" 64 Typed("Long"), Some("I64");
    Int32 "int32" 32 Typed("Int"), Some("I32");
    Int16 "int16" 16 Typed("Short"), Some("I16");
    Int8 "int8" 8 Typed("Char"), Some("I8");
    UInt64 "uint64" 64 Untyped, Some("U64");
    UInt32 "uint32" 32 Untyped, Some("U32");
    UInt16 "uint16" 16 Untyped, Some("U16");
    UInt8 "uint8" 8 Typed("Byte"), Some("U8");
    Bool "bool" 8 Typed("Bool"), Some("BOOL");
    QInt32 "qint32" 32 Typed("QInt32"), None;
    QInt8 "qint8" 8 Typed("QInt8"), None;
    QUInt8 "quint8" 8 Typed("QUInt8"), None;
    QUInt4x2 "quint4x2" 4 Typed("QUInt4x2"), None;
    QUInt2x4 "quint2x4" 2 Typed("QUInt2x4"), None;
    Bits16 "bits16" 16 Untyped, None;
    Bits8 "bits8" 8 Untyped, None;
    Bits4x2 "bits4x2" 8 Untyped, None;
    Bits2x4 "bits2x4" 8 Untyped, None;
    Bits1x8 "bits1x8" 8 Untyped, None;
    Int1 "int1" 8 Untyped, None;
    Int2 "int2" 8 Untyped, None;
    Int3 "int3" 8 Untyped, None;
    Int4 "int4" 8 Untyped, None;
    Int5 "int5" 8 Untyped, None;
    Int6 "int6" 8 Untyped, None;
    Int7 "int7" 8 Untyped, None;
    UInt1 "uint1" 8 Untyped, None;
    UInt2 "uint2" 8 Untyped, None;
    UInt3 "uint3" 8 Untyped, None;
    UInt4 "uint4" 8 Untyped, None;
    UInt5 "uint5" 8 Untyped, None;
    UInt6 "uint6" 8 Untyped, None;
    UInt7 "uint7" 8 Untyped, None;
}

impl DType {
    /// The type of this name in torch.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|d| d.name() == name && d.storage_class() != Foreign)
    }

    /// The type whose storages torch saves as `torch.<class>Storage`.
    pub fn from_storage_class(class: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|d| matches!(d.storage_class(), Typed(name) if name == class))
    }

    /// The type of this name in a safetensors header.
    pub fn from_safetensors(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|d| d.safetensors() == Some(name))
    }

    /// Bytes that `elements` take, rounded up to whole ones, unless that overflows.
    pub fn bytes(self, elements: u64) -> Option<u64> {
        match self.bits() {
            bits if bits % 8 == 0 => elements.checked_mul(bits / 8),
            bits => Some(elements.checked_mul(bits)?.div_ceil(8)),
        }
    }

    /// Whether the values are complex numbers.
    pub fn is_complex(self) -> bool {
        matches!(self, Self::Complex128 | Self::Complex64 | Self::Complex32 | Self::BComplex32)
    }

    /// Bytes of the numbers that a change of byte order reverses: a part of a
    /// complex number, else an element.
    pub fn swap_width(self) -> u8 {
        let bits = if self.is_complex() { self.bits() / 2 } else { self.bits() };
        match bits {
            16 => 2,
            32 => 4,
            64 => 8,
            _ => 1,
        }
    }
}

macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($variant:ident $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type {
            $(#[doc = concat!("`torch.", $name, "`")] $variant,)*
        }

        impl $type {
            /// torch's name, without `torch.`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The value of this name in torch.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

names! {
    /// How a tensor's elements are arranged.
    Layout {
        Strided "strided",
        SparseCoo "sparse_coo",
        SparseCsr "sparse_csr",
        SparseCsc "sparse_csc",
        SparseBsr "sparse_bsr",
        SparseBsc "sparse_bsc",
        Mkldnn "_mkldnn",
        Jagged "jagged",
    }
}

names! {
    /// How a quantized tensor maps integers to reals.
    QScheme {
        PerTensorAffine "per_tensor_affine",
        PerChannelAffine "per_channel_affine",
        PerTensorSymmetric "per_tensor_symmetric",
        PerChannelSymmetric "per_channel_symmetric",
        PerChannelAffineFloatQParams "per_channel_affine_float_qparams",
    }
}
