//! `strongroom validate` over whole directories, of which not all is in order: no
//! file stops the scan of the others, and what cannot be judged is never safe.

mod common;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::cases::good_named;
use serde_json::Value as Json;
use strongroom::store::Local;
use strongroom::{
    DType, Engine, StateDict, Storage, Tensor, ValidateOptions, Verdict, WriteOptions, validate_in,
    validate_set_in,
};
use tempfile::TempDir;

/// Imports `os.system` and calls it.
const EVIL: &[u8] = b"cos\nsystem\n(S'echo owned'\ntR.";

/// An empty dict.
const HARMLESS: &[u8] = b"\x80\x02}.";

#[test]
fn a_directory_is_searched_through_in_order_whatever_is_in_it() {
    let room = Room::new();
    room.write("b/evil.txt", EVIL);
    room.write("b/.hidden/harmless", HARMLESS);
    room.write("a.pt", HARMLESS);
    room.write("nothing", b"");
    fs::create_dir(room.path("empty")).unwrap();
    symlink("b/evil.txt", room.path("evil.txt")).unwrap();
    symlink("b/evil.txt", room.path("link")).unwrap();
    symlink("gone", room.path("dangling")).unwrap();
    symlink("..", room.path("b/up")).unwrap();
    symlink("b", room.path("c")).unwrap();
    room.pipe("pipe");
    let (json, code) = room.json(&["."]);
    let expected = [
        ("./a.pt", "safe"),
        ("./b/.hidden/harmless", "safe"),
        ("./b/evil.txt", "unsafe"),
        ("./dangling", "unverified"),
        ("./link", "unsafe"),
        ("./nothing", "inert"),
        ("./pipe", "unverified"),
    ];
    assert_eq!(verdicts(&json), expected);
    assert_eq!(json["files"][2]["links"], serde_json::json!(["./evil.txt"]));
    assert_eq!(code, 1);
    let summary = serde_json::json!({
        "required": "no-code", "files": 7, "safe": 2, "inert": 1, "trusting": 0, "unsafe": 2, "malformed": 0,
        "unverified": 2, "below": 0, "failing": 4,
        "findings": json["files"].as_array().unwrap().iter().map(|f| f["findings"].as_array().unwrap().len()).sum::<usize>(),
    });
    assert_eq!(json["summary"], summary);
}

#[test]
fn what_cannot_be_read_is_unverified() {
    let room = Room::new();
    room.write("secret", HARMLESS);
    room.pipe("pipe");
    fs::set_permissions(room.path("secret"), fs::Permissions::from_mode(0o000)).unwrap();
    let is_root = fs::read(room.path("secret")).is_ok();
    for name in ["secret", "pipe", "/dev/null"] {
        if name == "secret" && is_root {
            continue;
        }
        let (json, code) = room.json(&[name]);
        let found = &json["files"][0]["findings"][0];
        assert_eq!((found["id"].as_str(), code), (Some("SR-FILE-UNREADABLE"), 2), "{name}: {json}");
    }
}

#[test]
fn a_directory_is_no_file() {
    let room = Room::new();
    let report = strongroom::validate(room.path("")).unwrap();
    assert_eq!((report.verdict, report.findings[0].id.as_str()), (Verdict::Unverified, "SR-FILE-UNREADABLE"));
}

#[test]
fn names_that_are_no_text_are_judged_and_printed() {
    let room = Room::new();
    let name = std::ffi::OsStr::from_bytes(b"evil\xff\x1b[2J.pt");
    fs::write(room.directory.path().join(name), EVIL).unwrap();
    for format in ["text", "json", "sarif"] {
        let output = room.run(&[".", "--format", format]);
        assert_eq!(output.status.code(), Some(1), "{format}");
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains("SR-PICKLE-IMPORT") && !printed.contains('\x1b'), "{format}: {printed}");
    }
}

