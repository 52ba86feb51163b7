use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::heap::Time;
use super::{ObjectId, Value};

/// What a pickle takes off its stack without any use.
#[derive(Debug, Default)]
pub(super) struct Drops {
    /// In order; of each object the first time.
    pub(super) all: Vec<Drop>,
    /// What is dropped and at once fetched from the memo instead.
    pub(super) replaced: Vec<Replaced>,
    known: BTreeSet<ObjectId>,
    /// What the instructions just before have dropped, the lowest on the stack last.
    run: Vec<Value>,
    /// The call that was just made, and since when its callable was on the stack.
    call: Option<(ObjectId, Time)>,
    /// How many objects there were then, for a call that has just been dropped.
    dropped: Option<ObjectId>,
}

/// An object that is taken off the stack.
#[derive(Debug)]
pub(super) struct Drop {
    /// The object.
    pub(super) object: ObjectId,
    /// What was under it, and how many objects there were when it came there.
    pub(super) on: Option<(ObjectId, ObjectId)>,
}

/// Values for which one of the memo was taken: where a value leads back to itself, a
/// pickler has written it once more by the time it comes to its end.
#[derive(Debug)]
pub(super) struct Replaced {
    /// The values, in the order in which they lay on the stack.
    pub(super) values: Vec<Value>,
    /// What was taken for them.
    pub(super) by: Value,
    /// How many objects there were when the callable came on the stack, if they were
    /// one call just made.
    pub(super) since: Option<ObjectId>,
}

impl Drops {
    /// Another instruction than one that drops or fetches: nothing is open.
    pub(super) fn close(&mut self) {
        self.run.clear();
        (self.call, self.dropped) = (None, None);
    }

    /// A call was just made, whose callable was on the stack `since`.
    pub(super) fn called(&mut self, made: Value, since: Option<Time>) {
        if let (Value::Object(id), Some(since)) = (made, since) {
            self.call = Some((id, since));
        }
    }

    /// A value was dropped on another.
    pub(super) fn dropped(
        &mut self,
        value: Value,
        on: Option<(Value, ObjectId)>,
        objects_at: impl FnOnce(Time) -> ObjectId,
    ) {
        self.run.push(value);
        let Value::Object(object) = value else { return };
        self.dropped = self.call.take().filter(|&(id, _)| id == object).map(|(_, since)| objects_at(since));
        if self.known.insert(object) {
            let on = match on {
                Some((Value::Object(on), since)) => Some((on, since)),
                _ => None,
            };
            self.all.push(Drop { object, on });
        }
    }

    /// A value of the memo was fetched.
    pub(super) fn fetched(&mut self, by: Value) {
        let mut values = core::mem::take(&mut self.run);
        let since = self.dropped.take();
        if values.iter().any(|value| matches!(value, Value::Object(_))) {
            values.reverse();
            self.replaced.push(Replaced { values, by, since });
        }
        self.close();
    }

    /// Whether nothing was dropped.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}
