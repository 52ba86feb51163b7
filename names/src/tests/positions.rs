//! Every position in which a tensor may hang.

use alloc::vec;
use alloc::vec::Vec;

use super::arena::{Arena, Object, Value};
use super::names;
use crate::{Survey, Unnamed, Walk};

#[test]
fn keys_follow_dots_and_positions_stand_in_brackets() {
    let mut nodes = Arena::new();
    let t = nodes.tensor();
    let (one, yes, none) = (nodes.add(Value::Int(-1)), nodes.add(Value::True), nodes.add(Value::None));
    let half = nodes.add(Value::Float(0.5));
    let (a, number) = (nodes.text("a"), nodes.add(Value::Int(1)));
    let tuple = nodes.add(Value::Tuple(vec![a, number]));
    let dict = nodes.add(Value::Dict(vec![(one, t), (yes, t), (none, t), (half, t), (tuple, t)]));
    let list = nodes.add(Value::List(vec![t, dict]));
    let root = nodes.dict(&[("layers.0", list), ("a b", t)]);
    let expected = [
        "layers.0[0]",
        "layers.0[1].-1",
        "layers.0[1].True",
        "layers.0[1].None",
        "layers.0[1].0.5",
        "layers.0[1].('a', 1)",
        "a b",
    ];
    assert_eq!(names(&nodes.rooted(root)), expected);
}

#[test]
fn tensors_in_keys_have_names() {
    let mut nodes = Arena::new();
    let (a, b, two) = (nodes.tensor(), nodes.tensor(), nodes.add(Value::Int(2)));
    let inner = nodes.add(Value::Tuple(vec![a]));
    let tuple = nodes.add(Value::Tuple(vec![inner, two]));
    let moments = nodes.dict(&[("m", b)]);
    let state = nodes.add(Value::Dict(vec![(a, moments), (tuple, two)]));
    let root = nodes.dict(&[("state", state)]);
    let expected = ["state{0}", "state[#0].m", "state{1}[0][0]", "state{1}[1]", "state[#1]"];
    assert_eq!(names(&nodes.rooted(root)), expected);
}

#[test]
fn keys_without_tensors_are_no_places() {
    let mut nodes = Arena::new();
    let class = nodes.add(Value::Global("colours", "Colour"));
    let enum_member = nodes.add(Value::Object(Object { callable: class, ..Object::default() }));
    let t = nodes.tensor();
    let root = nodes.add(Value::Dict(vec![(enum_member, t)]));
    assert_eq!(names(&nodes.rooted(root)), ["[#0]"]);
}

#[test]
fn attributes_are_marked() {
    let mut nodes = Arena::new();
    let (t, scale) = (nodes.tensor(), nodes.tensor());
    let me = nodes.add(Value::List(vec![scale]));
    let attributes = nodes.dict(&[("scale", scale), ("me", me)]);
    let parameter = nodes.add(Value::Parameter(t, Some(attributes)));
    let number = nodes.add(Value::Int(2));
    let module = nodes.dict(&[("version", number)]);
    let modules = nodes.dict(&[("", module)]);
    let metadata = nodes.dict(&[("_metadata", modules)]);
    let bookkeeping = nodes.dict(&[("t", t), ("v", number)]);
    let key = nodes.text("a");
    let ordinary = nodes.add(Value::Ordered(vec![(key, t)], metadata));
    let odd = nodes.add(Value::Ordered(vec![(key, t)], bookkeeping));
    let root = nodes.dict(&[("x", parameter), ("model", ordinary), ("odd", odd)]);
    let expected = ["x", "x@scale", "x@me[0]", "model.a", "odd.a", "odd@t", "odd@v"];
    assert_eq!(names(&nodes.rooted(root)), expected);
}

#[test]
fn attributes_that_are_none_are_no_place() {
    let mut nodes = Arena::new();
    let (t, none) = (nodes.tensor(), nodes.add(Value::None));
    let empty = nodes.dict(&[]);
    let parameters = [none, empty].map(|state| nodes.add(Value::Parameter(t, Some(state))));
    let root = nodes.dict(&[("a", parameters[0]), ("b", parameters[1])]);
    assert_eq!(names(&nodes.rooted(root)), ["a", "b"]);
}

