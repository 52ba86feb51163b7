//! Pickles that no torch wrote.

use super::*;

/// `_rebuild_tensor_v2` over a storage, its parts in pickle instructions.
struct Rebuild<'a> {
    class: &'a str,
    numel: &'a str,
    offset: &'a str,
    size: &'a str,
    stride: &'a str,
    grad: &'a str,
    hooks: &'a str,
    metadata: &'a str,
    then: &'a str,
}

/// Four floats.
const SOUND: Rebuild<'_> = Rebuild {
    class: "ctorch\nFloatStorage\n",
    numel: "I4\n",
    offset: "I0\n",
    size: "(I4\nt",
    stride: "(I1\nt",
    grad: "I00\n",
    hooks: "ccollections\nOrderedDict\n)R",
    metadata: "",
    then: "",
};

impl Rebuild<'_> {
    fn instructions(&self, key: &str) -> String {
        let Self { class, numel, offset, size, stride, grad, hooks, metadata, then } = self;
        format!(
            "ctorch._utils\n_rebuild_tensor_v2\n((S'storage'\n{class}S'{key}'\nS'cpu'\n{numel}tQ\
             {offset}{size}{stride}{grad}{hooks}{metadata}tR{then}"
        )
    }

    fn shown(&self) -> String {
        shown(format!("{}.", self.instructions("0")).as_bytes())
    }

    fn refused(&self) -> String {
        refused(format!("{}.", self.instructions("0")).as_bytes())
    }
}

#[test]
fn a_tensor_beyond_its_storage_is_refused_with_its_place_and_both_sides() {
    assert_eq!(SOUND.shown(), "float32@0+0[4]/[1]");
    let beyond = Rebuild { offset: "I2\n", ..SOUND }.instructions("0");
    let error = refused(format!("(lp0\n(dp1\nS'model'\n{beyond}sa.").as_bytes());
    assert_eq!(
        error,
        "malformed: data.pkl: [0][`model`], offset 147: expected a tensor inside its storage of 16 bytes, \
         found offset 2, shape [4], stride [1] of float32: 24 bytes"
    );
}

#[test]
fn every_way_to_lie_about_an_extent_is_refused() {
    let huge = "I9223372036854775807\n";
    for (lie, expected) in [
        (Rebuild { stride: "(I2\nt", ..SOUND }, "a tensor inside its storage of 16 bytes"),
        (Rebuild { size: "(I5\nt", ..SOUND }, "a tensor inside its storage of 16 bytes"),
        (Rebuild { offset: huge, ..SOUND }, "a tensor inside its storage of 16 bytes"),
        (
            Rebuild { size: "(I4\nI9223372036854775807\nt", stride: "(I0\nI0\nt", ..SOUND },
            "a tensor of less than 2^63 elements",
        ),
        (Rebuild { offset: "I-1\n", ..SOUND }, "a tensor's offset, not negative"),
        (Rebuild { size: "(I-4\nt", ..SOUND }, "a tensor's shape, none negative"),
        (Rebuild { stride: "(I-1\nt", ..SOUND }, "a tensor's strides, none negative"),
        (Rebuild { stride: "(I1\nI1\nt", ..SOUND }, "a stride for each size"),
        (Rebuild { size: "(F4.0\nt", ..SOUND }, "a tensor's shape, none negative"),
        (Rebuild { size: "S'4'\n", ..SOUND }, "a tensor's shape, a tuple"),
        (Rebuild { grad: "I1\n", ..SOUND }, "requires_grad, a bool"),
        (Rebuild { numel: huge, ..SOUND }, "a storage of less than 2^63 bytes"),
        (Rebuild { numel: "I-1\n", ..SOUND }, "a storage's element count"),
        (Rebuild { numel: "N", ..SOUND }, "a storage's element count"),
        (Rebuild { class: "ctorch\nWideStorage\n", ..SOUND }, "a storage class of torch"),
        (Rebuild { class: "cos\nFloatStorage\n", ..SOUND }, "a storage class of torch"),
        (Rebuild { class: "N", ..SOUND }, "a storage class of torch"),
        (Rebuild { metadata: "NN", ..SOUND }, "6 or 7 arguments"),
        (Rebuild { metadata: "(S'conj'\nI01\nd", ..SOUND }, "a complex dtype for a conjugate view"),
    ] {
        let error = lie.refused();
        assert!(error.starts_with("malformed: data.pkl, offset"), "{error}");
        assert!(error.contains(&format!("expected {expected}, found")), "{error}");
    }
}

