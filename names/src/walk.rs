use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Write;

use crate::hash::Hash;
use crate::module::{Stage, is_members};
use crate::pen::{Form, Pen};
use crate::routine::METADATA;
use crate::tensor::is_composite;
use crate::{Look, Nodes, Role, Survey};

/// Goes over the places of a state dict, in order: values that are no container, empty
/// containers, and ahead of what is in them, tensors made of tensors and objects.
///
/// A value that is in two places comes once for each. A container that contains itself,
/// or leads to one that does, is entered once. Keys, and the versions that a module's
/// ordered dict has beside its items, come only where a tensor is in them.
///
/// [`next`](Self::next) gives the node, and the other methods are about its place.
#[derive(Debug)]
pub struct Walk<'n, N: ?Sized> {
    nodes: &'n N,
    survey: &'n Survey,
    cursor: Cursor,
}

/// Where a walk is, to be gone on with later. The default is beyond all ends.
#[derive(Clone, Debug, Default)]
pub struct Cursor {
    /// What is still to be visited, last first.
    stack: Vec<Visit>,
    /// The way from the root to the place visited last.
    way: Vec<Level>,
    /// How long the ways to the tensors were that the place is a part of.
    wholes: Vec<usize>,
    /// The endless nodes that were entered.
    entered: BTreeSet<u32>,
    /// The modules on the way, in a flat format.
    modules: BTreeSet<u32>,
    /// Nodes that were visited for a flat format.
    visited: u64,
}

impl Level {
    /// Whether it leads a flat name on: the dicts in a module do not.
    fn is_step(&self) -> bool {
        self.role != Role::Core && !matches!(self.stage, Stage::State | Stage::Members)
    }
}

/// A node to be visited, by this role of the node at the end of so long a way.
#[derive(Clone, Copy, Debug)]
struct Visit {
    above: u32,
    role: Role,
    node: u32,
}

/// A node on the way.
#[derive(Clone, Copy, Debug)]
struct Level {
    role: Role,
    node: u32,
    stage: Stage,
    /// Whether the way has led into attributes that no flat format has a name for.
    aside: bool,
    entered: bool,
    plain: Pen<Hash>,
    exact: Pen<Hash>,
}

/// Why a place has no name in a flat format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unnamed {
    /// It is the root.
    Root,
    /// A key on the way is of a type that no name is made of.
    Key(u32),
    /// A key on the way is the empty text.
    Empty,
    /// It is in a key.
    InKey,
    /// It is in the attributes of something, or in what an object is made from.
    Inside,
    /// It is a buffer of a module that is not persistent.
    Transient,
}

impl Cursor {
    /// Goes back up a way.
    fn leave(&mut self, above: usize) {
        while self.way.len() > above {
            if let Some(Level { node, stage: Stage::Module, entered: true, .. }) = self.way.pop() {
                self.modules.remove(&node);
            }
        }
        while self.wholes.pop_if(|length| *length > above).is_some() {}
    }

    pub(crate) fn new(root: u32) -> Self {
        // The root is the core of nothing: that adds no step.
        let root = Visit { above: 0, role: Role::Core, node: root };
        Self { stack: vec![root], ..Self::default() }
    }
}

impl<'n, N: Nodes + ?Sized> Walk<'n, N> {
    /// Starts before the first place.
    pub fn new(nodes: &'n N, survey: &'n Survey) -> Self {
        Self::resume(nodes, survey, survey.start())
    }

    /// Goes on where another walk over the same stopped.
    pub fn resume(nodes: &'n N, survey: &'n Survey, cursor: Cursor) -> Self {
        Self { nodes, survey, cursor }
    }

    /// Where it is.
    pub fn stop(self) -> Cursor {
        self.cursor
    }

    /// The node in the next place; None after the last.
    #[expect(clippy::should_implement_trait, reason = "the other methods are about the place it gave last")]
    pub fn next(&mut self) -> Option<u32> {
        loop {
            let (node, _) = self.step(None)?;
            if !self.nodes.look(node).is_branch() && !self.is_core() {
                return Some(node);
            }
        }
    }

    /// The same for a flat format, where only nodes that `enters` is true of are looked
    /// into: what others have in them is no place. A container that is in itself comes
    /// where it was not entered again: what a flat format would lose of it. A module comes
    /// ahead of the tensors in it, those in it do not.
    pub fn next_within(&mut self, enters: &dyn Fn(u32) -> bool) -> Option<u32> {
        loop {
            let (node, entered) = self.step(Some(enters))?;
            let listed = !self.nodes.look(node).is_branch() || !entered;
            if listed && !self.is_core() && !(entered && self.is_member()) {
                return Some(node);
            }
        }
    }

