use super::member::{DEFLATED, Member, STORED};
use crate::validate::examine::Scope;
use crate::validate::finding::Rule;

/// A record is stored or deflated.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-ZIP-METHOD",
    "a compression method that PyTorch does not read",
    "torch.load reads stored and deflated records. Other readers read more, and so see what it \
     does not.",
);

/// A record is deflated.
pub(super) static DEFLATE: Rule = Rule::warning(
    "SR-ZIP-DEFLATE",
    "a compressed record",
    "torch.save compresses nothing: the archive was packed again. torch.load reads it, but not \
     with mmap=True.",
);

/// A stored record has one size.
pub(super) static SIZES: Rule = Rule::malformed(
    "SR-ZIP-SIZES",
    "a stored record with two sizes",
    "Bytes that are stored as they are do not change their number. Readers differ on which of \
     the two counts.",
);

/// Checks the method of a directory entry.
pub(super) fn check(member: &Member, scope: &mut Scope<'_>) {
    let Member { method, compressed, size, .. } = member;
    match *method {
        STORED if compressed != size => {
            let message = alloc::format!("{compressed} bytes stored, said to be {size}");
            scope.find(&SIZES, &member.in_directory(), 0, message);
        }
        STORED => {}
        DEFLATED => scope.find(&DEFLATE, &member.in_directory(), 0, "deflated (method 8)"),
        _ => {
            let message = alloc::format!("compression method {method}");
            scope.find(&RULE, &member.in_directory(), 0, message);
        }
    }
}
