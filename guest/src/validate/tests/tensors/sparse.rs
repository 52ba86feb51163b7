//! Sparse tensors: their parts, and the indices in their storages.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Storages, finds, found, found_under, longs, nothing};
use crate::Limits;
use crate::validate::ValidateOptions;
use crate::validate::tests::build::{call, ints, storage, tensor, text, tuple, vector};

pub(super) fn coo(indices: &str, values: &str, size: &[i64], coalesced: &str) -> String {
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
        coo(&indices(&[2, 2], &[2, 1]), &values(&[2], &[1]), &[1 << 62, 2], "x89"),
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
fn offsets_that_only_the_entries_contradict() {
    // A fourth entry of three, where a row has room for it; and entries without a row.
    assert_eq!(rows_found("csr", &[0, 4, 3], &[0, 1, 2], &[2, 5]), ["SR-TENSOR-INDICES"]);
    assert_eq!(rows_found("csr", &[0], &[0, 1, 2], &[0, 3]), ["SR-TENSOR-INDICES"]);
    assert!(rows_found("csr", &[0], &[], &[0, 3]).is_empty());
}

#[test]
fn a_compressed_tensors_parts_fit_each_other() {
    let part = |class: &str, key: &str, size: &[i64], stride: &[i64]| {
        tensor(&storage(class, key, 12), 0, size, stride)
    };
    let offsets = |size: &[i64], stride: &[i64]| part("Long", "0", size, stride);
    let columns = |size: &[i64], stride: &[i64]| part("Long", "1", size, stride);
    let values = |size: &[i64], stride: &[i64]| part("Float", "2", size, stride);
    let storages: Storages<'_> = &[("0", 12, &[0; 96]), ("1", 12, &[0; 96]), ("2", 12, &[0; 48])];
    let (rows, none) = (offsets(&[3], &[1]), columns(&[0], &[1]));
    nothing(&compressed("csr", &rows, &none, &values(&[0], &[1]), &[2, 3]), storages);
    let three = columns(&[3], &[1]);
    let batches = offsets(&[2, 3], &[3, 1]);
    for object in [
        // Values without indices, and of more dimensions than the tensor.
        compressed("csr", &rows, &three, &values(&[2], &[1]), &[2, 3]),
        compressed("csr", &rows, &none, &values(&[0, 2], &[2, 1]), &[2, 3]),
        // Two batches of offsets, one of columns.
        compressed("csr", &batches, &columns(&[1, 0], &[1, 1]), &values(&[2, 0], &[1, 1]), &[2, 2, 3]),
        // Blocks of two rows in three of them, and of two columns in three.
        compressed("bsr", &offsets(&[2], &[1]), &none, &values(&[0, 2, 1], &[2, 1, 1]), &[3, 3]),
        compressed("bsr", &rows, &none, &values(&[0, 1, 2], &[2, 2, 1]), &[2, 3]),
        // Indices of two types, and with gaps.
        compressed("csr", &rows, &part("Int", "1", &[0], &[1]), &values(&[0], &[1]), &[2, 3]),
        compressed("csr", &offsets(&[3], &[2]), &none, &values(&[0], &[1]), &[2, 3]),
    ] {
        let ids = found(&object, storages);
        assert!(ids.contains(&"SR-TENSOR-SPARSE"), "{object}: {ids:?}");
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
