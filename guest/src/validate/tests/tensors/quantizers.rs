//! Quantized tensors and what their integers mean.

use alloc::format;
use alloc::string::{String, ToString};

use super::{Storages, doubles, finds, found, longs, nothing};
use crate::validate::tests::build::{call, ints, list, storage, tuple, vector};

pub(super) fn quantized(parameters: &[&str]) -> String {
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
    let listed = |scales: &[&str], zeros: &[&str]| {
        let object = quantized(&["ctorch;per_channel_affine;", &list(scales), &list(zeros), "I0;"]);
        found(&object, &[("0", 4, &[0; 4])])
    };
    let scales = ["F0.5;", "F1.0;"];
    assert!(listed(&scales, &["I0;", "I3;"]).is_empty());
    assert_eq!(listed(&scales, &["I0;"]), ["SR-TENSOR-QUANTIZER"]);
    assert_eq!(listed(&scales[..1], &["I0;", "I3;"]), ["SR-TENSOR-QUANTIZER"]);
    assert_eq!(listed(&scales, &["I0;", "I300;"]), ["SR-TENSOR-QUANTIZER"]);
    assert_eq!(listed(&["F0.5;", "F0.0;"], &["I0;", "I3;"]), ["SR-TENSOR-QUANTIZER"]);
}

#[test]
fn a_quantizer_is_of_known_types() {
    let one = |scheme: &str, zero: &str| quantized(&[scheme, "F0.5;", zero]);
    let storages: Storages<'_> = &[("0", 4, &[0; 4]), ("1", 2, &[1; 16]), ("2", 2, &[0; 16])];
    let ids = |object: &str| found(object, storages);
    assert!(ids(&one("ctorch;per_tensor_symmetric;", "I0;")).contains(&"SR-TENSOR-QUANTIZER"));
    let unsigned = |zero: &str| one("ctorch;per_tensor_affine;", zero).replace("QInt8", "QUInt8");
    assert!(!ids(&unsigned("I255;")).contains(&"SR-TENSOR-QUANTIZER"));
    for zero in ["I-1;", "I256;"] {
        assert!(ids(&unsigned(zero)).contains(&"SR-TENSOR-QUANTIZER"), "{zero}");
    }
    let channels = |scheme: &str, scales: &str, zeros: &str| {
        ids(&quantized(&[scheme, &vector(scales, "1", 2), &vector(zeros, "2", 2), "I0;"]))
    };
    let affine = "ctorch;per_channel_affine;";
    assert!(!channels(affine, "Double", "Long").contains(&"SR-TENSOR-QUANTIZER"));
    for (scheme, scales, zeros) in [
        ("ctorch;per_channel_symmetric;", "Double", "Long"),
        (affine, "Half", "Long"),
        (affine, "Double", "Short"),
    ] {
        let ids = channels(scheme, scales, zeros);
        assert!(ids.contains(&"SR-TENSOR-QUANTIZER"), "{scheme} {scales} {zeros}: {ids:?}");
    }
}

#[test]
fn what_loading_itself_copies_may_unfold_to_less() {
    let quantized = |size: i64| {
        let hooks = call("collections", "OrderedDict", &[]);
        let parameters = tuple(&["ctorch;per_tensor_affine;", "F0.5;", "I0;"]);
        let (storage, size, stride) = (storage("QInt8", "0", 4), ints(&[size]), ints(&[0]));
        let arguments = [&storage, "I0;", &size, &stride, &parameters, "x89", &hooks];
        call("torch._utils", "_rebuild_qtensor", &arguments)
    };
    nothing(&quantized(1 << 29), &[("0", 4, &[0; 4])]);
    finds("SR-FILE-COST", &quantized(1 << 31), &[("0", 4, &[0; 4])]);
}
