//! Arenas built by hand, against what torch wrote for the same objects.

mod containers;
mod golden;
mod hostile;
mod objects;
mod strings;
mod tensors;

extern crate std;

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::{Emitted, emit};
use crate::Error;
use crate::dtype::DType;
use crate::model::{Construct, Global, Node, NodeId, Object, Storage, StorageId, Tensor, Text};

/// An arena under construction.
#[derive(Debug, Default)]
struct Arena {
    nodes: Vec<Node>,
    storages: Vec<Storage>,
}

impl Arena {
    fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        u32::try_from(self.nodes.len()).unwrap() - 1
    }

    /// A node to be given its parts later, so that it can be one of them.
    fn promise(&mut self) -> NodeId {
        self.add(Node::None)
    }

    fn keep(&mut self, promise: NodeId, node: Node) -> NodeId {
        self.nodes[promise as usize] = node;
        promise
    }

    fn int(&mut self, value: i64) -> NodeId {
        self.add(Node::Int(value))
    }

    fn ints(&mut self, values: &[i64]) -> Vec<NodeId> {
        values.iter().map(|&value| self.int(value)).collect()
    }

    /// A string of its own.
    fn text(&mut self, value: &str) -> NodeId {
        self.add(Node::Text(Text { value: value.into(), interned: false }))
    }

    /// A string as code spells it.
    fn literal(&mut self, value: &str) -> NodeId {
        self.add(Node::Text(Text { value: value.into(), interned: true }))
    }

    fn global(&mut self, module: &str, name: &str) -> NodeId {
        self.add(Node::Global(Global { module: module.into(), name: name.into() }))
    }

    fn tuple(&mut self, items: &[NodeId]) -> NodeId {
        self.add(Node::Tuple(items.to_vec()))
    }

    fn list(&mut self, items: &[NodeId]) -> NodeId {
        self.add(Node::List(items.to_vec()))
    }

    fn storage(&mut self, length: u64) -> StorageId {
        self.storages.push(Storage { length, location: "cpu".into() });
        u32::try_from(self.storages.len()).unwrap() - 1
    }

    /// A contiguous tensor with a storage of its own.
    fn tensor(&mut self, dtype: DType, shape: &[u64]) -> NodeId {
        let tensor = tensor(dtype, shape);
        let storage = self.storage(tensor.extent().unwrap());
        self.add(Node::Tensor(Box::new(Tensor { storage: Some(storage), ..tensor })))
    }

    fn call(&mut self, callable: NodeId, args: &[NodeId]) -> NodeId {
        let args = self.tuple(args);
        self.add(Node::Object(Box::new(object(Construct::Call, callable, args))))
    }

    fn emit(&self, root: NodeId) -> Result<Emitted, Error> {
        emit(&self.nodes, &self.storages, root)
    }

    /// That the arena under `root` is written as torch wrote it.
    #[track_caller]
    fn is_written_as(&self, root: NodeId, golden: &[u8]) {
        let bytes = self.emit(root).unwrap().bytes;
        let same = bytes.iter().zip(golden).take_while(|(a, b)| a == b).count();
        let show = |bytes: &[u8]| bytes[same.min(bytes.len())..].escape_ascii().to_string();
        assert!(bytes == golden, "equal for {same} bytes, then\n  {}\nnot\n  {}", show(&bytes), show(golden));
    }
}

/// A contiguous tensor without storage.
fn tensor(dtype: DType, shape: &[u64]) -> Tensor {
    // torch's strides skip empty dimensions as if they held one element.
    let inner = (1..=shape.len()).map(|from| &shape[from..]);
    let stride = inner.map(|sizes| sizes.iter().map(|&size| size.max(1)).product()).collect();
    Tensor {
        storage: None,
        dtype,
        offset: 0,
        shape: shape.to_vec(),
        stride,
        requires_grad: false,
        conj: false,
        neg: false,
    }
}

fn object(construct: Construct, callable: NodeId, args: NodeId) -> Object {
    Object {
        construct,
        callable,
        args: Some(args),
        kwargs: None,
        items: Vec::new(),
        pairs: Vec::new(),
        state: None,
        effects: Vec::new(),
    }
}
