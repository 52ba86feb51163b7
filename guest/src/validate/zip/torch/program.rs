use alloc::vec::Vec;

use crate::foreign;
use crate::foreign::Kind;
use crate::validate::examine::{Part, Scope};
use crate::validate::file::unknown;
use crate::validate::finding::Rule;
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

/// What the records of an archive make of it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::validate::zip) enum Program {
    /// No program.
    None,
    /// A program, which is reported.
    Reported,
    /// TorchScript, if these sources have any function.
    Script(Script),
}

/// TorchScript of which every source is still to be read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::validate::zip) struct Script {
    /// The record that tells.
    member: usize,
    /// Its sources, until they are read and found to declare attributes and no more.
    pub(in crate::validate::zip) sources: Vec<usize>,
    /// Whether there was one.
    declared: bool,
}

/// Whether the archive is a program.
pub(in crate::validate::zip) fn check(members: &[Member], scope: &mut Scope<'_>) -> Program {
    let mut found = None;
    let mut script: Option<Script> = None;
    for (index, member) in members.iter().enumerate().filter(|(_, member)| !member.is_folder()) {
        let Some((_, within)) = member.name.split_once('/') else { continue };
        match foreign::program(within) {
            Some(foreign::Program::Script) => {
                let script = script.get_or_insert_with(|| Script { member: index, ..Script::default() });
                if !is_beside_sources(within) {
                    script.sources.push(index);
                }
            }
            Some(foreign::Program::Package) => {
                found = Some((&PACKAGE, Kind::Zip, "comes with Python modules that are imported", member));
            }
            None => {}
        }
    }
    if let Some(script) = script {
        scope.kind(Kind::TorchScript);
        return Program::Script(script);
    }
    let Some((rule, kind, what, member)) = found.or_else(|| exported(members)) else { return Program::None };
    scope.kind(kind);
    scope.find(rule, &member.in_directory(), 0, alloc::format!("an archive with this record {what}"));
    Program::Reported
}

/// Whether a record of TorchScript is none of its sources: what its functions are called in
/// errors, and constants that only they use.
fn is_beside_sources(within: &str) -> bool {
    within == "constants.pkl" || within.starts_with("code/") && within.ends_with(".py.debug_pkl")
}

impl Script {
    /// A source was read that declares attributes and nothing else. What only is called like one
    /// in another case stays.
    pub(in crate::validate::zip) fn declares(&mut self, source: usize, name: &str) {
        let within = name.split_once('/').map_or(name, |(_, within)| within);
        if within.starts_with("code/") && within.ends_with(".py") {
            self.sources.retain(|member| *member != source);
            self.declared = true;
        }
    }

    /// Every source was read, as far as it can be.
    pub(in crate::validate::zip) fn conclude(&self, members: &[Member], scope: &mut Scope<'_>) {
        if self.sources.is_empty() && self.declared {
            scope.kind(Kind::LibTorch);
            return scope.find(&unknown::FORMAT, &Part::whole(), 0, LIBTORCH);
        }
        let Some(member) = self.sources.first().copied().or(Some(self.member)).and_then(|at| members.get(at))
        else {
            return;
        };
        let message = "an archive with this record is a program: loading it runs its code";
        scope.find(&SCRIPT, &member.in_directory(), 0, message);
    }
}

const LIBTORCH: &str = "tensors as LibTorch saves them (`.ot`): TorchScript that declares attributes and has no \
                        functions, for `torch.jit.load`; save them as safetensors to have them judged";
