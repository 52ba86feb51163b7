use super::Objects;
use crate::Excess;
use crate::pickle::{Instance, Object};
use crate::validate::examine::{Part, Scope};
use crate::validate::file::limit;

/// Counts what calls copy: a pickle can have one long list made into a hundred
/// thousand sets, in five bytes each.
#[derive(Debug, Default)]
pub(super) struct Copies {
    values: u64,
    reported: bool,
}

impl Copies {
    /// Counts the arguments of a call.
    pub(super) fn check(
        &mut self,
        objects: Objects<'_>,
        instance: &Instance,
        part: &Part,
        scope: &mut Scope<'_>,
    ) {
        let args = instance.args.and_then(|args| objects.tuple(args)).unwrap_or_default();
        for &arg in args {
            let copied = match objects.get(arg) {
                Some(Object::List(items) | Object::Tuple(items)) => items.len(),
                Some(Object::Dict(pairs)) => pairs.len(),
                Some(Object::Bytes(bytes)) => bytes.len() / BYTES_PER_VALUE,
                Some(Object::Text(text)) => text.len() / BYTES_PER_VALUE,
                _ => 0,
            };
            self.values = self.values.saturating_add(copied as u64);
        }
        let allowed = scope.options.limits.tree;
        if self.values > allowed && !self.reported {
            self.reported = true;
            limit::reached(&Excess { offset: instance.offset, limit: "tree", allowed }, part, scope);
        }
    }
}

/// A reference takes Python as many bytes.
const BYTES_PER_VALUE: usize = 8;
