//! What torch 2.15 writes for the values in the tests' names.

use super::*;

/// Key, elements, bytes and width of each storage.
fn storages(pickle: &[u8]) -> Vec<(String, u64, u64, u8)> {
    let storages = read(pickle).unwrap().storages;
    assert!(storages.iter().all(|storage| storage.location == "cpu"));
    storages.into_iter().map(|s| (s.key, s.elements, s.length, s.swap_width)).collect()
}

#[test]
fn only_texts_that_are_a_constant_of_torch_are_interned() {
    // The second `cpu` was computed at run time: equal, and another object.
    assert_eq!(
        shown(SHARING),
        "[~'cpu', 'cpu', ~'storage', float32@0+0[4]/[1], b'a', 'a', 'b', b'bc', 'conj', \
         complex64@1+0[1]/[1] conj]"
    );
}

#[test]
fn parameters_keep_their_attributes_and_identity() {
    assert_eq!(
        shown(PARAMETERS),
        "[Parameter(float32@0+0[2, 3]/[3, 1], true), Parameter(float32@1+0[2]/[1], true, {'tag': 1}), #1]"
    );
}

#[test]
fn views_share_a_storage_and_empty_tensors_own_one() {
    assert_eq!(
        shown(VIEWS),
        "{'base': float32@0+0[2, 3]/[3, 1], 't': float32@0+0[3, 2]/[1, 3], 'row': float32@0+3[3]/[1], \
         'empty': float32@1+0[0, 3]/[3, 1], 'wide': float32@2+0[5]/[0], '0d': int64@3+0[]/[]}"
    );
    let expected = [(6, 24, 4), (0, 0, 4), (1, 4, 4), (1, 8, 8)];
    let storages = storages(VIEWS);
    assert_eq!(storages.iter().map(|s| (s.1, s.2, s.3)).collect::<Vec<_>>(), expected);
    assert!(storages.iter().enumerate().all(|(index, s)| s.0 == index.to_string()));
}

#[test]
fn sparse_tensors_of_both_kinds() {
    assert_eq!(
        shown(SPARSE),
        "[coo(int64@0+0[2, 2]/[2, 1], float32@1+0[2]/[1], [2, 2], Some(false)), coo(int64@2+0[2, 2]/[2, \
         1], float32@3+0[2]/[1], [2, 2], Some(true)), sparse_csr(int64@4+0[3]/[1], int64@5+2[2]/[1], \
         float32@6+0[2]/[1], [2, 2]), sparse_bsc(int64@7+0[3]/[1], int64@8+2[2]/[1], float32@9+0[2, 1, \
         1]/[1, 1, 1], [2, 2]), sparse_coo]"
    );
}

#[test]
fn quantized_tensors_and_a_storage_of_half_bytes() {
    // torch counts the storage of a 4-bit type in bytes: 9 for 15 elements.
    assert_eq!(
        shown(QUANTIZED),
        "[quantized(qint8@0+0[2]/[1] by per_tensor_affine 0.5 3), quantized(quint4x2@1+0[3, 5]/[5, 1] by \
         per_channel_affine float32@2+0[3]/[1], float32@3+0[3]/[1] 0)]"
    );
    let expected = [(2, 2, 1), (9, 9, 1), (3, 12, 4), (3, 12, 4)];
    let storages = storages(QUANTIZED);
    assert_eq!(storages.iter().map(|s| (s.1, s.2, s.3)).collect::<Vec<_>>(), expected);
    assert!(storages.iter().enumerate().all(|(index, s)| s.0 == index.to_string()));
}

#[test]
fn a_module_state_dict_has_metadata() {
    assert_eq!(
        shown(MODULE),
        "OD{'weight': float32@0+0[1, 1]/[1, 1], 'bias': float32@1+0[1]/[1]}.{'_metadata': OD{'': \
         {'version': 1}}}"
    );
}

#[test]
fn an_optimizer_state_dict() {
    assert_eq!(
        shown(OPTIMIZER),
        "{'state': {0: {'step': float32@0+0[]/[], 'exp_avg': float32@1+0[1, 1]/[1, 1], 'exp_avg_sq': \
         float32@2+0[1, 1]/[1, 1]}, 1: {#5: float32@3+0[]/[], #7: float32@4+0[1]/[1], #9: \
         float32@5+0[1]/[1]}}, 'param_groups': [{'lr': 0.001, 'betas': (0.9, 0.999), 'eps': 1e-8, \
         'weight_decay': 0, 'amsgrad': false, 'maximize': false, 'foreach': None, 'capturable': false, \
         'differentiable': false, 'fused': None, 'decoupled_weight_decay': false, 'params': [0, 1]}]}"
    );
}

#[test]
fn numpy_scalars_are_known() {
    assert_eq!(
        shown(NUMPY),
        "[numpy(<f8 [0, 0, 0, 0, 0, 0, 224, 63] from <Call <numpy._core.multiarray.scalar> args(<Call \
         <numpy.dtype> args('f8', false, true) state(3, '<', None, None, None, -1, -1, 0)>, \
         b'\\x00\\x00\\x00\\x00\\x00\\x00\\xe0?')>), numpy(|b1 [1] from <Call #3 args(<Call #6 args('b1', \
         false, true) state(3, '|', None, None, None, -1, -1, 0)>, b'\\x01')>), numpy(<U2 [104, 0, 0, 0, \
         105, 0, 0, 0] from <Call #3 args(<Call #6 args('U2', false, true) state(3, #13, None, None, None, \
         8, 4, 8)>, b'h\\x00\\x00\\x00i\\x00\\x00\\x00')>), numpy(<M8[D] [86, 71, 0, 0, 0, 0, 0, 0] from \
         <Call #3 args(<Call #6 args('M8', false, true) state(4, #13, None, None, None, -1, -1, 0, (None, \
         (b'D', 1, 1, 1)))>, b'VG\\x00\\x00\\x00\\x00\\x00\\x00')>)]"
    );
}

