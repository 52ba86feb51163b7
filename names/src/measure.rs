use alloc::vec;
use alloc::vec::Vec;

use crate::hash::Length;
use crate::key::Digests;
use crate::module::{Modules, Stage};
use crate::pen::{Form, Pen};
use crate::routine::Routine;
use crate::{Look, Nodes, Role};

/// A state dict as a tree: shared nodes come once for each path to them, but those that
/// lead into a cycle only once, for there is no end to their paths.
#[derive(Clone, Debug)]
pub struct Measure {
    /// How many values the tree has, keys and all else included; saturating.
    pub size: u64,
    /// How many places are listed or lead to one that is; saturating.
    pub places: u64,
    /// Bytes of the names of all of them; saturating.
    pub names: u64,
    /// How many values lie inside each other.
    pub depth: u64,
    pub(crate) modules: Modules,
    flags: Vec<Flags>,
}

/// What a walk has to know of a node.
#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    /// Whether it leads into a cycle.
    endless: bool,
    /// Whether a tensor is in it, or might be.
    bears: bool,
    /// Whether it is `None` or an empty container.
    nothing: bool,
    /// What a module may have written.
    routine: Routine,
}

impl Measure {
    /// Measures the tree under `root`.
    pub fn of<N: Nodes + ?Sized>(nodes: &N, root: u32) -> Self {
        let mut all = vec![Seen::default(); nodes.count()];
        // The values and the places of all endless nodes, each counted once.
        let mut once = (0u64, 0u64);
        let mut stack = vec![(root, false)];
        while let Some((id, entered)) = stack.pop() {
            if !entered {
                if let Some(seen) = get_mut(&mut all, id)
                    && seen.state == State::New
                {
                    seen.state = State::Open;
                    stack.push((id, true));
                    nodes.visit(id, &mut |_, child| stack.push((child, false)));
                }
                continue;
            }
            let bears = nodes.look(id).is_tensor();
            let mut sum = Seen { state: State::Done, size: 1, places: 1, bears, ..Seen::default() };
            sum.routine = Routine::of(nodes, id, &|child| get(&all, child).routine);
            nodes.visit(id, &mut |role, child| sum.add(nodes, role, get(&all, child)));
            if sum.endless {
                once = (once.0.saturating_add(sum.size), once.1.saturating_add(sum.places));
                (sum.size, sum.places) = (1, 1);
                // What is in a cycle is not known yet.
                sum.bears = true;
            }
            if let Some(seen) = get_mut(&mut all, id) {
                *seen = sum;
            }
        }
        let top = get(&all, root);
        let (size, places) = (top.size.saturating_add(once.0), top.places.saturating_add(once.1));
        let depth = u64::from(top.depth).saturating_add(1);
        let names = if top.endless { endless_names(nodes, root, &all) } else { top.names };
        let flags = (0u32..).zip(&all).map(|(id, seen)| Flags {
            endless: seen.endless,
            bears: seen.bears,
            nothing: matches!(nodes.look(id), Look::None | Look::Container(0) | Look::Tuple([])),
            routine: seen.routine,
        });
        let flags = flags.collect();
        Self { size, places, names, depth, modules: Modules::of(nodes), flags }
    }

    /// Whether a node leads into a cycle.
    pub fn is_endless(&self, node: u32) -> bool {
        self.flags(node).endless
    }

    /// Whether a tensor is in a node, or might be.
    pub fn may_have_tensors(&self, node: u32) -> bool {
        self.flags(node).bears
    }

    /// Whether a node that one refers to by this role is listed.
    pub(crate) fn is_listed(&self, role: Role, node: u32) -> bool {
        // An object without attributes may say so.
        let flags = self.flags(node);
        let nothing = role == Role::Attributes && flags.nothing;
        !nothing && (!role.is_aside(flags.routine.attributes) || flags.bears)
    }

