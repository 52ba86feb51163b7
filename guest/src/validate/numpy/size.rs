use alloc::boxed::Box;
use alloc::format;

use super::literal::Literal;
use crate::step::Range;
use crate::validate::examine::{Child, Part, Scope};
use crate::validate::file::Sniff;
use crate::validate::finding::Rule;

/// Data that contradicts the header.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-NUMPY-SIZE",
    "an array whose bytes do not match its dtype and shape",
    "numpy refuses the file: it was cut, or asks for more memory than it has data.",
);

/// Bytes after the array.
pub(super) static TRAILING: Rule = Rule::malformed(
    "SR-NUMPY-TRAILING",
    "bytes after the array",
    "numpy passes over them, or finds the next array there when it is asked for one. What they \
     are is judged too.",
);

/// Checks the bytes after the header against what the array asks for, and hands
/// on those that follow.
pub(super) fn check(shape: &[Literal], size: u64, data: Range, scope: &mut Scope<'_>) -> Option<Child> {
    let count = product(shape).flatten();
    let Some(asked) = count.and_then(|count| count.checked_mul(size)) else {
        scope.find(&RULE, &Part::whole(), data.offset, "its shape asks for more than 2^64 bytes");
        return None;
    };
    let given = data.length;
    if asked > given {
        let message = format!("its dtype and shape ask for {asked} bytes, and there are {given}");
        scope.find_cut(asked, &RULE, &Part::whole(), data.offset, message);
        return None;
    }
    let empty = shape.iter().take_while(|size| !matches!(size, Literal::Size(0)));
    let rows = empty.fold(1u64, |rows, size| match size {
        Literal::Size(size) => rows.saturating_mul(*size),
        _ => rows,
    });
    if asked == 0 && rows > ROWS {
        let message = format!("{rows} elements or rows of no bytes, which whoever lists them makes");
        scope.find(&RULE, &Part::whole(), data.offset, message);
    }
    scope.payload("array", Range::new(data.offset, asked), None);
    let rest = Range::new(data.offset.saturating_add(asked), given - asked);
    if rest.length == 0 {
        return None;
    }
    scope.find(&TRAILING, &Part::whole(), rest.offset, format!("{} bytes after the array", rest.length));
    Some(Child::member("after the array", rest, Box::new(Sniff::new())))
}

/// Elements, or rows, that have no bytes.
const ROWS: u64 = 1 << 24;

/// How many elements a shape has. None if it is no shape; inside, none if they are
/// too many.
pub(super) fn product(shape: &[Literal]) -> Option<Option<u64>> {
    let mut count = Some(1u64);
    for size in shape {
        let Literal::Size(size) = size else { return None };
        count = count.and_then(|count| count.checked_mul(*size));
    }
    Some(count.filter(|count| i64::try_from(*count).is_ok()))
}