#[test]
fn everything_that_makes_an_object_has_a_name() {
    let mut nodes = Arena::new();
    let (t, class) = (nodes.tensor(), nodes.add(Value::Global("m", "C")));
    let partial = nodes.add(Value::Object(Object { callable: class, items: vec![t], ..Object::default() }));
    let args = nodes.add(Value::Tuple(vec![t]));
    let (kwargs, state) = (nodes.dict(&[("k", t)]), nodes.dict(&[("s", t)]));
    let key = nodes.text("p");
    let effect = nodes.add(Value::Object(Object { callable: class, args: Some(args), ..Object::default() }));
    let object = nodes.add(Value::Object(Object {
        callable: partial,
        args: Some(args),
        kwargs: Some(kwargs),
        items: vec![t],
        pairs: vec![(key, t), (t, t)],
        state: Some(state),
        effects: vec![effect],
    }));
    let root = nodes.dict(&[("o", object)]);
    let expected = [
        "o",
        "o.callable",
        "o.callable[0]",
        "o.args[0]",
        "o.kwargs.k",
        "o[0]",
        "o.p",
        "o{1}",
        "o[#1]",
        "o@s",
        "o.effects[0]",
        "o.effects[0].args[0]",
    ];
    assert_eq!(names(&nodes.rooted(root)), expected);
}

#[test]
fn parts_say_what_they_are_part_of() {
    let mut nodes = Arena::new();
    let t = nodes.tensor();
    let (sparse, quantized) = (nodes.add(Value::Sparse(t, t)), nodes.add(Value::Quantized(t, t)));
    let attributes = nodes.dict(&[("note", t)]);
    let parameter = nodes.add(Value::Parameter(sparse, Some(attributes)));
    let root = nodes.dict(&[("p", parameter), ("q", quantized), ("t", t)]);
    let nodes = nodes.rooted(root);
    let survey = Survey::of(&nodes, 0, 100).unwrap();
    let mut walk = Walk::new(&nodes, &survey);
    let mut found = vec![];
    while walk.next().is_some() {
        found.push((walk.name(), walk.part_of()));
    }
    let found: Vec<_> = found.iter().map(|(name, of)| (name.as_str(), of.as_deref())).collect();
    let expected = [
        ("p", None),
        ("p.indices", Some("p")),
        ("p.values", Some("p")),
        ("p@note", None),
        ("q", None),
        ("q.scales", Some("q")),
        ("q.zero_points", Some("q")),
        ("t", None),
    ];
    assert_eq!(found, expected);
}

#[test]
fn flat_names_are_of_keys_and_positions_alone() {
    let mut nodes = Arena::new();
    let (t, one, half) = (nodes.tensor(), nodes.add(Value::Int(1)), nodes.add(Value::Float(0.5)));
    let list = nodes.add(Value::List(vec![t]));
    let attributes = nodes.dict(&[("note", t)]);
    let parameter = nodes.add(Value::Parameter(t, Some(attributes)));
    let keyed = nodes.add(Value::Dict(vec![(one, t), (half, t), (t, t)]));
    let nothing = nodes.dict(&[("b", t)]);
    let long = "x".repeat(70_000);
    let root = nodes.dict(&[("l", list), ("p", parameter), ("d", keyed), ("", nothing), (&long, t)]);
    let nodes = nodes.rooted(root);
    let survey = Survey::of(&nodes, 0, 100).unwrap();
    let mut walk = Walk::new(&nodes, &survey);
    let mut found = vec![];
    while walk.next().is_some() {
        found.push(walk.flat_name());
    }
    let expected = [
        Ok("l[0]".into()),
        Ok("p".into()),
        Err(Unnamed::Inside),
        Ok("d.1".into()),
        Err(Unnamed::Key(half)),
        Err(Unnamed::InKey),
        Err(Unnamed::Key(t)),
        Err(Unnamed::Empty),
        Ok(long),
    ];
    assert_eq!(found, expected);
}

#[test]
fn an_empty_key_alone_is_a_name_in_a_flat_format_and_a_root_has_none() {
    let mut nodes = Arena::new();
    let t = nodes.tensor();
    let root = nodes.dict(&[("", t)]);
    for (root, expected) in [(root, Ok(alloc::string::String::new())), (t, Err(Unnamed::Root))] {
        let nodes = nodes.clone().rooted(root);
        let survey = Survey::of(&nodes, 0, 100).unwrap();
        let mut walk = Walk::new(&nodes, &survey);
        assert!(walk.next().is_some());
        assert_eq!(walk.flat_name(), expected);
    }
}
