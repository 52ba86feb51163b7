//! The command as its users see it: what it prints, what it leaves on disk, and
//! how it ends.
//!
//! Transcripts are in `tests/data/cli`; `BLESS=1 cargo test --test cli` writes
//! them anew.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;
use strongroom::{StateDict, Tensor, Value};
use tempfile::TempDir;

/// Each is a transcript: a name, and a command line in a directory of fixtures.
const TRANSCRIPTS: &[(&str, &str)] = &[
    ("help", "--help"),
    ("help-short", "-h"),
    ("help-inspect", "inspect --help"),
    ("help-convert", "convert --help"),
    ("help-verify", "verify --help"),
    ("help-validate", "validate --help"),
    ("help-save", "save --help"),
    ("help-load", "load --help"),
    ("help-latest", "latest --help"),
    ("help-list", "list --help"),
    ("help-prune", "prune --help"),
    ("help-completions", "completions --help"),
    ("help-man", "man --help"),
    ("inspect-full", "inspect full_checkpoint.pt"),
    ("inspect-quantized", "inspect quantized.pt"),
    ("inspect-quantized-json", "inspect quantized.pt --json"),
    ("inspect-sparse", "inspect sparse_coo.pt"),
    ("inspect-sparse-json", "inspect sparse_coo.pt --json --filter hybrid*"),
    ("inspect-parameters", "inspect parameters.pt"),
    ("inspect-parameters-json", "inspect parameters.pt --json"),
    ("inspect-meta-json", "inspect meta.pt --json"),
    ("inspect-views", "inspect conj_neg.pt"),
    ("inspect-strides", "inspect noncontiguous.pt"),
    ("inspect-opaque", "inspect opaque_namespace.pt"),
    ("inspect-opaque-json", "inspect opaque_namespace.pt --json"),
    ("inspect-subclass", "inspect subclass.pt"),
    ("inspect-odd-places", "inspect odd_places.pt"),
    ("inspect-odd-places-json", "inspect odd_places.pt --json --filter *[[][#]*"),
    ("inspect-names-alike", "inspect names_alike.pt"),
    ("inspect-wrappers", "inspect wrappers.pt --filter *[!]]"),
    ("inspect-root", "inspect root_none.pt"),
    ("inspect-legacy", "inspect legacy_full_checkpoint.pt --filter {model,optimizer.param_groups[[]0]}*"),
    ("inspect-safetensors", "inspect st_metadata.safetensors"),
    ("inspect-safetensors-json", "inspect st_metadata.safetensors --json"),
    ("inspect-filter-nothing", "inspect full_checkpoint.pt --filter nothing"),
    ("inspect-directory", "inspect run/step-100 --filter model*"),
    ("inspect-directory-json", "inspect run/step-100 --filter model* --json"),
    ("inspect-control-characters", "inspect escapes.safetensors"),
    ("verify", "verify full_checkpoint.pt"),
    ("verify-without-checksums", "verify st_metadata.safetensors"),
    ("verify-directory", "verify run/step-100"),
    ("validate", "validate full_checkpoint.pt"),
    (
        "validate-many",
        "validate full_checkpoint.pt evil.pkl st_metadata.safetensors damaged.pt truncated.pt note.txt",
    ),
    ("validate-verbose", "validate evil.pkl note.txt --verbose"),
    ("validate-json", "validate full_checkpoint.pt evil.pkl note.txt --format json"),
    ("validate-deep", "validate damaged.pt nan.pt --deep --verbose"),
    ("validate-deep-json", "validate nan.pt --deep --format json"),
    ("validate-directory", "validate run"),
    ("validate-missing", "validate nothing.pt"),
    ("validate-control-characters", "validate escapes-malformed.safetensors"),
    ("error-validate-allow", "validate evil.pkl --allow system"),
    ("error-validate-policy", "validate evil.pkl --policy tensors-only --allow os.system"),
    ("error-validate-size", "validate evil.pkl --max-memory lots"),
    ("error-validate-nothing", "validate run --include *.zip"),
    ("latest", "latest run"),
    ("convert-leaves-out", "convert full_checkpoint.pt out.safetensors --tensors-only"),
    ("convert-loses-metadata", "convert st_metadata.safetensors out.pt"),
    ("help-command", "help latest"),
    ("help-unknown", "help bake"),
    ("inspect-several", "inspect quantized.pt nothing.pt root_none.pt"),
    ("inspect-several-json", "inspect root_none.pt note.txt --json"),
    ("inspect-uncommitted", "inspect ranks --uncommitted"),
    ("verify-several", "verify root_none.pt damaged.pt nothing.pt note.txt"),
    ("verify-several-json", "verify full_checkpoint.pt truncated.pt --json"),
    ("verify-json", "verify full_checkpoint.pt --json"),
    ("verify-uncommitted", "verify ranks --uncommitted"),
    ("convert-json", "convert parameters_with_attributes.pt out.safetensors --tensors-only --json"),
    ("convert-to", "convert st_metadata.safetensors out --to torch --json"),
    ("convert-objects", "convert opaque_nested.pt out.safetensors --tensors-only"),
    ("load-json", "load run/step-100 out.pt --json"),
    ("load-uncommitted", "load ranks out.safetensors --uncommitted --rank 1 --json"),
    ("save-json", "save full_checkpoint.pt run/step-200 --ranks 3 --json"),
    ("prune-json", "prune run --keep-last 1 --dry-run --json"),
    ("error-tensors-only-nothing", "convert root_list.pt out.safetensors --tensors-only"),
    ("error-tensors-only-no-hint", "convert root_none.pt out.safetensors"),
    ("error-attributes", "convert parameters_with_attributes.pt out.safetensors"),
    ("error-limit-memory", "inspect full_checkpoint.pt --max-memory 1M"),
    ("error-limit-name", "inspect full_checkpoint.pt --limit bread=2"),
    ("limit-raised", "verify pickle_deep.pt --limit depth=100000"),
    ("error-ranks-files", "inspect ranks"),
    ("error-ranks-convert", "convert ranks out.pt"),
    ("error-load-uncommitted", "load ranks out.pt --uncommitted"),
    ("error-dcp", "verify dcp"),
    ("error-dcp-load", "load dcp out.pt"),
    ("error-unpacked", "inspect unpacked"),
    ("error-sharded", "inspect sharded"),
    ("error-checkpoints", "inspect run"),
    ("error-staged", "inspect run/step-300"),
    ("error-partial-download", "inspect model.safetensors.incomplete"),
    ("error-missing", "inspect nothing.pt"),
    ("error-glob", "inspect full_checkpoint.pt --filter [a"),
    ("error-damaged", "verify damaged.pt"),
    ("error-truncated", "verify truncated.pt"),
    ("error-malformed", "inspect malformed.safetensors"),
    ("error-limit", "inspect pickle_deep.pt"),
    ("error-control-characters", "inspect escapes-malformed.safetensors"),
    ("error-extension", "convert full_checkpoint.pt out.zip"),
    ("error-unrepresentable", "convert full_checkpoint.pt out.safetensors"),
    ("error-metadata", "convert full_checkpoint.pt out.safetensors --metadata key"),
    ("error-metadata-torch", "convert full_checkpoint.pt out.pt --metadata key=value"),
    ("error-tensors-only-torch", "convert full_checkpoint.pt out.pt --tensors-only"),
    ("error-convert-directory", "convert run/step-100 out.pt"),
    ("error-load-file", "load full_checkpoint.pt out.pt"),
    ("error-load-missing", "load nothing out.pt"),
    ("error-load-rank", "load run/step-100 out.pt --rank 2"),
    ("error-no-record", "load run/interrupted out.pt"),
    ("error-exists", "save full_checkpoint.pt run/step-100 --ranks 2"),
    ("error-ranks", "save full_checkpoint.pt run/step-200 --ranks 0"),
    ("error-no-latest", "latest run/step-100"),
    ("error-man", "man bake"),
    ("prune-nothing", "prune run"),
    ("error-rank", "save full_checkpoint.pt run/step-200 --rank 2 --world-size 2"),
    ("error-no-barrier", "save full_checkpoint.pt run/step-200 --rank 0 --world-size 2"),
    ("error-barrier", "save full_checkpoint.pt run/step-200 --barrier tcp://host:1"),
    ("error-barrier-local", "save full_checkpoint.pt run/step-200 --rank 0 --world-size 2 --barrier local"),
    ("error-hook", "save full_checkpoint.pt run/step-200 --hook full_checkpoint.pt"),
    ("prune", "prune run --keep-last 1"),
];