    /// Whether that has ended as modules lead to each other on too many ways.
    pub fn is_exhausted(&self) -> bool {
        self.cursor.visited > self.survey.most
    }

    /// Whether the place is that of a whole module, whose tensors follow.
    pub fn is_module(&self) -> bool {
        self.cursor.way.last().is_some_and(|level| level.stage == Stage::Module && level.entered)
    }

    /// Whether the place is in a module's own dicts.
    fn is_member(&self) -> bool {
        self.cursor.way.iter().rev().nth(1).is_some_and(|above| above.stage == Stage::Members)
    }

    /// The hashes of the plain and the exact name of the next place, be it listed or
    /// not; none for one that has the name of the place before it.
    pub(crate) fn hashes(&mut self) -> Option<Option<(u64, u64)>> {
        self.step(None)?;
        let level = self.cursor.way.last().filter(|_| !self.is_core());
        Some(level.map(|level| (level.plain.out.0, level.exact.out.0)))
    }

    /// The place's name, which no other place has. That of the root is empty.
    pub fn name(&self) -> String {
        self.name_of(self.cursor.way.len(), None)
    }

    /// The place's exact name, whether it takes one or not.
    pub fn exact_name(&self) -> String {
        self.name_of(self.cursor.way.len(), Some(Form::Exact))
    }

    /// The name of the tensor that the value is a part of, if it is.
    pub fn part_of(&self) -> Option<String> {
        // Its own way is the longest, if it is one of them.
        let own = self.cursor.way.len();
        let whole = self.cursor.wholes.iter().rev().find(|&&length| length < own);
        whole.map(|&length| self.name_of(length, None))
    }

    /// The keys on the way joined by dots, long ones whole, for a format that has no
    /// nesting; in a module the name that `state_dict()` gives where no class or hook changes
    /// it. Another place may have the same.
    pub fn flat_name(&self) -> Result<String, Unnamed> {
        let mut name = String::new();
        let way = &self.cursor.way;
        let above = core::iter::once(None).chain(way.iter().map(Some));
        let over = [None, None].into_iter().chain(way.iter().map(Some));
        let steps = way.iter().zip(above.zip(over)).filter(|(level, _)| level.is_step());
        let mut steps = steps.peekable();
        if steps.peek().is_none() {
            return Err(Unnamed::Root);
        }
        let alone = steps.clone().count() == 1;
        let mut pen = Pen::new(&mut name);
        for (level, (above, over)) in steps {
            match (over, above) {
                (_, Some(Level { stage: Stage::Module | Stage::State, .. })) => return Err(Unnamed::Inside),
                (Some(state), Some(dict @ Level { stage: Stage::Members, .. }))
                    if self.survey.measure.modules.is_transient(state.node, dict.node, level.role) =>
                {
                    return Err(Unnamed::Transient);
                }
                _ => {}
            }
            match level.role {
                Role::Item(_) => {}
                Role::Value { at: _, key } => match self.nodes.look(key) {
                    Look::Text("") if !alone => return Err(Unnamed::Empty),
                    Look::Text(text) => {
                        pen.text(text);
                        continue;
                    }
                    Look::Int(_) | Look::Bool(_) | Look::None => {}
                    _ => return Err(Unnamed::Key(key)),
                },
                Role::Key(_) => return Err(Unnamed::InKey),
                Role::Attributes
                | Role::Bookkeeping
                | Role::Core
                | Role::Part(_)
                | Role::Field(_)
                | Role::Effect(_) => return Err(Unnamed::Inside),
            }
            pen.step(self.nodes, &self.survey.digests, level.role, Form::Plain);
        }
        Ok(name)
    }

