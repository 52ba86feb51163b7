//! What the texts of a template are made of: a subscript by one looks up the attribute that it
//! names, so none may be a text that the template has put together.
//!
//! A value is followed by the names that it comes through, whatever the order of statements: a name
//! is all that it is ever given.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::check::Fault;

/// What a text may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// From outside, or a part of such a text; or no text.
    #[default]
    Data,
    /// Written in the template, as a whole, and no name that leads out.
    Written,
    /// Anything.
    Made,
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
    pub(super) level: Level,
    /// Places that it comes from; whether it may be a part of what is there.
    from: Vec<(usize, bool)>,
    pub(super) is_number: bool,
    pub(super) is_list: bool,
}

impl Flow {
    pub(super) fn of(level: Level) -> Self {
        Self { level, ..Self::default() }
    }

    pub(super) fn number() -> Self {
        Self { is_number: true, ..Self::default() }
    }

    /// Either of two, or what holds both.
    pub(super) fn join(mut self, mut other: Self) -> Self {
        if other.from.len() > self.from.len() {
            core::mem::swap(&mut self.from, &mut other.from);
        }
        self.from.append(&mut other.from);
        self.level = self.level.max(other.level);
        self.is_number &= other.is_number;
        self.is_list &= other.is_list;
        self
    }

    /// A part of it. What is written as a whole may have any part.
    pub(super) fn cut(mut self) -> Self {
        self.level = cut(self.level);
        self.from.iter_mut().for_each(|(_, is_part)| *is_part = true);
        self.plain()
    }

    /// It, of which nothing else is known.
    pub(super) fn plain(mut self) -> Self {
        (self.is_number, self.is_list) = (false, false);
        self
    }
}

fn cut(level: Level) -> Level {
    if level == Level::Data { level } else { Level::Made }
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
        Flow { from: [(self.index(place), false)].into(), ..Flow::default() }
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

    /// Something is put into a list or dict.
    pub(super) fn put(&mut self, into: &Flow, what: Flow) -> Place<'t> {
        let place = self.share(what);
        let what = self.index(place);
        self.put.extend(into.from.iter().map(|(into, _)| (*into, what)));
        place
    }

    /// Follows all of it.
    pub(super) fn levels(&self) -> Result<Levels, Fault> {
        let mut levels = Levels::new(self.places.len());
        // What is put into an object is in it wherever it came from and goes to.
        let mut inside = Levels::new(self.places.len());
        for _ in 0..ROUNDS {
            let mut changed = false;
            for (to, flow) in &self.given {
                changed |= levels.raise(*to, levels.of(flow).max(inside.at(*to)));
                for (from, _) in &flow.from {
                    changed |= inside.both(*to, *from);
                    changed |= levels.raise(*from, inside.at(*from));
                }
            }
            for (into, what) in &self.put {
                changed |= inside.raise(*into, levels.at(*what));
                changed |= inside.both(*into, *what);
                changed |= levels.raise(*into, inside.at(*into));
                changed |= levels.raise(*what, inside.at(*what));
            }
            if !changed {
                return Ok(levels);
            }
        }
        Err(Fault::new(0, "assignments that cannot be followed"))
    }
}

/// What is known of all places.
#[derive(Debug)]
pub(super) struct Levels(Vec<Level>);

impl Levels {
    fn new(count: usize) -> Self {
        Self(alloc::vec![Level::Data; count])
    }

    fn at(&self, place: usize) -> Level {
        self.0.get(place).copied().unwrap_or(Level::Made)
    }

    fn raise(&mut self, place: usize, level: Level) -> bool {
        let lower = self.0.get_mut(place).filter(|old| **old < level);
        lower.map(|old| *old = level).is_some()
    }

    fn both(&mut self, one: usize, other: usize) -> bool {
        let level = self.at(one).max(self.at(other));
        self.raise(one, level) | self.raise(other, level)
    }

    /// What a value may be.
    pub(super) fn of(&self, flow: &Flow) -> Level {
        let levels = flow.from.iter().map(|(place, is_part)| {
            let level = self.at(*place);
            if *is_part { cut(level) } else { level }
        });
        levels.fold(flow.level, Level::max)
    }
}

/// Rounds after which nothing new is made: longer chains no template has.
const ROUNDS: usize = 64;
