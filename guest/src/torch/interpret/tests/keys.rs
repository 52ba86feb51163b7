//! Keys as Python compares them.

use super::*;

#[test]
fn a_repeated_key_keeps_its_place_and_takes_the_last_value() {
    assert_eq!(shown(b"\x80\x02}(K\x01K\x0aK\x02K\x14K\x01K\x1eu."), "{1: 30, 2: 20}");
    // By APPENDS-like single items too, and in an OrderedDict.
    assert_eq!(shown(b"\x80\x02ccollections\nOrderedDict\n)R(S'a'\nK\x01S'a'\nK\x02u."), "OD{'a': 2}");
}

#[test]
fn numbers_of_equal_value_are_one_key() {
    // 1, True, 1.0, complex(1, 0)
    let pickle = b"\x80\x02}(K\x01K\x00\x88K\x01G\x3f\xf0\0\0\0\0\0\0K\x02\
        c__builtin__\ncomplex\n(G\x3f\xf0\0\0\0\0\0\0G\x80\0\0\0\0\0\0\0tRK\x03u.";
    assert_eq!(shown(pickle), "{1: 3}");
    // 0, -0.0 and False; 0.5 is another.
    let pickle = b"\x80\x02}(K\x00K\x00G\x80\0\0\0\0\0\0\0K\x01\x89K\x02G\x3f\xe0\0\0\0\0\0\0K\x03u.";
    assert_eq!(shown(pickle), "{0: 2, 0.5: 3}");
    // 2.0 ** 70 and -2.0 ** 70 against the integers.
    let pickle = b"\x80\x02}(\x8a\x09\0\0\0\0\0\0\0\0\x40K\x00G\x44\x50\0\0\0\0\0\0K\x01\
        \x8a\x09\0\0\0\0\0\0\0\0\xc0K\x02G\xc4\x50\0\0\0\0\0\0K\x03u.";
    assert_eq!(shown(pickle), "{big[0, 0, 0, 0, 0, 0, 0, 0, 64]: 1, big[0, 0, 0, 0, 0, 0, 0, 0, 192]: 3}");
    // -2.0 ** 63 fits in 64 bits; 2.0 ** 63 does not.
    let pickle = b"\x80\x02}(\x8a\x08\0\0\0\0\0\0\0\x80K\x00G\xc3\xe0\0\0\0\0\0\0K\x01\
        \x8a\x09\0\0\0\0\0\0\0\x80\0K\x02G\x43\xe0\0\0\0\0\0\0K\x03u.";
    assert_eq!(shown(pickle), "{-9223372036854775808: 1, big[0, 0, 0, 0, 0, 0, 0, 128, 0]: 3}");
}

#[test]
fn not_a_number_equals_nothing() {
    let pickle = b"\x80\x02}(G\x7f\xf8\0\0\0\0\0\0K\x00G\x7f\xf8\0\0\0\0\0\0K\x01u.";
    assert_eq!(shown(pickle), "{NaN: 0, NaN: 1}");
}

#[test]
fn text_and_bytes_are_never_one_key() {
    let pickle = b"\x80\x02}(X\x01\0\0\0aK\x00c_codecs\nencode\n(X\x01\0\0\0aX\x06\0\0\0latin1tRK\x01\
        X\x01\0\0\0aK\x02u.";
    assert_eq!(shown(pickle), "{'a': 2, b'a': 1}");
}

#[test]
fn tuples_are_keys_by_their_items() {
    // (1, 'a'), (True, 'a') and, unlike both, (1, 'b')
    let pickle = b"\x80\x02}(K\x01S'a'\n\x86K\x00\x88S'a'\n\x86K\x01K\x01S'b'\n\x86K\x02u.";
    assert_eq!(shown(pickle), "{(1, 'a'): 1, (1, 'b'): 2}");
    // A torch.Size equals a tuple.
    let pickle = b"\x80\x02}(ctorch\nSize\n(K\x02K\x03\x86tRK\x00K\x02K\x03\x86K\x01u.";
    assert_eq!(shown(pickle), "{Size[2, 3]: 1}");
}

