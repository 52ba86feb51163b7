use alloc::format;

use super::Objects;
use super::allowed::{Means, runs};
use super::run::Dialect;
use super::{arguments, broken, import, loaded};
use crate::model::{Construct, Global};
use crate::pickle::{Instance, Object};
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::{Class, Rule};

/// Something outside the allow-list is called.
pub(super) static RULE: Rule = Rule::refused(
    "SR-PICKLE-CALL",
    "calls what is not allowed",
    "The call happens while the file is loaded, before anybody can look at the result: it runs \
     whatever its author wanted. Do not load this file with pickle or weights_only=False.",
)
.about(Class::Runs);

/// Reports a call that is not allowed. Whether the arguments of an allowed one
/// are right is for [`arguments`] to say.
pub(super) fn check(
    objects: Objects<'_>,
    instance: &Instance,
    dialect: Dialect,
    part: &Part,
    scope: &mut Scope<'_>,
) {
    let verb = match instance.construct {
        Construct::Call => "calls",
        Construct::New | Construct::NewEx | Construct::Instance => "makes an object of",
        Construct::Persistent => return,
    };
    let allowed =
        |global: &Global| import::is_allowed(global, scope.options) && loaded::is_known(global, dialect);
    let rule = match objects.get(instance.callable) {
        _ if objects.global(instance.callable).is_some_and(allowed) => {
            match objects.means(instance.callable) {
                // What the user allows may be called in any way.
                None => return,
                Some(Means::Call(_)) if is_plain(objects, instance) => return,
                Some(Means::Object(_) | Means::Maker) if objects.row(instance).is_some() => return,
                Some(_) => &arguments::RULE,
            }
        }
        // Nothing that allowed calls make can be called.
        Some(Object::Instance(inner)) if objects.means(inner.callable).is_some() => {
            return broken::uncallable(objects, instance, part, scope);
        }
        // The import says all that is known.
        Some(Object::Global(Global { module, name })) if !runs(module, name) => return,
        Some(Object::Global(_) | Object::Extension(_) | Object::Instance(_)) => &RULE,
        _ => return broken::uncallable(objects, instance, part, scope),
    };
    let message = format!("{verb} {} with {}", objects.callable(instance), objects.arguments(instance));
    scope.find(rule, part, instance.offset, message);
}

/// Whether it is a call as picklers write those of functions. torch 1.0 wrote sizes
/// as new objects, which comes to the same.
pub(super) fn is_plain(objects: Objects<'_>, instance: &Instance) -> bool {
    match instance.construct {
        Construct::Call => true,
        Construct::New => objects
            .global(instance.callable)
            .is_some_and(|global| global.module == "torch" && global.name == "Size"),
        Construct::NewEx | Construct::Instance | Construct::Persistent => false,
    }
}
