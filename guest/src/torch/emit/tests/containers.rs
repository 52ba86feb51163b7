use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::{Arena, golden, object};
use crate::model::{Construct, Node, Pair};

/// `n` times `None`, for items; a pair takes two.
fn nones(n: usize) -> Vec<u8> {
    vec![b'N'; n]
}

#[test]
fn lists_are_written_in_groups_of_a_thousand() {
    let mut arena = Arena::default();
    let none = arena.add(Node::None);
    let cases = [
        (0, vec![]),
        (1, b"Na".to_vec()),
        (2, b"(NNe".to_vec()),
        (1000, [b"(", &nones(1000)[..], b"e"].concat()),
        (1001, [b"(", &nones(1000)[..], b"e(Ne"].concat()),
        (2000, [b"(", &nones(1000)[..], b"e(", &nones(1000), b"e"].concat()),
    ];
    for (n, contents) in cases {
        let root = arena.list(&vec![none; n]);
        arena.is_written_as(root, &[b"\x80\x02]q\x00", &contents[..], b"."].concat());
    }
}

#[test]
fn a_full_dict_is_followed_by_an_empty_group() {
    let mut arena = Arena::default();
    let none = arena.add(Node::None);
    let cases = [
        (0, vec![]),
        (1, b"NNs".to_vec()),
        (999, [b"(", &nones(1998)[..], b"u"].concat()),
        (1000, [b"(", &nones(2000)[..], b"u(u"].concat()),
        (1001, [b"(", &nones(2000)[..], b"u(NNu"].concat()),
        (2000, [b"(", &nones(2000)[..], b"u(", &nones(2000), b"u(u"].concat()),
    ];
    for (n, contents) in cases {
        let root = arena.add(Node::Dict(vec![(none, none); n]));
        arena.is_written_as(root, &[b"\x80\x02}q\x00", &contents[..], b"."].concat());
    }
}

#[test]
fn what_is_iterated_ends_with_single_items_and_without_empty_groups() {
    let mut arena = Arena::default();
    let none = arena.add(Node::None);
    let callable = arena.global("m", "f");
    let empty = arena.tuple(&[]);
    let cases = [
        (0, vec![], vec![]),
        (1, b"Na".to_vec(), b"NNs".to_vec()),
        (2, b"(NNe".to_vec(), b"(NNNNu".to_vec()),
        (1000, [b"(", &nones(1000)[..], b"e"].concat(), [b"(", &nones(2000)[..], b"u"].concat()),
        (1001, [b"(", &nones(1000)[..], b"eNa"].concat(), [b"(", &nones(2000)[..], b"uNNs"].concat()),
    ];
    for (n, items, pairs) in cases {
        let filled = Node::Object(Box::new(crate::model::Object {
            items: vec![none; n],
            pairs: vec![(none, none); n],
            state: Some(none),
            ..object(Construct::Call, callable, empty)
        }));
        let root = arena.add(filled);
        arena.is_written_as(root, &[b"\x80\x02cm\nf\nq\x00)Rq\x01", &items[..], &pairs, b"Nb."].concat());

        let root = arena.add(Node::OrderedDict { items: vec![(none, none); n], attributes: None });
        let head = b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01";
        arena.is_written_as(root, &[head, &pairs[..], b"."].concat());
    }
}

#[test]
fn each_container_is_written_as_torch_does() {
    let mut arena = Arena::default();
    let [one, two, three, four] = [1, 2, 3, 4].map(|value| arena.int(value));
    let (a, b, metadata) = (arena.text("a"), arena.text("b"), arena.text("_metadata"));
    let attributes = arena.add(Node::Dict(vec![(metadata, two)]));
    let items = [
        arena.tuple(&[]),
        arena.tuple(&[one]),
        arena.tuple(&[one, two, three, four]),
        arena.add(Node::Dict(vec![])),
        arena.add(Node::Dict(vec![(one, two)])),
        arena.add(Node::OrderedDict { items: vec![(a, one)], attributes: Some(attributes) }),
        arena.add(Node::Counter(vec![(b, one)])),
        arena.add(Node::Set(vec![one])),
        arena.add(Node::FrozenSet(vec![])),
        arena.add(Node::Size(vec![])),
        arena.add(Node::Size(vec![2, 3])),
    ];
    let root = arena.list(&items);
    arena.is_written_as(root, golden::CONTAINERS);
}

#[test]
fn a_container_can_hold_itself() {
    let mut arena = Arena::default();
    let list = arena.promise();
    arena.keep(list, Node::List(vec![list]));
    arena.is_written_as(list, b"\x80\x02]q\x00h\x00a.");

    let dict = arena.promise();
    let pairs: Vec<Pair> = vec![(dict, dict)];
    arena.keep(dict, Node::Dict(pairs.clone()));
    arena.is_written_as(dict, b"\x80\x02}q\x00h\x00h\x00s.");
    arena.keep(dict, Node::OrderedDict { items: pairs, attributes: Some(dict) });
    arena.is_written_as(dict, b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01h\x01h\x01sh\x01b.");
}

#[test]
fn a_tuple_that_is_its_own_part_is_taken_from_the_memo() {
    for (others, golden) in [(vec![], golden::OWN_PART), (vec![2, 3, 4], golden::OWN_PART_4)] {
        let mut arena = Arena::default();
        let (list, one) = (arena.promise(), arena.int(1));
        let others = arena.ints(&others);
        let tuple = arena.tuple(&[&[list], &others[..]].concat());
        arena.keep(list, Node::List(vec![one, tuple]));
        arena.is_written_as(tuple, golden);
    }
}
