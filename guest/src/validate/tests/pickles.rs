use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::build::{legacy, storage};
use super::{judge, summary, summary_of};
use crate::Limits;
use crate::validate::{Kind, ValidateOptions};

#[test]
fn plain_data_is_safe() {
    for pickle in
        [&b"\x80\x02]q\x00(K\x01K\x02e."[..], b"\x80\x04\x95\x04\0\0\0\0\0\0\0}\x94N\x8cs.", b"(lp0\nI1\na."]
    {
        let summary = summary(pickle);
        if pickle[1] == 4 {
            assert!(summary.starts_with("Pickle Unverified\nSR-FILE-CUT "), "{summary}");
        } else {
            assert_eq!(summary, "Pickle Safe\n");
        }
    }
}

#[test]
fn a_call_of_what_is_not_allowed_is_unsafe_whatever_follows() {
    let expected = "Pickle Unsafe\n\
         SR-PICKLE-IMPORT 0: imports os.system\n\
         SR-PICKLE-CALL 19: calls os.system with 1 argument (the str `true`)\n";
    assert_eq!(summary(b"cos\nsystem\n(Vtrue\ntR."), expected);
    for ending in [&b"0"[..], b"", b"\xff", b"h\x07.", b"N.", b".garbage", b".I1\n."] {
        let mut pickle = b"cos\nsystem\n(Vtrue\ntR".to_vec();
        pickle.extend_from_slice(ending);
        let summary = summary(&pickle);
        assert!(summary.starts_with(expected), "{ending:?}: {summary}");
    }
}

#[test]
fn a_text_that_names_something_by_chance_is_no_pickle() {
    let texts = [
        "click\nflask\nrequests\n",
        "class Model:\n    def run(self):\n        return 1\n",
        "(see below)\n",
        "PyTorch weights\n===============\n",
        "Please refer to\nchange details\n\nof it\n",
        "P5\n16 16\n255\n",
        // What reads them as pickles fails at a name that no module has.
        "(in alphabetical order)\nAlice\nBob\n",
        "(intro)\nThis is\nall.\n",
        "(i) one\n(ii) two\n(iii) three.\n",
        "(c) 2024 Jane Doe\nLicensed under MIT\nor Apache 2.0\n",
        "(in short)\nyes\n.",
        "(in short)\nyes\ncos\nsystem\n(S'true'\ntR.",
        // These name something that is there, or not, and call nothing.
        "cos\nsin\ntan\n",
        "cast\ncrew\n",
        "ccode\nname\n",
    ];
    for text in texts {
        let summary = summary(text.as_bytes());
        assert!(summary.starts_with("Text Inert\n"), "{text}: {summary}");
    }
}

#[test]
fn a_size_may_be_a_new_object_as_torch_1_0_wrote_it() {
    let size = |argument: &[u8]| summary(&[b"\x80\x02ctorch\nSize\n", argument, b"\x85\x81."].concat());
    assert!(size(b"K\x02K\x03\x86").starts_with("Pickle Safe\n"));
    for argument in [&b"K\x02"[..], b"X\x01\0\0\0a\x85"] {
        let summary = size(argument);
        assert!(summary.starts_with("Pickle Malformed\nSR-PICKLE-ARGUMENTS "), "{summary}");
    }
    // Nothing else that is a function.
    let other = summary(b"\x80\x02c_codecs\nencode\nX\x01\0\0\0aX\x06\0\0\0latin1\x86\x81.");
    assert!(other.starts_with("Pickle Malformed\nSR-PICKLE-ARGUMENTS "), "{other}");
}

