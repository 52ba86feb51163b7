//! Tensors that are the state of a generator of random numbers: torch's own, and the words of
//! numpy's Mersenne Twister. With nothing but zeros it draws 0 for ever, and a distribution that
//! draws until it is satisfied never ends.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::elements::Elements;
use super::reading::{Absent, Check, Look, Places, Reading};
use super::view::{node, strided};
use crate::dtype::DType;
use crate::model::{Node, NodeId, Pair, Tensor};
use crate::torch::Surveyed;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// The state of a generator that never ends drawing, or reads beyond its words.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-TENSOR-GENERATOR",
    "the state of a generator that it cannot be in",
    "A Mersenne Twister whose words are all zero gives 0 at each draw: who draws from a normal \
     or gamma distribution after setting this state waits for ever. One at a position that leaves \
     less than it says reads memory behind its words. torch and numpy take both.",
);

/// Reports words of numpy's generator that are no plain tensor of so many numbers.
pub(super) fn check(found: &Surveyed, part: &Part, scope: &mut Scope<'_>) {
    for (id, node) in (0u32..).zip(&found.nodes) {
        // torch takes the number of elements before a state for a number of states.
        if let Some(tensor) = state(node).filter(|tensor| tensor.offset != 0) {
            let message = format!(
                "the state of a generator at element {} of its storage: torch reads it elsewhere",
                tensor.offset
            );
            scope.find(&RULE, part, found.offsets.near(id), message);
        }
        let Some(key) = key(found, node).filter(|key| is_tensor(found, *key)) else { continue };
        if words(found, key).is_none() {
            let message = "the words of a Mersenne Twister are not a tensor of 624 integers";
            scope.find(&RULE, part, found.offsets.near(id), message);
        }
    }
}

/// A look at words, of which one that is not zero is enough.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// Elements before the first word, and those of each word.
    before: u64,
    width: u64,
    /// Elements that were taken.
    taken: u64,
    /// How many draws are left before new words are made, whether any were, and which is next.
    left: i64,
    seeded: i64,
    next: i64,
}

impl Words {
    /// Looks at what is there.
    pub(super) fn look(&mut self, elements: &mut Elements) -> Look {
        while let Some(number) = elements.next_int() {
            let at = self.taken;
            self.taken = at.saturating_add(1);
            let Some(at) = at.checked_sub(self.before) else {
                self.header(at, number);
                continue;
            };
            let (word, part) = (at / self.width, at % self.width);
            if word >= WORDS {
                break;
            }
            // Four bytes of a word count, and of the first word the highest bit of them.
            let bits = match (self.width, word, part) {
                (1, 0, _) => number & 0x8000_0000,
                (1, ..) => number & 0xffff_ffff,
                (_, 0, 3) => number & 0x80,
                (_, 1.., 0..=3) => number,
                _ => 0,
            };
            if bits != 0 {
                let fits = !self.is_taken() || self.left.saturating_add(self.next) <= LAST.saturating_add(1);
                return if fits { Look::Done } else { Look::Wrong("a position beyond its words".into()) };
            }
        }
        if elements.is_over() || self.taken >= self.before.saturating_add(WORDS.saturating_mul(self.width)) {
            let is_dead = self.is_taken();
            return if is_dead {
                Look::Wrong("all words of a Mersenne Twister are zero".into())
            } else {
                Look::Done
            };
        }
        Look::More(0)
    }

    /// Whether it is what a generator takes: torch refuses other bytes of the same number, such as a mask.
    fn is_taken(&self) -> bool {
        let is_inside = (1..=LAST).contains(&self.left) && (0..=LAST).contains(&self.next);
        self.before == 0 || self.seeded != 0 && is_inside
    }

    /// Takes a byte of what is before the words of torch's state, the least first.
    fn header(&mut self, at: u64, byte: i64) {
        let shifted =
            |by: u64| byte.checked_shl(u32::try_from(by.saturating_mul(8)).unwrap_or(64)).unwrap_or(0);
        match at {
            8..12 => self.left |= shifted(at.saturating_sub(8)),
            12..16 => self.seeded |= byte,
            16..24 => self.next |= shifted(at.saturating_sub(16)),
            _ => {}
        }
    }
}

