//! A few bytes that would be walked forever.

use alloc::vec;
use alloc::vec::Vec;

use super::arena::{Arena, Value, text};
use super::names;
use crate::{Measure, Survey, Walk};

fn lists(lists: &[&[u32]]) -> Arena {
    Arena(lists.iter().map(|items| Value::List(items.to_vec())).collect())
}

/// Places, and bytes of all their names, by the walk itself.
fn walked(nodes: &Arena) -> (u64, u64) {
    let survey = Survey::of(nodes, 0, u64::MAX).unwrap();
    let mut walk = Walk::new(nodes, &survey);
    let mut sum = (0, 0);
    while walk.next().is_some() {
        sum = (sum.0 + 1, sum.1 + walk.name().len() as u64);
    }
    sum
}

#[test]
fn shared_nodes_count_for_each_path() {
    let measure = Measure::of(&lists(&[&[1, 1], &[2, 2], &[]]), 0);
    assert_eq!((measure.size, measure.places, measure.depth), (7, 7, 3));
    assert_eq!(measure.names, 2 * 4 + 4 * 8);
}

#[test]
fn doubling_saturates_and_is_refused() {
    let doubling = |id: u32| Value::List(if id < 99 { vec![id + 1; 2] } else { vec![] });
    let nodes = Arena((0..100).map(doubling).collect());
    assert_eq!(Measure::of(&nodes, 0).size, u64::MAX);
    assert!(Survey::of(&nodes, 0, 10_000).is_err_and(|error| error.most == 10_000));
}

#[test]
fn lists_that_contain_each_other_are_entered_once() {
    // 20 lists, each of all 20 and a None: more paths than anyone can walk.
    let mut nodes = vec![Value::List((0..=20).collect()); 20];
    nodes.push(Value::None);
    let nodes = Arena(nodes);
    assert_eq!(names(&nodes).len(), 20);
    assert!(Measure::of(&nodes, 0).size <= 1 + 21 * 21);
}

#[test]
fn a_list_full_of_itself_takes_linear_time() {
    let nodes = Arena(vec![Value::List(vec![0; 200_000])]);
    assert_eq!(walked(&nodes).0, 0);
    assert!(Measure::of(&nodes, 0).size <= 200_002);
}

#[test]
fn a_cycle_ends_and_a_shared_container_is_walked_twice() {
    let mut nodes = Arena::new();
    let t = nodes.tensor();
    let shared = nodes.dict(&[("x", t)]);
    let list = nodes.add(Value::List(vec![shared, 0]));
    let root = nodes.dict(&[("x", shared), ("self", 0), ("l", list)]);
    assert_eq!(names(&nodes.rooted(root)), ["x.x", "l[0].x"]);
}

#[test]
fn depth_costs_no_stack() {
    let depth = 100_000;
    let mut nodes: Vec<Value> = (1..=depth).map(|next| Value::Tuple(vec![next])).collect();
    nodes.push(Value::None);
    assert_eq!(walked(&Arena(nodes)), (1, 3 * u64::from(depth)));
}

#[test]
fn names_through_a_cycle_are_measured_with_the_way_to_it() {
    // A ring of 50 dicts under long keys, the last with a list of 1000.
    let ring = 50;
    let mut nodes: Vec<Value> = (1..=ring).map(|next| Value::Dict(vec![(ring, next % ring)])).collect();
    nodes.extend([text(&"k".repeat(1000)), Value::List(vec![ring + 2; 1000]), text("none")]);
    if let Value::Dict(pairs) = &mut nodes[ring as usize - 1] {
        pairs.push((ring + 2, ring + 1));
    }
    let nodes = Arena(nodes);
    let (walked, measured) = (walked(&nodes).1, Measure::of(&nodes, 0).names);
    assert!(walked > 49 * 1000 * 1000);
    assert!(measured > walked && measured < 2 * walked, "{measured} {walked}");
}

#[test]
fn a_long_key_over_a_long_list_is_read_once() {
    // 10,000 shared dicts under a key of 4 MiB: whoever went over it for each would not
    // come back.
    let key = text(&"k".repeat(4 << 20));
    let nodes = Arena(vec![Value::List(vec![1; 10_000]), Value::Dict(vec![(2, 3)]), key, Value::None]);
    let (places, bytes) = walked(&nodes);
    assert!(places == 10_000 && bytes < 11_000_000);
}

#[test]
fn a_walk_can_be_stopped_and_gone_on_with() {
    let nodes = lists(&[&[1, 2, 1], &[], &[1, 1]]);
    let survey = Survey::of(&nodes, 0, 100).unwrap();
    let mut cursor = survey.start();
    let mut names = Vec::new();
    loop {
        let mut walk = Walk::resume(&nodes, &survey, cursor);
        if walk.next().is_none() {
            break;
        }
        names.push(walk.name());
        cursor = walk.stop();
    }
    assert_eq!(names, ["[0]", "[1][0]", "[1][1]", "[2]"]);
}