#[test]
fn keys_that_take_a_reader_long_are_told() {
    let keyed = |keys: &[Vec<u8>]| {
        let mut pickle = b"\x80\x02}(".to_vec();
        keys.iter().for_each(|key| pickle.extend([key.as_slice(), b"N"].concat()));
        pickle.extend_from_slice(b"u.");
        summary(&pickle)
    };
    let multiple = |factor: i64| {
        let bytes = (i128::from(factor) * ((1 << 61) - 1)).to_le_bytes();
        [b"\x8a\x0c".as_slice(), &bytes[..12]].concat()
    };
    // 2^(61 k) hashes as 1 does, and so does a complex number of it.
    let power = |at: i64| {
        let exponent = u64::try_from(61 * (at % 16) + 1023).unwrap() << 52;
        [b"G".as_slice(), &exponent.to_be_bytes()].concat()
    };
    let powers =
        |at: i64| [(0..4).flat_map(|digit| power(at >> (4 * digit))).collect(), b"t".to_vec()].concat();
    let ordinary = |number: i64| [b"\x8a\x08".as_slice(), &number.to_le_bytes()].concat();
    let pair = |bits: i64| {
        let one = |bit: u32| if bits >> bit & 1 == 0 { *b"J\xff\xff\xff\xff" } else { *b"J\xfe\xff\xff\xff" };
        [b"(".as_slice(), &(0..13).flat_map(one).collect::<Vec<_>>(), b"t"].concat()
    };
    let frozen = |at: i64| [b"(".as_slice(), &pair(at), b"K\x01\x91"].concat();
    for (what, keys) in [
        ("ints", (1..20_000).map(multiple).collect::<Vec<_>>()),
        ("tuples of ints", (0..8192).map(pair).collect()),
        ("tuples of floats", (0..20_000).map(|at| [b"(".as_slice(), &powers(at)].concat()).collect()),
        ("frozensets of tuples", (0..8192).map(frozen).collect()),
    ] {
        let summary = keyed(&keys);
        assert!(summary.starts_with("Pickle Unverified\nSR-FILE-COST 0: "), "{what}: {summary}");
    }
    assert_eq!(keyed(&(1..100_000).map(ordinary).collect::<Vec<_>>()), "Pickle Safe\n");
    assert_eq!(keyed(&(1..1000).map(multiple).collect::<Vec<_>>()), "Pickle Safe\n");
}

/// Keys of classes that are proven one by one: hashed as Python does, or as the file chooses.
#[test]
fn keys_of_other_classes_are_hashed_as_their_own_does() {
    let keyed = |global: &[u8], keys: &[Vec<u8>]| {
        let mut pickle = [b"\x80\x02".as_slice(), global, b"q\x000}("].concat();
        keys.iter().for_each(|key| pickle.extend([key.as_slice(), b"N"].concat()));
        pickle.extend_from_slice(b"u.");
        summary(&pickle)
    };
    let text = |text: &str| {
        let length = u32::try_from(text.len()).unwrap().to_le_bytes();
        [b"X".as_slice(), &length, text.as_bytes()].concat()
    };
    let long = |value: i128| {
        let bytes = value.to_le_bytes();
        [b"\x8a\x10".as_slice(), &bytes].concat()
    };
    let uuid = |value: i128| [b"h\0)\x81}".as_slice(), &text("int"), &long(value), b"sb"].concat();
    let of_text = |value: i128| [b"h\0".as_slice(), &text(&format!("{value}")), b"\x85R"].concat();
    let prime = (1i128 << 61) - 1;
    for (what, global, key) in [
        ("UUIDs", &b"cuuid\nUUID\n"[..], &uuid as &dyn Fn(i128) -> Vec<u8>),
        ("Decimals", b"cdecimal\nDecimal\n", &of_text),
        ("Fractions", b"cfractions\nFraction\n", &of_text),
    ] {
        let bad = keyed(global, &(1..6000).map(|at| key(at * prime)).collect::<Vec<_>>());
        assert!(bad.contains("SR-FILE-COST 0: "), "{what}: {bad}");
        let good = keyed(global, &(1..10_000).map(|at| key(at * 1_000_003)).collect::<Vec<_>>());
        assert!(good.starts_with("Pickle Safe\n"), "{what}: {good}");
    }
    let path = |at: i128| [b"h\0".as_slice(), &text("home"), &text(&format!("file {at}")), b"\x86R"].concat();
    let good = keyed(b"cpathlib\nPurePosixPath\n", &(0..10_000).map(path).collect::<Vec<_>>());
    assert!(good.starts_with("Pickle Safe\n"), "{good}");
}

