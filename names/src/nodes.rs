use crate::Role;

/// The nodes of a state dict, which refer to each other by index.
pub trait Nodes {
    /// How many there are.
    fn count(&self) -> usize;

    /// Calls `each` with every node that `node` refers to, in the order in which a
    /// pickler meets them; with none if there is no such node.
    fn visit(&self, node: u32, each: &mut dyn FnMut(Role, u32));

    /// The key and the value at a position, of a node that has some.
    fn pair(&self, node: u32, at: u32) -> Option<(u32, u32)>;

    /// What there is to know of a node.
    fn look(&self, node: u32) -> Look<'_>;
}

/// What there is to know of a node to name it and what is in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Look<'n> {
    /// `None`
    None,
    /// `True` or `False`
    Bool(bool),
    /// An `int` of at most 64 bits.
    Int(i64),
    /// The bits of a `float`.
    Float(u64),
    /// A `str` that is UTF-8.
    Text(&'n str),
    /// A tuple.
    Tuple(&'n [u32]),
    /// A list, a set, a dict or the like, of so many values.
    Container(usize),
    /// A `torch.Size`.
    Size(&'n [i64]),
    /// A class or function.
    Global {
        /// Its module.
        module: &'n str,
        /// Its name in there.
        name: &'n str,
    },
    /// A storage by itself.
    Storage,
    /// A tensor with elements of its own.
    Strided {
        /// Elements along each dimension.
        shape: &'n [u64],
        /// Whether it has scales and zero points.
        quantized: bool,
        /// Whether autograd records operations on it.
        requires_grad: bool,
    },
    /// A sparse tensor.
    Sparse {
        /// torch's name of its layout: `sparse_coo`.
        layout: &'static str,
        /// Elements along each dimension.
        shape: &'n [u64],
        /// Its values, a tensor.
        values: u32,
    },
    /// A `torch.nn.Parameter`.
    Parameter {
        /// Its tensor.
        tensor: u32,
        /// Whether autograd records operations on it.
        requires_grad: bool,
    },
    /// A tensor of another class, or with attributes.
    Subclass {
        /// The plain tensor.
        tensor: u32,
        /// Its class.
        class: u32,
    },
    /// An object that was not made.
    Object {
        /// What would be called with the arguments.
        callable: u32,
        /// The arguments.
        args: Option<u32>,
        /// What would be handed to its `__setstate__` or put into its `__dict__`.
        state: Option<u32>,
    },
    /// Any other value.
    Other,
}

impl Look<'_> {
    /// Whether it is a container with values in it: those are listed in its stead.
    pub(crate) fn is_branch(&self) -> bool {
        match self {
            Self::Tuple(items) => !items.is_empty(),
            Self::Container(length) => *length > 0,
            _ => false,
        }
    }

    /// Whether it has elements, or a place for them.
    pub(crate) fn is_tensor(&self) -> bool {
        matches!(
            self,
            Self::Storage
                | Self::Strided { .. }
                | Self::Sparse { .. }
                | Self::Parameter { .. }
                | Self::Subclass { .. }
        )
    }
}
