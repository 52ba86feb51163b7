//! A checkpoint in the words of tests/fixtures/describe.py, to be compared with
//! what torch says of the same file.

use serde_json::{Value, json};
use strongroom_guest::model::{Node, NodeId, Quantizer, Tensor};
use strongroom_guest::{Checkpoint, DType};

use super::native;
use super::paths::{below, join, key_text};

/// A container of more, none of them a tensor, is one leaf.
const SUMMARY: usize = 100;

/// The tensors, leaves, opaque objects and attributes of what was read from `file`.
pub fn describe(checkpoint: &Checkpoint, file: &[u8]) -> Value {
    let mut walk = Walk { checkpoint, file, found: Found::default(), places: Vec::new() };
    walk.visit(checkpoint.root, "", &mut Vec::new());
    let Found { tensors, leaves, opaque, attributes } = walk.found;
    json!({ "tensors": tensors, "leaves": leaves, "opaque": opaque, "attributes": attributes })
}

#[derive(Default)]
struct Found {
    tensors: Vec<Value>,
    leaves: Vec<Value>,
    opaque: Vec<Value>,
    attributes: Vec<Value>,
}

struct Walk<'c> {
    checkpoint: &'c Checkpoint,
    file: &'c [u8],
    found: Found,
    /// The storages met so far, and the first path into each.
    places: Vec<(u32, String)>,
}

