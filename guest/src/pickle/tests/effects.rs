//! What is made and thrown away, and what is changed after a call saw it.

use alloc::vec;

use super::*;
use crate::pickle::Given;
use crate::pickle::deeds::Deed;

/// What a pickle executes that no value leads to, and where.
fn lost(pickle: &[u8]) -> Option<(String, u64)> {
    load(pickle).unwrap().lost.map(|lost| (lost.what, lost.offset))
}

#[test]
fn what_is_dropped_on_an_object_is_an_effect_of_it() {
    for (pickle, graph) in [
        // A state setter, as CPython writes it.
        (
            &b"\x80\x02cm\nC\nq\0)Rq\x01cm\nput\nq\x02h\x01}q\x03\x86R0."[..],
            "#0@10 call <m C> () effects[#1@28 call <m put> #2(#0 #3{});];",
        ),
        // Two, in order, the second with an effect of its own.
        (
            b"cm\nC\n)Rp0\ncm\na\n)R0cm\nb\n)Rcm\nc\n)R00.",
            "#0@6 call <m C> () effects[#1@16 call <m a> (); #2@24 call <m b> () effects[#3@31 call <m c> ();];];",
        ),
        // After items, pairs and a state; an import alone; a call inside data.
        (
            b"cm\nC\n)RNaNNs}bcm\na\n0.",
            "#0@6 call <m C> () items[None] pairs{None:None} state #1{} effects[<m a>];",
        ),
        (b"cm\nC\n)R]cm\na\n)Ra0.", "#0@6 call <m C> () effects[#1[#2@14 call <m a> ();]];"),
        // Referred to later as well: it is made where it was made.
        (b"(cm\nC\n)Rcm\na\n)Rp0\n0g0\nt.", "#0(#1@7 call <m C> () effects[#2@14 call <m a> ();]; #2)"),
        // Data is nobody's effect, nor what was there before.
        (b"cm\nC\n)R](K\x01K\x02t00.", "#0@6 call <m C> ();"),
        (b"cm\na\n)Rp0\ncm\nC\ng0\n\x85Rg0\n0.", "#0@19 call <m C> #1(#2@6 call <m a> (););"),
    ] {
        assert_eq!(eval(pickle), graph, "{}", pickle.escape_ascii());
    }
}

#[test]
fn what_is_executed_and_belongs_nowhere_is_known() {
    for (pickle, what, offset) in [
        (&b"}cm\na\n)R0."[..], "a call of `m.a`", 7),
        (b"(cm\na\n)R1N.", "a call of `m.a`", 7),
        (b"K\x01cm\na\n)R0.", "a call of `m.a`", 8),
        (b"cm\na\n)RN.", "a call of `m.a`", 6),
        (b"cm\na\n0N.", "an import of `m.a`", 0),
        (b"]cm\na\n)Ra0N.", "a call of `m.a`", 7),
        (b"cm\na\n)Rp0\nN\x94g0\n0.", "a call of `m.a`", 6),
        // A persistent id is somebody's to carry out.
        (b"}Pid\n0.", "a persistent id", 1),
    ] {
        assert_eq!(lost(pickle), Some((what.into(), offset)), "{}", pickle.escape_ascii());
    }
}

