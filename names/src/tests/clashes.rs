//! Places that a careless name would take for one another.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::arena::{Arena, Object, Value};
use super::names;

#[test]
fn places_that_share_a_name_have_their_exact_ones() {
    let mut nodes = Arena::new();
    let t = nodes.tensor();
    let inner = nodes.dict(&[("a", t), ("c", t)]);
    let root = nodes.dict(&[("a", t), ("", inner), ("b", t)]);
    assert_eq!(names(&nodes.rooted(root)), ["[\"a\"]", "[\"\"][\"a\"]", "[\"\"][\"c\"]", "b"]);

    let mut nodes = Arena::new();
    let t = nodes.tensor();
    let (leaf, inner) = (nodes.dict(&[("c", t)]), nodes.dict(&[("b.c", t), ("d", t)]));
    let root = nodes.dict(&[("a.b", leaf), ("a", inner), ("a[0]", t)]);
    assert_eq!(names(&nodes.rooted(root)), ["[\"a.b\"][\"c\"]", "[\"a\"][\"b.c\"]", "a.d", "a[0]"]);
}

#[test]
fn a_container_keeps_its_name_from_a_tensor() {
    let mut nodes = Arena::new();
    let t = nodes.tensor();
    let leaf = nodes.dict(&[("c", t)]);
    let inner = nodes.dict(&[("b", leaf)]);
    let root = nodes.dict(&[("a", inner), ("a.b", t)]);
    assert_eq!(names(&nodes.rooted(root)), ["a.b.c", "[\"a.b\"]"]);
}

#[test]
fn keys_of_one_text_and_other_types_are_told_apart() {
    let mut nodes = Arena::new();
    let t = nodes.tensor();
    let keys = [
        Value::Int(1),
        Value::Text("1".into()),
        Value::True,
        Value::Text("True".into()),
        Value::None,
        Value::Text("None".into()),
        Value::Float(0.5),
        Value::Text("0.5".into()),
    ];
    let pairs = keys.map(|key| (nodes.add(key), t)).to_vec();
    let root = nodes.add(Value::Dict(pairs));
    let expected = ["[1]", "[\"1\"]", "[True]", "[\"True\"]", "[None]", "[\"None\"]", "[#6]", "[\"0.5\"]"];
    assert_eq!(names(&nodes.rooted(root)), expected);
}

#[test]
fn keys_that_print_alike_have_their_positions() {
    let mut nodes = Arena::new();
    let (t, class, one) = (nodes.tensor(), nodes.add(Value::Global("m", "Colour")), nodes.add(Value::Int(1)));
    let args = nodes.add(Value::Tuple(vec![one]));
    let member = |nodes: &mut Arena| {
        nodes.add(Value::Object(Object { callable: class, args: Some(args), ..Object::default() }))
    };
    let (red, blue) = (member(&mut nodes), member(&mut nodes));
    let nan = [nodes.add(Value::Float(f64::NAN)), nodes.add(Value::Float(f64::NAN))];
    let by = nodes.add(Value::Dict(vec![(red, t), (blue, t), (nan[0], t), (nan[1], t)]));
    let root = nodes.dict(&[("by", by)]);
    let expected = ["by[#0]", "by[#1]", "[\"by\"][#2]", "[\"by\"][#3]"];
    assert_eq!(names(&nodes.rooted(root)), expected);
}

#[test]
fn one_key_twice_is_two_places() {
    let mut nodes = Arena::new();
    let t = nodes.tensor();
    let root = nodes.dict(&[("a", t), ("a", t), ("b", t), ("[#0]", t)]);
    assert_eq!(names(&nodes.rooted(root)), ["[#0]", "[#1]", "b", "[\"[#0]\"]"]);
}

