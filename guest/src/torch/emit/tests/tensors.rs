use alloc::boxed::Box;
use alloc::vec;

use super::{Arena, golden, tensor};
use crate::dtype::{DType, Layout, QScheme};
use crate::model::{Node, Quantizer, SparseCompressed, Tensor};

#[test]
fn a_tensor_alone() {
    let mut arena = Arena::default();
    let root = arena.tensor(DType::Float32, &[2]);
    arena.is_written_as(root, golden::ROW_2);
}

#[test]
fn views_share_a_storage_and_storages_are_numbered_as_they_are_met() {
    let mut arena = Arena::default();
    let (bytes, empty, base) = (arena.storage(2), arena.storage(0), arena.storage(24));
    let mut add = |storage, tensor| arena.add(Node::Tensor(Box::new(Tensor { storage, ..tensor })));
    let float = |shape: &[u64]| tensor(DType::Float32, shape);
    let items = [
        add(Some(base), Tensor { stride: vec![1, 3], ..float(&[3, 2]) }),
        add(Some(base), Tensor { offset: 3, ..float(&[3]) }),
        add(Some(empty), float(&[0, 3])),
        add(Some(bytes), tensor(DType::UInt16, &[])),
        add(Some(base), Tensor { requires_grad: true, ..float(&[]) }),
        add(None, float(&[2])),
    ];
    let root = arena.list(&items);
    arena.is_written_as(root, golden::VIEWS);
    assert_eq!(arena.emit(root).unwrap().order, [base, empty, bytes]);
}

#[test]
fn flags_of_a_view_are_fresh_strings() {
    let mut arena = Arena::default();
    let conj = arena.literal("conj");
    let storage = Some(arena.storage(16));
    let plain = Tensor { storage, conj: true, ..tensor(DType::Complex64, &[2]) };
    let both = Tensor { neg: true, ..plain.clone() };
    let items = [conj, arena.add(Node::Tensor(Box::new(plain))), arena.add(Node::Tensor(Box::new(both)))];
    let root = arena.list(&items);
    arena.is_written_as(root, golden::FLAGS);
}

#[test]
fn a_parameter_makes_its_tensor_anew_whenever_it_is_saved() {
    let mut arena = Arena::default();
    let data = arena.tensor(DType::Float32, &[1]);
    let frozen = arena.add(Node::Parameter { tensor: data, requires_grad: false, state: None });

    let data = arena.tensor(DType::Float32, &[1]);
    let (parameter, me) = (arena.promise(), arena.text("me"));
    let state = Some(arena.add(Node::Dict(vec![(me, parameter)])));
    arena.keep(parameter, Node::Parameter { tensor: data, requires_grad: true, state });
    let root = arena.list(&[frozen, parameter]);
    arena.is_written_as(root, golden::PARAMETERS);
}

#[test]
fn a_tensor_with_attributes_carries_its_core_as_function_and_arguments() {
    let mut arena = Arena::default();
    let core = arena.tensor(DType::Float32, &[1]);
    let (class, me) = (arena.global("torch", "Tensor"), arena.text("me"));
    let root = arena.promise();
    let state = arena.add(Node::Dict(vec![(me, root)]));
    arena.keep(root, Node::Subclass { tensor: core, class, state });
    arena.is_written_as(root, golden::ATTRIBUTE);
}

#[test]
fn quantized_tensors_carry_their_quantizer() {
    let mut arena = Arena::default();
    let storage = Some(arena.storage(2));
    let scale = 0.5f64.to_bits();
    let scheme = QScheme::PerTensorAffine;
    let first = Node::Quantized {
        tensor: Box::new(Tensor { storage, ..tensor(DType::QUInt8, &[2]) }),
        quantizer: Box::new(Quantizer::PerTensor { scheme, scale, zero_point: 3 }),
    };
    let storage = Some(arena.storage(2));
    let [scales, zero_points] = [(); 2].map(|()| arena.tensor(DType::Float32, &[1]));
    // torch saves this scheme under the name of another.
    let scheme = QScheme::PerChannelAffineFloatQParams;
    let second = Node::Quantized {
        tensor: Box::new(Tensor { storage, ..tensor(DType::QUInt4x2, &[1, 3]) }),
        quantizer: Box::new(Quantizer::PerChannel { scheme, scales, zero_points, axis: 0 }),
    };
    let items = [arena.add(first), arena.add(second)];
    let root = arena.list(&items);
    arena.is_written_as(root, golden::QUANTIZED);
}

