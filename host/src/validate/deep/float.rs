//! NaN and infinite values among a tensor's elements.
//!
//! Nearly all pages have none, so a page is first asked whether it has any: one
//! comparison for each number, in loops that the compiler makes vectors of.

use crate::DType;

/// How many elements are no numbers, or not finite. A complex element may be both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Special {
    pub(super) nan: u64,
    pub(super) inf: u64,
}

/// Counts elements, which lie one after another in this machine's order.
pub(super) type Count = fn(&[u8]) -> Special;

/// How the elements of a dtype are counted; `None` for those of which all are fine.
pub(super) fn counter(dtype: DType) -> Option<Count> {
    Some(match dtype {
        DType::Float64 => float64::<1>,
        DType::Complex128 => float64::<2>,
        DType::Float32 => float32::<1>,
        DType::Complex64 => float32::<2>,
        DType::Float16 => float16::<1>,
        DType::Complex32 => float16::<2>,
        DType::Bfloat16 => bfloat16::<1>,
        DType::Bcomplex32 => bfloat16::<2>,
        DType::Float8E5m2 => float8_e5m2::<1>,
        DType::Float8E4m3fn => float8_e4m3fn::<1>,
        DType::Float8E5m2fnuz | DType::Float8E4m3fnuz => float8_fnuz::<1>,
        DType::Float8E8m0fnu => float8_e8m0fnu::<1>,
        DType::Boolean => boolean,
        _ => return None,
    })
}

/// Bytes that are neither 0 nor 1 count as what no number is: `torch.load` gives them as they
/// are, and operations take each for what they like.
fn boolean(bytes: &[u8]) -> Special {
    let count = |page: &[u8]| page.iter().map(|byte| u64::from(*byte > 1)).sum::<u64>();
    Special { nan: bytes.chunks(PAGE).map(count).sum(), inf: 0 }
}

/// Defines a counter of elements of `PARTS` numbers each. Numbers are special whose
/// bits under `mask` are `value`; those are infinite whose bits under `fraction`
/// are all zero.
macro_rules! counters {
    ($($name:ident: $bits:ty, $width:literal, mask $mask:literal, value $value:literal, fraction $fraction:literal;)*) => {
        $(fn $name<const PARTS: usize>(bytes: &[u8]) -> Special {
            let is_special = |number: &[u8; $width]| <$bits>::from_le_bytes(*number) & $mask == $value;
            let mut special = Special::default();
            for page in bytes.chunks(PAGE) {
                let numbers = page.as_chunks::<$width>().0;
                // The least is 0 where one is special: two instructions for each vector.
                let least = || {
                    let distance = |number: &[u8; $width]| <$bits>::from_le_bytes(*number) & $mask ^ $value;
                    numbers.iter().fold(<$bits>::MAX, |least, number| least.min(distance(number)))
                };
                if widest(least) != 0 {
                    continue;
                }
                for element in numbers.chunks_exact(PARTS) {
                    let (mut nan, mut inf) = (false, false);
                    for number in element.iter().filter(|number| is_special(number)) {
                        match <$bits>::from_le_bytes(*number) & $fraction {
                            0 => inf = true,
                            _ => nan = true,
                        }
                    }
                    special.nan += u64::from(nan);
                    special.inf += u64::from(inf);
                }
            }
            special
        })*
    };
}

/// Runs a loop compiled for the widest vectors this processor has. With those that
/// every x86-64 has, counting made a deep look at a gigabyte a sixth slower.
#[inline(always)]
fn widest<T>(work: impl Fn() -> T) -> T {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn wide<T>(work: impl Fn() -> T) -> T {
            work()
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has what the function was compiled for.
            #[allow(unsafe_code)]
            return unsafe { wide(work) };
        }
    }
    work()
}

counters! {
    float64: u64, 8, mask 0x7ff0_0000_0000_0000, value 0x7ff0_0000_0000_0000, fraction 0x000f_ffff_ffff_ffff;
    float32: u32, 4, mask 0x7f80_0000, value 0x7f80_0000, fraction 0x007f_ffff;
    float16: u16, 2, mask 0x7c00, value 0x7c00, fraction 0x03ff;
    bfloat16: u16, 2, mask 0x7f80, value 0x7f80, fraction 0x007f;
    float8_e5m2: u8, 1, mask 0x7c, value 0x7c, fraction 0x03;
    // These have no infinity: what is special is NaN.
    float8_e4m3fn: u8, 1, mask 0x7f, value 0x7f, fraction 0xff;
    float8_fnuz: u8, 1, mask 0xff, value 0x80, fraction 0xff;
    float8_e8m0fnu: u8, 1, mask 0xff, value 0xff, fraction 0xff;
}

/// Bytes that are asked together: they are still in the first cache when they are
/// counted. A multiple of any element's width.
const PAGE: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(dtype: DType, bytes: &[u8]) -> (u64, u64) {
        let special = counter(dtype).unwrap()(bytes);
        (special.nan, special.inf)
    }

    #[test]
    fn numbers_of_all_widths() {
        let f64s =
            [1.0, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN_POSITIVE, -0.0];
        let bytes: Vec<u8> = f64s.iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(of(DType::Float64, &bytes), (2, 2));
        #[expect(clippy::cast_possible_truncation, reason = "the largest double is to become infinite")]
        let bytes: Vec<u8> = f64s.iter().flat_map(|&x| (x as f32).to_le_bytes()).collect();
        // The largest double is infinite as a float.
        assert_eq!(of(DType::Float32, &bytes), (2, 3));
        let bytes: Vec<u8> = f64s.iter().flat_map(|&x| half::f16::from_f64(x).to_le_bytes()).collect();
        assert_eq!(of(DType::Float16, &bytes), (2, 3));
        let bytes: Vec<u8> = f64s.iter().flat_map(|&x| half::bf16::from_f64(x).to_le_bytes()).collect();
        assert_eq!(of(DType::Bfloat16, &bytes), (2, 3));
    }

    #[test]
    fn every_byte_of_the_8_bit_floats() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(of(DType::Float8E5m2, &all), (6, 2));
        assert_eq!(of(DType::Float8E4m3fn, &all), (2, 0));
        assert_eq!(of(DType::Float8E5m2fnuz, &all), (1, 0));
        assert_eq!(of(DType::Float8E4m3fnuz, &all), (1, 0));
        assert_eq!(of(DType::Float8E8m0fnu, &all), (1, 0));
    }

    #[test]
    fn a_complex_value_counts_once_and_may_be_both() {
        let parts = [1.0, f32::NAN, f32::NAN, f32::NAN, f32::INFINITY, f32::NAN, 1.0, 1.0];
        let bytes: Vec<u8> = parts.iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(of(DType::Complex64, &bytes), (3, 1));
    }

    #[test]
    fn pages_add_up() {
        let mut numbers = vec![1.0f32; 10_000];
        for at in [0, 1023, 1024, 5000, 9999] {
            numbers[at] = f32::NAN;
        }
        let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(of(DType::Float32, &bytes), (5, 0));
        assert!(counter(DType::Int64).is_none());
    }
}