/// One text that many calls read: each reads it again.
#[test]
fn what_is_read_again_and_again_is_counted_each_time() {
    let repeated = |global: &[u8], text: &[u8], times: usize| {
        let length = u32::try_from(text.len()).unwrap().to_le_bytes();
        let head = [b"\x80\x02".as_slice(), global, b"q\x000X", &length, text, b"\x85q\x010]("].concat();
        summary(&[head.as_slice(), &b"h\0h\x01R".repeat(times), b"e."].concat())
    };
    let digits = [b'7'; 4300];
    for (what, global, text, times) in [
        ("paths", &b"cpathlib\nPurePosixPath\n"[..], &b"a/".repeat(20_000)[..], 2_000),
        ("Windows' paths", b"cpathlib\nPureWindowsPath\n", &b"a/".repeat(20_000), 2_000),
        ("fractions", b"cfractions\nFraction\n", &digits, 10_000),
        ("decimals", b"cdecimal\nDecimal\n", &digits, 200_000),
        ("devices", b"ctorch\ndevice\n", &[b'c'; 400_000], 60_000),
    ] {
        let summary = repeated(global, text, times);
        assert!(summary.contains("SR-FILE-COST 0: "), "{what}: {summary}");
    }
    let few = repeated(b"cpathlib\nPurePosixPath\n", b"/home/somebody/data/train/0001.png", 20_000);
    assert!(few.starts_with("Pickle Safe\n"), "{few}");
    let few = repeated(b"cfractions\nFraction\n", b"123456789/987654321", 20_000);
    assert!(few.starts_with("Pickle Safe\n"), "{few}");
}

/// As an index of a data set, or the state of an optimizer over as many parameters.
#[test]
fn a_million_numbers_as_keys_are_safe() {
    let mut pickle = b"\x80\x02}(".to_vec();
    (0..1_000_000i32).for_each(|key| pickle.extend([b"J".as_slice(), &key.to_le_bytes(), b"K\x01"].concat()));
    pickle.extend_from_slice(b"u.");
    let limits = Limits::within(512 << 20);
    let report = judge(&pickle, ValidateOptions { limits, ..ValidateOptions::default() });
    assert_eq!(summary_of(&report), "Pickle Safe\n");
}

#[test]
fn what_is_hashed_again_and_again_is_counted_each_time() {
    // A tuple of two of the last one, thirty times: a billion values.
    let tuple = [b")".as_slice(), &b"2\x86".repeat(30)].concat();
    // A tuple of ten thousand numbers, in a hundred thousand sets.
    let long = [b"(".as_slice(), &b"K\x01".repeat(10_000), b"tq\x01"].concat();
    let sets = [long.as_slice(), &b"\x8f(h\x01\x900".repeat(100_000)].concat();
    for pickle in [[b"}".as_slice(), &tuple, b"Ns"].concat(), sets] {
        let pickle = [b"\x80\x04".as_slice(), &pickle, b"."].concat();
        let summary = summary(&pickle);
        assert!(summary.contains("SR-FILE-COST 0: loading it may take "), "{summary}");
    }
}

/// A tuple of two of the last one, thirty times, as a key that is thrown away.
pub(super) fn costly() -> Vec<u8> {
    [b"})".as_slice(), &b"2\x86".repeat(30), b"Ns0"].concat()
}

/// The first pickle of a stream is looked at twice, and what the first look found is forgotten.
#[test]
fn what_costs_too_much_is_told_where_a_look_is_thrown_away() {
    let stream = legacy("N", &[]);
    let magic = [&stream[..2], &costly(), &stream[2..]].concat();
    let report = judge(&magic, ValidateOptions::default());
    assert_eq!(report.kind, Kind::TorchLegacy);
    assert!(report.findings.iter().any(|found| found.rule.id == "SR-FILE-COST"), "{}", summary_of(&report));
}

#[test]
fn a_string_of_python_2_needs_an_encoding() {
    let expected = "Pickle Malformed\nSR-PICKLE-ENCODING 2: a string that is UTF-8, and not ASCII\n";
    assert_eq!(summary(b"\x80\x02U\x02\xc3\xa4."), expected);
    assert_eq!(summary(b"\x80\x02U\x02ab."), "Pickle Safe\n");
}

