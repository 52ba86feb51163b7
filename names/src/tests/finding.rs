use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::arena::{Arena, Object, Value};
use crate::{Index, find};

#[test]
fn of_places_that_share_a_name_the_first_is_found_and_each_by_its_exact_one() {
    // Large dicts have an index, small ones are looked through.
    for others in [0, 1000] {
        let mut nodes = Arena::new();
        let t: Vec<u32> = (0..8).map(|_| nodes.tensor()).collect();
        let filler: Vec<_> = (0..others).map(|key| format!("key{key}.weight")).collect();
        let mut pairs: Vec<(u32, u32)> = filler.iter().map(|key| (nodes.text(key), t[7])).collect();
        let (c, inner) = (nodes.dict(&[("c", t[1])]), nodes.dict(&[("b.c", t[2]), ("d", t[3])]));
        let (nested, list) = (nodes.dict(&[("e", t[5])]), nodes.add(Value::List(vec![t[6]])));
        let one = nodes.add(Value::Int(1));
        for (key, value) in [("a.b", c), ("a", inner), ("a.d", t[4]), ("", nested), ("list", list)] {
            pairs.push((nodes.text(key), value));
        }
        pairs.push((one, t[0]));
        let position = pairs.len() - 1;
        let root = nodes.add(Value::Dict(pairs));
        let nodes = nodes.rooted(root);
        let index = Index::of(&nodes, 0);
        let found = |name: &str| find(&nodes, &index, name);
        assert_eq!(found(""), Some(0));
        assert_eq!(["a.b.c", "a.d", "e", "list[0]", "1"].map(found), [1, 3, 5, 6, 0].map(|at| Some(t[at])));
        let exact = ["[\"a.b\"][\"c\"]", "[\"a\"][\"b.c\"]", "[\"a.d\"]", "[\"\"][\"e\"]", "[1]"];
        assert_eq!(exact.map(found), [1, 2, 4, 5, 0].map(|at| Some(t[at])));
        assert_eq!(found(&format!("[#{position}]")), Some(t[0]));
        assert_eq!(found("[\"a\"].b.c"), Some(t[2]), "half exact");
        for nowhere in
            ["a.", "a.b.", "key1", "list[1]", "list[0", "key1.weight.", "[\"a", "[#9999]", "@", "{0}x"]
        {
            assert_eq!(found(nowhere), None, "{nowhere}");
        }
        assert!(filler.iter().all(|key| found(key) == Some(t[7])));
    }
}

#[test]
fn a_search_enters_each_node_once() {
    // An object whose state is itself, twice over, and which has 100,000 items.
    let nodes = Arena(vec![
        Value::Object(Object {
            callable: 1,
            args: Some(0),
            kwargs: Some(0),
            items: vec![1; 100_000],
            state: Some(0),
            ..Object::default()
        }),
        Value::None,
    ]);
    let index = Index::of(&nodes, 0);
    assert_eq!(find(&nodes, &index, "nothing"), None);
    assert_eq!(find(&nodes, &index, "@@@@@@[7]"), Some(1));
    assert_eq!(find(&nodes, &index, &(".args".repeat(1000) + "x")), None);
}

#[test]
fn parameters_of_each_other_end_a_search_and_a_walk() {
    let nodes = Arena(vec![Value::Parameter(1, None), Value::Parameter(0, None)]);
    assert_eq!(find(&nodes, &Index::of(&nodes, 0), "x"), None);
    assert_eq!(super::names(&nodes), [""]);
    assert_eq!(crate::tensor(&nodes, 0), None);
}
