use std::collections::BTreeSet;

use super::*;
use crate::pickle::opcode as op;

#[test]
fn each_opcode_does_what_cpython_does() {
    for (code, pickle, expected) in CASES {
        assert_eq!(eval(pickle), *expected, "{}", op::name(*code).unwrap());
    }
}

#[test]
fn no_opcode_is_without_a_case() {
    let known: BTreeSet<u8> = (0..=255).filter(|&code| op::name(code).is_some()).collect();
    let tried: BTreeSet<u8> = CASES.iter().map(|(code, ..)| *code).collect();
    assert_eq!(known.len(), 68);
    assert_eq!(known, tried);
}

#[test]
fn an_opcode_of_no_protocol_is_named_by_its_byte() {
    assert_eq!(eval(b"N\xff."), "malformed: data.pkl, offset 1: expected an opcode, found byte ff");
}

#[test]
fn what_an_opcode_cannot_work_on_is_named_with_the_opcode() {
    let on = |pickle: &[u8]| eval(pickle).replace("malformed: data.pkl, offset ", "");
    assert_eq!(on(b"}Na."), "2: expected a list or an instance for APPEND, found a dict");
    assert_eq!(on(b"((K\x01e."), "4: expected values for APPENDS, found too few above the mark");
    assert_eq!(on(b")(K\x01e."), "4: expected a list or an instance for APPENDS, found a tuple");
    assert_eq!(on(b"(\x91(N\x90."), "4: expected a set or an instance for ADDITEMS, found a frozenset");
    assert_eq!(on(b"]NNs."), "3: expected a dict or an instance for SETITEM, found a list");
    assert_eq!(on(b"}(Nu."), "3: expected a value for each key for SETITEMS, found 1 values in all");
    assert_eq!(on(b"}}b."), "2: expected an instance for BUILD, found a dict");
    assert_eq!(on(b"(a."), "1: expected values for APPEND, found too few above the mark");
    assert_eq!(on(b"."), "0: expected values for STOP, found too few on the stack");
    assert_eq!(on(b"Nt."), "1: expected a mark for TUPLE, found none on the stack");
    assert_eq!(on(b"h\x07."), "0: expected a memo entry for BINGET, found none at 7");
    assert_eq!(on(b"K\x05K\x06\x93."), "4: expected two str for STACK_GLOBAL, found an int");
    assert_eq!(on(b"(o."), "1: expected a class for OBJ, found nothing above the mark");
    assert_eq!(on(b"\x82\x00."), "0: expected an extension code above 0 for EXT1, found 0");
    assert_eq!(on(b"\x80\x06."), "0: expected a protocol up to 5 for PROTO, found 6");
    assert_eq!(on(b"P\xe9\n."), "0: expected ASCII for PERSID, found e9");
    assert_eq!(on(b"c\nx\n."), "0: expected a module and a name in UTF-8 for GLOBAL, found nothing");
}

#[test]
fn a_class_is_not_built_and_an_instance_only_once() {
    let at = |pickle: &[u8]| eval(pickle).replace("unsupported: data.pkl, offset ", "");
    assert_eq!(at(b"cm\nn\n}b."), "6: expected an instance for BUILD, found a class or function");
    assert_eq!(at(b"\x82\x01}b."), "3: expected an instance for BUILD, found an extension");
    assert_eq!(at(b"cm\nn\n)R}b}b."), "10: expected one state for an instance for BUILD, found a second");
}

#[test]
fn the_empty_tuple_a_class_and_an_extension_are_one_object_each() {
    let graph = load(b"]())(tcm\nn\ncm\nn\n\x8c\x01m\x8c\x01n\x93\x82\x07\x83\x07\x00e.").unwrap();
    let Some(Object::List(items)) = graph.object(graph.root) else { panic!("a list") };
    let [a, b, c, d, e, f, g, h] = items[..] else { panic!("eight items") };
    assert!(a == b && b == c && d == e && e == f && g == h);
}

#[test]
fn the_memo_hands_out_the_same_object() {
    // Far and near indexes, overwritten, out of order: 2, 1, 0, then 2 again.
    let graph = load(b"(]r\x02\x00\x00\x00]p1\n]q\x00]q\x02h\x00g1\nj\x02\x00\x00\x00\x94h\x03t.").unwrap();
    assert_eq!(dump(&graph), "#0(#1[] #2[] #3[] #4[] #3 #2 #4 #4)");
}

#[test]
fn an_integer_in_text_is_what_c_or_else_python_reads() {
    let int = |text: &str| eval(format!("I{text}\n.").as_bytes());
    let same = [("0", "0"), ("-7", "-7"), ("00", "False"), ("01", "True"), ("+1", "True"), ("010", "8")];
    let long = [("0x1F", "31"), ("0b1_0", "2"), (" 5 ", "5"), ("18446744073709551615", BIG)];
    for (text, expected) in same.into_iter().chain(long) {
        assert_eq!(int(text), expected, "INT {text}");
    }
    for text in ["", "08", "1_", "_1", "0x", "--1", "1 1", "1e5", "0_7"] {
        assert!(int(text).starts_with("malformed"), "INT {text}");
    }
    assert_eq!(eval(b"L00L\n."), "0");
    assert!(eval(b"L010L\n.").starts_with("malformed"));
    assert_eq!(eval(b"Np007\ng7\n."), "None");
    assert!(eval(b"Np-1\n.").starts_with("malformed"));
}