impl Walk<'_> {
    fn node(&self, id: NodeId) -> &Node {
        &self.checkpoint.nodes[id as usize]
    }

    fn visit(&mut self, id: NodeId, path: &str, above: &mut Vec<(NodeId, String)>) {
        let node = self.node(id).clone();
        if is_tensor(&node) {
            self.tensor(&node, path);
        } else if let Some(inside) = self.inside(&node, path) {
            self.container(id, &node, path, inside, above);
        } else if let Some((kind, value)) = self.leaf(&node) {
            self.found.leaves.push(json!({ "path": path, "type": kind, "value": value }));
        } else {
            let Node::Object(object) = &node else { panic!("{path} is a {node:?}") };
            let class = self.global(object.callable);
            self.found.opaque.push(json!({ "path": path, "class": class }));
        }
    }

    fn container(
        &mut self,
        id: NodeId,
        node: &Node,
        path: &str,
        inside: Vec<(String, NodeId)>,
        above: &mut Vec<(NodeId, String)>,
    ) {
        if let Some((_, first)) = above.iter().find(|(ancestor, _)| *ancestor == id) {
            self.found.leaves.push(json!({ "path": path, "type": "cycle", "value": first }));
            return;
        }
        if let Node::OrderedDict { attributes: Some(attributes), .. } = node {
            self.attributes(*attributes, "OrderedDict", path);
        }
        if inside.is_empty() || self.is_long(inside.iter().map(|(_, id)| *id)) {
            self.found.leaves.push(json!({ "path": path, "type": kind(node), "value": inside.len() }));
            return;
        }
        above.push((id, path.to_owned()));
        inside.iter().for_each(|(path, id)| self.visit(*id, path, above));
        above.pop();
    }

    /// The values of a container that is entered, with their paths.
    fn inside(&self, node: &Node, path: &str) -> Option<Vec<(String, NodeId)>> {
        match node {
            Node::List(ids) | Node::Tuple(ids) => {
                Some(ids.iter().enumerate().map(|(index, &id)| (format!("{path}[{index}]"), id)).collect())
            }
            Node::Dict(pairs) | Node::Counter(pairs) | Node::OrderedDict { items: pairs, .. } => {
                let nodes = &self.checkpoint.nodes;
                let inside = pairs.iter().enumerate();
                Some(inside.map(|(at, &(key, value))| (below(nodes, path, at, key), value)).collect())
            }
            _ => None,
        }
    }

    fn is_long(&self, mut ids: impl ExactSizeIterator<Item = NodeId>) -> bool {
        ids.len() > SUMMARY && !ids.any(|id| is_tensor(self.node(id)))
    }

    /// The type and value of a leaf; none for an object of another class.
    fn leaf(&self, node: &Node) -> Option<(&'static str, Value)> {
        let value = match node {
            Node::None => Value::Null,
            Node::Bool(value) => json!(value),
            Node::Int(value) => json!(value.to_string()),
            Node::BigInt(bytes) => json!(decimal(bytes)),
            Node::Float(value) => json!(bits(*value)),
            Node::Complex { re, im } => json!([bits(*re), bits(*im)]),
            Node::Text(text) => json!(text.value),
            Node::SurrogateText(bytes) | Node::Bytes(bytes) | Node::ByteArray(bytes) => json!(hex(bytes)),
            Node::Set(ids) | Node::FrozenSet(ids) if self.is_long(ids.iter().copied()) => json!(ids.len()),
            Node::Set(ids) | Node::FrozenSet(ids) => {
                let item =
                    |&id: &NodeId| self.leaf(self.node(id)).map(|(k, v)| json!({"type": k, "value": v}));
                json!(ids.iter().map(item).collect::<Vec<_>>())
            }
            Node::Size(sizes) => json!(sizes),
            Node::Device { kind, index: None } => json!(kind),
            Node::Device { kind, index: Some(index) } => json!(format!("{kind}:{index}")),
            Node::DType(dtype) => json!(dtype.name()),
            Node::QScheme(scheme) => json!(scheme.name()),
            Node::Layout(layout) => json!(layout.name()),
            Node::Global(global) => json!(format!("{}.{}", global.module, global.name)),
            Node::NumpyScalar { dtype, data, .. } => json!({ "dtype": dtype, "data": hex(data) }),
            Node::Storage { storage, dtype } => {
                let bytes = self.payload(*storage);
                let dtype = dtype.unwrap_or(DType::UInt8).name();
                json!({ "dtype": dtype, "bytes": bytes.len(), "crc32": crc32fast::hash(&bytes) })
            }
            _ => return None,
        };
        Some((kind(node), value))
    }

    fn tensor(&mut self, node: &Node, path: &str) {
        match node {
            Node::Tensor(tensor) => self.strided(tensor, "tensor", tensor.requires_grad, path),
            Node::Parameter { tensor, requires_grad, state } => {
                let tensor = self.plain(*tensor);
                self.strided(&tensor, "parameter", *requires_grad, path);
                if let Some(state) = state {
                    self.attributes(*state, "Parameter", path);
                }
            }
            Node::Subclass { tensor, class, state } => {
                let tensor = self.plain(*tensor);
                self.strided(&tensor, "subclass", tensor.requires_grad, path);
                let class = self.global(*class);
                self.attributes(*state, class.rsplit('.').next().unwrap(), path);
            }
            Node::Quantized { tensor, quantizer } => {
                self.strided(tensor, "quantized", tensor.requires_grad, path);
                let quantizer = self.quantizer(quantizer);
                self.found.tensors.last_mut().unwrap()["quantizer"] = quantizer;
            }
            Node::SparseCoo { indices, values, shape, .. } => {
                self.sparse("sparse_coo", shape, [("indices", *indices), ("values", *values)], path);
            }
            Node::SparseCompressed(sparse) => {
                let layout = sparse.layout.name();
                let (compressed, plain) = match layout {
                    "sparse_csr" | "sparse_bsr" => ("crow_indices", "col_indices"),
                    _ => ("ccol_indices", "row_indices"),
                };
                let parts =
                    [(compressed, sparse.compressed), (plain, sparse.plain), ("values", sparse.values)];
                self.sparse(layout, &sparse.shape, parts, path);
            }
            _ => unreachable!("asked is_tensor"),
        }
    }

    fn strided(&mut self, tensor: &Tensor, kind: &str, requires_grad: bool, path: &str) {
        let mut entry = json!({
            "path": path, "kind": kind, "dtype": tensor.dtype.name(), "shape": tensor.shape,
            "stride": tensor.stride, "requires_grad": requires_grad, "crc32": null, "tied_to": null,
        });
        if let Some(storage) = tensor.storage {
            let raw = native::elements(tensor, &self.payload(storage));
            if tensor.conj || tensor.neg {
                entry["conj"] = json!(tensor.conj);
                entry["neg"] = json!(tensor.neg);
                entry["raw_crc32"] = json!(crc32fast::hash(&raw));
            }
            entry["crc32"] = json!(crc32fast::hash(&resolved(tensor, raw)));
            entry["tied_to"] = json!(self.tie(storage, path));
        }
        self.found.tensors.push(entry);
    }

    fn sparse<const N: usize>(&mut self, kind: &str, shape: &[u64], parts: [(&str, NodeId); N], path: &str) {
        let values = self.plain(parts[N - 1].1);
        self.found.tensors.push(json!({
            "path": path, "kind": kind, "dtype": values.dtype.name(), "shape": shape, "stride": null,
            "requires_grad": values.requires_grad, "crc32": null, "tied_to": null,
        }));
        for (name, part) in parts {
            let tensor = self.plain(part);
            self.strided(&tensor, "tensor", tensor.requires_grad, &join(path, name));
        }
    }

    fn quantizer(&self, quantizer: &Quantizer) -> Value {
        match quantizer {
            Quantizer::PerTensor { scheme, scale, zero_point } => {
                json!({ "scheme": scheme.name(), "scale": bits(*scale), "zero_point": zero_point })
            }
            Quantizer::PerChannel { scheme, scales, zero_points, axis } => {
                let words = |id: NodeId| {
                    let tensor = self.plain(id);
                    let bytes = native::elements(&tensor, &self.payload(tensor.storage.unwrap()));
                    let word = |word: &[u8]| u64::from_le_bytes(word.try_into().unwrap());
                    bytes.chunks_exact(8).map(word).collect::<Vec<_>>()
                };
                let scales: Vec<String> = words(*scales).into_iter().map(bits).collect();
                let zero_points: Vec<i64> = words(*zero_points).into_iter().map(u64::cast_signed).collect();
                json!({ "scheme": scheme.name(), "axis": axis, "scales": scales, "zero_points": zero_points })
            }
        }
    }

    fn attributes(&mut self, state: NodeId, class: &str, path: &str) {
        let Node::Dict(pairs) = self.node(state) else { return };
        let names: Vec<String> =
            pairs.iter().map(|&(key, _)| key_text(&self.checkpoint.nodes, key)).collect();
        if !names.is_empty() {
            self.found.attributes.push(json!({ "path": path, "class": class, "names": names }));
        }
    }

    /// The first path into the same storage, or into one around it: legacy files
    /// have storages that are views of others.
    fn tie(&mut self, storage: u32, path: &str) -> Option<String> {
        let range = |id: u32| self.checkpoint.storages[id as usize].range;
        let (start, end) = (range(storage).offset, range(storage).end().unwrap());
        let around = |other: u32| {
            let range = range(other);
            range.offset <= start && start < end && end <= range.end().unwrap()
        };
        let first = self.places.iter().find(|(other, _)| *other == storage || around(*other));
        if let Some((_, first)) = first {
            return Some(first.clone());
        }
        self.places.push((storage, path.to_owned()));
        None
    }

    fn plain(&self, id: NodeId) -> Tensor {
        match self.node(id) {
            Node::Tensor(tensor) => (**tensor).clone(),
            Node::Parameter { tensor, .. } => self.plain(*tensor),
            other => panic!("a {other:?} where a tensor was due"),
        }
    }

    fn global(&self, id: NodeId) -> String {
        match self.node(id) {
            Node::Global(global) => format!("{}.{}", global.module, global.name),
            other => panic!("a {other:?} where a class was due"),
        }
    }

    fn payload(&self, storage: u32) -> Vec<u8> {
        native::payload(self.file, &self.checkpoint.storages[storage as usize])
    }
}

