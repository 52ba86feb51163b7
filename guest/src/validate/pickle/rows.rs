//! Objects that are proven harmless one by one.

use alloc::collections::BTreeSet;
use alloc::format;

use super::Objects;
use super::allowed::{Dtypes, Finished, Flaw, Means, Row};
use crate::model::Global;
use crate::pickle::{Instance, ObjectId, Value};
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// An object that its class does not take.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-PICKLE-OBJECT",
    "an object of an allowed class, and not as its pickler writes it",
    "The class is allowed for what its own pickler writes. Otherwise making or using the object \
     fails, or nobody has proven that it does not.",
);

impl<'a> Objects<'a> {
    /// The row of an object's class, the class, and the arguments that are for it. `copyreg.\
    /// _reconstructor` has the class, a base and that base's value as its own.
    pub(super) fn row(self, instance: &'a Instance) -> Option<(&'static Row, &'a Global, &'a [Value])> {
        // Arguments that are no tuple are none that a call takes.
        let args = instance.args.map_or(Some(&[][..]), |args| self.tuple(args))?;
        let (class, args) = match (self.means(instance.callable)?, args) {
            (Means::Maker, &[class, base, Value::None]) if self.is_base(base) => (class, &[][..]),
            (Means::Maker, _) => return None,
            _ => (instance.callable, args),
        };
        let is_made = class != instance.callable;
        match self.means(class)? {
            Means::Object(row) if row.fits(instance.construct, is_made) => {
                Some((row, self.global(class)?, args))
            }
            _ => None,
        }
    }

    fn is_base(self, value: Value) -> bool {
        self.global(value).is_some_and(|global| global.module == "builtins" && global.name == "object")
    }
}

/// Reports what is wrong with an object of the table.
pub(super) fn check(
    objects: Objects<'_>,
    instance: &Instance,
    (changed, dtypes): (&BTreeSet<ObjectId>, &Dtypes),
    part: &Part,
    scope: &mut Scope<'_>,
) {
    let Some((row, global, args)) = objects.row(instance) else { return };
    if let Err(Flaw { rule, what }) = row.prove(Finished { objects, instance, args, changed, dtypes }) {
        let message =
            format!("an object of {} that is not as it should be: {what}", super::objects::named(global));
        scope.find(rule, part, instance.offset, message);
    }
}