#[test]
fn transcripts() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    for (name, line) in TRANSCRIPTS {
        // Making a checkpoint directory takes long: it is synced to the disk.
        let room = if line.contains("run") { Room::with_run() } else { Room::new() };
        let found = transcript(line, &room.run(line));
        let path = data("cli").join(name).with_extension("txt");
        if bless {
            fs::create_dir_all(data("cli")).unwrap();
            fs::write(&path, &found).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{name}: expected\n{expected}\nfound\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{}\nBLESS=1 accepts what was found", wrong.join("\n"));
}

#[test]
fn every_transcript_belongs_to_a_case() {
    for file in fs::read_dir(data("cli")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(TRANSCRIPTS.iter().any(|(case, _)| *case == name), "nothing writes {}", path.display());
    }
}

/// Damage that is written again would have the right checksum from then on.
#[test]
fn damage_is_not_passed_on() {
    let room = Room::with_run();
    let path = room.path("run/step-100/checkpoint_0.pt");
    let mut bytes = fs::read(&path).unwrap();
    let file = strongroom::File::open(&path).unwrap().load().unwrap();
    let payload = file.tensor("rng.torch").unwrap().bytes().unwrap().into_owned();
    let at = bytes.windows(payload.len()).position(|window| window == payload).unwrap();
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    for line in [
        "verify run/step-100",
        "load run/step-100 out.pt",
        "load run/step-100 out.pt --rank 0",
        "convert run/step-100/checkpoint_0.pt out.pt",
        "save run/step-100/checkpoint_0.pt run/step-200 --ranks 2",
    ] {
        let output = room.run(line);
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(text(&output.stderr).contains("have checksum"), "{line}: {}", text(&output.stderr));
    }
}

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
fn a_checkpoint_is_shared_over_ranks_and_brought_together_byte_for_byte() {
    let room = Room::with_run();
    let before = fs::read(room.path("full_checkpoint.pt")).unwrap();
    assert!(room.run("save full_checkpoint.pt run/step-100 --ranks 3 --overwrite").status.success());
    assert!(room.path("run/step-100/checkpoint_2.pt").exists());
    assert!(room.run("verify run/step-100").status.success());
    assert!(room.run("load run/step-100 model.pt").status.success());
    assert!(fs::read(room.path("model.pt")).unwrap() == before);
}

#[test]
fn the_newest_committed_checkpoint_is_the_latest() {
    let room = Room::with_run();
    assert!(room.run("save quantized.pt run/a-later-one --ranks 1").status.success());
    assert_eq!(text(&room.run("latest run").stdout), "run/a-later-one\n");
    fs::remove_file(room.path("run/a-later-one/strongroom.json")).unwrap();
    assert_eq!(text(&room.run("latest run").stdout), "run/step-100\n");
    // One that is damaged may be the newest: that is not left unsaid.
    fs::write(room.path("run/a-later-one/strongroom.json"), "{").unwrap();
    for line in ["latest run", "list run", "prune run --keep-last 1", "prune run --keep-last 1 --dry-run"] {
        let output = room.run(line);
        let said = "note: passed over: run/a-later-one/strongroom.json: the commit record is damaged";
        assert!(output.status.success() && text(&output.stderr).starts_with(said), "{line}: {output:?}");
    }
    // Nor is one that has lost a file.
    assert!(room.run("save quantized.pt run/the-last-one --ranks 2").status.success());
    fs::remove_file(room.path("run/the-last-one/checkpoint_1.pt")).unwrap();
    let said = "note: passed over: run/the-last-one: checkpoint_1.pt is missing";
    assert!(text(&room.run("latest run").stderr).contains(said));
    assert_eq!(text(&room.run("latest run").stdout), "run/step-100\n");
}

#[test]
fn a_save_says_what_it_removes_and_what_it_does_not() {
    let room = Room::new();
    for (name, options) in
        [("decoder-1", ""), ("encoder-1", ""), ("encoder-2", ""), ("encoder-3", " --keep-last 9")]
    {
        let output = room.run(&format!("save quantized.pt run/{name}{options}"));
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    }
    fs::write(room.path("run/encoder-2/config.json"), "{}").unwrap();
    let saves = [
        ("encoder-4", "", "encoder-1"),
        ("encoder-5", " --async", "encoder-3"),
        ("encoder-6", " --process", "encoder-4"),
    ];
    for (name, how, gone) in saves {
        let output = room.run(&format!("save quantized.pt run/{name} --keep-last 2{how}"));
        let said = format!(
            "note: removed run/{gone}\nnote: run/encoder-2: it is not deleted, as what is not of the checkpoint is in \
             it: `config.json`\n"
        );
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), said), "{how}");
    }
    assert!(room.run("save quantized.pt run/other-1 --keep-last 1 --keep-in *oder-?").status.success());
    let names = text(&room.run("list run").stdout).matches("coder-").count();
    assert_eq!(names, 2, "encoder-6, and encoder-2 with its file");
    for line in ["list missing", "prune missing --keep-last 1", "prune missing"] {
        assert!(room.run(line).status.success(), "{line}");
    }
    assert_eq!(room.run("latest missing").status.code(), Some(1));
}