    /// Goes to the next node and says which it is, and whether it was entered: all are, or
    /// those that `enters` is true of, and of modules what has a tensor in it.
    fn step(&mut self, enters: Option<&dyn Fn(u32) -> bool>) -> Option<(u32, bool)> {
        let (nodes, survey, cursor) = (self.nodes, self.survey, &mut self.cursor);
        let Visit { above, role, node } = cursor.stack.pop()?;
        let above = usize::try_from(above).unwrap_or(usize::MAX);
        cursor.leave(above);
        if enters.is_some() {
            cursor.visited = cursor.visited.saturating_add(1);
            if cursor.visited > survey.most {
                cursor.stack.clear();
                return None;
            }
        }
        let before = cursor.way.last().copied();
        let (mut plain, mut exact) = match before {
            Some(level) => (level.plain, level.exact),
            None => (Pen::new(Hash::START), Pen::new(Hash::START)),
        };
        if survey.hashing {
            plain.step(nodes, &survey.digests, role, Form::Plain);
            exact.step(nodes, &survey.digests, role, Form::Exact);
        } else {
            plain.pass(nodes, &survey.digests, role);
        }
        let over = before.map_or(Stage::Outside, |level| level.stage);
        let stage = survey.measure.modules.stage(nodes, over, role, node);
        let aside = before.is_some_and(|level| level.aside) || stage.is_aside(over, role);
        // Not looked at again where it was entered: a long list that is full of itself
        // would have its length squared.
        let mut once = || !survey.measure.is_endless(node) || cursor.entered.insert(node);
        let entered = match (enters, stage) {
            (None, _) => once(),
            (Some(enters), Stage::Outside) => enters(node) && once(),
            // Modules lead back to themselves by hooks of their own, and have their names in each
            // place all the same. Where they have none, they are not looked into.
            (Some(_), Stage::Module) => !aside && cursor.modules.insert(node),
            (Some(_), Stage::State | Stage::Members) => true,
        };
        cursor.way.push(Level { role, node, stage, aside, entered, plain, exact });
        if is_composite(nodes, node) {
            cursor.wholes.push(cursor.way.len());
        }
        if entered {
            let (first, above) = (cursor.stack.len(), u32::try_from(cursor.way.len()).unwrap_or(u32::MAX));
            let beside = role == Role::Bookkeeping;
            let within = enters.map(|_| stage);
            nodes.visit(node, &mut |role, node| {
                let routine = beside && is_metadata(nodes, role) && survey.measure.is_routine_metadata(node);
                // On the way to the parameters, the buffers and the modules of one.
                let leads = match within {
                    Some(Stage::Module) => role == Role::Attributes,
                    Some(Stage::State) => is_members(nodes, role) && !survey.measure.is_nothing(node),
                    _ => false,
                };
                let wanted = leads || survey.measure.is_wanted(within, node);
                if survey.measure.is_listed(role, node) && !routine && wanted {
                    cursor.stack.push(Visit { above, role, node });
                }
            });
            let new = cursor.stack.get_mut(first..).unwrap_or_default();
            if within == Some(Stage::State) {
                // What else a module has may lead to others, which have their names elsewhere.
                new.sort_by_key(|visit| !is_members(nodes, visit.role));
            }
            new.reverse();
        }
        Some((node, entered))
    }

    /// Whether the place is that of the node before it: a parameter's tensor.
    fn is_core(&self) -> bool {
        self.cursor.way.len() > 1 && self.cursor.way.last().is_some_and(|level| level.role == Role::Core)
    }

    /// The hash of the place's positional name.
    pub(crate) fn positional_hash(&self) -> u64 {
        self.write(&self.cursor.way, Form::Positional, Hash::START).0
    }

    fn name_of(&self, length: usize, form: Option<Form>) -> String {
        let way = self.cursor.way.get(..length).unwrap_or_default();
        let form = form.unwrap_or_else(|| way.last().map_or(Form::Plain, |level| self.form(level)));
        self.write(way, form, String::new())
    }

    fn write<W: Write>(&self, way: &[Level], form: Form, out: W) -> W {
        let mut pen = Pen::new(out);
        for level in way {
            pen.step(self.nodes, &self.survey.digests, level.role, form);
        }
        pen.out
    }

    /// The simplest form in which no other place has the name.
    fn form(&self, level: &Level) -> Form {
        let shared = |sorted: &[u64], hash: Hash| sorted.binary_search(&hash.0).is_ok();
        if !level.plain.hidden && !shared(&self.survey.plain, level.plain.out) {
            Form::Plain
        } else if !shared(&self.survey.exact, level.exact.out) {
            Form::Exact
        } else {
            Form::Positional
        }
    }
}

/// Whether it is what a module puts beside its items.
fn is_metadata<N: Nodes + ?Sized>(nodes: &N, role: Role) -> bool {
    match role {
        Role::Value { at: _, key } => nodes.look(key) == Look::Text(METADATA),
        Role::Item(_)
        | Role::Key(_)
        | Role::Attributes
        | Role::Bookkeeping
        | Role::Core
        | Role::Part(_)
        | Role::Field(_)
        | Role::Effect(_) => false,
    }
}
