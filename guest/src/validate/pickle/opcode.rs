use alloc::format;

use super::run::Dialect;
use crate::pickle::{Trace, opcode_name};
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;
use crate::validate::level::Level;

/// An instruction that PyTorch's own reader does not have.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-PICKLE-OPCODE",
    "an instruction that torch.load refuses",
    "torch.load(weights_only=True), the default, knows only the instructions torch.save writes. \
     It will not load this file; other readers will. Saving it again with PyTorch's default \
     protocol mends that.",
);

/// An instruction that Python's picklers write and PyTorch's own reader does not have.
pub(super) static PROTOCOL: Rule = Rule::warning(
    "SR-PICKLE-PROTOCOL",
    "an instruction that only weights_only=False takes",
    "Python writes it under another pickle protocol than torch.save's default, for values that \
     hold themselves, or for a state setter. torch.load(weights_only=True), the default, will not \
     load this file; converting it to .pt mends a protocol.",
)
.at(Level::NoCode);

/// Reports the instructions that a PyTorch file should not have.
pub(super) fn check(trace: &Trace, dialect: Dialect, part: &Part, scope: &mut Scope<'_>) {
    if dialect == Dialect::Plain {
        return;
    }
    for (code, first, count) in trace.opcodes() {
        let name = opcode_name(code).unwrap_or("?");
        if KNOWN.contains(&name) {
            continue;
        }
        let rule = if WRITTEN.contains(&name) { &PROTOCOL } else { &RULE };
        scope.find(rule, part, first, format!("{name} ({count} times), which torch.load refuses"));
    }
}

/// The instructions of torch 2.15's `torch._weights_only_unpickler`.
#[rustfmt::skip]
const KNOWN: &[&str] = &[
    "APPEND", "APPENDS", "BINFLOAT", "BINGET", "BININT", "BININT1", "BININT2", "BINPERSID",
    "BINPUT", "BINUNICODE", "BUILD", "EMPTY_DICT", "EMPTY_LIST", "EMPTY_SET", "EMPTY_TUPLE",
    "GLOBAL", "LONG1", "LONG_BINGET", "LONG_BINPUT", "MARK", "NEWFALSE", "NEWOBJ", "NEWTRUE",
    "NONE", "PROTO", "REDUCE", "SETITEM", "SETITEMS", "SHORT_BINSTRING", "STOP", "TUPLE", "TUPLE1",
    "TUPLE2", "TUPLE3",
];

/// What CPython's picklers write besides, in one protocol or another. None of it does
/// more than those above.
#[rustfmt::skip]
const WRITTEN: &[&str] = &[
    "ADDITEMS", "BINBYTES", "BINBYTES8", "BINUNICODE8", "BYTEARRAY8", "DICT", "FLOAT", "FRAME",
    "FROZENSET", "GET", "INT", "LIST", "LONG", "LONG4", "MEMOIZE", "NEWOBJ_EX", "POP", "POP_MARK",
    "PUT", "SHORT_BINBYTES", "SHORT_BINUNICODE", "STACK_GLOBAL", "UNICODE",
];
