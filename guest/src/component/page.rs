use alloc::vec::Vec;

use super::wit::types as wit;
use crate::Error;
use crate::model::Node;

/// Bytes after which a page ends: hosts meter what one call copies.
const PAGE_BYTES: usize = 4 << 20;

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
    let payload = match node {
        Node::Text(text) => text.value.len(),
        Node::BigInt(bytes)
        | Node::SurrogateText(bytes)
        | Node::Bytes(bytes)
        | Node::ByteArray(bytes)
        | Node::NumpyScalar { data: bytes, .. } => bytes.len(),
        Node::Tuple(items) | Node::List(items) | Node::Set(items) | Node::FrozenSet(items) => {
            items.len().saturating_mul(4)
        }
        Node::Dict(items) | Node::OrderedDict { items, .. } | Node::Counter(items) => {
            items.len().saturating_mul(8)
        }
        Node::Size(sizes) => sizes.len().saturating_mul(8),
        Node::Global(global) => global.module.len().saturating_add(global.name.len()),
        Node::Tensor(tensor) | Node::Quantized { tensor, .. } => tensor.shape.len().saturating_mul(16),
        Node::Device { kind, .. } => kind.len(),
        Node::SparseCoo { shape, .. } => shape.len().saturating_mul(8),
        Node::SparseCompressed(sparse) => sparse.shape.len().saturating_mul(8),
        Node::Object(object) => {
            object.items.len().saturating_mul(4).saturating_add(object.pairs.len().saturating_mul(8))
        }
        _ => 0,
    };
    payload.saturating_add(64)
}