#[test]
fn a_tensor_without_elements_looks_at_nothing() {
    let empty = Rebuild { size: "(I0\nt", offset: "I99\n", ..SOUND };
    assert_eq!(empty.shown(), "float32@0+99[0]/[1]");
}

#[test]
fn a_tensor_over_anything_but_a_storage_is_refused() {
    let over = |storage: &str| {
        let rest = "I0\n(I4\nt(I1\ntI00\nccollections\nOrderedDict\n)RtR.";
        refused(format!("ctorch._utils\n_rebuild_tensor_v2\n({storage}{rest}").as_bytes())
    };
    assert!(over("N").contains("expected a storage, found None"));
    assert!(over("(S'module'\ntQ").contains("expected a storage, found a call"));
    assert!(over("(S'storage'\nS'0'\ntQ").contains("expected a storage's id of 5 or 6 parts, found 2 parts"));
}

#[test]
fn what_torch_cannot_say_with_a_tensor_alone_stays_opaque() {
    let hooks = "ccollections\nOrderedDict\n)R(I1\nI2\nu";
    for unknown in [
        Rebuild { hooks, ..SOUND },
        Rebuild { then: "}b", ..SOUND },
        Rebuild { metadata: "N", ..SOUND },
        Rebuild { metadata: "}", ..SOUND },
        Rebuild { metadata: "(S'conj'\nI00\nd", ..SOUND },
        Rebuild { metadata: "(S'other'\nI01\nd", ..SOUND },
    ] {
        let shown = unknown.shown();
        assert!(shown.starts_with("<Call <torch._utils._rebuild_tensor_v2> args(storage0:float32, 0, (4)"));
    }
}

#[test]
fn one_key_is_one_storage() {
    let pair = |second: Rebuild<'_>| format!("({}{}t.", SOUND.instructions("0"), second.instructions("0"));
    assert_eq!(shown(pair(SOUND).as_bytes()), "(float32@0+0[4]/[1], float32@0+0[4]/[1])");
    let error = refused(pair(Rebuild { numel: "I5\n", ..SOUND }).as_bytes());
    assert!(error.contains("expected storage `0` of 16 bytes on `cpu`, found one of 20 bytes on `cpu`"));
    let error = refused(pair(Rebuild { class: "ctorch\nDoubleStorage\n", ..SOUND }).as_bytes());
    assert!(error.contains("found one of 32 bytes"), "{error}");
    // The same bytes under two types are legal; swapping them is not possible.
    let halves = Rebuild { class: "ctorch\nHalfStorage\n", numel: "I8\n", ..SOUND };
    let interpreted = read(pair(halves).as_bytes()).unwrap();
    assert_eq!(show(&interpreted), "(float32@0+0[4]/[1], float16@0+0[4]/[1])");
    assert_eq!(interpreted.storages[0].swap_width, 0);
    let ints = Rebuild { class: "ctorch\nIntStorage\n", ..SOUND };
    assert_eq!(read(pair(ints).as_bytes()).unwrap().storages[0].swap_width, 4);
}