#[test]
fn sets_hold_each_item_once() {
    let pickle = b"\x80\x02c__builtin__\nset\n](K\x01\x88K\x02G\x40\0\0\0\0\0\0\0e\x85R.";
    assert_eq!(shown(pickle), "set(1, 2)");
    // Two frozensets of the same items in another order are one key.
    let pickle = b"\x80\x02}(c__builtin__\nfrozenset\nq\0](K\x01K\x02e\x85RK\x00\
        h\0](K\x02K\x01e\x85RK\x01u.";
    assert_eq!(shown(pickle), "{frozenset(1, 2): 1}");
}

#[test]
fn what_cannot_be_hashed_cannot_be_a_key() {
    for (key, found) in [
        (&b"]"[..], "a list"),
        (b"}", "a dict"),
        (b"]\x85", "a list"),
        (b"c__builtin__\nset\n]\x85R", "a set"),
        (b"c__builtin__\nbytearray\n)R", "a bytearray"),
    ] {
        let pickle = [b"\x80\x02}", key, b"K\x00s."].concat();
        let error = refused(&pickle);
        assert!(error.ends_with(&format!("expected a key that can be hashed, found {found}")), "{error}");
    }
}

#[test]
fn a_frozenset_of_a_list_that_changes_is_not_written_again() {
    // f = frozenset([]) whose list gets (f,) afterwards; {f: 0}
    let pickle = b"\x80\x02}c__builtin__\nfrozenset\n]q\0\x85Rq\x01h\0h\x01\x85a0K\x00s.";
    let reason = read(pickle).unwrap().irreproducible.unwrap();
    assert!(reason.expected.contains("on what is whole by then"), "{reason}");
}

#[test]
fn a_call_whose_result_another_value_replaces_is_refused() {
    let error = refused(b"\x80\x02}(K\x01cm\nf\n)RK\x01K\x02u.");
    let expected = "expected each key once where values are calls, found a call whose result is replaced";
    assert_eq!(error, format!("unsupported: data.pkl, offset 12: {expected}"));
    assert_eq!(shown(b"\x80\x02}(K\x01(K\x05tK\x01K\x02u."), "{1: 2}");
}

#[test]
fn a_tuple_nested_ten_thousand_deep_as_key_needs_no_stack() {
    let pickle = [b"\x80\x02})".as_slice(), &[0x85; 10_000], b"K\x00s."].concat();
    let limits = Limits { depth: 20_000, ..Limits::default() };
    assert_eq!(read_within(&pickle, &limits).unwrap().nodes.len(), 10_003);
}

#[test]
fn a_tensor_that_loses_its_place_takes_its_storage_along() {
    // {1: tensor over '7', 2: tensor over '8', 1: tensor over '9'}
    let tensor = |key| {
        format!(
            "ctorch._utils\n_rebuild_tensor\n((S'storage'\nctorch\nByteStorage\nS'{key}'\nS'cpu'\nI1\ntQ\
             I0\n(I1\nt(I1\nttR"
        )
    };
    let pickle = format!("}}(I1\n{}I2\n{}I1\n{}u.", tensor(7), tensor(8), tensor(9));
    let interpreted = read(pickle.as_bytes()).unwrap();
    assert_eq!(show(&interpreted), "{1: uint8@0+0[1]/[1], 2: uint8@1+0[1]/[1]}");
    let keys: Vec<_> = interpreted.storages.iter().map(|storage| storage.key.as_str()).collect();
    assert_eq!(keys, ["9", "8"]);
}

#[test]
fn a_hundred_thousand_equal_keys_take_no_time() {
    let mut pickle = b"\x80\x02}(".to_vec();
    for _ in 0..100_000 {
        pickle.extend_from_slice(b"K\x01K\x02");
    }
    pickle.extend_from_slice(b"u.");
    assert_eq!(shown(&pickle), "{1: 2}");
}
