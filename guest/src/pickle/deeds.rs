use alloc::vec::Vec;

use super::ObjectId;

/// Something that an instruction does to an object that was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deed {
    /// How many calls were made before.
    pub calls: u32,
    /// The object.
    pub target: ObjectId,
    /// What it is given.
    pub given: Given,
    /// Whether a call had taken the object before, and may have seen it without.
    pub taken: bool,
}

/// What an object is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// So many items at its end, by APPEND or APPENDS.
    Items(u32),
    /// So many members, by ADDITEMS.
    Members(u32),
    /// So many items under keys.
    Pairs(u32),
    /// A state.
    State,
}

impl Given {
    /// Both at once, if they are of one kind.
    pub fn and(self, more: Self) -> Option<Self> {
        match (self, more) {
            (Self::Items(one), Self::Items(other)) => Some(Self::Items(one.saturating_add(other))),
            (Self::Members(one), Self::Members(other)) => Some(Self::Members(one.saturating_add(other))),
            (Self::Pairs(one), Self::Pairs(other)) => Some(Self::Pairs(one.saturating_add(other))),
            _ => None,
        }
    }
}

/// What a pickle does to objects that a call could tell: what is done to what calls
/// make, which may run code, and to what calls were given before it was whole.
#[derive(Debug, Default)]
pub(super) struct Deeds {
    all: Vec<Deed>,
    calls: u32,
}

impl Deeds {
    /// A call was made.
    pub(super) fn called(&mut self) {
        self.calls = self.calls.saturating_add(1);
    }

    /// An object was given something. How it came in pieces, without a call between
    /// them, nobody can tell.
    pub(super) fn add(&mut self, target: ObjectId, given: Given, taken: bool) {
        let deed = Deed { calls: self.calls, target, given, taken };
        if let Some(last) = self.all.last_mut()
            && (last.calls, last.target, last.taken) == (deed.calls, target, taken)
            && let Some(both) = last.given.and(given)
        {
            last.given = both;
            return;
        }
        self.all.push(deed);
    }

    pub(super) fn into_all(self) -> Vec<Deed> {
        self.all
    }
}