#[test]
fn wrappers_want_tensors() {
    let hooks = SOUND.hooks;
    let error = refused(format!("ctorch._utils\n_rebuild_parameter\n(I1\nI01\n{hooks}tR.").as_bytes());
    assert_eq!(
        error,
        "malformed: data.pkl, offset 69: expected a parameter of tensors, found a number or None"
    );
    let layout = "ctorch.serialization\n_get_layout\n(S'torch.sparse_coo'\ntR";
    let sparse = format!("ctorch._utils\n_rebuild_sparse_tensor\n({layout}(NNctorch\nSize\n()tRttR.");
    assert!(refused(sparse.as_bytes()).contains("expected a sparse tensor of tensors"));
    let quantized = |class: &str, axis: i64| {
        let tensor = SOUND.instructions("1");
        let storage = format!("(S'storage'\nctorch\n{class}Storage\nS'0'\nS'cpu'\nI4\ntQ");
        let params = format!("(ctorch\nper_channel_affine\n{tensor}{tensor}I{axis}\nt");
        format!("ctorch._utils\n_rebuild_qtensor\n({storage}I0\n(I4\nt(I1\nt{params}I00\n{hooks}tR.")
    };
    assert!(shown(quantized("QInt8", 0).as_bytes()).starts_with("quantized(qint8@0+0[4]/[1] by"));
    assert!(refused(quantized("QInt8", 1).as_bytes()).contains("expected an axis of 1 dimensions, found 1"));
    assert!(
        refused(quantized("QInt8", -1).as_bytes()).contains("expected an axis of 1 dimensions, found -1")
    );
    assert!(refused(quantized("Float", 0).as_bytes()).contains("expected a quantized dtype, found float32"));
}

#[test]
fn cycles_are_kept_and_end() {
    assert_eq!(shown(b"\x80\x02]q\0h\0a."), "[#0]");
    assert_eq!(shown(b"\x80\x02}q\0K\x01]h\0as."), "{1: [#0]}");
    // An object whose state is a list with the object in it.
    assert_eq!(shown(b"\x80\x02cm\nC\n)\x81q\0]h\0ab."), "<New <m.C> args() state[#0]>");
}

#[test]
fn a_doubling_bomb_reaches_the_tree_limit() {
    // l0 = [], l1 = [l0, l0], … 64 times: 2^64 values in 500 bytes.
    let mut pickle = b"\x80\x02]q\0".to_vec();
    for level in 0..64u8 {
        pickle.extend_from_slice(&[b'(', b'h', level, b'h', level, b'l', b'q', level + 1]);
    }
    pickle.push(b'.');
    assert_eq!(refused(&pickle), "limit reached at offset 0: tree is 16777216");
    // As a shape, a tuple does not unfold into nodes, and yet it counts.
    let limits = Limits { tree: 1000, ..Limits::default() };
    let shape = format!("({}t", "I0\n".repeat(100));
    let mut pickle = format!("{shape}p0\n0(");
    for _ in 0..10 {
        pickle += &Rebuild { size: "g0\n", stride: "g0\n", ..SOUND }.instructions("0");
    }
    let error = read_within(format!("{pickle}l.").as_bytes(), &limits).unwrap_err();
    assert!(matches!(error, Error::Limit(excess) if excess.limit == "tree"));
}

#[test]
fn one_long_text_cannot_be_copied_without_end() {
    let limits = Limits { string_bytes: 1000, ..Limits::default() };
    let text = "x".repeat(400);
    let mut pickle = format!("S'{text}'\np0\n0S'latin1'\np1\n0(").into_bytes();
    for _ in 0..4 {
        pickle.extend_from_slice(b"c_codecs\nencode\n(g0\ng1\ntR");
    }
    pickle.extend_from_slice(b"l.");
    assert!(matches!(
        read_within(&pickle, &limits).unwrap_err(),
        Error::Limit(excess) if excess.limit == "string_bytes"
    ));
}

#[test]
fn deep_nesting_reaches_a_limit_and_not_the_stack() {
    let nested =
        |levels| [b"\x80\x02".as_slice(), &b"]".repeat(levels), &b"a".repeat(levels - 1), b"."].concat();
    assert_eq!(refused(&nested(100_000)), "limit reached at offset 0: depth is 1000");
    let limits = Limits { depth: 10, ..Limits::default() };
    // Eleven lists are ten containers around one without contents.
    assert!(read_within(&nested(11), &limits).is_ok());
    assert!(read_within(&nested(12), &limits).is_err());
}

#[test]
fn nodes_are_counted() {
    let limits = Limits { nodes: 3, ..Limits::default() };
    assert!(read_within(b"\x80\x02K\x01K\x02\x86.", &limits).is_ok());
    assert_eq!(
        read_within(b"\x80\x02K\x01K\x02K\x03\x87.", &limits).unwrap_err(),
        Error::limit(0, "nodes", 3)
    );
}

