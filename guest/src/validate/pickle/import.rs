use alloc::format;
use alloc::string::String;

use super::allowed::{Means, allowed, runs};
use super::loaded;
use super::objects::named;
use super::run::Dialect;
use crate::model::Global;
use crate::pickle::Object;
use crate::show;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::{Class, Rule};
use crate::validate::level::Level;
use crate::validate::options::ValidateOptions;

/// A name that is known to run code is looked up.
pub(super) static RULE: Rule = Rule::refused(
    "SR-PICKLE-IMPORT",
    "imports what runs code",
    "What is looked up here is known to run code, or to reach what does. No model or training \
     state needs it: load this file only if you trust whoever made it as much as a program of \
     theirs.",
)
.about(Class::Runs);

/// A name that nobody here knows is looked up.
pub(super) static FOREIGN: Rule = Rule::refused(
    "SR-PICKLE-FOREIGN",
    "needs a class that is not known",
    "Loading the file imports the package and calls the class, and what that does is for its \
     authors to say. Nothing here says that it is harmful. If the class is your own, or you know \
     that it is harmless with any arguments, allow it with --allow MODULE.NAME.",
)
.about(Class::Foreign);

/// A name that the user allows is looked up.
pub(super) static TRUSTED: Rule = Rule::trusted(
    "SR-PICKLE-TRUSTED",
    "imports what is allowed by name",
    "It may be called with any arguments: the file is as harmless as what it does with them. All \
     else was judged as ever.",
)
.at(Level::NoCode);

/// A name that is harmless, and that torch refuses.
pub(super) static BEYOND: Rule = Rule::note(
    "SR-LEVEL-NO-CODE",
    "needs what torch.load(weights_only=True) refuses",
    "The object is harmless, made and used: that is proven for the arguments it has. \
     torch.load(weights_only=True), the default, refuses the class all the same.",
)
.at(Level::NoCode);

/// A name that torch allows, and that is no plain data.
pub(in crate::validate) static SPECIAL: Rule = Rule::note(
    "SR-LEVEL-WEIGHTS-ONLY",
    "more than tensors, numbers, texts and containers",
    "torch.load(weights_only=True) builds it. Formats that hold tensors alone do not have it.",
)
.at(Level::WeightsOnly);

/// A class that not all systems have.
pub(super) static PLATFORM: Rule = Rule::note(
    "SR-PICKLE-PLATFORM",
    "a class that not all systems have",
    "The path is one of the system that wrote it, and loading it fails on others. A plain text, \
     or a PurePath, is the same everywhere.",
);

/// Reports an import that is not allowed, or that says what the file needs.
pub(super) fn check(object: &Object, dialect: Dialect, part: &Part, offset: u64, scope: &mut Scope<'_>) {
    let Object::Global(global) = object else {
        return super::extension::check(object, part, offset, scope);
    };
    let Global { module, name } = global;
    let (rule, message) =
        match allowed(module, name).filter(|_| loaded::is_known(global, dialect)).map(Means::level) {
            Some(Level::TensorsOnly) => return,
            Some(Level::WeightsOnly) => (&SPECIAL, format!("needs {}", named(global))),
            Some(Level::NoCode) => {
                if module == "pathlib._local" || matches!(name.as_str(), "WindowsPath" | "PosixPath") {
                    scope.find(&PLATFORM, part, offset, format!("needs {}", named(global)));
                }
                (&BEYOND, format!("needs {}", named(global)))
            }
            None if scope.options.allows(module, name) => (&TRUSTED, format!("trusts {}", named(global))),
            None if runs(module, name) => (&RULE, format!("imports {}", named(global))),
            None => (&FOREIGN, foreign(global)),
        };
    scope.find(rule, part, offset, message);
}

/// What a name outside all lists is, in words.
fn foreign(global: &Global) -> String {
    let is_class = global.name.rsplit('.').next().is_some_and(|name| name.starts_with(char::is_uppercase));
    let what = if is_class { "class" } else { "function" };
    format!("needs {what} {} of module {}", show::whole(&global.name), show::whole(&global.module))
}

/// The strictest level that knows a name.
pub(in crate::validate) fn level_of(module: &str, name: &str) -> Option<Level> {
    allowed(module, name).map(Means::level)
}

/// Whether a name may be looked up.
pub(super) fn is_allowed(global: &Global, options: &ValidateOptions) -> bool {
    let Global { module, name } = global;
    allowed(module, name).is_some() || options.allows(module, name)
}