#[test]
fn globs_choose_and_no_file_at_all_is_an_error() {
    let room = Room::new();
    room.write("a.pt", HARMLESS);
    room.write("sub/b.pt", HARMLESS);
    room.write("sub/c.txt", EVIL);
    let paths = |arguments: &[&str]| -> Vec<String> {
        let (json, _) = room.json(arguments);
        verdicts(&json).into_iter().map(|(path, _)| path.to_owned()).collect()
    };
    assert_eq!(paths(&[".", "--include", "*.pt"]), ["./a.pt", "./sub/b.pt"]);
    assert_eq!(paths(&[".", "--exclude", "sub/*"]), ["./a.pt"]);
    assert_eq!(
        paths(&[".", "--include", "*.{pt,txt}", "--exclude", "a*", "--exclude", "*b.pt"]),
        ["./sub/c.txt"]
    );
    let output = room.run(&[".", "--include", "*.safetensors"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("no file to judge"), "{}", text(&output.stderr));
}

/// As many lists in each other as the pickle has bytes: a validator has to keep them.
fn large() -> Vec<u8> {
    let mut pickle = b"\x80\x02".to_vec();
    pickle.resize(8 << 20, b']');
    pickle.push(b'.');
    pickle
}

#[test]
fn limits_are_kept_and_are_no_verdict_of_safe() {
    let room = Room::new();
    room.write("large", &large());
    for limit in [["--max-memory", "4M"], ["--timeout", "1ms"]] {
        let start = Instant::now();
        let (json, code) = room.json(&["large", limit[0], limit[1]]);
        assert!(start.elapsed() < Duration::from_secs(20), "{limit:?}");
        assert_eq!(
            code,
            if json["files"][0]["verdict"] == "unverified" { 2 } else { 1 },
            "{limit:?}: {json}"
        );
        let ids: Vec<&Json> =
            json["files"][0]["findings"].as_array().unwrap().iter().map(|finding| &finding["id"]).collect();
        assert!(ids.iter().any(|id| *id == "SR-FILE-LIMIT"), "{limit:?}: {ids:?}");
        let expected = if limit[0] == "--timeout" { "`deadline` of 1ms" } else { "4194304 bytes" };
        assert!(json.to_string().contains(expected), "{json}");
    }
}

/// What is hidden before a bomb is found, although the bomb ends the sandbox.
#[test]
fn a_bomb_hides_nothing_that_comes_before_it() {
    let room = Room::new();
    room.write("model", &[&b"cos\nsystem\n(S'echo owned'\ntR0"[..], &large()[2..]].concat());
    let (json, code) = room.json(&["model", "--max-memory", "64M"]);
    let ids: Vec<&str> = json["files"][0]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["id"].as_str().unwrap())
        .collect();
    assert!(ids.contains(&"SR-PICKLE-CALL") && ids.contains(&"SR-FILE-LIMIT"), "{ids:?}");
    assert_eq!((json["files"][0]["verdict"].as_str(), code), (Some("unsafe"), 1));
}

#[test]
fn a_sandbox_that_cannot_even_start_is_no_verdict_of_safe() {
    let room = Room::new();
    room.write("harmless", HARMLESS);
    let (json, code) = room.json(&["harmless", "--max-memory", "1"]);
    assert_eq!((json["files"][0]["findings"][0]["id"].as_str(), code), (Some("SR-FILE-LIMIT"), 2), "{json}");
}

#[test]
fn what_is_allowed_by_name_is_allowed() {
    let room = Room::new();
    room.write("model", b"cmylib\nConfig\n)R.");
    assert_eq!(room.json(&["model"]).1, 1);
    assert_eq!(room.json(&["model", "--allow", "mylib.Config"]).1, 0);
    let other = room.run(&["model", "--allow", "mylib.Other"]);
    assert_eq!(other.status.code(), Some(1));
    assert_eq!(text(&other.stderr), "note: --allow mylib.Other: no file that was judged needs it\n");
    for wrong in [&["--allow", "Config"][..], &["--allow", "mylib.*"]] {
        let output = room.run(&[&["model"], wrong].concat());
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(64), ""), "{wrong:?}");
    }
    room.write("ordered", b"\x80\x02ccollections\nOrderedDict\n)R.");
    assert_eq!(room.json(&["ordered"]).1, 0);
}

