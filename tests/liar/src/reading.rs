use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;

use crate::Liar;
use crate::bindings::exports::strongroom::format::reader as wit;
use crate::bindings::exports::strongroom::format::types::{
    Dtype, Error, Node, NodeId, Pair, Range, Subclass, Tensor, Text,
};
use crate::misdeeds;
use crate::writing;

/// The truth is a list of one tensor of two floats, the first bytes of the file.
pub struct Reading {
    length: u64,
    lie: RefCell<String>,
}

impl wit::Guest for Liar {
    type Reading = Reading;

    fn default_limits() -> wit::Limits {
        core::arch::wasm32::unreachable()
    }
}

impl wit::GuestReading for Reading {
    fn open(length: u64, _: wit::ReadOptions) -> Result<wit::Reading, Error> {
        Ok(wit::Reading::new(Self { length, lie: RefCell::default() }))
    }

    fn advance(&self, chunks: Vec<wit::Chunk>) -> Result<wit::Step, Error> {
        let whole = Range { offset: 0, length: self.length };
        let Some(chunk) = chunks.first() else { return Ok(wit::Step::Fetch(vec![whole])) };
        if self.lie.borrow().is_empty() {
            let text = String::from_utf8_lossy(&chunk.bytes);
            // In a file of its own the payload follows, which is not there yet.
            *self.lie.borrow_mut() = text.split('\0').next().unwrap_or_default().trim().to_string();
        }
        misdeeds::commit(&self.lie.borrow())?;
        let fetch = |offset, length| Ok(wit::Step::Fetch(vec![Range { offset, length }]));
        match self.lie.borrow().as_str() {
            "fetch beyond the file" => fetch(self.length, 1),
            "fetch past the last offset" => fetch(u64::MAX, 2),
            "fetch all there could be" => fetch(0, u64::MAX),
            "fetch no range" => Ok(wit::Step::Fetch(Vec::new())),
            "fetch no bytes" => fetch(0, 0),
            "fetch the same forever" => fetch(0, self.length),
            "fetch a byte at a time forever" => fetch(0, 1),
            "fetch a million times at once" => Ok(wit::Step::Fetch(vec![whole; 1 << 20])),
            _ => Ok(wit::Step::Ready(self.summary())),
        }
    }

    fn nodes(&self, start: NodeId, count: u32) -> Result<Vec<Node>, Error> {
        Ok(match self.lie.borrow().as_str() {
            "a page without nodes" => Vec::new(),
            "a page of too many nodes" => vec![Node::None; count as usize + 1],
            "four billion nodes" => vec![Node::None; count as usize],
            "strings without end" => vec![text(4 << 20)],
            "one string of a gigabyte" => vec![text(1 << 30)],
            lie => {
                let nodes = nodes(lie).into_iter().skip(start as usize);
                nodes.take(count as usize).collect()
            }
        })
    }

    /// The host names tensors itself.
    fn tensors(&self, _: u32, _: u32) -> Result<Vec<wit::NamedTensor>, Error> {
        core::arch::wasm32::unreachable()
    }

    fn storages(&self, _: u32, count: u32) -> Result<Vec<wit::Stored>, Error> {
        let stored = |offset: u64, length: u64, swap: u8| wit::Stored {
            range: Range { offset, length },
            checksum: None,
            swap,
            location: "cpu".into(),
            name: "data".into(),
        };
        if writing::is_of(&self.lie.borrow()) {
            return Ok(vec![match self.lie.borrow().as_str() {
                "another place" => stored(8, 8, 1),
                "another device" => wit::Stored { location: "cuda:0".into(), ..stored(16, 8, 1) },
                "a checksum" => wit::Stored { checksum: Some(1), ..stored(16, 8, 1) },
                "another order" => stored(16, 8, 2),
                _ => stored(16, 8, 1),
            }]);
        }
        Ok(match self.lie.borrow().as_str() {
            "a storage beyond the file" => vec![stored(self.length - 7, 8, 1)],
            "a storage past the last offset" => vec![stored(u64::MAX - 7, 16, 1)],
            "numbers of no bytes" => vec![stored(0, 8, 0)],
            "numbers of three bytes" => vec![stored(0, 9, 3)],
            "numbers of more bytes than there are" => vec![stored(0, 12, 8)],
            "four billion storages" => vec![stored(0, self.length, 1); count as usize],
            "a page without storages" => Vec::new(),
            "a page of too many storages" => vec![stored(0, 8, 1); count as usize + 1],
            _ => vec![stored(0, 8, 1)],
        })
    }
}

