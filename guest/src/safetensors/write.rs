use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::fit::{self, Fit, Loss, Reason};
use super::ties::ties;
use super::{MAX_HEADER, METADATA};
use crate::dtype::DType;
use crate::error::Unfit;
use crate::model::{FileLayout as Layout, SafetensorsOptions, Segment, Slot, Source};
use crate::model::{Node, NodeId, Storage};
use crate::path::{Walk, get};
use crate::{Error, show};

/// Lays the state dict under `root` out as the reference serializer does.
///
/// Nested dicts, lists and tuples become names: `layers[0].weight`. Several keys
/// of metadata are sorted; the reference writes them in no fixed order.
pub(crate) fn layout(
    options: &SafetensorsOptions,
    nodes: &[Node],
    storages: &[Storage],
    root: NodeId,
) -> Result<Layout, Error> {
    let mut leaves = collect(nodes, storages, root)?;
    if !options.tensors_only {
        refuse_ties(&mut leaves);
    }
    refuse_duplicates(&mut leaves);
    // What matters most is said first.
    leaves.sort_by_key(|leaf| leaf.loss);
    let (mut entries, mut unfit) = (Vec::new(), Vec::new());
    for Leaf { path, own, verdict, .. } in leaves {
        match verdict {
            Ok(fit) => entries.push((path, fit)),
            Err(reason) => unfit.push(Unfit { path: own.unwrap_or(path), reason: reason.into_owned() }),
        }
    }
    if !unfit.is_empty() && !options.tensors_only {
        return Err(Error::Unrepresentable(unfit));
    }
    if entries.is_empty() && unfit.is_empty() {
        refuse_nameless(nodes, root)?;
    }
    if options.tensors_only && entries.is_empty() {
        unfit.insert(0, Unfit { path: String::new(), reason: NOTHING.into() });
        return Err(Error::Unrepresentable(unfit));
    }
    // Wide elements first, so that all are aligned; then by name.
    entries.sort_by(|(left_name, left), (right_name, right)| {
        rank(left.tensor.dtype).cmp(&rank(right.tensor.dtype)).then_with(|| left_name.cmp(right_name))
    });
    let header = header(&options.metadata, &entries)?;
    place(header, &entries, unfit)
}

/// A value of the tree, and whether it fits.
struct Leaf<'a> {
    path: String,
    /// The name that no other value has, if that is another.
    own: Option<String>,
    verdict: Result<Fit<'a>, Reason>,
    /// What is lost if it is left out.
    loss: Loss,
}

fn collect<'a>(nodes: &'a [Node], storages: &[Storage], root: NodeId) -> Result<Vec<Leaf<'a>>, Error> {
    let mut leaves = Vec::new();
    let mut room = ROOM;
    let mut walk = Walk::new(nodes, root)?;
    while let Some(leaf) = walk.next()? {
        let verdict = match leaf.unnamed {
            _ if leaf.module => Err(fit::module(nodes, leaf.node)),
            Some(why) => Err(fit::unnamed(nodes, leaf.node, why)?),
            None if leaf.node == root => Err(match fit::judge(nodes, storages, root)? {
                Ok(_) => "a tensor by itself: safetensors needs a name".into(),
                Err(reason) => reason,
            }),
            None => match fit::judge(nodes, storages, leaf.node)? {
                Ok(_) if leaf.path == METADATA => {
                    Err(format!("a tensor named `{METADATA}`: the header's own").into())
                }
                verdict => verdict,
            },
        };
        // A tree of shared containers can be far larger than its nodes.
        let note =
            verdict.as_ref().map_or_else(|reason| reason.len(), |fit| fit.shape.len().saturating_mul(8));
        let names = leaf.path.len().saturating_add(leaf.own.as_ref().map_or(0, String::len));
        let cost = ENTRY.saturating_add(names.saturating_add(note) as u64);
        room = room
            .checked_sub(cost)
            .ok_or_else(|| Error::misuse("the paths of the state dict are too long"))?;
        let attributes = verdict.as_ref().ok().and(fit::attributes(nodes, leaf.node)?);
        let attributes = attributes.map(|reason| Leaf {
            path: leaf.path.clone(),
            own: leaf.own.clone(),
            verdict: Err(reason),
            loss: Loss::Attributes,
        });
        let loss = fit::loss(get(nodes, leaf.node)?);
        leaves.push(Leaf { path: leaf.path, own: leaf.own, verdict, loss });
        leaves.extend(attributes);
    }
    Ok(leaves)
}

