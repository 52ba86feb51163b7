//! Texts that one reader of pickles takes for a number and another does not.
//!
//! CPython's C code ends a number at a NUL, its Python code cuts white space and
//! underscores away. What is refused here may be read there, and a payload behind
//! it then runs.

use alloc::vec::Vec;
use core::str;

use super::Object;
use super::literal::{Literal, literal};
use super::opcode as op;

/// Whether some reader reads an operand that [`literal`] refuses.
pub(super) fn some_reader_reads(code: u8, operand: &[u8]) -> bool {
    let line = until_nul(operand);
    match code {
        op::INT | op::LONG => literal(code, line).is_ok() || is_power_of_two_number(line),
        op::FLOAT => {
            let text: Vec<u8> = line.trim_ascii().iter().copied().filter(|&byte| byte != b'_').collect();
            str::from_utf8(&text).is_ok_and(|text| text.parse::<f64>().is_ok())
        }
        _ => false,
    }
}

/// What readers do not agree on in an operand that [`literal`] reads.
pub(super) fn doubt(code: u8, operand: &[u8], read: &Literal) -> Option<&'static str> {
    match (code, read) {
        (op::INT, _) if !is_plain_int(operand) => {
            Some("expected plain decimal digits, found what readers take for different values")
        }
        _ => None,
    }
}

/// Whether a string of Python 2 is not UTF-8: readers refuse it unless they are told an
/// encoding.
pub(super) fn is_python2_bytes(code: u8, read: &Literal) -> bool {
    let is_string = matches!(code, op::STRING | op::BINSTRING | op::SHORT_BINSTRING);
    is_string && matches!(read, Literal::Object(Object::Bytes(_)))
}

/// Whether a string of Python 2 is more than ASCII: torch takes it for UTF-8,
/// and Python refuses it.
pub(super) fn is_python2_text(code: u8, read: &Literal) -> bool {
    match (code, read) {
        (op::STRING | op::BINSTRING | op::SHORT_BINSTRING, Literal::Object(Object::Text(text))) => {
            !text.is_ascii()
        }
        _ => false,
    }
}

/// The operand up to a NUL, where C takes a line to end.
pub(super) fn until_nul(operand: &[u8]) -> &[u8] {
    operand.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// To C two characters that make 0 or 1 are a bool, and a zero in front means
/// octal. Python's own code knows `00` and `01` only.
fn is_plain_int(line: &[u8]) -> bool {
    let digits = line.strip_prefix(b"-").unwrap_or(line);
    let plain = digits.iter().all(u8::is_ascii_digit) && !digits.starts_with(b"0");
    plain || matches!(line, b"0" | b"00" | b"01")
}

/// No cap holds for how many digits a number of base 2, 8 or 16 has.
fn is_power_of_two_number(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let digits = line.strip_prefix(b"-").or_else(|| line.strip_prefix(b"+")).unwrap_or(line);
    matches!(digits, [b'0', b'x' | b'X' | b'o' | b'O' | b'b' | b'B', rest @ ..]
        if rest.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_only_some_reader_reads_are_told_from_no_numbers() {
        for (code, line) in [
            (op::INT, &b"1\0x"[..]),
            (op::LONG, b"5\0"),
            (op::FLOAT, b" 1"),
            (op::FLOAT, b"1_0"),
            (op::FLOAT, b"1e999"),
        ] {
            assert!(literal(code, line).is_err() && some_reader_reads(code, line), "{line:?}");
        }
        let mut long = Vec::from(*b"0x");
        long.resize(5000, b'1');
        assert!(some_reader_reads(op::LONG, &long));
        assert!(!some_reader_reads(op::INT, b"seven"));
        assert!(!some_reader_reads(op::FLOAT, b""));
    }

    #[test]
    fn an_int_that_c_and_python_read_differently_is_doubtful() {
        for line in [&b"0"[..], b"7", b"-12", b"00", b"01"] {
            assert_eq!(doubt(op::INT, line, &literal(op::INT, line).unwrap()), None, "{line:?}");
        }
        for line in [&b" 1"[..], b"+1", b"-0", b"010"] {
            assert!(doubt(op::INT, line, &literal(op::INT, line).unwrap()).is_some(), "{line:?}");
        }
    }

    #[test]
    fn strings_of_python_2_are_told_by_what_they_decode_to() {
        let about = |code, operand| {
            let read = literal(code, operand).unwrap();
            (is_python2_bytes(code, &read), is_python2_text(code, &read))
        };
        assert_eq!(about(op::SHORT_BINSTRING, b"plain"), (false, false));
        assert_eq!(about(op::SHORT_BINSTRING, "\u{e4}".as_bytes()), (false, true));
        assert_eq!(about(op::SHORT_BINSTRING, b"\xff"), (true, false));
        assert_eq!(about(op::STRING, b"'\\xff'"), (true, false));
        assert_eq!(about(op::BINUNICODE, "\u{e4}".as_bytes()), (false, false));
    }
}
