use crate::show;
use crate::validate::examine::Scope;
use crate::validate::finding::Rule;
use crate::validate::zip::member::Member;

/// torch.load reads all records.
pub(in crate::validate::zip) static RULE: Rule = Rule::malformed(
    "SR-ZIP-MEMBER",
    "a record that torch.load does not read",
    "torch.save does not write it and nothing says what it is for: a program for whoever unpacks \
     the archive, or data to be carried unseen. Take it out if nobody needs it.",
);

/// Reports such a record.
pub(in crate::validate::zip) fn other(member: &Member, scope: &mut Scope<'_>) {
    scope.find(
        &RULE,
        &member.in_directory(),
        0,
        alloc::format!("{} that torch.load does not read", show::count(member.size, "")),
    );
}
