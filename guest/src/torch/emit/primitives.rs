use alloc::vec::Vec;

/// The pickle so far, and how each value without parts is spelled in it.
///
/// Writing cannot fail: a pickle that outgrows its capacity or the memory is
/// [`full`](Self::is_full) from then on, and the walk stops at its next task.
#[derive(Debug)]
pub(super) struct Output {
    bytes: Vec<u8>,
    capacity: usize,
    full: bool,
}

impl Output {
    /// Nothing yet, and never more than `capacity` bytes.
    pub(super) fn new(capacity: usize) -> Self {
        Self { bytes: Vec::new(), capacity, full: false }
    }

    /// The pickle; meaningless when full.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Whether something did not fit.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// One instruction without operand.
    pub(super) fn op(&mut self, op: u8) {
        self.raw(&[op]);
    }

    /// `True` or `False`.
    pub(super) fn bool(&mut self, value: bool) {
        self.op(if value { NEWTRUE } else { NEWFALSE });
    }

    /// An `int` of at most 64 bits.
    pub(super) fn int(&mut self, value: i64) {
        if let Ok(value) = u8::try_from(value) {
            self.raw(&[BININT1, value]);
        } else if let Ok(value) = u16::try_from(value) {
            self.op(BININT2);
            self.raw(&value.to_le_bytes());
        } else if let Ok(value) = i32::try_from(value) {
            self.op(BININT);
            self.raw(&value.to_le_bytes());
        } else {
            self.long(minimal(&value.to_le_bytes()));
        }
    }

    /// An `int` of any size: two's complement, least byte first.
    pub(super) fn big_int(&mut self, value: &[u8]) {
        let value = minimal(value);
        if value.len() > size_of::<i64>() {
            return self.long(value);
        }
        let sign = if value.last().is_some_and(|&top| top >= 0x80) { 0xff } else { 0 };
        let mut wide = [sign; size_of::<i64>()];
        wide.iter_mut().zip(value).for_each(|(to, &from)| *to = from);
        self.int(i64::from_le_bytes(wide));
    }

    /// The bits of a `float`, most significant byte first.
    pub(super) fn float(&mut self, bits: u64) {
        self.op(BINFLOAT);
        self.raw(&bits.to_be_bytes());
    }

    /// A `str`: UTF-8, or what CPython's `surrogatepass` makes of it.
    pub(super) fn text(&mut self, utf8: &[u8]) {
        self.op(BINUNICODE);
        self.length(utf8.len());
        self.raw(utf8);
    }

    /// The `str` whose characters have these bytes as code points.
    pub(super) fn latin1(&mut self, bytes: &[u8]) {
        let wide = bytes.iter().filter(|byte| !byte.is_ascii()).count();
        self.op(BINUNICODE);
        self.length(bytes.len().saturating_add(wide));
        for &byte in bytes {
            self.raw(char::from(byte).encode_utf8(&mut [0; 2]).as_bytes());
        }
    }

    /// A class or function. Neither name may hold a newline.
    pub(super) fn global(&mut self, module: &str, name: &str) {
        self.op(GLOBAL);
        self.raw(module.as_bytes());
        self.raw(b"\n");
        self.raw(name.as_bytes());
        self.raw(b"\n");
    }

    /// What goes before a tuple's items.
    pub(super) fn open(&mut self, items: usize) {
        if items > 3 {
            self.op(MARK);
        }
    }

    /// What goes after a tuple's items, or stands for the empty tuple.
    pub(super) fn close(&mut self, items: usize) {
        self.op(match items {
            0 => EMPTY_TUPLE,
            1 => TUPLE1,
            2 => TUPLE2,
            3 => TUPLE3,
            _ => TUPLE,
        });
    }

    /// Drops a tuple's items again.
    pub(super) fn drop_items(&mut self, items: usize) {
        if items > 3 {
            self.op(POP_MARK);
        } else {
            (0..items).for_each(|_| self.op(POP));
        }
    }

    /// Keeps the top of the stack as memo entry `index`.
    pub(super) fn put(&mut self, index: u32) {
        self.indexed(BINPUT, LONG_BINPUT, index);
    }

    /// The memo entry `index`.
    pub(super) fn get(&mut self, index: u32) {
        self.indexed(BINGET, LONG_BINGET, index);
    }

    fn indexed(&mut self, short: u8, long: u8, index: u32) {
        if let Ok(index) = u8::try_from(index) {
            self.raw(&[short, index]);
        } else {
            self.op(long);
            self.raw(&index.to_le_bytes());
        }
    }

    fn long(&mut self, minimal: &[u8]) {
        if let Ok(length) = u8::try_from(minimal.len()) {
            self.raw(&[LONG1, length]);
        } else {
            self.op(LONG4);
            self.length(minimal.len());
        }
        self.raw(minimal);
    }

    fn length(&mut self, length: usize) {
        // A length beyond 32 bits is beyond the capacity too: its bytes fill it.
        self.raw(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    }

    fn raw(&mut self, bytes: &[u8]) {
        let fits = bytes.len() <= self.capacity.saturating_sub(self.bytes.len());
        self.full |= !fits || self.bytes.try_reserve(bytes.len()).is_err();
        if !self.full {
            self.bytes.extend_from_slice(bytes);
        }
    }
}

/// Without bytes that only repeat the sign; nothing for zero.
fn minimal(mut value: &[u8]) -> &[u8] {
    while let Some((&top, rest)) = value.split_last() {
        let negative = rest.last().is_some_and(|&below| below >= 0x80);
        if !matches!((top, negative), (0, false) | (0xff, true)) {
            break;
        }
        value = rest;
    }
    value
}

// Pickle's instructions, by CPython's names.
pub(super) const APPEND: u8 = b'a';
pub(super) const APPENDS: u8 = b'e';
const BINFLOAT: u8 = b'G';
const BINGET: u8 = b'h';
const BININT: u8 = b'J';
const BININT1: u8 = b'K';
const BININT2: u8 = b'M';
pub(super) const BINPERSID: u8 = b'Q';
const BINPUT: u8 = b'q';
const BINUNICODE: u8 = b'X';
pub(super) const BUILD: u8 = b'b';
pub(super) const EMPTY_DICT: u8 = b'}';
pub(super) const EMPTY_LIST: u8 = b']';
const EMPTY_TUPLE: u8 = b')';
const GLOBAL: u8 = b'c';
const LONG1: u8 = 0x8a;
const LONG4: u8 = 0x8b;
const LONG_BINGET: u8 = b'j';
const LONG_BINPUT: u8 = b'r';
pub(super) const MARK: u8 = b'(';
const NEWFALSE: u8 = 0x89;
pub(super) const NEWOBJ: u8 = 0x81;
pub(super) const NEWOBJ_EX: u8 = 0x92;
pub(super) const OBJ: u8 = b'o';
const NEWTRUE: u8 = 0x88;
pub(super) const NONE: u8 = b'N';
pub(super) const POP: u8 = b'0';
const POP_MARK: u8 = b'1';
pub(super) const PROTO: u8 = 0x80;
pub(super) const REDUCE: u8 = b'R';
pub(super) const SETITEM: u8 = b's';
pub(super) const SETITEMS: u8 = b'u';
pub(super) const STOP: u8 = b'.';
const TUPLE: u8 = b't';
const TUPLE1: u8 = 0x85;
pub(super) const TUPLE2: u8 = 0x86;
const TUPLE3: u8 = 0x87;