#[test]
fn what_calls_copy_is_counted_each_time() {
    let megabyte: Vec<u8> = [b"\0\0\x10\0".as_slice(), &[b'a'; 1 << 20]].concat();
    let encode: (Vec<u8>, &[u8]) =
        ([b"X".as_slice(), &megabyte].concat(), b"c_codecs\nencode\nh\x01X\x06\0\0\0latin1\x86R");
    let encoded: (Vec<u8>, &[u8]) = (
        [b"c_codecs\nencode\nX".as_slice(), &megabyte, b"X\x06\0\0\0latin1\x86R"].concat(),
        b"cbuiltins\nbytearray\nh\x01\x85R",
    );
    let bytearray: (Vec<u8>, &[u8]) =
        ([b"B".as_slice(), &megabyte].concat(), b"cbuiltins\nbytearray\nh\x01\x85R");
    let pairs: Vec<u8> =
        (0..10_000u16).flat_map(|key| [[b'M'].as_slice(), &key.to_le_bytes(), b"N"].concat()).collect();
    let counter: (Vec<u8>, &[u8]) =
        ([b"}(", pairs.as_slice(), b"u"].concat(), b"ccollections\nCounter\nh\x01\x85R");
    let listed: Vec<u8> =
        (0..10_000u16).flat_map(|key| [[b'M'].as_slice(), &key.to_le_bytes(), b"N\x86"].concat()).collect();
    let ordered: (Vec<u8>, &[u8]) =
        ([b"](", listed.as_slice(), b"e"].concat(), b"ccollections\nOrderedDict\nh\x01\x85R");
    for (value, call) in [encode, encoded, bytearray, counter, ordered] {
        let copies = |count: usize| {
            let calls = [call, b"0"].concat().repeat(count);
            summary(&[b"\x80\x03", value.as_slice(), b"q\x010", &calls, b"N."].concat())
        };
        assert!(copies(10).starts_with("Pickle Safe\n"), "{}", copies(10));
        let too_many = copies(2000);
        assert!(too_many.contains("\nSR-FILE-COST 0: "), "{too_many}");
    }
}

/// The ids of what is found in a stream around an object, beside the instructions
/// that only the tests write.
fn found(object: &str) -> Vec<&'static str> {
    let report = judge(&legacy(object, &[]), ValidateOptions::default());
    let ids = report.findings.iter().map(|finding| finding.rule.id);
    ids.filter(|&id| !matches!(id, "SR-PICKLE-OPCODE" | "SR-PICKLE-PROTOCOL")).collect()
}

#[test]
fn what_is_no_container_takes_no_items() {
    let storage = storage("Float", "0", 4);
    for object in [storage.as_str(), "ctorch;float32; ) R"] {
        let ids = found(&format!("{object} I1; I2; s"));
        assert!(ids.contains(&"SR-PICKLE-ITEMS"), "{object}: {ids:?}");
    }
}

#[test]
fn a_persistent_id_is_that_of_a_storage() {
    let storage = storage("Float", "0", 4);
    for (right, wrong) in [
        ("Vstorage;", "Vweights;"),
        ("ctorch;FloatStorage;", "ctorch;float32;"),
        // Nobody knows of what it is a storage.
        ("ctorch;FloatStorage;", "ctorch.storage;TypedStorage;"),
        ("V0;", "I0;"),
        ("Vcpu;", "N"),
        ("I4;", "I-4;"),
    ] {
        assert!(storage.contains(right));
        let ids = found(&storage.replace(right, wrong));
        assert!(ids.contains(&"SR-PICKLE-PERSISTENT"), "{wrong}: {ids:?}");
    }
}

#[test]
fn keys_can_be_hashed_wherever_they_are() {
    let hashable: [&[u8]; 4] = [b"}NNs", b"\x8f(N\x90", b"(N\x91", b"ccollections\nOrderedDict\n)RNNs"];
    for pickle in hashable {
        let with = |key: &[u8]| {
            let at = pickle.iter().position(|byte| *byte == b'N').unwrap();
            summary(&[b"\x80\x04", &pickle[..at], key, &pickle[at + 1..], b"."].concat())
        };
        assert_eq!(with(b"N"), "Pickle Safe\n");
        assert!(with(b"]").starts_with("Pickle Malformed\nSR-PICKLE-KEY "), "{}", with(b"]"));
    }
}

#[test]
fn no_allowed_name_is_called_with_keywords() {
    let summary = summary(b"\x80\x04ccollections\nOrderedDict\n)}\x92.");
    assert!(summary.starts_with("Pickle Malformed\nSR-PICKLE-ARGUMENTS "), "{summary}");
}

#[test]
fn nothing_is_added_to_a_dict_as_to_a_list() {
    assert_eq!(found("ccollections;OrderedDict; ) R ( u"), [""; 0]);
    assert_eq!(found("ccollections;OrderedDict; ) R ( e"), ["SR-PICKLE-TARGET"]);
}

