//! Tensors in legacy streams, which have pickle and storages in one.

mod quantizers;
mod sparse;

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use self::quantizers::quantized;
use self::sparse::coo;
use super::build::{call, ints, legacy, list, storage, storage_at, tensor, text, tuple, vector};
use super::{judge, summary};
use crate::validate::{ValidateOptions, Verdict};

type Storages<'a> = &'a [(&'a str, i64, &'a [u8])];

/// The ids of what is found in a stream, beside the instructions that only the
/// tests write.
fn found(object: &str, storages: Storages<'_>) -> Vec<&'static str> {
    found_under(object, storages, ValidateOptions::default())
}

fn found_under(object: &str, storages: Storages<'_>, options: ValidateOptions) -> Vec<&'static str> {
    let report = judge(&legacy(object, storages), options);
    let mut ids: Vec<_> = report.findings.iter().map(|finding| finding.rule.id).collect();
    ids.retain(|&id| !matches!(id, "SR-PICKLE-OPCODE" | "SR-PICKLE-PROTOCOL" | "SR-PICKLE-TRUSTED"));
    // What a file needs is for the tests of levels.
    ids.retain(|id| !id.starts_with("SR-LEVEL-"));
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
    // Its last byte is at 2^63, which 64 bits hold and signed ones do not.
    finds("SR-TENSOR-SIZE", &meta(&[2], &[1 << 61]), &[]);
}

#[test]
fn a_scalar_does_not_unfold_to_more_than_memory_holds() {
    nothing(&floats(0, &[1 << 33], &[0]), FOUR);
    finds("SR-TENSOR-BOMB", &floats(0, &[1 << 35], &[0]), FOUR);
    let many: Vec<String> = (0..40).map(|_| floats(0, &[1 << 33], &[0])).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    finds("SR-TENSOR-BOMB", &list(&many), FOUR);
}

#[test]
fn a_tensors_hooks_and_flags_are_those_that_torch_writes() {
    let plain = vector("ComplexFloat", "0", 2);
    let storages: Storages<'_> = &[("0", 2, &[0; 16])];
    let none = call("collections", "OrderedDict", &[]);
    let hooked = |hooks: &str| found(&plain.replace(&none, hooks), storages);
    assert_eq!(hooked(&call("collections", "OrderedDict", &["]"])), [""; 0]);
    let listed = call("collections", "OrderedDict", &[&list(&[&tuple(&["I0;", "Vhook;"])])]);
    for hooks in [listed, format!("{none} I0; Vhook; s"), format!("{none} }} V_metadata; I1; s b")] {
        assert_eq!(hooked(&hooks).first(), Some(&"SR-PICKLE-ARGUMENTS"), "{hooks}");
    }
    let last = plain.rfind(" t R").unwrap();
    let flagged = |value: &str| found(&format!("{} }} Vconj; {value} s t R", &plain[..last]), storages);
    assert_eq!(flagged("x88"), [""; 0]);
    assert_eq!(flagged("I1;").first(), Some(&"SR-PICKLE-ARGUMENTS"));
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
    // torch knows storages by where their bytes are: one without any may have several types.
    let none = |class: &str| tensor(&storage(class, "0", 0), 0, &[0], &[1]);
    nothing(&list(&[&none("Float"), &none("Int")]), &[("0", 0, &[])]);
    let bytes = storage("Byte", "0", 16);
    let untyped = bytes.replace("torch;Byte", "torch.storage;Untyped");
    // The two agree; torch.load takes the second in archives alone.
    finds("SR-LEGACY-UNTYPED", &two(&bytes, &untyped), &[("0", 16, &[0; 16])]);
    let huge = tensor(&storage("Float", "0", 1 << 62), 0, &[1], &[1]);
    assert!(found(&huge, FOUR).contains(&"SR-TENSOR-STORAGE"));
    finds("SR-TENSOR-STORAGE", &vector("Float", "../0", 4), &[("../0", 4, &[0; 16])]);
}

#[test]
fn locations_name_devices() {
    let at = |location: &str| tensor(&storage_at("Float", "0", location, 4), 0, &[4], &[1]);
    for location in ["cpu", "cuda", "cuda:0", "cuda:12", "mps", "xpu:1", "npu:0", "xla:3"] {
        nothing(&at(location), FOUR);
    }
    for location in
        ["", "CPU", "meta", "cuda:", "cuda:-1", "cuda:01", "cuda:0:1", "/etc/passwd", "cuda:x", "os.system"]
    {
        finds("SR-TENSOR-LOCATION", &at(location), FOUR);
    }
    finds("SR-TENSOR-BACKEND", &at("mydevice:1"), FOUR);
    assert_eq!(judge(&legacy(&at("mydevice:1"), FOUR), ValidateOptions::default()).verdict, Verdict::Safe);
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

#[test]
fn what_tensors_are_made_of_is_of_the_right_kind() {
    let vector = vector("Float", "0", 4);
    let lists = [list(&["F0.5;"]), list(&["I0;"])];
    let rebuilt = |arguments: &str| {
        let arguments = ["ctorch._utils;_rebuild_tensor_v2;", "ctorch;Tensor;", arguments, "}"];
        call("torch._tensor", "_rebuild_from_type_v2", &arguments)
    };
    for object in [
        coo("N", &vector, &[4], "x89"),
        coo(&vector, &vector, &[4], "x89").replace(&call("torch", "Size", &[&ints(&[4])]), "V4;"),
        quantized(&["Vper_channel_affine;", &lists[0], &lists[1], "I0;"]),
        rebuilt(&tuple(&["I1;", "I2;"])),
    ] {
        let ids = found(&object, FOUR);
        assert!(ids.contains(&"SR-PICKLE-ARGUMENTS"), "{object}: {ids:?}");
    }
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
fn what_no_operation_takes_is_told() {
    let many = |dimensions: usize| floats(0, &vec![1; dimensions], &vec![1; dimensions]);
    nothing(&many(64), FOUR);
    finds("SR-TENSOR-UNUSABLE", &many(65), FOUR);
    let negated = |class: &str| {
        let plain = tensor(&storage(class, "0", 4), 0, &[1], &[1]);
        let last = plain.rfind(" t R").unwrap();
        format!("{} }} Vneg; x88 s t R", &plain[..last])
    };
    nothing(&negated("Float"), FOUR);
    finds("SR-TENSOR-UNUSABLE", &negated("Bool"), &[("0", 4, &[0; 4])]);
}

#[test]
fn subclasses_of_others_mean_nothing_here_and_are_not_wrong() {
    let allowing = |object: &str| {
        let allow = ["m.W", "m.rebuild"].map(String::from).to_vec();
        found_under(object, &[], ValidateOptions { allow, ..ValidateOptions::default() })
    };
    let typed = |function: &str, args: &str| {
        format!("ctorch._tensor;_rebuild_from_type_v2; ( {function} cm;W; {args} }} t R")
    };
    let strided = "ctorch.serialization;_get_layout; ( Vtorch.strided; t R";
    let wrapped = |class: &str| {
        format!("( {class} ctorch;float32; ( t ( t I0; {strided} ctorch;device; ( Vcpu; t R I00; t")
    };
    let wrapper = "ctorch._utils;_rebuild_wrapper_subclass;";
    assert_eq!(allowing(&typed(wrapper, &wrapped("cm;W;"))), [""; 0]);
    assert_eq!(allowing(&typed("cm;rebuild;", "( t")), [""; 0]);
    assert_eq!(allowing(&typed(wrapper, &wrapped("ctorch;Tensor;"))), ["SR-TENSOR-INVALID"]);
    assert_eq!(found(&typed("cm;rebuild;", "( t"), &[]), ["SR-PICKLE-FOREIGN", "SR-PICKLE-FOREIGN"]);
}
