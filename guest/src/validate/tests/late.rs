//! Values that change after something was made of them, and values that hold themselves.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::judge;
use crate::validate::{ValidateOptions, Verdict};

/// The verdict on a pickle of protocol 0, and the rules that it breaks.
fn judged(text: &str) -> (Verdict, Vec<&'static str>) {
    let report = judge(text.as_bytes(), ValidateOptions::default());
    let broken = report.findings.iter().filter(|finding| finding.rule.verdict > Verdict::Trusting);
    (report.verdict, broken.map(|finding| finding.rule.id).collect())
}

const LATE: &[&str] = &["SR-PICKLE-LATE"];
const UUID: &str = "ccopy_reg\n_reconstructor\n(cuuid\nUUID\nc__builtin__\nobject\nNtR";
const SPACE: &str = "ccopy_reg\n_reconstructor\n(cargparse\nNamespace\nc__builtin__\nobject\nNtR";
const ORDERED: &str = "ccollections\nOrderedDict\n";
const NUMBER: &str = "(dVint\nI1\nsb";

#[test]
fn what_a_call_took_may_not_change_after_it() {
    for call in [
        "c__builtin__\nset\n((lp5\ntR",
        "c__builtin__\nfrozenset\n((lp5\ntR",
        "ccollections\ndeque\n((lp5\ntR",
        // Wherever it is in what was given.
        "c__builtin__\nset\n((((lp5\ntltR",
    ] {
        let (verdict, broken) = judged(&format!("({call}g5\nI1\nat."));
        assert_eq!(verdict, Verdict::Malformed, "{call}");
        assert!(broken.contains(&"SR-PICKLE-LATE"), "{call}: {broken:?}");
        // Before it is given, it may.
        let filled = call.replacen("p5\n", "p5\nI1\na", 1);
        assert!(!judged(&format!("({filled}t.")).1.contains(&"SR-PICKLE-LATE"), "{call}");
    }
    let pairs = format!("({ORDERED}((lp5\ntRg5\n(Va\nI1\ntat.");
    assert_eq!(judged(&pairs), (Verdict::Malformed, LATE.to_vec()));
    let inner = format!("({ORDERED}((l(lp5\nVa\naI1\naatRg5\nI2\nat.");
    assert!(judged(&inner).1.contains(&"SR-PICKLE-LATE"));
    assert_eq!(
        judged("(ccollections\nCounter\n((dp5\ntRg5\nVa\nI1\nst."),
        (Verdict::Malformed, LATE.to_vec())
    );
}

#[test]
fn a_state_is_whole_when_it_is_given() {
    for made in [UUID, SPACE, &format!("{ORDERED}(tR")] {
        let late = format!("({made}(dp5\nbg5\nVint\nI1\nst.");
        assert_eq!(judged(&late), (Verdict::Malformed, LATE.to_vec()), "{made}");
        assert_eq!(judged(&format!("({made}(dp5\nVint\nI1\nsbt.")).0, Verdict::Safe, "{made}");
    }
}

#[test]
fn a_key_does_not_change() {
    for keyed in [
        format!("(d{UUID}p5\nI1\ns"),
        format!("({UUID}p5\nI1\nd"),
        format!("(d({UUID}p5\ntI1\ns"),
        format!("(d(({UUID}p5\nttI1\ns"),
        format!("{ORDERED}(tR{UUID}p5\nI1\ns"),
        format!("c__builtin__\nset\n((l{UUID}p5\natR"),
    ] {
        let (verdict, broken) = judged(&format!("({keyed}g5\n{NUMBER}t."));
        assert_eq!((verdict, broken.as_slice()), (Verdict::Malformed, LATE), "{keyed}");
        let whole = keyed.replacen("p5\n", &format!("{NUMBER}p5\n"), 1);
        assert_eq!(judged(&format!("({whole}t.")).0, Verdict::Safe, "{whole}");
    }
}

#[test]
fn what_is_only_kept_may_change() {
    for text in [
        // A list of a Namespace that holds the list; a dict of one; two that hold each other.
        format!("(lp1\n{SPACE}(dVa\ng1\nsba."),
        format!("(dp1\nVa\n{SPACE}(dVa\ng1\nsbs."),
        format!("{SPACE}p1\n(dVa\n{SPACE}(dVb\ng1\nsbsb."),
        format!("(lp1\n{ORDERED}(tR(dVa\ng1\nsba."),
        format!("(lp1\n{ORDERED}(tRVa\ng1\nsa."),
        "(lp1\nccollections\ndeque\n((lI1\natRp2\ng1\naa.".into(),
    ] {
        assert_eq!(judged(&text), (Verdict::Safe, Vec::new()), "{text}");
    }
}

/// An array of one object.
fn array(item: &str) -> String {
    let dtype = "cnumpy\ndtype\n(VO8\nI00\nI01\ntR(I3\nV|\nNNNI-1\nI-1\nI63\ntb";
    let made = "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntVb\ntRp9\n";
    format!("{made}(I1\n(I1\nt{dtype}I00\n(l{item}atb.")
}

#[test]
fn no_array_holds_itself() {
    assert_eq!(judged(&array("I5\n")).0, Verdict::Safe);
    assert_eq!(judged(&array("(lp1\ng1\na")), (Verdict::Safe, Vec::new()));
    for item in ["g9\n", "(g9\nt", "(dVa\n(lg9\nas"] {
        assert_eq!(judged(&array(item)), (Verdict::Malformed, ["SR-PICKLE-OBJECT"].to_vec()), "{item}");
    }
}

/// A state of Python's generator.
fn twister(first: &str, name: &str) -> String {
    let zeros = "I0\n".repeat(623);
    if name.is_empty() {
        return format!("(I3\n({first}\n{zeros}I624\ntNt.");
    }
    format!("(V{name}\n({first}\n{zeros}tI624\nI0\nF0.0\nt.")
}

#[test]
fn a_generator_that_draws_for_ever_is_found() {
    for name in ["", "MT19937"] {
        for (first, verdict) in [
            ("I0", Verdict::Unsafe),
            ("L2147483647L", Verdict::Unsafe),
            ("L2147483648L", Verdict::Safe),
            ("L4294967295L", Verdict::Safe),
        ] {
            assert_eq!(judged(&twister(first, name)).0, verdict, "{name} {first}");
        }
    }
    // Names, and what has the names of parts and is none.
    for text in ["(VMT19937\nVPCG64\nI1000\nt.", "(VMT19937\nI1\nI1000\nt.", "(dVkey\nVa\nsVpos\nI1000\ns."] {
        assert_eq!(judged(text).0, Verdict::Safe, "{text}");
    }
}