#[test]
fn sparse_tensors_are_made_of_dense_ones() {
    let mut arena = Arena::default();
    let storage = Some(arena.storage(32));
    // The indices of `eye(2)` are a transposed view.
    let indices = Tensor { storage, stride: vec![2, 1], ..tensor(DType::Int64, &[2, 2]) };
    let indices = arena.add(Node::Tensor(Box::new(indices)));
    let values = arena.tensor(DType::Float32, &[2]);
    let coo = Node::SparseCoo { indices, values, shape: vec![2, 2], coalesced: Some(true) };

    let compressed = arena.tensor(DType::Int64, &[3]);
    let storage = Some(arena.storage(32));
    let plain = Tensor { storage, offset: 2, ..tensor(DType::Int64, &[2]) };
    let plain = arena.add(Node::Tensor(Box::new(plain)));
    let values = arena.tensor(DType::Float32, &[2]);
    let (layout, shape) = (Layout::SparseCsr, vec![2, 2]);
    let csr = SparseCompressed { layout, compressed, plain, values, shape };
    let items = [arena.add(coo), arena.add(Node::SparseCompressed(Box::new(csr)))];
    let root = arena.list(&items);
    arena.is_written_as(root, golden::SPARSE);
}

#[test]
fn a_sparse_tensor_of_old_does_not_say_whether_it_is_coalesced() {
    let mut arena = Arena::default();
    let none = arena.add(Node::None);
    let root = Node::SparseCoo { indices: none, values: none, shape: vec![], coalesced: None };
    let root = arena.add(root);
    let bytes = arena.emit(root).unwrap().bytes;
    assert!(bytes.ends_with(b"Rq\x04NNctorch\nSize\nq\x05)\x85q\x06Rq\x07\x87q\x08\x86q\x09Rq\n."));
}

#[test]
fn storages_count_whole_elements() {
    let mut arena = Arena::default();
    let [first, second, third] = [7, 4, 7].map(|length| arena.storage(length));
    let dtype = Some(DType::Float32);
    let items = [
        arena.add(Node::Storage { storage: first, dtype: None }),
        arena.add(Node::Storage { storage: second, dtype }),
        arena.add(Node::Storage { storage: third, dtype }),
    ];
    let root = arena.list(&items);
    arena.is_written_as(root, golden::STORAGES);
}

#[test]
fn devices_without_a_number_are_constants() {
    for location in ["cpu", "cuda", "mps", "meta", "hpu", "xpu", "mtia"] {
        let mut arena = Arena::default();
        let storage = arena.storage(1);
        arena.storages[0].location = location.into();
        let node = arena.add(Node::Storage { storage, dtype: None });
        let literal = arena.literal(location);
        let root = arena.list(&[node, literal, node]);
        let bytes = arena.emit(root).unwrap().bytes;
        let spelled = bytes.windows(location.len()).filter(|part| *part == location.as_bytes()).count();
        assert_eq!(spelled, 1, "{location}");
    }
}

#[test]
fn other_devices_are_named_anew_at_each_use() {
    let mut arena = Arena::default();
    let storage = arena.storage(1);
    arena.storages[0].location = "cuda:0".into();
    let node = arena.add(Node::Storage { storage, dtype: None });
    let literal = arena.literal("cuda:0");
    let root = arena.list(&[literal, node, node]);
    let bytes = arena.emit(root).unwrap().bytes;
    let spelled = bytes.windows(6).filter(|part| part == b"cuda:0").count();
    assert_eq!(spelled, 3);
    assert_eq!(bytes.windows(2).filter(|part| part == b"X\x01").count(), 1, "one key");
}
