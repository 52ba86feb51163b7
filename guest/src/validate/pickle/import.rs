use alloc::format;

use super::allowed::{Means, allowed};
use super::objects::named;
use crate::model::Global;
use crate::pickle::Object;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;
use crate::validate::options::{Policy, ValidateOptions};

/// A name outside the allow-list is looked up.
pub(super) static RULE: Rule = Rule::refused(
    "SR-PICKLE-IMPORT",
    "imports what is not allowed",
    "Looking a name up imports its module, which runs the module's code; what is found can then \
     be called. Load this file only if you trust whoever made it as much as a program of theirs. \
     If the class is your own, allow it with --allow module.name.",
);

/// A name that the user allows is looked up.
pub(super) static TRUSTED: Rule = Rule::trusted(
    "SR-PICKLE-TRUSTED",
    "imports what is allowed by name",
    "It may be called with any arguments: the file is as harmless as what it does with them. All \
     else was judged as ever.",
);

/// Reports an import that is not allowed, or that only the user allows.
pub(super) fn check(object: &Object, part: &Part, offset: u64, scope: &mut Scope<'_>) {
    let Object::Global(global) = object else {
        return super::extension::check(object, part, offset, scope);
    };
    if is_allowed(global, scope.options) {
        if allowed(&global.module, &global.name).is_none() {
            scope.find(&TRUSTED, part, offset, format!("trusts {}", named(global)));
        }
        return;
    }
    let policy = match scope.options.policy {
        Policy::TensorsOnly if allowed(&global.module, &global.name).is_some() => ", which is no plain data",
        _ => "",
    };
    scope.find(&RULE, part, offset, format!("imports {}{policy}", named(global)));
}

/// Whether a name may be looked up.
pub(super) fn is_allowed(global: &Global, options: &ValidateOptions) -> bool {
    let Global { module, name } = global;
    match allowed(module, name) {
        Some(means) => options.policy == Policy::WeightsOnly || is_plain(means),
        None => options.allows(module, name),
    }
}

fn is_plain(means: &Means) -> bool {
    match means {
        Means::Value | Means::StorageClass => true,
        Means::TensorClass => false,
        Means::Call(callable) => callable.plain,
    }
}
