//! Whether two state dicts are one: the same values everywhere, and the same identities.

use super::Compared;
use crate::sandbox::bindings::types::{Construct, Global, Object};
use crate::state::{Item, Node, StateDict, path_along, visit, visit_mut};

/// Holds `new` against `old`, from the root on. Answers which storage of `old` each of
/// `new` is, as far as values look into them; an error names the first place that differs.
///
/// Linear in what both have, and without recursion: either may be a file's.
pub(crate) fn same(old: &StateDict<'_>, new: &StateDict<'_>) -> Compared<Vec<Option<u32>>> {
    let mut pairs = Pairs {
        old,
        new,
        nodes: Mapping::new(old.nodes().len(), new.nodes().len()),
        storages: Mapping::new(old.storages().len(), new.storages().len()),
        trail: Vec::new(),
    };
    let mut stack = vec![Visit { old: old.root_id(), new: new.root_id(), anew: false, holder: None }];
    while let Some(visit) = stack.pop() {
        let start = stack.len();
        if let Err(what) = pairs.visit(visit, &mut stack) {
            return Err(format!("{}: {what}", pairs.place(visit)));
        }
        stack[start..].reverse();
    }
    Ok(pairs.storages.back)
}

/// Two nodes that should be one, and the entry of the trail that refers to them.
#[derive(Clone, Copy)]
struct Visit {
    old: u32,
    new: u32,
    /// Whether it is a part of what refers to it that torch makes anew for each save.
    anew: bool,
    holder: Option<usize>,
}

struct Pairs<'p> {
    old: &'p StateDict<'p>,
    new: &'p StateDict<'p>,
    nodes: Mapping,
    storages: Mapping,
    /// The old nodes that were entered, each with the entry that led to it.
    trail: Vec<(Option<usize>, u32)>,
}

/// Which id is which.
struct Mapping {
    there: Vec<Option<u32>>,
    back: Vec<Option<u32>>,
}

/// What identity a value has in a pickle.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Identity {
    /// None: each reference may have a value of its own.
    No,
    /// That of its value: equal ones may become one.
    Value,
    /// Its own.
    Own,
    /// One of its own each time that it is referred to.
    Anew,
}

impl Pairs<'_> {
    /// Compares two nodes by themselves, and asks for what they refer to.
    fn visit(&mut self, visit: Visit, stack: &mut Vec<Visit>) -> Compared<()> {
        let Visit { old, new, anew, holder } = visit;
        let (a, b) = (self.old.node(old), self.new.node(new));
        if !self.nodes.pair(old, new, identity(a, anew))? {
            return Ok(());
        }
        if let Node::Global(global) = a
            && inner_name(self.new, new)
                .is_some_and(|(module, name)| (module, &name) == (&global.module, &global.name))
        {
            return Ok(());
        }
        let ((children, storages), (new_children, new_storages)) = (references(a), references(b));
        let alike = match (children.is_empty() && storages.is_empty(), a, b) {
            // Whether two texts of one value are one object is not in a pickle.
            (_, Node::Text(a), Node::Text(b)) => a.value == b.value,
            (true, a, b) => a == b,
            (false, a, b) => bare(a) == bare(b),
        };
        if !alike || children.len() != new_children.len() || storages.len() != new_storages.len() {
            let (expected, found) = (kind(self.old, old), kind(self.new, new));
            let other = if expected == found { "another " } else { "" };
            return Err(format!("expected {expected}, found {other}{found}"));
        }
        for (&storage, &found) in storages.iter().zip(&new_storages) {
            self.storages
                .pair(storage, found, Identity::Own)
                .map_err(|what| format!("its storage: {what}"))?;
        }
        if !children.is_empty() {
            self.trail.push((holder, old));
            let holder = Some(self.trail.len() - 1);
            let anew = parts_made_anew(a);
            let pairs = children.into_iter().zip(new_children).enumerate();
            stack.extend(pairs.map(|(index, (old, new))| Visit { old, new, anew: index < anew, holder }));
        }
        Ok(())
    }

    /// The path of an old value.
    fn place(&self, Visit { old, mut holder, .. }: Visit) -> String {
        let mut chain = vec![old];
        while let Some(&(above, id)) = holder.and_then(|holder| self.trail.get(holder)) {
            chain.push(id);
            holder = above;
        }
        chain.reverse();
        let path = path_along(self.old, &chain);
        if path.is_empty() { "the root".into() } else { path }
    }
}

