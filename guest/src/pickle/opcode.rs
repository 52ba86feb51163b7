//! CPython's opcodes, and where an instruction ends.
//!
//! ```text
//! ┌──────┐
//! │ code │                                  nothing else
//! ├──────┼───────────────┐
//! │ code │ 1, 2, 4, 8    │                  a number
//! ├──────┼───────────────┼───────┐
//! │ code │ count 1, 4, 8 │ bytes │          counted bytes
//! ├──────┼───────────────┴──┬────┴────┐
//! │ code │ text \n          │ text \n │     one line or two: protocol 0
//! └──────┴──────────────────┴─────────┘
//! ```

use alloc::format;
use core::ops::Range;

use super::flaw::Flaw;

/// What follows an opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    /// Nothing.
    Nothing,
    /// This many bytes.
    Fixed(u8),
    /// An unsigned count of this width, then as many bytes.
    Counted(u8),
    /// A signed count of 4 bytes that must not be negative, then as many bytes.
    SignedCounted,
    /// A line that holds a number.
    Number,
    /// A line that holds a string.
    Text,
    /// Two lines that hold a module and a name.
    Names,
}

macro_rules! opcodes {
    ($($name:ident $code:literal $operand:expr;)*) => {
        $(
            #[doc = concat!("The code of ", stringify!($name), ".")]
            pub(super) const $name: u8 = $code;
        )*

        /// What follows the opcode; none if there is no such opcode.
        pub(super) fn operand(code: u8) -> Option<Operand> {
            match code {
                $($name => Some($operand),)*
                _ => None,
            }
        }

        /// CPython's name of an opcode.
        pub(crate) fn name(code: u8) -> Option<&'static str> {
            match code {
                $($name => Some(stringify!($name)),)*
                _ => None,
            }
        }
    };
}

opcodes! {
    // Protocol 0 and 1.
    MARK b'(' Operand::Nothing;
    STOP b'.' Operand::Nothing;
    POP b'0' Operand::Nothing;
    POP_MARK b'1' Operand::Nothing;
    DUP b'2' Operand::Nothing;
    FLOAT b'F' Operand::Number;
    INT b'I' Operand::Number;
    BININT b'J' Operand::Fixed(4);
    BININT1 b'K' Operand::Fixed(1);
    LONG b'L' Operand::Number;
    BININT2 b'M' Operand::Fixed(2);
    NONE b'N' Operand::Nothing;
    PERSID b'P' Operand::Text;
    BINPERSID b'Q' Operand::Nothing;
    REDUCE b'R' Operand::Nothing;
    STRING b'S' Operand::Text;
    BINSTRING b'T' Operand::SignedCounted;
    SHORT_BINSTRING b'U' Operand::Counted(1);
    UNICODE b'V' Operand::Text;
    BINUNICODE b'X' Operand::Counted(4);
    APPEND b'a' Operand::Nothing;
    BUILD b'b' Operand::Nothing;
    GLOBAL b'c' Operand::Names;
    DICT b'd' Operand::Nothing;
    EMPTY_DICT b'}' Operand::Nothing;
    APPENDS b'e' Operand::Nothing;
    GET b'g' Operand::Number;
    BINGET b'h' Operand::Fixed(1);
    INST b'i' Operand::Names;
    LONG_BINGET b'j' Operand::Fixed(4);
    LIST b'l' Operand::Nothing;
    EMPTY_LIST b']' Operand::Nothing;
    OBJ b'o' Operand::Nothing;
    PUT b'p' Operand::Number;
    BINPUT b'q' Operand::Fixed(1);
    LONG_BINPUT b'r' Operand::Fixed(4);
    SETITEM b's' Operand::Nothing;
    TUPLE b't' Operand::Nothing;
    EMPTY_TUPLE b')' Operand::Nothing;
    SETITEMS b'u' Operand::Nothing;
    BINFLOAT b'G' Operand::Fixed(8);
    // Protocol 2.
    PROTO 0x80 Operand::Fixed(1);
    NEWOBJ 0x81 Operand::Nothing;
    EXT1 0x82 Operand::Fixed(1);
    EXT2 0x83 Operand::Fixed(2);
    EXT4 0x84 Operand::Fixed(4);
    TUPLE1 0x85 Operand::Nothing;
    TUPLE2 0x86 Operand::Nothing;
    TUPLE3 0x87 Operand::Nothing;
    NEWTRUE 0x88 Operand::Nothing;
    NEWFALSE 0x89 Operand::Nothing;
    LONG1 0x8a Operand::Counted(1);
    LONG4 0x8b Operand::SignedCounted;
    // Protocol 3.
    BINBYTES b'B' Operand::Counted(4);
    SHORT_BINBYTES b'C' Operand::Counted(1);
    // Protocol 4.
    SHORT_BINUNICODE 0x8c Operand::Counted(1);
    BINUNICODE8 0x8d Operand::Counted(8);
    BINBYTES8 0x8e Operand::Counted(8);
    EMPTY_SET 0x8f Operand::Nothing;
    ADDITEMS 0x90 Operand::Nothing;
    FROZENSET 0x91 Operand::Nothing;
    NEWOBJ_EX 0x92 Operand::Nothing;
    STACK_GLOBAL 0x93 Operand::Nothing;
    MEMOIZE 0x94 Operand::Nothing;
    FRAME 0x95 Operand::Fixed(8);
    // Protocol 5.
    BYTEARRAY8 0x96 Operand::Counted(8);
    NEXT_BUFFER 0x97 Operand::Nothing;
    READONLY_BUFFER 0x98 Operand::Nothing;
}

