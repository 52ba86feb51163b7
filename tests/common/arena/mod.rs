//! Random arenas: every kind of node at every place that a node can have.

mod kinds;
mod places;

use proptest::prelude::*;
use strongroom_guest::DType;
use strongroom_guest::model::{Construct, Global, Node, NodeId, Object, Quantizer, Storage, Tensor, Text};

macro_rules! all {
    ($(#[$doc:meta])* $type:ident { $($variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type { $($variant,)* }

        impl $type {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
        }
    };
}

all! {
    /// What a leaf of a tree is made of. Each kind of node is among them.
    Kind {
        None,
        Bool,
        Int,
        BigInt,
        Float,
        Complex,
        Text,
        SurrogateText,
        Bytes,
        ByteArray,
        Tuple,
        List,
        Dict,
        OrderedDict,
        Counter,
        Set,
        FrozenSet,
        Size,
        Device,
        DType,
        QScheme,
        Layout,
        Global,
        UntypedStorage,
        TypedStorage,
        Tensor,
        View,
        Lazy,
        Empty,
        Meta,
        Parameter,
        ParameterWithState,
        Quantized,
        QuantizedByChannel,
        SparseCoo,
        SparseCompressed,
        Subclass,
        NumpyScalar,
        Call,
        New,
        NewEx,
        Instance,
        Filled,
        Effect,
        Absent,
    }
}

all! {
    /// Where a value is.
    Place {
        Root,
        TupleItem,
        ListItem,
        DictKey,
        KeyOfMany,
        KeyInTuple,
        DictValue,
        OrderedKey,
        OrderedValue,
        OrderedAttribute,
        CounterKey,
        CounterValue,
        SetMember,
        FrozenSetMember,
        ParameterAttribute,
        TensorAttribute,
        SparseAttribute,
        Callable,
        Argument,
        NewArgument,
        Keyword,
        State,
        Attribute,
        Item,
        PairKey,
        PairValue,
        Effect,
        Twice,
    }
}

/// A value of a tree, its nodes still to be made.
#[derive(Clone, Debug)]
pub enum Sketch {
    Leaf(Kind, u8),
    At(Place, Box<Sketch>, Vec<Sketch>),
    /// A value that was made before, or `None`.
    Again(prop::sample::Index),
}

/// What a kind of node is called here: a kind that is new and not among those above
/// does not compile.
pub fn kind(node: &Node) -> Kind {
    match node {
        Node::None => Kind::None,
        Node::Bool(_) => Kind::Bool,
        Node::Int(_) => Kind::Int,
        Node::BigInt(_) => Kind::BigInt,
        Node::Float(_) => Kind::Float,
        Node::Complex { .. } => Kind::Complex,
        Node::Text(_) => Kind::Text,
        Node::SurrogateText(_) => Kind::SurrogateText,
        Node::Bytes(_) => Kind::Bytes,
        Node::ByteArray(_) => Kind::ByteArray,
        Node::Tuple(_) => Kind::Tuple,
        Node::List(_) => Kind::List,
        Node::Dict(_) => Kind::Dict,
        Node::OrderedDict { .. } => Kind::OrderedDict,
        Node::Counter(_) => Kind::Counter,
        Node::Set(_) => Kind::Set,
        Node::FrozenSet(_) => Kind::FrozenSet,
        Node::Size(_) => Kind::Size,
        Node::Device { .. } => Kind::Device,
        Node::DType(_) => Kind::DType,
        Node::QScheme(_) => Kind::QScheme,
        Node::Layout(_) => Kind::Layout,
        Node::Global(_) => Kind::Global,
        Node::Storage { dtype: None, .. } => Kind::UntypedStorage,
        Node::Storage { dtype: Some(_), .. } => Kind::TypedStorage,
        Node::Tensor(tensor) => match &**tensor {
            Tensor { storage: None, .. } => Kind::Meta,
            Tensor { conj, neg, .. } if *conj || *neg => Kind::Lazy,
            Tensor { shape, .. } if shape.contains(&0) => Kind::Empty,
            Tensor { offset: 0, .. } => Kind::Tensor,
            Tensor { .. } => Kind::View,
        },
        Node::Parameter { state: None, .. } => Kind::Parameter,
        Node::Parameter { state: Some(_), .. } => Kind::ParameterWithState,
        Node::Quantized { quantizer, .. } => match &**quantizer {
            Quantizer::PerTensor { .. } => Kind::Quantized,
            Quantizer::PerChannel { .. } => Kind::QuantizedByChannel,
        },
        Node::SparseCoo { .. } => Kind::SparseCoo,
        Node::SparseCompressed(_) => Kind::SparseCompressed,
        Node::Subclass { .. } => Kind::Subclass,
        Node::NumpyScalar { .. } => Kind::NumpyScalar,
        Node::Object(object) => match object.construct {
            _ if !object.effects.is_empty() => Kind::Effect,
            _ if object.state.is_some() => Kind::Filled,
            Construct::Call => Kind::Call,
            Construct::New => Kind::New,
            Construct::NewEx => Kind::NewEx,
            Construct::Instance => Kind::Instance,
            // A file of a whole module has these; no state dict is made of them.
            Construct::Persistent => Kind::Call,
        },
        Node::Absent => Kind::Absent,
    }
}

/// Any tree.
pub fn sketch() -> impl Strategy<Value = Sketch> {
    let leaf = prop_oneof![
        8 => (prop::sample::select(Kind::ALL), any::<u8>()).prop_map(|(kind, seed)| Sketch::Leaf(kind, seed)),
        1 => any::<prop::sample::Index>().prop_map(Sketch::Again),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        let rest = prop::collection::vec(inner.clone(), 0..3);
        (prop::sample::select(&Place::ALL[1..]), inner, rest)
            .prop_map(|(place, inner, rest)| Sketch::At(place, Box::new(inner), rest))
    })
}