#[test]
fn attributes_parts_and_keys_are_never_taken_for_keys() {
    let mut nodes = Arena::new();
    let t = nodes.tensor();
    let attributes = nodes.dict(&[("scale", t)]);
    let (parameter, sparse) =
        (nodes.add(Value::Parameter(t, Some(attributes))), nodes.add(Value::Sparse(t, t)));
    let keyed = nodes.add(Value::Dict(vec![(t, t)]));
    let root = nodes.dict(&[
        ("w", parameter),
        ("w@scale", t),
        ("s", sparse),
        ("s.values", t),
        ("k", keyed),
        ("k{0}", t),
        ("k[#0]", t),
    ]);
    let expected = [
        "w",
        "[\"w\"]@[\"scale\"]",
        "[\"w@scale\"]",
        "s",
        "s.indices",
        "[\"s\"].values",
        "[\"s.values\"]",
        "[\"k\"]{0}",
        "[\"k\"][#0]",
        "[\"k{0}\"]",
        "[\"k[#0]\"]",
    ];
    assert_eq!(names(&nodes.rooted(root)), expected);
}

#[test]
fn a_key_that_looks_like_an_exact_name_is_not_taken_for_it() {
    let mut nodes = Arena::new();
    let t = nodes.tensor();
    let inner = nodes.dict(&[("a", t)]);
    let root = nodes.dict(&[("[\"a\"]", t), ("a", t), ("", inner)]);
    let expected = ["[\"[\\\"a\\\"]\"]", "[\"a\"]", "[\"\"][\"a\"]"];
    assert_eq!(names(&nodes.rooted(root)), expected);

    // The first item of an empty key, and what is under 0.
    let mut nodes = Arena::new();
    let (t, zero) = (nodes.tensor(), nodes.add(Value::Int(0)));
    let list = nodes.add(Value::List(vec![t]));
    let (empty, text) = (nodes.text(""), nodes.text("0"));
    let root = nodes.add(Value::Dict(vec![(empty, list), (zero, t), (text, t)]));
    assert_eq!(names(&nodes.rooted(root)), ["[\"\"][0]", "[0]", "[\"0\"]"]);
}

#[test]
fn long_keys_of_a_common_beginning_are_told_apart_by_all_of_them() {
    let mut nodes = Arena::new();
    let t = nodes.tensor();
    let keys: Vec<String> = ["1", "2"].map(|end| "é".repeat(1000) + end).into();
    let root = nodes.dict(&[(&keys[0], t), (&keys[1], t)]);
    let nodes = nodes.rooted(root);
    let names = names(&nodes);
    assert!(names.iter().all(|name| name.len() < 1100 && name.starts_with("ééé")), "{names:?}");
    // Whole, they lead there too.
    let index = crate::Index::of(&nodes, 0);
    assert!(keys.iter().all(|key| crate::find(&nodes, &index, key) == Some(t)));
}

#[test]
fn control_characters_in_exact_names_are_escaped() {
    let mut nodes = Arena::new();
    let t = nodes.tensor();
    let inner = nodes.dict(&[("\n\\b", t)]);
    let root = nodes.dict(&[("a.\n\\b", t), ("a", inner)]);
    assert_eq!(names(&nodes.rooted(root)), ["[\"a.\\u000a\\\\b\"]", "[\"a\"][\"\\u000a\\\\b\"]"]);
}

/// Every dict of three short keys that are likely to be mixed up, two levels deep.
#[test]
fn no_two_places_share_a_name_whatever_the_keys_are() {
    let keys = ["", "a", ".", "a.a", "[0]", "[#0]", "@", "a@a", "{0}", "[\"a\"]", "\"", "\\", "1", "['a']"];
    for first in keys {
        for second in keys {
            for third in keys {
                let mut nodes = Arena::new();
                let t = nodes.tensor();
                let attributes = nodes.dict(&[(second, t)]);
                let parameter = nodes.add(Value::Parameter(t, Some(attributes)));
                let list = nodes.add(Value::List(vec![t, parameter]));
                let one = nodes.add(Value::Int(1));
                let inner = nodes.dict(&[(second, t), (third, list)]);
                let (first, second, third) = (nodes.text(first), nodes.text(second), nodes.text(third));
                let pairs = vec![(first, inner), (second, list), (third, t), (one, list), (t, inner)];
                let root = nodes.add(Value::Dict(pairs));
                assert!(names(&nodes.rooted(root)).len() > 12, "{}", format!("{first}{second}{third}"));
            }
        }
    }
}
