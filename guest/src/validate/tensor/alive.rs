//! Tensors that are the state of a generator of random numbers: torch's own, and the words of
//! numpy's Mersenne Twister. With nothing but zeros it draws 0 for ever, and a distribution that
//! draws until it is satisfied never ends.

use alloc::vec;
use alloc::vec::Vec;

use super::elements::Elements;
use super::reading::{Absent, Check, Look, Places, Reading};
use super::view::{node, strided};
use crate::dtype::DType;
use crate::model::{Node, NodeId, Tensor};
use crate::torch::Surveyed;
use crate::validate::finding::Rule;

/// The state of a generator that never ends drawing.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-TENSOR-GENERATOR",
    "the state of a generator that draws for ever",
    "A Mersenne Twister whose words are all zero gives 0 at each draw. Who draws from a normal \
     or gamma distribution after setting this state waits for ever.",
);

/// A look at words, of which one that is not zero is enough.
#[derive(Debug)]
pub(super) struct Words {
    /// Elements before the first word, and those of each word.
    before: u64,
    width: u64,
    /// Elements that were taken.
    taken: u64,
}

impl Words {
    /// Looks at what is there.
    pub(super) fn look(&mut self, elements: &mut Elements) -> Look {
        while let Some(number) = elements.next_int() {
            let at = self.taken;
            self.taken = at.saturating_add(1);
            let Some(at) = at.checked_sub(self.before) else { continue };
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
                return Look::Done;
            }
        }
        if elements.is_over() || self.taken >= self.before.saturating_add(WORDS.saturating_mul(self.width)) {
            return Look::Wrong("all words of a Mersenne Twister are zero".into());
        }
        Look::More(0)
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
    let words = |id: &NodeId| {
        let tensor = strided(found, *id).filter(|tensor| tensor.shape == [WORDS] && is_int(tensor.dtype))?;
        Some((tensor, Words { before: 0, width: 1, taken: 0 }))
    };
    match node {
        Node::Tensor(tensor) if tensor.dtype == DType::UInt8 && tensor.shape == [STATE] => {
            vec![(tensor.as_ref(), Words { before: HEADER, width: 8, taken: 0 })]
        }
        Node::Tuple(items) | Node::List(items) => match items.as_slice() {
            [name, key, ..] if is_text(found, *name, "MT19937") => words(key).into_iter().collect(),
            _ => Vec::new(),
        },
        Node::Dict(pairs) | Node::Counter(pairs) | Node::OrderedDict { items: pairs, .. } => {
            let keys = pairs.iter().filter(|(key, _)| is_text(found, *key, "key"));
            keys.filter_map(|(_, value)| words(value)).collect()
        }
        _ => Vec::new(),
    }
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
/// Bytes of the state of torch's generator for the CPU; and those before its words, of which each
/// is in eight. Source: `CPUGeneratorImplStateLegacy` of torch.
const STATE: u64 = 5056;
const HEADER: u64 = 24;
