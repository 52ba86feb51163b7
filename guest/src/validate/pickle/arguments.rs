use alloc::format;
use alloc::string::String;

use super::allowed::{Callable, Means};
use super::argument::REBUILD;
use super::{Objects, call, import};
use crate::pickle::{Instance, Value};
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// An allowed function is called with arguments no pickler writes.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-PICKLE-ARGUMENTS",
    "calls an allowed name in a way no checkpoint does",
    "Names are allowed for what PyTorch itself does with them. Otherwise most of them fail, \
     and some allocate without bounds.",
);

/// Reports a call of an allowed function with other arguments than picklers write.
pub(super) fn check(objects: Objects<'_>, instance: &Instance, part: &Part, scope: &mut Scope<'_>) {
    if !call::is_plain(objects, instance) {
        return;
    }
    let Some(Means::Call(callable)) = objects.means(instance.callable) else { return };
    if objects.global(instance.callable).is_some_and(|global| !import::is_allowed(global, scope.options)) {
        return;
    }
    let Some(misfit) = misfit(objects, callable, instance.args) else { return };
    let message =
        format!("calls {} with {}: {misfit}", objects.callable(instance), objects.arguments(instance));
    scope.find(&RULE, part, instance.offset, message);
}

/// What is wrong with the arguments, if anything.
fn misfit(objects: Objects<'_>, callable: &Callable, args: Option<Value>) -> Option<String> {
    let Some(args) = args.and_then(|args| objects.tuple(args)) else {
        return Some("the arguments should be a tuple".into());
    };
    let mut closest = None;
    for signature in callable.signatures.iter().filter(|signature| signature.len() == args.len()) {
        let wrong = signature.iter().zip(args).position(|(arg, &value)| !(arg.fits)(objects, value));
        match wrong.and_then(|index| Some((index, signature.get(index)?))) {
            None => return inner(objects, signature.first() == Some(&REBUILD), args),
            Some(found) => closest = Some(found),
        }
    }
    Some(match closest {
        Some((index, arg)) => format!("argument {} should be {}", index + 1, arg.what),
        None => format!("there should be {}", counts(callable)),
    })
}

/// `_rebuild_from_type_v2` hands arguments on to another function.
fn inner(objects: Objects<'_>, rebuild: bool, args: &[Value]) -> Option<String> {
    let (true, &[function, _, inner, _]) = (rebuild, args) else { return None };
    match objects.means(function) {
        Some(Means::Call(callable)) => misfit(objects, callable, Some(inner)),
        _ => None,
    }
}

fn counts(callable: &Callable) -> String {
    let mut text = String::new();
    for (index, signature) in callable.signatures.iter().enumerate() {
        let or = if index > 0 { " or " } else { "" };
        text.push_str(&format!("{or}{}", signature.len()));
    }
    text
}