#[test]
fn an_integer_is_as_small_as_it_can_be() {
    let cases: [(&[u8], &str); 8] = [
        (b"\x8a\x00.", "0"),
        (b"\x8a\x01\xff.", "-1"),
        (b"\x8a\x03\xff\x00\x00.", "255"),
        (b"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80.", "-9223372036854775808"),
        (b"\x8a\x0a\xff\xff\xff\xff\xff\xff\xff\x7f\x00\x00.", "9223372036854775807"),
        (b"\x8a\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00.", BIG),
        (b"L-9223372036854775808L\n.", "-9223372036854775808"),
        (b"L-9223372036854775809\n.", "int:ffffffffffffff7fff"),
    ];
    for (pickle, expected) in cases {
        assert_eq!(eval(pickle), expected);
    }
}

#[test]
fn a_float_in_text_is_what_repr_writes() {
    let float = |text: &str| eval(format!("F{text}\n.").as_bytes());
    let cases = [
        ("-0.0", "f8000000000000000"),
        ("5e-324", "f0000000000000001"),
        ("1e308", "f7fe1ccf385ebc8a0"),
        ("inf", "f7ff0000000000000"),
        ("-inf", "ffff0000000000000"),
        ("nan", "f7ff8000000000000"),
        ("-nan", "ffff8000000000000"),
    ];
    for (text, expected) in cases {
        assert_eq!(float(text), expected, "FLOAT {text}");
    }
    for text in ["", ".", "1e", "1e999", " 1", "1_0", "0x1p3"] {
        assert!(float(text).starts_with("malformed"), "FLOAT {text}");
    }
}

