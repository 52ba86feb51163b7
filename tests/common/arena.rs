//! Random arenas: every kind of node at every place that a node can have.

use proptest::prelude::*;
use strongroom_guest::model::{
    Construct, Global, Node, NodeId, Object, Pair, Quantizer, SparseCompressed, Storage, Tensor, Text,
};
use strongroom_guest::{DType, QScheme, TensorLayout};

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
        matches!(
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

    fn leaf(&mut self, kind: Kind, seed: u8) -> NodeId {
        if kind == Kind::Effect {
            let weight = self.plain(&[3], seed);
            return self.effect(weight);
        }
        let node = self.node(kind, seed);
        self.add(node)
    }

    fn node(&mut self, kind: Kind, seed: u8) -> Node {
        let bit = seed & 1 == 1;
        let pick = |values: &[i64]| values[seed as usize % values.len()];
        match kind {
            Kind::None => Node::None,
            Kind::Bool => Node::Bool(bit),
            Kind::Int => Node::Int(pick(&[0, 255, 256, 65536, -1, i64::from(i32::MIN), i64::MAX, i64::MIN])),
            Kind::BigInt if bit => Node::BigInt([noise(seed, 300), vec![1]].concat()),
            Kind::BigInt => Node::BigInt([noise(seed, 9), vec![0x7f]].concat()),
            Kind::Float => Node::Float([f64::NAN, -0.0, 0.1, f64::INFINITY][seed as usize % 4].to_bits()),
            Kind::Complex => Node::Complex { re: (-0.0f64).to_bits(), im: f64::from(seed).to_bits() },
            Kind::Text => {
                let value = ["weight", "cpu", "", "a", "重み"][seed as usize % 5].into();
                Node::Text(Text { value, interned: false })
            }
            Kind::SurrogateText => Node::SurrogateText(vec![b'a', 0xed, 0xa0, 0x80]),
            Kind::Bytes => Node::Bytes(noise(seed, seed as usize % 5)),
            Kind::ByteArray => Node::ByteArray(noise(seed, seed as usize % 3)),
            Kind::Tuple => Node::Tuple((0..seed % 5).map(|item| self.int(item.into())).collect()),
            Kind::List => Node::List(if bit { vec![self.plain(&[2], seed)] } else { vec![] }),
            Kind::Dict => Node::Dict(if bit { vec![self.pair("w", seed)] } else { vec![] }),
            Kind::OrderedDict => {
                let attributes = bit.then(|| {
                    let value = self.int(2);
                    self.dict("version", value)
                });
                Node::OrderedDict { items: vec![self.pair("w", seed)], attributes }
            }
            Kind::Counter => Node::Counter(vec![(self.int(1), self.int(seed.into()))]),
            Kind::Set => Node::Set((0..seed % 3).map(|item| self.int(item.into())).collect()),
            Kind::FrozenSet => Node::FrozenSet((0..seed % 3).map(|item| self.int(item.into())).collect()),
            Kind::Size => Node::Size((0..seed % 4).map(i64::from).collect()),
            Kind::Device => Node::Device { kind: "cuda".into(), index: bit.then_some(seed.into()) },
            Kind::DType => Node::DType(if bit { DType::Float32 } else { DType::Float8E5M2 }),
            Kind::QScheme => Node::QScheme(QScheme::PerTensorAffine),
            Kind::Layout => Node::Layout(if bit { TensorLayout::Strided } else { TensorLayout::SparseCsr }),
            Kind::Global => Node::Global(Global { module: "models".into(), name: "Config".into() }),
            Kind::UntypedStorage | Kind::TypedStorage => {
                let dtype = (kind == Kind::TypedStorage).then_some(DType::Float32);
                let tensor = self.tensor(DType::Float32, &[4], seed);
                Node::Storage { storage: tensor.storage.unwrap(), dtype }
            }
            kind => self.of_torch(kind, seed),
        }
    }

    fn of_torch(&mut self, kind: Kind, seed: u8) -> Node {
        let bit = seed & 1 == 1;
        match kind {
            Kind::Tensor => {
                let dtype = [DType::Float32, DType::BFloat16, DType::UInt16, DType::Bool][seed as usize % 4];
                let tensor = self.tensor(dtype, &[3, 2], seed);
                Node::Tensor(Box::new(Tensor { requires_grad: dtype == DType::Float32, ..tensor }))
            }
            Kind::View => {
                let mut tensor = view(Some(0), DType::Float32, u64::from(seed % 4) + 1, &[2, 3]);
                tensor.stride = if bit { vec![1, 2] } else { vec![3, 1] };
                Node::Tensor(Box::new(tensor))
            }
            Kind::Lazy => {
                let tensor = self.tensor(DType::Complex64, &[3], seed);
                Node::Tensor(Box::new(Tensor { conj: bit, neg: !bit, ..tensor }))
            }
            Kind::Empty => Node::Tensor(Box::new(self.tensor(DType::Float32, &[2, 0], seed))),
            Kind::Meta => Node::Tensor(Box::new(view(None, DType::Float16, 0, &[2, 3]))),
            Kind::Parameter | Kind::ParameterWithState => {
                let tensor = self.plain(&[3], seed);
                let state = (kind == Kind::ParameterWithState).then(|| {
                    let scale = self.plain(&[2], seed.wrapping_add(1));
                    self.dict("scale", scale)
                });
                Node::Parameter { tensor, requires_grad: bit, state }
            }
            Kind::Quantized => {
                let quantizer = Quantizer::PerTensor {
                    scheme: QScheme::PerTensorAffine,
                    scale: 0.5f64.to_bits(),
                    zero_point: 3,
                };
                let tensor = self.tensor(DType::QInt8, &[2, 3], seed);
                Node::Quantized { tensor: Box::new(tensor), quantizer: Box::new(quantizer) }
            }
            Kind::QuantizedByChannel => {
                let scales = self.tensor(DType::Float64, &[2], seed);
                let quantizer = Quantizer::PerChannel {
                    scheme: QScheme::PerChannelAffine,
                    scales: self.add(Node::Tensor(Box::new(scales))),
                    zero_points: self.ints(&[2], seed),
                    axis: 0,
                };
                let tensor = self.tensor(DType::QInt8, &[2, 3], seed);
                Node::Quantized { tensor: Box::new(tensor), quantizer: Box::new(quantizer) }
            }
            Kind::SparseCoo => self.sparse(seed),
            Kind::SparseCompressed => {
                let layout = [TensorLayout::SparseCsr, TensorLayout::SparseCsc][usize::from(bit)];
                let (compressed, plain) = (self.ints(&[5], seed), self.ints(&[3], seed.wrapping_add(1)));
                let values = self.plain(&[3], seed);
                let shape = vec![4, 4];
                Node::SparseCompressed(Box::new(SparseCompressed {
                    layout,
                    compressed,
                    plain,
                    values,
                    shape,
                }))
            }
            Kind::Subclass => {
                let state = self.plain(&[2], seed.wrapping_add(1));
                let state = self.dict("note", state);
                let tensor = self.plain(&[3], seed);
                let class =
                    if bit { self.global("models", "Weight") } else { self.global("torch", "Tensor") };
                Node::Subclass { tensor, class, state }
            }
            Kind::Absent => Node::Absent,
            kind => self.opaque(kind, seed),
        }
    }

    fn opaque(&mut self, kind: Kind, seed: u8) -> Node {
        let weight = self.plain(&[3], seed);
        let object = match kind {
            Kind::NumpyScalar => {
                let source = self.numpy(seed);
                return Node::NumpyScalar { dtype: "<f8".into(), data: noise(seed, 8), source };
            }
            Kind::Call => self.object(Construct::Call, &[weight]),
            Kind::New => self.object(Construct::New, &[weight]),
            Kind::NewEx => {
                let kwargs = Some(self.dict("weight", weight));
                Object { kwargs, ..self.object(Construct::NewEx, &[]) }
            }
            _ => {
                let state = Some(self.dict("weight", weight));
                let (key, value) = (self.text("k"), self.int(seed.into()));
                let items = vec![self.int(1)];
                Object { state, items, pairs: vec![(key, value)], ..self.object(Construct::New, &[]) }
            }
        };
        Node::Object(Box::new(object))
    }

    /// An object with a call that is made for its effect, as a state setter's is.
    fn effect(&mut self, value: NodeId) -> NodeId {
        let made = self.hold(|_| {});
        let callable = self.global("models", "put");
        let call = Object { callable, ..self.object(Construct::Call, &[made, value]) };
        let call = self.add(Node::Object(Box::new(call)));
        if let Node::Object(object) = &mut self.nodes[made as usize] {
            object.effects.push(call);
        }
        made
    }

    fn pair(&mut self, name: &str, seed: u8) -> Pair {
        (self.text(name), self.plain(&[2], seed))
    }

    fn sparse(&mut self, seed: u8) -> Node {
        let (indices, values) = (self.ints(&[2, 3], seed), self.plain(&[3], seed));
        Node::SparseCoo {
            indices,
            values,
            shape: vec![4, 3],
            coalesced: [None, Some(true), Some(false)][seed as usize % 3],
        }
    }

    /// `numpy._core.multiarray.scalar(dtype, bytes)`
    fn numpy(&mut self, seed: u8) -> NodeId {
        let (name, no, yes) = (self.text("f8"), self.add(Node::Bool(false)), self.add(Node::Bool(true)));
        let three = self.int(3);
        let order = self.text("<");
        let nones = [self.add(Node::None), self.add(Node::None), self.add(Node::None)];
        let ends = [self.int(-1), self.int(-1), self.int(0)];
        let state = self.tuple(&[&[three, order], nones.as_slice(), ends.as_slice()].concat());
        let callable = self.global("numpy", "dtype");
        let dtype = Object { callable, state: Some(state), ..self.object(Construct::Call, &[name, no, yes]) };
        let dtype = self.add(Node::Object(Box::new(dtype)));
        let data = self.add(Node::Bytes(noise(seed, 8)));
        let callable = self.global("numpy._core.multiarray", "scalar");
        let scalar = Object { callable, ..self.object(Construct::Call, &[dtype, data]) };
        self.add(Node::Object(Box::new(scalar)))
    }

    /// A holder with the value at the place; None if it cannot be there.
    fn put(&mut self, place: Place, value: NodeId, rest: &[NodeId]) -> Option<NodeId> {
        let is_key = matches!(
            place,
            Place::DictKey
                | Place::KeyOfMany
                | Place::KeyInTuple
                | Place::OrderedKey
                | Place::CounterKey
                | Place::SetMember
                | Place::FrozenSetMember
                | Place::PairKey
        );
        if is_key && !self.hashable(value) || place == Place::Callable && !self.callable(value) {
            return None;
        }
        Some(match place {
            Place::Root => value,
            Place::TupleItem => self.tuple(&[&[value], rest].concat()),
            Place::ListItem => self.add(Node::List([rest, &[value]].concat())),
            Place::DictKey => {
                let weight = self.plain(&[2], 9);
                self.add(Node::Dict(vec![(value, weight)]))
            }
            Place::KeyOfMany => {
                let (tensor, text, weight) = (self.plain(&[5], 11), self.text("w"), self.plain(&[2], 12));
                let one = self.int(1);
                let others = rest.iter().copied().filter(|&key| self.hashable(key)).map(|key| (key, one));
                let pairs = [(value, one), (tensor, one), (text, weight)].into_iter().chain(others);
                let pairs = pairs.collect();
                self.add(Node::Dict(pairs))
            }
            Place::KeyInTuple => {
                let (one, two) = (self.int(1), self.int(2));
                let keys = [self.tuple(&[one, value]), self.tuple(&[two, value])];
                let pairs = keys.map(|key| (key, self.plain(&[2], u8::try_from(key % 200).unwrap())));
                self.add(Node::Dict(pairs.to_vec()))
            }
            Place::DictValue => self.dict("k", value),
            Place::OrderedKey => {
                let weight = self.plain(&[2], 9);
                self.add(Node::OrderedDict { items: vec![(value, weight)], attributes: None })
            }
            Place::OrderedValue => {
                let key = self.text("k");
                self.add(Node::OrderedDict { items: vec![(key, value)], attributes: None })
            }
            Place::OrderedAttribute => {
                let attributes = Some(self.dict("_metadata", value));
                self.add(Node::OrderedDict { items: vec![], attributes })
            }
            Place::CounterKey => {
                let count = self.int(3);
                self.add(Node::Counter(vec![(value, count)]))
            }
            Place::CounterValue => {
                let key = self.text("k");
                self.add(Node::Counter(vec![(key, value)]))
            }
            Place::SetMember => self.add(Node::Set(vec![value])),
            Place::FrozenSetMember => self.add(Node::FrozenSet(vec![value])),
            Place::ParameterAttribute | Place::TensorAttribute | Place::SparseAttribute => {
                self.attribute(place, value)
            }
            _ => self.in_object(place, value, rest),
        })
    }

    fn attribute(&mut self, place: Place, value: NodeId) -> NodeId {
        let state = self.dict("note", value);
        match place {
            Place::ParameterAttribute => {
                let tensor = self.plain(&[3], 7);
                self.add(Node::Parameter { tensor, requires_grad: true, state: Some(state) })
            }
            place => {
                let class = self.global("torch", "Tensor");
                let tensor = match place {
                    Place::SparseAttribute => {
                        let sparse = self.sparse(4);
                        self.add(sparse)
                    }
                    _ => self.plain(&[3], 7),
                };
                self.add(Node::Subclass { tensor, class, state })
            }
        }
    }

    fn in_object(&mut self, place: Place, value: NodeId, rest: &[NodeId]) -> NodeId {
        let all = [&[value], rest].concat();
        let object = match place {
            Place::Callable => {
                let object = self.object(Construct::Call, rest);
                Object { callable: value, ..object }
            }
            Place::Argument => self.object(Construct::Call, &all),
            Place::NewArgument => self.object(Construct::New, &all),
            Place::Keyword => {
                let kwargs = Some(self.dict("k", value));
                Object { kwargs, ..self.object(Construct::NewEx, rest) }
            }
            Place::Effect => return self.effect(value),
            Place::Twice => {
                let again = self.dict("again", value);
                return self.add(Node::List(vec![value, again]));
            }
            place => {
                let (key, weight) = (self.text("k"), self.plain(&[2], 8));
                let attributes = self.dict("v", value);
                return self.hold(|object| match place {
                    Place::State => object.state = Some(value),
                    Place::Attribute => object.state = Some(attributes),
                    Place::Item => object.items = all,
                    Place::PairKey => object.pairs = vec![(value, weight)],
                    _ => object.pairs = vec![(key, value)],
                });
            }
        };
        self.add(Node::Object(Box::new(object)))
    }

    /// Whether Python can hash it.
    fn hashable(&self, id: NodeId) -> bool {
        match &self.nodes[id as usize] {
            Node::List(_)
            | Node::Dict(_)
            | Node::OrderedDict { .. }
            | Node::Counter(_)
            | Node::Set(_)
            | Node::ByteArray(_)
            | Node::Absent => false,
            Node::Tuple(items) | Node::FrozenSet(items) => items.iter().all(|&item| self.hashable(item)),
            _ => true,
        }
    }

    fn callable(&self, id: NodeId) -> bool {
        matches!(&self.nodes[id as usize], Node::Global(_) | Node::Object(_))
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
