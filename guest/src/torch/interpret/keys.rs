//! Keys as Python compares them: `1`, `1.0` and `True` are one key, a later
//! value for a key replaces the earlier one in its place, and lists cannot be
//! keys at all. Whoever settled this differently would read another dict than
//! `torch.load` does.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;

use super::Offsets;
use crate::Error;
use crate::dtype::{DType, Layout, QScheme};
use crate::model::{Global, Node, NodeId, Pair, children};

/// Drops repeated keys of dicts and repeated items of sets. True if there were
/// any; then some nodes may be out of reach.
pub(super) fn settle(nodes: &mut [Node], part: &str, offsets: &Offsets) -> Result<bool, Error> {
    let mut changes = Vec::new();
    let mut classes = Classes { nodes, part, offsets, of: vec![None; nodes.len()], known: BTreeMap::new() };
    for (id, node) in nodes.iter().enumerate() {
        let change = match node {
            Node::Dict(pairs) | Node::Counter(pairs) => classes.pairs(pairs)?.map(Change::Pairs),
            Node::OrderedDict { items, .. } => classes.pairs(items)?.map(Change::Pairs),
            Node::Set(items) | Node::FrozenSet(items) => classes.items(items)?.map(Change::Items),
            _ => None,
        };
        changes.extend(change.map(|change| (id, change)));
    }
    let changed = !changes.is_empty();
    for (id, change) in changes {
        match (nodes.get_mut(id), change) {
            (Some(Node::Dict(all) | Node::Counter(all)), Change::Pairs(pairs)) => *all = pairs,
            (Some(Node::OrderedDict { items, .. }), Change::Pairs(pairs)) => *items = pairs,
            (Some(Node::Set(all) | Node::FrozenSet(all)), Change::Items(items)) => *all = items,
            _ => {}
        }
    }
    Ok(changed)
}

enum Change {
    Pairs(Vec<Pair>),
    Items(Vec<NodeId>),
}

/// Numbers for keys: two that Python finds equal have the same.
struct Classes<'a> {
    nodes: &'a [Node],
    part: &'a str,
    offsets: &'a Offsets,
    /// The class of each node that is a key or inside one.
    of: Vec<Option<u32>>,
    known: BTreeMap<Key<'a>, u32>,
}

