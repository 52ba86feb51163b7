use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::member::Member;
use crate::show;
use crate::validate::examine::Scope;
use crate::validate::finding::Rule;

/// One record of each name.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-ZIP-DUPLICATE",
    "two records of one name",
    "Readers differ on which of them counts: one file for the one who checks, another for the \
     one who loads.",
);

/// Names differ by more than their case.
pub(super) static CASE: Rule = Rule::malformed(
    "SR-ZIP-CASE",
    "names that differ only by case",
    "torch.load finds records without regard to case, Python's zipfile with it. They see \
     different files under one name.",
);

/// Looks for names that some reader takes for the same.
pub(super) fn check(members: &[Member], scope: &mut Scope<'_>) {
    let mut folded: Vec<(String, &Member)> =
        members.iter().map(|member| (member.name.to_lowercase(), member)).collect();
    folded.sort_unstable_by(|(a, first), (b, second)| {
        (a, &first.name, first.entry).cmp(&(b, &second.name, second.entry))
    });
    for pair in folded.windows(2) {
        let [(a, first), (b, second)] = pair else { continue };
        if first.name == second.name {
            let message = format!("a second record named {}", show::name(&second.name));
            scope.find(&RULE, &second.in_directory(), 0, message);
        } else if a == b {
            let message = format!("{} beside {}", show::name(&second.name), show::name(&first.name));
            scope.find(&CASE, &second.in_directory(), 0, message);
        }
    }
}
