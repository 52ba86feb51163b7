use crate::show;
use crate::validate::examine::Scope;
use crate::validate::finding::Rule;
use crate::validate::zip::member::Member;

/// All records are in one folder.
pub(in crate::validate::zip) static RULE: Rule = Rule::malformed(
    "SR-ZIP-PREFIX",
    "records in several folders",
    "torch.load takes the folder of the first record and fails where another record is outside \
     it; other readers take the first `data.pkl` they find.",
);

/// Checks that all records are in the folder of the first.
pub(in crate::validate::zip) fn check(first: &str, members: &[Member], scope: &mut Scope<'_>) {
    let folder = first.split_once('/').map(|(folder, _)| folder);
    for member in members {
        if folder.is_none() || member.name.split_once('/').map(|(folder, _)| folder) != folder {
            let folder = folder.map_or_else(|| "one folder".into(), show::name);
            let message = alloc::format!("expected a record in {folder}, found {}", show::name(&member.name));
            scope.find(&RULE, &member.in_directory(), 0, message);
        }
    }
}
