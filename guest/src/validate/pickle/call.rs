use alloc::format;

use super::Objects;
use super::allowed::Means;
use super::{broken, import};
use crate::model::Construct;
use crate::pickle::{Instance, Object};
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// Something outside the allow-list is called.
pub(super) static RULE: Rule = Rule::refused(
    "SR-PICKLE-CALL",
    "calls what is not allowed",
    "The call happens while the file is loaded, before anybody can look at the result: it runs \
     whatever its author wanted. Do not load this file with pickle or weights_only=False.",
);

/// Reports a call that is not allowed. Whether the arguments of an allowed one
/// are right is for [`arguments`](super::arguments) to say.
pub(super) fn check(objects: Objects<'_>, instance: &Instance, part: &Part, scope: &mut Scope<'_>) {
    let verb = match instance.construct {
        Construct::Call => "calls",
        Construct::New | Construct::NewEx => "makes an object of",
        Construct::Persistent => return,
    };
    match objects.get(instance.callable) {
        Some(Object::Global(global)) if import::is_allowed(global, scope.options) => {
            let callable = matches!(objects.means(instance.callable), None | Some(Means::Call(_)));
            if callable
                && (instance.construct == Construct::Call || objects.means(instance.callable).is_none())
            {
                return;
            }
        }
        Some(Object::Global(_) | Object::Extension(_) | Object::Instance(_)) => {}
        _ => return broken::uncallable(objects, instance, part, scope),
    }
    let message = format!("{verb} {} with {}", objects.callable(instance), objects.arguments(instance));
    scope.find(&RULE, part, instance.offset, message);
}