#[test]
fn what_asks_for_too_much_ends_as_a_limit() {
    let deep = [b"\x80\x02", &b"]".repeat(1100)[..], &b"a".repeat(1099), b"."].concat();
    assert_eq!(
        summary(&deep),
        "Pickle Unverified\nSR-FILE-LIMIT 0: the limit `depth` of 1,000 was reached, which no option raises\n"
    );
    let long = [b"\x80\x02(", &b"K\x01".repeat(1000)[..], b"t."].concat();
    let under = |pickle_bytes| {
        let limits = Limits { pickle_bytes, ..Limits::default() };
        summary_of(&judge(&long, ValidateOptions { limits, ..ValidateOptions::default() }))
    };
    assert_eq!(under(1 << 20), "Pickle Safe\n");
    assert!(
        under(1000).contains(": the limit `pickle_bytes` of 1,000 was reached, which --max-memory raises\n"),
        "{}",
        under(1000)
    );
}

#[test]
fn what_is_called_for_its_effect_or_made_again_is_not_thrown_away() {
    let allowing = |pickle: &[u8]| {
        let allow = ["m.C", "m.put"].map(String::from).to_vec();
        summary_of(&judge(pickle, ValidateOptions { allow, ..ValidateOptions::default() }))
    };
    // A state setter; an object inside its own arguments.
    let trusted = "Pickle Trusting\nSR-PICKLE-TRUSTED 2: trusts m.C\n";
    assert_eq!(
        allowing(b"\x80\x02cm\nC\nq\0)Rq\x01cm\nput\nq\x02h\x01}q\x03\x86R0."),
        format!("{trusted}SR-PICKLE-TRUSTED 13: trusts m.put\n")
    );
    assert_eq!(
        allowing(b"\x80\x02cm\nC\nq\x00]q\x01h\x00h\x01\x85q\x02Rq\x03a\x85q\x04R0h\x03."),
        format!("{trusted}SR-PICKLE-CYCLE 0: a value that holds itself\n")
    );
    assert!(allowing(b"\x80\x02}cm\nC\n)R0.").contains("SR-PICKLE-DISCARDED"));
    // An effect is judged as any call.
    let summary = allowing(b"\x80\x02cm\nC\n)Rcos\nsystem\n)R0.");
    assert_eq!(summary.matches("SR-PICKLE-CALL").count(), 1, "{summary}");
    assert!(summary.starts_with("Pickle Unsafe"), "{summary}");
}

#[test]
fn a_value_in_itself_is_a_warning() {
    let expected = "Pickle Safe\nSR-PICKLE-CYCLE 0: a value that holds itself\n";
    for cyclic in [&b"]q\0h\0a."[..], b"}q\0Nh\0s.", b"]q\0h\0\x85a."] {
        assert_eq!(summary(&[b"\x80\x02", cyclic].concat()), expected);
    }
    // The same value twice is none.
    assert_eq!(summary(b"\x80\x02]q\0(]q\x01h\x01e."), "Pickle Safe\n");
}

#[test]
fn what_lies_too_deep_to_free_is_told_wherever_it_is() {
    // A tuple in a tuple, two thousand times, thrown away.
    let deep = [b"\x80\x02)".as_slice(), &b"\x85".repeat(2000), b"0N."].concat();
    let expected = "Pickle Unverified\nSR-FILE-LIMIT 0: the limit `depth` of 1,000 was reached, which no option raises\n";
    assert_eq!(summary(&deep), expected);
}

/// A dtype as numpy writes it, with its state.
fn dtype(name: &str, state: &str) -> String {
    format!("cnumpy;dtype; ( V{name}; I0; I1; t R ( {state} t b")
}

