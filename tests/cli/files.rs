//! Single files, and what the command says of itself.

use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use crate::room::{Room, files, good, text};

/// Whatever torch and safetensors write is listed as JSON whose sums are right.
#[test]
fn json_of_every_good_file_adds_up() {
    let room = Room::new();
    for (case, file) in good() {
        let output = room.run_on(&["inspect", "--json"], &file);
        assert!(output.status.success(), "{case}: {}", text(&output.stderr));
        let json: Json = serde_json::from_slice(&output.stdout).unwrap();
        let tensors = json["tensors"].as_array().unwrap();
        let totals = &json["totals"];
        let whole = tensors.iter().filter(|tensor| tensor["part_of"].is_null()).count();
        assert_eq!(totals["tensors"], whole, "{case}");
        let bytes: u64 = tensors.iter().map(|tensor| tensor["bytes"].as_u64().unwrap()).sum();
        assert_eq!(totals["bytes"], bytes, "{case}");
        let mut storages: Vec<u64> = tensors.iter().filter_map(|tensor| tensor["storage"].as_u64()).collect();
        storages.sort_unstable();
        storages.dedup();
        assert_eq!(totals["storages"], storages.len(), "{case}");
        assert_eq!(json["bytes"], fs::metadata(&file).unwrap().len(), "{case}");
    }
}

#[test]
fn good_files_verify_and_bad_ones_never_end_in_a_panic() {
    let room = Room::new();
    for (case, file) in good() {
        let output = room.run_on(&["verify"], &file);
        assert!(output.status.success(), "{case}: {}", text(&output.stderr));
    }
    for (case, file) in files("bad") {
        let output = room.run_on(&["verify"], &file);
        // Some are bad only for their writer: what is in them is still there.
        assert!(matches!(output.status.code(), Some(0 | 1 | 4)), "{case}: {}", text(&output.stderr));
        let errors = text(&output.stderr);
        assert!(output.status.success() || errors.starts_with("error: "), "{case}: {errors}");
    }
}

#[test]
fn converting_a_torch_file_to_itself_changes_no_byte() {
    for case in ["full_checkpoint", "no_crc", "alignment_4096", "quantized", "opaque_namespace"] {
        let room = Room::new();
        let before = fs::read(room.path(&format!("{case}.pt"))).unwrap();
        // torch names the archive after the file, and the fixture was called so.
        fs::write(room.path("model.pt"), &before).unwrap();
        assert_eq!(text(&room.run("convert model.pt model.pt").stderr), "");
        assert!(fs::read(room.path("model.pt")).unwrap() == before, "{case}");
    }
}

#[test]
fn tensors_come_through_safetensors_and_back() {
    let room = Room::new();
    assert!(room.run("convert state_dict_linear.pt a.safetensors --metadata made=here").status.success());
    assert!(
        room.run("convert a.safetensors b.safetensors --metadata more=yes --metadata made=there")
            .status
            .success()
    );
    assert!(room.run("convert b.safetensors c.bin").status.success());
    let metadata = strongroom::load(room.path("b.safetensors")).unwrap().metadata().to_vec();
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(metadata, [pair("made", "there"), pair("more", "yes")]);
    let (first, last) = (
        strongroom::load(room.path("state_dict_linear.pt")).unwrap(),
        strongroom::load(room.path("c.bin")).unwrap(),
    );
    for (path, tensor) in first.tensors() {
        assert_eq!(last.tensor(&path).unwrap().bytes().unwrap(), tensor.bytes().unwrap());
    }
    assert_eq!(last.tensors().count(), first.tensors().count());
}

#[test]
fn a_legacy_file_is_brought_up_to_date_in_place() {
    let room = Room::new();
    assert!(room.run("convert legacy_full_checkpoint.pt legacy_full_checkpoint.pt").status.success());
    let output = room.run("inspect legacy_full_checkpoint.pt");
    assert!(text(&output.stdout).contains("torch-zip"), "{}", text(&output.stdout));
}

