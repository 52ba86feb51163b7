//! What an `OrderedDict` has beside its items.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::arena::{Arena, Value};
use crate::{Survey, Walk, find};

fn names(nodes: &Arena) -> Vec<String> {
    let survey = Survey::of(nodes, 0, 1000).unwrap();
    let mut walk = Walk::new(nodes, &survey);
    let mut names = vec![];
    while let Some(node) = walk.next() {
        let name = walk.name();
        let index = crate::Index::of(nodes, 0);
        assert_eq!(find(nodes, &index, &name), Some(node), "{name}");
        names.push(name);
    }
    names
}

/// An `OrderedDict` of a tensor, with these attributes.
fn ordered(attributes: impl Fn(&mut Arena) -> u32) -> Vec<String> {
    let mut nodes = Arena::new();
    let (key, tensor) = (nodes.text("w"), nodes.tensor());
    let attributes = attributes(&mut nodes);
    nodes.0[0] = Value::Ordered(vec![(key, tensor)], attributes);
    names(&nodes)
}

/// What a module of two writes.
fn versions(nodes: &mut Arena) -> u32 {
    let (one, two) = (nodes.add(Value::Int(1)), nodes.add(Value::Int(2)));
    let (module, layer) = (nodes.dict(&[("version", one)]), nodes.dict(&[("version", two)]));
    let loaded = nodes.add(Value::True);
    let assigned = nodes.dict(&[("version", one), ("assign_to_params_buffers", loaded)]);
    nodes.dict(&[("", module), ("layer", layer), ("layer.sub", assigned)])
}

#[test]
fn the_versions_that_a_module_writes_are_passed_over() {
    assert_eq!(
        ordered(|nodes| {
            let metadata = versions(nodes);
            nodes.dict(&[("_metadata", metadata)])
        }),
        ["w"]
    );
    assert_eq!(ordered(|nodes| nodes.dict(&[])), ["w"]);
    assert_eq!(ordered(|nodes| nodes.add(Value::None)), ["w"]);
    let empty = ordered(|nodes| {
        let none = nodes.dict(&[]);
        nodes.dict(&[("_metadata", none)])
    });
    assert_eq!(empty, ["w"]);
}

#[test]
fn whatever_is_more_than_that_is_listed() {
    let text = ordered(|nodes| {
        let foo = nodes.text("important");
        nodes.dict(&[("foo", foo)])
    });
    assert_eq!(text, ["w", "@foo"]);
    let beside = ordered(|nodes| {
        let (metadata, foo) = (versions(nodes), nodes.text("important"));
        nodes.dict(&[("_metadata", metadata), ("foo", foo)])
    });
    assert_eq!(beside, ["w", "@foo"], "the versions are not");
    let loss = ordered(|nodes| {
        let loss = nodes.text("loss 0.5");
        nodes.dict(&[("_metadata", loss)])
    });
    assert_eq!(loss, ["w", "@_metadata"]);
    let more = ordered(|nodes| {
        let (version, step) = (nodes.add(Value::Int(1)), nodes.add(Value::Int(77)));
        let module = nodes.dict(&[("version", version), ("step", step)]);
        let metadata = nodes.dict(&[("m", module)]);
        nodes.dict(&[("_metadata", metadata)])
    });
    assert_eq!(more, ["w", "@_metadata.m.version", "@_metadata.m.step"]);
    let text = ordered(|nodes| {
        let version = nodes.text("1");
        let module = nodes.dict(&[("version", version)]);
        let metadata = nodes.dict(&[("m", module)]);
        nodes.dict(&[("_metadata", metadata)])
    });
    assert_eq!(text, ["w", "@_metadata.m.version"]);
    let list = ordered(|nodes| {
        let list = nodes.add(Value::List(vec![]));
        nodes.dict(&[("l", list)])
    });
    assert_eq!(list, ["w", "@l"]);
}

#[test]
fn versions_in_another_place_are_values() {
    let mut nodes = Arena::new();
    let metadata = versions(&mut nodes);
    let root = nodes.dict(&[("_metadata", metadata)]);
    assert_eq!(names(&nodes.rooted(root)).len(), 4);
}
