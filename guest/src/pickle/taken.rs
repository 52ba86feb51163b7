use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::heap::Time;
use super::{Object, ObjectId, Value};

/// What calls were given. A call may copy what it is given: what is changed after it
/// is not what the call saw.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// For each object when the first call took it; 0 for none.
    first: Vec<Time>,
    /// Objects that were changed after.
    changed: BTreeSet<ObjectId>,
    /// The moments that came without a new object, because something was taken.
    idle: Vec<Time>,
    /// Empty between calls: what is yet to be looked at of what one is given.
    stack: Vec<Value>,
}

impl Taken {
    /// Notes that a call is given a value, and all that it leads to. What an earlier
    /// call took leads to nothing new, so that all calls together take linear time. True if
    /// something is.
    pub(super) fn take(&mut self, objects: &[Object], value: Value, now: Time) -> bool {
        let mut any = false;
        self.stack.push(value);
        while let Some(value) = self.stack.pop() {
            let Value::Object(id) = value else { continue };
            let Ok(index) = usize::try_from(id) else { continue };
            let Some(object) = objects.get(index) else { continue };
            if self.first.len() <= index {
                self.first.resize(objects.len(), 0);
            }
            match self.first.get_mut(index) {
                Some(first) if *first == 0 => *first = now.max(1),
                _ => continue,
            }
            any = true;
            object.references(|value| self.stack.push(value));
        }
        any
    }

    /// The same for an instruction that makes no object: then time goes on by itself.
    pub(super) fn give(&mut self, objects: &[Object], value: Value) {
        let next = self.now(objects).saturating_add(1);
        if self.take(objects, value, next) {
            self.idle.push(next);
        }
    }

    /// The moment.
    pub(super) fn now(&self, objects: &[Object]) -> Time {
        Time::try_from(objects.len().saturating_add(self.idle.len())).unwrap_or(Time::MAX)
    }

    /// How many objects there were at a moment.
    pub(super) fn objects_at(&self, moment: Time) -> ObjectId {
        let idle = self.idle.partition_point(|&idle| idle <= moment);
        moment.saturating_sub(ObjectId::try_from(idle).unwrap_or(ObjectId::MAX))
    }

    /// Notes that an object is changed. True if a call had taken it.
    pub(super) fn change(&mut self, id: ObjectId) -> bool {
        let first = usize::try_from(id).ok().and_then(|index| self.first.get(index));
        let taken = first.is_some_and(|&first| first > 0);
        if taken {
            self.changed.insert(id);
        }
        taken
    }

    /// The objects that were changed after a call had taken them, so far.
    pub(super) fn changed(&self) -> &BTreeSet<ObjectId> {
        &self.changed
    }

    /// The same, all of them.
    pub(super) fn into_changed(self) -> BTreeSet<ObjectId> {
        self.changed
    }
}