#[test]
fn numpy_scalars_may_be_empty_or_without_a_unit() {
    let scalar = |code: &str, state: &str, data: &str| {
        let dtype = format!("cnumpy\ndtype\n(V{code}\nI00\nI01\ntR({state}tb");
        shown(format!("cnumpy._core.multiarray\nscalar\n({dtype}{data}tR.").as_bytes())
    };
    let empty = "c__builtin__\nbytes\n)R";
    assert!(scalar("U0", "I3\nV<\nNNNI0\nI4\nI8\n", empty).starts_with("numpy(<U0 [] from"));
    assert!(scalar("S0", "I3\nV|\nNNNI0\nI1\nI0\n", empty).starts_with("numpy(|S0 [] from"));
    assert!(scalar("i0", "I3\nV<\nNNNI0\nI1\nI0\n", empty).starts_with("<Call"));
    let unit = |count| format!("I4\nV<\nNNNI-1\nI-1\nI0\n(N(Vgeneric\nI{count}\nI1\nI1\ntt");
    let text = |code: &str| format!("c_codecs\nencode\n(V{code}\nVlatin1\ntR");
    let state = unit(1).replace("Vgeneric\n", &text("generic"));
    let five = text("\\u0005\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000");
    assert!(scalar("m8", &state, &five).starts_with("numpy(<m8[generic] [5, 0, 0, 0, 0, 0, 0, 0]"));
    let state = unit(2).replace("Vgeneric\n", &text("generic"));
    assert!(scalar("m8", &state, &five).starts_with("<Call"));
}

#[test]
fn an_unknown_object_stays_opaque() {
    assert_eq!(shown(NAMESPACE), "<New <argparse.Namespace> args() state{'lr': 0.1}>");
}

#[test]
fn a_whole_module_is_an_opaque_object_around_known_parameters() {
    assert_eq!(
        shown(LINEAR),
        "<New <torch.nn.modules.linear.Linear> args() state{'training': true, '_parameters': {'weight': \
         Parameter(float32@0+0[1, 1]/[1, 1], true), 'bias': Parameter(float32@1+0[1]/[1], true)}, \
         '_buffers': {}, '_non_persistent_buffers_set': set(), '_backward_pre_hooks': OD{}, \
         '_backward_hooks': OD{}, '_is_full_backward_hook': None, '_forward_hooks': OD{}, \
         '_forward_hooks_with_kwargs': OD{}, '_forward_hooks_always_called': OD{}, '_forward_pre_hooks': \
         OD{}, '_forward_pre_hooks_with_kwargs': OD{}, '_state_dict_hooks': OD{}, '_state_dict_pre_hooks': \
         OD{}, '_load_state_dict_pre_hooks': OD{}, '_load_state_dict_post_hooks': OD{}, '_modules': {}, \
         'in_features': 1, 'out_features': 1}>"
    );
}

#[test]
fn a_tensor_with_attributes() {
    assert_eq!(shown(ATTRIBUTES), "subclass(float32@0+0[2]/[1], <torch.Tensor>, {'foo': 3})");
}

#[test]
fn scalars_and_containers() {
    assert_eq!(
        shown(SCALARS),
        "[None, true, -1, big[0, 0, 0, 0, 0, 0, 0, 0, 64], 0.5, 1.0+2.0j, surrogates[ed, a0, 80], b'', \
         b'\\x00\\xff', bytearray'', bytearray'xy', (), (1), set(1, 2), frozenset(3), OD{}, Counter{'a': \
         2, 'b': 1}, Size[2, 3], device(cuda, Some(1)), device(cpu, None), float8_e5m2, per_tensor_affine, \
         strided, <collections.OrderedDict>]"
    );
}

#[test]
fn meta_tensors_and_conjugate_and_negative_views() {
    assert_eq!(
        shown(META),
        "[int8@meta+0[2, 3]/[3, 1], complex64@0+0[2]/[1] conj, float32@1+1[2]/[2] neg, uint16@2+0[2]/[1]]"
    );
    let expected = [(2, 16, 4), (4, 16, 4), (4, 4, 2)];
    let storages = storages(META);
    assert_eq!(storages.iter().map(|s| (s.1, s.2, s.3)).collect::<Vec<_>>(), expected);
    assert!(storages.iter().enumerate().all(|(index, s)| s.0 == index.to_string()));
}

#[test]
fn storages_saved_by_themselves() {
    assert_eq!(shown(STORAGES), "[storage0:float32, storage1:untyped, float32@0+0[4]/[1]]");
    let expected = [(4, 16, 4), (3, 3, 1)];
    let storages = storages(STORAGES);
    assert_eq!(storages.iter().map(|s| (s.1, s.2, s.3)).collect::<Vec<_>>(), expected);
    assert!(storages.iter().enumerate().all(|(index, s)| s.0 == index.to_string()));
}

