//! Integers of any size: from two's complement, and from text as C and Python
//! read it.

use alloc::format;
use alloc::vec::Vec;
use core::str;

use super::flaw::Flaw;
use crate::show;

/// An `int`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Integer {
    /// At most 64 bits.
    Small(i64),
    /// More: two's complement, least byte first, minimal.
    Big(Vec<u8>),
}

/// The number whose two's complement, least byte first, is `bytes`.
pub(super) fn from_bytes(bytes: &[u8]) -> Integer {
    let minimal = minimal(bytes);
    if minimal.len() > 8 {
        return Integer::Big(minimal.to_vec());
    }
    let negative = minimal.last().is_some_and(|&top| top >= 0x80);
    let mut full = [if negative { 0xff } else { 0 }; 8];
    full.iter_mut().zip(minimal).for_each(|(to, &from)| *to = from);
    Integer::Small(i64::from_le_bytes(full))
}

/// The operand of INT: what C's `strtol` takes, or else Python's `int(text, 0)`.
/// They differ in that a zero in front means octal to C. That C also stops at a
/// NUL is not followed: such a number is refused.
pub(super) fn int(line: &[u8]) -> Result<Integer, Flaw> {
    c_octal(line).map_or_else(|| parse(line, true), |number| Ok(Integer::Small(number)))
}

/// The operand of LONG, with or without its `L`: Python's `int(text, 0)`.
pub(super) fn long(line: &[u8]) -> Result<Integer, Flaw> {
    parse(line.strip_suffix(b"L").unwrap_or(line), true)
}

/// The operand of PUT and GET: Python's `int(text, 10)`, not negative.
pub(super) fn memo_index(line: &[u8]) -> Result<u64, Flaw> {
    let index = match parse(line, false)? {
        Integer::Small(index) => u64::try_from(index).ok(),
        Integer::Big(_) => None,
    };
    index.ok_or_else(|| Flaw::malformed("a memo index", show::bytes(line)))
}

/// Drops the bytes on top that only repeat the sign.
fn minimal(mut bytes: &[u8]) -> &[u8] {
    loop {
        bytes = match bytes {
            [0] => &[],
            [rest @ .., below, 0] if *below < 0x80 => bytes.get(..=rest.len()).unwrap_or_default(),
            [rest @ .., below, 0xff] if *below >= 0x80 => bytes.get(..=rest.len()).unwrap_or_default(),
            _ => return bytes,
        }
    }
}

fn c_octal(line: &[u8]) -> Option<i64> {
    let (negative, digits) = sign(trim_start(line));
    let octal = matches!(digits, [b'0', _, ..]) && digits.iter().all(|digit| matches!(digit, b'0'..=b'7'));
    let digits = str::from_utf8(digits).ok().filter(|_| octal)?;
    let number = i128::from_str_radix(digits, 8).ok()?;
    i64::try_from(if negative { -number } else { number }).ok()
}

/// Reads what Python's `int` does: with `detect` in any base that a prefix names,
/// else decimal.
fn parse(line: &[u8], detect: bool) -> Result<Integer, Flaw> {
    let not_a_number = || Flaw::malformed("an integer", show::bytes(line));
    let (negative, digits) = sign(trim(line));
    let (radix, digits) = if detect { radix(digits) } else { (10, digits) };
    // Converting takes quadratic time, so CPython has the same cap.
    if digits.len() > MAX_DIGITS {
        let expected = format!("an integer of at most {MAX_DIGITS} digits");
        return Err(Flaw::unsupported(expected, format!("{} digits", digits.len())));
    }
    let magnitude = magnitude(digits, radix).ok_or_else(not_a_number)?;
    // Too close to what C takes for octal.
    if detect && radix == 10 && digits.starts_with(b"0") && !magnitude.is_empty() {
        return Err(not_a_number());
    }
    Ok(from_bytes(&twos_complement(&magnitude, negative)))
}

/// The base of a number, and its digits without prefix.
fn radix(digits: &[u8]) -> (u32, &[u8]) {
    let (radix, rest) = match digits {
        [b'0', b'x' | b'X', rest @ ..] => (16, rest),
        [b'0', b'o' | b'O', rest @ ..] => (8, rest),
        [b'0', b'b' | b'B', rest @ ..] => (2, rest),
        _ => return (10, digits),
    };
    (radix, rest.strip_prefix(b"_").unwrap_or(rest))
}

/// Whether there is a minus, and what follows the sign.
fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    }
}

/// The value of digits with single underscores between them, in limbs, least
/// first; none if they are not digits.
fn magnitude(digits: &[u8], radix: u32) -> Option<Vec<u32>> {
    let mut limbs = Vec::new();
    let (mut factor, mut chunk, mut after_digit) = (1u64, 0u64, false);
    for &byte in digits {
        if byte == b'_' && after_digit {
            after_digit = false;
            continue;
        }
        chunk = chunk * u64::from(radix) + u64::from(char::from(byte).to_digit(radix)?);
        factor *= u64::from(radix);
        after_digit = true;
        if factor >= CHUNK {
            multiply_add(&mut limbs, factor, chunk);
            (factor, chunk) = (1, 0);
        }
    }
    multiply_add(&mut limbs, factor, chunk);
    after_digit.then_some(limbs)
}

/// `limbs = limbs * factor + carry`, without zeros on top. Both are below 2^32,
/// so that nothing overflows.
fn multiply_add(limbs: &mut Vec<u32>, factor: u64, mut carry: u64) {
    for limb in limbs.iter_mut() {
        let sum = u64::from(*limb) * factor + carry;
        let [b0, b1, b2, b3, ..] = sum.to_le_bytes();
        *limb = u32::from_le_bytes([b0, b1, b2, b3]);
        carry = sum >> 32;
    }
    if let Ok(top @ 1..) = u32::try_from(carry) {
        limbs.push(top);
    }
}

/// Two's complement, least byte first, with a byte of sign on top.
fn twos_complement(magnitude: &[u32], negative: bool) -> Vec<u8> {
    let mut bytes: Vec<u8> = magnitude.iter().flat_map(|limb| limb.to_le_bytes()).collect();
    bytes.push(0);
    if negative {
        let mut carry = true;
        for byte in &mut bytes {
            (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
        }
    }
    bytes
}

/// Without what Python calls white space at either end.
fn trim(text: &[u8]) -> &[u8] {
    let mut text = trim_start(text);
    while let [rest @ .., b' ' | 9..=13] = text {
        text = rest;
    }
    text
}

fn trim_start(mut text: &[u8]) -> &[u8] {
    while let [b' ' | 9..=13, rest @ ..] = text {
        text = rest;
    }
    text
}

/// CPython's default for `sys.set_int_max_str_digits`.
const MAX_DIGITS: usize = 4300;

/// Digits are gathered up to this product of their base: for each base up to 16
/// the product stays below 2^32.
const CHUNK: u64 = 1 << 27;
