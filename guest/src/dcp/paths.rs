//! The keys that lead to the entries of a checkpoint: together they make up nested dicts and lists.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use super::fields::Fields;
use crate::pickle::{ObjectId, Value};

/// What readers build of `planner_data`, entry by entry. They fill a list up to the item that they
/// set: a number alone could take all memory.
#[derive(Debug)]
pub(super) struct Paths<'g> {
    fields: Fields<'g>,
    places: Vec<Place>,
    /// The place that a key leads to from another.
    steps: BTreeMap<(usize, Key), usize>,
    /// Texts by the objects that they are, and by themselves: many paths share one.
    objects: BTreeMap<ObjectId, usize>,
    texts: BTreeMap<&'g str, usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Text(usize),
    Item(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    New,
    Entry,
    Dict,
    /// How many items it has, and how many it must have for the last of them.
    List(u64, u64),
}

impl<'g> Paths<'g> {
    pub(super) fn new(fields: Fields<'g>) -> Self {
        let (steps, objects, texts) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { fields, places: vec![Place::New], steps, objects, texts }
    }

    /// Adds the keys of an entry, or says what is wrong with them.
    pub(super) fn add(&mut self, path: &[Value]) -> Result<(), &'static str> {
        if path.is_empty() || path.len() > DEEPEST {
            return Err("has no keys, or too many");
        }
        let mut at = 0;
        for &part in path {
            let key = self.key(part).ok_or("has a key that is no text and no item of a list")?;
            at = self.step(at, key)?;
        }
        match self.places.get_mut(at) {
            Some(place @ Place::New) => *place = Place::Entry,
            _ => return Err("has the keys of another, or some of them"),
        }
        Ok(())
    }

    /// Whether lists have all but a few of the items up to their last. An item that is an empty dict or
    /// list has no entry.
    pub(super) fn are_whole(&self) -> bool {
        let gaps = self.places.iter().map(|place| match place {
            Place::List(count, length) => length.saturating_sub(*count),
            _ => 0,
        });
        gaps.fold(0, u64::saturating_add) <= GAPS
    }

    fn key(&mut self, part: Value) -> Option<Key> {
        let id = match part {
            Value::Int(number) => return u64::try_from(number).ok().map(Key::Item),
            Value::Object(id) => id,
            _ => return None,
        };
        if let Some(text) = self.objects.get(&id) {
            return Some(Key::Text(*text));
        }
        let next = self.texts.len();
        let text = *self.texts.entry(self.fields.text(part)?).or_insert(next);
        self.objects.insert(id, text);
        Some(Key::Text(text))
    }

    fn step(&mut self, from: usize, key: Key) -> Result<usize, &'static str> {
        let next = self.places.len();
        let mut is_new = false;
        let to = *self.steps.entry((from, key)).or_insert_with(|| {
            is_new = true;
            next
        });
        if let Some(place) = self.places.get_mut(from) {
            *place = match (*place, key) {
                (Place::New | Place::Dict, Key::Text(_)) => Place::Dict,
                (Place::New, Key::Item(item)) => Place::List(1, item.saturating_add(1)),
                (Place::List(count, length), Key::Item(item)) => {
                    let count = count.saturating_add(is_new.into());
                    Place::List(count, length.max(item.saturating_add(1)))
                }
                (Place::Entry, _) => return Err("has the keys of another, or some of them"),
                (Place::Dict, Key::Item(_)) | (Place::List(..), Key::Text(_)) => {
                    return Err("leads into a dict that is a list elsewhere");
                }
            };
        }
        if is_new {
            self.places.push(Place::New);
        }
        Ok(to)
    }
}

/// Items of lists without an entry, all lists together. Readers take 30 µs for each.
const GAPS: u64 = 1 << 12;
/// Dicts and lists in each other.
const DEEPEST: usize = 100;
