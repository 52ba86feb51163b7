//! What no reader of models opens.

use alloc::format;

use super::unknown;
use crate::foreign::Described;
use crate::foreign::Kind;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;
use crate::validate::name::Named;

/// Content that no reader of models takes for anything.
pub(in crate::validate) static RULE: Rule = Rule::inert(
    "SR-FILE-INERT",
    "no reader of models opens it",
    "It is a text, a picture or the like, and to no reader of models anything else: all that they \
     look at was looked at. What other programs make of it is theirs to say.",
);

/// A model's name on what is none.
pub(in crate::validate) static NAME: Rule = Rule::unverified(
    "SR-FILE-NAME",
    "no model under a model's name",
    "Whoever loads it expects a model. A download that failed leaves such files: look at what is in \
     it, and download it again; or give it a name that says what it is.",
);

/// Says that a content is inert, unless its name promises more.
pub(in crate::validate) fn report(described: Described, scope: &mut Scope<'_>) {
    let whole = Part::whole();
    let what = described.what;
    if !scope.is_file() {
        // What lies in an archive is there for whoever reads the archive.
        return scope.find(&unknown::RULE, &whole, 0, what);
    }
    match Named::of(scope) {
        Named::Model if described.kind == Kind::Empty && is_not_there(scope) => {
            scope.find(
                &RULE,
                &whole,
                0,
                "empty, as the cache of a hub marks a file that a repository does not have",
            );
        }
        Named::Model if described.kind == Kind::Empty && is_of_rank(scope) => {
            scope.find(
                &RULE,
                &whole,
                0,
                "empty, as the file of a rank that has no items of a distributed checkpoint",
            );
        }
        Named::Model => {
            scope.find(&NAME, &whole, 0, format!("its name is a model's, and it is none: {what}"));
        }
        Named::Tokenizer if described.kind == Kind::Empty || described.is_answer() => {
            scope.find(&NAME, &whole, 0, format!("its name is a tokenizer's, and it is none: {what}"));
        }
        Named::Partial => {
            scope.find(
                &NAME,
                &whole,
                0,
                format!("its name is that of a download that is not finished: {what}"),
            );
        }
        _ => scope.find(&RULE, &whole, 0, what),
    }
}

/// Whether the file is called as one of a rank's items of a distributed checkpoint: `__1_0.distcp`.
fn is_of_rank(scope: &Scope<'_>) -> bool {
    let name = scope.options.name.as_deref().unwrap_or_default();
    name.starts_with("__") && name.ends_with(".distcp")
}

/// Whether the file lies where the cache of a hub marks what is not there: `.no_exist/0123/model.safetensors`.
fn is_not_there(scope: &Scope<'_>) -> bool {
    scope.name().split(['/', '\\']).any(|part| part == ".no_exist")
}
