//! Whole modules, in a flat format.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::arena::{Arena, Object, Value};
use crate::{Look, Nodes, Survey, Unnamed, Walk};

/// A module with these members and other attributes.
fn module(
    nodes: &mut Arena,
    parameters: &[(&str, u32)],
    buffers: &[(&str, u32)],
    modules: &[(&str, u32)],
    others: &[(&str, u32)],
) -> u32 {
    let parts = [nodes.dict(parameters), nodes.dict(buffers), nodes.dict(modules)];
    let mut state: Vec<_> = ["_parameters", "_buffers", "_modules"].into_iter().zip(parts).collect();
    state.extend(others);
    let state = nodes.dict(&state);
    let callable = nodes.add(Value::Global("net", "Net"));
    nodes.add(Value::Object(Object { callable, state: Some(state), ..Object::default() }))
}

/// What a flat format is told of each place: the name of a tensor, why it has none, or
/// that there is a module.
fn flat(nodes: &Arena) -> Vec<String> {
    let survey = Survey::of(nodes, 0, 1000).unwrap();
    let enters = |node| matches!(nodes.look(node), Look::Container(_) | Look::Tuple(_));
    let mut walk = Walk::new(nodes, &survey);
    let mut found = Vec::new();
    while walk.next_within(&enters).is_some() {
        found.push(match walk.flat_name() {
            _ if walk.is_module() => format!("module {}", walk.name()),
            Ok(name) => name,
            Err(why) => format!("{why:?} {}", walk.name()),
        });
    }
    found
}

#[test]
fn tensors_have_the_names_of_the_state_dict() {
    let mut nodes = Arena::new();
    let (tensor, none) = (nodes.tensor(), nodes.add(Value::None));
    let plain = module(&mut nodes, &[], &[], &[], &[]);
    let layer = module(&mut nodes, &[("weight", tensor), ("bias", none)], &[("mean", tensor)], &[], &[]);
    let net = module(
        &mut nodes,
        &[("scale", tensor)],
        &[],
        &[("0", layer), ("act", plain), ("a.b", layer)],
        &[("training", none)],
    );
    let checkpoint = nodes.dict(&[("model", net)]);
    let tensors = ["scale", "0.weight", "0.mean", "a.b.weight", "a.b.mean"];
    let named = tensors.map(|name| format!("model.{name}"));
    assert_eq!(flat(&nodes.clone().rooted(checkpoint)), [&["module model".into()], &named[..]].concat());
    assert_eq!(flat(&nodes.rooted(net)), [&["module "], &tensors[..]].concat());
}

#[test]
fn what_the_state_dict_does_not_give_has_no_name() {
    let mut nodes = Arena::new();
    let (tensor, name) = (nodes.tensor(), nodes.text("cache"));
    let transient = nodes.add(Value::List([name].to_vec()));
    let extra = nodes.dict(&[("t", tensor)]);
    let others = [("_non_persistent_buffers_set", transient), ("extra", extra), ("own", tensor)];
    let net = module(&mut nodes, &[("cache", tensor)], &[("cache", tensor), ("kept", tensor)], &[], &others);
    let found = flat(&nodes.rooted(net));
    let inside = Unnamed::Inside;
    let expected = [
        "module ".into(),
        "cache".into(),
        format!("{:?} @_buffers.cache", Unnamed::Transient),
        "kept".into(),
        format!("{inside:?} @extra.t"),
        format!("{inside:?} @own"),
    ];
    assert_eq!(found, expected);
}

/// As parameters that are yet to be initialized are.
#[test]
fn members_that_are_no_tensors_are_told_where_nothing_else_is() {
    let mut nodes = Arena::new();
    let (callable, number) = (nodes.add(Value::Global("net", "Lazy")), nodes.add(Value::Int(1)));
    let lazy = nodes.add(Value::Object(Object { callable, ..Object::default() }));
    let inner = module(&mut nodes, &[("weight", lazy)], &[("mean", number)], &[], &[("training", number)]);
    let net = module(&mut nodes, &[], &[], &[("lazy", inner)], &[]);
    assert_eq!(flat(&nodes.rooted(net)), ["module ", "lazy.weight", "lazy.mean"]);
}

