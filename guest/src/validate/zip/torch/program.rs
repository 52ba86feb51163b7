use crate::foreign::{self, Program};
use crate::validate::examine::Scope;
use crate::validate::finding::Rule;
use crate::validate::report::Kind;
use crate::validate::zip::member::Member;

use super::role::{Role, role_of};

/// The archive is a TorchScript program.
pub(in crate::validate::zip) static SCRIPT: Rule = Rule::refused(
    "SR-ZIP-TORCHSCRIPT",
    "a TorchScript archive",
    "It is a program: loading it runs its code. Load it only if you trust who wrote it, and ask \
     for the weights alone.",
);

/// The archive is a package of Python modules.
pub(in crate::validate::zip) static PACKAGE: Rule = Rule::refused(
    "SR-ZIP-PACKAGE",
    "a torch.package archive",
    "It holds Python modules, and loading it imports them: that runs their code.",
);

/// The archive is a program as torch.export saves it.
pub(in crate::validate::zip) static EXPORT: Rule = Rule::unverified(
    "SR-ZIP-EXPORT",
    "an exported program (.pt2)",
    "torch.export.save wrote it: a graph beside weights, for torch.export.load. strongroom does \
     not judge programs; save their state dict for the weights alone.",
);

/// The record that tells an exported program, which has no pickle of a checkpoint.
fn exported(members: &[Member]) -> Option<(&'static Rule, Kind, &'static str, &Member)> {
    let find = |name: &str| {
        let is = |member: &&Member| member.name.split_once('/').is_some_and(|(_, within)| within == name);
        members.iter().find(is)
    };
    let checkpoint = members.iter().any(|member| role_of(&member.name) == Role::Pickle);
    find("archive_format")
        .filter(|_| find("archive_version").is_some() && !checkpoint)
        .map(|member| (&EXPORT, Kind::Zip, "is a program that torch.export saved (.pt2)", member))
}

/// Whether the archive is a program, which is reported.
pub(in crate::validate::zip) fn check(members: &[Member], scope: &mut Scope<'_>) -> bool {
    let mut found = None;
    for member in members.iter().filter(|member| !member.is_folder()) {
        let Some((_, within)) = member.name.split_once('/') else { continue };
        match foreign::program(within) {
            Some(Program::Script) => {
                found = Some((&SCRIPT, Kind::TorchScript, "is a program: loading it runs its code", member));
                break;
            }
            Some(Program::Package) => {
                found = Some((&PACKAGE, Kind::Zip, "comes with Python modules that are imported", member));
            }
            None => {}
        }
    }
    let Some((rule, kind, what, member)) = found.or_else(|| exported(members)) else { return false };
    scope.kind(kind);
    scope.find(rule, &member.in_directory(), 0, alloc::format!("an archive with this record {what}"));
    true
}
