//! numpy scalars, as far as they can be shown.

use strongroom_names::{float, quoted};

use super::item::{SHOWN, quoted_bytes};
use super::{datetime, number};

/// The value as numpy prints it, a float as Python would; for types without a plain number,
/// the type.
pub(super) fn repr(dtype: &str, data: &[u8]) -> String {
    plain(dtype, data).unwrap_or_else(|| format!("a numpy {dtype} of {} bytes", data.len()))
}

fn plain(dtype: &str, data: &[u8]) -> Option<String> {
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
        "f8" => Some(float(f64::from_le_bytes(bytes.try_into().ok()?))),
        "f4" => Some(float(f32::from_le_bytes(bytes.try_into().ok()?))),
        "f2" => Some(number::half(half::f16::from_le_bytes(bytes.try_into().ok()?))),
        "b1" => Some(if bytes.first()? == &0 { "False" } else { "True" }.into()),
        "i1" | "i2" | "i4" | "i8" => integer(true),
        "u1" | "u2" | "u4" | "u8" => integer(false),
        "c8" | "c16" => complex(order, data),
        _ if kind.starts_with(['M', 'm']) => {
            let value = i64::from_le_bytes(bytes.try_into().ok()?);
            let unit = kind.get(2..)?.strip_prefix('[')?.strip_suffix(']')?;
            if kind.starts_with('M') { datetime::instant(value, unit) } else { datetime::span(value, unit) }
        }
        _ if kind.starts_with('U') => text(order, data),
        _ if kind.starts_with('S') => {
            let end = data.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            Some(quoted_bytes(data.get(..end)?))
        }
        _ => None,
    }
}

/// Two floats, each in this byte order.
fn complex(order: &str, data: &[u8]) -> Option<String> {
    let (re, im) = data.split_at_checked(data.len() / 2)?;
    let kind = if re.len() == 4 { "f4" } else { "f8" };
    let part = |data| plain(&format!("{order}{kind}"), data);
    Some(number::complex(&part(re)?, &part(im)?))
}

/// UTF-32, filled up with zeros.
fn text(order: &str, data: &[u8]) -> Option<String> {
    let mut points = Vec::new();
    for unit in data.chunks_exact(4).take(4 * SHOWN) {
        let unit: [u8; 4] = unit.try_into().ok()?;
        let code = if order == ">" { u32::from_be_bytes(unit) } else { u32::from_le_bytes(unit) };
        // Surrogates may be among them.
        points.push(Some(code).filter(|&code| code <= u32::from(char::MAX))?);
    }
    let end = points.iter().rposition(|&point| point != 0).map_or(0, |last| last + 1);
    Some(quoted(points.into_iter().take(end), SHOWN))
}

#[cfg(test)]
mod tests {
    use super::repr;

    #[test]
    fn values_are_shown_as_numpy_has_them() {
        let one = [1.0f32.to_le_bytes(), (-2.5f32).to_le_bytes()].concat();
        assert_eq!(repr("<c8", &one), "(1-2.5j)");
        let one = [1.0f64.to_be_bytes(), 2.0f64.to_be_bytes()].concat();
        assert_eq!(repr(">c16", &one), "(1+2j)");
        let text = |order: fn(u32) -> [u8; 4]| ['h', 'é', '\0'].map(|c| order(u32::from(c))).concat();
        assert_eq!(repr("<U3", &text(u32::to_le_bytes)), "'hé'");
        assert_eq!(repr(">U3", &text(u32::to_be_bytes)), "'hé'");
        assert_eq!(repr("<U2", &[0xd800u32, 0x61].map(u32::to_le_bytes).concat()), "'\\ud800a'");
        assert_eq!((repr("<U0", b""), repr("|S0", b"")), ("''".into(), "b''".into()));
        assert_eq!(repr("<f4", &1e-5f32.to_le_bytes()), "1e-05");
        assert_eq!(repr("<f4", &f32::NAN.to_le_bytes()), "nan");
        assert_eq!(repr("<m8[generic]", &5i64.to_le_bytes()), "5 generic time units");
        assert_eq!(repr("|S4", b"a\0b\0"), "b'a\\x00b'");
        assert_eq!(repr(">M8[s]", &1_704_164_645i64.to_be_bytes()), "2024-01-02T03:04:05");
        assert_eq!(repr("<m8[ms]", &5i64.to_le_bytes()), "5 milliseconds");
        assert_eq!(repr("<M8[x]", &[0; 8]), "a numpy <M8[x] of 8 bytes");
        assert_eq!(repr("<f16", &[0; 16]), "a numpy <f16 of 16 bytes");
        assert_eq!(repr("<U1", &[0xff; 4]), "a numpy <U1 of 4 bytes");
    }
}