#[test]
fn every_dtype_that_torch_saves() {
    assert_eq!(
        shown(DTYPES),
        "[float64@0+0[2]/[1], float32@1+0[2]/[1], float16@2+0[2]/[1], bfloat16@3+0[2]/[1], \
         float8_e5m2@4+0[2]/[1], float8_e4m3fn@5+0[2]/[1], float8_e5m2fnuz@6+0[2]/[1], \
         float8_e4m3fnuz@7+0[2]/[1], float8_e8m0fnu@8+0[2]/[1], float4_e2m1fn_x2@9+0[2]/[1], \
         complex128@10+0[2]/[1], complex64@11+0[2]/[1], complex32@12+0[2]/[1], int64@13+0[2]/[1], \
         int32@14+0[2]/[1], int16@15+0[2]/[1], int8@16+0[2]/[1], uint64@17+0[2]/[1], uint32@18+0[2]/[1], \
         uint16@19+0[2]/[1], uint8@20+0[2]/[1], bool@21+0[2]/[1], bits16@22+0[2]/[1], bits8@23+0[2]/[1], \
         bits4x2@24+0[2]/[1], bits2x4@25+0[2]/[1], bits1x8@26+0[2]/[1], bcomplex32@27+0[2]/[1]]"
    );
    let expected = [
        (2, 16, 8),
        (2, 8, 4),
        (2, 4, 2),
        (2, 4, 2),
        (2, 2, 1),
        (2, 2, 1),
        (2, 2, 1),
        (2, 2, 1),
        (2, 2, 1),
        (2, 2, 1),
        (2, 32, 8),
        (2, 16, 4),
        (8, 8, 2),
        (2, 16, 8),
        (2, 8, 4),
        (2, 4, 2),
        (2, 2, 1),
        (16, 16, 8),
        (8, 8, 4),
        (4, 4, 2),
        (2, 2, 1),
        (2, 2, 1),
        (4, 4, 2),
        (2, 2, 1),
        (2, 2, 1),
        (2, 2, 1),
        (2, 2, 1),
        (8, 8, 2),
    ];
    let storages = storages(DTYPES);
    assert_eq!(storages.iter().map(|s| (s.1, s.2, s.3)).collect::<Vec<_>>(), expected);
    assert!(storages.iter().enumerate().all(|(index, s)| s.0 == index.to_string()));
}

#[test]
fn one_tensor_in_two_places_is_one_node() {
    assert_eq!(shown(TREE), "[float32@0+0[2, 3]/[3, 1], {'a': [#1]}]");
}

#[test]
fn tied_weights_share_a_storage() {
    assert_eq!(
        shown(TIED),
        "OD{'0.weight': float32@0+0[2, 2]/[2, 1], '1.weight': float32@0+0[2, 2]/[2, 1]}.{'_metadata': \
         OD{'': {'version': 1}, '0': {#10: 1}, '1': {#10: 1}}}"
    );
}

/// All pickles here, for tests that break them.
pub(super) const ALL: &[&[u8]] = &[
    SHARING, PARAMETERS, VIEWS, SPARSE, QUANTIZED, MODULE, OPTIMIZER, NUMPY, NAMESPACE, LINEAR, ATTRIBUTES,
    SCALARS, META, STORAGES, DTYPES, TREE, TIED,
];

const SHARING: &[u8] =
    b"\x80\x02]q\x00(X\x03\x00\x00\x00cpuq\x01X\x03\x00\x00\x00cpuq\x02X\x07\x00\x00\x00storageq\x03ctorch\
    ._utils\n_rebuild_tensor_v2\nq\x04((h\x03ctorch\nFloatStorage\nq\x05X\x01\x00\x00\x000q\x06h\x01K\
    \x04tq\x07QK\x00K\x04\x85q\x08K\x01\x85q\x09\x89ccollections\nOrderedDict\nq\n)Rq\x0btq\x0cRq\x0dc_c\
    odecs\nencode\nq\x0eX\x01\x00\x00\x00aq\x0fX\x06\x00\x00\x00latin1q\x10\x86q\x11Rq\x12X\x01\x00\x00\
    \x00aq\x13X\x01\x00\x00\x00bq\x14h\x0eX\x02\x00\x00\x00bcq\x15h\x10\x86q\x16Rq\x17X\x04\x00\x00\x00c\
    onjq\x18h\x04((h\x03ctorch\nComplexFloatStorage\nq\x19X\x01\x00\x00\x001q\x1ah\x01K\x01tq\x1bQK\x00K\
    \x01\x85q\x1cK\x01\x85q\x1d\x89h\n)Rq\x1e}q\x1fX\x04\x00\x00\x00conjq \x88stq!Rq\"e.";

const PARAMETERS: &[u8] =
    b"\x80\x02]q\x00(ctorch._utils\n_rebuild_parameter\nq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\
    \x07\x00\x00\x00storageq\x03ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x000q\x05X\x03\x00\x00\x00cpuq\
    \x06K\x06tq\x07QK\x00K\x02K\x03\x86q\x08K\x03K\x01\x86q\x09\x89ccollections\nOrderedDict\nq\n)Rq\x0b\
    tq\x0cRq\x0d\x88h\n)Rq\x0e\x87q\x0fRq\x10ctorch._utils\n_rebuild_parameter_with_state\nq\x11(h\x02((\
    h\x03h\x04X\x01\x00\x00\x001q\x12h\x06K\x02tq\x13QK\x00K\x02\x85q\x14K\x01\x85q\x15\x89h\n)Rq\x16tq\
    \x17Rq\x18\x88h\n)Rq\x19}q\x1aX\x03\x00\x00\x00tagq\x1bK\x01stq\x1cRq\x1dh\x10e.";

const VIEWS: &[u8] =
    b"\x80\x02}q\x00(X\x04\x00\x00\x00baseq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\x00\x00\x00\
    storageq\x03ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x000q\x05X\x03\x00\x00\x00cpuq\x06K\x06tq\x07QK\
    \x00K\x02K\x03\x86q\x08K\x03K\x01\x86q\x09\x89ccollections\nOrderedDict\nq\n)Rq\x0btq\x0cRq\x0dX\x01\
    \x00\x00\x00tq\x0eh\x02((h\x03h\x04h\x05h\x06K\x06tq\x0fQK\x00K\x03K\x02\x86q\x10K\x01K\x03\x86q\x11\
    \x89h\n)Rq\x12tq\x13Rq\x14X\x03\x00\x00\x00rowq\x15h\x02((h\x03h\x04h\x05h\x06K\x06tq\x16QK\x03K\x03\
    \x85q\x17K\x01\x85q\x18\x89h\n)Rq\x19tq\x1aRq\x1bX\x05\x00\x00\x00emptyq\x1ch\x02((h\x03h\x04X\x01\
    \x00\x00\x001q\x1dh\x06K\x00tq\x1eQK\x00K\x00K\x03\x86q\x1fK\x03K\x01\x86q \x89h\n)Rq!tq\"Rq#X\x04\
    \x00\x00\x00wideq$h\x02((h\x03h\x04X\x01\x00\x00\x002q%h\x06K\x01tq&QK\x00K\x05\x85q'K\x00\x85q(\x89\
    h\n)Rq)tq*Rq+X\x02\x00\x00\x000dq,h\x02((h\x03ctorch\nLongStorage\nq-X\x01\x00\x00\x003q.h\x06K\x01t\
    q/QK\x00))\x89h\n)Rq0tq1Rq2u.";