    /// Whether a flat format is told of a node: of what is in a module, only what has a tensor
    /// in it, and whatever else is among its parameters, buffers and modules.
    pub(crate) fn is_wanted(&self, within: Option<Stage>, node: u32) -> bool {
        let flags = self.flags(node);
        match within {
            None | Some(Stage::Outside) => true,
            Some(Stage::Module | Stage::State) => flags.bears,
            Some(Stage::Members) => flags.bears || !flags.nothing,
        }
    }

    /// Whether a node is `None` or an empty container.
    pub(crate) fn is_nothing(&self, node: u32) -> bool {
        self.flags(node).nothing
    }

    /// Whether a node is no more than what a module writes under `_metadata`: where other
    /// attributes beside it are listed, it is not.
    pub(crate) fn is_routine_metadata(&self, node: u32) -> bool {
        let flags = self.flags(node);
        flags.routine.metadata && !flags.bears
    }

    fn flags(&self, node: u32) -> Flags {
        usize::try_from(node).ok().and_then(|node| self.flags.get(node)).copied().unwrap_or_default()
    }
}

/// Bytes of all names where the root leads into a cycle: of what is entered once, by the
/// way on which a walk enters it.
fn endless_names<N: Nodes + ?Sized>(nodes: &N, root: u32, all: &[Seen]) -> u64 {
    let mut entered = vec![false; nodes.count()];
    let mut stack = vec![(root, 0u64)];
    let mut total = 0u64;
    let mut below = Vec::new();
    while let Some((id, name)) = stack.pop() {
        total = total.saturating_add(name);
        let before = usize::try_from(id).ok().and_then(|id| entered.get_mut(id));
        if before.is_none_or(|before| core::mem::replace(before, true)) {
            continue;
        }
        nodes.visit(id, &mut |role, child| {
            let seen = get(all, child);
            if role.is_aside(seen.routine.attributes) && !seen.bears {
                return;
            }
            let name = name.saturating_add(length(nodes, role));
            if seen.endless {
                below.push((child, name));
            } else {
                total = total.saturating_add(name.saturating_mul(seen.places)).saturating_add(seen.names);
            }
        });
        stack.extend(below.drain(..).rev());
    }
    total
}

/// What is known of a node.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    state: State,
    /// Whether it leads into a cycle.
    endless: bool,
    /// Whether a tensor is in it, or might be.
    bears: bool,
    depth: u32,
    /// The size of its tree; 1 for an endless one, which counts elsewhere.
    size: u64,
    /// How many of those are listed, or lead to one that is.
    places: u64,
    /// Bytes of the names in it, its own aside.
    names: u64,
    routine: Routine,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    New,
    /// What is in it is being measured.
    Open,
    Done,
}

impl Seen {
    /// Adds a node that this one refers to.
    fn add<N: Nodes + ?Sized>(&mut self, nodes: &N, role: Role, below: Self) {
        if below.state != State::Done {
            // It is above itself, or does not exist.
            self.endless |= below.state == State::Open;
            self.depth = self.depth.max(1);
            return;
        }
        self.endless |= below.endless;
        self.bears |= below.bears;
        self.depth = self.depth.max(below.depth.saturating_add(1));
        self.size = self.size.saturating_add(below.size);
        if !role.is_aside(below.routine.attributes) || below.bears {
            let names = length(nodes, role).saturating_mul(below.places);
            self.places = self.places.saturating_add(below.places);
            self.names = self.names.saturating_add(names).saturating_add(below.names);
        }
    }
}

/// Bytes by which a step leads a name on, at most but for quotes.
fn length<N: Nodes + ?Sized>(nodes: &N, role: Role) -> u64 {
    let mut pen = Pen::new(Length::default());
    // A digest is as long as any other.
    pen.step(nodes, &Digests::default(), role, Form::Plain);
    pen.out.0.saturating_add(1)
}

fn get(all: &[Seen], node: u32) -> Seen {
    usize::try_from(node).ok().and_then(|node| all.get(node)).copied().unwrap_or_default()
}

fn get_mut(all: &mut [Seen], node: u32) -> Option<&mut Seen> {
    usize::try_from(node).ok().and_then(|node| all.get_mut(node))
}
