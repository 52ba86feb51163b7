//! Numbers as Python prints them.

/// An `int` of these bytes in two's complement, the least first; of one that is too long to
/// be read, how long it is.
pub(super) fn integer(bytes: &[u8]) -> String {
    // Each digit takes a look at all bytes.
    if bytes.len() > LONGEST {
        return format!("an integer of {} bytes", bytes.len());
    }
    let negative = bytes.last().is_some_and(|&top| top >= 0x80);
    let mut magnitude = bytes.to_vec();
    if negative {
        let mut carry = true;
        for byte in &mut magnitude {
            (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
        }
    }
    let mut digits = Vec::new();
    while magnitude.iter().any(|&byte| byte != 0) || digits.is_empty() {
        let mut rest = 0;
        for byte in magnitude.iter_mut().rev() {
            let value = rest * 256 + u32::from(*byte);
            *byte = u8::try_from(value / 10).unwrap_or_default();
            rest = value % 10;
        }
        digits.extend(char::from_digit(rest, 10));
    }
    digits.extend(negative.then_some('-'));
    digits.into_iter().rev().collect()
}

/// A `complex` of these parts, each as it is printed by itself.
pub(super) fn complex(re: &str, im: &str) -> String {
    let [re, im] = [re, im].map(|part| part.strip_suffix(".0").unwrap_or(part));
    if re == "0" {
        return format!("{im}j");
    }
    let sign = if im.starts_with('-') { "" } else { "+" };
    format!("({re}{sign}{im}j)")
}

/// A float of 16 bits, by the fewest digits that give it back.
pub(super) fn half(value: half::f16) -> String {
    let wide = value.to_f64();
    // Five digits tell any two apart.
    let few = (0..5).map(|digits| format!("{wide:.digits$e}")).filter_map(|text| text.parse::<f64>().ok());
    let shortest = few.into_iter().find(|&short| half::f16::from_f64(short) == value);
    strongroom_names::float(shortest.unwrap_or(wide))
}

/// Bytes of the longest integer that is shown in digits: there are seeds and hashes of so
/// many.
const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_shown_up_to_a_length() {
        assert_eq!(integer(&[0, 0, 0, 0, 0, 0, 0, 0x80, 0]), "9223372036854775808");
        assert_eq!(integer(&[0, 0, 0, 0, 0, 0, 0, 0, 0x80]), "-2361183241434822606848");
        assert_eq!(integer(&[0xff; 9]), "-1");
        assert_eq!(integer(&[]), "0");
        assert_eq!(integer(&[1; 64]).len(), 152);
        assert_eq!(integer(&[1; 65]), "an integer of 65 bytes");
    }

    #[test]
    fn complex_numbers_have_the_signs_of_their_parts() {
        for (re, im, expected) in [
            ("1.0", "2.5", "(1+2.5j)"),
            ("0.0", "-2.0", "-2j"),
            ("-0.0", "0.0", "(-0+0j)"),
            ("nan", "nan", "(nan+nanj)"),
            ("inf", "-inf", "(inf-infj)"),
            ("1e+16", "-0.0", "(1e+16-0j)"),
        ] {
            assert_eq!(complex(re, im), expected);
        }
    }

    #[test]
    fn halves_are_shown_by_few_digits() {
        let shown = |bits| half(half::f16::from_bits(bits));
        assert_eq!([0x2e66, 0x7bff, 0x0001, 0x8000].map(shown), ["0.1", "65500.0", "6e-08", "-0.0"]);
        assert_eq!([0x7c00, 0xfc00, 0x7e00].map(shown), ["inf", "-inf", "nan"]);
    }
}
