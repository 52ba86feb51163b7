use crate::foreign::{self, Program};
use crate::validate::examine::Scope;
use crate::validate::finding::Rule;
use crate::validate::report::Kind;
use crate::validate::zip::member::Member;

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
    let Some((rule, kind, what, member)) = found else { return false };
    scope.kind(kind);
    scope.find(rule, &member.in_directory(), 0, alloc::format!("an archive with this record {what}"));
    true
}
