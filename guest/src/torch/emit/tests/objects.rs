use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec;

use super::{Arena, golden, object};
use crate::dtype::{DType, Layout, QScheme};
use crate::model::{Construct, Node, Object};

#[test]
fn torch_has_one_of_each_layout_and_type_but_many_equal_devices() {
    let mut arena = Arena::default();
    let items = [
        arena.add(Node::Device { kind: "cuda".into(), index: None }),
        arena.add(Node::Device { kind: "cuda".into(), index: Some(1) }),
        arena.add(Node::Layout(Layout::Strided)),
        arena.add(Node::Layout(Layout::SparseCoo)),
        arena.add(Node::Layout(Layout::Strided)),
        arena.add(Node::DType(DType::Float32)),
        arena.add(Node::DType(DType::Float32)),
        arena.add(Node::QScheme(QScheme::PerTensorAffine)),
        arena.global("collections", "OrderedDict"),
    ];
    let root = arena.list(&items);
    arena.is_written_as(root, golden::NAMES);
}

#[test]
fn a_class_is_one_object_whoever_names_it() {
    let mut arena = Arena::default();
    let [first, second] = [(); 2].map(|()| arena.global("torch", "Size"));
    let size = arena.add(Node::Size(vec![]));
    let root = arena.list(&[first, size, second]);
    arena.is_written_as(root, b"\x80\x02]q\x00(ctorch\nSize\nq\x01h\x01)\x85q\x02Rq\x03h\x01e.");
}

#[test]
fn a_class_inside_another_is_an_attribute_of_it() {
    let mut arena = Arena::default();
    let [outer, middle, inner] = ["A", "A.Ba", "A.Ba.C"].map(|name| arena.global("m", name));
    let root = arena.list(&[middle, inner, outer]);
    arena.is_written_as(root, golden::NESTED);
    let root = arena.list(&[inner, middle]);
    arena.is_written_as(root, golden::NESTED_INNER);
}

#[test]
fn a_call_that_leads_to_itself_is_made_twice_and_dropped_once() {
    let mut arena = Arena::default();
    let list = arena.list(&[]);
    let class = arena.global("m", "R");
    let root = arena.call(class, &[list]);
    arena.keep(list, Node::List(vec![root]));
    arena.is_written_as(root, golden::OWN_ARGUMENT);
}

#[test]
fn an_object_can_be_part_of_its_state() {
    let mut arena = Arena::default();
    let (class, empty) = (arena.global("m", "O"), arena.tuple(&[]));
    let mut add = |attribute: &str, value: Option<u32>| {
        let made = arena.promise();
        let name = arena.text(attribute);
        let set = arena.add(Node::Set(vec![made]));
        let state = Some(arena.add(Node::Dict(vec![(name, value.map_or(made, |_| set))])));
        arena.keep(made, Node::Object(Box::new(Object { state, ..object(Construct::New, class, empty) })));
        (made, set)
    };
    let (first, _) = add("me", None);
    let (_, set) = add("s", Some(0));
    let root = arena.list(&[first, set]);
    arena.is_written_as(root, golden::OWN_STATE);
}

#[test]
fn objects_are_filled_after_they_are_made() {
    let mut arena = Arena::default();
    let (one, two, empty) = (arena.int(1), arena.int(2), arena.tuple(&[]));
    let (deque, default, list) = (
        arena.global("collections", "deque"),
        arena.global("collections", "defaultdict"),
        arena.global("m", "L"),
    );
    let x = arena.text("x");
    let state = Some(arena.add(Node::Dict(vec![(x, two)])));
    let items = [
        Object { items: vec![one, two], ..object(Construct::Call, deque, empty) },
        Object { pairs: vec![(one, two)], ..object(Construct::Call, default, empty) },
        Object { items: vec![one], state, ..object(Construct::New, list, empty) },
    ]
    .map(|object| arena.add(Node::Object(Box::new(object))));
    let root = arena.list(&items);
    arena.is_written_as(root, golden::FILLED);
}

