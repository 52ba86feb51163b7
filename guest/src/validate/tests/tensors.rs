//! Tensors in legacy streams, which have pickle and storages in one.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::build::{call, ints, legacy, list, pickle, storage, storage_at, tensor, text, tuple, vector};
use super::{judge, summary, summary_of};
use crate::Limits;
use crate::validate::{Policy, ValidateOptions, Verdict};

type Storages<'a> = &'a [(&'a str, i64, &'a [u8])];

/// The ids of what is found in a stream, beside the instructions that only the
/// tests write.
fn found(object: &str, storages: Storages<'_>) -> Vec<&'static str> {
    found_under(object, storages, ValidateOptions::default())
}

fn found_under(object: &str, storages: Storages<'_>, options: ValidateOptions) -> Vec<&'static str> {
    let report = judge(&legacy(object, storages), options);
    let mut ids: Vec<_> = report.findings.iter().map(|finding| finding.rule.id).collect();
    ids.retain(|&id| id != "SR-PICKLE-OPCODE");
    ids
}

/// Checks that exactly this is found.
fn finds(id: &str, object: &str, storages: Storages<'_>) {
    assert_eq!(found(object, storages), [id], "{}", summary(&legacy(object, storages)));
}

fn nothing(object: &str, storages: Storages<'_>) {
    assert!(found(object, storages).is_empty(), "{}", summary(&legacy(object, storages)));
}

fn longs(numbers: &[i64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn doubles(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

const FOUR: Storages<'_> = &[("0", 4, &[0; 16])];

fn floats(offset: i64, size: &[i64], stride: &[i64]) -> String {
    tensor(&storage("Float", "0", 4), offset, size, stride)
}

#[test]
fn tensors_inside_their_storage_are_safe() {
    for (offset, size, stride) in [
        (0, &[4][..], &[1][..]),
        (1, &[3], &[1]),
        (0, &[2, 2], &[1, 2]),
        (3, &[], &[]),
        (4, &[0], &[1]),
        (0, &[1000, 4], &[0, 1]),
    ] {
        nothing(&floats(offset, size, stride), FOUR);
    }
    let tied = floats(0, &[4], &[1]);
    nothing(&list(&[&tied, &tied, &floats(1, &[2], &[1])]), FOUR);
}

#[test]
fn extents_are_checked() {
    for (offset, size, stride) in [
        (0, &[5][..], &[1][..]),
        (4, &[], &[]),
        (0, &[2], &[1 << 40]),
        (0, &[2], &[i64::MAX]),
        (i64::MAX, &[1], &[1]),
    ] {
        finds("SR-TENSOR-EXTENT", &floats(offset, size, stride), FOUR);
    }
    let object = floats(0, &[5], &[1]);
    let expected = "expected a tensor inside its storage of 16 bytes, \
                    found offset 0, shape [5], stride [1] of float32: 20 bytes";
    assert!(summary(&legacy(&object, FOUR)).contains(expected));
}

#[test]
fn sizes_are_checked() {
    for (offset, size, stride) in [
        (-1, &[1][..], &[1][..]),
        (0, &[-1], &[1]),
        (3, &[4], &[-1]),
        (0, &[2, 2], &[1]),
        (0, &[1 << 32, 1 << 32], &[0, 0]),
    ] {
        finds("SR-TENSOR-SIZE", &floats(offset, size, stride), FOUR);
    }
    let meta = |size: &[i64], stride: &[i64]| {
        let arguments = ["ctorch;float32;", &ints(size), &ints(stride), "x89"];
        call("torch._utils", "_rebuild_meta_tensor_no_storage", &arguments)
    };
    nothing(&meta(&[1 << 30, 4], &[4, 1]), &[]);
    finds("SR-TENSOR-SIZE", &meta(&[-1], &[1]), &[]);
    finds("SR-TENSOR-SIZE", &meta(&[2, 2], &[i64::MAX, 1]), &[]);
}

#[test]
fn a_scalar_does_not_unfold_to_more_than_memory_holds() {
    nothing(&floats(0, &[1 << 33], &[0]), FOUR);
    finds("SR-TENSOR-BOMB", &floats(0, &[1 << 40], &[0]), FOUR);
    let many: Vec<String> = (0..40).map(|_| floats(0, &[1 << 33], &[0])).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    finds("SR-TENSOR-BOMB", &list(&many), FOUR);
}

#[test]
fn references_to_a_storage_agree() {
    let two =
        |first: &str, second: &str| list(&[&tensor(first, 0, &[2], &[1]), &tensor(second, 0, &[2], &[1])]);
    let known = storage("Float", "0", 4);
    nothing(&two(&known, &known), FOUR);
    finds("SR-TENSOR-STORAGE", &two(&known, &storage("Float", "0", 3)), FOUR);
    finds("SR-TENSOR-STORAGE", &two(&known, &storage_at("Float", "0", "cuda:0", 4)), FOUR);
    finds("SR-TENSOR-DTYPES", &two(&known, &storage("Int", "0", 4)), FOUR);
    let bytes = storage("Byte", "0", 16);
    let untyped = bytes.replace("torch;Byte", "torch.storage;Untyped");
    nothing(&two(&bytes, &untyped), &[("0", 16, &[0; 16])]);
    let huge = tensor(&storage("Float", "0", 1 << 62), 0, &[1], &[1]);
    assert!(found(&huge, FOUR).contains(&"SR-TENSOR-STORAGE"));
    finds("SR-TENSOR-STORAGE", &vector("Float", "../0", 4), &[("../0", 4, &[0; 16])]);
}

#[test]
fn locations_name_devices() {
    let at = |location: &str| tensor(&storage_at("Float", "0", location, 4), 0, &[4], &[1]);
    for location in ["cpu", "cuda", "cuda:0", "cuda:12", "mps", "meta", "xpu:1", "npu:0", "xla:3"] {
        nothing(&at(location), FOUR);
    }
    for location in
        ["", "CPU", "cuda:", "cuda:-1", "cuda:01", "cuda:0:1", "/etc/passwd", "cuda:x", "os.system"]
    {
        finds("SR-TENSOR-LOCATION", &at(location), FOUR);
    }
    finds("SR-TENSOR-BACKEND", &at("mydevice:1"), FOUR);
    assert_eq!(
        judge(&legacy(&at("mydevice:1"), FOUR), ValidateOptions::default()).verdict,
        Verdict::Malformed
    );
}

#[test]
fn devices_and_layouts_are_torchs() {
    let device =
        |kind: &str, index: &[&str]| call("torch", "device", &[&[text(kind).as_str()], index].concat());
    let layout = |name: &str| call("torch.serialization", "_get_layout", &[&text(name)]);
    for object in
        [device("cuda", &["I0;"]), device("cpu", &[]), device("cuda:7", &[]), layout("torch.strided")]
    {
        nothing(&object, &[]);
    }
    for object in [
        device("cuda", &["I-1;"]),
        device("cuda", &["I256;"]),
        device("cuda:256", &[]),
        device("cuda:x", &[]),
        device("toaster", &[]),
        layout("torch.round"),
        layout("strided"),
    ] {
        finds("SR-TENSOR-DEVICE", &object, &[]);
    }
}

#[test]
fn only_real_numbers_have_gradients() {
    let parameter = |tensor: &str| {
        let hooks = call("collections", "OrderedDict", &[]);
        call("torch._utils", "_rebuild_parameter", &[tensor, "x88", &hooks])
    };
    nothing(&parameter(&vector("Float", "0", 4)), FOUR);
    finds("SR-TENSOR-GRADIENT", &parameter(&vector("Int", "0", 4)), FOUR);
    finds("SR-TENSOR-GRADIENT", &vector("Int", "0", 4).replace("x89", "x88"), FOUR);
    // The call is refused as well: its argument is no tensor.
    assert!(found(&parameter("N"), &[]).contains(&"SR-TENSOR-KIND"));
}

fn coo(indices: &str, values: &str, size: &[i64], coalesced: &str) -> String {
    let layout = call("torch.serialization", "_get_layout", &["Vtorch.sparse_coo;"]);
    let size = call("torch", "Size", &[&ints(size)]);
    let parts = tuple(&[indices, values, &size, coalesced]);
    call("torch._utils", "_rebuild_sparse_tensor", &[&layout, &parts])
}

/// Two entries of a 3 by 4 matrix.
fn entries(coalesced: &str) -> String {
    let indices = tensor(&storage("Long", "0", 4), 0, &[2, 2], &[2, 1]);
    coo(&indices, &vector("Float", "1", 2), &[3, 4], coalesced)
}

fn with_indices(indices: &[i64]) -> Vec<(&'static str, i64, Vec<u8>)> {
    alloc::vec![("0", 4, longs(indices)), ("1", 2, alloc::vec![0; 8])]
}

fn indices_found(indices: &[i64], coalesced: &str) -> Vec<&'static str> {
    let storages = with_indices(indices);
    let storages: Vec<_> =
        storages.iter().map(|(key, count, bytes)| (*key, *count, bytes.as_slice())).collect();
    found(&entries(coalesced), &storages)
}

#[test]
fn indices_of_a_sparse_tensor_are_read() {
    for (indices, coalesced) in
        [([0, 2, 0, 3], "x88"), ([1, 1, 0, 3], "x88"), ([2, 0, 0, 3], "x89"), ([1, 1, 3, 3], "x89")]
    {
        assert!(indices_found(&indices, coalesced).is_empty(), "{indices:?}");
    }
    for (indices, coalesced) in [
        ([0, 3, 0, 3], "x89"),
        ([0, 2, 0, 4], "x89"),
        ([-1, 2, 0, 3], "x89"),
        ([0, 2, i64::MIN, 3], "x89"),
        ([2, 0, 0, 3], "x88"),
        ([1, 1, 3, 3], "x88"),
        ([1, 1, 3, 2], "x88"),
    ] {
        assert_eq!(indices_found(&indices, coalesced), ["SR-TENSOR-INDICES"], "{indices:?} {coalesced}");
    }
}

#[test]
fn a_sparse_tensors_parts_fit_each_other() {
    let indices = |size: &[i64], stride: &[i64]| tensor(&storage("Long", "0", 4), 0, size, stride);
    let values = |size: &[i64], stride: &[i64]| tensor(&storage("Float", "1", 4), 0, size, stride);
    let storages: Storages<'_> = &[("0", 4, &[0; 32]), ("1", 4, &[0; 16])];
    nothing(&coo(&indices(&[2, 2], &[2, 1]), &values(&[2], &[1]), &[3, 4], "x89"), storages);
    nothing(&coo(&indices(&[1, 2], &[1, 1]), &values(&[2, 2], &[2, 1]), &[3, 2], "x89"), storages);
    for object in [
        coo(&indices(&[4], &[1]), &values(&[4], &[1]), &[3], "x89"),
        coo(&indices(&[2, 2], &[2, 1]), &values(&[3], &[1]), &[3, 4], "x89"),
        coo(&indices(&[2, 2], &[2, 1]), &values(&[2], &[1]), &[3], "x89"),
        coo(&indices(&[1, 2], &[1, 1]), &values(&[2, 2], &[2, 1]), &[3, 4], "x89"),
        coo(&indices(&[2, 2], &[2, 1]), &values(&[2], &[1]), &[1 << 62, 1 << 62], "x89"),
        coo(&indices(&[2, 2], &[2, 1]).replace("Long", "Double"), &values(&[2], &[1]), &[3, 4], "x89"),
    ] {
        finds("SR-TENSOR-SPARSE", &object, storages);
    }
    // The size as a tuple means the same to torch.
    let bare = coo(&indices(&[2, 2], &[2, 1]), &values(&[3], &[1]), &[3, 4], "x89");
    let size = call("torch", "Size", &[&ints(&[3, 4])]);
    finds("SR-TENSOR-SPARSE", &bare.replace(&size, &ints(&[3, 4])), storages);
}

fn compressed(layout: &str, rows: &str, columns: &str, values: &str, size: &[i64]) -> String {
    let layout = call("torch.serialization", "_get_layout", &[&text(&format!("torch.sparse_{layout}"))]);
    let parts = tuple(&[rows, columns, values, &call("torch", "Size", &[&ints(size)])]);
    call("torch._utils", "_rebuild_sparse_tensor", &[&layout, &parts])
}

/// What is found in a matrix of 2 by 3 with three entries.
fn rows_found(layout: &str, rows: &[i64], columns: &[i64], size: &[i64]) -> Vec<&'static str> {
    let count = |numbers: &[i64]| i64::try_from(numbers.len()).unwrap();
    let entries = count(columns);
    let values = if layout.starts_with('b') {
        tensor(&storage("Float", "2", entries), 0, &[entries, 1, 1], &[1, 1, 1])
    } else {
        vector("Float", "2", entries)
    };
    let object =
        compressed(layout, &vector("Long", "0", count(rows)), &vector("Long", "1", entries), &values, size);
    let zeros = alloc::vec![0; columns.len() * 4];
    found(
        &object,
        &[("0", count(rows), &longs(rows)), ("1", entries, &longs(columns)), ("2", entries, &zeros)],
    )
}

#[test]
fn offsets_and_columns_are_read() {
    for (layout, size) in [("csr", [2, 3]), ("csc", [3, 2]), ("bsr", [2, 3]), ("bsc", [3, 2])] {
        assert!(rows_found(layout, &[0, 2, 3], &[0, 2, 1], &size).is_empty(), "{layout}");
        assert!(rows_found(layout, &[0, 0, 3], &[0, 1, 2], &size).is_empty(), "{layout}");
        for (rows, columns) in [
            (&[1, 2, 3], &[0, 2, 1]),
            (&[0, 2, 2], &[0, 2, 1]),
            (&[0, 4, 3], &[0, 2, 1]),
            (&[0, -1, 3], &[0, 2, 1]),
            (&[0, 2, 3], &[0, 3, 1]),
            (&[0, 2, 3], &[0, -1, 1]),
            (&[0, 2, 3], &[2, 0, 1]),
            (&[0, 2, 3], &[2, 2, 1]),
            (&[0, 3, 2], &[0, 1, 2]),
        ] {
            let ids = rows_found(layout, rows, columns, &size);
            assert_eq!(ids, ["SR-TENSOR-INDICES"], "{layout} {rows:?} {columns:?}");
        }
        assert_eq!(rows_found(layout, &[0, 2, 2, 3], &[0, 2, 1], &size), ["SR-TENSOR-SPARSE"], "{layout}");
    }
}

#[test]
fn what_cannot_be_read_is_not_proven() {
    // The stream does not list the storage of the indices.
    let object = entries("x89");
    let ids = found(&object, &[("1", 2, &[0; 8])]);
    assert_eq!(ids, ["SR-LEGACY-KEYS", "SR-TENSOR-UNREAD"]);
    let limits = Limits { string_bytes: 24, ..Limits::default() };
    let storages = with_indices(&[0, 2, 0, 3]);
    let storages: Vec<_> =
        storages.iter().map(|(key, count, bytes)| (*key, *count, bytes.as_slice())).collect();
    let ids = found_under(&object, &storages, ValidateOptions { limits, ..ValidateOptions::default() });
    assert_eq!(ids, ["SR-FILE-LIMIT"]);
}

fn quantized(parameters: &[&str]) -> String {
    let hooks = call("collections", "OrderedDict", &[]);
    let (size, stride, parameters) = (ints(&[2, 2]), ints(&[2, 1]), tuple(parameters));
    let storage = storage("QInt8", "0", 4);
    call("torch._utils", "_rebuild_qtensor", &[&storage, "I0;", &size, &stride, &parameters, "x89", &hooks])
}

#[test]
fn quantizers_make_sense() {
    let one = |scale: &str, zero: i64| {
        let found = found(
            &quantized(&["ctorch;per_tensor_affine;", &format!("F{scale};"), &format!("I{zero};")]),
            &[("0", 4, &[0; 4])],
        );
        found.first().map(ToString::to_string).unwrap_or_default()
    };
    assert_eq!(one("0.5", -128), "");
    for (scale, zero) in [("0.5", -129), ("0.5", 128), ("0.0", 0), ("-1.0", 0), ("inf", 0), ("nan", 0)] {
        assert_eq!(one(scale, zero), "SR-TENSOR-QUANTIZER", "{scale} {zero}");
    }
    let channels = |scales: &[f64], zeros: &[i64], axis: i64| {
        let count = |length: usize| i64::try_from(length).unwrap();
        let object = quantized(&[
            "ctorch;per_channel_affine;",
            &vector("Double", "1", count(scales.len())),
            &vector("Long", "2", count(zeros.len())),
            &format!("I{axis};"),
        ]);
        let (scale, zero) = (doubles(scales), longs(zeros));
        found(
            &object,
            &[("0", 4, &[0; 4]), ("1", count(scales.len()), &scale), ("2", count(zeros.len()), &zero)],
        )
    };
    assert!(channels(&[0.5, 1.0], &[0, -128], 1).is_empty());
    for (scales, zeros, axis) in [
        (&[0.5, f64::NAN][..], &[0, 0][..], 0),
        (&[0.5, 0.0], &[0, 0], 0),
        (&[0.5, 1.0], &[0, 128], 0),
        (&[0.5], &[0, 0], 0),
        (&[0.5, 1.0], &[0, 0, 0], 0),
        (&[0.5, 1.0], &[0, 0], 2),
        (&[0.5, 1.0], &[0, 0], -1),
    ] {
        let ids = channels(scales, zeros, axis);
        assert!(ids.first() == Some(&"SR-TENSOR-QUANTIZER"), "{scales:?} {zeros:?} {axis}: {ids:?}");
    }
    let listed = |zeros: &str| {
        let scales = list(&["F0.5;", "F1.0;"]);
        let object = quantized(&["ctorch;per_channel_affine;", &scales, zeros, "I0;"]);
        found(&object, &[("0", 4, &[0; 4])])
    };
    assert!(listed(&list(&["I0;", "I3;"])).is_empty());
    assert_eq!(listed(&list(&["I0;"])), ["SR-TENSOR-QUANTIZER"]);
    assert_eq!(listed(&list(&["I0;", "I300;"])), ["SR-TENSOR-QUANTIZER"]);
}

#[test]
fn overlaps_are_noted() {
    finds("SR-TENSOR-OVERLAP", &floats(0, &[2, 3], &[1, 1]), FOUR);
    let halves = list(&[&floats(0, &[3], &[1]), &floats(1, &[3], &[1])]);
    finds("SR-TENSOR-OVERLAP", &halves, FOUR);
    nothing(&list(&[&floats(0, &[2], &[2]), &floats(1, &[2], &[2])]), FOUR);
}

#[test]
fn what_is_thrown_away_is_judged_too() {
    let object = format!("{} 0 N", floats(0, &[5], &[1]));
    let ids = found(&object, FOUR);
    assert!(ids.contains(&"SR-TENSOR-EXTENT"), "{ids:?}");
}

#[test]
fn all_faults_are_found() {
    let object = list(&[&floats(0, &[5], &[1]), &floats(0, &[-1], &[1]), &floats(9, &[1], &[1])]);
    assert_eq!(found(&object, FOUR), ["SR-TENSOR-EXTENT", "SR-TENSOR-SIZE", "SR-TENSOR-EXTENT"]);
}

#[test]
fn calls_that_mean_nothing_are_reported() {
    let conjugate = floats(0, &[4], &[1]);
    let last = conjugate.rfind(" t R").unwrap();
    finds("SR-TENSOR-INVALID", &format!("{} }} Vconj; x88 s t R", &conjugate[..last]), FOUR);
}

#[test]
fn tensors_only_knows_no_classes() {
    let options = || ValidateOptions { policy: Policy::TensorsOnly, ..ValidateOptions::default() };
    assert!(found_under(&floats(0, &[4], &[1]), FOUR, options()).is_empty());
    assert!(found("ctorch;FloatStorage;", &[]).is_empty());
    assert_eq!(found_under("ctorch;FloatStorage;", &[], options()), ["SR-TENSOR-OPAQUE"]);
    assert_eq!(found_under(&floats(0, &[5], &[1]), FOUR, options()), ["SR-TENSOR-EXTENT"]);
}
