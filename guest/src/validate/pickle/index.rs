use crate::foreign::describe_pickle;
use crate::pickle::Graph;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// What a pickle is that belongs to other files.
pub(super) static RULE: Rule = Rule::warning(
    "SR-PICKLE-INDEX",
    "the index of a distributed checkpoint",
    "It is a part of what torch.distributed.checkpoint writes into `.metadata`, by itself: no reader \
     does anything with it.",
);

/// Says what a pickle is that is no state dict.
pub(super) fn check(graph: &Graph, part: &Part, scope: &mut Scope<'_>) {
    if let Some(what) = describe_pickle(graph) {
        scope.find(&RULE, part, 0, what);
    }
}