impl Reading {
    fn summary(&self) -> wit::Summary {
        let lie = self.lie.borrow();
        let all = u32::MAX;
        wit::Summary {
            format: wit::Format::TorchZip,
            root: if *lie == "a root that does not exist" { all } else { 0 },
            nodes: match lie.as_str() {
                "four billion nodes" | "strings without end" => all,
                "no nodes at all" => 0,
                lie => nodes(lie).len() as u32,
            },
            storages: if *lie == "four billion storages" { all } else { 1 },
            archive: String::new(),
            alignment: (writing::is_of(&lie) && *lie != "no alignment").then_some(64),
            checksums: false,
            metadata: Vec::new(),
            extras: Vec::new(),
            irreproducible: None,
            undecoded: 0,
        }
    }
}

/// The state dict that the test writes: a tensor, and two numbers.
fn written(lie: &str) -> Vec<Node> {
    let view = Tensor { dtype: Dtype::Uint8, shape: vec![8], ..honest() };
    let view = match lie {
        "another shape" => Tensor { shape: vec![2, 4], stride: vec![4, 1], ..view },
        "another dtype" => Tensor { dtype: Dtype::Int8, ..view },
        _ => view,
    };
    let (one, two) = if lie == "values swapped" { (2, 1) } else { (1, 2) };
    let key = |name: &str| Node::Text(Text { value: name.into(), interned: true });
    let mut pairs: Vec<Pair> =
        (0..3).map(|index| Pair { key: 1 + 2 * index, value: 2 + 2 * index }).collect();
    match lie {
        "a value dropped" => drop(pairs.pop()),
        "a value added" => pairs.push(Pair { key: 3, value: 4 }),
        _ => {}
    }
    let last = if lie == "another key" { "three" } else { "two" };
    vec![
        Node::Dict(pairs),
        key("tensor"),
        Node::Tensor(view),
        key("one"),
        Node::Int(one),
        key(last),
        Node::Int(two),
    ]
}

fn nodes(lie: &str) -> Vec<Node> {
    if writing::is_of(lie) {
        return written(lie);
    }
    let list = |ids: &[NodeId]| Node::List(ids.to_vec());
    let tensor = |tensor: Tensor| vec![Node::List(vec![1]), Node::Tensor(tensor)];
    match lie {
        "a list of a node that does not exist" => vec![list(&[1])],
        "a key that does not exist" => vec![Node::Dict(vec![Pair { key: 9, value: 0 }])],
        "a class that does not exist" => vec![Node::Subclass(Subclass { tensor: 0, class: 7, state: 0 })],
        "a tensor in a storage that does not exist" => tensor(Tensor { storage: Some(1), ..honest() }),
        "a tensor longer than its storage" => tensor(Tensor { shape: vec![3], ..honest() }),
        "a tensor that starts late" => tensor(Tensor { offset: 1, ..honest() }),
        "a tensor that strides out" => tensor(Tensor { stride: vec![2], ..honest() }),
        "a tensor of more elements than can be counted" => {
            tensor(Tensor { shape: vec![1 << 33; 4], stride: vec![0; 4], ..honest() })
        }
        "a tensor whose end cannot be counted" => {
            tensor(Tensor { offset: u64::MAX, shape: vec![u64::MAX], stride: vec![u64::MAX], ..honest() })
        }
        "a tensor with a stride too many" => tensor(Tensor { stride: vec![1, 1], ..honest() }),
        // 2^100 values when walked.
        "a tree that doubles a hundred times" => {
            (0..100).map(|id| list(&[id + 1, id + 1])).chain([Node::None]).collect()
        }
        // Each in each: as many ways through it as there are orders of 20 lists.
        "lists that are all in each other" => {
            let all: Vec<NodeId> = (0..20).collect();
            vec![Node::List(all); 20]
        }
        "lists far inside each other" => (0..100_000).map(|id| list(&[id + 1])).chain([Node::None]).collect(),
        _ => tensor(honest()),
    }
}

fn honest() -> Tensor {
    Tensor {
        storage: Some(0),
        dtype: Dtype::Float32,
        offset: 0,
        shape: vec![2],
        stride: vec![1],
        requires_grad: false,
        conj: false,
        neg: false,
    }
}

fn text(length: usize) -> Node {
    Node::Text(Text { value: "x".repeat(length), interned: false })
}