#[test]
fn a_file_of_another_save_is_not_part_of_the_checkpoint() {
    let room = Room::with_run();
    fs::copy(room.path("quantized.pt"), room.path("run/step-100/checkpoint_1.pt")).unwrap();
    let output = room.run("verify run/step-100");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).starts_with("error: run/step-100/checkpoint_1.pt: "));
}

#[test]
fn what_fails_leaves_everything_as_it_was() {
    let room = Room::with_run();
    fs::write(room.path("out.safetensors"), "precious").unwrap();
    let names = || {
        let mut names: Vec<_> =
            fs::read_dir(room.path("")).unwrap().map(|file| file.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    for line in [
        "convert full_checkpoint.pt out.safetensors",
        "convert damaged.pt out.safetensors",
        "convert damaged.pt out.pt",
        "save damaged.pt new --ranks 2",
        "convert truncated.pt out.safetensors",
        "save truncated.pt new --ranks 2",
        "save full_checkpoint.pt run --ranks 2",
    ] {
        assert!(!room.run(line).status.success(), "{line}");
        assert_eq!(names(), before, "{line}");
    }
    assert_eq!(fs::read(room.path("out.safetensors")).unwrap(), b"precious");
}

#[test]
fn all_values_and_all_that_was_left_out_are_listed_on_request() {
    let room = Room::new();
    let output = text(&room.run("inspect full_checkpoint.pt --all").stdout);
    assert!(output.contains("rng.python[1][624]") && !output.contains("more"));
    let notes = text(&room.run("convert full_checkpoint.pt out.safetensors --tensors-only --verbose").stderr);
    assert!(notes.contains("rng.python[1][624]") && !notes.contains("more"));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let room = Room::new();
    // More than a pipe holds, so that the writing has to stop.
    let values = (0..20_000).map(|index| (format!("value.{index}"), index));
    strongroom::save(room.path("many.pt"), &StateDict::from_value(Value::dict(values))).unwrap();
    for arguments in [&["inspect", "many.pt"][..], &["inspect", "many.pt", "--json"]] {
        let mut child =
            room.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty());
        // The reader is gone now.
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert_eq!((child.wait().unwrap().code(), errors.as_str()), (Some(0), ""));
    }
}

/// Each command that answers, and what it says of what is well.
const ANSWERS: &[&str] = &[
    "--help",
    "--version",
    "help verify",
    "inspect quantized.pt",
    "inspect quantized.pt --json",
    "verify quantized.pt",
    "validate quantized.pt",
    "validate quantized.pt --json",
    "convert quantized.pt again.pt --json",
    "save quantized.pt run/step-200 --json",
    "load run/step-100 out.pt --json",
    "latest run",
    "list run",
    "prune run --keep-last 1 --dry-run --json",
    "completions bash",
    "man",
];

#[test]
#[cfg(target_os = "linux")]
fn output_that_cannot_be_written_is_an_error() {
    for line in ANSWERS {
        let room = Room::with_run();
        let full = || fs::File::options().write(true).open("/dev/full").unwrap();
        let arguments: Vec<&str> = line.split(' ').collect();
        let output = room.command(&arguments).stdout(full()).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{line}: {output:?}");
        assert!(text(&output.stderr).starts_with("error: cannot write to standard output: "), "{line}");
        // Closed from the start: what opens next must not be taken for it.
        let closed = format!("exec {} {line} >&-", env!("CARGO_BIN_EXE_strongroom"));
        let again = closed.replace("step-200", "step-201");
        let mut shell = Command::new("sh");
        let output = shell.args(["-c", &again]).current_dir(room.path("")).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{line}: {output:?}");
        assert!(text(&output.stderr).starts_with("error: cannot write to standard output: "), "{line}");
    }
}

/// A reader that has gone keeps no command from its work, nor its exit code from being
/// what it is.
#[test]
fn a_closed_pipe_never_improves_an_exit_code() {
    let gone = |room: &Room, line: &str| {
        let arguments: Vec<&str> = line.split(' ').collect();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        room.command(&arguments).stdout(writer).output().unwrap().status.code()
    };
    let room = Room::with_run();
    let bad = [
        ("validate evil.pkl", 1),
        ("validate full_checkpoint.pt note.txt quantized.pt", 2),
        ("validate full_checkpoint.pt evil.pkl quantized.pt", 1),
        ("validate full_checkpoint.pt evil.pkl --format sarif", 1),
        ("validate run evil.pkl --json", 1),
        ("verify full_checkpoint.pt damaged.pt quantized.pt", 1),
        ("verify full_checkpoint.pt nothing.pt --json", 3),
        ("inspect full_checkpoint.pt pickle_deep.pt", 4),
        ("inspect full_checkpoint.pt --filter nothing --all", 1),
        ("latest run/step-100", 1),
        ("convert root_list.pt out.safetensors --tensors-only --json", 1),
        ("load run/step-100 out.pt --rank 7 --json", 2),
        ("save truncated.pt run/step-200 --json", 1),
    ];
    for (line, code) in bad {
        assert_eq!(room.run(line).status.code(), Some(code), "{line}");
        assert_eq!(gone(&room, line), Some(code), "{line} | true");
    }
    for line in ANSWERS {
        assert_eq!(gone(&room, line), Some(0), "{line} | true");
    }
    // What was to be done is done.
    assert!(room.path("run/step-200/strongroom.json").exists() && room.path("out.pt").exists());
}

#[test]
fn each_exit_code_is_what_the_help_says() {
    let room = Room::with_run();
    let codes = [
        ("inspect quantized.pt", 0),
        ("verify damaged.pt", 1),
        ("inspect run/interrupted", 1),
        ("inspect note.txt", 1),
        ("inspect quantized.pt --filter nothing", 1),
        ("convert root_none.pt out.safetensors", 1),
        ("latest run/step-100", 1),
        ("bake", 2),
        ("convert quantized.pt out.zip", 2),
        ("load run/step-100 out.pt --rank 9", 2),
        ("inspect nothing.pt", 3),
        ("convert quantized.pt quantized.pt/out.pt", 3),
        ("inspect pickle_deep.pt", 4),
        ("inspect quantized.pt --max-memory 1M", 4),
        (
            "save quantized.pt run/step-9 --rank 0 --world-size 2 --barrier tcp-store://127.0.0.1:1 --barrier-timeout 0.3",
            5,
        ),
        // The highest of several.
        ("verify quantized.pt damaged.pt nothing.pt", 3),
        ("inspect nothing.pt pickle_deep.pt note.txt", 4),
    ];
    for (line, code) in codes {
        let output = room.run(line);
        assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
    }
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

/// A directory with fixtures in it, of good files and of what can happen to them.
struct Room {
    directory: TempDir,
}

impl Room {
    fn new() -> Self {
        let room = Self { directory: tempfile::tempdir().unwrap() };
        for (case, file) in good() {
            let extension = file.extension().unwrap();
            fs::copy(&file, room.path(&case).with_extension(extension)).unwrap();
        }
        fs::copy(data("bad/pickle_deep/model.pt"), room.path("pickle_deep.pt")).unwrap();
        room.make_damaged();
        room.make_directories();
        room.make_dangerous();
        room.make_escapes();
        room
    }

    /// The same with a directory of checkpoints: a whole one, and one that never was committed.
    fn with_run() -> Self {
        let room = Self::new();
        assert!(room.run("save full_checkpoint.pt run/step-100 --ranks 2").status.success());
        fs::create_dir_all(room.path("run/interrupted")).unwrap();
        fs::create_dir_all(room.path("run/.step-300.00000000000004a1.strongroom-staging")).unwrap();
        room
    }

    fn make_damaged(&self) {
        let whole = fs::read(self.path("full_checkpoint.pt")).unwrap();
        fs::write(self.path("truncated.pt"), &whole[..whole.len() / 2]).unwrap();
        let payload = self.path("damaged.pt");
        let mut state = StateDict::new();
        state.insert("weight", Tensor::from_slice(&[0x4b42_4b42u32; 64], &[64]).unwrap());
        strongroom::save(&payload, &state).unwrap();
        let mut bytes = fs::read(&payload).unwrap();
        let at = bytes.windows(8).position(|window| window == b"BKBKBKBK").unwrap();
        bytes[at] ^= 1;
        fs::write(&payload, bytes).unwrap();
        let header = br#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#;
        fs::write(self.path("malformed.safetensors"), safetensors(header, 4)).unwrap();
    }

    /// Directories that are no committed checkpoint.
    fn make_directories(&self) {
        let files: [(&str, &[&str]); 4] = [
            ("ranks", &["checkpoint_0.pt", "checkpoint_1.pt"]),
            ("dcp", &[".metadata", "__0_0.distcp"]),
            ("unpacked", &["data.pkl", "version", "byteorder"]),
            ("sharded", &["config.json", "model.safetensors.index.json", "model-00001-of-00001.safetensors"]),
        ];
        for (directory, names) in files {
            fs::create_dir(self.path(directory)).unwrap();
            for name in names {
                fs::copy(self.path("zero_size.pt"), self.path(directory).join(name)).unwrap();
            }
        }
        let whole = fs::read(self.path("st_metadata.safetensors")).unwrap();
        fs::write(self.path("model.safetensors.incomplete"), &whole[..whole.len() - 4]).unwrap();
    }

    /// What a validator has something to say about.
    fn make_dangerous(&self) {
        fs::write(self.path("evil.pkl"), b"cos\nsystem\n(S'echo owned'\ntR.").unwrap();
        fs::write(self.path("note.txt"), "Dear reader,\n").unwrap();
        let mut state = StateDict::new();
        let numbers = vec![f32::NAN, 1.0, f32::INFINITY, f32::NAN];
        state.insert("weight", Tensor::from_vec(numbers, &[4]).unwrap());
        strongroom::save(self.path("nan.pt"), &state).unwrap();
    }

    /// Names that would clear the screen and hide what follows.
    fn make_escapes(&self) {
        let name = "\u{1b}[2J\u{202e}weight\n";
        let mut state = StateDict::new();
        state.insert(name, Tensor::from_slice(&[1.0f32], &[1]).unwrap());
        strongroom::save(self.path("escapes.safetensors"), &state).unwrap();
        let header = br#"{"\u001b[2J":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#;
        fs::write(self.path("escapes-malformed.safetensors"), safetensors(header, 4)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
        // Help is wrapped to the terminal; here it is always 100 wide.
        command.args(arguments).current_dir(self.directory.path()).env_remove("COLUMNS").stdin(Stdio::null());
        command
    }

    fn run(&self, line: &str) -> Output {
        let arguments: Vec<&str> = line.split(' ').collect();
        self.command(&arguments).output().unwrap()
    }

    fn run_on(&self, arguments: &[&str], file: &Path) -> Output {
        self.command(arguments).arg(file).output().unwrap()
    }
}

fn transcript(line: &str, output: &Output) -> String {
    let mut transcript = format!("$ strongroom {line}\n{}", text(&output.stdout));
    if !output.stderr.is_empty() {
        transcript.push_str(&format!("[stderr]\n{}", text(&output.stderr)));
    }
    transcript.push_str(&format!("[exit code {}]\n", output.status.code().unwrap()));
    transcript
}

fn safetensors(header: &[u8], payload: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header);
    bytes.resize(bytes.len() + payload, 0);
    bytes
}

fn good() -> Vec<(String, PathBuf)> {
    files("good")
}

/// The name and the checkpoint file of each case in a folder of `tests/data`.
fn files(kind: &str) -> Vec<(String, PathBuf)> {
    let mut files: Vec<_> = fs::read_dir(data(kind))
        .unwrap()
        .filter_map(|case| {
            let case = case.unwrap();
            let file = ["model.pt", "model.safetensors"].map(|name| case.path().join(name));
            let file = file.into_iter().find(|file| file.exists())?;
            Some((case.file_name().into_string().unwrap(), file))
        })
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
