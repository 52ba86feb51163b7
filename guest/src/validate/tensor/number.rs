use crate::dtype::DType;

/// A number in a storage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    /// Of an integer type.
    Int(i64),
    /// Of a floating-point type.
    Float(f64),
}

/// The number whose bytes these are; None for types that nothing here is made of.
pub(super) fn decode(dtype: DType, bytes: &[u8], big_endian: bool) -> Option<Number> {
    Some(match dtype {
        // Only whether it is zero matters of one beyond 63 bits.
        DType::UInt64 => Number::Int(u64::from_le_bytes(ordered(bytes, big_endian)?).cast_signed()),
        DType::Int64 => Number::Int(i64::from_le_bytes(ordered(bytes, big_endian)?)),
        DType::Int32 => Number::Int(i64::from(i32::from_le_bytes(ordered(bytes, big_endian)?))),
        DType::UInt32 => Number::Int(i64::from(u32::from_le_bytes(ordered(bytes, big_endian)?))),
        DType::Int16 => Number::Int(i64::from(i16::from_le_bytes(ordered(bytes, big_endian)?))),
        DType::UInt16 => Number::Int(i64::from(u16::from_le_bytes(ordered(bytes, big_endian)?))),
        DType::Int8 => Number::Int(i64::from(i8::from_le_bytes(ordered(bytes, big_endian)?))),
        DType::UInt8 => Number::Int(i64::from(u8::from_le_bytes(ordered(bytes, big_endian)?))),
        DType::Float64 => Number::Float(f64::from_le_bytes(ordered(bytes, big_endian)?)),
        DType::Float32 => Number::Float(f64::from(f32::from_le_bytes(ordered(bytes, big_endian)?))),
        _ => return None,
    })
}

/// The bytes, least first.
fn ordered<const N: usize>(bytes: &[u8], big_endian: bool) -> Option<[u8; N]> {
    let mut bytes: [u8; N] = bytes.try_into().ok()?;
    if big_endian {
        bytes.reverse();
    }
    Some(bytes)
}