#[test]
fn a_set_of_files_is_held_against_its_record() {
    let room = Room::new();
    let save = |name: &str| {
        let path = room.path(name);
        let output = room
            .command(&["save", good_named("full_checkpoint").file.to_str().unwrap(), path.to_str().unwrap()])
            .args(["--ranks", "2"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        path
    };
    let path = save("run");
    let set = |deep: bool| {
        let options = ValidateOptions { deep, ..ValidateOptions::default() };
        let report = validate_set_in(Engine::shared().unwrap(), &Local, &path, &options).unwrap().unwrap();
        let ids: Vec<String> = report.findings.into_iter().map(|f| format!("{} {}", f.id, f.part)).collect();
        (report.verdict, ids)
    };
    assert_eq!(set(true), (Verdict::Safe, vec![]));
    let (json, code) = room.json(&["run", "--deep"]);
    let expected = [
        ("run", "safe"),
        ("run/checkpoint_0.pt", "safe"),
        ("run/checkpoint_1.pt", "safe"),
        ("run/outline.pkl", "safe"),
    ];
    assert_eq!((&verdicts(&json)[..], code), (&expected[..], 0), "{json}");

    fs::write(path.join("more.pt"), HARMLESS).unwrap();
    assert_eq!(set(false), (Verdict::Safe, vec!["SR-DIRECTORY-EXTRA more.pt".into()]));
    fs::remove_file(path.join("more.pt")).unwrap();

    let whole = fs::read(path.join("checkpoint_1.pt")).unwrap();
    fs::write(path.join("checkpoint_1.pt"), &whole[1..]).unwrap();
    assert_eq!(set(false), (Verdict::Malformed, vec!["SR-DIRECTORY-CHANGED checkpoint_1.pt".into()]));

    // Of the same length, and whole by itself: only its checksums tell.
    let (zeros, ones) = ([0.0f32; 8], [1.0f32; 8]);
    let save_one = |name: &str, values: &[f32; 8]| {
        let mut state = StateDict::new();
        state.insert("weight", Tensor::from_slice(values, &[8]).unwrap());
        strongroom::save(room.path(name), &state).unwrap();
    };
    save_one("zeros/model.pt", &zeros);
    save_one("ones/model.pt", &ones);
    let output = room.command(&["save", "zeros/model.pt", "one", "--ranks", "1"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let output = room.command(&["save", "ones/model.pt", "other", "--ranks", "1"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    fs::copy(room.path("other/checkpoint_0.pt"), room.path("one/checkpoint_0.pt")).unwrap();
    let ids = |json: &Json| {
        json["files"][0]["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| f["id"].to_string())
            .collect::<Vec<_>>()
    };
    let (json, code) = room.json(&["one"]);
    assert_eq!((ids(&json), code), (vec![], 0));
    let (json, code) = room.json(&["one", "--deep"]);
    assert_eq!((ids(&json), code), (vec!["\"SR-DIRECTORY-CHANGED\"".into()], 1));

    fs::remove_file(path.join("checkpoint_1.pt")).unwrap();
    assert_eq!(set(false), (Verdict::Malformed, vec!["SR-DIRECTORY-MISSING checkpoint_1.pt".into()]));

    // What is called a record is judged by its content as well.
    fs::write(path.join("strongroom.json"), EVIL).unwrap();
    let (verdict, ids) = set(false);
    assert_eq!((verdict, ids[0].as_str()), (Verdict::Unsafe, "SR-DIRECTORY-RECORD strongroom.json"));
}

#[test]
fn damaged_payloads_are_found_where_they_are() {
    let room = Room::new();
    let mut state = StateDict::new();
    state.insert("weight", Tensor::from_slice(&[0x4b42_4b42u32; 64], &[64]).unwrap());
    strongroom::save(room.path("model.pt"), &state).unwrap();
    let mut bytes = fs::read(room.path("model.pt")).unwrap();
    let at = bytes.windows(8).position(|window| window == b"BKBKBKBK").unwrap();
    bytes[at] ^= 1;
    fs::write(room.path("model.pt"), bytes).unwrap();
    assert_eq!(room.json(&["model.pt"]).1, 0, "nobody looked");
    let (json, code) = room.json(&["model.pt", "--deep"]);
    let found = &json["files"][0]["findings"][0];
    assert_eq!(
        (found["id"].as_str(), found["part"].as_str()),
        (Some("SR-ZIP-CRC"), Some("model/data/0")),
        "{json}"
    );
    assert_eq!((found["offset"].as_u64(), code), (Some(at as u64), 1), "{json}");
}

#[test]
fn nan_and_infinite_values_are_counted_by_tensor() {
    let room = Room::new();
    let numbers: Vec<f32> = (0..60u8).map(|n| if n % 7 == 0 { f32::NAN } else { f32::from(n) }).collect();
    let mut numbers = numbers;
    numbers[59] = f32::NEG_INFINITY;
    let storage = Storage::new(numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>());
    let view = |offset, shape: &[u64], stride: &[u64]| {
        Tensor::view(storage.clone(), DType::Float32, offset, shape, stride).unwrap()
    };
    let mut state = StateDict::new();
    state.insert("all", view(0, &[60], &[1]));
    state.insert("transposed", view(0, &[6, 10], &[1, 6]));
    state.insert("tied", view(0, &[60], &[1]));
    state.insert("none", view(1, &[6], &[1]));
    state.insert("end", view(50, &[10], &[1]));
    state.insert("every_seventh", view(0, &[9], &[7]));
    state.insert("others", view(1, &[8], &[7]));
    state.insert("window", view(0, &[3, 8], &[1, 1]));
    state.insert("expanded", view(7, &[5, 1], &[0, 1]));
    state.insert("finite", Tensor::from_vec(vec![1.0f64; 1000], &[1000]).unwrap());
    state.insert("integers", Tensor::from_vec(vec![-1i64; 1000], &[1000]).unwrap());
    strongroom::save(room.path("model.pt"), &state).unwrap();
    let (json, code) = room.json(&["model.pt", "--deep"]);
    let tensors: Vec<(&str, u64, u64)> = json["files"][0]["tensors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| (t["path"].as_str().unwrap(), t["nan"].as_u64().unwrap(), t["inf"].as_u64().unwrap()))
        .collect();
    let expected = [
        ("all", 9, 1),
        ("transposed", 9, 1),
        ("tied", 9, 1),
        ("end", 1, 1),
        ("every_seventh", 9, 0),
        // 0..8, 1..9 and 2..10: the first has two, the others one.
        ("window", 4, 0),
        ("expanded", 5, 0),
    ];
    assert_eq!((tensors, code), (expected.to_vec(), 0));
    let notes = json["files"][0]["findings"].as_array().unwrap();
    assert_eq!(notes.iter().filter(|finding| finding["id"] == "SR-TENSOR-NAN").count(), 7);
}

#[test]
fn a_storage_of_many_blocks_is_counted_to_its_last_number() {
    let room = Room::new();
    let mut numbers = vec![0.5f32; (20 << 20) / 4 + 3];
    let places = [0, (1 << 18) - 1, 1 << 18, (1 << 21) - 1, 1 << 21, numbers.len() - 1];
    places.iter().for_each(|&at| numbers[at] = f32::NAN);
    let length = numbers.len() as u64;
    let mut state = StateDict::new();
    state.insert("weight", Tensor::from_vec(numbers, &[length]).unwrap());
    for name in ["model.pt", "model.safetensors"] {
        let options = WriteOptions::for_path(Path::new(name)).unwrap();
        strongroom::save_with(Engine::shared().unwrap(), &Local, &room.path(name), &state, &options).unwrap();
        let options = ValidateOptions { deep: true, ..ValidateOptions::default() };
        let report = validate_in(Engine::shared().unwrap(), &Local, &room.path(name), &options).unwrap();
        let deep = report.deep.unwrap();
        assert_eq!((deep.tensors[0].nan, deep.tensors[0].inf), (6, 0), "{name}");
    }
}

#[test]
fn booleans_that_are_none_are_told() {
    let room = Room::new();
    let mut state = StateDict::new();
    state.insert("mask", Tensor::new(Storage::new(vec![1u8, 0, 1, 1]), DType::Boolean, &[4]).unwrap());
    strongroom::save(room.path("model.pt"), &state).unwrap();
    let options = WriteOptions::for_path(Path::new("model.safetensors")).unwrap();
    let path = room.path("model.safetensors");
    strongroom::save_with(Engine::shared().unwrap(), &Local, &path, &state, &options).unwrap();
    let (json, code) = room.json(&["model.pt", "model.safetensors", "--deep"]);
    assert_eq!((verdicts(&json).iter().all(|(_, verdict)| *verdict == "safe"), code), (true, 0));
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] = 2;
    fs::write(&path, &bytes).unwrap();
    assert_eq!(room.json(&["model.safetensors"]).1, 0);
    let (json, code) = room.json(&["model.safetensors", "--deep"]);
    let finding = &json["files"][0]["findings"][0];
    assert_eq!((finding["id"].as_str(), code), (Some("SR-TENSOR-BOOLEAN"), 1));
    assert_eq!(finding["message"], "mask has 1 bytes of 4 that are neither 0 nor 1");
}

/// A later version of this program wrote it: nothing is wrong with it, and nothing is known.
#[test]
fn a_record_of_a_newer_version_is_not_damaged() {
    let room = Room::new();
    let mut state = StateDict::new();
    state.insert("weight", Tensor::from_slice(&[1.0f32; 4], &[4]).unwrap());
    strongroom::save(room.path("good.pt"), &state).unwrap();
    for step in ["run/step-1", "run/step-2"] {
        let output = room.command(&["save", "good.pt", step]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let head = "{\n  \"version\": 3";
    let record =
        format!("{head},\n  \"head_crc32\": {},\n  \"new\": 1\n}}\n", crc32fast::hash(head.as_bytes()));
    fs::write(room.path("run/step-2/strongroom.json"), record).unwrap();
    let (json, code) = room.json(&["run/step-2"]);
    let directory = &json["files"][0];
    assert_eq!((directory["verdict"].as_str(), code), (Some("unverified"), 2), "{json}");
    assert_eq!(directory["findings"][0]["id"], "SR-DIRECTORY-NEWER");
    for (command, answer) in [("latest", "run/step-1\n"), ("list", "run/step-1")] {
        let output = room.command(&[command, "run"]).output().unwrap();
        assert!(output.status.success() && text(&output.stdout).contains(answer), "{command}");
        assert!(text(&output.stderr).contains("version 3 is newer"), "{command}: {}", text(&output.stderr));
    }
}

fn verdicts(json: &Json) -> Vec<(&str, &str)> {
    let files = json["files"].as_array().unwrap().iter();
    files.map(|file| (file["path"].as_str().unwrap(), file["verdict"].as_str().unwrap())).collect()
}

struct Room {
    directory: TempDir,
}

impl Room {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn pipe(&self, name: &str) {
        assert!(Command::new("mkfifo").arg(self.path(name)).status().unwrap().success());
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
        command.args(arguments).current_dir(self.directory.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(&["validate"]).args(arguments).output().unwrap()
    }

    fn json(&self, arguments: &[&str]) -> (Json, i32) {
        let output = self.run(&[arguments, &["--format", "json"]].concat());
        // How many files were left out is a note.
        let said = text(&output.stderr);
        assert!(said.lines().all(|line| line.contains(" left out by ")), "{said}");
        (serde_json::from_slice(&output.stdout).unwrap(), output.status.code().unwrap())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