#[test]
fn a_call_made_again_for_what_leads_back_to_it_is_none() {
    // R([r]): r is made inside its own arguments, and by the end once more.
    let own = b"\x80\x02cm\nR\nq\x00]q\x01h\x00h\x01\x85q\x02Rq\x03a\x85q\x04R0h\x03.";
    assert_eq!(eval(own), "#0@19 call <m R> #1(#2[#0]);");
    // Another call in its place is lost; one made after it is an effect of it.
    let other = b"\x80\x02cm\nS\n]q\x01cm\nR\nh\x01\x85q\x02Rq\x03a\x85q\x04R0h\x03.";
    assert_eq!(lost(other).unwrap().0, "a call of `m.S`");
    let before = b"\x80\x02cm\nR\nq\0]q\x01\x85Rq\x02h\0h\x01\x85R0h\x02.";
    assert!(eval(before).contains(" effects[#"), "{}", eval(before));
    // A tuple that holds itself, through a list, beside an id that is written each time.
    let tuple = b"(Pid\n]p1\n(Pid\ng1\ntp0\na1g0\n.";
    assert_eq!(eval(tuple), "#0(#1@10 persistent 'id'; #2[#0])");
    // Other values than the tuple's.
    let tuple = b"(Pid\n]p1\n(Pie\ng1\ntp0\na1g0\n.";
    assert_eq!(lost(tuple), Some(("a persistent id".into(), 1)));
}

#[test]
fn what_is_given_to_what_a_call_took_is_noted() {
    let deed = |calls, target, given, taken| Deed { calls, target, given, taken };
    for (pickle, deeds) in [
        // A list after a call took it; inside what it took; a dict that is a state; an item.
        (&b"(]p0\ncm\nf\ng0\n\x85Rg0\nNat."[..], vec![deed(1, 0, Given::Items(1), true)]),
        (b"(]p0\ncm\nf\n}Ng0\ns\x85Rg0\nNat.", vec![deed(1, 0, Given::Items(1), true)]),
        (
            b"(}p0\ncm\nf\n)Rg0\nbg0\nNNst.",
            vec![deed(1, 3, Given::State, false), deed(1, 0, Given::Pairs(1), true)],
        ),
        (
            b"(]p0\ncm\nf\n)Rg0\nag0\nNat.",
            vec![deed(1, 3, Given::Items(1), false), deed(1, 0, Given::Items(1), true)],
        ),
        // An object that gets its state after another call saw it without.
        (b"(cm\nf\n)Rp0\ncm\ng\ng0\n\x85Rg0\nNbt.", vec![deed(2, 2, Given::State, true)]),
        // What is put into what a call took can be seen by the next, and what is put into that.
        (
            b"(]p0\ncm\nf\ng0\n\x85Rg0\n]p1\nag1\nNat.",
            vec![deed(1, 0, Given::Items(1), true), deed(1, 4, Given::Items(1), true)],
        ),
        // In pieces or at once is the same, while nothing is called.
        (b"cm\nC\n)RNaNa(NNe.", vec![deed(1, 2, Given::Items(4), false)]),
        (
            b"\x80\x04cm\nC\n)RNbNa(N\x90NNs.",
            vec![
                deed(1, 2, Given::State, false),
                deed(1, 2, Given::Items(1), false),
                deed(1, 2, Given::Members(1), false),
                deed(1, 2, Given::Pairs(1), false),
            ],
        ),
        // Whole before anybody sees it.
        (b"(]p0\nNacm\nf\ng0\n\x85Rt.", vec![]),
    ] {
        assert_eq!(load(pickle).unwrap().deeds, deeds, "{}", pickle.escape_ascii());
    }
    let building = b"\x80\x02]q\0cm\nf\nh\0\x85Ra.";
    assert_eq!(load(building).unwrap().changed.len(), 1, "the call saw an empty list");
}

#[test]
fn dropping_the_same_again_and_again_takes_linear_time() {
    // A long list, given to a hundred thousand calls; each is an effect.
    let mut pickle = b"cm\nC\n)Rp0\n](".to_vec();
    pickle.resize(pickle.len() + 100_000, b'N');
    pickle.extend_from_slice(b"ep1\n0cm\nf\np2\n0");
    for _ in 0..100_000 {
        pickle.extend_from_slice(b"h\x02h\x01\x85R0");
    }
    pickle.push(b'.');
    let graph = load(&pickle).unwrap();
    let Some(Object::Instance(root)) = graph.object(graph.root) else { panic!("an instance") };
    assert_eq!(root.effects.len(), 100_001, "the import too");
}
