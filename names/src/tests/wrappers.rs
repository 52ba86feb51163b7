use alloc::vec;

use super::arena::{Arena, Object, Value};
use crate::{Kind, Survey, Walk, tensor};

/// A DTensor as torch reduces it, of this global size; its local tensor is in the state.
fn wrapper(nodes: &mut Arena, size: &[i64]) -> u32 {
    let callable = nodes.add(Value::Global("torch._tensor", "_rebuild_from_type_v2"));
    let function = nodes.add(Value::Global("torch._utils", "_rebuild_wrapper_subclass"));
    let class = nodes.add(Value::Global("torch.distributed.tensor", "DTensor"));
    let (dtype, none, yes) =
        (nodes.add(Value::Global("torch", "float32")), nodes.add(Value::None), nodes.add(Value::True));
    let sizes = size.iter().map(|&size| nodes.add(Value::Int(size))).collect();
    let size = nodes.add(Value::Tuple(sizes));
    let how = nodes.add(Value::Tuple(vec![class, dtype, size, none, none, none, none, yes]));
    let local = nodes.tensor();
    let state = nodes.dict(&[("_local_tensor", local)]);
    let args = nodes.add(Value::Tuple(vec![function, class, how, state]));
    nodes.add(Value::Object(Object { callable, args: Some(args), ..Object::default() }))
}

#[test]
fn a_wrapper_has_its_class_and_global_shape_and_its_tensors_are_parts() {
    let mut nodes = Arena::new();
    let whole = wrapper(&mut nodes, &[4, 4]);
    let root = nodes.dict(&[("w", whole)]);
    let found = tensor(&nodes, whole).unwrap();
    assert_eq!((found.kind, found.shape.as_slice(), found.requires_grad), (Kind::Wrapper, &[4, 4][..], true));
    let nodes = nodes.rooted(root);
    let survey = Survey::of(&nodes, 0, 100).unwrap();
    let mut walk = Walk::new(&nodes, &survey);
    let mut tensors = vec![];
    while let Some(node) = walk.next() {
        if tensor(&nodes, node).is_some() {
            tensors.push((walk.name(), walk.part_of()));
        }
    }
    let local = ("w.args[3]._local_tensor".into(), Some("w".into()));
    assert_eq!(tensors, [("w".into(), None), local]);
}

#[test]
fn what_only_resembles_a_wrapper_is_an_object() {
    let mut nodes = Arena::new();
    let negative = wrapper(&mut nodes, &[-1]);
    assert_eq!(tensor(&nodes, negative), None);
    let class = nodes.add(Value::Global("torch", "Size"));
    let object = nodes.add(Value::Object(Object { callable: class, ..Object::default() }));
    assert_eq!(tensor(&nodes, object), None);
}