const SPARSE: &[u8] =
    b"\x80\x02]q\x00(ctorch._utils\n_rebuild_sparse_tensor\nq\x01ctorch.serialization\n_get_layout\nq\x02X\
    \x10\x00\x00\x00torch.sparse_cooq\x03\x85q\x04Rq\x05(ctorch._utils\n_rebuild_tensor_v2\nq\x06((X\x07\
    \x00\x00\x00storageq\x07ctorch\nLongStorage\nq\x08X\x01\x00\x00\x000q\x09X\x03\x00\x00\x00cpuq\nK\
    \x04tq\x0bQK\x00K\x02K\x02\x86q\x0cK\x02K\x01\x86q\x0d\x89ccollections\nOrderedDict\nq\x0e)Rq\x0ftq\
    \x10Rq\x11h\x06((h\x07ctorch\nFloatStorage\nq\x12X\x01\x00\x00\x001q\x13h\nK\x02tq\x14QK\x00K\x02\
    \x85q\x15K\x01\x85q\x16\x89h\x0e)Rq\x17tq\x18Rq\x19ctorch\nSize\nq\x1aK\x02K\x02\x86q\x1b\x85q\x1cRq\
    \x1d\x89tq\x1e\x86q\x1fRq h\x01h\x05(h\x06((h\x07h\x08X\x01\x00\x00\x002q!h\nK\x04tq\"QK\x00K\x02K\
    \x02\x86q#K\x02K\x01\x86q$\x89h\x0e)Rq%tq&Rq'h\x06((h\x07h\x12X\x01\x00\x00\x003q(h\nK\x02tq)QK\x00K\
    \x02\x85q*K\x01\x85q+\x89h\x0e)Rq,tq-Rq.h\x1aK\x02K\x02\x86q/\x85q0Rq1\x88tq2\x86q3Rq4h\x01h\x02X\
    \x10\x00\x00\x00torch.sparse_csrq5\x85q6Rq7(h\x06((h\x07h\x08X\x01\x00\x00\x004q8h\nK\x03tq9QK\x00K\
    \x03\x85q:K\x01\x85q;\x89h\x0e)Rq<tq=Rq>h\x06((h\x07h\x08X\x01\x00\x00\x005q?h\nK\x04tq@QK\x02K\x02\
    \x85qAK\x01\x85qB\x89h\x0e)RqCtqDRqEh\x06((h\x07h\x12X\x01\x00\x00\x006qFh\nK\x02tqGQK\x00K\x02\x85q\
    HK\x01\x85qI\x89h\x0e)RqJtqKRqLh\x1aK\x02K\x02\x86qM\x85qNRqOtqP\x86qQRqRh\x01h\x02X\x10\x00\x00\x00\
    torch.sparse_bscqS\x85qTRqU(h\x06((h\x07h\x08X\x01\x00\x00\x007qVh\nK\x03tqWQK\x00K\x03\x85qXK\x01\
    \x85qY\x89h\x0e)RqZtq[Rq\\h\x06((h\x07h\x08X\x01\x00\x00\x008q]h\nK\x04tq^QK\x02K\x02\x85q_K\x01\x85\
    q`\x89h\x0e)RqatqbRqch\x06((h\x07h\x12X\x01\x00\x00\x009qdh\nK\x02tqeQK\x00K\x02K\x01K\x01\x87qfK\
    \x01K\x01K\x01\x87qg\x89h\x0e)RqhtqiRqjh\x1aK\x02K\x02\x86qk\x85qlRqmtqn\x86qoRqph\x05e.";

const QUANTIZED: &[u8] =
    b"\x80\x02]q\x00(ctorch._utils\n_rebuild_qtensor\nq\x01((X\x07\x00\x00\x00storageq\x02ctorch\nQInt8Sto\
    rage\nq\x03X\x01\x00\x00\x000q\x04X\x03\x00\x00\x00cpuq\x05K\x02tq\x06QK\x00K\x02\x85q\x07K\x01\x85q\
    \x08ctorch\nper_tensor_affine\nq\x09G?\xe0\x00\x00\x00\x00\x00\x00K\x03\x87q\n\x89ccollections\nOrde\
    redDict\nq\x0b)Rq\x0ctq\x0dRq\x0eh\x01((h\x02ctorch\nQUInt4x2Storage\nq\x0fX\x01\x00\x00\x001q\x10h\
    \x05K\x09tq\x11QK\x00K\x03K\x05\x86q\x12K\x05K\x01\x86q\x13(ctorch\nper_channel_affine\nq\x14ctorch.\
    _utils\n_rebuild_tensor_v2\nq\x15((h\x02ctorch\nFloatStorage\nq\x16X\x01\x00\x00\x002q\x17h\x05K\x03\
    tq\x18QK\x00K\x03\x85q\x19K\x01\x85q\x1a\x89h\x0b)Rq\x1btq\x1cRq\x1dh\x15((h\x02h\x16X\x01\x00\x00\
    \x003q\x1eh\x05K\x03tq\x1fQK\x00K\x03\x85q K\x01\x85q!\x89h\x0b)Rq\"tq#Rq$K\x00tq%\x89h\x0b)Rq&tq'Rq\
    (e.";

