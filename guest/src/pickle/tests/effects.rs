//! What is made and thrown away, and what is changed after a call saw it.

use super::*;

fn lost(found: &str, offset: u64) -> String {
    format!(
        "unsupported: data.pkl, offset {offset}: expected what a value leads to, found {found} that none does"
    )
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
fn what_is_executed_and_belongs_nowhere_is_refused() {
    for (pickle, error) in [
        (&b"}cm\na\n)R0."[..], lost("a call of `m a`", 7)),
        (b"(cm\na\n)R1N.", lost("a call of `m a`", 7)),
        (b"K\x01cm\na\n)R0.", lost("a call of `m a`", 8)),
        (b"cm\na\n)RN.", lost("a call of `m a`", 6)),
        (b"cm\na\n0N.", lost("an import of `m a`", 0)),
        (b"]cm\na\n)Ra0N.", lost("a call of `m a`", 7)),
        (b"cm\na\n)Rp0\nN\x94g0\n0.", lost("a call of `m a`", 6)),
        // A persistent id is somebody's to carry out.
        (b"}Pid\n0.", lost("a persistent id", 1)),
        // Before the object is whole: it would be written after.
        (
            b"cm\nC\n)Rcm\na\n)R0}b.",
            "unsupported: data.pkl, offset 14: expected calls for their effect after all that an object is \
             given, found a call of `m a` before"
                .into(),
        ),
    ] {
        assert_eq!(eval(pickle), error, "{}", pickle.escape_ascii());
    }
}

#[test]
fn a_call_made_again_for_what_leads_back_to_it_is_none() {
    // R([r]): r is made inside its own arguments, and by the end once more.
    let own = b"\x80\x02cm\nR\nq\x00]q\x01h\x00h\x01\x85q\x02Rq\x03a\x85q\x04R0h\x03.";
    assert_eq!(eval(own), "#0@19 call <m R> #1(#2[#0]);");
    // Another call in its place is lost; one made after it is an effect of it.
    let other = b"\x80\x02cm\nS\n]q\x01cm\nR\nh\x01\x85q\x02Rq\x03a\x85q\x04R0h\x03.";
    assert!(eval(other).contains("found a call of `m S` that none does"), "{}", eval(other));
    let before = b"\x80\x02cm\nR\nq\0]q\x01\x85Rq\x02h\0h\x01\x85R0h\x02.";
    assert!(eval(before).contains(" effects[#"), "{}", eval(before));
    // A tuple that holds itself, through a list, beside an id that is written each time.
    let tuple = b"(Pid\n]p1\n(Pid\ng1\ntp0\na1g0\n.";
    assert_eq!(eval(tuple), "#0(#1@10 persistent 'id'; #2[#0])");
    // Other values than the tuple's.
    let tuple = b"(Pid\n]p1\n(Pie\ng1\ntp0\na1g0\n.";
    assert_eq!(eval(tuple), lost("a persistent id", 1));
}

#[test]
fn what_a_call_took_is_not_changed_behind_its_back() {
    let refused = |opcode: &str, kind: &str, offset: usize| {
        format!(
            "unsupported: data.pkl, offset {offset}: expected a value that no call took before it is whole for \
             {opcode}, found {kind} that one took"
        )
    };
    for (pickle, error) in [
        (&b"(]p0\ncm\nf\ng0\n\x85Rg0\nNat."[..], refused("APPEND", "a list", 19)),
        (b"(}p0\ncm\nf\ng0\n\x85Rg0\nNNst.", refused("SETITEM", "a dict", 20)),
        // Inside what it was given; as a state; as an item of an object.
        (b"(]p0\ncm\nf\n}Ng0\ns\x85Rg0\nNat.", refused("APPEND", "a list", 22)),
        (b"(}p0\ncm\nf\n)Rg0\nbg0\nNNst.", refused("SETITEM", "a dict", 21)),
        (b"(]p0\ncm\nf\n)Rg0\nag0\nNat.", refused("APPEND", "a list", 20)),
        // An object that gets its state after another call saw it without.
        (b"(cm\nf\n)Rp0\ncm\ng\ng0\n\x85Rg0\nNbt.", refused("BUILD", "an instance", 25)),
    ] {
        assert_eq!(eval(pickle), error, "{}", pickle.escape_ascii());
    }
    // An object may be an item of its own, and go on.
    assert_eq!(eval(b"cm\nC\n)Rp0\nI1\ng0\nsI2\ng0\ns."), "#0@6 call <m C> () pairs{1:#0 2:#0};");
    // What is still being built may be given to a call inside it.
    let building = b"\x80\x02]q\0cm\nf\nh\0\x85Ra.";
    let graph = load(building).unwrap();
    assert_eq!(dump(&graph), "#0[#1@13 call <m f> #2(#0);]");
    assert_eq!(graph.changed.len(), 1, "the call saw an empty list");
    assert!(eval(b"cm\nC\n)Rp0\ncm\nf\ng0\n\x85Rb.").starts_with("#0@6 call <m C> () state #1@"));
}

#[test]
fn an_object_is_given_items_then_pairs_then_a_state() {
    for (pickle, late) in
        [(&b"cm\nC\n)RNbNa."[..], "items"), (b"cm\nC\n)RNNsNa.", "items"), (b"cm\nC\n)RNbNNs.", "pairs")]
    {
        let error = eval(pickle);
        assert!(
            error.starts_with("unsupported") && error.ends_with(&format!("found {late} last")),
            "{error}"
        );
    }
    assert!(eval(b"\x80\x04cm\nC\n)R(N\x90.").ends_with("expected a set for ADDITEMS, found an instance"));
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