/// A file without tensors is an empty dict to whoever reads it.
fn refuse_nameless(nodes: &[Node], root: NodeId) -> Result<(), Error> {
    let what = match get(nodes, root)? {
        Node::List(_) => "an empty list",
        Node::Tuple(_) => "an empty tuple",
        _ => return Ok(()),
    };
    let reason = format!("{what}: a safetensors file without tensors is an empty dict");
    Err(Error::Unrepresentable(vec![Unfit { path: String::new(), reason }]))
}

fn refuse_ties(leaves: &mut [Leaf<'_>]) {
    let fits: Vec<(usize, &Fit<'_>)> = fitting(leaves).map(|(index, _, fit)| (index, fit)).collect();
    let leaders = ties(&fits.iter().map(|(_, fit)| *fit).collect::<Vec<_>>());
    let reasons: Vec<(usize, Reason)> = fits
        .iter()
        .zip(leaders)
        .filter_map(|(&(index, _), leader)| {
            let (first, _) = fits.get(leader?)?;
            let first = show::name(&leaves.get(*first)?.path);
            Some((index, format!("shares its storage with {first}").into()))
        })
        .collect();
    refuse(leaves, reasons);
}

/// Refuses all tensors that have one name: to leave one of them in would be to choose
/// between them.
fn refuse_duplicates(leaves: &mut [Leaf<'_>]) {
    let mut names: Vec<(&str, usize)> = fitting(leaves).map(|(index, path, _)| (path, index)).collect();
    names.sort_unstable();
    let mut reasons: Vec<(usize, Reason)> = Vec::new();
    for group in names.chunk_by(|(left, _), (right, _)| left == right) {
        let [(path, first), (_, second), ..] = group else { continue };
        for &(_, index) in group {
            let other = leaves.get(if index == *first { *second } else { *first });
            let other = other.and_then(|other| other.own.as_deref()).unwrap_or(path);
            let reason = format!("has the name {}, as {} has", show::name(path), show::name(other));
            reasons.push((index, reason.into()));
        }
    }
    refuse(leaves, reasons);
}

fn fitting<'l, 'a>(leaves: &'l [Leaf<'a>]) -> impl Iterator<Item = (usize, &'l str, &'l Fit<'a>)> {
    leaves
        .iter()
        .enumerate()
        .filter_map(|(index, leaf)| Some((index, leaf.path.as_str(), leaf.verdict.as_ref().ok()?)))
}

fn refuse(leaves: &mut [Leaf<'_>], reasons: Vec<(usize, Reason)>) {
    for (index, reason) in reasons {
        if let Some(leaf) = leaves.get_mut(index) {
            leaf.verdict = Err(reason);
        }
    }
}

/// The length and the JSON, padded with spaces to a multiple of eight bytes.
fn header(metadata: &[(String, String)], entries: &[(String, Fit<'_>)]) -> Result<Vec<u8>, Error> {
    let mut json = String::from("{");
    if !metadata.is_empty() {
        write_metadata(&mut json, metadata)?;
    }
    let mut start = 0u64;
    for (name, fit) in entries {
        let end = start.checked_add(fit.length).ok_or_else(too_long)?;
        separate(&mut json);
        write_string(&mut json, name)?;
        json.push_str(&format!(":{{\"dtype\":\"{}\",\"shape\":[", fit.dtype));
        for (index, size) in fit.shape.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            json.push_str(&format!("{comma}{size}"));
        }
        json.push_str(&format!("],\"data_offsets\":[{start},{end}]}}"));
        start = end;
        // The reference could not read the file back. What follows would only be longer.
        if json.len() as u64 > MAX_HEADER {
            return Err(too_large(entries.len()));
        }
    }
    json.push('}');
    while !json.len().is_multiple_of(8) {
        json.push(' ');
    }
    let length = json.len() as u64;
    if length > MAX_HEADER {
        return Err(too_large(entries.len()));
    }
    let mut header = length.to_le_bytes().to_vec();
    header.append(&mut json.into_bytes());
    Ok(header)
}

fn write_metadata(json: &mut String, metadata: &[(String, String)]) -> Result<(), Error> {
    let sorted: BTreeMap<_, _> = metadata.iter().map(|(key, value)| (key, value)).collect();
    if sorted.len() < metadata.len() {
        return Err(Error::misuse("a key of the metadata comes twice"));
    }
    json.push_str(&format!("\"{METADATA}\":{{"));
    for (key, value) in sorted {
        separate(json);
        write_string(json, key)?;
        json.push(':');
        write_string(json, value)?;
    }
    json.push('}');
    Ok(())
}

/// A comma, but not after an opening brace.
fn separate(json: &mut String) {
    if !json.ends_with('{') {
        json.push(',');
    }
}

fn write_string(json: &mut String, text: &str) -> Result<(), Error> {
    let quoted = serde_json::to_string(text).map_err(|error| Error::misuse(format!("{error}")))?;
    json.push_str(&quoted);
    Ok(())
}

/// The header, and the tensors' slots after it.
fn place(header: Vec<u8>, entries: &[(String, Fit<'_>)], left_out: Vec<Unfit>) -> Result<Layout, Error> {
    let mut offset = header.len() as u64;
    let mut slots = Vec::with_capacity(entries.len());
    for (_, fit) in entries {
        let source =
            if fit.whole { Source::Storage(fit.storage) } else { Source::Tensor(fit.tensor.clone()) };
        slots.push(Slot { offset, length: fit.length, source });
        offset = offset.checked_add(fit.length).ok_or_else(too_long)?;
    }
    let segments = vec![Segment { offset: 0, bytes: header }];
    Ok(Layout { length: offset, segments, slots, seal: false, left_out })
}

/// The place of a dtype's tensors in the file.
fn rank(dtype: DType) -> usize {
    ORDER.iter().position(|other| *other == dtype).unwrap_or(ORDER.len())
}

/// The file is at fault, and no limit of ours.
fn too_large(tensors: usize) -> Error {
    let reason = format!(
        "the names and shapes of {tensors} tensors take more than {MAX_HEADER} bytes, and safetensors \
         reads no longer header"
    );
    Error::Unrepresentable(vec![Unfit { path: String::new(), reason }])
}

fn too_long() -> Error {
    Error::misuse("the tensors take more than 2^64 bytes")
}

/// Why a file would be made for nothing.
const NOTHING: &str = "no tensor is left: safetensors can hold none of what is here";

/// Bytes for all paths, and for what is noted of each.
const ROOM: u64 = 512 << 20;

/// About what is noted of a value.
const ENTRY: u64 = 64;

/// The reference's order of dtypes.
pub(super) const ORDER: [DType; 22] = [
    DType::UInt64,
    DType::Int64,
    DType::Float64,
    DType::Complex64,
    DType::Float32,
    DType::UInt32,
    DType::Int32,
    DType::BFloat16,
    DType::Float16,
    DType::UInt16,
    DType::Int16,
    DType::Float8E5M2FNUZ,
    DType::Float8E4M3FNUZ,
    DType::Float8E8M0FNU,
    DType::Float8E4M3FN,
    DType::Float8E5M2,
    DType::Int8,
    DType::UInt8,
    DType::Float6E3M2,
    DType::Float6E2M3,
    DType::Float4E2M1FNx2,
    DType::Bool,
];