const MODULE: &[u8] =
    b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01(X\x06\x00\x00\x00weightq\x02ctorch._utils\n_rebuild_\
    tensor_v2\nq\x03((X\x07\x00\x00\x00storageq\x04ctorch\nFloatStorage\nq\x05X\x01\x00\x00\x000q\x06X\
    \x03\x00\x00\x00cpuq\x07K\x01tq\x08QK\x00K\x01K\x01\x86q\x09K\x01K\x01\x86q\n\x89h\x00)Rq\x0btq\x0cR\
    q\x0dX\x04\x00\x00\x00biasq\x0eh\x03((h\x04h\x05X\x01\x00\x00\x001q\x0fh\x07K\x01tq\x10QK\x00K\x01\
    \x85q\x11K\x01\x85q\x12\x89h\x00)Rq\x13tq\x14Rq\x15u}q\x16X\x09\x00\x00\x00_metadataq\x17h\x00)Rq\
    \x18X\x00\x00\x00\x00q\x19}q\x1aX\x07\x00\x00\x00versionq\x1bK\x01sssb.";

const OPTIMIZER: &[u8] =
    b"\x80\x02}q\x00(X\x05\x00\x00\x00stateq\x01}q\x02(K\x00}q\x03(X\x04\x00\x00\x00stepq\x04ctorch._utils\
    \n_rebuild_tensor_v2\nq\x05((X\x07\x00\x00\x00storageq\x06ctorch\nFloatStorage\nq\x07X\x01\x00\x00\
    \x000q\x08X\x03\x00\x00\x00cpuq\x09K\x01tq\nQK\x00))\x89ccollections\nOrderedDict\nq\x0b)Rq\x0ctq\
    \x0dRq\x0eX\x07\x00\x00\x00exp_avgq\x0fh\x05((h\x06h\x07X\x01\x00\x00\x001q\x10h\x09K\x01tq\x11QK\
    \x00K\x01K\x01\x86q\x12K\x01K\x01\x86q\x13\x89h\x0b)Rq\x14tq\x15Rq\x16X\n\x00\x00\x00exp_avg_sqq\x17\
    h\x05((h\x06h\x07X\x01\x00\x00\x002q\x18h\x09K\x01tq\x19QK\x00K\x01K\x01\x86q\x1aK\x01K\x01\x86q\x1b\
    \x89h\x0b)Rq\x1ctq\x1dRq\x1euK\x01}q\x1f(h\x04h\x05((h\x06h\x07X\x01\x00\x00\x003q h\x09K\x01tq!QK\
    \x00))\x89h\x0b)Rq\"tq#Rq$h\x0fh\x05((h\x06h\x07X\x01\x00\x00\x004q%h\x09K\x01tq&QK\x00K\x01\x85q'K\
    \x01\x85q(\x89h\x0b)Rq)tq*Rq+h\x17h\x05((h\x06h\x07X\x01\x00\x00\x005q,h\x09K\x01tq-QK\x00K\x01\x85q\
    .K\x01\x85q/\x89h\x0b)Rq0tq1Rq2uuX\x0c\x00\x00\x00param_groupsq3]q4}q5(X\x02\x00\x00\x00lrq6G?PbM\
    \xd2\xf1\xa9\xfcX\x05\x00\x00\x00betasq7G?\xec\xcc\xcc\xcc\xcc\xcc\xcdG?\xef\xf7\xce\xd9\x16\x87+\
    \x86q8X\x03\x00\x00\x00epsq9G>Ey\x8e\xe20\x8c:X\x0c\x00\x00\x00weight_decayq:K\x00X\x07\x00\x00\x00a\
    msgradq;\x89X\x08\x00\x00\x00maximizeq<\x89X\x07\x00\x00\x00foreachq=NX\n\x00\x00\x00capturableq>\
    \x89X\x0e\x00\x00\x00differentiableq?\x89X\x05\x00\x00\x00fusedq@NX\x16\x00\x00\x00decoupled_weight_\
    decayqA\x89X\x06\x00\x00\x00paramsqB]qC(K\x00K\x01euau.";

const NUMPY: &[u8] =
    b"\x80\x02]q\x00(cnumpy._core.multiarray\nscalar\nq\x01cnumpy\ndtype\nq\x02X\x02\x00\x00\x00f8q\x03\
    \x89\x88\x87q\x04Rq\x05(K\x03X\x01\x00\x00\x00<q\x06NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x07\
    bc_codecs\nencode\nq\x08X\x09\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc3\xa0?q\x09X\x06\x00\x00\x00lati\
    n1q\n\x86q\x0bRq\x0c\x86q\x0dRq\x0eh\x01h\x02X\x02\x00\x00\x00b1q\x0f\x89\x88\x87q\x10Rq\x11(K\x03X\
    \x01\x00\x00\x00|q\x12NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x13bh\x08X\x01\x00\x00\x00\x01q\
    \x14h\n\x86q\x15Rq\x16\x86q\x17Rq\x18h\x01h\x02X\x02\x00\x00\x00U2q\x19\x89\x88\x87q\x1aRq\x1b(K\x03\
    h\x06NNNK\x08K\x04K\x08tq\x1cbh\x08X\x08\x00\x00\x00h\x00\x00\x00i\x00\x00\x00q\x1dh\n\x86q\x1eRq\
    \x1f\x86q Rq!h\x01h\x02X\x02\x00\x00\x00M8q\"\x89\x88\x87q#Rq$(K\x04h\x06NNNJ\xff\xff\xff\xffJ\xff\
    \xff\xff\xffK\x00N(h\x08X\x01\x00\x00\x00Dq%h\n\x86q&Rq'K\x01K\x01K\x01tq(\x86q)tq*bh\x08X\x08\x00\
    \x00\x00VG\x00\x00\x00\x00\x00\x00q+h\n\x86q,Rq-\x86q.Rq/e.";

const NAMESPACE: &[u8] =
    b"\x80\x02cargparse\nNamespace\nq\x00)\x81q\x01}q\x02X\x02\x00\x00\x00lrq\x03G?\xb9\x99\x99\x99\x99\
    \x99\x9asb.";

