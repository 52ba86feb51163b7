use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::super::rehearse;
use super::{Arena, object, tensor};
use crate::dtype::{DType, Layout, QScheme};
use crate::model::{
    Construct, Global, Node, NodeId, Object, Quantizer, SparseCompressed, Storage, Tensor, Text,
};
use crate::pickle::Machine;
use crate::torch::interpret::NamedStorage;
use crate::torch::order;
use crate::{Error, Limits};

#[track_caller]
fn is_misuse(arena: &Arena, root: NodeId) {
    assert!(matches!(arena.emit(root), Err(Error::Misuse(_))), "{:?}", arena.emit(root));
}

#[track_caller]
fn is_unfit(arena: &Arena, root: NodeId, why: &str) {
    let Err(Error::Unrepresentable(unfit)) = arena.emit(root) else {
        panic!("{:?}", arena.emit(root));
    };
    assert_eq!(unfit[0].reason, why);
    assert!(!unfit[0].path.contains("node"), "{}", unfit[0].path);
}

#[test]
fn nodes_and_storages_must_exist() {
    let mut arena = Arena::default();
    is_misuse(&arena, 0);
    let root = arena.list(&[7]);
    is_misuse(&arena, root);
    let root = arena.add(Node::Storage { storage: 0, dtype: None });
    is_misuse(&arena, root);
    let root = arena.add(Node::Tensor(Box::new(Tensor { storage: Some(0), ..tensor(DType::Bool, &[1]) })));
    is_misuse(&arena, root);
}

#[test]
fn circles_that_no_pickle_can_spell_end() {
    let mut arena = Arena::default();
    let root = arena.promise();
    let none = arena.add(Node::None);
    let circles = [
        Node::Tuple(vec![root]),
        Node::Tuple(vec![none, none, none, root]),
        Node::FrozenSet(vec![root]),
        Node::Parameter { tensor: root, requires_grad: false, state: None },
        Node::Subclass { tensor: root, class: none, state: none },
        Node::SparseCoo { indices: root, values: root, shape: vec![], coalesced: None },
        Node::NumpyScalar { dtype: String::new(), data: vec![], source: root },
        Node::Object(Box::new(object(Construct::Call, root, root))),
    ];
    for circle in circles {
        arena.keep(root, circle);
        is_misuse(&arena, root);
    }
}

#[test]
fn a_pickle_that_would_be_too_long_ends() {
    let mut arena = Arena::default();
    // An integer is written at each use, however long it is.
    let long = arena.add(Node::BigInt(vec![1; 1 << 10]));
    let repeated = arena.list(&vec![long; 1 << 10]);
    let text = arena.text(&"a".repeat(1 << 20));
    for root in [repeated, text] {
        assert!(arena.emit(root).is_ok());
        let result = rehearse(&arena.nodes, &arena.storages, root, 1 << 20);
        assert!(matches!(result, Err(Error::Unrepresentable(_))));
    }
}

#[test]
fn deep_but_honest_nesting_is_written() {
    let mut arena = Arena::default();
    let mut root = arena.add(Node::None);
    for _ in 0..20_000 {
        root = arena.list(&[root]);
    }
    assert!(arena.emit(root).is_ok());
    for _ in 0..100_000 {
        root = arena.list(&[root]);
    }
    is_misuse(&arena, root);
}

#[test]
fn a_name_cannot_smuggle_instructions_in() {
    let mut arena = Arena::default();
    let names = [("os\nsystem\n(X\x02\x00\x00\x00ls(tR.", "x"), ("m", "a\nb"), ("é", "x"), ("m", "é")];
    for (module, name) in names {
        let root = arena.global(module, name);
        assert!(matches!(arena.emit(root), Err(Error::Unrepresentable(_))));
    }
    for name in [".", "a.", ".a", "a..b", &["a"; 101].join(".")] {
        let root = arena.global("m", name);
        assert!(matches!(arena.emit(root), Err(Error::Unrepresentable(_))));
    }
    let root = arena.global("m", &["a"; 100].join("."));
    assert!(arena.emit(root).is_ok());
}

