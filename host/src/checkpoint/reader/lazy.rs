//! Conjugate and negative views: the values a tensor has, of those its storage has.

use crate::sandbox::bindings::types::Tensor;
use crate::state::DType;

/// Turns the elements of `view`, as its storage has them, into its values. None if
/// there is no negating its dtype.
pub(super) fn resolve(view: &Tensor, elements: &mut [u8]) -> Option<()> {
    let negate = if view.neg { Some(negation(view.dtype)?) } else { None };
    let width = component(view.dtype)?;
    if view.conj && is_complex(view.dtype) {
        let imaginary = elements.chunks_exact_mut(2 * width).filter_map(|element| element.get_mut(width..));
        imaginary.for_each(flip);
    }
    if let Some(negate) = negate {
        elements.chunks_exact_mut(width).for_each(negate);
    }
    Some(())
}

/// Whether the view's values are known.
pub(super) fn is_resolvable(view: &Tensor) -> bool {
    !view.neg || negation(view.dtype).is_some()
}

/// How a real number of this dtype, or a part of a complex one, is negated.
fn negation(dtype: DType) -> Option<fn(&mut [u8])> {
    match dtype {
        DType::Float64 | DType::Float32 | DType::Float16 | DType::Bfloat16 => Some(flip),
        DType::Int64 | DType::Int32 | DType::Int16 | DType::Int8 | DType::Uint8 => Some(negate),
        dtype if is_complex(dtype) => Some(flip),
        _ => None,
    }
}

/// Bytes of a real number, or of each part of a complex one; none if they are not
/// whole ones.
fn component(dtype: DType) -> Option<usize> {
    let parts = if is_complex(dtype) { 2 } else { 1 };
    usize::try_from(dtype.bits() / 8 / parts).ok().filter(|&bytes| bytes > 0)
}

fn is_complex(dtype: DType) -> bool {
    matches!(dtype, DType::Complex128 | DType::Complex64 | DType::Complex32 | DType::Bcomplex32)
}

/// Changes the sign of a little-endian float.
fn flip(float: &mut [u8]) {
    if let Some(last) = float.last_mut() {
        *last ^= 0x80;
    }
}

/// Negates a little-endian integer, wrapping around.
fn negate(integer: &mut [u8]) {
    let mut carry = true;
    for byte in integer {
        (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tensor;

    fn resolved<T: bytemuck::Pod>(dtype: DType, conj: bool, neg: bool, elements: &[T]) -> Option<Vec<T>> {
        let mut view = Tensor::meta(dtype, &[1]).raw().clone();
        (view.conj, view.neg) = (conj, neg);
        let mut elements = elements.to_vec();
        resolve(&view, bytemuck::cast_slice_mut(&mut elements))?;
        Some(elements)
    }

    #[test]
    fn views_of_floats_and_integers() {
        let complex = [1.0f32, 2.0, 3.0, -4.0];
        assert_eq!(resolved(DType::Complex64, true, false, &complex).unwrap(), [1.0, -2.0, 3.0, 4.0]);
        assert_eq!(resolved(DType::Complex64, true, true, &complex).unwrap(), [-1.0, 2.0, -3.0, -4.0]);
        assert_eq!(resolved(DType::Float64, false, true, &[1.5f64, -0.0]).unwrap(), [-1.5, 0.0]);
        let ints = [0i32, 1, -256, i32::MIN, i32::MAX];
        assert_eq!(resolved(DType::Int32, false, true, &ints).unwrap(), ints.map(i32::wrapping_neg));
        assert_eq!(resolved(DType::Boolean, false, true, &[1u8]), None);
        assert_eq!(resolved(DType::Boolean, false, false, &[1u8]).unwrap(), [1]);
    }
}