#[test]
fn all_values_and_all_that_was_left_out_are_listed_on_request() {
    let room = Room::new();
    let output = text(&room.run("inspect full_checkpoint.pt --all").stdout);
    assert!(output.contains("rng.python[1][624]") && !output.contains("more"));
    let notes = text(&room.run("convert full_checkpoint.pt out.safetensors --tensors-only --verbose").stderr);
    assert!(notes.contains("rng.python[1][624]") && !notes.contains("more"));
}

/// What would come out empty is not made, and no hint leads there.
#[test]
fn tensors_only_never_makes_a_file_of_nothing() {
    let room = Room::new();
    for case in ["root_list", "root_none", "primitives", "strings"] {
        let line = format!("convert {case}.pt {case}.safetensors");
        let plain = room.run(&line);
        assert!(!text(&plain.stderr).contains("hint: --tensors-only"), "{case}: {}", text(&plain.stderr));
        let output = room.run(&format!("{line} --tensors-only"));
        assert_eq!(output.status.code(), Some(1), "{case}");
        assert!(!room.path(&format!("{case}.safetensors")).exists(), "{case}");
    }
}

#[test]
fn completions_and_manual_pages_name_every_command() {
    let room = Room::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = text(&room.run(&format!("completions {shell}")).stdout);
        assert!(script.contains("inspect") && script.contains("latest"), "{shell}");
    }
    assert!(text(&room.run("man").stdout).contains("strongroom\\-convert"));
    assert!(text(&room.run("man convert").stdout).contains("tensors\\-only"));
}

#[test]
fn the_example_in_the_docs_is_what_is_printed() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/inspect-json.md");
    let docs = fs::read_to_string(docs).unwrap();
    let room = Room::new();
    let printed = text(&room.run("inspect parameters.pt --json").stdout);
    assert!(docs.contains(&format!("```json\n{printed}```")), "docs/inspect-json.md should show\n{printed}");
}

/// As plain pickles have tensors: their storages are files in the bytes of values.
#[test]
fn storages_that_nothing_looks_into_are_not_passed_over() {
    let room = Room::new();
    let pickle = b"\x80\x03}X\x01\0\0\0actorch.storage\n_load_from_bytes\nC\x01x\x85Rs.";
    fs::write(room.path("t.pkl"), pickle).unwrap();
    let words = "1 storage is a file of its own in the bytes of values, as plain pickles have them, and not looked into";
    let whole = format!("t.pkl: ok: the structure is right; {words}\n");
    assert_eq!(text(&room.run("verify t.pkl").stdout), whole);
    let found = text(&room.run("inspect t.pkl").stdout);
    assert!(found.ends_with(&format!("{words}: tensors over these are not listed.\n")), "{found}");
    let json: Json = serde_json::from_slice(&room.run("verify t.pkl --json").stdout).unwrap();
    assert_eq!(json["embedded"], 1);
    assert!(room.run("convert t.pkl t.pt").status.success());
    assert!(text(&room.run("verify t.pt").stdout).contains(words));
}

#[test]
fn extensions_are_told_in_any_case() {
    let room = Room::new();
    for (line, format) in [
        ("convert st_metadata.safetensors UP.PT --json", "torch-zip"),
        ("convert UP.PT up.SafeTensors --json", "safetensors"),
    ] {
        let json: Json = serde_json::from_slice(&room.run(line).stdout).unwrap();
        assert_eq!(json["format"], format, "{line}");
    }
}

#[test]
fn what_was_tied_is_counted() {
    let room = Room::new();
    let output = room.run("convert parameters.pt out.safetensors --tensors-only --json");
    let said = "note: out.safetensors does not say that 3 tensors were parameters, 3 tensors required grad and \
                2 tensors shared memory with others\n";
    assert_eq!(text(&output.stderr), said);
    let json: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["flattened"]["tied"], 2);
}