#[test]
fn a_numpy_scalar_is_written_from_its_source() {
    let mut arena = Arena::default();
    let (scalar, class) = (arena.global("numpy._core.multiarray", "scalar"), arena.global("numpy", "dtype"));
    let (no, yes, none) = (arena.add(Node::Bool(false)), arena.add(Node::Bool(true)), arena.add(Node::None));
    let (f8, order, minus) = (arena.text("f8"), arena.text("<"), arena.int(-1));
    let (zero, three) = (arena.int(0), arena.int(3));
    let args = arena.tuple(&[f8, no, yes]);
    let state = Some(arena.tuple(&[three, order, none, none, none, minus, minus, zero]));
    let dtype = Object { state, ..object(Construct::Call, class, args) };
    let dtype = arena.add(Node::Object(Box::new(dtype)));
    let data = 0.5f64.to_le_bytes().to_vec();
    let bytes = arena.add(Node::Bytes(data.clone()));
    let source = arena.call(scalar, &[dtype, bytes]);
    let root = arena.add(Node::NumpyScalar { dtype: "<f8".into(), data, source });
    arena.is_written_as(root, golden::NUMPY);
}

#[test]
fn keyword_arguments_go_between_the_arguments_and_the_call() {
    let mut arena = Arena::default();
    let (class, empty, a, one) = (arena.global("m", "K"), arena.tuple(&[]), arena.text("a"), arena.int(1));
    let kwargs = Some(arena.add(Node::Dict(vec![(a, one)])));
    let made = Object { kwargs, ..object(Construct::NewEx, class, empty) };
    let root = arena.add(Node::Object(Box::new(made)));
    arena.is_written_as(root, b"\x80\x02cm\nK\nq\x00)}q\x01X\x01\x00\x00\x00aq\x02K\x01s\x92q\x03.");
}

#[test]
fn instances_of_python_2_are_made_as_they_were() {
    let mut arena = Arena::default();
    let (class, empty, state) = (arena.global("m", "K"), arena.tuple(&[]), arena.add(Node::Dict(vec![])));
    let made = Object { state: Some(state), ..object(Construct::Instance, class, empty) };
    let root = arena.add(Node::Object(Box::new(made)));
    arena.is_written_as(root, b"\x80\x02(cm\nK\nq\x00oq\x01}q\x02b.");
    let one = arena.int(1);
    let args = arena.tuple(&[one]);
    let root = arena.add(Node::Object(Box::new(object(Construct::Instance, class, args))));
    let error = arena.emit(root).unwrap_err().to_string();
    assert!(error.contains("an instance with arguments"), "{error}");
}

#[test]
fn other_persistent_ids_than_those_of_storages_are_not_written() {
    let mut arena = Arena::default();
    let id = arena.text("id");
    let other = Object { args: None, ..object(Construct::Persistent, id, id) };
    let root = arena.add(Node::Object(Box::new(other)));
    let error = arena.emit(root).unwrap_err().to_string();
    assert!(error.contains("torch.load knows persistent ids of storages only"), "{error}");
}

#[test]
fn effects_come_last_and_picklers_keep_none_of_them() {
    let mut arena = Arena::default();
    let (class, put, other) = (arena.global("m", "C"), arena.global("m", "put"), arena.global("m", "f"));
    let (empty, state) = (arena.tuple(&[]), arena.add(Node::Dict(vec![])));
    let owner = arena.promise();
    let setter = arena.call(put, &[owner, state]);
    let shared = arena.call(other, &[state, state]);
    let effects = vec![setter, shared, other];
    arena.keep(owner, Node::Object(Box::new(Object { effects, ..object(Construct::Call, class, empty) })));
    let root = arena.list(&[owner, shared]);
    arena.is_written_as(
        root,
        b"\x80\x02]q\x00(cm\nC\nq\x01)Rq\x02cm\nput\nq\x03h\x02}q\x04\x86R0cm\nf\nq\x05h\x04h\x04\x86q\x06Rq\x070h\x050\
          h\x07e.",
    );
}

#[test]
fn a_setter_whose_state_leads_back_to_the_root_is_written_like_any() {
    let mut arena = Arena::default();
    let (class, put) = (arena.global("m", "C"), arena.global("m", "put"));
    let (empty, owner) = (arena.tuple(&[]), arena.promise());
    let state = arena.list(&[owner]);
    let setter = arena.call(put, &[owner, state]);
    let effects = vec![setter];
    arena.keep(owner, Node::Object(Box::new(Object { effects, ..object(Construct::Call, class, empty) })));
    arena.is_written_as(owner, b"\x80\x02cm\nC\nq\x00)Rq\x01cm\nput\nq\x02h\x01]q\x03h\x01a\x86R0.");
}