impl Mapping {
    fn new(old: usize, new: usize) -> Self {
        Self { there: vec![None; old], back: vec![None; new] }
    }

    /// Notes that `old` is `new`; whether that is news. An error if one of them was another
    /// before, and cannot be both. Each new one with an identity is news once.
    fn pair(&mut self, old: u32, new: u32, identity: Identity) -> Compared<bool> {
        let missing = || String::from("what does not exist");
        let there = self.there.get_mut(old as usize).ok_or_else(missing)?;
        let back = self.back.get_mut(new as usize).ok_or_else(missing)?;
        if identity == Identity::No {
            return Ok(true);
        }
        match (*there, *back) {
            (Some(known), _) if known == new => return Ok(false),
            (_, Some(known)) if known == old && identity == Identity::Anew => return Ok(false),
            (Some(_), _) if identity != Identity::Anew => {
                return Err("expected what is elsewhere too, found a copy of it".into());
            }
            (_, Some(_)) if identity != Identity::Value => {
                return Err("expected a value of its own, found one that is elsewhere too".into());
            }
            _ => {}
        }
        if identity != Identity::Anew {
            *there = Some(new);
        }
        *back = Some(old);
        Ok(true)
    }
}

/// The module and name of what is inside a class, as pickles before protocol 4 spell it:
/// `getattr(class, name)`.
fn inner_name<'s>(state: &'s StateDict<'_>, mut id: u32) -> Option<(&'s String, String)> {
    let mut parts: Vec<&str> = Vec::new();
    while parts.len() <= MOST_PARTS {
        match state.node(id) {
            Node::Global(Global { module, name }) if !parts.is_empty() => {
                parts.push(name);
                parts.reverse();
                return Some((module, parts.join(".")));
            }
            Node::Object(Object {
                construct: Construct::Call,
                callable,
                args: Some(args),
                kwargs: None,
                items,
                pairs,
                state: None,
                effects,
            }) if items.is_empty() && pairs.is_empty() && effects.is_empty() => {
                let Node::Global(Global { module, name }) = state.node(*callable) else { return None };
                let Node::Tuple(args) = state.node(*args) else { return None };
                let (&[inner, part], "builtins", "getattr") = (&args[..], module.as_str(), name.as_str())
                else {
                    return None;
                };
                let Node::Text(part) = state.node(part) else { return None };
                parts.push(&part.value);
                id = inner;
            }
            _ => return None,
        }
    }
    None
}

/// Names in each other: more than any class has.
const MOST_PARTS: usize = 100;

/// A value's kind, which may be a class that a file names.
fn kind(state: &StateDict<'_>, id: u32) -> String {
    Item::new(state, id).kind().chars().take(100).collect()
}

/// How many of what a node refers to first are tensors that torch makes anew whenever it
/// saves the node: what else has them is in no pickle.
fn parts_made_anew(node: &Node) -> usize {
    match node {
        Node::Parameter(_) => 1,
        Node::SparseCoo(_) => 2,
        Node::SparseCompressed(_) => 3,
        _ => 0,
    }
}

