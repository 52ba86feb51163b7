//! Chat templates in Jinja: a program that renders prompts.

mod blocks;
mod calls;
mod check;
mod code;
mod expressions;
mod flow;
mod lexer;
mod lists;
mod names;
mod statements;

use alloc::format;

use super::examine::{Part, Scope};
use super::finding::{Class, Rule};

/// A template that does more than templates of prompts do.
static RULE: Rule = Rule::unverified(
    "SR-CODE-TEMPLATE",
    "a chat template that does more than render a prompt",
    "A chat template is a program in Jinja. Renderers without a sandbox let it reach everything by \
     the attributes of Python's objects, and such templates have been used to run code. Those of \
     real models do without what was found here: read it, or render prompts without it. \
     `--accept code` passes it.",
)
.about(Class::Code);

/// The rules on templates.
pub(super) const RULES: &[&Rule] = &[&RULE];

/// Judges a template that is at `offset` of the current region; one that is too long is not looked at.
pub(super) fn judge(template: Option<&str>, offset: u64, scope: &mut Scope<'_>) {
    let Some(template) = template else {
        return scope.find(&RULE, &Part::whole(), offset, format!("a template of more than {LONGEST} bytes"));
    };
    if let Err(fault) = check::check(template) {
        // The place comes last: what is before it is what this is about, wherever it is.
        let message = format!("{}, at character {} of the template", fault.what, fault.at);
        scope.find(&RULE, &Part::whole(), offset, message);
    }
}

/// Bytes of a template.
pub(super) const LONGEST: usize = 1 << 20;