/// What makes two keys equal.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    None,
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    Int(i64),
    BigInt(Vec<u8>),
    /// The bits of a float that is no integer.
    Float(u64),
    Complex(u64, u64),
    /// The classes of the items, in order.
    Tuple(Vec<u32>),
    /// The classes of the items, sorted.
    Frozen(Vec<u32>),
    Global(&'a Global),
    DType(DType),
    QScheme(&'static str),
    Layout(&'static str),
    Device(&'a str, Option<i64>),
    /// Equal to itself only.
    Node(NodeId),
}

impl<'a> Classes<'a> {
    /// The pairs without repeated keys, if any are repeated: the first key and
    /// place, the last value.
    fn pairs(&mut self, pairs: &[Pair]) -> Result<Option<Vec<Pair>>, Error> {
        let mut kept: Vec<Pair> = Vec::new();
        let mut places = BTreeMap::new();
        for &(key, value) in pairs {
            let place = *places.entry(self.class(key)?).or_insert(kept.len());
            match kept.get_mut(place) {
                Some(pair) => pair.1 = value,
                None => kept.push((key, value)),
            }
        }
        Ok((kept.len() < pairs.len()).then_some(kept))
    }

    /// The items without repeats, if there are any.
    fn items(&mut self, items: &[NodeId]) -> Result<Option<Vec<NodeId>>, Error> {
        let mut seen = BTreeSet::new();
        let mut kept = Vec::new();
        for &item in items {
            if seen.insert(self.class(item)?) {
                kept.push(item);
            }
        }
        Ok((kept.len() < items.len()).then_some(kept))
    }

    /// The class of a key. Tuples nest as deep as a file likes, so this keeps
    /// its own stack.
    fn class(&mut self, key: NodeId) -> Result<u32, Error> {
        let mut stack = vec![(key, false)];
        let mut open = BTreeSet::new();
        while let Some((id, ready)) = stack.pop() {
            if self.known_class(id).is_some() {
                continue;
            }
            let node = usize::try_from(id).ok().and_then(|id| self.nodes.get(id));
            let Some(node) = node else { return Err(self.unhashable(id, "nothing")) };
            let nested = matches!(node, Node::Tuple(_) | Node::FrozenSet(_));
            if nested && !ready {
                if !open.insert(id) {
                    return Err(self.unhashable(id, "one that contains itself"));
                }
                stack.push((id, true));
                children(node, |child| stack.push((child, false)));
                continue;
            }
            open.remove(&id);
            let key = self.key(id, node)?;
            self.assign(id, key);
        }
        self.known_class(key).ok_or_else(|| self.unhashable(key, "nothing"))
    }

    fn key(&self, id: NodeId, node: &'a Node) -> Result<Key<'a>, Error> {
        let class = |&id: &NodeId| self.known_class(id).unwrap_or_default();
        Ok(match node {
            Node::None => Key::None,
            Node::Text(text) => Key::Text(text.value.as_bytes()),
            // Never equal to a text: these bytes are not UTF-8.
            Node::SurrogateText(bytes) => Key::Text(bytes),
            Node::Bytes(bytes) => Key::Bytes(bytes),
            Node::Bool(value) => Key::Int(i64::from(*value)),
            Node::Int(value) => Key::Int(*value),
            Node::BigInt(bytes) => Key::BigInt(bytes.clone()),
            Node::Float(bits) => float_key(*bits).unwrap_or(Key::Node(id)),
            Node::Complex { re, im } => complex_key(*re, *im).unwrap_or(Key::Node(id)),
            Node::Tuple(items) => Key::Tuple(items.iter().map(class).collect()),
            Node::FrozenSet(items) => {
                let unique: BTreeSet<u32> = items.iter().map(class).collect();
                Key::Frozen(unique.into_iter().collect())
            }
            Node::Size(_) | Node::Global(_) | Node::DType(_) | Node::QScheme(_) | Node::Layout(_) => {
                named_key(node).unwrap_or(Key::Node(id))
            }
            Node::Device { kind, index } => Key::Device(kind, *index),
            Node::List(_) => return Err(self.unhashable(id, "a list")),
            Node::Dict(_) | Node::OrderedDict { .. } | Node::Counter(_) => {
                return Err(self.unhashable(id, "a dict"));
            }
            Node::Set(_) => return Err(self.unhashable(id, "a set")),
            Node::ByteArray(_) => return Err(self.unhashable(id, "a bytearray")),
            _ => Key::Node(id),
        })
    }

    fn assign(&mut self, id: NodeId, key: Key<'a>) {
        // A size equals the tuple of its items, so it needs their classes.
        let key = match usize::try_from(id).ok().and_then(|id| self.nodes.get(id)) {
            Some(Node::Size(sizes)) => {
                Key::Tuple(sizes.iter().map(|&size| self.number(Key::Int(size))).collect())
            }
            _ => key,
        };
        let class = self.number(key);
        if let Some(slot) = usize::try_from(id).ok().and_then(|id| self.of.get_mut(id)) {
            *slot = Some(class);
        }
    }

    fn number(&mut self, key: Key<'a>) -> u32 {
        let next = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
        *self.known.entry(key).or_insert(next)
    }

    fn known_class(&self, id: NodeId) -> Option<u32> {
        *usize::try_from(id).ok().and_then(|id| self.of.get(id))?
    }

    fn unhashable(&self, id: NodeId, found: &str) -> Error {
        Error::malformed(self.offsets.near(id), self.part, "a key that can be hashed", found)
    }
}

fn named_key(node: &Node) -> Option<Key<'_>> {
    match node {
        Node::Global(global) => Some(Key::Global(global)),
        Node::DType(dtype) => Some(Key::DType(*dtype)),
        Node::QScheme(scheme) => Some(Key::QScheme(QScheme::name(*scheme))),
        Node::Layout(layout) => Some(Key::Layout(Layout::name(*layout))),
        _ => None,
    }
}

/// None for NaN, which equals nothing.
fn float_key<'a>(bits: u64) -> Option<Key<'a>> {
    const FRACTION: u32 = 52;
    let value = f64::from_bits(bits);
    if value.is_nan() {
        return None;
    }
    let exponent = u32::try_from(bits >> FRACTION & 0x7ff).ok()?;
    // Below 1, or infinite: an integer only if it is a zero.
    if !(1023..2047).contains(&exponent) {
        return Some(if value == 0.0 { Key::Int(0) } else { Key::Float(bits) });
    }
    let significand = bits & ((1 << FRACTION) - 1) | 1 << FRACTION;
    let shift = i64::from(exponent) - 1023 - i64::from(FRACTION);
    let negative = bits >> 63 == 1;
    let Ok(up) = u32::try_from(shift) else {
        let down = u32::try_from(-shift).ok()?;
        if significand.trailing_zeros() < down {
            return Some(Key::Float(bits));
        }
        let whole = i64::try_from(significand >> down).ok()?;
        return Some(Key::Int(if negative { -whole } else { whole }));
    };
    Some(integer_key(significand, up, negative))
}

/// `significand << shift`, negated or not, as Python's `int` would be held:
/// two's complement, least byte first, minimal.
fn integer_key<'a>(significand: u64, shift: u32, negative: bool) -> Key<'a> {
    let low = u128::from(significand) << (shift % 8);
    let mut bytes = vec![0; usize::try_from(shift / 8).unwrap_or_default()];
    bytes.extend_from_slice(&low.to_le_bytes());
    if negative {
        let mut carry = true;
        for byte in &mut bytes {
            let (sum, more) = (!*byte).overflowing_add(u8::from(carry));
            (*byte, carry) = (sum, more);
        }
    }
    while let [.., before, last] = bytes.as_slice() {
        let sign = if before >> 7 == 1 { 0xff } else { 0 };
        if *last != sign {
            break;
        }
        bytes.pop();
    }
    if bytes.len() > 8 {
        return Key::BigInt(bytes);
    }
    let mut whole = [if negative { 0xff } else { 0 }; 8];
    whole.iter_mut().zip(&bytes).for_each(|(to, from)| *to = *from);
    Key::Int(i64::from_le_bytes(whole))
}

/// A complex number without an imaginary part equals its real part.
fn complex_key<'a>(re: u64, im: u64) -> Option<Key<'a>> {
    let (real, imaginary) = (f64::from_bits(re), f64::from_bits(im));
    if real.is_nan() || imaginary.is_nan() {
        return None;
    }
    if imaginary == 0.0 {
        return float_key(re);
    }
    let positive = |value: f64| if value == 0.0 { 0 } else { value.to_bits() };
    Some(Key::Complex(positive(real), positive(imaginary)))
}
