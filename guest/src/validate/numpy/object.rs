use alloc::boxed::Box;

use crate::step::Range;
use crate::validate::examine::{Child, Part, Scope};
use crate::validate::finding::Rule;
use crate::validate::level::Level;
use crate::validate::pickle::bare::BarePickles;
use crate::validate::pickle::{Certainty, Hidden, Suspicion};

/// An array of objects.
pub(super) static RULE: Rule = Rule::note(
    "SR-NUMPY-OBJECT",
    "an array of objects, which is a pickle",
    "numpy.load refuses it unless it is told allow_pickle=True, and then runs the pickle after the \
     header. That pickle is judged as any other. Save arrays of numbers instead.",
)
.at(Level::NoCode);

/// The pickle of an array of objects.
pub(super) fn child(data: Range, scope: &mut Scope<'_>) -> Child {
    scope.find(&RULE, &Part::whole(), data.offset, "the array is a pickle");
    Child::member("objects", data, Box::new(BarePickles::new(Certainty::Certain, scope)))
}

/// What may be a pickle, though nothing that is known says so.
pub(super) fn hidden(data: Range) -> Child {
    Child::member("data", data, Box::new(Hidden::new(Suspicion::Strong)))
}
