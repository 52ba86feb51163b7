use super::super::examine::{Part, Place, Scope};
use super::super::finding::{Finding, Rule};
use super::super::report::Report;
use crate::{Excess, Limits, show};

/// A cap was reached, so that nothing is proven.
pub(in crate::validate) static RULE: Rule = Rule::unverified(
    "SR-FILE-LIMIT",
    "a limit was reached",
    "The file asks for more than one validation may take, as bombs do. If it is meant to be \
     this large, raise the limit by the option that the finding names. Where it says that none \
     does, this file cannot be judged.",
);

/// A limit was reached at `offset` of a part.
pub(in crate::validate) fn reached(excess: &Excess, part: &Part, scope: &mut Scope<'_>) {
    let Excess { limit, allowed, .. } = excess;
    let raised = if Limits::is_fixed(limit) { "no option" } else { "--max-memory" };
    let allowed = show::grouped(*allowed);
    let message = alloc::format!("the limit `{limit}` of {allowed} was reached, which {raised} raises");
    // Several looks at one part reach the same one.
    let known = |found: &Finding| found.rule.id == RULE.id && found.message == message;
    if !scope.report.findings.iter().any(known) {
        scope.find(&RULE, part, excess.offset, message);
    }
}

/// Archives in archives, deeper or more than are looked into.
pub(in crate::validate) fn nested(place: &Place, report: &mut Report) {
    report.add(Finding {
        rule: &RULE,
        offset: place.start,
        part: place.name.clone(),
        part_offset: 0,
        message: "too many archives inside each other, which no option raises: this one was not looked into"
            .into(),
        is_cut: false,
    });
}
