//! A stream that is one storage, in memory: what `pickle.dump` has of a tensor's elements.

use alloc::vec::Vec;

use super::stream::{Outcome, Stream};
use crate::dtype::DType;
use crate::pickle::{Graph, Object, Value};
use crate::step::{Next, Range};
use crate::validate::examine::{Examine, Scope};

/// The storage that a stream is.
#[derive(Debug)]
pub(in crate::validate) struct Sole {
    /// The element type that its class says.
    pub(in crate::validate) dtype: DType,
    /// Its elements.
    pub(in crate::validate) elements: u64,
    /// Where its bytes are.
    pub(in crate::validate) range: Range,
}

impl Sole {
    /// Judges bytes, which are all of the scope's region, as a stream. What is wrong with it is
    /// told the scope; None if it is not one storage.
    pub(in crate::validate) fn of(bytes: &[u8], scope: &mut Scope<'_>) -> Option<Self> {
        let mut stream = Stream::new(scope);
        let mut parts = Vec::new();
        while let Next::Fetch(ranges) = stream.resume(parts, scope) {
            parts = ranges.into_iter().map(|range| slice(bytes, range).to_vec()).collect();
        }
        let Outcome { is_sole, storages: [storage], places: [Some(range)] } = stream.outcome()? else {
            return None;
        };
        let whole = is_sole && range.end() == Some(scope.length);
        whole.then_some(Self { dtype: storage.dtype, elements: storage.elements, range: *range })
    }

    /// Whether bytes start as a stream of torch does. Readers that take a file for something else
    /// look at its first bytes, and this reader at nothing but them.
    pub(in crate::validate) fn is_start(bytes: &[u8]) -> bool {
        bytes.starts_with(START)
    }
}

/// Whether a state dict is a storage and nothing else: `('storage', class, key, location, count,
/// None)` for an id.
pub(super) fn is_sole(graph: &Graph) -> bool {
    let Some(Object::Instance(instance)) = graph.object(graph.root) else { return false };
    match graph.object(instance.callable) {
        Some(Object::Tuple(id)) => {
            instance.is_bare() && matches!(id.as_slice(), [_, _, _, _, _, Value::None])
        }
        _ => false,
    }
}

fn slice(bytes: &[u8], range: Range) -> &[u8] {
    let start = usize::try_from(range.offset).ok();
    let end = range.end().and_then(|end| usize::try_from(end).ok());
    start.zip(end).and_then(|(start, end)| bytes.get(start..end)).unwrap_or_default()
}

/// The first pickle, as torch writes it: PROTO 2, LONG1 with ten bytes, STOP.
const START: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