#[test]
fn what_does_not_fit_is_named_by_its_path() {
    let mut arena = Arena::default();
    let six = arena.add(Node::Tensor(Box::new(tensor(DType::Float6E2M3, &[2]))));
    let (layers, weight) = (arena.literal("layers"), arena.literal("weight"));
    let parameter = arena.add(Node::Parameter { tensor: six, requires_grad: true, state: None });
    let inner = arena.add(Node::Dict(vec![(weight, parameter)]));
    let list = arena.list(&[layers, inner]);
    let root = arena.add(Node::Dict(vec![(layers, list)]));
    let path = |root| match arena.emit(root) {
        Err(Error::Unrepresentable(unfit)) => unfit[0].path.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(path(root), "layers[1].weight");
    assert_eq!(path(parameter), "");
}

#[test]
fn a_tensor_must_lie_in_its_storage() {
    let mut arena = Arena::default();
    let storage = Some(arena.storage(8));
    let whole = Tensor { storage, ..tensor(DType::Float32, &[2]) };
    let mut add = |tensor: Tensor| arena.add(Node::Tensor(Box::new(tensor)));
    let fits = add(whole.clone());
    let beyond = add(Tensor { offset: 1, ..whole.clone() });
    let overflow = add(Tensor { stride: vec![u64::MAX], shape: vec![u64::MAX], ..whole.clone() });
    let lopsided = add(Tensor { stride: vec![], ..whole.clone() });
    let unknown = add(Tensor { dtype: DType::Float6E2M3, ..whole.clone() });
    let meta = add(Tensor { storage: None, dtype: DType::Float6E2M3, ..whole.clone() });
    let endless = add(Tensor { stride: vec![0], shape: vec![u64::MAX], ..whole });

    assert!(arena.emit(fits).is_ok());
    is_unfit(&arena, beyond, "the tensor reaches beyond its storage of 8 bytes");
    is_unfit(&arena, overflow, "the tensor reaches beyond its storage of 8 bytes");
    is_unfit(&arena, lopsided, "a tensor of 1 dimensions and 0 strides");
    is_unfit(&arena, unknown, "torch has no tensors of type float6_e2m3");
    is_unfit(&arena, meta, "torch has no tensors of type float6_e2m3");
    is_unfit(&arena, endless, "torch counts in 63 bits, not up to 18446744073709551615");
}

#[test]
fn one_buffer_cannot_have_two_types() {
    let mut arena = Arena::default();
    let (full, empty) = (arena.storage(8), arena.storage(0));
    let mut pair = |storage, first, second| {
        let items = [first, second].map(|dtype| arena.add(Node::Storage { storage, dtype }));
        arena.list(&items)
    };
    let typed = pair(full, Some(DType::Float32), Some(DType::Int32));
    let untyped = pair(full, None, Some(DType::Int16));
    // torch takes untyped storages for bytes.
    let bytes = pair(full, None, Some(DType::UInt8));
    let nothing = pair(empty, Some(DType::Float32), Some(DType::Int32));
    is_unfit(&arena, typed, "torch cannot save storage 0 as both float32 and int32");
    is_unfit(&arena, untyped, "torch cannot save storage 0 as both uint8 and int16");
    assert!(arena.emit(bytes).is_ok());
    assert!(arena.emit(nothing).is_ok());
}

#[test]
fn what_torch_refuses_is_refused() {
    let mut arena = Arena::default();
    let storage = arena.storage(8);
    let root = arena.add(Node::Storage { storage, dtype: Some(DType::UInt16) });
    is_unfit(&arena, root, "torch has no storage class for elements of type uint16");
    let root = arena.add(Node::DType(DType::Float6E3M2));
    is_unfit(&arena, root, "torch has no type float6_e3m2");

    let quantized = |storage, scheme| Node::Quantized {
        tensor: Box::new(Tensor { storage, ..tensor(DType::QInt8, &[2]) }),
        quantizer: Box::new(Quantizer::PerTensor { scheme, scale: 0, zero_point: 0 }),
    };
    let root = arena.add(quantized(Some(storage), QScheme::PerTensorSymmetric));
    is_unfit(&arena, root, "torch cannot save a tensor quantized per_tensor_symmetric");
    let root = arena.add(quantized(None, QScheme::PerTensorAffine));
    is_unfit(&arena, root, "torch cannot save a quantized tensor without data");

    let layout = Layout::SparseCoo;
    let sparse = SparseCompressed { layout, compressed: 0, plain: 0, values: 0, shape: vec![] };
    let root = arena.add(Node::SparseCompressed(Box::new(sparse)));
    is_unfit(&arena, root, "a compressed sparse tensor cannot be sparse_coo");
}

#[test]
fn objects_must_have_their_arguments() {
    let mut arena = Arena::default();
    let none = arena.add(Node::None);
    let root = Object { args: None, ..object(Construct::Call, none, none) };
    let root = arena.add(Node::Object(Box::new(root)));
    is_misuse(&arena, root);
    let root = arena.add(Node::Object(Box::new(object(Construct::NewEx, none, none))));
    is_misuse(&arena, root);
    let root = arena.add(Node::Subclass { tensor: none, class: none, state: none });
    is_misuse(&arena, root);
}

#[test]
fn no_arena_makes_it_panic_or_differ() {
    let mut dice = Dice(1);
    let mut written = 0;
    for _ in 0..5_000 {
        let count = 2 + dice.roll(20);
        let nodes: Vec<Node> = (0..count).map(|own| any_node(&mut dice, own, count)).collect();
        let location = ["cpu", "meta", "cuda:0"][dice.roll(3) as usize];
        let storages = vec![Storage { length: dice.roll(3).into(), location: location.into() }];
        let first = super::emit(&nodes, &storages, 0);
        assert_eq!(first, super::emit(&nodes, &storages, 0));
        written += u32::from(first.is_ok());
    }
    assert!(written > 500, "only {written} of the arenas could be written");
}

#[test]
fn what_is_written_is_read_and_written_the_same() {
    let mut dice = Dice(7);
    let (mut read, mut effects) = (0, 0);
    for _ in 0..20_000 {
        let count = 2 + dice.roll(20);
        let nodes: Vec<Node> = (0..count).map(|own| any_node(&mut dice, own, count)).collect();
        let storages = vec![Storage { length: 4, location: "cpu".into() }];
        let Ok(first) = super::emit(&nodes, &storages, 0) else { continue };
        // Arenas may be nonsense that is written as it is. What is read has a meaning.
        let Some((again, held)) = rewritten(&first.bytes) else { continue };
        assert_eq!(rewritten(&again).map(|last| last.0).as_ref(), Some(&again), "{}", again.escape_ascii());
        read += 1;
        effects += held;
    }
    assert!(read > 1_000 && effects > 10, "{read} of the pickles could be read, with {effects} effects");
}

/// A pickle, read and written again, and the effects in it.
fn rewritten(pickle: &[u8]) -> Option<(Vec<u8>, usize)> {
    let limits = Limits::default();
    let mut machine = Machine::new(0, "", &limits);
    machine.feed(pickle).unwrap();
    let read = order::interpret(&machine.finish().ok()?, pickle.len() as u64, "", &limits).ok()?;
    if read.irreproducible.is_some() {
        return None;
    }
    let storage = |named: NamedStorage| Storage { length: named.length, location: named.location };
    let storages: Vec<_> = read.storages.into_iter().map(storage).collect();
    let effects = |node: &Node| if let Node::Object(object) = node { object.effects.len() } else { 0 };
    Some((super::emit(&read.nodes, &storages, 0).ok()?.bytes, read.nodes.iter().map(effects).sum()))
}

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap() % sides
    }
}

