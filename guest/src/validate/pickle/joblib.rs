use crate::validate::examine::{Part, Scope};
use crate::validate::finding::{Class, Rule};

/// An array that joblib has put between the instructions.
pub(super) static RULE: Rule = Rule::refused(
    "SR-PICKLE-JOBLIB",
    "an array of joblib",
    "joblib puts the bytes of arrays between the instructions of a pickle, or a pickle of its own \
     there. Only joblib reads on behind them; to all others they are instructions. What is there is \
     not judged, and no `--allow` changes that. Save the arrays with numpy.save or as safetensors.",
)
.about(Class::Foreign);

/// Reports one. Nothing behind it is looked at.
pub(super) fn report(part: &Part, offset: u64, scope: &mut Scope<'_>) {
    scope.find(&RULE, part, offset, "the bytes of an array of joblib follow, and are not judged");
}
