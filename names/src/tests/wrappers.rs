use alloc::vec;
use alloc::vec::Vec;

use super::arena::{Arena, Object, Value};
use crate::{Kind, Survey, Walk, class, global, tensor};

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

fn call(nodes: &mut Arena, module: &'static str, name: &'static str, args: Vec<u32>) -> u32 {
    let callable = nodes.add(Value::Global(module, name));
    let args = nodes.add(Value::Tuple(args));
    nodes.add(Value::Object(Object { callable, args: Some(args), ..Object::default() }))
}

#[test]
fn a_nested_tensor_has_the_dtype_of_its_values() {
    let mut nodes = Arena::new();
    let part = nodes.tensor();
    let strided = call(&mut nodes, "torch._utils", "_rebuild_nested_tensor", vec![part; 4]);
    let found = tensor(&nodes, strided).unwrap();
    assert_eq!(
        (found.kind, found.core, found.composed, &*found.shape),
        (Kind::Wrapper, part, true, &[2][..])
    );
    let parameter = nodes.add(Value::Parameter(strided, None));
    let found = tensor(&nodes, parameter).unwrap();
    assert_eq!((found.kind, found.requires_grad, found.composed), (Kind::Parameter, true, true));

    let rebuild = nodes.add(Value::Global("torch.nested._internal.nested_tensor", "_rebuild_njt"));
    let of = nodes.add(Value::Global("torch.nested._internal.nested_tensor", "NestedTensor"));
    let parts = nodes.dict(&[("values", part), ("offsets", part)]);
    let (args, state) = (nodes.add(Value::Tuple(vec![parts])), nodes.dict(&[]));
    let jagged = call(&mut nodes, "torch._tensor", "_rebuild_from_type_v2", vec![rebuild, of, args, state]);
    let found = tensor(&nodes, jagged).unwrap();
    assert_eq!((found.layout, found.class, &*found.shape), ("jagged", Some(of), &[1][..]));
}

#[test]
fn a_tensor_saved_by_way_of_the_cpu_is_listed() {
    let mut nodes = Arena::new();
    let (data, yes) = (nodes.tensor(), nodes.add(Value::True));
    let dtype = nodes.add(Value::Global("torch", "float32"));
    let args = vec![data, dtype, yes, yes];
    let moved = call(&mut nodes, "torch._utils", "_rebuild_device_tensor_from_cpu_tensor", args);
    let found = tensor(&nodes, moved).unwrap();
    assert_eq!((found.core, &*found.shape, found.requires_grad), (dtype, &[2][..], true));
    assert_eq!(class(&nodes, moved), Some(("torch", "Tensor".into())));
}

#[test]
fn a_function_is_not_taken_for_the_class_of_what_it_makes() {
    let mut nodes = Arena::new();
    let own = nodes.add(Value::Global("my.module", "Thing"));
    let other = nodes.add(Value::None);
    let mut of = |module, name, args| {
        let object = call(&mut nodes, module, name, args);
        class(&nodes, object).map(|(module, name)| [module, &name].join("."))
    };
    for (module, name, args) in [
        ("my.module", "Thing", vec![]),
        ("copyreg", "_reconstructor", vec![own, other, other]),
        ("numpy._core.multiarray", "_reconstruct", vec![own, other]),
        ("torch._tensor", "_rebuild_from_type_v2", vec![other, own, other, other]),
        ("tensordict._reductions", "_make_td", vec![own, other]),
    ] {
        assert_eq!(of(module, name, args).as_deref(), Some("my.module.Thing"), "{name}");
    }
    // What is no class is not believed.
    assert_eq!(of("copyreg", "_reconstructor", vec![other]).as_deref(), Some("copyreg._reconstructor"));
    assert_eq!(of("torch._tensor", "_rebuild_from_type_v2", vec![]).map(|class| class.len()), Some(35));
}

/// `getattr(outer, name)`
fn inside(nodes: &mut Arena, outer: u32, name: &str) -> u32 {
    let name = nodes.text(name);
    call(nodes, "builtins", "getattr", vec![outer, name])
}

#[test]
fn a_class_inside_a_class_is_named_in_full() {
    let mut nodes = Arena::new();
    let outer = nodes.add(Value::Global("m", "Outer"));
    let inner = inside(&mut nodes, outer, "Inner");
    let deep = inside(&mut nodes, inner, "Deep");
    assert_eq!(global(&nodes, deep), Some(("m", "Outer.Inner.Deep".into())));
    let called = nodes.add(Value::Object(Object { callable: deep, ..Object::default() }));
    assert_eq!(class(&nodes, called), Some(("m", "Outer.Inner.Deep".into())));
    let told = call(&mut nodes, "copyreg", "_reconstructor", vec![inner]);
    assert_eq!(class(&nodes, told), Some(("m", "Outer.Inner".into())));
    // A method of an object is no class.
    let method = inside(&mut nodes, called, "method");
    assert_eq!(global(&nodes, method), None);
}

#[test]
fn classes_without_end_have_no_name() {
    let mut nodes = Arena::new();
    let outer = nodes.add(Value::Global("m", "Outer"));
    let long = inside(&mut nodes, outer, &"x".repeat(1000));
    assert_eq!(global(&nodes, long), None);
    let deep = (0..100_000).fold(outer, |outer, _| inside(&mut nodes, outer, "I"));
    assert_eq!(global(&nodes, deep), None);
    // `getattr` of itself.
    let mut own = Arena(vec![Value::None]);
    let class = inside(&mut own, 0, "I");
    assert_eq!(global(&own.clone().rooted(class), 0), None);
}

#[test]
fn a_part_of_a_tensor_says_of_what() {
    let mut nodes = Arena::new();
    let whole = wrapper(&mut nodes, &[4]);
    let found = tensor(&nodes, whole).unwrap();
    assert_eq!((&*found.shape, found.part.as_deref()), (&[4][..], Some(&[2][..])));
}
