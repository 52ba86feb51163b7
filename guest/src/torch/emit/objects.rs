use alloc::format;

use crate::Error;
use crate::dtype::{DType, Layout, StorageClass};
use crate::model::{Construct, Node, NodeId, Object};

use super::batch::Batch;
use super::primitives::{BUILD, EMPTY_DICT, EMPTY_LIST, MARK, NEWOBJ, NEWOBJ_EX, OBJ, POP, REDUCE, TUPLE2};
use super::walk::{Task, Walk};
use super::{Stop, unfit};

impl<'a> Walk<'a> {
    /// A node that pickle spells as a name or a call.
    pub(super) fn reduced(&mut self, id: NodeId, node: &'a Node) -> Result<(), Stop> {
        match node {
            Node::Bytes(bytes) => {
                let index = self.bytes(bytes);
                self.memo.set_node(id, index);
            }
            Node::ByteArray(bytes) => self.byte_array(id, bytes),
            Node::Complex { re, im } => {
                self.builtin("complex");
                self.out.float(*re);
                self.out.float(*im);
                self.close(2);
                self.made(id);
            }
            Node::Counter(pairs) => {
                self.known("collections", "Counter");
                self.holder(id, EMPTY_DICT, Batch::dict(pairs));
            }
            Node::Set(items) => {
                self.builtin("set");
                self.holder(id, EMPTY_LIST, Batch::list(items));
            }
            Node::FrozenSet(items) => {
                self.builtin("frozenset");
                self.holder(id, EMPTY_LIST, Batch::list(items));
            }
            Node::Global(global) => {
                let index = self.global(id, global)?;
                self.memo.set_node(id, index);
            }
            Node::NumpyScalar { source, .. } => self.numpy_scalar(id, *source)?,
            Node::Object(object) => self.object(id, object)?,
            _ => self.of_torch(id, node)?,
        }
        Ok(())
    }

    fn of_torch(&mut self, id: NodeId, node: &'a Node) -> Result<(), Stop> {
        match node {
            Node::Size(sizes) => {
                self.size(sizes);
                self.made(id);
            }
            Node::Device { kind, index } => {
                self.known("torch", "device");
                self.fresh(kind);
                index.iter().for_each(|&index| self.out.int(index));
                self.close(if index.is_some() { 2 } else { 1 });
                self.made(id);
            }
            Node::DType(dtype) => self.dtype(id, *dtype)?,
            Node::QScheme(scheme) => {
                self.known("torch", scheme.name());
            }
            Node::Layout(layout) => self.layout(*layout),
            Node::Storage { storage, dtype } => self.storage(id, *storage, *dtype)?,
            // All that is left is tensors.
            _ => self.rebuilt(id, Some(id)),
        }
        Ok(())
    }

    /// What an object is given after it was made: items, pairs, state, effects.
    pub(super) fn fill(&mut self, id: NodeId) -> Result<(), Stop> {
        let Node::Object(object) = self.node(id)? else {
            return Ok(());
        };
        for &effect in object.effects.iter().rev() {
            self.then(Task::Effect { owner: id, effect });
        }
        if let Some(state) = object.state {
            self.then_all([Task::Visit(state), Task::Op(BUILD)]);
        }
        self.then_all([Task::Batch(Batch::items(&object.items)), Task::Batch(Batch::pairs(&object.pairs))]);
        Ok(())
    }

    /// A call made for its effect on an object. Picklers do not memoize its result, nor
    /// the arguments of a state setter, which are the object and its state.
    pub(super) fn effect(&mut self, owner: NodeId, effect: NodeId) -> Result<(), Stop> {
        self.then(Task::Op(POP));
        let (args, callable) = match self.node(effect)? {
            Node::Object(object) if object.construct == Construct::Call => (object.args, object.callable),
            _ => (None, 0),
        };
        let Some(args) = args.filter(|_| !self.is_shared(effect)) else {
            self.then(Task::Visit(effect));
            return Ok(());
        };
        self.then_all([Task::Op(REDUCE), Task::Fill(effect)]);
        match self.node(args)? {
            Node::Tuple(items)
                if items.len() == 2 && items.first() == Some(&owner) && !self.is_shared(args) =>
            {
                self.then_all([Task::Each(items), Task::Op(TUPLE2)]);
            }
            _ => self.then(Task::CallTuple(args)),
        }
        self.then(Task::Visit(callable));
        Ok(())
    }

    /// A call's arguments. `__reduce__` makes a new tuple each time it is asked,
    /// so where a call leads back to itself, two such tuples are two objects.
    pub(super) fn call_tuple(&mut self, id: NodeId) -> Result<(), Stop> {
        match self.node(id)? {
            Node::Tuple(items) if self.memo.node(id).is_none() => self.tuple(id, items, true),
            _ => self.then(Task::Visit(id)),
        }
        Ok(())
    }

