//! Tensors in plain pickles, whose storages are files in the pickle.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::build::{legacy, storage};
use super::{judge, summary};
use crate::validate::{Level, ValidateOptions};

/// A plain pickle whose root is made of what the loader makes of some bytes.
fn around(file: &[u8], before: &[u8], after: &[u8]) -> Vec<u8> {
    let mut pickle = b"\x80\x04".to_vec();
    pickle.extend_from_slice(before);
    pickle.extend_from_slice(b"ctorch.storage\n_load_from_bytes\nB");
    pickle.extend_from_slice(&u32::try_from(file.len()).unwrap().to_le_bytes());
    pickle.extend_from_slice(file);
    pickle.extend_from_slice(b"\x85R");
    pickle.extend_from_slice(after);
    pickle
}

/// A tensor of so many elements from the start of a storage.
fn tensor(file: &[u8], elements: u8) -> String {
    let end = [b"K\x00K", &[elements][..], b"\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR."].concat();
    summary(&around(file, b"ctorch._utils\n_rebuild_tensor_v2\n(", &end))
}

fn floats() -> Vec<u8> {
    legacy(&storage("Float", "1", 4), &[("1", 4, &[0; 16])])
}

#[test]
fn a_tensor_on_a_file_of_one_storage_is_safe() {
    let found = tensor(&floats(), 4);
    assert!(
        found.starts_with("Pickle Safe\nSR-LEVEL-NO-CODE 36: needs torch.storage._load_from_bytes\n"),
        "{found}"
    );
    let report = judge(&around(&floats(), b"", b"."), ValidateOptions::default());
    assert_eq!(report.reached(), Some(Level::NoCode));
}

#[test]
fn a_tensor_must_fit_the_storage_that_is_loaded() {
    let found = tensor(&floats(), 5);
    assert!(found.starts_with("Pickle Malformed\n") && found.contains("SR-TENSOR-EXTENT"), "{found}");
}

#[test]
fn a_file_that_is_cut_or_longer_is_none() {
    for length in 0..floats().len() {
        assert!(!tensor(&floats()[..length], 4).starts_with("Pickle Safe\n"), "{length} bytes");
    }
    assert!(tensor(&[floats(), b"\0".to_vec()].concat(), 4).contains("SR-LEGACY-TRAILING"));
}

#[test]
fn one_file_that_is_loaded_again_and_again_costs_each_time() {
    let calls = b"h\x00h\x01R".repeat(40_000);
    let file = floats();
    let mut pickle = b"\x80\x04](ctorch.storage\n_load_from_bytes\nq\x00B".to_vec();
    pickle.extend_from_slice(&u32::try_from(file.len()).unwrap().to_le_bytes());
    pickle.extend_from_slice(&file);
    pickle.extend_from_slice(b"\x85q\x01R");
    pickle.extend_from_slice(&calls);
    pickle.extend_from_slice(b"e.");
    let found = summary(&pickle);
    assert!(found.starts_with("Pickle Unverified\n") && found.contains("SR-FILE-COST"), "{found}");
}

#[test]
fn a_file_in_the_file_in_the_file_is_refused() {
    let inner = around(&floats(), b"", b".");
    let inner = String::from_utf8(
        inner[2..inner.len() - 1].iter().map(|b| format!("x{b:02x} ")).collect::<String>().into_bytes(),
    );
    let found = summary(&around(&legacy(&inner.unwrap(), &[]), b"", b"."));
    assert!(found.starts_with("Pickle Unsafe\n") && found.contains("SR-PICKLE-CALL"), "{found}");
}
