use alloc::format;
use alloc::vec::Vec;

use crate::Error;
use crate::dtype::{DType, Layout, QScheme, StorageClass};
use crate::model::{Construct, Node, NodeId, Object, Quantizer, SparseCompressed, StorageId, Tensor};

use super::primitives::{EMPTY_DICT, MARK, REDUCE, SETITEM, SETITEMS};
use super::walk::{Task, Walk};
use super::{Stop, unfit};

impl<'a> Walk<'a> {
    /// What torch rebuilds by a call of its own, memoized as `node`.
    pub(super) fn rebuilt(&mut self, id: NodeId, node: Option<NodeId>) {
        self.then_all([Task::Function(id), Task::Arguments(id), Task::Call { op: REDUCE, node }]);
    }

    /// A tensor that its owner makes anew whenever it is saved (`Parameter.data`,
    /// the parts of a sparse tensor): another object each time.
    pub(super) fn anew(&mut self, id: NodeId) -> Result<(), Stop> {
        match self.node(id)? {
            Node::Tensor(_)
            | Node::Quantized { .. }
            | Node::SparseCoo { .. }
            | Node::SparseCompressed(_)
            | Node::Subclass { .. } => self.rebuilt(id, None),
            _ => self.then(Task::Visit(id)),
        }
        Ok(())
    }

    /// The function that rebuilds a node.
    pub(super) fn function(&mut self, id: NodeId) -> Result<(), Stop> {
        let name = match self.node(id)? {
            Node::Tensor(tensor) if tensor.storage.is_none() => "_rebuild_meta_tensor_no_storage",
            Node::Tensor(tensor) if is_untyped(tensor) => "_rebuild_tensor_v3",
            Node::Tensor(_) => "_rebuild_tensor_v2",
            Node::Quantized { .. } => "_rebuild_qtensor",
            Node::SparseCoo { .. } | Node::SparseCompressed(_) => "_rebuild_sparse_tensor",
            Node::Parameter { state: None, .. } => "_rebuild_parameter",
            Node::Parameter { .. } => "_rebuild_parameter_with_state",
            Node::Subclass { .. } => {
                self.known("torch._tensor", "_rebuild_from_type_v2");
                return Ok(());
            }
            Node::Object(object) if is_bare_call(object) => {
                self.then(Task::Visit(object.callable));
                return Ok(());
            }
            _ => {
                return Err(
                    Error::misuse(format!("node {id} is no tensor, yet another tensor's core")).into()
                );
            }
        };
        self.known("torch._utils", name);
        Ok(())
    }

    /// The arguments for it, a tuple made anew.
    pub(super) fn arguments(&mut self, id: NodeId) -> Result<(), Stop> {
        match self.node(id)? {
            Node::Tensor(tensor) => self.tensor(id, tensor)?,
            Node::Quantized { tensor, quantizer } => self.quantized(id, tensor, quantizer)?,
            Node::SparseCoo { indices, values, shape, coalesced } => {
                self.sparse_coo(id, *indices, *values, shape, *coalesced);
            }
            Node::SparseCompressed(sparse) => self.sparse_compressed(id, sparse)?,
            Node::Parameter { tensor, requires_grad, state } => {
                let items = if state.is_some() { 4 } else { 3 };
                self.out.open(items);
                self.then(Task::Close(items));
                if let Some(state) = *state {
                    self.then(Task::Visit(state));
                }
                self.then_all([Task::Anew(*tensor), Task::Bool(*requires_grad), Task::Hooks]);
            }
            Node::Subclass { tensor, class, state } => {
                self.out.open(4);
                self.then_all([
                    Task::Function(*tensor),
                    Task::Visit(*class),
                    Task::Arguments(*tensor),
                    Task::Visit(*state),
                    Task::Close(4),
                ]);
            }
            Node::Object(object) => object.args.into_iter().for_each(|args| self.then(Task::CallTuple(args))),
            _ => return Err(Error::misuse(format!("node {id} is no tensor")).into()),
        }
        Ok(())
    }

    /// A `torch.Size` that is no node.
    pub(super) fn size_of(&mut self, id: NodeId, shape: &[u64]) -> Result<(), Stop> {
        let shape = signed(id, shape)?;
        self.size(&shape);
        self.out.op(REDUCE);
        self.put();
        Ok(())
    }

    /// A count of bytes or elements.
    pub(super) fn count(&mut self, id: NodeId, value: u64) -> Result<(), Stop> {
        self.out.int(i64::try_from(value).map_err(|_| too_large(id, value))?);
        Ok(())
    }

    fn tensor(&mut self, id: NodeId, tensor: &'a Tensor) -> Result<(), Stop> {
        let Some(storage) = self.checked(id, tensor)? else {
            return self.meta(id, tensor);
        };
        let untyped = is_untyped(tensor);
        let flagged = tensor.conj || tensor.neg;
        self.view(id, tensor, storage, (!untyped).then_some(tensor.dtype))?;
        self.out.bool(tensor.requires_grad);
        self.hooks();
        if untyped {
            self.dtype(id, tensor.dtype)?;
        }
        if flagged {
            self.flags(tensor);
        }
        self.close(6 + usize::from(untyped) + usize::from(flagged));
        Ok(())
    }

    fn meta(&mut self, id: NodeId, tensor: &Tensor) -> Result<(), Stop> {
        self.out.open(4);
        self.dtype(id, tensor.dtype)?;
        self.ints(&signed(id, &tensor.shape)?);
        self.ints(&signed(id, &tensor.stride)?);
        self.out.bool(tensor.requires_grad);
        self.close(4);
        Ok(())
    }

