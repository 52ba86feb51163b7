//! What the texts of a template are made of: a subscript by one looks up the attribute that it
//! names. So a key is a number, or a text that is whole: as it is written in the template, where it
//! is seen to be no name that leads out, or as it is in the messages. Whatever a template cuts, joins
//! or prints is no key, of whatever it is.
//!
//! A value is followed by the names that it comes through, whatever the order of statements: a name
//! is all that it is ever given.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::check::Fault;

/// What keys a value, or what it holds, may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// No text.
    #[default]
    Number,
    /// Texts that are whole.
    Whole,
    /// A list of such, or a part of one: a slice does not tell. It is no key, but what is looked up
    /// in it is one, which in a text is a letter.
    List,
    /// Any text.
    Made,
}

impl Level {
    fn sliced(self) -> Self {
        if self == Self::Whole { Self::List } else { self }
    }

    fn inside(self) -> Self {
        if self == Self::List { Self::Whole } else { self }
    }

    /// In a list or dict a part of a text cannot be told from what a list holds.
    fn held(self) -> Self {
        if self == Self::List { Self::Made } else { self }
    }

    fn added(self) -> Self {
        if self == Self::Number { self } else { Self::Made }
    }
}

/// What is known of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) level: Level,
    /// Whether it may be a method: it was looked up by a name from outside.
    pub(super) is_found: bool,
    /// Whether a dict may hold such a one, from where it could be called as what its key says.
    pub(super) is_kept: bool,
}

impl Value {
    fn join(self, other: Self) -> Self {
        Self {
            level: self.level.max(other.level),
            is_found: self.is_found || other.is_found,
            is_kept: self.is_kept || other.is_kept,
        }
    }
}

