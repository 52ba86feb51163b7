use crate::foreign::describe_pickle;
use crate::pickle::Graph;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// What a pickle is that belongs to other files.
pub(super) static RULE: Rule = Rule::warning(
    "SR-PICKLE-INDEX",
    "the index of a distributed checkpoint",
    "torch.distributed.checkpoint loads it without weights_only, and the tensors are in the \
     `.distcp` files beside it. What it imports comes with PyTorch: judge it with --allow for each \
     name that a finding has, if all of them begin with torch.distributed.",
);

/// Says what a pickle is that is no state dict.
pub(super) fn check(graph: &Graph, part: &Part, scope: &mut Scope<'_>) {
    if let Some(what) = describe_pickle(graph) {
        scope.find(&RULE, part, 0, what);
    }
}
