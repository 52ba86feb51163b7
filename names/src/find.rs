//! Going to a place by its name.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::hash::Hash;
use crate::key::{Digests, Key, LONGEST, unquote};
use crate::pen::{Form, Pen};
use crate::{Look, Measure, Nodes, Role};

/// Where the large dicts have their keys, so that not all have to be looked at.
#[derive(Clone, Debug)]
pub struct Index {
    root: u32,
    measure: Measure,
    digests: Digests,
    /// For each such dict the hashes of its keys, as they stand in a plain name and as
    /// they are, and their positions; sorted.
    dicts: BTreeMap<u32, Vec<(u64, u32)>>,
}

impl Index {
    /// The keys of all large dicts; places are found under `root`.
    pub fn of<N: Nodes + ?Sized>(nodes: &N, root: u32) -> Self {
        let digests = Digests::of(nodes);
        let all = 0..u32::try_from(nodes.count()).unwrap_or(u32::MAX);
        let large = |node| {
            nodes.pair(node, LARGE)?;
            let mut keys = Vec::new();
            let mut text = String::new();
            nodes.visit(node, &mut |role, _| {
                let Role::Value { at, key } = role else { return };
                if let Some(key) = Key::of(nodes, &digests, key) {
                    text.clear();
                    let _ = key.plain(nodes, &mut text);
                    keys.push((Hash::of(&text), at));
                }
                if let (Some(Key::Long(..)), Look::Text(whole)) =
                    (Key::of(nodes, &digests, key), nodes.look(key))
                {
                    keys.push((Hash::of(whole), at));
                }
            });
            keys.sort_unstable();
            Some((node, keys))
        };
        Self { root, measure: Measure::of(nodes, root), dicts: all.filter_map(large).collect(), digests }
    }

    /// The positions of keys in a dict that have one of these texts; none for a dict that
    /// is not large. They are few, and one of them may be wrong.
    fn candidates<'t>(&self, dict: u32, texts: impl Iterator<Item = &'t str>) -> Option<Vec<u32>> {
        let keys = self.dicts.get(&dict)?;
        let mut found = Vec::new();
        for text in texts {
            let hash = Hash::of(text);
            let first = keys.partition_point(|&(known, _)| known < hash);
            let same = keys.get(first..).unwrap_or_default().iter();
            found.extend(same.take_while(|&&(known, _)| known == hash).map(|&(_, position)| position));
        }
        found.sort_unstable();
        found.dedup();
        Some(found)
    }
}

/// The node in the place of this name. An exact name leads to one place. So does the
/// plain one of a place that no other shares; of those that do, the first is found.
pub fn find<N: Nodes + ?Sized>(nodes: &N, index: &Index, name: &str) -> Option<u32> {
    let search = |forms| Search { nodes, index, name, forms }.from(index.root);
    // Mixed at once, a name could be taken for that of a place that has another.
    search(&[Form::Exact][..])
        .or_else(|| search(&[Form::Positional]))
        .or_else(|| search(&[Form::Plain]))
        .or_else(|| search(&[Form::Exact, Form::Positional, Form::Plain]))
}

struct Search<'s, N: ?Sized> {
    nodes: &'s N,
    index: &'s Index,
    name: &'s str,
    forms: &'s [Form],
}

/// A node that the first bytes of the name lead to.
#[derive(Clone, Copy, PartialEq, Eq)]
struct At {
    node: u32,
    bytes: usize,
    /// Whether a key needs no dot there.
    start: bool,
}

impl<N: Nodes + ?Sized> Search<'_, N> {
    fn from(&self, root: u32) -> Option<u32> {
        let mut stack = vec![At { node: root, bytes: 0, start: true }];
        // Each node once for each place in the name: parameters that are each other lead
        // no further, and shared nodes to the same end twice.
        let mut met = BTreeSet::new();
        let mut next = Vec::new();
        while let Some(at) = stack.pop() {
            if at.bytes == self.name.len() {
                return Some(at.node);
            }
            if met.insert((at.bytes, at.start, at.node)) {
                self.below(at, &mut next);
                stack.extend(next.drain(..).rev());
            }
        }
        None
    }

    /// The nodes that the name may lead to from here, in order.
    fn below(&self, at: At, next: &mut Vec<At>) {
        let rest = self.name.get(at.bytes..).unwrap_or_default();
        if let Some(positions) = self.candidates(at, rest) {
            for position in positions {
                if let Some((key, value)) = self.nodes.pair(at.node, position) {
                    self.try_role(at, rest, Role::Value { at: position, key }, value, next);
                    self.try_role(at, rest, Role::Key(position), key, next);
                }
            }
            return;
        }
        let position = number(rest, "[", "]").or_else(|| number(rest, "{", "}"));
        self.nodes.visit(at.node, &mut |role, child| match role {
            // Not to be written out for each value of a long list.
            Role::Item(at) | Role::Key(at) if position != Some(at) => {}
            _ => self.try_role(at, rest, role, child, next),
        });
    }

    /// The positions of the pairs that the name may lead to; none if all that the node
    /// refers to has to be looked at.
    fn candidates(&self, at: At, rest: &str) -> Option<Vec<u32>> {
        if rest.starts_with('@') || !matches!(self.nodes.look(at.node), Look::Container(_)) {
            return None;
        }
        let key = if at.start { Some(rest) } else { rest.strip_prefix('.') };
        // A key ends where the name does, or where another step begins.
        let key = key.filter(|_| self.forms.contains(&Form::Plain)).unwrap_or_default();
        let steps = key.match_indices(['.', '[', '{', '@']).map(|(end, _)| end);
        let plain = steps.chain([key.len(), 0]).filter_map(|end| key.get(..end));
        let quoted = unquote(rest).map(|(text, _)| text);
        let bracketed = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(text, _)| text);
        let mut found = self.index.candidates(at.node, plain.chain(quoted.as_deref()).chain(bracketed))?;
        found.extend(number(rest, "[#", "]").or_else(|| number(rest, "{", "}")));
        Some(found)
    }

    fn try_role(&self, at: At, rest: &str, role: Role, child: u32, next: &mut Vec<At>) {
        if !self.index.measure.is_listed(role, child) {
            return;
        }
        let before = next.len();
        for &form in self.forms {
            let mut pen = Pen { start: at.start, ..Pen::new(String::new()) };
            pen.step(self.nodes, &self.index.digests, role, form);
            if rest.starts_with(&pen.out) {
                next.push(At {
                    node: child,
                    bytes: at.bytes.saturating_add(pen.out.len()),
                    start: pen.start,
                });
            }
        }
        // A long key may be given whole.
        if let Role::Value { at: _, key } = role
            && let Look::Text(text) = self.nodes.look(key)
            && text.len() > LONGEST
            && self.forms.contains(&Form::Plain)
        {
            let mut pen = Pen { start: at.start, ..Pen::new(String::new()) };
            pen.text(text);
            if rest.starts_with(&pen.out) {
                next.push(At { node: child, bytes: at.bytes.saturating_add(pen.out.len()), start: false });
            }
        }
        // Forms that are the same lead to the same.
        if let Some(found) = next.get(before..) {
            let same = found.iter().skip(1).all(|other| Some(other) == found.first());
            next.truncate(if same && !found.is_empty() { before.saturating_add(1) } else { next.len() });
        }
    }
}

/// The number between two marks at the start of a text.
fn number(text: &str, open: &str, close: &str) -> Option<u32> {
    let (digits, _) = text.strip_prefix(open)?.split_once(close)?;
    digits.parse().ok()
}

/// The position of a key from which on an index pays.
const LARGE: u32 = 64;