/// What can be given a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place<'t> {
    Variable(&'t str),
    /// An attribute of this name, of any object: namespaces are handed around.
    Attribute(&'t str),
    /// An attribute of any name.
    AnyAttribute,
    /// An argument of a macro, by its number or its name.
    Argument(&'t str, usize),
    Keyword(&'t str, &'t str),
    /// What one statement hands to several names.
    Shared(usize),
}

/// What an expression comes to.
#[derive(Clone, Debug, Default)]
pub(super) struct Flow {
    value: Value,
    /// Where it comes from besides.
    from: Vec<Way>,
    /// Whether it is a number for sure: with what is none it makes nothing else.
    pub(super) is_number: bool,
    pub(super) is_list: bool,
}

/// A place that something comes from, and what becomes of it.
#[derive(Clone, Debug)]
struct Way {
    place: usize,
    /// What it is if it was a number, whole, or a list.
    levels: [Level; 3],
    /// Whether it is a key by which something was found, and not what was found.
    is_key: bool,
    keeps: bool,
}

impl Flow {
    pub(super) fn of(level: Level) -> Self {
        Self { value: Value { level, ..Value::default() }, ..Self::default() }
    }

    pub(super) fn number() -> Self {
        Self { is_number: true, ..Self::default() }
    }

    /// Any text.
    pub(super) fn made() -> Self {
        Self::of(Level::Made)
    }

    /// Either of two, or what holds both.
    pub(super) fn join(mut self, mut other: Self) -> Self {
        if other.from.len() > self.from.len() {
            core::mem::swap(&mut self.from, &mut other.from);
        }
        self.from.append(&mut other.from);
        self.value = self.value.join(other.value);
        self.is_number &= other.is_number;
        self.is_list &= other.is_list;
        self
    }

    /// A slice of it.
    pub(super) fn sliced(self) -> Self {
        self.change(Level::sliced)
    }

    /// What it holds.
    pub(super) fn inside(self) -> Self {
        self.change(Level::inside)
    }

    /// What holds it.
    pub(super) fn held(self) -> Self {
        self.change(Level::held)
    }

    /// What is made of it with others of its kind.
    pub(super) fn added(self) -> Self {
        self.change(Level::added)
    }

    /// It, which was found by a key; that may be a name from outside.
    pub(super) fn found(mut self, by: &Self) -> Self {
        self.value.is_found |= by.value.level > Level::Number;
        let ways = by.from.iter().filter(|way| !way.is_key).cloned();
        self.from.extend(ways.map(|way| Way { is_key: true, keeps: false, ..way }));
        self.plain()
    }

    /// A dict that holds it.
    pub(super) fn kept(mut self) -> Self {
        self.value.is_kept |= self.value.is_found;
        self.from.iter_mut().for_each(|way| way.keeps = true);
        self.held()
    }

    /// It, of which nothing else is known.
    pub(super) fn plain(mut self) -> Self {
        (self.is_number, self.is_list) = (false, false);
        self
    }

    /// The places where it, or what it is in, may be.
    fn objects(&self) -> impl Iterator<Item = usize> {
        self.from.iter().filter(|way| !way.is_key).map(|way| way.place)
    }

    fn change(mut self, change: fn(Level) -> Level) -> Self {
        self.value.level = change(self.value.level);
        for way in self.from.iter_mut().filter(|way| !way.is_key) {
            way.levels = way.levels.map(change);
        }
        self.plain()
    }
}

/// All that is given to places.
#[derive(Debug, Default)]
pub(super) struct Graph<'t> {
    places: BTreeMap<Place<'t>, usize>,
    given: Vec<(usize, Flow)>,
    /// What is put into the lists and dicts that come from places, which other places share.
    put: Vec<(usize, usize)>,
    shared: usize,
}

impl<'t> Graph<'t> {
    fn index(&mut self, place: Place<'t>) -> usize {
        let next = self.places.len();
        *self.places.entry(place).or_insert(next)
    }

    /// What is at a place.
    pub(super) fn at(&mut self, place: Place<'t>) -> Flow {
        let levels = [Level::Number, Level::Whole, Level::List];
        let way = Way { place: self.index(place), levels, is_key: false, keeps: false };
        Flow { from: [way].into(), ..Flow::default() }
    }

    /// A place is given a value.
    pub(super) fn give(&mut self, place: Place<'t>, flow: Flow) {
        let index = self.index(place);
        self.given.push((index, flow));
        if let Place::Attribute(_) = place {
            let flow = self.at(place);
            self.give(Place::AnyAttribute, flow);
        }
    }

    /// A place of its own for a value that several are given.
    pub(super) fn share(&mut self, flow: Flow) -> Place<'t> {
        self.shared = self.shared.saturating_add(1);
        let place = Place::Shared(self.shared);
        self.give(place, flow);
        place
    }

    /// The same, by way of one place if it comes from many: a long expression changes them at each step.
    pub(super) fn short(&mut self, flow: Flow) -> Flow {
        if flow.from.len() < MANY {
            return flow;
        }
        let (is_number, is_list) = (flow.is_number, flow.is_list);
        let place = self.share(flow);
        Flow { is_number, is_list, ..self.at(place) }
    }

    /// Something is put into a list or dict.
    pub(super) fn put(&mut self, into: &Flow, what: Flow) -> Place<'t> {
        let place = self.share(what);
        let what = self.index(place);
        self.put.extend(into.objects().map(|into| (into, what)));
        place
    }

    /// Follows all of it.
    pub(super) fn values(&self) -> Result<Values, Fault> {
        let mut values = Values::new(self.places.len());
        // What is put into an object is in it wherever it came from and goes to.
        let mut inside = Values::new(self.places.len());
        for _ in 0..ROUNDS {
            let mut changed = false;
            for (to, flow) in &self.given {
                changed |= values.raise(*to, values.of(flow).join(inside.at(*to)));
                for from in flow.objects() {
                    changed |= inside.both(*to, from);
                    changed |= values.raise(from, inside.at(from));
                }
            }
            for (into, what) in &self.put {
                changed |= inside.raise(*into, values.at(*what));
                changed |= inside.both(*into, *what);
                changed |= values.raise(*into, inside.at(*into));
                changed |= values.raise(*what, inside.at(*what));
            }
            if !changed {
                return Ok(values);
            }
        }
        Err(Fault::new(0, "assignments that cannot be followed"))
    }
}

/// What is known of all places.
#[derive(Debug)]
pub(super) struct Values(Vec<Value>);

impl Values {
    fn new(count: usize) -> Self {
        Self(alloc::vec![Value::default(); count])
    }

    fn at(&self, place: usize) -> Value {
        self.0.get(place).copied().unwrap_or(Value { level: Level::Made, is_found: true, is_kept: true })
    }

    fn raise(&mut self, place: usize, value: Value) -> bool {
        let Some(old) = self.0.get_mut(place) else { return false };
        let new = old.join(value);
        core::mem::replace(old, new) != new
    }

    fn both(&mut self, one: usize, other: usize) -> bool {
        let value = self.at(one).join(self.at(other));
        self.raise(one, value) | self.raise(other, value)
    }

    /// What a value may be.
    pub(super) fn of(&self, flow: &Flow) -> Value {
        let values = flow.from.iter().map(|way| {
            let mut value = self.at(way.place);
            let [number, whole, list] = way.levels;
            value.level = match value.level {
                Level::Number => number,
                Level::Whole => whole,
                Level::List => list,
                Level::Made => Level::Made,
            };
            if way.is_key {
                value = Value { is_found: value.level > Level::Number, ..Value::default() };
            }
            value.is_kept |= way.keeps && value.is_found;
            value
        });
        values.fold(flow.value, Value::join)
    }
}

/// Rounds after which nothing new is made: longer chains no template has.
const ROUNDS: usize = 64;
/// Places that an expression comes from, of which few have more than ten.
const MANY: usize = 64;
