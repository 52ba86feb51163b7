//! State dicts as short as a test can write them.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::{Field, Look, Nodes, Part, Role};

/// A node.
#[derive(Clone, Debug)]
pub enum Value {
    None,
    True,
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<u32>),
    Tuple(Vec<u32>),
    Dict(Vec<(u32, u32)>),
    /// Pairs, and the attributes.
    Ordered(Vec<(u32, u32)>, u32),
    Tensor,
    Sparse(u32, u32),
    /// A tensor, scales and zero points.
    Quantized(u32, u32),
    /// A tensor and its attributes.
    Parameter(u32, Option<u32>),
    Global(&'static str, &'static str),
    Object(Object),
}

#[derive(Clone, Debug, Default)]
pub struct Object {
    pub callable: u32,
    pub args: Option<u32>,
    pub kwargs: Option<u32>,
    pub items: Vec<u32>,
    pub pairs: Vec<(u32, u32)>,
    pub state: Option<u32>,
    pub effects: Vec<u32>,
}

/// All nodes; the first is the root.
#[derive(Clone, Debug)]
pub struct Arena(pub Vec<Value>);

pub fn text(text: &str) -> Value {
    Value::Text(text.into())
}

impl Arena {
    /// A root to be filled.
    pub fn new() -> Self {
        Self(vec![Value::None])
    }

    pub fn add(&mut self, value: Value) -> u32 {
        self.0.push(value);
        u32::try_from(self.0.len() - 1).unwrap()
    }

    pub fn text(&mut self, value: &str) -> u32 {
        self.add(text(value))
    }

    pub fn tensor(&mut self) -> u32 {
        self.add(Value::Tensor)
    }

    /// A dict of texts.
    pub fn dict(&mut self, pairs: &[(&str, u32)]) -> u32 {
        let pairs = pairs.iter().map(|&(key, value)| (self.text(key), value)).collect();
        self.add(Value::Dict(pairs))
    }

    /// The same under this root.
    pub fn rooted(mut self, root: u32) -> Self {
        self.0[0] = self.0[root as usize].clone();
        self
    }
}

impl Nodes for Arena {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn visit(&self, node: u32, each: &mut dyn FnMut(Role, u32)) {
        let items = |items: &[u32], each: &mut dyn FnMut(Role, u32)| {
            (0..).zip(items).for_each(|(at, &item)| each(Role::Item(at), item));
        };
        let pairs = |pairs: &[(u32, u32)], each: &mut dyn FnMut(Role, u32)| {
            for (at, &(key, value)) in (0..).zip(pairs) {
                each(Role::Key(at), key);
                each(Role::Value { at, key }, value);
            }
        };
        match &self.0[node as usize] {
            Value::None
            | Value::True
            | Value::Int(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Tensor
            | Value::Global(..) => {}
            Value::List(all) | Value::Tuple(all) => items(all, each),
            Value::Dict(all) => pairs(all, each),
            Value::Ordered(all, attributes) => {
                pairs(all, each);
                each(Role::Bookkeeping, *attributes);
            }
            Value::Sparse(indices, values) => {
                each(Role::Part(Part::Indices), *indices);
                each(Role::Part(Part::Values), *values);
            }
            Value::Quantized(scales, zero_points) => {
                each(Role::Part(Part::Scales), *scales);
                each(Role::Part(Part::ZeroPoints), *zero_points);
            }
            Value::Parameter(tensor, state) => {
                each(Role::Core, *tensor);
                state.iter().for_each(|&state| each(Role::Attributes, state));
            }
            Value::Object(object) => {
                each(Role::Field(Field::Callable), object.callable);
                object.args.iter().for_each(|&args| each(Role::Field(Field::Args), args));
                object.kwargs.iter().for_each(|&kwargs| each(Role::Field(Field::Kwargs), kwargs));
                items(&object.items, each);
                pairs(&object.pairs, each);
                object.state.iter().for_each(|&state| each(Role::Attributes, state));
                (0..).zip(&object.effects).for_each(|(at, &effect)| each(Role::Effect(at), effect));
            }
        }
    }

    fn pair(&self, node: u32, at: u32) -> Option<(u32, u32)> {
        match &self.0[node as usize] {
            Value::Dict(pairs) | Value::Ordered(pairs, _) => pairs.get(at as usize).copied(),
            Value::Object(object) => object.pairs.get(at as usize).copied(),
            _ => None,
        }
    }

    fn look(&self, node: u32) -> Look<'_> {
        match &self.0[node as usize] {
            Value::None => Look::None,
            Value::True => Look::Bool(true),
            Value::Int(value) => Look::Int(*value),
            Value::Float(value) => Look::Float(value.to_bits()),
            Value::Text(text) => Look::Text(text),
            Value::List(items) => Look::Container(items.len()),
            Value::Tuple(items) => Look::Tuple(items),
            Value::Dict(pairs) | Value::Ordered(pairs, _) => Look::Container(pairs.len()),
            Value::Tensor => Look::Strided { shape: &[2], quantized: false, requires_grad: false },
            Value::Quantized(..) => Look::Strided { shape: &[2], quantized: true, requires_grad: false },
            Value::Sparse(_, values) => Look::Sparse { layout: "sparse_coo", shape: &[9], values: *values },
            Value::Parameter(tensor, _) => Look::Parameter { tensor: *tensor, requires_grad: true },
            Value::Global(module, name) => Look::Global { module, name },
            Value::Object(object) => {
                Look::Object { callable: object.callable, args: object.args, state: object.state }
            }
        }
    }
}