fn is_tensor(node: &Node) -> bool {
    matches!(
        node,
        Node::Tensor(_)
            | Node::Parameter { .. }
            | Node::Quantized { .. }
            | Node::SparseCoo { .. }
            | Node::SparseCompressed(_)
            | Node::Subclass { .. }
    )
}

fn kind(node: &Node) -> &'static str {
    match node {
        Node::None => "None",
        Node::Bool(_) => "bool",
        Node::Int(_) | Node::BigInt(_) => "int",
        Node::Float(_) => "float",
        Node::Complex { .. } => "complex",
        Node::Text(_) => "str",
        Node::SurrogateText(_) => "surrogate_str",
        Node::Bytes(_) => "bytes",
        Node::ByteArray(_) => "bytearray",
        Node::Set(_) => "set",
        Node::FrozenSet(_) => "frozenset",
        Node::Size(_) => "size",
        Node::Device { .. } => "device",
        Node::DType(_) => "dtype",
        Node::QScheme(_) => "qscheme",
        Node::Layout(_) => "layout",
        Node::Global(_) => "global",
        Node::NumpyScalar { .. } => "numpy",
        Node::Storage { .. } => "storage",
        Node::Tuple(_) => "tuple",
        Node::List(_) => "list",
        Node::Dict(_) => "dict",
        Node::OrderedDict { .. } => "OrderedDict",
        Node::Counter(_) => "Counter",
        other => panic!("{other:?} is no leaf"),
    }
}

/// The values a lazily conjugated or negated tensor stands for: signs flipped.
fn resolved(tensor: &Tensor, mut raw: Vec<u8>) -> Vec<u8> {
    let width = usize::from(tensor.dtype.swap_width());
    for (index, part) in raw.chunks_exact_mut(width).enumerate() {
        let imaginary = tensor.dtype.is_complex() && index % 2 == 1;
        if tensor.neg != (tensor.conj && imaginary) {
            part[width - 1] ^= 0x80;
        }
    }
    raw
}

/// A float as the 16 hex digits of its bits.
fn bits(float: u64) -> String {
    format!("{float:016x}")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Two's complement, least byte first, in decimal.
fn decimal(bytes: &[u8]) -> String {
    let negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
    let mut magnitude = bytes.to_vec();
    if negative {
        let mut carry = true;
        for byte in &mut magnitude {
            (*byte, carry) = (!*byte).overflowing_add(carry.into());
        }
    }
    // Billions, the least first.
    let mut digits = vec![0u64];
    for &byte in magnitude.iter().rev() {
        let mut carry = u64::from(byte);
        for digit in &mut digits {
            carry += *digit << 8;
            *digit = carry % 1_000_000_000;
            carry /= 1_000_000_000;
        }
        if carry > 0 {
            digits.push(carry);
        }
    }
    let mut text = String::from(if negative { "-" } else { "" });
    text.push_str(&digits.pop().unwrap().to_string());
    digits.iter().rev().for_each(|digit| text.push_str(&format!("{digit:09}")));
    text
}
