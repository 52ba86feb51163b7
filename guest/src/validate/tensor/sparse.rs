use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::indices::{Compressed, Coordinates};
use super::reading::{Absent, Check, Places, Reading};
use super::view::{node, strided};
use crate::dtype::{DType, Layout};
use crate::model::{Node, NodeId, SparseCompressed, Tensor};
use crate::torch::Surveyed;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// Parts of a sparse tensor that do not fit each other.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-TENSOR-SPARSE",
    "parts of a sparse tensor that do not fit",
    "A sparse tensor is made of indices and values. If their sizes contradict each other or the \
     shape, operations on it reach beyond its memory.",
);

/// Reports sparse tensors whose parts do not fit.
pub(super) fn check(found: &Surveyed, part: &Part, scope: &mut Scope<'_>) {
    for (id, node) in (0u32..).zip(&found.nodes) {
        let flaw = match node {
            Node::SparseCoo { .. } => coordinates(found, node).err(),
            Node::SparseCompressed(sparse) => compressed(found, sparse).err(),
            _ => None,
        };
        if let Some(flaw) = flaw.filter(|flaw| !flaw.is_empty()) {
            scope.find(&RULE, part, found.offsets.near(id), flaw);
        }
    }
}

/// What must be read of a sparse tensor whose parts fit.
pub(super) fn reading(at: &Places<'_>, id: NodeId, node: &Node) -> Result<Option<Reading>, Absent> {
    let (streams, check) = match node {
        Node::SparseCoo { coalesced, .. } => {
            let Ok(Coo { indices, sizes }) = coordinates(at.found, node) else { return Ok(None) };
            let Some(elements) = at.elements(indices, &[1, 0])? else { return Ok(None) };
            (vec![elements], Check::Coordinates(Coordinates::new(sizes, *coalesced == Some(true))))
        }
        Node::SparseCompressed(sparse) => {
            let Ok(parts) = compressed(at.found, sparse) else { return Ok(None) };
            let order: Vec<usize> = (0..parts.compressed.shape.len()).collect();
            let Some(rows) = at.elements(parts.compressed, &order)? else { return Ok(None) };
            // Without entries there are no columns to read, but offsets that say so.
            let none = || super::elements::Elements::new(parts.plain.dtype, false, 0, &[(0, 0)]);
            let columns = at.elements(parts.plain, &order)?.unwrap_or_else(none);
            let check = Compressed::new(parts.rows, parts.columns, parts.entries);
            (vec![rows, columns], Check::Compressed(check))
        }
        _ => return Ok(None),
    };
    Ok(Some(Reading { offset: at.offset(id), streams, check }))
}

/// The tensors of which [`reading`] reads.
pub(super) fn read_of<'a>(found: &'a Surveyed, node: &Node) -> Vec<&'a Tensor> {
    match node {
        Node::SparseCoo { .. } => coordinates(found, node).map(|coo| vec![coo.indices]),
        Node::SparseCompressed(sparse) => {
            compressed(found, sparse).map(|parts| vec![parts.compressed, parts.plain])
        }
        _ => Ok(Vec::new()),
    }
    .unwrap_or_default()
}

/// A tensor in coordinate form, its parts fitting.
struct Coo<'a> {
    indices: &'a Tensor,
    /// The sizes of the sparse dimensions.
    sizes: Vec<u64>,
}

/// A compressed tensor, its parts fitting.
struct Parts<'a> {
    compressed: &'a Tensor,
    plain: &'a Tensor,
    /// In blocks, if it has any; for a column layout, columns.
    rows: u64,
    columns: u64,
    /// In each batch.
    entries: u64,
}