fn identity(node: &Node, anew: bool) -> Identity {
    match node {
        Node::None
        | Node::Boolean(_)
        | Node::Int(_)
        | Node::BigInt(_)
        | Node::Float(_)
        | Node::Dtype(_)
        | Node::Qscheme(_)
        | Node::Layout(_) => Identity::No,
        Node::Tuple(items) if items.is_empty() => Identity::No,
        Node::Text(text) if text.interned => Identity::Value,
        Node::Global(_) => Identity::Value,
        Node::Tensor(_)
        | Node::Quantized(_)
        | Node::SparseCoo(_)
        | Node::SparseCompressed(_)
        | Node::Subclass(_)
            if anew =>
        {
            Identity::Anew
        }
        Node::Text(_)
        | Node::Tuple(_)
        | Node::Complex(_)
        | Node::SurrogateText(_)
        | Node::Bytes(_)
        | Node::ByteArray(_)
        | Node::List(_)
        | Node::Dict(_)
        | Node::OrderedDict(_)
        | Node::Counter(_)
        | Node::Set(_)
        | Node::FrozenSet(_)
        | Node::Size(_)
        | Node::Device(_)
        | Node::Storage(_)
        | Node::Tensor(_)
        | Node::Parameter(_)
        | Node::Quantized(_)
        | Node::SparseCoo(_)
        | Node::SparseCompressed(_)
        | Node::Subclass(_)
        | Node::NumpyScalar(_)
        | Node::Object(_)
        | Node::Absent => Identity::Own,
    }
}

/// The nodes and the storages that a node refers to.
fn references(node: &Node) -> (Vec<u32>, Vec<u32>) {
    let (mut children, mut storages) = (Vec::new(), Vec::new());
    visit(node, &mut |&id| children.push(id), &mut |&id| storages.push(id));
    (children, storages)
}