#[test]
fn strings_are_unescaped_as_cpython_does() {
    let cases: [(&[u8], &str); 9] = [
        (br#"S'\x41\101\777\n\q\\\'"'"#, ""),
        (b"S\"\\t'\"", "str:0927"),
        (br"S'\xe9'", "bytes:e9"),
        (b"S'", "malformed"),
        (br"S'\x4'", "malformed"),
        (br"S'\'", "malformed"),
        (br"V\u00e9\\u0041\x\", "str:c3a95c5c75303034315c785c"),
        (br"V\ud83d\ude00", "surrogate:eda0bdedb880"),
        (br"V\U00110000", "malformed"),
    ];
    for (pickle, expected) in cases {
        let found = eval(&[pickle, b"\n."].concat());
        let expected = if expected.is_empty() { "bytes:4141ff0a5c715c2722" } else { expected };
        assert!(found.starts_with(expected), "{found} is not {expected}");
    }
}

#[test]
fn a_surrogate_is_kept_and_other_bad_utf8_refused() {
    assert_eq!(eval(b"X\x05\x00\x00\x00a\xed\xa0\x80b."), "surrogate:61eda08062");
    let error = "malformed: data.pkl, offset 0: expected UTF-8 for SHORT_BINUNICODE, found ff";
    assert_eq!(eval(b"\x8c\x02a\xff."), error);
    assert!(eval(b"X\x05\x00\x00\x00\xed\xa0\x80\xc0\x80.").starts_with("malformed"));
}

const BIG: &str = "int:ffffffffffffffff00";

/// An opcode, a pickle with it, and what that evaluates to.
#[rustfmt::skip]
const CASES: &[(u8, &[u8], &str)] = &[
    (op::MARK, b"(K\x01(NK\x02tt.", "#0(1 #1(None 2))"),
    (op::STOP, b"NK\x01.", "1"),
    (op::POP, b"K\x01N0(0.", "1"),
    (op::POP_MARK, b"K\x01(NNN1.", "1"),
    (op::DUP, b"]2\x86.", "#0(#1[] #1)"),
    (op::FLOAT, b"F1.5\n.", "f3ff8000000000000"),
    (op::INT, b"I-12\n.", "-12"),
    (op::BININT, b"J\xfe\xff\xff\xff.", "-2"),
    (op::BININT1, b"K\xff.", "255"),
    (op::LONG, b"L18446744073709551615L\n.", BIG),
    (op::BININT2, b"M\x01\xff.", "65281"),
    (op::NONE, b"N.", "None"),
    (op::PERSID, b"Pkey 1\n.", "#0@0 persistent 'key 1';"),
    (op::BINPERSID, b"K\x07Q.", "#0@2 persistent 7;"),
    (op::REDUCE, b"cm\nn\n(K\x01tR.", "#0@9 call <m n> #1(1);"),
    (op::STRING, b"S'ab'\n.", "'ab'"),
    (op::BINSTRING, b"T\x02\x00\x00\x00a\xff.", "bytes:61ff"),
    (op::SHORT_BINSTRING, b"U\x02\xc3\xa9.", "str:c3a9"),
    (op::UNICODE, b"Va\\u0141\n.", "str:61c581"),
    (op::BINUNICODE, b"X\x01\x00\x00\x00a.", "'a'"),
    (op::APPEND, b"]K\x01a.", "#0[1]"),
    (op::BUILD, b"cm\nn\n)R}b.", "#0@6 call <m n> () state #1{};"),
    (op::GLOBAL, b"ccopy_reg\n_reconstructor\n.", "<copyreg _reconstructor>"),
    (op::DICT, b"(K\x01NK\x02Nd.", "#0{1:None 2:None}"),
    (op::EMPTY_DICT, b"}.", "#0{}"),
    (op::APPENDS, b"cm\nn\n)R(K\x01K\x02e(e.", "#0@6 call <m n> () items[1 2];"),
    (op::GET, b"Np5\n0g5\n.", "None"),
    (op::BINGET, b"]q\x050h\x05.", "#0[]"),
    (op::INST, b"(im\nn\n.", "#0@1 instance <m n> ();"),
    (op::INST, b"(K\x01i__builtin__\nlong\n.", "#0@3 call <builtins int> #1(1);"),
    (op::LONG_BINGET, b"]q\x050j\x05\x00\x00\x00.", "#0[]"),
    (op::LIST, b"(NNl.", "#0[None None]"),
    (op::EMPTY_LIST, b"].", "#0[]"),
    (op::OBJ, b"(cm\nn\no.", "#0@6 instance <m n> ();"),
    (op::OBJ, b"(cm\nn\nK\x01o.", "#0@8 call <m n> #1(1);"),
    (op::PUT, b"]p0\nh\x00\x86.", "#0(#1[] #1)"),
    (op::BINPUT, b"]q\x00h\x00a.", "#0[#0]"),
    (op::LONG_BINPUT, b"]r\x00\x00\x01\x00j\x00\x00\x01\x00\x86.", "#0(#1[] #1)"),
    (op::SETITEM, b"}K\x01Ns.", "#0{1:None}"),
    (op::TUPLE, b"(NNNNt.", "#0(None None None None)"),
    (op::EMPTY_TUPLE, b").", "()"),
    (op::SETITEMS, b"cm\nn\n)R(K\x01Nu.", "#0@6 call <m n> () pairs{1:None};"),
    (op::BINFLOAT, b"G\x40\x00\x00\x00\x00\x00\x00\x01.", "f4000000000000001"),
    (op::PROTO, b"\x80\x03c__builtin__\nlong\n.", "<__builtin__ long>"),
    (op::NEWOBJ, b"cm\nn\n)\x81.", "#0@6 new <m n> ();"),
    (op::EXT1, b"\x82\xff.", "<255>"),
    (op::EXT2, b"\x83\xff\xff.", "<65535>"),
    (op::EXT4, b"\x84\xff\xff\xff\x7f.", "<2147483647>"),
    (op::TUPLE1, b"N\x85.", "#0(None)"),
    (op::TUPLE2, b"NN\x86.", "#0(None None)"),
    (op::TUPLE3, b"NK\x01K\x02K\x03\x87.", "#0(1 2 3)"),
    (op::NEWTRUE, b"\x88.", "True"),
    (op::NEWFALSE, b"\x89.", "False"),
    (op::LONG1, b"\x8a\x02\x00\x80.", "-32768"),
    (op::LONG4, b"\x8b\x09\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00.", BIG),
    (op::BINBYTES, b"B\x01\x00\x00\x00a.", "bytes:61"),
    (op::SHORT_BINBYTES, b"C\x00.", "bytes:"),
    (op::SHORT_BINUNICODE, b"\x8c\x01a.", "'a'"),
    (op::BINUNICODE8, b"\x8d\x01\x00\x00\x00\x00\x00\x00\x00a.", "'a'"),
    (op::BINBYTES8, b"\x8e\x01\x00\x00\x00\x00\x00\x00\x00a.", "bytes:61"),
    (op::EMPTY_SET, b"\x8f.", "#0set[]"),
    (op::ADDITEMS, b"\x8f(K\x01K\x01\x90.", "#0set[1 1]"),
    (op::FROZENSET, b"(N\x91.", "#0frozenset[None]"),
    (op::NEWOBJ_EX, b"cm\nn\n)}\x92.", "#0@7 newex <m n> () #1{};"),
    (op::STACK_GLOBAL, b"\x80\x04\x8c\x01m\x8c\x03n p\x93.", "<m n p>"),
    (op::MEMOIZE, b"]\x94h\x00\x94h\x01\x87.", "#0(#1[] #1 #1)"),
    (op::FRAME, b"\x95\x02\x00\x00\x00\x00\x00\x00\x00N.", "None"),
    (op::BYTEARRAY8, b"\x96\x01\x00\x00\x00\x00\x00\x00\x00a.", "#0bytearray:61"),
    (
        op::NEXT_BUFFER,
        b"\x97.",
        "unsupported: data.pkl, offset 0: expected all data inside the pickle for NEXT_BUFFER, found an out-of-band buffer",
    ),
    (
        op::READONLY_BUFFER,
        b"N\x98.",
        "unsupported: data.pkl, offset 1: expected all data inside the pickle for READONLY_BUFFER, found an out-of-band buffer",
    ),
];
