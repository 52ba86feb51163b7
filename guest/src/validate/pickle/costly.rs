use alloc::format;

use super::cost::Built;
use super::{Objects, cycle, rows};
use crate::Excess;
use crate::pickle::{Machine, Trace};
use crate::validate::budget::{Cost, Overdrawn};
use crate::validate::examine::{Part, Scope};
use crate::validate::file::limit;
use crate::validate::finding::Rule;

/// What costs its readers much more than its size says.
pub(in crate::validate) static RULE: Rule = Rule::unverified(
    "SR-FILE-COST",
    "loading it may take far more than its size says",
    "What is shared in a file may be hashed, compared or copied again and again: a few bytes keep \
     a reader busy for hours, or fill its memory. No pickler writes such a file of honest data.",
);

/// A value that leads back to itself.
pub(super) static CYCLE: Rule = Rule::warning(
    "SR-PICKLE-CYCLE",
    "a value that holds itself",
    "It loads, and whoever goes through all that it holds comes to no end: comparing, copying item by item, \
     flattening. Model and optimizer states have no such values.",
);

/// Counts what a pickle costs those who load it; answers whether that is not too much.
pub(super) fn check(machine: &Machine, trace: &Trace, part: &Part, scope: &mut Scope<'_>) -> bool {
    if scope.place.stored && part.is_stored() {
        scope.budget.grant_pickle(machine.ran());
    }
    let (objects, changed) = (Objects(machine.objects()), machine.changed());
    let built = Built { objects, trace, changed, length: machine.ran() };
    let allowed = scope.options.limits.depth;
    let depth = built.depth(allowed);
    if depth.is_cyclic {
        scope.find(&CYCLE, part, 0, "a value that holds itself");
        if let Some(instance) = cycle::through_numpy(objects) {
            let message = format!("what {} makes holds itself", objects.callable(instance));
            scope.find(&rows::RULE, part, instance.offset, message);
        }
    }
    if depth.deepest > allowed {
        limit::reached(&Excess { offset: 0, limit: "depth", allowed: allowed.into() }, part, scope);
    }
    spend(built.cost(scope.budget.time()), 0, part, scope)
}

/// Spends what something at `offset` of a part costs, and reports if that is too much; answers
/// whether it is not.
pub(in crate::validate) fn spend(cost: Cost, offset: u64, part: &Part, scope: &mut Scope<'_>) -> bool {
    let Err(Overdrawn { spent, granted }) = scope.budget.spend(cost) else { return true };
    if scope.report.findings.iter().any(|found| found.rule.id == RULE.id) {
        return false;
    }
    let message = if spent.time > granted.time {
        let seconds = |time: u64| time.div_ceil(1_000_000_000);
        let granted = seconds(granted.time);
        format!("loading it may take more than the {granted} seconds that a file like it may take")
    } else {
        let (spent, granted) = (spent.memory, granted.memory);
        format!("loading it may take {spent} bytes of memory, where a file like it may take {granted}")
    };
    scope.find(&RULE, part, offset, message);
    false
}