/// Nodes, and the payloads of their storages.
#[derive(Clone, Debug, Default)]
pub struct Arena {
    pub nodes: Vec<Node>,
    pub payloads: Vec<Vec<u8>>,
    pub root: NodeId,
}

impl Arena {
    /// The tree as nodes; None if a value cannot be at its place.
    pub fn of(sketch: &Sketch) -> Option<Self> {
        let mut arena = Self::default();
        // A storage that several tensors look into.
        arena.payloads.push(noise(1, 64));
        arena.root = arena.make(sketch)?;
        Some(arena)
    }

    pub fn storages(&self) -> Vec<Storage> {
        let storage = |payload: &Vec<u8>| Storage { length: payload.len() as u64, location: "cpu".into() };
        self.payloads.iter().map(storage).collect()
    }

    fn make(&mut self, sketch: &Sketch) -> Option<NodeId> {
        match sketch {
            Sketch::Leaf(kind, seed) => Some(self.leaf(*kind, *seed)),
            Sketch::Again(_) if self.nodes.is_empty() => Some(self.add(Node::None)),
            Sketch::Again(index) => {
                let id = u32::try_from(index.index(self.nodes.len())).ok()?;
                // Parts of others are theirs alone, as torch makes them anew each time.
                Some(if self.is_value(id) { id } else { self.add(Node::None) })
            }
            Sketch::At(place, inner, rest) => {
                let inner = self.make(inner)?;
                let rest = rest.iter().map(|sketch| self.make(sketch)).collect::<Option<Vec<_>>>()?;
                self.put(*place, inner, &rest)
            }
        }
    }

    /// Whether a node may be at a second place.
    fn is_value(&self, id: NodeId) -> bool {
        // The call that made a scalar is the scalar.
        let makes = |node: &Node| matches!(node, Node::NumpyScalar { source, .. } if *source == id);
        !self.nodes.iter().any(makes)
            && matches!(
                self.nodes[id as usize],
                Node::List(_)
                    | Node::Dict(_)
                    | Node::OrderedDict { .. }
                    | Node::Counter(_)
                    | Node::Set(_)
                    | Node::Object(_)
                    | Node::ByteArray(_)
            )
    }

    fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        u32::try_from(self.nodes.len() - 1).unwrap()
    }

    fn text(&mut self, value: &str) -> NodeId {
        self.add(Node::Text(Text { value: value.into(), interned: false }))
    }

    fn global(&mut self, module: &str, name: &str) -> NodeId {
        self.add(Node::Global(Global { module: module.into(), name: name.into() }))
    }

    fn tuple(&mut self, items: &[NodeId]) -> NodeId {
        self.add(Node::Tuple(items.to_vec()))
    }

    fn dict(&mut self, name: &str, value: NodeId) -> NodeId {
        let key = self.text(name);
        self.add(Node::Dict(vec![(key, value)]))
    }

    fn int(&mut self, value: i64) -> NodeId {
        self.add(Node::Int(value))
    }

    /// A tensor over a storage of its own.
    fn tensor(&mut self, dtype: DType, shape: &[u64], seed: u8) -> Tensor {
        let length = dtype.bytes(shape.iter().product()).unwrap();
        self.payloads.push(noise(seed, usize::try_from(length).unwrap()));
        let storage = Some(u32::try_from(self.payloads.len() - 1).unwrap());
        view(storage, dtype, 0, shape)
    }

    fn plain(&mut self, shape: &[u64], seed: u8) -> NodeId {
        let tensor = self.tensor(DType::Float32, shape, seed);
        self.add(Node::Tensor(Box::new(tensor)))
    }

    fn ints(&mut self, shape: &[u64], seed: u8) -> NodeId {
        let tensor = self.tensor(DType::Int64, shape, seed);
        self.add(Node::Tensor(Box::new(tensor)))
    }

    fn object(&mut self, construct: Construct, args: &[NodeId]) -> Object {
        let callable = self.global("models", "Config");
        let args = Some(self.tuple(args));
        let kwargs = (construct == Construct::NewEx).then(|| self.add(Node::Dict(Vec::new())));
        Object {
            construct,
            callable,
            args,
            kwargs,
            items: vec![],
            pairs: vec![],
            state: None,
            effects: vec![],
        }
    }

    fn hold(&mut self, fill: impl FnOnce(&mut Object)) -> NodeId {
        let mut object = self.object(Construct::Call, &[]);
        fill(&mut object);
        self.add(Node::Object(Box::new(object)))
    }
}

fn view(storage: Option<u32>, dtype: DType, offset: u64, shape: &[u64]) -> Tensor {
    let mut stride = vec![1; shape.len()];
    for at in (1..shape.len()).rev() {
        stride[at - 1] = stride[at] * shape[at].max(1);
    }
    let shape = shape.to_vec();
    Tensor { storage, dtype, offset, shape, stride, requires_grad: false, conj: false, neg: false }
}

/// Bytes that are in no other storage, or hardly.
fn noise(seed: u8, length: usize) -> Vec<u8> {
    let step = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    let states = std::iter::successors(Some(u32::from(seed) + 1), step).skip(1);
    states.map(|state| state.to_le_bytes()[3]).take(length).collect()
}
