use alloc::vec::Vec;

use super::wit::types as wit;
use crate::Error;
use crate::model::{Node, visit};

/// Bytes after which a page ends: hosts meter what one call copies.
pub(super) const PAGE_BYTES: usize = 4 << 20;

/// Items from `start`, at most `count`, until they weigh more than a page.
pub(super) fn page<T, W>(
    items: &[T],
    start: u32,
    count: u32,
    weight: impl Fn(&T) -> usize,
    convert: impl Fn(&T) -> W,
) -> Result<Vec<W>, wit::Error> {
    let rest = usize::try_from(start).ok().and_then(|start| items.get(start..));
    let rest = rest.ok_or_else(|| super::error_out(Error::misuse("a page beyond the end")))?;
    let mut total = 0usize;
    let mut out = Vec::new();
    for item in rest.iter().take(usize::try_from(count).unwrap_or(usize::MAX)) {
        if total > PAGE_BYTES {
            break;
        }
        total = total.saturating_add(weight(item));
        out.push(convert(item));
    }
    Ok(out)
}

/// What a node weighs in a page.
pub(super) fn node_weight(node: &Node) -> usize {
    let mut references = 0usize;
    visit(node, |_| references = references.saturating_add(1), |_| {});
    let own = match node {
        Node::Text(text) => text.value.len(),
        Node::BigInt(bytes) | Node::SurrogateText(bytes) | Node::Bytes(bytes) | Node::ByteArray(bytes) => {
            bytes.len()
        }
        Node::NumpyScalar { dtype, data, source: _ } => dtype.len().saturating_add(data.len()),
        Node::Size(sizes) => sizes.len().saturating_mul(8),
        Node::Global(global) => global.module.len().saturating_add(global.name.len()),
        Node::Tensor(tensor) | Node::Quantized { tensor, quantizer: _ } => {
            tensor.shape.len().saturating_mul(16)
        }
        Node::Device { kind, index: _ } => kind.len(),
        Node::SparseCoo { shape, .. } => shape.len().saturating_mul(8),
        Node::SparseCompressed(sparse) => sparse.shape.len().saturating_mul(8),
        Node::None
        | Node::Bool(_)
        | Node::Int(_)
        | Node::Float(_)
        | Node::Complex { .. }
        | Node::Tuple(_)
        | Node::List(_)
        | Node::Dict(_)
        | Node::OrderedDict { .. }
        | Node::Counter(_)
        | Node::Set(_)
        | Node::FrozenSet(_)
        | Node::DType(_)
        | Node::QScheme(_)
        | Node::Layout(_)
        | Node::Storage { .. }
        | Node::Parameter { .. }
        | Node::Subclass { .. }
        | Node::Object(_)
        | Node::Absent => 0,
    };
    own.saturating_add(references.saturating_mul(4)).saturating_add(64)
}