/// How much of the instruction at the start of some bytes is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it.
    Whole {
        /// Where its operand lies: without the count, without the last newline.
        operand: Range<usize>,
        /// Bytes of the instruction.
        length: usize,
    },
    /// Not all: at least this many bytes are missing.
    Short(u64),
    /// Not all: a line's end is missing.
    OpenLine,
}

/// How far the search for newlines came in an instruction that is not whole. A
/// line that arrives in many pieces would take quadratic time without.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scan {
    /// Bytes of the instruction searched so far; 0 before the search.
    searched: usize,
    /// Where the line in question starts; 0 before the search.
    line: usize,
    /// Lines that are complete.
    lines: u8,
}

/// Whether an instruction looks a name up.
pub(crate) fn is_import(code: u8) -> bool {
    matches!(code, GLOBAL | STACK_GLOBAL | INST | EXT1 | EXT2 | EXT4)
}

/// Measures the instruction at the start of `bytes`. `scan` is new for each
/// instruction and kept while that one is not whole. At most `left` bytes can come.
pub(super) fn measure(bytes: &[u8], scan: &mut Scan, string_bytes: u64, left: u64) -> Result<Extent, Flaw> {
    let Some(&code) = bytes.first() else { return Ok(Extent::Short(1)) };
    let Some(operand) = operand(code) else {
        return Err(Flaw::malformed("an opcode", format!("byte {code:02x}")));
    };
    // A tolerant machine knows what is left, and follows a line to its end: readers do.
    let (number, names) = if left < u64::MAX { (LONG_LINE, string_bytes) } else { (SHORT_LINE, SHORT_LINE) };
    match operand {
        Operand::Nothing => Ok(Extent::Whole { operand: 1..1, length: 1 }),
        Operand::Fixed(width) => Ok(span(bytes, 1, usize::from(width))),
        Operand::Counted(width) => counted(bytes, usize::from(width), false, string_bytes, left),
        Operand::SignedCounted => counted(bytes, 4, true, string_bytes, left),
        Operand::Number => lines(bytes, scan, 1, number),
        Operand::Names => lines(bytes, scan, 2, names),
        Operand::Text => lines(bytes, scan, 1, string_bytes),
    }
}

/// The little-endian number in at most the first 8 of `bytes`.
pub(super) fn unsigned(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// An operand of `size` bytes from `start`, which the bytes may not reach.
fn span(bytes: &[u8], start: usize, size: usize) -> Extent {
    match start.checked_add(size) {
        Some(end) if end <= bytes.len() => Extent::Whole { operand: start..end, length: end },
        end => Extent::Short(end.map_or(u64::MAX, |end| end.saturating_sub(bytes.len()) as u64)),
    }
}

fn counted(bytes: &[u8], width: usize, signed: bool, string_bytes: u64, left: u64) -> Result<Extent, Flaw> {
    let header = span(bytes, 1, width);
    let Extent::Whole { operand, length } = header else { return Ok(header) };
    let count = unsigned(bytes.get(operand).unwrap_or_default());
    if signed && count >> 31 != 0 {
        return Err(Flaw::malformed("a count of at least 0", format!("the sign bit in {count:08x}")));
    }
    let most = left.saturating_sub(length as u64);
    if left < u64::MAX && count > most {
        let expected = format!("a count of at most the {most} bytes that follow");
        // Nobody writes so many: that is no file that was cut.
        return Err(match count > string_bytes {
            true => Flaw::malformed(expected, format!("{count}")),
            false => Flaw::Truncated(expected, format!("{count}")),
        });
    }
    // Before the bytes are asked for: nobody should fetch what is refused anyway.
    match usize::try_from(count) {
        Ok(size) if count <= string_bytes => Ok(span(bytes, length, size)),
        _ => Err(Flaw::Limit("string_bytes", string_bytes)),
    }
}

/// Looks for the end of `wanted` lines of at most `cap` bytes each.
fn lines(bytes: &[u8], scan: &mut Scan, wanted: u8, cap: u64) -> Result<Extent, Flaw> {
    scan.searched = scan.searched.max(1);
    scan.line = scan.line.max(1);
    while scan.lines < wanted {
        let rest = bytes.get(scan.searched..).unwrap_or_default();
        let found = rest.iter().position(|&byte| byte == b'\n');
        let end = scan.searched.saturating_add(found.unwrap_or(rest.len()));
        if end.saturating_sub(scan.line) as u64 > cap {
            return Err(too_long(cap));
        }
        if found.is_none() {
            scan.searched = end;
            return Ok(Extent::OpenLine);
        }
        scan.searched = end.saturating_add(1);
        scan.line = scan.searched;
        scan.lines += 1;
    }
    Ok(Extent::Whole { operand: 1..scan.searched.saturating_sub(1), length: scan.searched })
}

fn too_long(cap: u64) -> Flaw {
    match cap {
        SHORT_LINE => Flaw::unsupported(format!("a line of at most {cap} bytes"), "a longer one"),
        LONG_LINE => Flaw::Limit("bytes of a number's line", cap),
        _ => Flaw::Limit("string_bytes", cap),
    }
}

/// The cap on a line that holds a number, a module or a name. CPython converts
/// at most 4300 digits.
const SHORT_LINE: u64 = 8192;

/// The cap on a line that holds a number where a payload may be behind it: reading long ones
/// takes the square of their length.
const LONG_LINE: u64 = 64 << 10;