#[test]
fn a_numpy_type_is_judged_whoever_trusts_its_name() {
    let ids = |object: &str| {
        let allow = ["numpy.dtype", "numpy.ndarray", "numpy._core.multiarray._reconstruct"];
        let allow = allow.map(String::from).to_vec();
        let report = judge(&legacy(object, &[]), ValidateOptions { allow, ..ValidateOptions::default() });
        let ids = report.findings.iter().map(|finding| finding.rule.id);
        ids.filter(|&id| id == "SR-PICKLE-NUMPY").count()
    };
    let plain = "I3; V<; N N N I-1; I-1; I0;";
    let structured = |offset: &str, flags: &str, inner: &str| {
        let fields = format!("(dVa; ( {inner} {offset} ts");
        dtype("V8", &format!("I3; V|; N ( Va; t {fields} I8; I1; {flags}"))
    };
    let (number, object) = (dtype("f8", plain), dtype("O8", "I3; V|; N N N I-1; I-1; I63;"));
    for fine in [&number, &object, &structured("I0;", "I16;", &number), &structured("I0;", "I27;", &object)] {
        assert_eq!(ids(fine), 0, "{fine}");
    }
    for wrong in [
        &dtype("O8", "I3; V|; N N N I-1; I-1; I0;"),
        &dtype("f8", "I3; V<; N N N I-1; I-1; I63;"),
        &dtype("f8", "I3; V<; N N N I4; I-1; I0;"),
        &dtype("V8", &format!("I3; V|; ( {object} ( I1; t t N N I8; I1; I0;")),
        &dtype("V8", &format!("I3; V|; ( {number} ( I2; t t N N I8; I1; I0;")),
        &structured("I8;", "I0;", &number),
        &structured("I-1;", "I0;", &number),
        &structured("I0;", "I0;", &object),
        &dtype("x8", plain),
    ] {
        assert_eq!(ids(wrong), 1, "{wrong}");
    }
    let array = |shape: &str, state: &str| {
        let made = format!("cnumpy._core.multiarray;_reconstruct; ( cnumpy;ndarray; ( {shape} t Vb; t R");
        format!("{made} ( I1; ( I1; t {state} t b")
    };
    assert_eq!(ids(&array("I0;", &format!("{number} I0; Vrawbytes;"))), 0);
    assert_eq!(ids(&array("I0;", &format!("{object} I0; (lNa"))), 0);
    assert_eq!(ids(&array("I9;", &format!("{number} I0; Vrawbytes;"))), 1);
    assert_eq!(ids(&array("I0;", &format!("{object} I0; Vraw;"))), 1);
    assert_eq!(ids(&array("I0;", &format!("{number} I0; Vshort;"))), 1);
}

#[test]
fn a_frozenset_does_no_more_than_a_set() {
    assert_eq!(
        summary(b"\x80\x02c__builtin__\nfrozenset\n]K\x01a\x85R."),
        "Pickle Safe\nSR-LEVEL-NO-CODE 2: needs builtins.frozenset\n"
    );
    assert!(summary(b"\x80\x02c__builtin__\nfrozenset\n]]a\x85R.").contains("SR-PICKLE-KEY"));
}

#[test]
fn a_class_with_its_source_is_the_class() {
    let object = "( Vmodule; cm;Net; Vfile; Vsource; t Q ) R";
    let allow = vec![String::from("m.Net")];
    let report = judge(&legacy(object, &[]), ValidateOptions { allow, ..ValidateOptions::default() });
    let ids: Vec<_> = report.findings.iter().map(|finding| finding.rule.id).collect();
    assert!(ids.contains(&"SR-LEGACY-SOURCE"), "{ids:?}");
    assert!(!ids.contains(&"SR-PICKLE-PERSISTENT") && !ids.contains(&"SR-PICKLE-CALL"), "{ids:?}");
    assert!(summary(&legacy(object, &[])).contains("needs class Net of module m"));
}

#[test]
fn a_string_whose_encoding_nobody_says_is_named_for_what_it_is() {
    let expected = "Pickle Malformed\nSR-PICKLE-BYTES 2: a string whose encoding the file does not say\n";
    assert_eq!(summary(b"\x80\x02U\x01\xff."), expected);
    assert_eq!(summary(b"\x80\x02}U\x01\xffK\x01s."), expected.replace(" 2:", " 3:"));
    for pickle in [&b"\x80\x02T\x01\0\0\0\xff."[..], b"\x80\x02S'\\xff'\n."] {
        assert_eq!(summary(pickle), expected);
    }
}

#[test]
fn names_are_shown_whole_where_somebody_may_want_to_type_them() {
    let name = format!("torchao.quantization.{}Int8TensorKwargs", "workflows.".repeat(20));
    let (module, name) = name.rsplit_once('.').unwrap();
    let summary = summary(format!("c{module}\n{name}\n.").as_bytes());
    assert!(summary.contains(&format!("needs class {name} of module {module}\n")), "{summary}");
}
