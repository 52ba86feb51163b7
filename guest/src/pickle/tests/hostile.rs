use super::python::PICKLES;
use super::*;

#[test]
fn a_pickle_may_come_in_pieces_of_any_size() {
    for (pickle, _) in PICKLES {
        let whole = load(pickle);
        for size in [1, 2, 3, 7, 64] {
            assert_eq!(load_in_pieces(pickle, size), whole, "pieces of {size}");
        }
    }
}

#[test]
fn a_pickle_cut_anywhere_is_truncated() {
    for (pickle, _) in PICKLES {
        for end in 0..pickle.len() {
            let error = load(&pickle[..end]).unwrap_err();
            let Error::Truncated(fault) = error else { panic!("cut at {end}: {error}") };
            assert_eq!(fault.offset, end as u64);
        }
    }
}

#[test]
fn what_is_said_to_be_missing_is_missing() {
    for (pickle, _) in PICKLES {
        let mut machine = Machine::new(0, "data.pkl", &Limits::default());
        let mut fed = 0;
        let mut progress = machine.feed(&[]).unwrap();
        while let Progress::More(missing) = progress {
            assert!(missing >= 1);
            let end = fed + usize::try_from(missing).unwrap();
            assert!(end <= pickle.len(), "more is wanted than there is");
            progress = machine.feed(&pickle[fed..end]).unwrap();
            fed = end;
        }
        assert_eq!(progress, Progress::Done(pickle.len() as u64));
    }
}

#[test]
fn a_long_operand_is_asked_for_at_once() {
    let mut machine = Machine::new(0, "data.pkl", &Limits::default());
    assert_eq!(machine.feed(b"").unwrap(), Progress::More(1));
    assert_eq!(machine.feed(b"NB\x00").unwrap(), Progress::More(3));
    assert_eq!(machine.feed(b"\x01\x00\x00").unwrap(), Progress::More(256));
    assert_eq!(machine.feed(&[7; 255]).unwrap(), Progress::More(1));
    assert_eq!(machine.feed(&[7]).unwrap(), Progress::More(1));
    assert_eq!(machine.feed(b"S'a").unwrap(), Progress::More(1));
    assert_eq!(machine.feed(b"b'\n.NNN").unwrap(), Progress::Done(269));
    assert!(matches!(machine.feed(b"N"), Err(Error::Misuse(_))));
    assert_eq!(dump(&machine.finish().unwrap()), "'ab'");
}

#[test]
fn a_flipped_byte_never_panics_and_pieces_never_matter() {
    for (pickle, _) in PICKLES.iter().step_by(2) {
        for index in 0..pickle.len() {
            for byte in [b'0', b'\n', pickle[index] ^ 0x80] {
                let mut bad = pickle.to_vec();
                bad[index] = byte;
                let mut machine = Machine::new(0, "data.pkl", &Limits::default());
                let whole = machine.feed(&bad);
                let mut pieces = Ok(Progress::More(1));
                let mut machine = Machine::new(0, "data.pkl", &Limits::default());
                for piece in bad.chunks(1) {
                    pieces = machine.feed(piece);
                    if !matches!(pieces, Ok(Progress::More(_))) {
                        break;
                    }
                }
                assert_eq!(whole, pieces, "byte {index} is {byte:02x}");
            }
        }
    }
}

#[test]
fn offsets_are_those_of_the_file() {
    let mut machine = Machine::new(1000, "archive/data.pkl", &Limits::default());
    machine.feed(b"N").unwrap();
    let error = machine.feed(b"R").unwrap_err();
    let expected = "archive/data.pkl, offset 1001: expected values for REDUCE, found too few on the stack";
    assert_eq!(format!("{error}"), format!("malformed: {expected}"));
    assert!(matches!(machine.feed(b"."), Err(Error::Misuse(_))));
    assert!(matches!(machine.finish(), Err(Error::Misuse(_))));
}

#[test]
fn each_cap_holds() {
    let limits =
        Limits { opcodes: 5, memo: 2, string_bytes: 4, nodes: 1, pickle_bytes: 40, ..Limits::default() };
    let cap = |pickle: &[u8]| match load_with(pickle, &limits) {
        Err(Error::Limit(excess)) => (excess.offset, excess.limit, excess.allowed),
        other => panic!("{other:?}"),
    };
    assert_eq!(cap(b"NNNNN."), (5, "opcodes", 5));
    assert_eq!(cap(b"Nq\x00q\x63\x94."), (5, "memo", 2));
    assert_eq!(cap(b"Np99999999999999999\nq\x00q\x01."), (22, "memo", 2));
    assert_eq!(cap(b"]]]]]."), (4, "nodes", 1));
    assert_eq!(cap(b"U\x05"), (0, "string_bytes", 4));
    assert_eq!(cap(b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff"), (0, "string_bytes", 4));
    assert_eq!(cap(b"Vabcde"), (0, "string_bytes", 4));
    assert_eq!(cap(b"\x95\xff\xff\xff\xff\xff\xff\xff\xff"), (0, "pickle_bytes", 40));
    assert_eq!(cap(&[b"NI".as_slice(), &[b'0'; 39]].concat()), (1, "pickle_bytes", 40));
    assert!(load_with(b"(NNNt", &limits).is_err());
    assert_eq!(load_with(b"NNNN.", &limits).unwrap().root, Value::None);
}

#[test]
fn numbers_and_names_of_absurd_length_are_refused() {
    let line = |code: u8, byte: u8, length: usize| {
        let mut pickle = [[code].as_slice(), &std::vec![byte; length]].concat();
        pickle.extend_from_slice(b"\nx\n.");
        eval(&pickle)
    };
    let digits = "unsupported: data.pkl, offset 0: expected an integer of at most 4300 digits for LONG";
    assert!(line(b'L', b'7', 4300).starts_with("malformed: data.pkl, offset 4302: expected an opcode"));
    assert_eq!(line(b'L', b'7', 4301), format!("{digits}, found 4301 digits"));
    assert!(
        line(b'L', b'7', 9000)
            .ends_with("expected a line of at most 8192 bytes for LONG, found a longer one")
    );
    assert!(
        line(b'c', b'm', 1025)
            .ends_with("expected a name of at most 1024 bytes for GLOBAL, found one of 1025")
    );
    assert_eq!(line(b'c', b'm', 1024), format!("<{} x>", "m".repeat(1024)));
}

#[test]
fn negative_counts_are_refused() {
    let count = "expected a count of at least 0 for";
    for (code, name) in [(b'T', "BINSTRING"), (0x8b, "LONG4")] {
        assert!(eval(&[code, 0, 0, 0, 0x80]).contains(&format!("{count} {name}")));
    }
}

#[test]
fn a_line_in_small_pieces_takes_linear_time() {
    // Rescanning it for each piece would look at 2^41 bytes.
    let mut machine = Machine::new(0, "data.pkl", &Limits::default());
    machine.feed(b"V").unwrap();
    for _ in 0..1 << 21 {
        assert_eq!(machine.feed(b"a").unwrap(), Progress::More(1));
    }
    assert_eq!(machine.feed(b"\n.").unwrap(), Progress::Done((1 << 21) + 3));
}
