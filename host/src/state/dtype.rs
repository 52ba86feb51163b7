use std::fmt;

pub use crate::sandbox::bindings::types::Dtype as DType;

macro_rules! dtypes {
    ($($variant:ident $name:literal $bits:literal;)*) => {
        impl DType {
            /// torch's name, without `torch.`; for the two types torch lacks, one
            /// in its style.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Bits an element takes in a storage.
            pub fn bits(self) -> u64 {
                match self { $(Self::$variant => $bits,)* }
            }
        }
    };
}

dtypes! {
    Float64 "float64" 64;
    Float32 "float32" 32;
    Float16 "float16" 16;
    Bfloat16 "bfloat16" 16;
    Float8E5m2 "float8_e5m2" 8;
    Float8E4m3fn "float8_e4m3fn" 8;
    Float8E5m2fnuz "float8_e5m2fnuz" 8;
    Float8E4m3fnuz "float8_e4m3fnuz" 8;
    Float8E8m0fnu "float8_e8m0fnu" 8;
    Float4E2m1fnX2 "float4_e2m1fn_x2" 8;
    Float6E2m3 "float6_e2m3" 6;
    Float6E3m2 "float6_e3m2" 6;
    Complex128 "complex128" 128;
    Complex64 "complex64" 64;
    Complex32 "complex32" 32;
    Bcomplex32 "bcomplex32" 32;
    Int64 "int64" 64;
    Int32 "int32" 32;
    Int16 "int16" 16;
    Int8 "int8" 8;
    Uint64 "uint64" 64;
    Uint32 "uint32" 32;
    Uint16 "uint16" 16;
    Uint8 "uint8" 8;
    Boolean "bool" 8;
    Qint32 "qint32" 32;
    Qint8 "qint8" 8;
    Quint8 "quint8" 8;
    Quint4x2 "quint4x2" 4;
    Quint2x4 "quint2x4" 2;
    Bits16 "bits16" 16;
    Bits8 "bits8" 8;
    Bits4x2 "bits4x2" 8;
    Bits2x4 "bits2x4" 8;
    Bits1x8 "bits1x8" 8;
    Int1 "int1" 8;
    Int2 "int2" 8;
    Int3 "int3" 8;
    Int4 "int4" 8;
    Int5 "int5" 8;
    Int6 "int6" 8;
    Int7 "int7" 8;
    Uint1 "uint1" 8;
    Uint2 "uint2" 8;
    Uint3 "uint3" 8;
    Uint4 "uint4" 8;
    Uint5 "uint5" 8;
    Uint6 "uint6" 8;
    Uint7 "uint7" 8;
}

impl DType {
    /// Bytes that `elements` take, rounded up to whole ones, unless that overflows.
    pub fn bytes(self, elements: u64) -> Option<u64> {
        match self.bits() {
            bits if bits % 8 == 0 => elements.checked_mul(bits / 8),
            bits => Some(elements.checked_mul(bits)?.div_ceil(8)),
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A Rust type whose values are a tensor's elements as they lie in memory.
pub trait Element: bytemuck::Pod {
    /// The dtype it stands for.
    const DTYPE: DType;
}

macro_rules! elements {
    ($($type:ty, $dtype:ident;)*) => {
        $(impl Element for $type {
            const DTYPE: DType = DType::$dtype;
        })*
    };
}

elements! {
    f64, Float64;
    f32, Float32;
    half::f16, Float16;
    half::bf16, Bfloat16;
    i64, Int64;
    i32, Int32;
    i16, Int16;
    i8, Int8;
    u64, Uint64;
    u32, Uint32;
    u16, Uint16;
    u8, Uint8;
}
