use super::*;

#[test]
fn what_cpython_pickles_is_what_the_machine_builds() {
    for (pickle, expected) in PICKLES {
        assert_eq!(eval(pickle), *expected);
    }
}

#[test]
fn the_protocol_is_the_declared_one() {
    assert_eq!(load(b"N.").unwrap().protocol, 0);
    assert_eq!(load(b"\x80\x05N.").unwrap().protocol, 5);
}

#[test]
fn torch_s_smallest_file_becomes_a_graph() {
    // The pickle of `torch.save(torch.zeros(2), buffer)`.
    let pickle = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nq\x00((X\x07\x00\x00\x00storageq\x01ctorch\n\
        FloatStorage\nq\x02X\x01\x00\x00\x000q\x03X\x03\x00\x00\x00cpuq\x04K\x02tq\x05QK\x00K\x02\x85q\x06K\
        \x01\x85q\x07\x89ccollections\nOrderedDict\nq\x08)Rq\ttq\nRq\x0b.";
    let expected = "#0@146 call <torch._utils _rebuild_tensor_v2> #1(#2@98 persistent \
        #3('storage' <torch FloatStorage> '0' 'cpu' 2); 0 #4(2) #5(1) False \
        #6@140 call <collections OrderedDict> (););";
    assert_eq!(eval(pickle), expected);
}

#[test]
fn half_a_million_instructions_take_no_time() {
    let pickle =
        [b"]q\x00(".as_slice(), &b"K\x01h\x00)G\x3f\xf0\x00\x00\x00\x00\x00\x00\x85".repeat(100_000), b"e."]
            .concat();
    let start = std::time::Instant::now();
    load(&pickle).unwrap();
    // Some 20 ms when optimised; far more only if it is not linear.
    assert!(start.elapsed().as_secs() < 10);
}

/// What CPython 3.11 pickles, and what it evaluates to in the notation of
/// [`dump`]: CPython's own machine says so, with calls kept as data.
#[rustfmt::skip]
pub(super) const PICKLES: &[(&[u8], &str)] = &[
    // Plain, protocols 0 to 5.
    (b"(lp0\nNaI01\naI00\naI0\naI-1\naI255\naI65536\naI-2147483648\naL2147483648L\naL9223372036854775808L\naL-18446744073709551616L\naF1.5\naF-inf\naV\np1\naVtext\np2\naV\xe9\\u000a\\u005c\\u0000\\U0001f600\np3\naVa\\ud800\np4\nac__builtin__\nbytes\np5\n(tRp6\nac_codecs\nencode\np7\n(V\\u0000\xff\np8\nVlatin1\np9\ntp10\nRp11\nac__builtin__\nbytearray\np12\n(g7\n(Vab\np13\ng9\ntp14\nRp15\ntp16\nRp17\na(ta(I1\ntp18\na(I1\nI2\nI3\nI4\ntp19\na.",
    "#0[None True False 0 -1 255 65536 -2147483648 2147483648 int:000000000000008000 int:0000000000000000ff f3ff8000000000000 ffff0000000000000 '' 'text' str:c3a90a5c00f09f9880 surrogate:61eda080 #1@217 call <builtins bytes> (); #2@270 call <_codecs encode> #3(str:00c3bf 'latin1'); #4@334 call <builtins bytearray> #5(#6@324 call <_codecs encode> #7('ab' 'latin1');); () #8(1) #9(1 2 3 4)]"),
    (b"]q\x00(NI01\nI00\nK\x00J\xff\xff\xff\xffK\xffJ\x00\x00\x01\x00J\x00\x00\x00\x80L2147483648L\nL9223372036854775808L\nL-18446744073709551616L\nG?\xf8\x00\x00\x00\x00\x00\x00G\xff\xf0\x00\x00\x00\x00\x00\x00X\x00\x00\x00\x00q\x01X\x04\x00\x00\x00textq\x02X\t\x00\x00\x00\xc3\xa9\n\\\x00\xf0\x9f\x98\x80q\x03X\x04\x00\x00\x00a\xed\xa0\x80q\x04c__builtin__\nbytes\nq\x05)Rq\x06c_codecs\nencode\nq\x07(X\x03\x00\x00\x00\x00\xc3\xbfq\x08X\x06\x00\x00\x00latin1q\ttq\nRq\x0bc__builtin__\nbytearray\nq\x0c(h\x07(X\x02\x00\x00\x00abq\rh\ttq\x0eRq\x0ftq\x10Rq\x11)(K\x01tq\x12(K\x01K\x02K\x03K\x04tq\x13e.",
    "#0[None True False 0 -1 255 65536 -2147483648 2147483648 int:000000000000008000 int:0000000000000000ff f3ff8000000000000 ffff0000000000000 '' 'text' str:c3a90a5c00f09f9880 surrogate:61eda080 #1@176 call <builtins bytes> (); #2@224 call <_codecs encode> #3(str:00c3bf 'latin1'); #4@276 call <builtins bytearray> #5(#6@270 call <_codecs encode> #7('ab' 'latin1');); () #8(1) #9(1 2 3 4)]"),
    (b"\x80\x02]q\x00(N\x88\x89K\x00J\xff\xff\xff\xffK\xffJ\x00\x00\x01\x00J\x00\x00\x00\x80\x8a\x05\x00\x00\x00\x80\x00\x8a\t\x00\x00\x00\x00\x00\x00\x00\x80\x00\x8a\t\x00\x00\x00\x00\x00\x00\x00\x00\xffG?\xf8\x00\x00\x00\x00\x00\x00G\xff\xf0\x00\x00\x00\x00\x00\x00X\x00\x00\x00\x00q\x01X\x04\x00\x00\x00textq\x02X\t\x00\x00\x00\xc3\xa9\n\\\x00\xf0\x9f\x98\x80q\x03X\x04\x00\x00\x00a\xed\xa0\x80q\x04c__builtin__\nbytes\nq\x05)Rq\x06c_codecs\nencode\nq\x07X\x03\x00\x00\x00\x00\xc3\xbfq\x08X\x06\x00\x00\x00latin1q\t\x86q\nRq\x0bc__builtin__\nbytearray\nq\x0ch\x07X\x02\x00\x00\x00abq\rh\t\x86q\x0eRq\x0f\x85q\x10Rq\x11)K\x01\x85q\x12(K\x01K\x02K\x03K\x04tq\x13e.",
    "#0[None True False 0 -1 255 65536 -2147483648 2147483648 int:000000000000008000 int:0000000000000000ff f3ff8000000000000 ffff0000000000000 '' 'text' str:c3a90a5c00f09f9880 surrogate:61eda080 #1@142 call <builtins bytes> (); #2@189 call <_codecs encode> #3(str:00c3bf 'latin1'); #4@239 call <builtins bytearray> #5(#6@233 call <_codecs encode> #7('ab' 'latin1');); () #8(1) #9(1 2 3 4)]"),
    (b"\x80\x03]q\x00(N\x88\x89K\x00J\xff\xff\xff\xffK\xffJ\x00\x00\x01\x00J\x00\x00\x00\x80\x8a\x05\x00\x00\x00\x80\x00\x8a\t\x00\x00\x00\x00\x00\x00\x00\x80\x00\x8a\t\x00\x00\x00\x00\x00\x00\x00\x00\xffG?\xf8\x00\x00\x00\x00\x00\x00G\xff\xf0\x00\x00\x00\x00\x00\x00X\x00\x00\x00\x00q\x01X\x04\x00\x00\x00textq\x02X\t\x00\x00\x00\xc3\xa9\n\\\x00\xf0\x9f\x98\x80q\x03X\x04\x00\x00\x00a\xed\xa0\x80q\x04C\x00q\x05C\x02\x00\xffq\x06cbuiltins\nbytearray\nq\x07C\x02abq\x08\x85q\tRq\n)K\x01\x85q\x0b(K\x01K\x02K\x03K\x04tq\x0ce.",
    "#0[None True False 0 -1 255 65536 -2147483648 2147483648 int:000000000000008000 int:0000000000000000ff f3ff8000000000000 ffff0000000000000 '' 'text' str:c3a90a5c00f09f9880 surrogate:61eda080 bytes: bytes:00ff #1@161 call <builtins bytearray> #2(bytes:6162); () #3(1) #4(1 2 3 4)]"),
    (b"\x80\x04\x95\xa1\x00\x00\x00\x00\x00\x00\x00]\x94(N\x88\x89K\x00J\xff\xff\xff\xffK\xffJ\x00\x00\x01\x00J\x00\x00\x00\x80\x8a\x05\x00\x00\x00\x80\x00\x8a\t\x00\x00\x00\x00\x00\x00\x00\x80\x00\x8a\t\x00\x00\x00\x00\x00\x00\x00\x00\xffG?\xf8\x00\x00\x00\x00\x00\x00G\xff\xf0\x00\x00\x00\x00\x00\x00\x8c\x00\x94\x8c\x04text\x94\x8c\t\xc3\xa9\n\\\x00\xf0\x9f\x98\x80\x94\x8c\x04a\xed\xa0\x80\x94C\x00\x94C\x02\x00\xff\x94\x8c\x08builtins\x94\x8c\tbytearray\x94\x93\x94C\x02ab\x94\x85\x94R\x94)K\x01\x85\x94(K\x01K\x02K\x03K\x04t\x94e.",
    "#0[None True False 0 -1 255 65536 -2147483648 2147483648 int:000000000000008000 int:0000000000000000ff f3ff8000000000000 ffff0000000000000 '' 'text' str:c3a90a5c00f09f9880 surrogate:61eda080 bytes: bytes:00ff #1@152 call <builtins bytearray> #2(bytes:6162); () #3(1) #4(1 2 3 4)]"),
    (b"\x80\x05\x95\x8b\x00\x00\x00\x00\x00\x00\x00]\x94(N\x88\x89K\x00J\xff\xff\xff\xffK\xffJ\x00\x00\x01\x00J\x00\x00\x00\x80\x8a\x05\x00\x00\x00\x80\x00\x8a\t\x00\x00\x00\x00\x00\x00\x00\x80\x00\x8a\t\x00\x00\x00\x00\x00\x00\x00\x00\xffG?\xf8\x00\x00\x00\x00\x00\x00G\xff\xf0\x00\x00\x00\x00\x00\x00\x8c\x00\x94\x8c\x04text\x94\x8c\t\xc3\xa9\n\\\x00\xf0\x9f\x98\x80\x94\x8c\x04a\xed\xa0\x80\x94C\x00\x94C\x02\x00\xff\x94\x96\x02\x00\x00\x00\x00\x00\x00\x00ab\x94)K\x01\x85\x94(K\x01K\x02K\x03K\x04t\x94e.",
    "#0[None True False 0 -1 255 65536 -2147483648 2147483648 int:000000000000008000 int:0000000000000000ff f3ff8000000000000 ffff0000000000000 '' 'text' str:c3a90a5c00f09f9880 surrogate:61eda080 bytes: bytes:00ff #1bytearray:6162 () #2(1) #3(1 2 3 4)]"),
    // Nested, protocols 0 to 5.
    (b"(dp0\nVlist\np1\n(lp2\n(lp3\nVs\np4\naag3\na(lp5\n(lp6\naasVdict\np7\n(dp8\nVk\np9\n(dp10\nssI1\n(g3\ntp11\ns.",
    "#0{'list':#1[#2['s'] #2 #3[#4[]]] 'dict':#5{'k':#6{}} 1:#7(#2)}"),
    (b"}q\x00(X\x04\x00\x00\x00listq\x01]q\x02(]q\x03X\x01\x00\x00\x00sq\x04ah\x03]q\x05]q\x06aeX\x04\x00\x00\x00dictq\x07}q\x08X\x01\x00\x00\x00kq\t}q\nsK\x01(h\x03tq\x0bu.",
    "#0{'list':#1[#2['s'] #2 #3[#4[]]] 'dict':#5{'k':#6{}} 1:#7(#2)}"),
    (b"\x80\x02}q\x00(X\x04\x00\x00\x00listq\x01]q\x02(]q\x03X\x01\x00\x00\x00sq\x04ah\x03]q\x05]q\x06aeX\x04\x00\x00\x00dictq\x07}q\x08X\x01\x00\x00\x00kq\t}q\nsK\x01h\x03\x85q\x0bu.",
    "#0{'list':#1[#2['s'] #2 #3[#4[]]] 'dict':#5{'k':#6{}} 1:#7(#2)}"),
    (b"\x80\x03}q\x00(X\x04\x00\x00\x00listq\x01]q\x02(]q\x03X\x01\x00\x00\x00sq\x04ah\x03]q\x05]q\x06aeX\x04\x00\x00\x00dictq\x07}q\x08X\x01\x00\x00\x00kq\t}q\nsK\x01h\x03\x85q\x0bu.",
    "#0{'list':#1[#2['s'] #2 #3[#4[]]] 'dict':#5{'k':#6{}} 1:#7(#2)}"),
    (b"\x80\x04\x954\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x04list\x94]\x94(]\x94\x8c\x01s\x94ah\x03]\x94]\x94ae\x8c\x04dict\x94}\x94\x8c\x01k\x94}\x94sK\x01h\x03\x85\x94u.",
    "#0{'list':#1[#2['s'] #2 #3[#4[]]] 'dict':#5{'k':#6{}} 1:#7(#2)}"),
    (b"\x80\x05\x954\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x04list\x94]\x94(]\x94\x8c\x01s\x94ah\x03]\x94]\x94ae\x8c\x04dict\x94}\x94\x8c\x01k\x94}\x94sK\x01h\x03\x85\x94u.",
    "#0{'list':#1[#2['s'] #2 #3[#4[]]] 'dict':#5{'k':#6{}} 1:#7(#2)}"),
    // Itself, protocols 0 to 5.
    (b"(lp0\nI1\nag0\na.",
    "#0[1 #0]"),
    (b"]q\x00(K\x01h\x00e.",
    "#0[1 #0]"),
    (b"\x80\x02]q\x00(K\x01h\x00e.",
    "#0[1 #0]"),
    (b"\x80\x03]q\x00(K\x01h\x00e.",
    "#0[1 #0]"),
    (b"\x80\x04\x95\t\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01h\x00e.",
    "#0[1 #0]"),
    (b"\x80\x05\x95\t\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01h\x00e.",
    "#0[1 #0]"),
    // Tuple that holds itself, protocols 0 to 5.
    (b"(I1\n(lp0\n(I1\ng0\ntp1\na000g1\n.",
    "#0(1 #1[#0])"),
    (b"(K\x01]q\x00(K\x01h\x00tq\x01a1h\x01.",
    "#0(1 #1[#0])"),
    (b"\x80\x02K\x01]q\x00K\x01h\x00\x86q\x01a00h\x01.",
    "#0(1 #1[#0])"),
    (b"\x80\x03K\x01]q\x00K\x01h\x00\x86q\x01a00h\x01.",
    "#0(1 #1[#0])"),
    (b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00K\x01]\x94K\x01h\x00\x86\x94a00h\x01.",
    "#0(1 #1[#0])"),
    (b"\x80\x05\x95\x10\x00\x00\x00\x00\x00\x00\x00K\x01]\x94K\x01h\x00\x86\x94a00h\x01.",
    "#0(1 #1[#0])"),
    // Sets, protocols 0 to 5.
    (b"(lp0\nc__builtin__\nset\np1\n((lp2\nI7\natp3\nRp4\nag1\n((lp5\ntp6\nRp7\nac__builtin__\nfrozenset\np8\n((lp9\nI8\natp10\nRp11\nag8\n((lp12\ntp13\nRp14\na.",
    "#0[#1@39 call <builtins set> #2(#3[7]); #4@57 call <builtins set> #5(#6[]); #7@103 call <builtins frozenset> #8(#9[8]); #10@124 call <builtins frozenset> #11(#12[]);]"),
    (b"]q\x00(c__builtin__\nset\nq\x01(]q\x02K\x07atq\x03Rq\x04h\x01(]q\x05tq\x06Rq\x07c__builtin__\nfrozenset\nq\x08(]q\tK\x08atq\nRq\x0bh\x08(]q\x0ctq\rRq\x0ee.",
    "#0[#1@33 call <builtins set> #2(#3[7]); #4@45 call <builtins set> #5(#6[]); #7@83 call <builtins frozenset> #8(#9[8]); #10@95 call <builtins frozenset> #11(#12[]);]"),
    (b"\x80\x02]q\x00(c__builtin__\nset\nq\x01]q\x02K\x07a\x85q\x03Rq\x04h\x01]q\x05\x85q\x06Rq\x07c__builtin__\nfrozenset\nq\x08]q\tK\x08a\x85q\nRq\x0bh\x08]q\x0c\x85q\rRq\x0ee.",
    "#0[#1@34 call <builtins set> #2(#3[7]); #4@45 call <builtins set> #5(#6[]); #7@82 call <builtins frozenset> #8(#9[8]); #10@93 call <builtins frozenset> #11(#12[]);]"),
    (b"\x80\x03]q\x00(cbuiltins\nset\nq\x01]q\x02K\x07a\x85q\x03Rq\x04h\x01]q\x05\x85q\x06Rq\x07cbuiltins\nfrozenset\nq\x08]q\tK\x08a\x85q\nRq\x0bh\x08]q\x0c\x85q\rRq\x0ee.",
    "#0[#1@31 call <builtins set> #2(#3[7]); #4@42 call <builtins set> #5(#6[]); #7@76 call <builtins frozenset> #8(#9[8]); #10@87 call <builtins frozenset> #11(#12[]);]"),
    (b"\x80\x04\x95\x15\x00\x00\x00\x00\x00\x00\x00]\x94(\x8f\x94(K\x07\x90\x8f\x94(K\x08\x91\x94(\x91\x94e.",
    "#0[#1set[7] #2set[] #3frozenset[8] #4frozenset[]]"),
    (b"\x80\x05\x95\x15\x00\x00\x00\x00\x00\x00\x00]\x94(\x8f\x94(K\x07\x90\x8f\x94(K\x08\x91\x94(\x91\x94e.",
    "#0[#1set[7] #2set[] #3frozenset[8] #4frozenset[]]"),
    // Objects, protocols 0 to 5.
    (b"(lp0\nccopy_reg\n_reconstructor\np1\n(cshapes\nPoint\np2\nc__builtin__\nobject\np3\nNtp4\nRp5\n(dp6\nVx\np7\nF1.5\nsbag1\n(cshapes\nStack\np8\nc__builtin__\nlist\np9\n(lp10\nI1\naI2\natp11\nRp12\n(dp13\nVtag\np14\nVt\np15\nsbag1\n(cshapes\nKeyed\np16\ng3\nNtp17\nRp18\nac__builtin__\ncomplex\np19\n(F1.0\nF-0.0\ntp20\nRp21\nI1\naI2\naVa\np22\nI1\nsVb\np23\nI2\ns(dp24\nVq\np25\nI1\nsbaccollections\nOrderedDict\np26\n(tRp27\ng22\nI1\nsacexceptions\nOSError\np28\nac__builtin__\nxrange\np29\na.",
    "#0[#1@79 call <copyreg _reconstructor> #2(<shapes Point> <builtins object> None) state #3{'x':f3ff8000000000000}; #4@163 call <copyreg _reconstructor> #5(<shapes Stack> <builtins list> #6[1 2]) state #7{'tag':'t'}; #8@224 call <copyreg _reconstructor> #9(<shapes Keyed> <builtins object> None); #10@272 call <builtins complex> #11(f3ff0000000000000 f8000000000000000) items[1 2] pairs{'a':1 'b':2} state #12{'q':1}; #13@357 call <collections OrderedDict> () pairs{'a':1}; <builtins OSError> <builtins range>]"),
    (b"]q\x00(ccopy_reg\n_reconstructor\nq\x01(cshapes\nPoint\nq\x02c__builtin__\nobject\nq\x03Ntq\x04Rq\x05}q\x06X\x01\x00\x00\x00xq\x07G?\xf8\x00\x00\x00\x00\x00\x00sbh\x01(cshapes\nStack\nq\x08c__builtin__\nlist\nq\t]q\n(K\x01K\x02etq\x0bRq\x0c}q\rX\x03\x00\x00\x00tagq\x0eX\x01\x00\x00\x00tq\x0fsbh\x01(cshapes\nKeyed\nq\x10h\x03Ntq\x11Rq\x12c__builtin__\ncomplex\nq\x13(G?\xf0\x00\x00\x00\x00\x00\x00G\x80\x00\x00\x00\x00\x00\x00\x00tq\x14Rq\x15(K\x01K\x02e(X\x01\x00\x00\x00aq\x16K\x01X\x01\x00\x00\x00bq\x17K\x02u}q\x18X\x01\x00\x00\x00qq\x19K\x01sbccollections\nOrderedDict\nq\x1a)Rq\x1bh\x16K\x01scexceptions\nOSError\nq\x1cc__builtin__\nxrange\nq\x1de.",
    "#0[#1@74 call <copyreg _reconstructor> #2(<shapes Point> <builtins object> None) state #3{'x':f3ff8000000000000}; #4@150 call <copyreg _reconstructor> #5(<shapes Stack> <builtins list> #6[1 2]) state #7{'tag':'t'}; #8@201 call <copyreg _reconstructor> #9(<shapes Keyed> <builtins object> None); #10@249 call <builtins complex> #11(f3ff0000000000000 f8000000000000000) items[1 2] pairs{'a':1 'b':2} state #12{'q':1}; #13@323 call <collections OrderedDict> () pairs{'a':1}; <builtins OSError> <builtins range>]"),
    (b"\x80\x02]q\x00(cshapes\nPoint\nq\x01)\x81q\x02}q\x03X\x01\x00\x00\x00xq\x04G?\xf8\x00\x00\x00\x00\x00\x00sbcshapes\nStack\nq\x05)\x81q\x06(K\x01K\x02e}q\x07X\x03\x00\x00\x00tagq\x08X\x01\x00\x00\x00tq\tsbcfunctools\npartial\nq\nc__builtin__\ngetattr\nq\x0bcshapes\nKeyed\nq\x0cX\x07\x00\x00\x00__new__q\r\x86q\x0eRq\x0f\x85q\x10Rq\x11(h\x0fh\x0cK\x01\x86q\x12}q\x13X\x01\x00\x00\x00kq\x14K\x02sNtq\x15b)Rq\x16c__builtin__\ncomplex\nq\x17G?\xf0\x00\x00\x00\x00\x00\x00G\x80\x00\x00\x00\x00\x00\x00\x00\x86q\x18Rq\x19(K\x01K\x02e(X\x01\x00\x00\x00aq\x1aK\x01X\x01\x00\x00\x00bq\x1bK\x02u}q\x1cX\x01\x00\x00\x00qq\x1dK\x01sbccollections\nOrderedDict\nq\x1e)Rq\x1fh\x1aK\x01scexceptions\nOSError\nq c__builtin__\nxrange\nq!e.",
    "#0[#1@23 new <shapes Point> () state #2{'x':f3ff8000000000000}; #3@65 new <shapes Stack> () items[1 2] state #4{'tag':'t'}; #5@213 call #6@180 call <functools partial> #7(#8@174 call <builtins getattr> #9(<shapes Keyed> '__new__');) state #10(#8 #11(<shapes Keyed> 1) #12{'k':2} None); (); #13@260 call <builtins complex> #14(f3ff0000000000000 f8000000000000000) items[1 2] pairs{'a':1 'b':2} state #15{'q':1}; #16@334 call <collections OrderedDict> () pairs{'a':1}; <builtins OSError> <builtins range>]"),
    (b"\x80\x03]q\x00(cshapes\nPoint\nq\x01)\x81q\x02}q\x03X\x01\x00\x00\x00xq\x04G?\xf8\x00\x00\x00\x00\x00\x00sbcshapes\nStack\nq\x05)\x81q\x06(K\x01K\x02e}q\x07X\x03\x00\x00\x00tagq\x08X\x01\x00\x00\x00tq\tsbcfunctools\npartial\nq\ncbuiltins\ngetattr\nq\x0bcshapes\nKeyed\nq\x0cX\x07\x00\x00\x00__new__q\r\x86q\x0eRq\x0f\x85q\x10Rq\x11(h\x0fh\x0cK\x01\x86q\x12}q\x13X\x01\x00\x00\x00kq\x14K\x02sNtq\x15b)Rq\x16cbuiltins\ncomplex\nq\x17G?\xf0\x00\x00\x00\x00\x00\x00G\x80\x00\x00\x00\x00\x00\x00\x00\x86q\x18Rq\x19(K\x01K\x02e(X\x01\x00\x00\x00aq\x1aK\x01X\x01\x00\x00\x00bq\x1bK\x02u}q\x1cX\x01\x00\x00\x00qq\x1dK\x01sbccollections\nOrderedDict\nq\x1e)Rq\x1fh\x1aK\x01scbuiltins\nFileNotFoundError\nq cbuiltins\nrange\nq!e.",
    "#0[#1@23 new <shapes Point> () state #2{'x':f3ff8000000000000}; #3@65 new <shapes Stack> () items[1 2] state #4{'tag':'t'}; #5@210 call #6@177 call <functools partial> #7(#8@171 call <builtins getattr> #9(<shapes Keyed> '__new__');) state #10(#8 #11(<shapes Keyed> 1) #12{'k':2} None); (); #13@254 call <builtins complex> #14(f3ff0000000000000 f8000000000000000) items[1 2] pairs{'a':1 'b':2} state #15{'q':1}; #16@328 call <collections OrderedDict> () pairs{'a':1}; <builtins FileNotFoundError> <builtins range>]"),
    (b"\x80\x04\x95\xff\x00\x00\x00\x00\x00\x00\x00]\x94(\x8c\x06shapes\x94\x8c\x05Point\x94\x93\x94)\x81\x94}\x94\x8c\x01x\x94G?\xf8\x00\x00\x00\x00\x00\x00sbh\x01\x8c\x05Stack\x94\x93\x94)\x81\x94(K\x01K\x02e}\x94\x8c\x03tag\x94\x8c\x01t\x94sbh\x01\x8c\x05Keyed\x94\x93\x94K\x01\x85\x94}\x94\x8c\x01k\x94K\x02s\x92\x94\x8c\x08builtins\x94\x8c\x07complex\x94\x93\x94G?\xf0\x00\x00\x00\x00\x00\x00G\x80\x00\x00\x00\x00\x00\x00\x00\x86\x94R\x94(K\x01K\x02e(\x8c\x01a\x94K\x01\x8c\x01b\x94K\x02u}\x94\x8c\x01q\x94K\x01sb\x8c\x0bcollections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94h\x18K\x01sh\x13\x8c\x11FileNotFoundError\x94\x93\x94h\x13\x8c\x05range\x94\x93\x94e.",
    "#0[#1@34 new <shapes Point> () state #2{'x':f3ff8000000000000}; #3@66 new <shapes Stack> () items[1 2] state #4{'tag':'t'}; #5@113 newex <shapes Keyed> #6(1) #7{'k':2}; #8@158 call <builtins complex> #9(f3ff0000000000000 f8000000000000000) items[1 2] pairs{'a':1 'b':2} state #10{'q':1}; #11@221 call <collections OrderedDict> () pairs{'a':1}; <builtins FileNotFoundError> <builtins range>]"),
    (b"\x80\x05\x95\xff\x00\x00\x00\x00\x00\x00\x00]\x94(\x8c\x06shapes\x94\x8c\x05Point\x94\x93\x94)\x81\x94}\x94\x8c\x01x\x94G?\xf8\x00\x00\x00\x00\x00\x00sbh\x01\x8c\x05Stack\x94\x93\x94)\x81\x94(K\x01K\x02e}\x94\x8c\x03tag\x94\x8c\x01t\x94sbh\x01\x8c\x05Keyed\x94\x93\x94K\x01\x85\x94}\x94\x8c\x01k\x94K\x02s\x92\x94\x8c\x08builtins\x94\x8c\x07complex\x94\x93\x94G?\xf0\x00\x00\x00\x00\x00\x00G\x80\x00\x00\x00\x00\x00\x00\x00\x86\x94R\x94(K\x01K\x02e(\x8c\x01a\x94K\x01\x8c\x01b\x94K\x02u}\x94\x8c\x01q\x94K\x01sb\x8c\x0bcollections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94h\x18K\x01sh\x13\x8c\x11FileNotFoundError\x94\x93\x94h\x13\x8c\x05range\x94\x93\x94e.",
    "#0[#1@34 new <shapes Point> () state #2{'x':f3ff8000000000000}; #3@66 new <shapes Stack> () items[1 2] state #4{'tag':'t'}; #5@113 newex <shapes Keyed> #6(1) #7{'k':2}; #8@158 call <builtins complex> #9(f3ff0000000000000 f8000000000000000) items[1 2] pairs{'a':1 'b':2} state #10{'q':1}; #11@221 call <collections OrderedDict> () pairs{'a':1}; <builtins FileNotFoundError> <builtins range>]"),
];
