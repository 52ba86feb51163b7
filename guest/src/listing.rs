//! The tensors of a checkpoint, with their names.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use strongroom_names::{Cursor, Kind, Survey, TooMany, Walk, tensor};

use crate::dtype::{DType, Layout};
use crate::model::{Arena, Node, NodeId, Tensor};
use crate::{Checkpoint, Error};

/// Lists the tensors of one checkpoint, one after another: each place that has one, in the
/// order of the state dict.
#[derive(Clone, Debug)]
pub struct Listing {
    survey: Survey,
    cursor: Cursor,
}

/// A tensor in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedTensor {
    /// The place's name, which no other place has.
    pub name: String,
    /// The node there.
    pub node: NodeId,
    /// What kind of tensor it is.
    pub kind: TensorKind,
    /// How its elements are arranged.
    pub layout: Layout,
    /// Its class, if that is another than torch's own.
    pub class: Option<String>,
    /// The element type, if it is known; that of the values for a sparse tensor.
    pub dtype: Option<DType>,
    /// Elements along each dimension, of a sharded tensor all parts together; of a nested
    /// one only the first.
    pub shape: Vec<u64>,
    /// What it looks at, if it has elements of its own.
    pub view: Option<Tensor>,
    /// Whether autograd records operations on it.
    pub requires_grad: bool,
    /// The name of the tensor that it is a part of.
    pub part_of: Option<String>,
}

/// What kind of tensor it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TensorKind {
    /// A plain tensor.
    Plain,
    /// A `torch.nn.Parameter`, of any layout.
    Parameter,
    /// A quantized tensor.
    Quantized,
    /// A sparse tensor that is no parameter.
    Sparse,
    /// A tensor that wraps others.
    Wrapper,
}

impl Listing {
    /// Starts before the first tensor. The state dict may have `most` places.
    pub fn of(checkpoint: &Checkpoint, most: u64) -> Result<Self, Error> {
        let survey = Survey::of(&Arena(&checkpoint.nodes), checkpoint.root, most);
        let survey = survey.map_err(|TooMany { most }| Error::limit(0, "tree", most))?;
        Ok(Self { cursor: survey.start(), survey })
    }

    /// The next tensor of the same checkpoint; after the last one, None.
    pub fn next(&mut self, checkpoint: &Checkpoint) -> Option<NamedTensor> {
        let arena = Arena(&checkpoint.nodes);
        let cursor = core::mem::take(&mut self.cursor);
        let mut walk = Walk::resume(&arena, &self.survey, cursor);
        let mut found = None;
        while let Some(node) = walk.next() {
            if let Some(tensor) = tensor(&arena, node) {
                found = Some(named(&checkpoint.nodes, node, tensor, walk.name(), walk.part_of()));
                break;
            }
        }
        self.cursor = walk.stop();
        found
    }
}

fn named(
    nodes: &[Node],
    node: NodeId,
    tensor: strongroom_names::Tensor,
    name: String,
    part_of: Option<String>,
) -> NamedTensor {
    let at = |id: NodeId| usize::try_from(id).ok().and_then(|id| nodes.get(id));
    let class = tensor.class.map(|class| match strongroom_names::global(&Arena(nodes), class) {
        Some((module, name)) => format!("{module}.{name}"),
        None => "an unknown class".into(),
    });
    let view = match at(tensor.core) {
        Some(Node::Tensor(view) | Node::Quantized { tensor: view, .. }) => Some(&**view),
        _ => None,
    };
    let dtype = match at(tensor.core) {
        Some(Node::DType(dtype)) => Some(*dtype),
        _ => view.map(|view| view.dtype),
    };
    let kind = match tensor.kind {
        Kind::Plain => TensorKind::Plain,
        Kind::Parameter => TensorKind::Parameter,
        Kind::Quantized => TensorKind::Quantized,
        Kind::Sparse => TensorKind::Sparse,
        Kind::Wrapper => TensorKind::Wrapper,
    };
    NamedTensor {
        name,
        node,
        kind,
        layout: Layout::from_name(tensor.layout).unwrap_or(Layout::Strided),
        class,
        dtype,
        shape: tensor.shape,
        view: view.filter(|_| !tensor.composed).cloned(),
        requires_grad: tensor.requires_grad,
        part_of,
    }
}