#[test]
fn an_extension_code_names_nothing() {
    let error = refused(b"\x80\x02]\x82\x07a.");
    assert!(error.contains("unsupported: data.pkl: [0]"), "{error}");
    assert!(error.contains("found extension code 7"), "{error}");
}

#[test]
fn known_calls_with_other_arguments_stay_opaque() {
    for pickle in [
        &b"\x80\x02c__builtin__\nset\n)R."[..],
        b"\x80\x02c__builtin__\nset\n}\x85R.",
        b"\x80\x02c__builtin__\ncomplex\nK\x01K\x02\x86R.",
        b"\x80\x02c__builtin__\nbytes\nK\x01\x85R.",
        b"\x80\x02c__builtin__\nbytearray\nK\x05\x85R.",
        b"\x80\x02c_codecs\nencode\nX\x02\0\0\0\xc4\x80X\x06\0\0\0latin1\x86R.",
        b"\x80\x02c_codecs\nencode\nX\x01\0\0\0aX\x05\0\0\0utf-8\x86R.",
        b"\x80\x02ctorch\nSize\nK\x01\x85R.",
        b"\x80\x02ctorch\nSize\nN\x85\x85R.",
        b"\x80\x02ctorch\ndevice\nX\x06\0\0\0cuda:0\x85R.",
        b"\x80\x02ctorch.serialization\n_get_layout\nX\x09\0\0\0torch.odd\x85R.",
        b"\x80\x02ccollections\nCounter\n)R.",
        b"\x80\x02ccollections\nOrderedDict\n)RK\x01b.",
        b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n(cm\nf\nctorch\nTensor\n)NtR.",
    ] {
        let shown = shown(pickle);
        assert!(shown.starts_with("<Call <"), "{shown}");
    }
}

#[test]
fn no_cut_and_no_flip_panics() {
    for pickle in real::ALL {
        for length in 0..pickle.len() {
            assert!(read(&pickle[..length]).is_err());
        }
        let mut broken = pickle.to_vec();
        for at in 0..pickle.len() {
            let flip = 1 << (at % 8);
            broken[at] ^= flip;
            let _ = read(&broken);
            broken[at] ^= flip;
        }
    }
}

#[test]
fn long_names_of_storages_and_many_dimensions_are_refused() {
    let key = "k".repeat(1025);
    let error = refused(format!("{}.", SOUND.instructions(&key)).as_bytes());
    assert!(error.ends_with("expected a storage's key of at most 1024 bytes, found one of 1025"), "{error}");
    let location = SOUND.instructions("0").replace("S'cpu'", &format!("S'{key}'"));
    let error = refused(format!("{location}.").as_bytes());
    assert!(error.ends_with("a storage's location of at most 1024 bytes, found one of 1025"), "{error}");
    let ones = format!("({}t", "I1\n".repeat(257));
    let error = Rebuild { size: &ones, stride: &ones, ..SOUND }.refused();
    assert!(error.ends_with("expected a tensor's shape of at most 256 dimensions, found 257"), "{error}");
    let ones = format!("({}t", "I1\n".repeat(256));
    assert!(Rebuild { size: &ones, stride: &ones, ..SOUND }.shown().starts_with("float32@0+0[1, 1"));
}

#[test]
fn the_contents_of_one_container_do_not_become_those_of_two() {
    // [set(l), frozenset(l)] and the like, l one list: the second stays a call.
    let set = "(c__builtin__\nset\n((I7\nltp0\nRc__builtin__\nfrozenset\ng0\nRl.";
    assert_eq!(shown(set.as_bytes()), "[set(7), <Call <builtins.frozenset> args([7])>]");
    let counter = "(ccollections\nCounter\n((I7\nI1\ndtp0\nRccollections\nCounter\ng0\nRl.";
    assert_eq!(shown(counter.as_bytes()), "[Counter{7: 1}, <Call <collections.Counter> args({7: 1})>]");
    let dict = "(ccollections\nOrderedDict\n(((I7\nI1\nlltp0\nRccollections\nOrderedDict\ng0\nRl.";
    assert_eq!(shown(dict.as_bytes()), "[OD{7: 1}, <Call <collections.OrderedDict> args([[7, 1]])>]");
}