    /// A string that is no other's.
    pub(super) fn fresh(&mut self, value: &str) -> u32 {
        match value.as_bytes() {
            // CPython has each of these only once.
            [ascii @ ..0x80] => self.character(*ascii),
            utf8 => {
                self.out.text(utf8);
                self.put()
            }
        }
    }

    /// A dtype, by its name.
    pub(super) fn dtype(&mut self, id: NodeId, dtype: DType) -> Result<(), Stop> {
        if dtype.storage_class() == StorageClass::Foreign {
            return Err(unfit(id, format!("torch has no type {}", dtype.name())));
        }
        self.known("torch", dtype.name());
        Ok(())
    }

    /// A layout, of which torch has one each.
    pub(super) fn layout(&mut self, layout: Layout) {
        if let Some(index) = self.memo.layout(layout) {
            return self.out.get(index);
        }
        self.known("torch.serialization", "_get_layout");
        self.out.text(format!("torch.{}", layout.name()).as_bytes());
        self.put();
        self.close(1);
        self.out.op(REDUCE);
        let index = self.put();
        self.memo.set_layout(layout, index);
    }

    /// The class `torch.Size` and its arguments; the call is left to do.
    pub(super) fn size(&mut self, sizes: &[i64]) {
        self.known("torch", "Size");
        self.ints(sizes);
        self.close(1);
    }

    /// A tuple of integers that is no node.
    pub(super) fn ints(&mut self, values: &[i64]) {
        self.out.open(values.len());
        values.iter().for_each(|&value| self.out.int(value));
        self.out.close(values.len());
        if !values.is_empty() {
            self.put();
        }
    }

    fn object(&mut self, id: NodeId, object: &'a Object) -> Result<(), Stop> {
        let missing = |what: &str| Error::misuse(format!("node {id} is an object without {what}"));
        if object.construct == Construct::Persistent {
            return Err(unfit(id, "torch.load knows persistent ids of storages only"));
        }
        let args = object.args.ok_or_else(|| missing("arguments"))?;
        if object.construct == Construct::Instance {
            if !matches!(self.node(args)?, Node::Tuple(items) if items.is_empty()) {
                return Err(Error::misuse(format!("node {id} is an instance with arguments")).into());
            }
            self.then(Task::Call { op: OBJ, node: Some(id) });
            self.then_all([Task::Op(MARK), Task::Visit(object.callable)]);
            return Ok(());
        }
        let op = match object.construct {
            Construct::New => NEWOBJ,
            Construct::NewEx => NEWOBJ_EX,
            _ => REDUCE,
        };
        self.then(Task::Call { op, node: Some(id) });
        if object.construct == Construct::NewEx {
            self.then(Task::Visit(object.kwargs.ok_or_else(|| missing("keyword arguments"))?));
        }
        self.then_all([Task::Visit(object.callable), Task::CallTuple(args)]);
        Ok(())
    }

    fn numpy_scalar(&mut self, id: NodeId, source: NodeId) -> Result<(), Stop> {
        // A scalar for source could be a circle that writes nothing.
        if matches!(self.node(source)?, Node::NumpyScalar { .. }) {
            return Err(Error::misuse(format!("node {id} is a numpy scalar made from another")).into());
        }
        self.then(Task::Visit(source));
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> u32 {
        match bytes {
            [] => {
                self.builtin("bytes");
                self.out.close(0);
            }
            _ => {
                self.known("_codecs", "encode");
                match bytes {
                    [one] => {
                        self.character(*one);
                    }
                    _ => {
                        self.out.latin1(bytes);
                        self.put();
                    }
                }
                self.interned("latin1");
                self.close(2);
            }
        }
        self.out.op(REDUCE);
        self.put()
    }

    fn byte_array(&mut self, id: NodeId, bytes: &[u8]) {
        self.builtin("bytearray");
        if bytes.is_empty() {
            self.out.close(0);
        } else {
            self.bytes(bytes);
            self.close(1);
        }
        self.made(id);
    }

    fn character(&mut self, latin1: u8) -> u32 {
        if let Some(index) = self.memo.character(latin1) {
            self.out.get(index);
            return index;
        }
        self.out.latin1(&[latin1]);
        let index = self.put();
        self.memo.set_character(latin1, index);
        index
    }

    /// A call of one argument: a list or dict made for it, with this in it.
    fn holder(&mut self, id: NodeId, empty: u8, contents: Batch<'a>) {
        self.out.op(empty);
        self.put();
        self.then_all([Task::Batch(contents), Task::Close(1), Task::Call { op: REDUCE, node: Some(id) }]);
    }

    /// The call whose parts were just written.
    fn made(&mut self, id: NodeId) {
        self.out.op(REDUCE);
        self.put_node(id);
    }
}
