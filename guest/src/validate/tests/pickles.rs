use alloc::vec::Vec;

use super::summary;

#[test]
fn plain_data_is_safe() {
    for pickle in
        [&b"\x80\x02]q\x00(K\x01K\x02e."[..], b"\x80\x04\x95\x04\0\0\0\0\0\0\0}\x94N\x8cs.", b"(lp0\nI1\na."]
    {
        let summary = summary(pickle);
        if pickle[1] == 4 {
            assert!(summary.starts_with("Pickle Malformed\n"), "{summary}");
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
    ];
    for text in texts {
        let summary = summary(text.as_bytes());
        assert!(summary.starts_with("Unknown Unverified\n"), "{text}: {summary}");
    }
}

#[test]
fn a_size_may_be_a_new_object_as_torch_1_0_wrote_it() {
    let size = |argument: &[u8]| summary(&[b"\x80\x02ctorch\nSize\n", argument, b"\x85\x81."].concat());
    assert_eq!(size(b"K\x02K\x03\x86"), "Pickle Safe\n");
    for argument in [&b"K\x02"[..], b"X\x01\0\0\0a\x85"] {
        let summary = size(argument);
        assert!(summary.starts_with("Pickle Malformed\nSR-PICKLE-ARGUMENTS "), "{summary}");
    }
    // Nothing else that is a function.
    let other = summary(b"\x80\x02c_codecs\nencode\nX\x01\0\0\0aX\x06\0\0\0latin1\x86\x81.");
    assert!(other.starts_with("Pickle Malformed\nSR-PICKLE-ARGUMENTS "), "{other}");
}

#[test]
fn keys_that_hash_alike_end_as_a_limit() {
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
    let ordinary = |number: i64| [b"\x8a\x08".as_slice(), &number.to_le_bytes()].concat();
    let expected = "Pickle Unverified\nSR-FILE-LIMIT 0: the limit `tree` of 16777216 was reached\n";
    assert_eq!(keyed(&(1..6000).map(multiple).collect::<Vec<_>>()), expected);
    let pair = |bits: u32| {
        let one = |bit: u32| if bits >> bit & 1 == 0 { *b"J\xff\xff\xff\xff" } else { *b"J\xfe\xff\xff\xff" };
        [b"(".as_slice(), &(0..13).flat_map(one).collect::<Vec<_>>(), b"t"].concat()
    };
    assert_eq!(keyed(&(0..8192).map(pair).collect::<Vec<_>>()), expected);
    assert_eq!(keyed(&(1..100_000).map(ordinary).collect::<Vec<_>>()), "Pickle Safe\n");
}

#[test]
fn a_string_of_python_2_needs_an_encoding() {
    let expected = "Pickle Malformed\nSR-PICKLE-ENCODING 2: a string that is UTF-8, and not ASCII\n";
    assert_eq!(summary(b"\x80\x02U\x02\xc3\xa4."), expected);
    assert_eq!(summary(b"\x80\x02U\x02ab."), "Pickle Safe\n");
}