const LINEAR: &[u8] =
    b"\x80\x02ctorch.nn.modules.linear\nLinear\nq\x00)\x81q\x01}q\x02(X\x08\x00\x00\x00trainingq\x03\x88X\
    \x0b\x00\x00\x00_parametersq\x04}q\x05(X\x06\x00\x00\x00weightq\x06ctorch._utils\n_rebuild_parameter\
    \nq\x07ctorch._utils\n_rebuild_tensor_v2\nq\x08((X\x07\x00\x00\x00storageq\x09ctorch\nFloatStorage\n\
    q\nX\x01\x00\x00\x000q\x0bX\x03\x00\x00\x00cpuq\x0cK\x01tq\x0dQK\x00K\x01K\x01\x86q\x0eK\x01K\x01\
    \x86q\x0f\x89ccollections\nOrderedDict\nq\x10)Rq\x11tq\x12Rq\x13\x88h\x10)Rq\x14\x87q\x15Rq\x16X\x04\
    \x00\x00\x00biasq\x17h\x07h\x08((h\x09h\nX\x01\x00\x00\x001q\x18h\x0cK\x01tq\x19QK\x00K\x01\x85q\x1a\
    K\x01\x85q\x1b\x89h\x10)Rq\x1ctq\x1dRq\x1e\x88h\x10)Rq\x1f\x87q Rq!uX\x08\x00\x00\x00_buffersq\"}q#X\
    \x1b\x00\x00\x00_non_persistent_buffers_setq$c__builtin__\nset\nq%]q&\x85q'Rq(X\x13\x00\x00\x00_back\
    ward_pre_hooksq)h\x10)Rq*X\x0f\x00\x00\x00_backward_hooksq+h\x10)Rq,X\x16\x00\x00\x00_is_full_backwa\
    rd_hookq-NX\x0e\x00\x00\x00_forward_hooksq.h\x10)Rq/X\x1a\x00\x00\x00_forward_hooks_with_kwargsq0h\
    \x10)Rq1X\x1c\x00\x00\x00_forward_hooks_always_calledq2h\x10)Rq3X\x12\x00\x00\x00_forward_pre_hooksq\
    4h\x10)Rq5X\x1e\x00\x00\x00_forward_pre_hooks_with_kwargsq6h\x10)Rq7X\x11\x00\x00\x00_state_dict_hoo\
    ksq8h\x10)Rq9X\x15\x00\x00\x00_state_dict_pre_hooksq:h\x10)Rq;X\x1a\x00\x00\x00_load_state_dict_pre_\
    hooksq<h\x10)Rq=X\x1b\x00\x00\x00_load_state_dict_post_hooksq>h\x10)Rq?X\x08\x00\x00\x00_modulesq@}q\
    AX\x0b\x00\x00\x00in_featuresqBK\x01X\x0c\x00\x00\x00out_featuresqCK\x01ub.";