/// What must be read of a tensor that is a state.
pub(super) fn readings(at: &Places<'_>, id: NodeId, node: &Node) -> Result<Vec<Reading>, Absent> {
    let mut readings = Vec::new();
    for (tensor, words) in states(at.found, node) {
        let order: Vec<usize> = (0..tensor.shape.len()).collect();
        if let Some(elements) = at.elements(tensor, &order)? {
            readings.push(Reading {
                offset: at.offset(id),
                streams: vec![elements],
                check: Check::Words(words),
            });
        }
    }
    Ok(readings)
}

/// The tensors of which [`readings`] reads.
pub(super) fn read_of<'a>(found: &'a Surveyed, node: &'a Node) -> Vec<&'a Tensor> {
    states(found, node).into_iter().map(|(tensor, _)| tensor).collect()
}

/// A tensor of torch's own states, or those that a tuple or dict has as words of numpy's.
fn states<'a>(found: &'a Surveyed, node: &'a Node) -> Vec<(&'a Tensor, Words)> {
    match node {
        Node::Tensor(_) => {
            let words = |tensor| (tensor, Words { before: HEADER, width: 8, ..Words::default() });
            state(node).map(words).into_iter().collect()
        }
        Node::Tuple(_) | Node::List(_) => {
            key(found, node).and_then(|key| words(found, key)).into_iter().collect()
        }
        node => {
            let key = item(found, node, "pos").and_then(|_| item(found, node, "key"));
            key.and_then(|key| words(found, key)).into_iter().collect()
        }
    }
}

/// What torch takes for the state of its generator: it asks for no shape.
fn state(node: &Node) -> Option<&Tensor> {
    match node {
        Node::Tensor(tensor) if tensor.dtype == DType::UInt8 && tensor.numel() == Some(STATE) => {
            Some(tensor.as_ref())
        }
        _ => None,
    }
}

/// What numpy takes for words, if it is a tensor as it should be.
fn words(found: &Surveyed, id: NodeId) -> Option<(&Tensor, Words)> {
    let tensor = strided(found, id).filter(|tensor| tensor.shape == [WORDS] && is_int(tensor.dtype))?;
    Some((tensor, Words { width: 1, ..Words::default() }))
}

/// The words in what names a Mersenne Twister.
fn key(found: &Surveyed, outer: &Node) -> Option<NodeId> {
    if let Node::Tuple(items) | Node::List(items) = outer {
        return match items.as_slice() {
            [name, key, ..] if is_text(found, *name, "MT19937") => Some(*key),
            _ => None,
        };
    }
    item(found, outer, "bit_generator").filter(|name| is_text(found, *name, "MT19937"))?;
    // Many may have one inner dict. One of more items than a state has is reported as that.
    let inner = node(found, item(found, outer, "state")?)?;
    if pairs(inner)?.len() > MOST { None } else { item(found, inner, "key") }
}

/// The last item of a dict with this key.
fn item(found: &Surveyed, dict: &Node, name: &str) -> Option<NodeId> {
    pairs(dict)?.iter().rev().find(|(key, _)| is_text(found, *key, name)).map(|&(_, value)| value)
}

fn pairs(dict: &Node) -> Option<&[Pair]> {
    match dict {
        Node::Dict(pairs) | Node::Counter(pairs) | Node::OrderedDict { items: pairs, .. } => Some(pairs),
        _ => None,
    }
}

fn is_tensor(found: &Surveyed, id: NodeId) -> bool {
    matches!(
        node(found, id),
        Some(
            Node::Tensor(_)
                | Node::Parameter { .. }
                | Node::Subclass { .. }
                | Node::Quantized { .. }
                | Node::SparseCoo { .. }
                | Node::SparseCompressed(_)
        )
    )
}

fn is_text(found: &Surveyed, id: NodeId, wanted: &str) -> bool {
    matches!(node(found, id), Some(Node::Text(text)) if text.value == wanted)
}

fn is_int(dtype: DType) -> bool {
    matches!(
        dtype,
        DType::Int8
            | DType::UInt8
            | DType::Int16
            | DType::UInt16
            | DType::Int32
            | DType::UInt32
            | DType::Int64
            | DType::UInt64
    )
}

/// Words of a Mersenne Twister.
const WORDS: u64 = 624;
const LAST: i64 = 624;
/// Items that the inner dict of a state has at most.
const MOST: usize = 32;
/// Bytes of the state of torch's generator for the CPU; and those before its words, of which each
/// is in eight. Source: `CPUGeneratorImplStateLegacy` of torch.
const STATE: u64 = 5056;
const HEADER: u64 = 24;