/// A node that refers to nothing in particular, in as many places.
fn bare(node: &Node) -> Node {
    let mut node = node.clone();
    visit_mut(&mut node, &mut |id| *id = 0, &mut |id| *id = 0);
    node
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::bindings::types::{OrderedDict, Pair, Parameter, StorageView, Tensor, Text};
    use crate::state::{DType, Storage};

    fn state(nodes: Vec<Node>) -> StateDict<'static> {
        let storages = vec![Storage::new([1]), Storage::new([2])];
        StateDict::from_parts(nodes, storages, 0, Vec::new())
    }

    fn held(old: &[Node], new: &[Node]) -> Compared<Vec<Option<u32>>> {
        same(&state(old.to_vec()), &state(new.to_vec()))
    }

    fn text(value: &str, interned: bool) -> Node {
        Node::Text(Text { value: value.into(), interned })
    }

    fn storage(storage: u32) -> Node {
        Node::Storage(StorageView { storage, dtype: None })
    }

    fn dict(pairs: &[(u32, u32)]) -> Node {
        Node::Dict(pairs.iter().map(|&(key, value)| Pair { key, value }).collect())
    }

    #[test]
    fn the_same_in_another_order_is_the_same() {
        let old = [Node::List(vec![1, 2, 1]), Node::List(vec![0]), Node::Int(7), text("unused", false)];
        let new = [Node::List(vec![2, 1, 2]), Node::Int(7), Node::List(vec![0])];
        held(&old, &new).unwrap();
    }

    #[test]
    fn values_without_identity_may_be_shared_more_or_less() {
        let once = [Node::List(vec![1, 1]), Node::Int(7)];
        let twice = [Node::List(vec![1, 2]), Node::Int(7), Node::Int(7)];
        held(&once, &twice).unwrap();
        held(&twice, &once).unwrap();
        let interned = [Node::List(vec![1, 2]), text("lr", true), text("lr", true)];
        held(&interned, &[Node::List(vec![1, 1]), text("lr", true)]).unwrap();
    }

    #[test]
    fn identity_is_kept() {
        for node in [Node::List(Vec::new()), text("lr", false), Node::Bytes(vec![1]), storage(0)] {
            let once = [Node::List(vec![1, 1]), node.clone()];
            let twice = [Node::List(vec![1, 2]), node.clone(), node];
            let copied = held(&once, &twice).unwrap_err();
            assert_eq!(copied, "[0]: expected what is elsewhere too, found a copy of it");
            let merged = held(&twice, &once).unwrap_err();
            assert_eq!(merged, "[1]: expected a value of its own, found one that is elsewhere too");
        }
    }

    #[test]
    fn the_first_place_that_differs_is_named() {
        let old = [dict(&[(1, 2)]), text("a", true), Node::List(vec![3, 4]), Node::Int(1), Node::Int(2)];
        let changed = |change: fn(&mut Vec<Node>)| {
            let mut new = old.to_vec();
            change(&mut new);
            held(&old, &new).unwrap_err()
        };
        let swapped = changed(|new| new.swap(3, 4));
        assert_eq!(swapped, "a[0]: expected int, found another int");
        assert_eq!(changed(|new| new[4] = Node::None), "a[1]: expected int, found NoneType");
        assert_eq!(changed(|new| new[2] = Node::List(vec![3])), "a: expected list, found another list");
        assert_eq!(changed(|new| new[0] = Node::None), "the root: expected dict, found NoneType");
    }

    #[test]
    fn attributes_count() {
        let ordered = |attributes| Node::OrderedDict(OrderedDict { items: Vec::new(), attributes });
        let with = [ordered(Some(1)), dict(&[])];
        held(&with, &with).unwrap();
        assert!(held(&with, &[ordered(None)]).is_err());
    }

    #[test]
    fn the_tensor_of_a_parameter_is_another_each_time() {
        let parameter = |tensor| Node::Parameter(Parameter { tensor, requires_grad: true, state: None });
        let once = [Node::List(vec![1, 2]), parameter(2), scalar()];
        let twice = [Node::List(vec![1, 3]), parameter(2), scalar(), scalar()];
        held(&once, &twice).unwrap();
        assert!(held(&twice, &once).is_err());
        let shared = [Node::List(vec![1, 2]), parameter(3), parameter(3), scalar()];
        let apart = [Node::List(vec![1, 2]), parameter(3), parameter(4), scalar(), scalar()];
        held(&shared, &apart).unwrap();
        assert!(held(&apart, &shared).is_err());
    }

    fn scalar() -> Node {
        Node::Tensor(Tensor {
            storage: Some(0),
            dtype: DType::Uint8,
            offset: 0,
            shape: vec![1],
            stride: vec![1],
            requires_grad: false,
            conj: false,
            neg: false,
        })
    }

    #[test]
    fn a_class_in_a_class_has_two_spellings() {
        let global = |name: &str| Node::Global(Global { module: "builtins".into(), name: name.into() });
        let spelled = |part: &str| {
            let call = Object {
                construct: Construct::Call,
                callable: 1,
                args: Some(2),
                kwargs: None,
                items: Vec::new(),
                pairs: Vec::new(),
                state: None,
                effects: Vec::new(),
            };
            vec![
                Node::Object(call),
                global("getattr"),
                Node::Tuple(vec![3, 4]),
                global("Outer"),
                text(part, true),
            ]
        };
        held(&[global("Outer.Inner")], &spelled("Inner")).unwrap();
        assert!(held(&[global("Outer.Inner")], &spelled("Other")).is_err());
        assert!(held(&[global("Outer")], &spelled("Inner")).is_err());
    }

    #[test]
    fn storages_are_told_apart() {
        let both = [Node::List(vec![1, 2]), storage(0), storage(1)];
        let swapped = [Node::List(vec![1, 2]), storage(1), storage(0)];
        assert_eq!(held(&both, &swapped), Ok(vec![Some(1), Some(0)]));
        let one = [Node::List(vec![1, 2]), storage(0), storage(0)];
        assert!(held(&both, &one).is_err() && held(&one, &both).is_err());
        assert_eq!(held(&one, &one), Ok(vec![Some(0), None]));
    }

    #[test]
    fn a_deep_tree_takes_no_stack() {
        let deep: Vec<Node> = (1..=300_000).map(|id| Node::List(vec![id])).chain([Node::None]).collect();
        held(&deep, &deep).unwrap();
    }
}