#[test]
fn an_object_without_the_three_dicts_is_none() {
    let mut nodes = Arena::new();
    let tensor = nodes.tensor();
    let parameters = nodes.dict(&[("w", tensor)]);
    let state = nodes.dict(&[("_parameters", parameters), ("_modules", parameters)]);
    let callable = nodes.add(Value::Global("net", "Net"));
    let object = Object { callable, state: Some(state), ..Object::default() };
    let object = nodes.add(Value::Object(object));
    assert_eq!(flat(&nodes.rooted(object)), ["Root "]);
}

#[test]
fn a_module_in_itself_ends() {
    let mut nodes = Arena::new();
    let tensor = nodes.tensor();
    let children = nodes.dict(&[]);
    let net = module(&mut nodes, &[("w", tensor)], &[], &[("sub", children)], &[]);
    nodes.0[children as usize] = nodes.0[net as usize].clone();
    let again = nodes.add(Value::List([net].to_vec()));
    let found = flat(&nodes.rooted(again));
    assert!(found.starts_with(&["module [0]".into(), "[0].w".into()]), "{found:?}");
}

/// A hook that is a method leads back to its module, which has its names in each place.
#[test]
fn modules_that_lead_back_to_themselves_have_all_their_names() {
    let mut nodes = Arena::new();
    let (tensor, owner) = (nodes.tensor(), nodes.add(Value::List(Vec::new())));
    let block = module(&mut nodes, &[("w", tensor)], &[], &[], &[("owner", owner)]);
    let members = [("enc", block), ("dec", block)];
    let net = module(&mut nodes, &[("p", tensor)], &[], &members, &[("first", owner)]);
    nodes.0[owner as usize] = Value::List([net, block].to_vec());
    let both = nodes.dict(&[("best", block), ("model", net)]);
    let found = flat(&nodes.rooted(both));
    let named: Vec<&String> = found.iter().filter(|name| !name.contains(' ')).collect();
    assert_eq!(named, ["best.w", "model.p", "model.enc.w", "model.dec.w"], "{found:?}");
    for lost in ["Inside best@owner[0]", "Inside best@owner[1]", "Inside model@first"] {
        assert!(found.iter().any(|said| said == lost), "{lost}: {found:?}");
    }
}

#[test]
fn modules_on_too_many_ways_are_not_gone_through() {
    let mut nodes = Arena::new();
    let all = nodes.dict(&[]);
    let modules: Vec<u32> = (0..30).map(|_| module(&mut nodes, &[], &[], &[], &[])).collect();
    let names: Vec<String> = (0..30).map(|name| format!("m{name}")).collect();
    let pairs: Vec<_> = names.iter().map(String::as_str).zip(modules.iter().copied()).collect();
    let members = nodes.dict(&pairs);
    nodes.0[all as usize] = nodes.0[members as usize].clone();
    for &module in &modules {
        let Value::Object(object) = nodes.0[module as usize].clone() else { panic!() };
        let Value::Dict(state) = &mut nodes.0[object.state.unwrap() as usize] else { panic!() };
        state[2].1 = all;
    }
    let nodes = nodes.rooted(modules[0]);
    let survey = Survey::of(&nodes, 0, 5000).unwrap();
    let mut walk = Walk::new(&nodes, &survey);
    while walk.next_within(&|node| matches!(nodes.look(node), Look::Container(_))).is_some() {}
    assert!(walk.is_exhausted());
}

/// What is not persistent is so in its module, and not wherever its dict is.
#[test]
fn a_dict_of_buffers_by_itself_has_all_of_them() {
    let mut nodes = Arena::new();
    let (tensor, name) = (nodes.tensor(), nodes.text("tmp"));
    let transient = nodes.add(Value::List([name].to_vec()));
    let others = [("_non_persistent_buffers_set", transient)];
    let net = module(&mut nodes, &[], &[("tmp", tensor)], &[], &others);
    let copy = module(&mut nodes, &[], &[("tmp", tensor), ("kept", tensor)], &[], &others);
    let Value::Object(object) = nodes.0[net as usize].clone() else { panic!() };
    let Value::Dict(state) = &nodes.0[object.state.unwrap() as usize] else { panic!() };
    let buffers = state[1].1;
    let root = nodes.dict(&[("buffers", buffers), ("model", net), ("copy", copy)]);
    let transient = format!("{:?}", Unnamed::Transient);
    let expected = [
        "buffers.tmp".into(),
        "module model".into(),
        format!("{transient} model@_buffers.tmp"),
        "module copy".into(),
        format!("{transient} copy@_buffers.tmp"),
        "copy.kept".into(),
    ];
    assert_eq!(flat(&nodes.rooted(root)), expected);
}
