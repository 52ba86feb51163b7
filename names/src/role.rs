//! What a node is to the one that refers to it.

/// What a node is to the one that refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The value at a position of a list, a tuple or a set, or one that an object would
    /// be given in turn.
    Item(u32),
    /// The key at a position of a dict.
    Key(u32),
    /// The value under a key.
    Value {
        /// The position of the key.
        at: u32,
        /// The key's node.
        key: u32,
    },
    /// The attributes of a tensor or an object: what is put into its `__dict__`, or
    /// handed to its `__setstate__`.
    Attributes,
    /// The attributes of an `OrderedDict`, most often those that a module writes.
    Bookkeeping,
    /// The tensor that a parameter or a tensor of another class is. It is in the same
    /// place.
    Core,
    /// A tensor that a tensor is made of.
    Part(Part),
    /// What an object is made from.
    Field(Field),
    /// What is called once an object is whole, in order.
    Effect(u32),
}

impl Role {
    /// Whether it is listed only where a tensor is in it: keys are most often texts,
    /// and names are made of them. So are the attributes of an `OrderedDict`, if they are
    /// no more than `routine`.
    pub(crate) fn is_aside(self, routine: bool) -> bool {
        match self {
            Self::Key(_) | Self::Field(Field::Callable | Field::Class | Field::Source) => true,
            Self::Bookkeeping => routine,
            Self::Item(_)
            | Self::Value { at: _, key: _ }
            | Self::Attributes
            | Self::Core
            | Self::Part(_)
            | Self::Field(Field::Args | Field::Kwargs)
            | Self::Effect(_) => false,
        }
    }
}

/// A tensor that a tensor is made of, by torch's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Of a sparse tensor in coordinate form.
    Indices,
    /// Of a sparse tensor.
    Values,
    /// The row offsets of a sparse tensor.
    CrowIndices,
    /// The column indices of a sparse tensor.
    ColIndices,
    /// The column offsets of a sparse tensor.
    CcolIndices,
    /// The row indices of a sparse tensor.
    RowIndices,
    /// Of a tensor quantized along an axis.
    Scales,
    /// Of a tensor quantized along an axis.
    ZeroPoints,
}

impl Part {
    /// torch's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Indices => "indices",
            Self::Values => "values",
            Self::CrowIndices => "crow_indices",
            Self::ColIndices => "col_indices",
            Self::CcolIndices => "ccol_indices",
            Self::RowIndices => "row_indices",
            Self::Scales => "scales",
            Self::ZeroPoints => "zero_points",
        }
    }
}

/// What an object is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// What would be called, or the persistent id.
    Callable,
    /// The positional arguments.
    Args,
    /// The arguments by name.
    Kwargs,
    /// The class of a tensor.
    Class,
    /// How the file spells the value.
    Source,
}

impl Field {
    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Callable => "callable",
            Self::Args => "args",
            Self::Kwargs => "kwargs",
            Self::Class => "class",
            Self::Source => "source",
        }
    }
}
