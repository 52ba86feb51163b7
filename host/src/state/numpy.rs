//! numpy scalars, as far as they can be shown.

/// The value as numpy prints it; for types without a plain number, the type.
pub(super) fn repr(dtype: &str, data: &[u8]) -> String {
    number(dtype, data).unwrap_or_else(|| format!("a numpy {dtype} of {} bytes", data.len()))
}

fn number(dtype: &str, data: &[u8]) -> Option<String> {
    let (order, kind) = dtype.split_at_checked(1)?;
    let mut bytes = data.to_vec();
    if order == ">" {
        bytes.reverse();
    }
    let integer = |signed: bool| {
        let mut wide = [if signed && bytes.last()? & 0x80 != 0 { 0xff } else { 0 }; 16];
        wide.get_mut(..bytes.len())?.copy_from_slice(&bytes);
        Some(i128::from_le_bytes(wide).to_string())
    };
    match kind {
        "f8" => Some(strongroom_names::float(u64::from_le_bytes(bytes.try_into().ok()?))),
        "f4" => Some(format!("{:?}", f32::from_le_bytes(bytes.try_into().ok()?))),
        "f2" => Some(format!("{:?}", half::f16::from_le_bytes(bytes.try_into().ok()?))),
        "b1" => Some(if bytes.first()? == &0 { "False" } else { "True" }.into()),
        "i1" | "i2" | "i4" | "i8" => integer(true),
        "u1" | "u2" | "u4" | "u8" => integer(false),
        _ => None,
    }
}
