//! Real pickles of torch 2.15 and hostile ones, and what they mean.

mod hostile;
mod keys;
mod old;
mod real;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Interpreted;
use crate::model::{Node, NodeId, Object, Quantizer, Tensor};
use crate::pickle::Machine;
use crate::torch::order;
use crate::{Error, Limits};

/// What a pickle means.
fn read(pickle: &[u8]) -> Result<Interpreted, Error> {
    read_within(pickle, &Limits::default())
}

fn read_within(pickle: &[u8], limits: &Limits) -> Result<Interpreted, Error> {
    let mut machine = Machine::new(0, "data.pkl", limits);
    machine.feed(pickle)?;
    order::interpret(&machine.finish()?, pickle.len() as u64, "data.pkl", limits)
}

/// A pickle's meaning in one line; see [`Show`].
fn shown(pickle: &[u8]) -> String {
    show(&read(pickle).unwrap())
}

/// The words of the error that a pickle ends in.
fn refused(pickle: &[u8]) -> String {
    read(pickle).unwrap_err().to_string()
}

/// An arena in one line: `#3` names a node met before, `~` an interned text.
fn show(interpreted: &Interpreted) -> String {
    let mut show = Show { nodes: &interpreted.nodes, next: 0 };
    let text = show.node(0);
    assert_eq!(show.next as usize, interpreted.nodes.len(), "all nodes are reached, in pre-order: {text}");
    text
}

struct Show<'a> {
    nodes: &'a [Node],
    /// The number that a node not met before must have.
    next: NodeId,
}

impl Show<'_> {
    fn node(&mut self, id: NodeId) -> String {
        if id < self.next {
            return format!("#{id}");
        }
        assert_eq!(id, self.next, "pre-order");
        self.next += 1;
        match self.nodes[id as usize].clone() {
            Node::None => "None".into(),
            Node::Bool(value) => format!("{value}"),
            Node::Int(value) => format!("{value}"),
            Node::BigInt(bytes) => format!("big{bytes:?}"),
            Node::Float(bits) => format!("{:?}", f64::from_bits(bits)),
            Node::Complex { re, im } => format!("{:?}+{:?}j", f64::from_bits(re), f64::from_bits(im)),
            Node::Text(text) => format!("{}'{}'", if text.interned { "~" } else { "" }, text.value),
            Node::SurrogateText(bytes) => format!("surrogates{bytes:x?}"),
            Node::Bytes(bytes) => format!("b'{}'", bytes.escape_ascii()),
            Node::ByteArray(bytes) => format!("bytearray'{}'", bytes.escape_ascii()),
            Node::Tuple(items) => format!("({})", self.all(&items)),
            Node::List(items) => format!("[{}]", self.all(&items)),
            Node::Dict(pairs) => format!("{{{}}}", self.pairs(&pairs)),
            Node::Counter(pairs) => format!("Counter{{{}}}", self.pairs(&pairs)),
            Node::Set(items) => format!("set({})", self.all(&items)),
            Node::FrozenSet(items) => format!("frozenset({})", self.all(&items)),
            Node::OrderedDict { items, attributes } => {
                format!("OD{{{}}}{}", self.pairs(&items), self.option(".", attributes))
            }
            Node::Size(sizes) => format!("Size{sizes:?}"),
            Node::Device { kind, index } => format!("device({kind}, {index:?})"),
            Node::DType(dtype) => dtype.name().into(),
            Node::QScheme(scheme) => scheme.name().into(),
            Node::Layout(layout) => layout.name().into(),
            Node::Global(global) => format!("<{}.{}>", global.module, global.name),
            node => self.torch(node),
        }
    }

    fn torch(&mut self, node: Node) -> String {
        match node {
            Node::Storage { storage, dtype } => {
                format!("storage{storage}:{}", dtype.map_or("untyped", |dtype| dtype.name()))
            }
            Node::Tensor(tensor) => tensor_in_words(&tensor),
            Node::Parameter { tensor, requires_grad, state } => {
                let tensor = self.node(tensor);
                format!("Parameter({tensor}, {requires_grad}{})", self.option(", ", state))
            }
            Node::Quantized { tensor, quantizer } => {
                let quantizer = match *quantizer {
                    Quantizer::PerTensor { scheme, scale, zero_point } => {
                        format!("{} {:?} {zero_point}", scheme.name(), f64::from_bits(scale))
                    }
                    Quantizer::PerChannel { scheme, scales, zero_points, axis } => {
                        format!("{} {} {axis}", scheme.name(), self.all(&[scales, zero_points]))
                    }
                };
                format!("quantized({} by {quantizer})", tensor_in_words(&tensor))
            }
            Node::SparseCoo { indices, values, shape, coalesced } => {
                format!("coo({}, {shape:?}, {coalesced:?})", self.all(&[indices, values]))
            }
            Node::SparseCompressed(sparse) => {
                let tensors = self.all(&[sparse.compressed, sparse.plain, sparse.values]);
                format!("{}({tensors}, {:?})", sparse.layout.name(), sparse.shape)
            }
            Node::Subclass { tensor, class, state } => {
                format!("subclass({})", self.all(&[tensor, class, state]))
            }
            Node::NumpyScalar { dtype, data, source } => {
                format!("numpy({dtype} {data:?} from {})", self.node(source))
            }
            Node::Object(object) => self.object(&object),
            other => panic!("not handled: {other:?}"),
        }
    }

    fn object(&mut self, object: &Object) -> String {
        let mut text = format!("{:?} {}", object.construct, self.node(object.callable));
        text += &self.option(" args", object.args);
        text += &self.option(" kwargs", object.kwargs);
        if !object.items.is_empty() {
            text += &format!(" items[{}]", self.all(&object.items));
        }
        if !object.pairs.is_empty() {
            text += &format!(" pairs{{{}}}", self.pairs(&object.pairs));
        }
        text += &self.option(" state", object.state);
        if !object.effects.is_empty() {
            text += &format!(" effects[{}]", self.all(&object.effects));
        }
        format!("<{text}>")
    }

    fn option(&mut self, before: &str, id: Option<NodeId>) -> String {
        id.map_or_else(String::new, |id| format!("{before}{}", self.node(id)))
    }

    fn all(&mut self, ids: &[NodeId]) -> String {
        ids.iter().map(|&id| self.node(id)).collect::<Vec<_>>().join(", ")
    }

    fn pairs(&mut self, pairs: &[(NodeId, NodeId)]) -> String {
        let one = |&(key, value): &(NodeId, NodeId)| format!("{}: {}", self.node(key), self.node(value));
        pairs.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

/// `float32@0+2[4]/[1]`: storage 0 from element 2, shape 4, stride 1.
fn tensor_in_words(tensor: &Tensor) -> String {
    let Tensor { storage, dtype, offset, shape, stride, requires_grad, conj, neg } = tensor;
    let storage = storage.map_or("meta".into(), |id| format!("{id}"));
    let flags = [(*requires_grad, " grad"), (*conj, " conj"), (*neg, " neg")];
    let flags: String = flags.iter().filter(|flag| flag.0).map(|flag| flag.1).collect();
    format!("{}@{storage}+{offset}{shape:?}/{stride:?}{flags}", dtype.name())
}