fn any_node(dice: &mut Dice, own: NodeId, count: u32) -> Node {
    // Mostly a later node; sometimes any, which makes circles, or even none.
    let [a, b, c] = [(); 3].map(|()| match dice.roll(16) {
        0 => dice.roll(count + 1),
        _ => (own + 1 + dice.roll(3)).min(count - 1),
    });
    if own + 1 >= count {
        return Node::None;
    }
    let flag = dice.roll(2) == 0;
    let some = flag.then_some(c);
    let view = Tensor { storage: some.map(|_| 0), ..tensor(DType::Float32, &[u64::from(dice.roll(2))]) };
    match dice.roll(26) {
        0 => Node::Int(i64::from(a) << dice.roll(60)),
        1 => Node::BigInt(vec![0xff; a as usize]),
        2 | 3 => Node::Text(Text {
            value: ["cpu", "é", "storage", ""][dice.roll(4) as usize].into(),
            interned: flag,
        }),
        4 => Node::Bytes(vec![0xe9; dice.roll(3) as usize]),
        5 => Node::ByteArray(vec![0xe9; dice.roll(3) as usize]),
        6 | 7 => Node::Tuple([a, b, c, a, b][..dice.roll(6) as usize].to_vec()),
        8 | 9 => Node::List(vec![a, b]),
        10 => Node::Dict(vec![(a, b)]),
        11 => Node::OrderedDict { items: vec![(a, b)], attributes: some },
        12 => Node::Set(vec![a]),
        13 => Node::Counter(vec![(a, b)]),
        14 => Node::Global(Global {
            module: "m".into(),
            name: ["A", "A.B", "A.B.C", "\n"][dice.roll(4) as usize].into(),
        }),
        15 => Node::Storage { storage: 0, dtype: flag.then_some(DType::Int16) },
        16 | 17 => Node::Tensor(Box::new(view)),
        18 => Node::Parameter { tensor: a, requires_grad: flag, state: some },
        19 => Node::Quantized {
            tensor: Box::new(Tensor { dtype: DType::QInt8, ..view }),
            quantizer: Box::new(Quantizer::PerChannel {
                scheme: QScheme::PerChannelAffine,
                scales: a,
                zero_points: b,
                axis: 0,
            }),
        },
        20 => Node::SparseCoo { indices: a, values: b, shape: vec![1], coalesced: Some(flag) },
        21 => Node::Subclass { tensor: a, class: b, state: c },
        22 => Node::NumpyScalar { dtype: String::new(), data: vec![], source: a },
        23 => Node::Layout(Layout::Strided),
        24 => Node::Absent,
        _ => Node::Object(Box::new(Object {
            construct: [
                Construct::Call,
                Construct::New,
                Construct::NewEx,
                Construct::Instance,
                Construct::Persistent,
            ][dice.roll(5) as usize],
            callable: a,
            args: Some(b),
            kwargs: some,
            items: vec![c; dice.roll(2) as usize],
            pairs: vec![(a, c); dice.roll(2) as usize],
            state: some,
            effects: vec![(own + 2).min(count - 1); dice.roll(2) as usize],
        })),
    }
}