    /// The start of a long tuple: storage, offset, size, stride.
    fn view(
        &mut self,
        id: NodeId,
        tensor: &Tensor,
        storage: StorageId,
        dtype: Option<DType>,
    ) -> Result<(), Stop> {
        self.out.op(MARK);
        self.storage(id, storage, dtype)?;
        self.count(id, tensor.offset)?;
        self.ints(&signed(id, &tensor.shape)?);
        self.ints(&signed(id, &tensor.stride)?);
        Ok(())
    }

    /// The dict of true flags. torch makes its keys anew in C++.
    fn flags(&mut self, tensor: &Tensor) {
        self.out.op(EMPTY_DICT);
        self.put();
        let both = tensor.conj && tensor.neg;
        if both {
            self.out.op(MARK);
        }
        for key in [("neg", tensor.neg), ("conj", tensor.conj)].iter().filter(|flag| flag.1) {
            self.fresh(key.0);
            self.out.bool(true);
        }
        self.out.op(if both { SETITEMS } else { SETITEM });
    }

    fn quantized(&mut self, id: NodeId, tensor: &'a Tensor, quantizer: &Quantizer) -> Result<(), Stop> {
        let storage = self.checked(id, tensor)?;
        let storage =
            storage.ok_or_else(|| unfit(id, "torch cannot save a quantized tensor without data"))?;
        self.view(id, tensor, storage, Some(tensor.dtype))?;
        self.then_all([Task::Bool(tensor.requires_grad), Task::Hooks, Task::Close(7)]);
        match *quantizer {
            Quantizer::PerTensor { scheme: QScheme::PerTensorAffine, scale, zero_point } => {
                self.known("torch", "per_tensor_affine");
                self.out.float(scale);
                self.out.int(zero_point);
                self.close(3);
            }
            // torch writes the first name for both.
            Quantizer::PerChannel {
                scheme: QScheme::PerChannelAffine | QScheme::PerChannelAffineFloatQParams,
                scales,
                zero_points,
                axis,
            } => {
                self.out.open(4);
                self.known("torch", "per_channel_affine");
                self.then_all([
                    Task::Visit(scales),
                    Task::Visit(zero_points),
                    Task::Int(axis),
                    Task::Close(4),
                ]);
            }
            Quantizer::PerTensor { scheme, .. } | Quantizer::PerChannel { scheme, .. } => {
                return Err(unfit(id, format!("torch cannot save a tensor quantized {}", scheme.name())));
            }
        }
        Ok(())
    }

    /// Layout and contents: a tuple of two, the second as long as it must be.
    fn sparse_coo(
        &mut self,
        id: NodeId,
        indices: NodeId,
        values: NodeId,
        shape: &'a [u64],
        coalesced: Option<bool>,
    ) {
        let items = if coalesced.is_some() { 4 } else { 3 };
        self.layout(Layout::SparseCoo);
        self.out.open(items);
        self.then_all([Task::Close(items), Task::Close(2)]);
        if let Some(coalesced) = coalesced {
            self.then(Task::Bool(coalesced));
        }
        self.then_all([Task::Anew(indices), Task::Anew(values), Task::Size(id, shape)]);
    }

    fn sparse_compressed(&mut self, id: NodeId, sparse: &'a SparseCompressed) -> Result<(), Stop> {
        use Layout::{SparseBsc, SparseBsr, SparseCsc, SparseCsr};
        if !matches!(sparse.layout, SparseCsr | SparseCsc | SparseBsr | SparseBsc) {
            return Err(unfit(id, format!("a compressed sparse tensor cannot be {}", sparse.layout.name())));
        }
        self.layout(sparse.layout);
        self.out.open(4);
        self.then_all([
            Task::Anew(sparse.compressed),
            Task::Anew(sparse.plain),
            Task::Anew(sparse.values),
            Task::Size(id, &sparse.shape),
            Task::Close(4),
            Task::Close(2),
        ]);
        Ok(())
    }

    /// The tensor's storage, which holds all its elements.
    fn checked(&self, id: NodeId, tensor: &Tensor) -> Result<Option<StorageId>, Stop> {
        if tensor.shape.len() != tensor.stride.len() {
            let (shape, stride) = (tensor.shape.len(), tensor.stride.len());
            return Err(unfit(id, format!("a tensor of {shape} dimensions and {stride} strides")));
        }
        if tensor.dtype.storage_class() == StorageClass::Foreign {
            return Err(unfit(id, format!("torch has no tensors of type {}", tensor.dtype.name())));
        }
        let Some(storage) = tensor.storage else {
            return Ok(None);
        };
        let length = self.storages.get(storage)?.length;
        if tensor.extent().is_none_or(|extent| extent > length) {
            return Err(unfit(id, format!("the tensor reaches beyond its storage of {length} bytes")));
        }
        Ok(Some(storage))
    }
}

/// A call and nothing else, such as that of a nested tensor.
fn is_bare_call(object: &Object) -> bool {
    object.construct == Construct::Call
        && object.items.is_empty()
        && object.pairs.is_empty()
        && object.state.is_none()
}

/// Whether torch saves the storage without a type and names the type beside it.
fn is_untyped(tensor: &Tensor) -> bool {
    tensor.dtype.storage_class() == StorageClass::Untyped
}

fn signed(id: NodeId, values: &[u64]) -> Result<Vec<i64>, Stop> {
    values.iter().map(|&value| i64::try_from(value).map_err(|_| too_large(id, value))).collect()
}

fn too_large(id: NodeId, value: u64) -> Stop {
    unfit(id, format!("torch counts in 63 bits, not up to {value}"))
}