/// Checks what torch's `_validate_sparse_coo_tensor_args` does. An empty reason
/// is one that is reported elsewhere.
fn coordinates<'a>(found: &'a Surveyed, node: &Node) -> Result<Coo<'a>, String> {
    let Node::SparseCoo { indices, values, shape, coalesced } = node else { return Err(String::new()) };
    let (indices, values) = (tensor(found, *indices)?, tensor(found, *values)?);
    total(shape)?;
    if indices.storage.is_some() != values.storage.is_some() {
        return Err("indices and values on different devices".into());
    }
    if indices.dtype != DType::Int64 {
        return Err(format!("indices of {}, not int64", indices.dtype.name()));
    }
    let &[dimensions, entries] = indices.shape.as_slice() else {
        return Err(format!("indices of {} dimensions, not 2", indices.shape.len()));
    };
    // Products take the first numbers of a coalesced one's memory, whatever the strides say.
    if *coalesced == Some(true) && entries > 1 && indices.stride.last() != Some(&1) {
        return Err(GAPS.into());
    }
    let dense = values.shape.get(1..).unwrap_or_default();
    if values.shape.first() != Some(&entries) {
        return Err(format!("{entries} indices and values of shape {:?}", values.shape));
    }
    let sparse = usize::try_from(dimensions).ok().and_then(|count| shape.split_at_checked(count));
    match sparse {
        Some((sizes, rest)) if rest == dense => Ok(Coo { indices, sizes: sizes.to_vec() }),
        _ => {
            let values = &values.shape;
            Err(format!(
                "indices in {dimensions} dimensions and values of shape {values:?} in a tensor of shape {shape:?}"
            ))
        }
    }
}

/// Checks what torch's `_validate_sparse_compressed_tensor_args` does.
fn compressed<'a>(found: &'a Surveyed, sparse: &SparseCompressed) -> Result<Parts<'a>, String> {
    let SparseCompressed { layout, compressed, plain, values, shape } = sparse;
    let compressed = tensor(found, *compressed)?;
    let plain = tensor(found, *plain)?;
    let values = tensor(found, *values)?;
    total(shape)?;
    if [plain, values].iter().any(|part| part.storage.is_some() != compressed.storage.is_some()) {
        return Err("indices and values on different devices".into());
    }
    if !matches!(compressed.dtype, DType::Int64 | DType::Int32) || plain.dtype != compressed.dtype {
        let (first, second) = (compressed.dtype.name(), plain.dtype.name());
        return Err(format!("indices of {first} and {second}, not both int64 or int32"));
    }
    let misfit = || {
        format!(
            "offsets {:?}, indices {:?} and values {:?} in a tensor of shape {shape:?}",
            compressed.shape, plain.shape, values.shape
        )
    };
    let blocked = matches!(layout, Layout::SparseBsr | Layout::SparseBsc);
    let by_row = matches!(layout, Layout::SparseCsr | Layout::SparseBsr);
    let (Some((&offsets, batch)), Some((&entries, same))) =
        (compressed.shape.split_last(), plain.shape.split_last())
    else {
        return Err(misfit());
    };
    let values = values.shape.strip_prefix(batch).and_then(<[u64]>::split_first);
    let size = shape.strip_prefix(batch);
    let (Some((&count, values)), Some(&[height, width, ref dense @ ..])) = (values, size) else {
        return Err(misfit());
    };
    let (block, rest) = match values {
        &[rows, columns, ref rest @ ..] if blocked => ((rows, columns), rest),
        _ if blocked => return Err(misfit()),
        rest => ((1, 1), rest),
    };
    let divides = |size: u64, block: u64| block > 0 && size.is_multiple_of(block);
    if batch != same
        || count != entries
        || rest != dense
        || !divides(height, block.0)
        || !divides(width, block.1)
    {
        return Err(misfit());
    }
    let (height, width) = (height / block.0, width / block.1);
    let (rows, columns) = if by_row { (height, width) } else { (width, height) };
    if rows.checked_add(1) != Some(offsets) {
        return Err(format!("{offsets} offsets for {rows} of what they divide"));
    }
    for indices in [compressed, plain] {
        if indices.stride.last() != Some(&1) {
            return Err(GAPS.into());
        }
    }
    Ok(Parts { compressed, plain, rows, columns, entries })
}

const GAPS: &str = "indices with gaps between them";

fn total(shape: &[u64]) -> Result<(), String> {
    let total = shape.iter().try_fold(1u64, |product, &size| product.checked_mul(size));
    match total.filter(|&total| i64::try_from(total).is_ok()) {
        Some(_) => Ok(()),
        None => Err(format!("a shape of {shape:?}, more elements than 63 bits count")),
    }
}

/// A strided tensor that is a part of a sparse one.
fn tensor(found: &Surveyed, id: NodeId) -> Result<&Tensor, String> {
    strided(found, id).ok_or_else(|| match node(found, id) {
        Some(Node::SparseCoo { .. } | Node::SparseCompressed(_) | Node::Quantized { .. }) => {
            String::from("a part that is no plain tensor")
        }
        _ => String::new(),
    })
}