const ATTRIBUTES: &[u8] =
    b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\nq\x00(ctorch._utils\n_rebuild_tensor_v2\nq\x01ctorch\
    \nTensor\nq\x02((X\x07\x00\x00\x00storageq\x03ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x000q\x05X\
    \x03\x00\x00\x00cpuq\x06K\x02tq\x07QK\x00K\x02\x85q\x08K\x01\x85q\x09\x89ccollections\nOrderedDict\n\
    q\n)Rq\x0btq\x0c}q\x0dX\x03\x00\x00\x00fooq\x0eK\x03stq\x0fRq\x10.";

const SCALARS: &[u8] =
    b"\x80\x02]q\x00(N\x88J\xff\xff\xff\xff\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00@G?\xe0\x00\x00\x00\x00\
    \x00\x00c__builtin__\ncomplex\nq\x01G?\xf0\x00\x00\x00\x00\x00\x00G@\x00\x00\x00\x00\x00\x00\x00\x86\
    q\x02Rq\x03X\x03\x00\x00\x00\xed\xa0\x80q\x04c__builtin__\nbytes\nq\x05)Rq\x06c_codecs\nencode\nq\
    \x07X\x03\x00\x00\x00\x00\xc3\xbfq\x08X\x06\x00\x00\x00latin1q\x09\x86q\nRq\x0bc__builtin__\nbytearr\
    ay\nq\x0c)Rq\x0dh\x0ch\x07X\x02\x00\x00\x00xyq\x0eh\x09\x86q\x0fRq\x10\x85q\x11Rq\x12)K\x01\x85q\x13\
    c__builtin__\nset\nq\x14]q\x15(K\x01K\x02e\x85q\x16Rq\x17c__builtin__\nfrozenset\nq\x18]q\x19K\x03a\
    \x85q\x1aRq\x1bccollections\nOrderedDict\nq\x1c)Rq\x1dccollections\nCounter\nq\x1e}q\x1f(X\x01\x00\
    \x00\x00aq K\x02X\x01\x00\x00\x00bq!K\x01u\x85q\"Rq#ctorch\nSize\nq$K\x02K\x03\x86q%\x85q&Rq'ctorch\
    \ndevice\nq(X\x04\x00\x00\x00cudaq)K\x01\x86q*Rq+h(X\x03\x00\x00\x00cpuq,\x85q-Rq.ctorch\nfloat8_e5m\
    2\nq/ctorch\nper_tensor_affine\nq0ctorch.serialization\n_get_layout\nq1X\x0d\x00\x00\x00torch.stride\
    dq2\x85q3Rq4h\x1ce.";

const META: &[u8] =
    b"\x80\x02]q\x00(ctorch._utils\n_rebuild_meta_tensor_no_storage\nq\x01(ctorch\nint8\nq\x02K\x02K\x03\
    \x86q\x03K\x03K\x01\x86q\x04\x89tq\x05Rq\x06ctorch._utils\n_rebuild_tensor_v2\nq\x07((X\x07\x00\x00\
    \x00storageq\x08ctorch\nComplexFloatStorage\nq\x09X\x01\x00\x00\x000q\nX\x03\x00\x00\x00cpuq\x0bK\
    \x02tq\x0cQK\x00K\x02\x85q\x0dK\x01\x85q\x0e\x89ccollections\nOrderedDict\nq\x0f)Rq\x10}q\x11X\x04\
    \x00\x00\x00conjq\x12\x88stq\x13Rq\x14h\x07((h\x08ctorch\nFloatStorage\nq\x15X\x01\x00\x00\x001q\x16\
    h\x0bK\x04tq\x17QK\x01K\x02\x85q\x18K\x02\x85q\x19\x89h\x0f)Rq\x1a}q\x1bX\x03\x00\x00\x00negq\x1c\
    \x88stq\x1dRq\x1ectorch._utils\n_rebuild_tensor_v3\nq\x1f((h\x08ctorch.storage\nUntypedStorage\nq X\
    \x01\x00\x00\x002q!h\x0bK\x04tq\"QK\x00K\x02\x85q#K\x01\x85q$\x89h\x0f)Rq%ctorch\nuint16\nq&tq'Rq(e.";

const STORAGES: &[u8] =
    b"\x80\x02]q\x00((X\x07\x00\x00\x00storageq\x01ctorch\nFloatStorage\nq\x02X\x01\x00\x00\x000q\x03X\x03\
    \x00\x00\x00cpuq\x04K\x04tq\x05Q(h\x01ctorch.storage\nUntypedStorage\nq\x06X\x01\x00\x00\x001q\x07h\
    \x04K\x03tq\x08Qctorch._utils\n_rebuild_tensor_v2\nq\x09((h\x01h\x02h\x03h\x04K\x04tq\nQK\x00K\x04\
    \x85q\x0bK\x01\x85q\x0c\x89ccollections\nOrderedDict\nq\x0d)Rq\x0etq\x0fRq\x10e.";

const DTYPES: &[u8] =
    b"\x80\x02]q\x00(ctorch._utils\n_rebuild_tensor_v2\nq\x01((X\x07\x00\x00\x00storageq\x02ctorch\nDouble\
    Storage\nq\x03X\x01\x00\x00\x000q\x04X\x03\x00\x00\x00cpuq\x05K\x02tq\x06QK\x00K\x02\x85q\x07K\x01\
    \x85q\x08\x89ccollections\nOrderedDict\nq\x09)Rq\ntq\x0bRq\x0ch\x01((h\x02ctorch\nFloatStorage\nq\
    \x0dX\x01\x00\x00\x001q\x0eh\x05K\x02tq\x0fQK\x00K\x02\x85q\x10K\x01\x85q\x11\x89h\x09)Rq\x12tq\x13R\
    q\x14h\x01((h\x02ctorch\nHalfStorage\nq\x15X\x01\x00\x00\x002q\x16h\x05K\x02tq\x17QK\x00K\x02\x85q\
    \x18K\x01\x85q\x19\x89h\x09)Rq\x1atq\x1bRq\x1ch\x01((h\x02ctorch\nBFloat16Storage\nq\x1dX\x01\x00\
    \x00\x003q\x1eh\x05K\x02tq\x1fQK\x00K\x02\x85q K\x01\x85q!\x89h\x09)Rq\"tq#Rq$ctorch._utils\n_rebuil\
    d_tensor_v3\nq%((h\x02ctorch.storage\nUntypedStorage\nq&X\x01\x00\x00\x004q'h\x05K\x02tq(QK\x00K\x02\
    \x85q)K\x01\x85q*\x89h\x09)Rq+ctorch\nfloat8_e5m2\nq,tq-Rq.h%((h\x02h&X\x01\x00\x00\x005q/h\x05K\x02\
    tq0QK\x00K\x02\x85q1K\x01\x85q2\x89h\x09)Rq3ctorch\nfloat8_e4m3fn\nq4tq5Rq6h%((h\x02h&X\x01\x00\x00\
    \x006q7h\x05K\x02tq8QK\x00K\x02\x85q9K\x01\x85q:\x89h\x09)Rq;ctorch\nfloat8_e5m2fnuz\nq<tq=Rq>h%((h\
    \x02h&X\x01\x00\x00\x007q?h\x05K\x02tq@QK\x00K\x02\x85qAK\x01\x85qB\x89h\x09)RqCctorch\nfloat8_e4m3f\
    nuz\nqDtqERqFh%((h\x02h&X\x01\x00\x00\x008qGh\x05K\x02tqHQK\x00K\x02\x85qIK\x01\x85qJ\x89h\x09)RqKct\
    orch\nfloat8_e8m0fnu\nqLtqMRqNh%((h\x02h&X\x01\x00\x00\x009qOh\x05K\x02tqPQK\x00K\x02\x85qQK\x01\x85\
    qR\x89h\x09)RqSctorch\nfloat4_e2m1fn_x2\nqTtqURqVh\x01((h\x02ctorch\nComplexDoubleStorage\nqWX\x02\
    \x00\x00\x0010qXh\x05K\x02tqYQK\x00K\x02\x85qZK\x01\x85q[\x89h\x09)Rq\\tq]Rq^h\x01((h\x02ctorch\nCom\
    plexFloatStorage\nq_X\x02\x00\x00\x0011q`h\x05K\x02tqaQK\x00K\x02\x85qbK\x01\x85qc\x89h\x09)RqdtqeRq\
    fh%((h\x02h&X\x02\x00\x00\x0012qgh\x05K\x08tqhQK\x00K\x02\x85qiK\x01\x85qj\x89h\x09)Rqkctorch\ncompl\
    ex32\nqltqmRqnh\x01((h\x02ctorch\nLongStorage\nqoX\x02\x00\x00\x0013qph\x05K\x02tqqQK\x00K\x02\x85qr\
    K\x01\x85qs\x89h\x09)RqttquRqvh\x01((h\x02ctorch\nIntStorage\nqwX\x02\x00\x00\x0014qxh\x05K\x02tqyQK\
    \x00K\x02\x85qzK\x01\x85q{\x89h\x09)Rq|tq}Rq~h\x01((h\x02ctorch\nShortStorage\nq\x7fX\x02\x00\x00\
    \x0015q\x80h\x05K\x02tq\x81QK\x00K\x02\x85q\x82K\x01\x85q\x83\x89h\x09)Rq\x84tq\x85Rq\x86h\x01((h\
    \x02ctorch\nCharStorage\nq\x87X\x02\x00\x00\x0016q\x88h\x05K\x02tq\x89QK\x00K\x02\x85q\x8aK\x01\x85q\
    \x8b\x89h\x09)Rq\x8ctq\x8dRq\x8eh%((h\x02h&X\x02\x00\x00\x0017q\x8fh\x05K\x10tq\x90QK\x00K\x02\x85q\
    \x91K\x01\x85q\x92\x89h\x09)Rq\x93ctorch\nuint64\nq\x94tq\x95Rq\x96h%((h\x02h&X\x02\x00\x00\x0018q\
    \x97h\x05K\x08tq\x98QK\x00K\x02\x85q\x99K\x01\x85q\x9a\x89h\x09)Rq\x9bctorch\nuint32\nq\x9ctq\x9dRq\
    \x9eh%((h\x02h&X\x02\x00\x00\x0019q\x9fh\x05K\x04tq\xa0QK\x00K\x02\x85q\xa1K\x01\x85q\xa2\x89h\x09)R\
    q\xa3ctorch\nuint16\nq\xa4tq\xa5Rq\xa6h\x01((h\x02ctorch\nByteStorage\nq\xa7X\x02\x00\x00\x0020q\xa8\
    h\x05K\x02tq\xa9QK\x00K\x02\x85q\xaaK\x01\x85q\xab\x89h\x09)Rq\xactq\xadRq\xaeh\x01((h\x02ctorch\nBo\
    olStorage\nq\xafX\x02\x00\x00\x0021q\xb0h\x05K\x02tq\xb1QK\x00K\x02\x85q\xb2K\x01\x85q\xb3\x89h\x09)\
    Rq\xb4tq\xb5Rq\xb6h%((h\x02h&X\x02\x00\x00\x0022q\xb7h\x05K\x04tq\xb8QK\x00K\x02\x85q\xb9K\x01\x85q\
    \xba\x89h\x09)Rq\xbbctorch\nbits16\nq\xbctq\xbdRq\xbeh%((h\x02h&X\x02\x00\x00\x0023q\xbfh\x05K\x02tq\
    \xc0QK\x00K\x02\x85q\xc1K\x01\x85q\xc2\x89h\x09)Rq\xc3ctorch\nbits8\nq\xc4tq\xc5Rq\xc6h%((h\x02h&X\
    \x02\x00\x00\x0024q\xc7h\x05K\x02tq\xc8QK\x00K\x02\x85q\xc9K\x01\x85q\xca\x89h\x09)Rq\xcbctorch\nbit\
    s4x2\nq\xcctq\xcdRq\xceh%((h\x02h&X\x02\x00\x00\x0025q\xcfh\x05K\x02tq\xd0QK\x00K\x02\x85q\xd1K\x01\
    \x85q\xd2\x89h\x09)Rq\xd3ctorch\nbits2x4\nq\xd4tq\xd5Rq\xd6h%((h\x02h&X\x02\x00\x00\x0026q\xd7h\x05K\
    \x02tq\xd8QK\x00K\x02\x85q\xd9K\x01\x85q\xda\x89h\x09)Rq\xdbctorch\nbits1x8\nq\xdctq\xddRq\xdeh%((h\
    \x02h&X\x02\x00\x00\x0027q\xdfh\x05K\x08tq\xe0QK\x00K\x02\x85q\xe1K\x01\x85q\xe2\x89h\x09)Rq\xe3ctor\
    ch\nbcomplex32\nq\xe4tq\xe5Rq\xe6e.";

const TREE: &[u8] =
    b"\x80\x02]q\x00(ctorch._utils\n_rebuild_tensor_v2\nq\x01((X\x07\x00\x00\x00storageq\x02ctorch\nFloatS\
    torage\nq\x03X\x01\x00\x00\x000q\x04X\x03\x00\x00\x00cpuq\x05K\x06tq\x06QK\x00K\x02K\x03\x86q\x07K\
    \x03K\x01\x86q\x08\x89ccollections\nOrderedDict\nq\x09)Rq\ntq\x0bRq\x0c}q\x0dX\x01\x00\x00\x00aq\x0e\
    ]q\x0fh\x0case.";

const TIED: &[u8] =
    b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01(X\x08\x00\x00\x000.weightq\x02ctorch._utils\n_rebuil\
    d_tensor_v2\nq\x03((X\x07\x00\x00\x00storageq\x04ctorch\nFloatStorage\nq\x05X\x01\x00\x00\x000q\x06X\
    \x03\x00\x00\x00cpuq\x07K\x04tq\x08QK\x00K\x02K\x02\x86q\x09K\x02K\x01\x86q\n\x89h\x00)Rq\x0btq\x0cR\
    q\x0dX\x08\x00\x00\x001.weightq\x0eh\x03((h\x04h\x05h\x06h\x07K\x04tq\x0fQK\x00K\x02K\x02\x86q\x10K\
    \x02K\x01\x86q\x11\x89h\x00)Rq\x12tq\x13Rq\x14u}q\x15X\x09\x00\x00\x00_metadataq\x16h\x00)Rq\x17(X\
    \x00\x00\x00\x00q\x18}q\x19X\x07\x00\x00\x00versionq\x1aK\x01sX\x01\x00\x00\x000q\x1b}q\x1ch\x1aK\
    \x01sX\x01\x00\x00\x001q\x1d}q\x1eh\x1aK\x01susb.";
