use super::member::{DEFLATED, Member, STORED};
use crate::validate::examine::Scope;
use crate::validate::finding::Rule;
use crate::validate::zip::torch::is_storage;

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
    "compressed records",
    "torch.save compresses nothing: the archive was packed again. torch.load decompresses them.",
);

/// A storage is deflated.
pub(super) static STORAGE: Rule = Rule::malformed(
    "SR-ZIP-DEFLATED-STORAGE",
    "a compressed storage",
    "torch.load decompresses it, but with mmap=True, as transformers loads, it takes the \
     compressed bytes for numbers. Unzip the archive, zip it again without compression \
     (`zip -0 -r`), and `strongroom convert` that.",
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
        STORED | DEFLATED => {}
        _ => {
            let message = alloc::format!("compression method {method}");
            scope.find(&RULE, &member.in_directory(), 0, message);
        }
    }
}

/// Reports the compressed records of a torch archive, once for all.
pub(super) fn deflated(members: &[Member], scope: &mut Scope<'_>) {
    let mut deflated = members.iter().filter(|member| member.method == DEFLATED);
    if let Some(first) = deflated.next() {
        let message = match deflated.count() {
            0 => "it is deflated (method 8)".into(),
            more => alloc::format!("it and {more} more are deflated (method 8)"),
        };
        scope.find(&DEFLATE, &first.in_directory(), 0, message);
    }
    for member in members.iter().filter(|member| member.method == DEFLATED && is_storage(&member.name)) {
        scope.find(&STORAGE, &member.in_directory(), 0, "it is deflated (method 8)");
    }
}
