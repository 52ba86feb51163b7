//! A node of each kind.

use strongroom_guest::model::{
    Construct, Global, Node, NodeId, Object, Pair, Quantizer, SparseCompressed, Tensor, Text,
};
use strongroom_guest::{DType, QScheme, TensorLayout};

use super::{Arena, Kind, noise, view};

impl Arena {
    pub(super) fn leaf(&mut self, kind: Kind, seed: u8) -> NodeId {
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
            Kind::Instance => self.object(Construct::Instance, &[]),
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
    pub(super) fn effect(&mut self, value: NodeId) -> NodeId {
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

    pub(super) fn sparse(&mut self, seed: u8) -> Node {
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
}
